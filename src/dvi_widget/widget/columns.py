"""What samples can be coloured and sized by: facts of the run, measures, and the columns of their table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from dvi_widget.landscape import Frame, Landscape
from dvi_widget.landscape.source import KnowsFeatures, KnowsLogits

from .rendering import is_group
from .scene import Scene
from .wire import Answer, Report, RequestError

#: Names that every landscape has; the page knows their values without asking.
BUILT_IN = ("label", "prediction", "correctness", "split", "confidence")
_MARGIN, _LOSS, _LOST = "margin", "loss", "lost neighbours"
# Training dynamics have names of their own where an epoch has a measure of the same name.
_DYNAMICS = {
    "aum": "aum",
    "mean confidence": "confidence",
    "variability": "variability",
    "share of epochs right": "correctness",
    "forgetting events": "forgetting_events",
    "first learned": "first_learned",
    "boundary gap": "boundary_gap",
}
_MAX_CATEGORIES = 100  # a column of more values, or of one for each sample or two, says nothing in colour
_TAIL_PERCENT = 1  # at either end of a column of numbers, drawn as the end of the scale

Kind = Literal["category", "number"]


class ColumnOutline(TypedDict):
    """A column that a page can ask for; `moves` tells whether it has other values at every epoch."""

    name: str
    kind: Kind
    moves: bool


@dataclass(frozen=True)
class Values(Answer):
    """A column of samples.

    Attributes
    ----------
    names : list of str
        Of the categories; empty for numbers.
    low, high : float
        The ends of the scale of numbers; values beyond are drawn as its ends.
    values : float32 [N]
        The category by its place in `names`, or the number; NaN where there is none.
    """

    names: list[str]
    low: float
    high: float
    values: NDArray[np.float32]


def outlines(scene: Scene, landscape: Landscape) -> list[ColumnOutline]:
    """List the columns of a landscape beside those built in and the groups."""
    found: list[ColumnOutline] = []
    if isinstance(landscape.source, KnowsLogits):
        found += [{"name": name, "kind": "number", "moves": True} for name in (_MARGIN, _LOSS)]
    if isinstance(landscape.source, KnowsFeatures):
        found.append({"name": _LOST, "kind": "number", "moves": True})
    if scene.dynamics[landscape].available:
        found += [{"name": name, "kind": "number", "moves": False} for name in _DYNAMICS]
    taken = {*BUILT_IN, *scene.groups, *(column["name"] for column in found)}
    for name in scene.samples.columns:
        kind = _kind(scene.samples, name)
        if kind is not None and str(name) not in taken:
            found.append({"name": str(name), "kind": kind, "moves": False})
    return found


def names(scene: Scene) -> list[str]:
    """List everything that `color_by` may be."""
    columns = [column["name"] for landscape in scene.landscapes for column in outlines(scene, landscape)]
    return list(dict.fromkeys([*BUILT_IN, *scene.groups, *columns]))


def column(scene: Scene, landscape: Landscape, epoch: int, name: str, report: Report) -> Values:
    """Compute a column of `outlines`; one that does not move is the same at every epoch."""
    if name in (_MARGIN, _LOSS):
        logits = np.asarray(landscape.source.logits(epoch), np.float64)
        return _margin(logits) if name == _MARGIN else _loss(logits, scene.samples["label"].to_numpy())
    if name == _LOST:
        text = f"Comparing the neighbours at epoch {epoch}"
        lost = landscape.neighbor_loss(epoch, None, lambda share: report(share, text))
        return Values([], 0.0, 1.0, lost.astype(np.float32))
    if name in _DYNAMICS and scene.dynamics[landscape].available:
        return _numbers(scene.dynamics[landscape].table(report)[_DYNAMICS[name]])
    return of_table(scene.samples, name)


def at_once(scene: Scene, frame: Frame, name: str) -> Values | None:
    """Return what takes no time to compute; None for label, prediction and correctness.

    Raises
    ------
    KeyError
        If the column takes time.
    """
    if name in ("label", "prediction", "correctness"):
        return None
    if name == "confidence":
        return Values([], 0.0, 1.0, np.asarray(frame.confidence, np.float32))
    if name in scene.groups:
        return Values(["others", name], 0.0, 1.0, scene.samples[name].to_numpy(np.float32))
    if name == "split":
        test = (scene.samples["split"] == "test").to_numpy()
        return Values(["train", "test"], 0.0, 1.0, test.astype(np.float32))
    if name not in {_MARGIN, _LOSS, _LOST, *_DYNAMICS} and name in map(str, scene.samples.columns):
        return of_table(scene.samples, name)
    raise KeyError(name)


def of_table(samples: pd.DataFrame, name: str) -> Values:
    """Read a column of the samples' table."""
    for own in samples.columns:
        if str(own) == name and _kind(samples, own) == "number":
            return _numbers(samples[own])
        if str(own) == name:
            categories = pd.Categorical(samples[own])
            codes = categories.codes.astype(np.float32)
            codes[codes < 0] = np.nan
            return Values([str(value) for value in categories.categories], 0.0, 1.0, codes)
    raise RequestError(f"name must be a column of the samples; got {name!r}.")


def _kind(samples: pd.DataFrame, name: Any) -> Kind | None:
    """Tell what a column of the table holds; None for texts of all kinds, and for what is built in."""
    values = samples[name]
    if name in BUILT_IN or is_group(samples, name):
        return None
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    try:
        count = values.nunique()
    except TypeError:  # what cannot be hashed
        return None
    return "category" if 0 < count <= min(_MAX_CATEGORIES, len(values) // 2) else None


def _numbers(values: pd.Series[Any]) -> Values:
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return Values([], 0.0, 1.0, np.full(len(numbers), np.nan, np.float32))
    low, high = np.percentile(finite, (_TAIL_PERCENT, 100 - _TAIL_PERCENT))
    if low == high:
        low, high = finite.min(), finite.max()
    return Values([], float(low), float(high), numbers.astype(np.float32))


def _margin(logits: NDArray[np.float64]) -> Values:
    """Take the difference of the two highest probabilities."""
    first, second = np.sort(softmax(logits, axis=1), axis=1).T[:-3:-1]
    return Values([], 0.0, 1.0, (first - second).astype(np.float32))


def _loss(logits: NDArray[np.float64], label: NDArray[np.int64]) -> Values:
    """Take the cross-entropy of the labels; the scale ends at twice that of equal probabilities."""
    loss = -log_softmax(logits, axis=1)[np.arange(len(label)), label]
    loss[label < 0] = np.nan
    return Values([], 0.0, float(2 * np.log(logits.shape[1])), loss.astype(np.float32))
