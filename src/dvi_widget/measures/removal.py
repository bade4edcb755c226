"""Removal curves: how fast a classifier loses a class when the pixels that a map points at are removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

if TYPE_CHECKING:
    import plotly.graph_objects

_BATCH = 2048  # pictures that the classifier is asked about at a time
_FILLS = ("zero", "inverted")

Predict = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class RemovalCurves:
    """Probabilities of the true class while pixels are removed, averaged over pictures.

    Attributes
    ----------
    curves : DataFrame with the columns map, fill, removed (pixels, from 0) and probability.
    scores : DataFrame with a row per map and a column per fill: the mean probability over the first
        `pixels` removed (1 to `pixels`). Lower is better: what the map points at is what the classifier
        needs.
    """

    curves: pd.DataFrame
    scores: pd.DataFrame

    def figure(self) -> plotly.graph_objects.Figure:
        """The curves, one picture per fill (Fig. 15, right).

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        figure = px.line(
            self.curves,
            x="removed",
            y="probability",
            color="map",
            facet_col="fill",
            labels={"removed": "pixels removed", "probability": "probability of the true class", "map": ""},
        )
        return figure.update_yaxes(range=[0, 1]).update_layout(legend={"orientation": "h", "y": -0.2})


def removal_curve(
    predictor: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    fills: Sequence[Literal["zero", "inverted"]] = ("zero", "inverted"),
    pixels: int | None = None,
    step: int = 1,
    seed: int = 0,
) -> RemovalCurves:
    """Remove pixels in the order of maps; watch the probability of the true class fall (DeepVID, §8).

    Pixels go by signed value, largest first; among equals, the upper left first. Two maps that know nothing
    of the classifier keep the others honest: "brightness", the picture itself, and "random".

    Parameters
    ----------
    predictor
        A torch module (its outputs are logits, unless all rows are probabilities), an object with
        ``predict_proba``, a plain callable that gives probabilities, or an object whose ``predict`` gives
        logits, as `as_predictor` returns.
    images : array [N, C, H, W]
        The pictures, on the scale the predictor takes.
    maps : array [N, H, W], or a mapping from names to such arrays
        Importance of each pixel for the true class, signed. A single array is called "map".
    labels : int [N]
        The true classes.
    fills
        What a removed pixel becomes. "zero": the least value of the scale, black; removing what is black
        already then changes nothing. "inverted": its mirror image on the scale. The scale is 0 to 255 for
        uint8, 0 to 1 for floats between them, else from the least to the largest value.
    pixels
        How many pixels are removed; by default 200 as in the paper, or all if fewer.
    step
        How many of them go at a time.
    seed
        Of the random order.

    Returns
    -------
    RemovalCurves

    Raises
    ------
    TypeError
        If the predictor is none of these.
    ValueError
        For shapes, labels or fills that do not fit, values that are not finite, and outputs that are no
        probabilities.
    """
    return _curves(predictor, images, maps, labels, tuple(fills), pixels, step, seed, insert=False)


def insertion_curve(
    predictor: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    fills: Sequence[Literal["zero", "inverted"]] = ("zero", "inverted"),
    pixels: int | None = None,
    step: int = 1,
    seed: int = 0,
) -> RemovalCurves:
    """Start from the fill, put pixels back in the order of maps; watch the true class come (RISE, §4.2).

    The counterpart of `removal_curve`: a steep rise, so a high score, speaks for a map.

    Parameters
    ----------
    predictor, images, maps, labels, fills, pixels, step, seed
        As for `removal_curve`; ``removed`` in the result counts the pixels put back.

    Returns
    -------
    RemovalCurves
        Here higher scores are better.

    Raises
    ------
    TypeError, ValueError
        As for `removal_curve`.
    """
    return _curves(predictor, images, maps, labels, tuple(fills), pixels, step, seed, insert=True)


