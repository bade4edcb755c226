"""Which method to believe for this model: removal and insertion curves, faithfulness and sensitivity."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arguments import check_number, check_whole
from dvi_widget.measures import RemovalCurves, insertion_curve, removal_curve
from dvi_widget.subject import Predictor, as_predictor

from .attribution import CACHE, MapCache, Maps, attribute
from .gradients import filled
from .inspection import inspect_model
from .network import Network, Target, requested

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["MethodComparison", "compare_methods", "faithfulness", "sensitivity"]

Fill = Literal["zero", "inverted"]
_CONTROLS = ("brightness", "random")


@dataclass(frozen=True)
class MethodComparison:
    """How several methods explain the same pictures of one model.

    Attributes
    ----------
    maps : dict
        Name → `Maps` of each method.
    removal, insertion : RemovalCurves
        Probability of the class while pixels go, or come, in the order of each map; with the controls
        "brightness" and "random", which know nothing of the model.
    figures : pandas.DataFrame
        One row per map: faithfulness (mean over pictures), sensitivity, likeness, error (medians), seconds
        per picture; nan where a figure does not exist.
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
            "removal: fill" (mean probability while the first pixels go, lower is better), "insertion: fill"
            (higher is better),
            then the columns of `figures`.
        """
        removal = self.removal.scores.add_prefix("removal: ")
        insertion = self.insertion.scores.add_prefix("insertion: ")
        joined = removal.join(insertion).join(self.figures)
        return joined.iloc[np.argsort(self.removal.scores.mean(axis=1).to_numpy(), kind="stable")]

    def figure(self) -> plotly.graph_objects.Figure:
        """All curves: removal and insertion above each other, a column per fill, a colour per map.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        ways = (("removal", self.removal), ("insertion", self.insertion))
        curves = pd.concat([measured.curves.assign(way=way) for way, measured in ways])
        figure = px.line(
            curves,
            x="removed",
            y="probability",
            color="map",
            facet_col="fill",
            facet_row="way",
            labels={"removed": "pixels", "probability": "probability of the class", "map": "", "way": ""},
            color_discrete_sequence=px.colors.qualitative.Dark24,
        )
        figure.for_each_trace(lambda t: t.update(line_dash="dot") if t.name in _CONTROLS else None)
        return figure.update_yaxes(range=[0, 1]).update_layout(height=640)


def compare_methods(
    model: Any,
    images: ArrayLike | Tensor,
    target: ArrayLike | None = None,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    extra: Mapping[str, ArrayLike] | None = None,
    fills: Sequence[Fill] = ("zero", "inverted"),
    pixels: int | None = None,
    step: int = 1,
    report: Callable[[float], None] | None = None,
    cache: MapCache | None = CACHE,
    seed: int = 0,
) -> MethodComparison:
    """Hold methods against each other on some pictures of a model (C14).

    Parameters
    ----------
    model
        Whatever `attribute` takes.
    images : array or tensor [N, C, H, W]
        As the model takes them.
    target : int [N], optional
        The classes explained and watched; by default the model's own predictions.
    methods : sequence of str, or mapping from names to parameters, optional
        By default all that the model supports.
    extra : mapping from names to arrays [N, H, W], optional
        Maps from elsewhere, say ``{"DeepVID": student.weighted(...)}``.
    fills, pixels, step
        As for `measures.removal_curve`.
    report : callable, optional
        Called with the share done; what it raises stops the work.
    cache : MapCache or None
        As for `attribute`.
    seed : int
        Of the random order, the regions and the disturbances.

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
        raise TypeError(f"methods: must be a list of names, such as ['gradient']; found {methods!r}")
    if methods is None:
        methods = [name for name, reason in inspect_model(model, x[:1]).methods.items() if not reason]
    asked = dict(methods) if isinstance(methods, Mapping) else {name: {} for name in methods}
    if not asked and not extra:
        raise ValueError("methods: there is nothing to compare; name some, or pass extra maps")
    with net.lent():
        classes = net.logits(x).argmax(1).cpu().numpy() if target is None else np.asarray(target)
    maps: dict[str, Maps] = {}
    rows: dict[str, dict[str, float]] = {}
    tell = report or _silent
    for done, (name, parameters) in enumerate(asked.items()):
        begin = time.process_time()
        maps[name] = attribute(
            model, x, classes, name, cache=cache, likeness=True, report=lambda _: None, **parameters
        )
        spent = (time.process_time() - begin) / len(x)
        rows[name] = _figures(model, x, classes, name, maps[name], parameters, seed) | {"seconds": spent}
        tell((done + 1) / (len(asked) + 1))
    arrays = {name: made.values for name, made in maps.items()}  # noqa: PD011 - no table
    for name, given in (extra or {}).items():
        arrays[name] = np.asarray(given)
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
    tell(1)
    return MethodComparison(maps, curves[0], curves[1], pd.DataFrame.from_dict(rows, orient="index"))


def _silent(_: float) -> None:
    """Nobody listens."""


def _predictor(net: Network) -> Predictor:
    """Wrap the network as a predictor whose logits are those that are explained."""

    def logits(x: NDArray[Any]) -> NDArray[np.float32]:
        with net.lent():
            z: NDArray[np.float32] = net.logits(net.pictures(x)).cpu().float().numpy()
        return z

    return as_predictor(logits, logits=True)


def _figures(
    model: Any,
    x: Tensor,
    classes: NDArray[Any],
    name: str,
    made: Maps,
    parameters: Mapping[str, Any],
    seed: int,
) -> dict[str, float]:
    """One method's row."""
    assert made.likeness is not None
    moved = sensitivity(model, x[:_FEW], classes[:_FEW], name, seed=seed, **parameters)
    return {
        "faithfulness": _mean(faithfulness(model, x, made.values, classes, seed=seed)),
        "sensitivity": _median(moved),
        "likeness": _median(made.likeness),
        "error": np.nan if made.error is None else float(np.median(made.error)),
    }


