"""Compare attribution methods on a model: removal and insertion curves, faithfulness and sensitivity."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arrays import as_array, check_number, check_whole
from dvi_widget.measures import RemovalCurves, insertion_curve, removal_curve
from dvi_widget.measures.removal import FILLS, Fill
from dvi_widget.subject import Predictor, as_predictor
from dvi_widget.texts import in_figure

from .attribution import Maps, attribute
from .gradients import Report, filled
from .inspection import inspect_model
from .network import Network, Target, requested

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["MethodComparison", "compare_methods", "faithfulness", "sensitivity"]

_PLACEBOS = ("brightness", "random")
# Sensitivity costs as many maps per picture as there are disturbances, so it is measured on these few.
_SENSITIVITY_PICTURES = 8
_RADIUS = 0.02  # largest change of a value, as a share of the picture's range
_DISTURBANCES = 4


@dataclass(frozen=True)
class MethodComparison:
    """Curves and figures of several methods on the same pictures of one model.

    Attributes
    ----------
    maps : dict of str to Maps
        The maps of each method.
    removal, insertion : RemovalCurves
        Probability of the class while pixels are removed, or put back, in the order of each map, and in those
        of the placebos "brightness" and "random", which know nothing of the model.
    figures : pandas.DataFrame
        One row per map: faithfulness (mean over pictures), sensitivity, likeness, error (medians) and seconds
        per picture; nan where a figure is not defined.
    """

    maps: dict[str, Maps]
    removal: RemovalCurves
    insertion: RemovalCurves
    figures: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per map, the best removal score first.

        Returns
        -------
        pandas.DataFrame
            "removal: fill" (mean probability while pixels are removed, lower is better), "insertion: fill"
            (higher is better), then the columns of `figures`.
        """
        removal = self.removal.scores.add_prefix("removal: ")
        insertion = self.insertion.scores.add_prefix("insertion: ")
        joined = removal.join(insertion).join(self.figures)
        return joined.iloc[np.argsort(self.removal.scores.mean(axis=1).to_numpy(), kind="stable")]

    def figure(self) -> plotly.graph_objects.Figure:
        """Plot all curves: a row each for removal and insertion, a column per fill, a colour per map.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        measured = (("removal", self.removal), ("insertion", self.insertion))
        curves = pd.concat([result.curves.assign(direction=direction) for direction, result in measured])
        figure = px.line(
            curves.assign(map=curves["map"].map(in_figure)),
            x="removed",
            y="probability",
            color="map",
            facet_col="fill",
            facet_row="direction",
            labels={
                "removed": "pixels",
                "probability": "probability of the class",
                "map": "",
                "direction": "",
            },
            color_discrete_sequence=px.colors.qualitative.Dark24,
        )
        figure.for_each_trace(lambda t: t.update(line_dash="dot") if t.name in _PLACEBOS else None)
        return figure.update_yaxes(range=[0, 1]).update_layout(height=640)


def compare_methods(
    model: Any,
    images: ArrayLike | Tensor,
    target: ArrayLike | None = None,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    extra: Mapping[str, ArrayLike] | None = None,
    fills: Sequence[Fill] = FILLS,
    pixels: int | None = None,
    step: int = 1,
    report: Report | None = None,
    seed: int = 0,
) -> MethodComparison:
    """Compare attribution methods on some pictures of a model.

    Parameters
    ----------
    model
        Whatever `attribute` takes.
    images : array or tensor [N, C, H, W]
        As the model takes them.
    target : int [N], optional
        The classes that are explained and measured; the model's own predictions by default.
    methods : sequence of str, or mapping from names to parameters, optional
        All that the model supports by default.
    extra : mapping from names to arrays [N, H, W], optional
        Further maps, such as ``{"DeepVID": student.weighted(...)}``.
    fills, pixels, step
        As for `measures.removal_curve`.
    report : callable, optional
        Called with the share done, 0 to 1. An exception it raises stops the work.
    seed : int
        Seed of the random order, the regions and the disturbances.

    Returns
    -------
    MethodComparison

    Raises
    ------
    ValueError, TypeError
        As for `attribute` and `measures.removal_curve`.
    """
    net = Network(model)
    x = net.pictures(images)
    if isinstance(methods, str) or not (methods is None or isinstance(methods, Iterable)):
        raise TypeError(f"methods must be a list of names, such as ['gradient']; got {methods!r}.")
    if methods is None:
        methods = [name for name, reason in inspect_model(model, x[:1]).methods.items() if not reason]
    chosen = dict(methods) if isinstance(methods, Mapping) else {name: {} for name in methods}
    if not chosen and not extra:
        raise ValueError("methods must name at least one method, unless extra has maps; got none.")
    with net.lent():
        classes = net.logits(x).argmax(1).cpu().numpy() if target is None else as_array("target", target)
    maps: dict[str, Maps] = {}
    rows: dict[str, dict[str, float]] = {}
    for done, (name, parameters) in enumerate(chosen.items()):
        begin = time.process_time()
        maps[name] = attribute(model, x, classes, name, likeness=True, report=_unheard, **parameters)
        spent = (time.process_time() - begin) / len(x)
        rows[name] = _figures(model, x, maps[name], seed) | {"seconds": spent}
        if report is not None:
            report((done + 1) / (len(chosen) + 1))
    arrays = {name: made.values for name, made in maps.items()}  # noqa: PD011 - no table
    for name, given in (extra or {}).items():
        arrays[name] = as_array(f"extra[{name!r}]", given)
        rows[name] = {"faithfulness": _mean(faithfulness(model, x, arrays[name], classes, seed=seed))}
    curves = [
        measure(
            _predictor(net),
            x.cpu().numpy(),
            arrays,
            classes,
            fills=fills,
            pixels=pixels,
            step=step,
            seed=seed,
        )
        for measure in (removal_curve, insertion_curve)
    ]
    if report is not None:
        report(1)
    return MethodComparison(maps, curves[0], curves[1], pd.DataFrame.from_dict(rows, orient="index"))


def _unheard(_: float) -> None:
    """Report to nobody, and show no bar."""


def _predictor(net: Network) -> Predictor:
    """Wrap the network as a predictor whose logits are those that are explained."""

    def logits(x: NDArray[Any]) -> NDArray[np.float32]:
        with net.lent():
            z: NDArray[np.float32] = net.logits(net.pictures(x)).cpu().float().numpy()
        return z

    return as_predictor(logits, outputs="logits")


def _figures(model: Any, x: Tensor, maps: Maps, seed: int) -> dict[str, float]:
    """Return one method's row of figures."""
    assert maps.likeness is not None
    few = slice(_SENSITIVITY_PICTURES)
    some = replace(maps, values=maps.values[few], target=maps.target[few])  # noqa: PD011 - no table
    return {
        "faithfulness": _mean(faithfulness(model, x, maps.values, maps.target, seed=seed)),
        "sensitivity": _median(_sensitivity(model, x[few], some, _RADIUS, _DISTURBANCES, seed)),
        "likeness": _median(maps.likeness),
        "error": np.nan if maps.error is None else float(np.median(maps.error)),
    }


