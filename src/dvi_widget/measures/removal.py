"""Removal and insertion curves: the true class's probability while pixels go, or come, in a map's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from dvi_widget.arrays import as_array, check_finite, check_whole
from dvi_widget.subject import as_predictor
from dvi_widget.texts import in_figure

if TYPE_CHECKING:
    import plotly.graph_objects

Fill = Literal["zero", "inverted"]
Probabilities = Callable[[NDArray[Any]], NDArray[np.float64]]

FILLS: tuple[Fill, ...] = ("zero", "inverted")
_BATCH_ROWS = 2048  # pictures per call of the classifier
_DEFAULT_PIXELS = 200  # as in the paper


@dataclass(frozen=True)
class RemovalCurves:
    """Probability of the true class while pixels are removed, averaged over pictures.

    Attributes
    ----------
    curves : pandas.DataFrame
        Columns map, fill, removed (number of pixels, from 0) and probability.
    scores : pandas.DataFrame
        One row per map, one column per fill: the mean probability over the first `pixels` removed (1 to
        `pixels`). Lower is better: the map points at what the classifier needs.
    """

    curves: pd.DataFrame
    scores: pd.DataFrame

    def figure(self) -> plotly.graph_objects.Figure:
        """Plot the curves, one facet per fill (DeepVID, Fig. 15, right).

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        figure = px.line(
            self.curves.assign(map=self.curves["map"].map(in_figure)),
            x="removed",
            y="probability",
            color="map",
            facet_col="fill",
            labels={"removed": "pixels removed", "probability": "probability of the true class", "map": ""},
        )
        return figure.update_yaxes(range=[0, 1]).update_layout(legend={"orientation": "h", "y": -0.2})


def removal_curve(
    model: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    fills: Sequence[Fill] = FILLS,
    pixels: int | None = None,
    step: int = 1,
    seed: int = 0,
) -> RemovalCurves:
    """Remove pixels in the order of maps and measure the probability of the true class (DeepVID, §8).

    Pixels go by signed value, largest first; ties go from the upper left. Two orders that know nothing of the
    classifier are measured alongside as placebos: "brightness", the picture itself, and "random".

    Parameters
    ----------
    model
        Any classifier that `as_predictor` takes; its outputs are read by the same rule.
    images : array [N, C, H, W]
        Pictures on the scale the model takes, uint8 or floating.
    maps : array [N, H, W], or a mapping from names to such arrays
        Signed importance of each pixel for the true class. A single array is called "map".
    labels : int [N]
        The true classes.
    fills : sequence of {"zero", "inverted"}
        What replaces a removed pixel. "zero" is the lowest value of the scale; removing a pixel that is
        black already then changes nothing. "inverted" is the pixel's mirror image on the scale. The scale is
        0 to 255 for uint8, 0 to 1 for floats within it, else the least to the largest value.
    pixels : int, optional
        Number of pixels removed; 200 by default, or all if there are fewer.
    step : int
        Pixels removed at a time.
    seed : int
        Seed of the random order.

    Returns
    -------
    RemovalCurves

    Raises
    ------
    TypeError
        If the model is not a classifier.
    ValueError
        If shapes, labels, fills or counts do not fit, a map is not finite, or the model's outputs are not
        logits or probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> def brightness(x):  # a "classifier" of bright pictures
    ...     p = x.mean(axis=(1, 2, 3))
    ...     return np.stack([1 - p, p], axis=1)
    >>> picture = np.array([[[[1.0, 0.0], [0.5, 0.5]]]])
    >>> found = removal_curve(brightness, picture, picture[:, 0], [1], fills=["zero"])
    >>> found.curves.query("map == 'map'")["probability"].round(3).tolist()
    [0.5, 0.25, 0.125, 0.0, 0.0]
    """
    return _measured(model, images, maps, labels, tuple(fills), pixels, step, seed, insert=False)


def insertion_curve(
    model: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    fills: Sequence[Fill] = FILLS,
    pixels: int | None = None,
    step: int = 1,
    seed: int = 0,
) -> RemovalCurves:
    """Put pixels back in the order of maps, starting from the fill (RISE, §4.2).

    The counterpart of `removal_curve`: a steep rise, and so a high score, speaks for a map.

    Parameters
    ----------
    model, images, maps, labels, fills, pixels, step, seed
        As for `removal_curve`.

    Returns
    -------
    RemovalCurves
        ``removed`` counts the pixels put back; higher scores are better.

    Raises
    ------
    TypeError, ValueError
        As for `removal_curve`.
    """
    return _measured(model, images, maps, labels, tuple(fills), pixels, step, seed, insert=True)