def _mean(values: NDArray[np.float32]) -> float:
    """Mean of what there is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _median(values: NDArray[np.float32]) -> float:
    """Median of what there is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


_FEW = 8  # pictures that sensitivity is measured on: each costs as many maps as there are disturbances


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
    """Whether what a map credits to pixels is what the logit loses without them (Bhatt et al. 2020, Eq. 2).

    Parameters
    ----------
    model
        Whatever `attribute` takes.
    images : array or tensor [N, C, H, W]
    values : array [N, H, W]
        Maps.
    target : int [N]
        Their classes.
    regions : int
        How many random sets of pixels are tried.
    share : float
        Of the pixels in a set.
    baseline
        What covers them, as in `attribute`.
    seed : int

    Returns
    -------
    float32 [N]
        Pearson correlation over the sets between the sum of the map and the fall of the logit; nan for a
        constant map.

    Raises
    ------
    ValueError
        If shapes do not fit, a class does not exist, or fewer than two sets are asked for.
    TypeError
        If target holds no class numbers.
    """
    net = Network(model)
    x = net.pictures(images)
    maps = np.asarray(values, np.float64)
    if maps.shape != (len(x), *x.shape[2:]):
        raise ValueError(f"values: must be maps {(len(x), *x.shape[2:])}, found {maps.shape}")
    if regions < 2 or not 0 < share < 1:
        raise ValueError(
            f"regions, share: at least two sets with a share in (0, 1); found {regions}, {share}"
        )
    rng = np.random.default_rng(seed)
    hidden = rng.random((regions, *x.shape[2:])).reshape(regions, -1).argsort(1).argsort(1)
    hidden = (hidden < share * hidden.shape[1]).reshape(regions, *x.shape[2:])
    classes = requested(target, len(x))
    if classes is None:
        raise TypeError("target: pass the class of each map; attribute tells it as Maps.target")
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
    radius: float = 0.02,
    disturbances: int = 4,
    seed: int = 0,
    **parameters: Any,
) -> NDArray[np.float32]:
    """How much a map changes when the picture hardly does (Yeh et al. 2019, Eq. 2: max-sensitivity).

    Parameters
    ----------
    model, images, target, method, **parameters
        As for `attribute`.
    radius : float
        Largest change of a value, as a share of the picture's range.
    disturbances : int
        How many random changes are tried.
    seed : int
        Of the changes; the method's own keeps its default.

    Returns
    -------
    float32 [N]
        Largest ‖Φ(x + δ) − Φ(x)‖ / ‖Φ(x)‖; nan for an empty map.

    Raises
    ------
    ValueError, TypeError
        As for `attribute`; or if radius, disturbances or seed is out of range.
    """
    check_number("radius", radius, 0)
    check_whole("disturbances", disturbances, 1)
    check_whole("seed", seed)
    net = Network(model)
    x = net.pictures(images)
    generator = torch.Generator().manual_seed(seed)
    plain = attribute(model, x, target, method, report=_silent, **parameters)
    reach = radius * (x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True))
    length = np.sqrt((plain.values**2).sum((1, 2)))  # noqa: PD011 - no table
    most = np.zeros(len(x))
    for _ in range(disturbances):
        # The same draw for every picture: its figure does not depend on the others.
        delta = (2 * torch.rand(x.shape[1:], generator=generator) - 1).to(x) * reach
        moved = attribute(model, x + delta, plain.target, method, cache=None, report=_silent, **parameters)
        distance = np.sqrt(((moved.values - plain.values) ** 2).sum((1, 2)))  # noqa: PD011
        most = np.maximum(most, distance)
    return np.asarray(np.divide(most, length, out=np.full(len(x), np.nan), where=length > 0), np.float32)