def _mean(values: NDArray[np.float32]) -> float:
    """Return the mean of the finite values, nan if there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _median(values: NDArray[np.float32]) -> float:
    """Return the median of the finite values, nan if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def faithfulness(
    model: Any,
    images: ArrayLike | Tensor,
    values: ArrayLike,
    target: ArrayLike,
    *,
    regions: int = 64,
    share: float = 0.2,
    baseline: Any = "mean",
    seed: int = 0,
) -> NDArray[np.float32]:
    """Correlate a map's credit to pixels with the logit's fall without them (Bhatt et al. 2020, Eq. 2).

    Parameters
    ----------
    model
        Whatever `attribute` takes.
    images : array or tensor [N, C, H, W]
    values : array [N, H, W]
        Maps.
    target : int [N]
        The classes they explain.
    regions : int
        Number of random sets of pixels, at least two.
    share : float
        Share of all pixels in a set, in (0, 1).
    baseline
        What covers the pixels of a set, as in `attribute`.
    seed : int

    Returns
    -------
    float32 [N]
        Pearson correlation, over the sets, of the sum of the map and the fall of the logit; nan for a
        constant map.

    Raises
    ------
    ValueError
        If shapes do not fit, a class does not exist, or `regions` or `share` is out of range.
    TypeError
        If target is not class numbers.
    """
    net = Network(model)
    x = net.pictures(images)
    maps = as_array("values", values).astype(np.float64)
    if maps.shape != (len(x), *x.shape[2:]):
        raise ValueError(f"values must be maps of shape {(len(x), *x.shape[2:])}; got {maps.shape}.")
    check_whole("regions", regions, 2)
    check_whole("seed", seed)
    if not 0 < check_number("share", share) < 1:
        raise ValueError(f"share must be in (0, 1), a share of all pixels; got {share}.")
    rng = np.random.default_rng(seed)
    hidden = rng.random((regions, *x.shape[2:])).reshape(regions, -1).argsort(1).argsort(1)
    hidden = (hidden < share * hidden.shape[1]).reshape(regions, *x.shape[2:])
    classes = requested(target, len(x))
    if classes is None:
        raise TypeError("target must be the class of each map; got None. Pass Maps.target.")
    out = np.empty(len(x), np.float32)
    with net.lent():
        cover = filled(x, baseline)
        masks = torch.from_numpy(hidden)[:, None].to(x.device)
        for i in range(len(x)):
            changed = torch.where(masks, cover[i], x[i])
            known = Target(np.full(1 + regions, classes[i]))
            z = known.score(net.logits(torch.cat([x[i : i + 1], changed]))).cpu().double().numpy()
            credited = (maps[i] * hidden).sum((1, 2))
            out[i] = _correlation(credited, z[0] - z[1:])
    return out


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else np.nan