def _measured(
    model: Any,
    images: ArrayLike,
    maps: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    fills: tuple[Fill, ...],
    pixels: int | None,
    step: int,
    seed: int,
    *,
    insert: bool,
) -> RemovalCurves:
    """Measure every map with every fill, from the picture to the filled one, or back if `insert`."""
    x = as_array("images", images)
    if x.ndim != 4 or len(x) == 0 or x.dtype.kind not in "fu":
        raise ValueError(
            f"images must be pictures [N, C, H, W], uint8 or floating; got {x.dtype} of shape {x.shape}."
        )
    n, _, height, width = x.shape
    pixels = min(_DEFAULT_PIXELS, height * width) if pixels is None else pixels
    check_whole("pixels", pixels, 1, height * width)
    check_whole("step", step, 1)
    check_whole("seed", seed)
    if not fills or any(fill not in FILLS for fill in fills):
        raise ValueError(f"fills must be some of {', '.join(FILLS)}; got {fills!r}.")
    y = as_array("labels", labels)
    if y.shape != (n,) or y.dtype.kind not in "iu" or y.min() < 0:
        raise ValueError(
            f"labels must be {n} class indices, one per picture; got {y.dtype} of shape {y.shape}."
        )
    named = dict(maps) if isinstance(maps, Mapping) else {"map": maps}
    arrays = {name: _checked_map(name, values, (n, height, width)) for name, values in named.items()}
    arrays |= {
        "brightness": x.mean(axis=1),
        "random": np.random.default_rng(seed).random((n, height, width)),
    }
    probabilities = _probabilities(model)
    curves: list[pd.DataFrame] = []
    scores: dict[str, list[float]] = {}
    for name, values in arrays.items():
        order = np.argsort(-values.reshape(n, -1).astype(np.float64), axis=1, kind="stable")[:, :pixels]
        scores[name] = []
        for fill in fills:
            filled = _filled(x, fill)
            start, end = (filled, x) if insert else (x, filled)
            curve = _mean_curve(probabilities, start, end, order, y, step)
            curves.append(
                pd.DataFrame(
                    {"map": name, "fill": fill, "removed": _counts(pixels, step), "probability": curve}
                )
            )
            scores[name].append(float(curve[1:].mean()))
    table = pd.DataFrame(list(scores.values()), index=list(scores), columns=list(fills))
    return RemovalCurves(pd.concat(curves, ignore_index=True), table)


def _checked_map(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a map as an array, after checking that it holds one finite value per pixel."""
    argument = f"maps[{name!r}]"
    array = as_array(argument, values)
    if array.shape != shape:
        raise ValueError(f"{argument} must hold one value per pixel, {list(shape)}; got shape {array.shape}.")
    check_finite(argument, array)
    return array


def _filled(x: NDArray[Any], fill: Fill) -> NDArray[Any]:
    """Return the pictures with every pixel replaced by its fill."""
    low, high = float(x.min()), float(x.max())
    if x.dtype == np.uint8:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    filled: NDArray[Any] = (np.full_like(x, low) if fill == "zero" else low + high - x).astype(x.dtype)
    return filled


def _counts(pixels: int, step: int) -> NDArray[np.intp]:
    """Return how many pixels have changed after each step, starting with none."""
    return np.minimum(np.arange(0, pixels + step, step), pixels)


def _mean_curve(
    probabilities: Probabilities,
    start: NDArray[Any],
    end: NDArray[Any],
    order: NDArray[np.intp],
    y: NDArray[Any],
    step: int,
) -> NDArray[np.float64]:
    """Return the mean probability of class y after each step from `start` to `end`.

    Steps that change nothing (a pixel that already has its fill's value) are classified once.
    """
    counts = _counts(order.shape[1], step)
    total = np.zeros(len(counts))
    batch: list[tuple[int, NDArray[Any], NDArray[np.intp]]] = []

    def classify() -> None:
        p = probabilities(np.concatenate([states for _, states, _ in batch]))
        first = 0
        for i, states, places in batch:
            if y[i] >= p.shape[1]:
                raise ValueError(f"labels must be below the model's {p.shape[1]} classes; got {y[i]}.")
            total[:] += p[first : first + len(states), y[i]][places]
            first += len(states)
        batch.clear()

    for i in range(len(start)):
        batch.append((i, *_distinct_states(start[i], end[i], order[i], counts)))
        if sum(len(states) for _, states, _ in batch) >= _BATCH_ROWS:
            classify()
    if batch:
        classify()
    mean: NDArray[np.float64] = total / len(start)
    return mean


def _distinct_states(
    start: NDArray[Any], end: NDArray[Any], order: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct pictures [s, C, H, W] from start to end, and which of them each step shows."""
    a, b = start.reshape(len(start), -1), end.reshape(len(end), -1)  # [C, H·W]
    changes = (a != b).any(axis=0)[order]  # whether the pixel of each rank changes anything
    changed = np.concatenate([[0], np.cumsum(changes)])[counts]
    states, places = np.unique(changed, return_inverse=True)
    rank = np.full(a.shape[1], len(order) + 1)
    rank[order[changes]] = np.arange(1, changed[-1] + 1)
    gone = rank <= states[:, None]  # [s, H·W]
    return np.where(gone[:, None], b, a).reshape(-1, *start.shape), places


def _probabilities(model: Any) -> Probabilities:
    """Return a function from pictures to probabilities, by the one rule for outputs."""
    classifier = as_predictor(model, batch_size=_BATCH_ROWS)

    return lambda x: softmax(classifier.predict(x).astype(np.float64), axis=1)
