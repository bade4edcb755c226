"""Figures of merit of a landscape, measured through its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dvi_widget import measures
from dvi_widget.arrays import as_rows, check_whole
from dvi_widget.nearest import neighbors, overlap
from dvi_widget.progress import Progress

from .paint import pixel_centres
from .placebo import in_discs, steps
from .source import (
    Decodes,
    KnowsFeatures,
    KnowsLogits,
    Measurable,
    Paints,
    PlacesBoundary,
    RecallsNeighbors,
    RoundTrips,
)
from .structure import arrangement, borders, motion, neighborhoods

if TYPE_CHECKING:
    from .frame import Frame
    from .frames import Landscape

_DEFAULT_K = (10, 15, 20)
_DEFAULT_LOSS_K = 15
_CANVAS_AXES = 2
_TRUST_PX = 100  # along each side
_TRUST_BLOCK_ROWS = 10
_CROSSING_POINTS = 256  # classified along a line
_CROSSING_HALVINGS = 8  # of the interval in which the prediction changes
_NOT_KNOWN = float("nan")  # what a placebo gets
_BLOCK_SAMPLES = 1 << 13  # whose neighbours are searched at once

# Epoch, split, measure, k, value, placebo.
_Row = tuple["int | None", str, str, "int | None", float, float]


@dataclass(frozen=True)
class _Split:
    """The samples of one split: it searches among some, averages over some and decodes some."""

    name: str
    among: NDArray[np.intp]  # samples searched
    looking: NDArray[np.intp]  # rows of `among` that are averaged over
    decoding: NDArray[np.intp]  # samples that are decoded

    @property
    def own(self) -> NDArray[np.intp]:
        """Samples that are averaged over."""
        return self.among[self.looking]


def measure(
    landscape: Landscape,
    k: int | Sequence[int] | None,
    rows: ArrayLike | None,
    decoded: ArrayLike | None,
    progress: Progress | None,
) -> pd.DataFrame:
    """Take all figures of merit on every epoch and split.

    See `Landscape.measures`.
    """
    sizes = _sizes(landscape, k)
    source = landscape.require(Measurable)
    splits = _splits(landscape, rows, decoded)
    labels = landscape.samples["label"].to_numpy()
    table: list[_Row] = []
    for part, split in enumerate(splits):
        earlier: _Seen | None = None
        similarity: dict[int, list[NDArray[np.float64]]] = {size: [] for size in sizes}
        moved: list[NDArray[np.float64]] = []
        for position, frame in enumerate(landscape):
            seen = _look(source, frame, split, max(sizes))
            predictions = frame.predictions[split.among]
            table += _nn_pv(frame, split, sizes, seen)
            structure = [
                *neighborhoods(
                    seen.x,
                    (seen.y, seen.discs),
                    split.looking,
                    sizes,
                    (seen.near, seen.on_map, seen.by_chance),
                    predictions,
                    labels[split.among],
                ),
                *arrangement(
                    seen.x[split.looking],
                    (seen.y[split.looking], seen.discs[split.looking]),
                    labels[split.own],
                ),
            ]
            b, yb = _boundary(source, frame.epoch, split.name)
            table += _boundary_pv(source, frame, split, sizes, seen, b, yb)
            table += _decoding(source, frame, split)
            if decoded is None and frame.paintable and frame.positions.shape[1] == _CANVAS_AXES:
                logits = source.logits(frame.epoch)[split.own] if isinstance(source, KnowsLogits) else None
                places = seen.y[split.looking], seen.discs[split.looking]
                structure += borders(
                    frame.canvas, landscape.extent, places, frame.predictions[split.own], logits, yb
                )
            if earlier is not None:
                shares = {size: overlap(earlier.near[:, :size], seen.near[:, :size]) for size in sizes}
                for size in sizes:
                    similarity[size].append(shares[size])
                step = seen.y[split.looking] - earlier.y[split.looking]
                moved.append(np.linalg.norm(step.astype(np.float64), axis=1))
                structure += motion(
                    (earlier.x, seen.x),
                    (earlier.y, seen.y),
                    (earlier.discs, seen.discs),
                    split.looking,
                    (earlier.near, seen.near),
                    shares,
                )
            table += [(frame.epoch, split.name, *figure) for figure in structure]
            earlier = seen
            if progress is not None:
                progress((part + (position + 1) / len(landscape)) / len(splits))
        if moved:
            table += _temporal_pv(landscape.epochs, split, similarity, np.stack(moved))
    columns = pd.DataFrame(table, columns=["epoch", "split", "measure", "k", "value", "placebo"])
    return columns.astype({"epoch": "Int64", "k": "Int64", "value": float, "placebo": float})


@dataclass(frozen=True)
class _Seen:
    """One epoch of the samples that a split searches among, and the neighbours of those it looks at."""

    x: NDArray[np.float32]  # representations
    y: NDArray[np.float32]  # positions
    discs: NDArray[np.float32]  # the placebo's positions
    near: NDArray[np.int32]  # neighbours in the representation,
    on_map: NDArray[np.int32]  # on the map
    by_chance: NDArray[np.int32]  # and on the placebo's


def _look(source: Measurable, frame: Frame, split: _Split, k: int) -> _Seen:
    """Search the k nearest neighbours of one epoch in both spaces."""
    x, y = source.features(frame.epoch)[split.among], frame.positions[split.among]
    known = searched(source, frame.epoch) if split.name == "train" else {}
    near = _first_of(known.get("neighbors"), split.looking, k)
    if near is None:
        near = neighbors(x, k, rows=split.looking)[0]
    discs = in_discs(frame.predictions[split.among], frame.epoch)
    on_map, by_chance = (neighbors(places, k, rows=split.looking)[0] for places in (y, discs))
    return _Seen(x, y, discs, near, on_map, by_chance)


def _boundary(source: Measurable, epoch: int, split: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the boundary samples that belong to a split [b, h], and their places [b, l]."""
    b = source.boundary(epoch, split)
    place = source.place_boundary if isinstance(source, PlacesBoundary) else source.place
    return b, place(epoch, b)