def _curves(
    predictor: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    fills: tuple[str, ...],
    pixels: int | None,
    step: int,
    seed: int,
    *,
    insert: bool,
) -> RemovalCurves:
    """Curves of every map and fill, from the picture to the filled one or the other way."""
    x = np.asarray(images)
    if x.ndim != 4 or len(x) == 0 or x.dtype.kind not in "fu":
        raise ValueError(f"images: must be pictures [N, C, H, W], found {x.dtype} {x.shape}")
    n, _, height, width = x.shape
    pixels = min(200, height * width) if pixels is None else pixels
    if not 1 <= pixels <= height * width:
        raise ValueError(f"pixels: must lie in 1..{height * width}, found {pixels}")
    if step < 1:
        raise ValueError(f"step: at least one pixel at a time, found {step}")
    if not fills or any(fill not in _FILLS for fill in fills):
        raise ValueError(f"fills: must be some of {', '.join(_FILLS)}; found {fills!r}")
    y = np.asarray(labels)
    if y.shape != (n,) or y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(f"labels: must be {n} class indices, found {y.dtype} {y.shape}")
    named = dict(maps) if isinstance(maps, Mapping) else {"map": maps}
    named = {
        **named,
        "brightness": x.mean(axis=1),
        "random": np.random.default_rng(seed).random((n, height, width)),
    }
    predict = _probabilities(predictor)
    curves: list[pd.DataFrame] = []
    scores: dict[str, list[float]] = {}
    for name, values in named.items():
        array = np.asarray(values)
        if array.shape != (n, height, width):
            raise ValueError(
                f"maps: {name!r} must be [{n}, {height}, {width}], one value per pixel; found {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"maps: {name!r} holds NaN or infinity")
        order = np.argsort(-array.reshape(n, -1).astype(np.float64), axis=1, kind="stable")[:, :pixels]
        scores[name] = []
        for fill in fills:
            filled = _filled(x, fill)
            curve = _curve(predict, *((filled, x) if insert else (x, filled)), order, y, step)
            curves.append(
                pd.DataFrame(
                    {"map": name, "fill": fill, "removed": _counts(pixels, step), "probability": curve}
                )
            )
            scores[name].append(float(curve[1:].mean()))
    table = pd.DataFrame(list(scores.values()), index=list(scores), columns=list(fills))
    return RemovalCurves(pd.concat(curves, ignore_index=True), table)


def _filled(x: NDArray[Any], fill: str) -> NDArray[Any]:
    """The pictures with every pixel removed."""
    low, high = float(x.min()), float(x.max())
    if x.dtype == np.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    filled: NDArray[Any] = (np.full_like(x, low) if fill == "zero" else low + high - x).astype(x.dtype)
    return filled


def _counts(pixels: int, step: int) -> NDArray[np.intp]:
    """How many pixels have changed after each step."""
    return np.minimum(np.arange(0, pixels + step, step), pixels)


def _curve(
    predict: Predict,
    x: NDArray[Any],
    filled: NDArray[Any],
    order: NDArray[np.intp],
    y: NDArray[Any],
    step: int,
) -> NDArray[np.float64]:
    """Mean probability of the true class after each step; steps that change nothing cost nothing."""
    n, pixels = order.shape
    counts = _counts(pixels, step)
    total = np.zeros(len(counts))
    waiting: list[NDArray[Any]] = []
    whose: list[tuple[int, NDArray[np.intp]]] = []

    def ask() -> None:
        p = predict(np.concatenate(waiting))
        start = 0
        for i, places in whose:
            count = int(places[-1]) + 1
            if y[i] >= p.shape[1]:
                raise ValueError(f"labels: class {y[i]} is none of the predictor's {p.shape[1]}")
            total[:] += p[start : start + count, y[i]][places]
            start += count
        waiting.clear()
        whose.clear()

    for i in range(n):
        flat, target = x[i].reshape(len(x[i]), -1), filled[i].reshape(len(x[i]), -1)
        changes = (flat != target).any(axis=0)[order[i]]
        # How many pixels differ after each step, and which state each step shows.
        different = np.concatenate([[0], np.cumsum(changes)])[counts]
        states, places = np.unique(different, return_inverse=True)
        rank = np.full(flat.shape[1], pixels + 1)
        rank[order[i][changes]] = np.arange(1, different[-1] + 1)
        gone = rank <= states[:, None]  # [states, pixels]
        waiting.append(np.where(gone[:, None], target, flat).reshape(-1, *x.shape[1:]))
        whose.append((i, places))
        if sum(map(len, waiting)) >= _BATCH:
            ask()
    if waiting:
        ask()
    mean: NDArray[np.float64] = total / n
    return mean


def _probabilities(predictor: Any) -> Predict:
    """Probabilities from whatever kind of classifier, by the house's one rule for outputs."""
    if isinstance(predictor, nn.Module):
        return lambda x: _of_module(predictor, x)
    if hasattr(predictor, "predict_proba"):
        return lambda x: _checked(predictor.predict_proba(x))
    if callable(predictor):
        return lambda x: _checked(predictor(x))
    if hasattr(predictor, "predict"):
        return lambda x: _softmax(predictor.predict(x))
    raise TypeError(
        f"predictor: found {type(predictor).__name__}; pass a torch module, an object with predict_proba, a "
        "callable that gives probabilities, or what as_predictor returns"
    )


def _of_module(model: nn.Module, x: NDArray[Any]) -> NDArray[np.float64]:
    """A torch module's probabilities, in evaluation mode; the modes come back."""
    modes = [(module, module.training) for module in model.modules()]
    home = next(model.parameters(), torch.empty(0))
    try:
        model.eval()
        with torch.no_grad():
            outputs = model(torch.from_numpy(np.ascontiguousarray(x)).to(home.device))
    finally:
        for module, mode in modes:
            module.training = mode
    z: NDArray[np.float64] = outputs.detach().cpu().double().numpy()
    return z if _sums_to_one(z) else _softmax(z)


def _softmax(logits: ArrayLike) -> NDArray[np.float64]:
    z = np.asarray(logits, np.float64)
    p: NDArray[np.float64] = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def _checked(outputs: Any) -> NDArray[np.float64]:
    p = np.asarray(outputs, np.float64)
    if not _sums_to_one(p):
        raise ValueError(
            "predictor: its outputs are no probabilities [n, C] that sum to one; wrap it with "
            "as_predictor(…, logits=True) if they are logits"
        )
    return p


def _sums_to_one(p: NDArray[np.float64]) -> bool:
    return p.ndim == 2 and bool((p >= -1e-6).all() and (np.abs(p.sum(axis=1) - 1) <= 1e-3).all())