def sensitivity(
    model: Any,
    images: ArrayLike | Tensor,
    target: ArrayLike | None = None,
    method: str = "integrated_gradients",
    *,
    radius: float = _RADIUS,
    disturbances: int = _DISTURBANCES,
    seed: int = 0,
    **parameters: Any,
) -> NDArray[np.float32]:
    """Measure how much a map changes when the picture hardly does (max-sensitivity, Yeh et al. 2019, Eq. 2).

    Parameters
    ----------
    model, images, target, method, **parameters
        As for `attribute`.
    radius : float
        Largest change of a value, as a share of the picture's range.
    disturbances : int
        Number of random changes.
    seed : int
        Seed of the changes; the method's own keeps its default.

    Returns
    -------
    float32 [N]
        Largest ‖Φ(x + δ) − Φ(x)‖ / ‖Φ(x)‖; nan for an empty map.

    Raises
    ------
    ValueError, TypeError
        As for `attribute`; also if radius, disturbances or seed is out of range.
    """
    check_number("radius", radius, 0)
    check_whole("disturbances", disturbances, 1)
    check_whole("seed", seed)
    x = Network(model).pictures(images)
    maps = attribute(model, x, target, method, report=_unheard, **parameters)
    return _sensitivity(model, x, maps, radius, disturbances, seed)


def _sensitivity(
    model: Any, x: Tensor, maps: Maps, radius: float, disturbances: int, seed: int
) -> NDArray[np.float32]:
    """Return the `sensitivity` of maps of the pictures x."""
    generator = torch.Generator("cpu").manual_seed(seed)
    reach = radius * (x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True))
    length = np.sqrt((maps.values**2).sum((1, 2)))  # noqa: PD011 - no table
    largest = np.zeros(len(x))
    for _ in range(disturbances):
        # The same draw for every picture, so that its figure does not depend on the others.
        delta = (2 * torch.rand(x.shape[1:], generator=generator, dtype=torch.float32, device="cpu") - 1).to(
            x
        ) * reach
        moved = attribute(model, x + delta, maps.target, maps.method, report=_unheard, **maps.parameters)
        distance = np.sqrt(((moved.values - maps.values) ** 2).sum((1, 2)))  # noqa: PD011
        largest = np.maximum(largest, distance)
    return np.asarray(np.divide(largest, length, out=np.full(len(x), np.nan), where=length > 0), np.float32)