def _sizes(landscape: Landscape, k: int | Sequence[int] | None) -> list[int]:
    """Check the numbers of neighbours, or choose them."""
    if k is None:
        others = int((landscape.samples["split"] == "train").sum()) - 1
        return sorted({min(size, others) for size in _DEFAULT_K})
    sizes = sorted({check_whole("k", size, 1) for size in (k if isinstance(k, Iterable) else [k])})
    if not sizes:
        raise ValueError(f"k must hold at least one number of neighbours; got {k!r}.")
    return sizes


def _splits(landscape: Landscape, rows: ArrayLike | None, decoded: ArrayLike | None) -> list[_Split]:
    """Choose the samples of each split: train among train, test among all."""
    test = (landscape.samples["split"] == "test").to_numpy()
    taken = np.zeros(len(test), bool)
    taken[as_rows("rows", rows, len(test))] = True
    to_decode = np.isin(np.arange(len(test)), as_rows("decoded", decoded, len(test)))
    splits = []
    if (taken & ~test).any():
        splits.append(
            _Split(
                "train",
                np.flatnonzero(~test),
                np.flatnonzero(taken[~test]),
                np.flatnonzero(taken & ~test & to_decode),
            )
        )
    if (taken & test).any():
        splits.append(
            _Split(
                "test",
                np.arange(len(test)),
                np.flatnonzero(taken & test),
                np.flatnonzero(taken & test & to_decode),
            )
        )
    return splits


def _nn_pv(frame: Frame, split: _Split, sizes: Sequence[int], seen: _Seen) -> Iterator[_Row]:
    """Measure nn_pv (Eq. 1)."""
    for size in sizes:
        value, placebo = (
            overlap(seen.near[:, :size], found[:, :size]).mean() for found in (seen.on_map, seen.by_chance)
        )
        yield frame.epoch, split.name, "nn_pv", size, value, placebo


def _boundary_pv(
    source: Measurable,
    frame: Frame,
    split: _Split,
    sizes: Sequence[int],
    seen: _Seen,
    b: NDArray[np.float32],
    yb: NDArray[np.float32],
) -> Iterator[_Row]:
    """Measure boundary_pv (Eq. 2) for every k that the boundary set allows."""
    fitting = [size for size in sizes if size <= len(b)]
    if not fitting:
        return
    known = searched(source, frame.epoch) if split.name == "train" else {}
    near = _first_of(known.get("boundary_neighbors"), split.looking, max(fitting))
    if near is None:
        near = neighbors(b, max(fitting), query=seen.x[split.looking])[0]
    on_map = neighbors(yb, max(fitting), query=seen.y[split.looking])[0]
    for size in fitting:
        value = overlap(near[:, :size], on_map[:, :size]).mean()
        # So many does a random set of boundary samples share with any other.
        yield frame.epoch, split.name, "boundary_pv", size, value, size / len(b)


def _decoding(source: Measurable, frame: Frame, split: _Split) -> Iterator[_Row]:
    """Measure ppr (§6), rec_pv (Eq. 3) and the painted confidence if the source paints and decodes."""
    rows = split.decoding
    if not (isinstance(source, Paints) and len(rows)):
        return
    y, predictions, confidence = frame.positions[rows], frame.predictions[rows], frame.confidence[rows]
    classes, shade, _ = source.paint(frame.epoch, y)
    # In discs of one prediction each, the place alone tells the prediction.
    yield frame.epoch, split.name, "ppr", None, measures.ppr(predictions, classes), 1.0
    of_class = np.bincount(predictions, confidence) / np.maximum(np.bincount(predictions), 1)
    value, placebo = (
        measures.confidence_error(confidence, painted) for painted in (shade, of_class[predictions])
    )
    yield frame.epoch, split.name, "confidence_error", None, value, placebo
    if isinstance(source, Decodes):
        error = measures.rec_pv(source.features(frame.epoch)[rows], source.decode(frame.epoch, y))
        yield frame.epoch, split.name, "rec_pv", None, error, _NOT_KNOWN


def _temporal_pv(
    epochs: Sequence[int],
    split: _Split,
    similarity: Mapping[int, list[NDArray[np.float64]]],
    moved: NDArray[np.float64],
) -> Iterator[_Row]:
    """Measure temporal_pv (Eq. 4) in both its forms."""
    for size, kept in similarity.items():
        shares = np.stack(kept)
        placebo = steps(shares, size)
        value, by_chance = (float(measures.correlate(shares, way)) for way in (moved, placebo))
        yield None, split.name, "temporal_pv", size, value, by_chance
        undefined = float(((np.ptp(shares, axis=0) == 0) | (np.ptp(moved, axis=0) == 0)).mean())
        of_placebo = float((np.ptp(shares, axis=0) == 0).mean())
        yield None, split.name, "temporal_undefined", size, undefined, of_placebo
        pooled = [np.asarray(measures.correlate(shares, way, axis=1)) for way in (moved, placebo)]
        for epoch, value, by_chance in zip(epochs[1:], *pooled, strict=True):
            yield epoch, split.name, "temporal_pv_pooled", size, float(value), float(by_chance)


def searched(source: Any, epoch: int) -> Mapping[str, NDArray[np.int32]]:
    """Return the neighbours that the engine searched while fitting, as far as it still has them."""
    return source.searched(epoch) if isinstance(source, RecallsNeighbors) else {}


def _first_of(near: NDArray[np.int32] | None, rows: NDArray[np.intp], k: int) -> NDArray[np.int32] | None:
    """Return the first k neighbours of some rows if that many were searched."""
    return None if near is None or near.shape[1] < k else near[rows, :k]


def round_trip_error(landscape: Landscape, epoch: int, progress: Progress | None) -> NDArray[np.float32]:
    """Decode the centres of 100 × 100 pixels, project them again, and measure how far they moved."""
    source = landscape.require(RoundTrips)
    landscape.require_plane()
    error = np.empty((_TRUST_PX, _TRUST_PX), np.float32)
    for rows, points in pixel_centres(landscape.extent, _TRUST_PX, _TRUST_BLOCK_ROWS):
        back = source.place(epoch, source.decode(epoch, points))
        error[rows] = np.linalg.norm(back - points, axis=1).reshape(-1, _TRUST_PX)
        if progress is not None:
            progress(rows.stop / _TRUST_PX)
    error.flags.writeable = False
    return error


def crossings(
    landscape: Landscape, epoch: int, start: NDArray[np.float64], end: NDArray[np.float64]
) -> pd.DataFrame:
    """Find where the predicted class changes between two points (see `Landscape.crossings`)."""
    source = landscape.require(Paints)
    landscape.require_plane()

    def classes(t: NDArray[np.floating]) -> NDArray[np.integer]:
        return source.paint(epoch, (start + t[:, None] * (end - start)).astype(np.float32))[0]

    t = np.linspace(0, 1, _CROSSING_POINTS)
    along = classes(t)
    changes = np.flatnonzero(along[1:] != along[:-1])
    low, stop = t[changes], t[changes + 1]
    before, last = along[changes], along[changes + 1]
    tables = [pd.DataFrame({"t": low[:0], "before": before[:0], "after": before[:0]})]
    while len(low):
        high, after = stop, last
        for _ in range(_CROSSING_HALVINGS):
            middle = (low + high) / 2
            kind = classes(middle)
            unchanged = kind == before
            low, high = np.where(unchanged, middle, low), np.where(unchanged, high, middle)
            after = np.where(unchanged, after, kind)
        tables.append(pd.DataFrame({"t": (low + high) / 2, "before": before, "after": after}))
        # If the interval ends in a third class, the prediction changes again inside it.
        more = (after != last) & (high < stop)
        low, stop, before, last = high[more], stop[more], after[more], last[more]
    table = pd.concat(tables).sort_values("t", ignore_index=True)
    for axis, name in enumerate("xy"):
        table.insert(axis + 1, name, start[axis] + table["t"] * (end[axis] - start[axis]))
    return table


def neighbor_loss(
    landscape: Landscape, epoch: int, k: int | None, progress: Progress | None
) -> NDArray[np.float64]:
    """Measure 1 − nn_pv of each sample alone (see `Landscape.neighbor_loss`)."""
    source = landscape.require(KnowsFeatures)
    y, x = landscape.at(epoch).positions, source.features(epoch)
    test = (landscape.samples["split"] == "test").to_numpy()
    if k is None:
        k = min(_DEFAULT_LOSS_K, int((~test).sum()) - 1)
    loss, done = np.empty(len(y)), 0
    known = searched(source, epoch).get("neighbors")
    for own, among, near_known in ((~test, ~test, known), (test, np.ones(len(test), bool), None)):
        far, flat = x[among], y[among]
        place, samples = np.flatnonzero(own[among]), np.flatnonzero(own)
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            rows = place[start : start + _BLOCK_SAMPLES]
            near = _first_of(near_known, rows, k)
            if near is None:
                near = neighbors(far, k, rows=rows)[0]
            shared = overlap(near, neighbors(flat, k, rows=rows)[0])
            loss[samples[start : start + _BLOCK_SAMPLES]] = 1 - shared
            done += len(rows)
            if progress is not None:
                progress(done / len(y))
    return loss
