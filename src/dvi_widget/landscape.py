"""What every projection yields and the widget draws: frames of positions over one painted plane."""

from __future__ import annotations

import base64
import colorsys
import html
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd
import plotly  # its parts load when they are first used
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from . import measures
from .arrays import as_rows, check_whole
from .nearest import neighbors, overlap

# The first palette is the default: it keeps ten classes apart under all three kinds of colour blindness.
# fmt: off
_NEIGHBORS = (10, 15, 20)  # that measures count, unless they are told otherwise
PALETTES: dict[str, list[str]] = {
    "safe": [
        "#0467d5", "#dfb931", "#c53b80", "#2adbba", "#913b0b",
        "#b5b1fd", "#7d811b", "#74359b", "#ef7d77", "#09a3cb",
    ],
    "vivid": [
        "#2f6fde", "#f08c1e", "#2fa84f", "#d8343c", "#8d55c8",
        "#8f5a3c", "#e267b4", "#7d7d86", "#b5b21c", "#1fb5c9",
    ],
}
# fmt: on

_MARGIN = 0.05  # of the extent, on each side
_TRUST = 100  # pixels along each side of the map of trust
_STEPS = 256  # points classified along a line
_HALVINGS = 8  # by which a crossing is then narrowed down
_COMPARED = 1 << 13  # samples whose neighbours are searched at once
_PAINT_ROWS = 1 << 15  # pixels asked of the source at once
_TERRITORY = (0.12, 0.40)  # strength of a class colour on the canvas, at shade 0 and at shade 1


class Source(Protocol):
    """What an engine answers about its own landscape.

    A landscape that was loaded or exported may have a source with fewer of these methods, or none;
    `Landscape.services` lists those it has. `epoch` is always the recorded number.
    """

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.bool_]]:
        """Decode and classify canvas points [m, l]: class [m], shade in [0, 1] [m], on the δ-boundary [m]."""
        ...

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inverse projection ψ of canvas points [m, l]: representations [m, h]."""
        ...

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Projection φ of representations [m, h]: positions [m, l]."""
        ...

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """The k samples nearest in representation space [m, k], among those that mask [N] allows."""
        ...

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Outputs of the classifier for all samples [N, C]."""
        ...

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Representations of all samples [N, h]."""
        ...

    def boundary(self, epoch: int, split: str) -> NDArray[np.float32]:
        """Representations of the boundary set [b, h] that was fitted ("train") or held back ("test")."""
        ...


# Beside those of `Source`, some engines answer more, by methods of their own:
#   sharpen(epoch, extent, resolution) -> iterator of (classes [R, R], shade [R, R], share), coarse to fine;
#   classify(epoch, x [m, h]) -> probabilities [m, C] of what `decode` gives;
#   examine(epoch, points [m, 2]) -> inputs [m, ...], classes [m], certainty [m] in [0, 1];
#   pictures(epoch, x [m, h]) -> what people see of what `decode` gives, uint8 [m, C, H, W];
#   inputs(indices [m]) -> samples as the classifier takes them [m, ...];
#   subject(epoch) -> the classifier itself, as it was then;
#   place_boundary(epoch, b [m, h]) -> positions [m, l] of δ-boundary points, where `place` is not for them;
#   searched(epoch) -> {"neighbors", "boundary_neighbors": int32 [n_train, k]}, as a fit found them;
#   measures() -> DataFrame as `Landscape.measures`, of the engine's own figures of merit.
_SERVICES = (
    "paint", "decode", "place", "neighbors", "logits", "features", "boundary",
    "sharpen", "classify", "examine", "pictures", "inputs", "subject", "measures",
)  # fmt: skip


class Frame:
    """One epoch of a landscape.

    Attributes
    ----------
    epoch : int
        The recorded number.
    positions : float32 [N, l]
        Where the samples lie, in units of `Landscape.extent`.
    predictions : int [N]
        Predicted class of each sample.
    confidence : float32 [N]
        Probability of the predicted class, in [0, 1].
    """

    def __init__(
        self,
        landscape: Landscape,
        epoch: int,
        positions: NDArray[np.float32],
        predictions: NDArray[np.integer],
        confidence: NDArray[np.float32],
    ) -> None:
        self.epoch = epoch
        self.positions = positions
        self.predictions = predictions
        self.confidence = confidence
        self._landscape = landscape
        self._canvas: tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]] | None = None
        self._lock = threading.Lock()

    @property
    def painted(self) -> bool:
        """Whether the canvas is there already."""
        return self._canvas is not None

    @property
    def paintable(self) -> bool:
        """Whether there is a canvas, or one can be painted."""
        return self.painted or not {"paint", "sharpen"}.isdisjoint(self._landscape.services)

    @property
    def canvas(self) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]:
        """The plane decoded and classified pixel by pixel, painted at the first look and then kept.

        Returns
        -------
        classes : uint8 [R, R] (up to 254 classes) or uint16 [R, R]
            Row 0 holds the lowest y, column 0 the lowest x. The dtype's top value means: on the δ-boundary.
        shade : uint8 [R, R]
            How sure the engine is there; 255 stands for 1.

        Raises
        ------
        RuntimeError
            If the landscape cannot paint: it has no source, or is not two-dimensional.
        """
        return self.paint()

    def paint(
        self,
        report: Callable[[float], object] | None = None,
        show: Callable[[NDArray[np.unsignedinteger], NDArray[np.uint8]], object] | None = None,
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]:
        """Paint the canvas if it is not there yet, and return it (see `canvas`).

        Parameters
        ----------
        report : callable, optional
            Called with the share that is done, in (0, 1]. An exception it raises stops the painting and is
            passed on; nothing half painted is kept.
        show : callable, optional
            Called with classes and shade as far as they are known, ever finer, by engines that paint from
            coarse to fine.

        Raises
        ------
        RuntimeError
            As `canvas`.
        """
        with self._lock:
            if self._canvas is None:
                self._canvas = self._paint(report, show)
            return self._canvas

    def sharpen(self) -> Iterator[tuple[NDArray[np.unsignedinteger], NDArray[np.uint8], float]]:
        """Paint from coarse to fine.

        Yields
        ------
        classes, shade
            As `canvas`, ever finer; the last ones are the canvas. What was yielded is not changed afterwards.
        share : float
            Part of the work that is done, in (0, 1].

        Raises
        ------
        RuntimeError
            If the engine behind this landscape paints in one go.
        """
        landscape = self._landscape
        source = landscape._ask("sharpen")  # noqa: SLF001
        yield from source.sharpen(self.epoch, landscape.extent, landscape.resolution)

    def _paint(
        self,
        report: Callable[[float], object] | None,
        show: Callable[[NDArray[np.unsignedinteger], NDArray[np.uint8]], object] | None,
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]:
        """Ask the source for every pixel's centre, some rows at a time; coarse to fine where it can."""
        size = self._landscape.resolution
        if "sharpen" in self._landscape.services:
            for painting in self.sharpen():
                classes, shade, share = painting
                if report is not None:
                    report(share)
                if show is not None and share < 1:
                    show(classes, shade)
            classes.flags.writeable = shade.flags.writeable = False
            return classes, shade
        source = self._landscape._ask("paint")  # noqa: SLF001
        self._landscape._flat()  # noqa: SLF001
        x0, x1, y0, y1 = self._landscape.extent
        centres = (np.arange(size) + 0.5) / size
        x, y = (x0 + centres * (x1 - x0)), (y0 + centres * (y1 - y0))
        dtype = np.uint8 if len(self._landscape.classes) <= 254 else np.uint16
        classes = np.empty((size, size), dtype)
        shade = np.empty((size, size), np.uint8)
        step = max(1, _PAINT_ROWS // size)
        for start in range(0, size, step):
            rows = slice(start, min(start + step, size))
            points = np.stack(np.broadcast_arrays(x[None], y[rows, None]), axis=-1).reshape(-1, 2)
            predicted, sure, on_boundary = source.paint(self.epoch, points.astype(np.float32))
            painted = np.where(on_boundary, np.iinfo(dtype).max, predicted)
            classes[rows] = painted.reshape(-1, size)
            shade[rows] = np.rint(np.clip(sure, 0, 1) * 255).reshape(-1, size)
            if report is not None:
                report(rows.stop / size)
        classes.flags.writeable = shade.flags.writeable = False
        return classes, shade


class Landscape:
    """Frames in chronological order over one set of samples.

    Engines build it (`model.landscape()`); a person indexes, measures or draws it, or gives it to `Explorer`.
    All frames share one extent, a square around every position of every epoch, and one colour per class.

    Parameters
    ----------
    epochs : sequence of int
        Recorded numbers, ascending.
    positions : sequence of arrays [N, l]
        Per epoch, where the samples lie.
    predictions : sequence of int arrays [N]
        Per epoch, the predicted classes.
    confidence : sequence of arrays [N]
        Per epoch, the probability of the predicted class, in [0, 1].
    classes : sequence of str
        Names of the classes.
    samples : DataFrame
        One row per sample, index 0..N−1, with columns split ("train" or "test") and label (−1: none).
    images : uint8 array [N, C, H, W], optional
        Pictures of the samples.
    source : Source, optional
        What answers when a canvas is painted or a measure taken.
    resolution : int
        Pixels R along each side of the canvas.
    name : str
        What to call this landscape beside another.
    scalars : DataFrame, optional
        Further numbers to show beside the epochs, such as a loss: one column each, indexed by epoch. Epochs
        without a number may be missing.

    Attributes
    ----------
    extent : tuple of float
        x0, x1, y0, y1 of every frame and canvas.
    scalars : DataFrame
        As given, one row per epoch; NaN where there is no number.

    Raises
    ------
    ValueError
        If epochs are not ascending, or arrays do not fit each other, or positions are not finite.
    """

    def __init__(
        self,
        epochs: Sequence[int],
        positions: Sequence[ArrayLike],
        predictions: Sequence[ArrayLike],
        confidence: Sequence[ArrayLike],
        *,
        classes: Sequence[str],
        samples: pd.DataFrame,
        images: NDArray[np.uint8] | None = None,
        source: Any = None,
        resolution: int = 300,
        name: str = "",
        scalars: pd.DataFrame | None = None,
    ) -> None:
        self.epochs = [int(epoch) for epoch in epochs]
        if not self.epochs or sorted(set(self.epochs)) != self.epochs:
            raise ValueError(f"epochs must be ascending numbers, one at least; found {self.epochs}.")
        if not len(positions) == len(predictions) == len(confidence) == len(self.epochs):
            raise ValueError("positions, predictions and confidence must hold one array per epoch.")
        if isinstance(resolution, bool) or not isinstance(resolution, int) or not 2 <= resolution <= 4096:
            raise ValueError(f"resolution must be a whole number of pixels in 2..4096; found {resolution!r}.")
        if images is not None and len(images) != len(samples):
            raise ValueError(f"images holds {len(images)} pictures, samples has {len(samples)} rows.")
        self.classes = [str(name) for name in classes]
        self.samples = samples
        self.images = images
        self.source = source
        self.resolution = resolution
        self.name = name
        numbers = pd.DataFrame() if scalars is None else scalars
        self.scalars = numbers.reindex(pd.Index(self.epochs, name="epoch")).astype(float)
        self._trust: dict[int, NDArray[np.float32]] = {}
        self._frames = [
            self._frame(*parts) for parts in zip(self.epochs, positions, predictions, confidence, strict=True)
        ]
        self.extent = _extent([frame.positions for frame in self._frames])

    def _frame(
        self, epoch: int, positions: ArrayLike, predictions: ArrayLike, confidence: ArrayLike
    ) -> Frame:
        """Check one epoch's arrays against the samples."""
        n = len(self.samples)
        y = np.ascontiguousarray(positions, np.float32)
        c, p = np.asarray(predictions), np.asarray(confidence, np.float32)
        if y.ndim != 2 or not len(y) == len(c) == len(p) == n:
            raise ValueError(
                f"Epoch {epoch}: positions {y.shape}, predictions {c.shape} and confidence {p.shape} "
                f"do not fit the {n} samples."
            )
        if not np.isfinite(y).all():
            raise ValueError(f"Epoch {epoch}: positions must be finite; found NaN or infinity.")
        if c.dtype.kind not in "iu" or c.min(initial=0) < 0 or c.max(initial=0) >= len(self.classes):
            raise ValueError(f"Epoch {epoch}: predictions must be classes 0..{len(self.classes) - 1}.")
        return Frame(self, epoch, y, c, p)

    def __repr__(self) -> str:
        n, epochs = len(self.samples), len(self)
        return f"Landscape({n:,} samples, {epochs} epoch{'s' if epochs > 1 else ''})"

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    @overload
    def __getitem__(self, position: int) -> Frame: ...

    @overload
    def __getitem__(self, position: slice) -> list[Frame]: ...

    def __getitem__(self, position: int | slice) -> Frame | list[Frame]:
        return self._frames[position]

    def at(self, epoch: int) -> Frame:
        """Frame of a recorded epoch.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        """
        if epoch not in self.epochs:
            raise ValueError(f"epoch {epoch} is not part of this landscape; it has {self.epochs}.")
        return self._frames[self.epochs.index(epoch)]

    @property
    def services(self) -> list[str]:
        """Names of the `Source` methods that this landscape can answer."""
        return [name for name in _SERVICES if callable(getattr(self.source, name, None))]

    def _ask(self, *wanted: str) -> Any:
        """The source, if it can answer all of this."""
        missing = [name for name in wanted if name not in self.services]
        if missing:
            raise RuntimeError(
                f"This landscape cannot answer {', '.join(missing)}: it has no engine behind it that can. "
                "Take it from a fitted model: model.fit(...).landscape()."
            )
        return self.source

    def measures(
        self,
        k: int | Sequence[int] | None = None,
        rows: ArrayLike | None = None,
        decoded: ArrayLike | None = None,
        report: Callable[[float], object] | None = None,
    ) -> pd.DataFrame:
        """Take the engine's figures of merit; of DVI, the four properties (§4) on every epoch and split.

        On test, nn_pv and temporal_pv search among train ∪ test and average over the test samples, and
        boundary_pv uses the boundary set that took no part in the fit. On train, the neighbours that the fit
        found are taken as they are, where it found enough: of 20,000 samples or more these are about 99 in
        100 of the true ones.

        Parameters
        ----------
        k : int or sequence of int, optional
            Numbers of neighbours; by default 10, 15 and 20, or as many others as there are where that is
            less. Where an epoch has fewer boundary samples than k, boundary_pv is left out.
        rows : array of int or bool, optional
            Average over these samples only, as a large run may want; neighbours are searched among all.
        decoded : array of int or bool, optional
            Of these, decode only those named here, for ppr and rec_pv of an engine that takes long over it.
        report : callable, optional
            Called with the share that is done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        DataFrame
            Columns epoch, split, measure, k, value. Measures are nn_pv, boundary_pv, ppr, rec_pv (these two
            without k), temporal_pv (over all epochs: without epoch; the form quoted) and temporal_pv_pooled
            (for the transition that ends in the epoch). What does not apply is <NA>. ppr and rec_pv are left
            out where the engine has no way back from the canvas.

        Raises
        ------
        RuntimeError
            If the landscape has no engine behind it that can answer.
        ValueError
            If k exceeds the number of other samples, or rows name none.
        """
        if "measures" in self.services:
            return self.source.measures()  # type: ignore[no-any-return]
        if k is None:
            others = int((self.samples["split"] == "train").sum()) - 1
            k = sorted({min(size, others) for size in _NEIGHBORS})
        else:
            k = sorted({check_whole("k", size, 1) for size in (k if isinstance(k, Iterable) else [k])})
        if len(k) == 0:
            raise ValueError("k must hold at least one number of neighbours.")
        source = self._ask("place", "features", "boundary")
        inverts = {"paint", "decode"} <= set(self.services)
        test = (self.samples["split"] == "test").to_numpy()
        taken = np.zeros(len(test), bool)
        taken[as_rows("rows", rows, len(test))] = True
        to_decode = np.isin(np.arange(len(test)), as_rows("decoded", decoded, len(test)))
        # A split searches among `among` and averages over the rows it names there.
        searches: dict[str, tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
        if (taken & ~test).any():
            searches["train"] = (np.flatnonzero(~test), np.flatnonzero(taken[~test]))
        if (taken & test).any():
            searches["test"] = (np.arange(len(test)), np.flatnonzero(taken & test))
        table: list[tuple[int | None, str, str, int | None, float]] = []
        for part, (split, (among, looking)) in enumerate(searches.items()):
            own = among[looking]
            back = own[to_decode[own]]
            before: NDArray[np.int32] | None = None
            similarity: dict[int, list[NDArray[np.float64]]] = {size: [] for size in k}
            moved: list[NDArray[np.float64]] = []
            for position, frame in enumerate(self._frames):
                x = source.features(frame.epoch)
                y = frame.positions
                known = self._searched(frame.epoch) if split == "train" else {}
                near = _kept(known.get("neighbors"), looking, max(k))
                if near is None:
                    near = neighbors(x[among], max(k), rows=looking)[0]
                seen = neighbors(y[among], max(k), rows=looking)[0]
                for size in k:
                    value = overlap(near[:, :size], seen[:, :size]).mean()
                    table.append((frame.epoch, split, "nn_pv", size, value))
                b = source.boundary(frame.epoch, split)
                fitting = [size for size in k if size <= len(b)]
                if fitting:
                    place = getattr(source, "place_boundary", source.place)
                    yb = place(frame.epoch, b)
                    near_b = _kept(known.get("boundary_neighbors"), looking, max(fitting))
                    if near_b is None:
                        near_b = neighbors(b, max(fitting), query=x[own])[0]
                    seen_b = neighbors(yb, max(fitting), query=y[own])[0]
                    for size in fitting:
                        value = overlap(near_b[:, :size], seen_b[:, :size]).mean()
                        table.append((frame.epoch, split, "boundary_pv", size, value))
                if inverts and len(back):
                    painted = source.paint(frame.epoch, y[back])[0]
                    same = measures.ppr(frame.predictions[back], painted)
                    table.append((frame.epoch, split, "ppr", None, same))
                    error = measures.rec_pv(x[back], source.decode(frame.epoch, y[back]))
                    table.append((frame.epoch, split, "rec_pv", None, error))
                if before is not None:
                    for size in k:
                        similarity[size].append(overlap(before[:, :size], near[:, :size]))
                    step = y[own] - self._frames[position - 1].positions[own]
                    moved.append(np.linalg.norm(step.astype(np.float64), axis=1))
                before = near
                if report is not None:
                    report((part + (position + 1) / len(self)) / len(searches))
            for size in k if moved else ():
                kept, distance = np.stack(similarity[size]), np.stack(moved)
                table.append((None, split, "temporal_pv", size, float(measures.correlate(kept, distance))))
                pooled = np.asarray(measures.correlate(kept, distance, axis=1))
                table += [
                    (epoch, split, "temporal_pv_pooled", size, float(value))
                    for epoch, value in zip(self.epochs[1:], pooled, strict=True)
                ]
        frame_of = pd.DataFrame(table, columns=["epoch", "split", "measure", "k", "value"])
        return frame_of.astype({"epoch": "Int64", "k": "Int64", "value": float})

    def trust(self, epoch: int, report: Callable[[float], object] | None = None) -> NDArray[np.float32]:
        """How far the plane is from being undone: each pixel decoded, placed again, and its way measured.

        Where the error is large, the canvas shows what the decoder invented: no representation that the
        projection knows belongs there. Pixels far from any sample are of that kind. On the last epoch of the
        MNIST reference run, 61 units wide, the median error is 0.6 for pixels within 1 of a sample, 4 at 1
        to 3, and 11 beyond; 48 % of all pixels lie beyond.

        Parameters
        ----------
        epoch : int
            Recorded number.
        report : callable, optional
            Called with the share that is done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        float32 [100, 100]
            Distance on the canvas, in units of `extent`, between the centre of each pixel of a 100 × 100 grid
            and φ(ψ(centre)). Row 0 holds the lowest y. Computed at the first look and then kept.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        RuntimeError
            If the landscape has no engine that decodes and places, or is not two-dimensional.
        """
        self.at(epoch)
        source = self._ask("decode", "place")
        self._flat()
        if epoch not in self._trust:
            x0, x1, y0, y1 = self.extent
            centres = (np.arange(_TRUST) + 0.5) / _TRUST
            x, y = np.meshgrid(x0 + centres * (x1 - x0), y0 + centres * (y1 - y0))
            points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
            error = np.empty((_TRUST, _TRUST), np.float32)
            step = _TRUST // 10
            for start in range(0, _TRUST, step):
                block = points[start * _TRUST : (start + step) * _TRUST]
                back = source.place(epoch, source.decode(epoch, block))
                error[start : start + step] = np.linalg.norm(back - block, axis=1).reshape(step, _TRUST)
                if report is not None:
                    report((start + step) / _TRUST)
            error.flags.writeable = False
            self._trust[epoch] = error
        return self._trust[epoch]

    def crossings(self, epoch: int, a: ArrayLike, b: ArrayLike) -> pd.DataFrame:
        """Where the predicted class changes on the straight way between two points of the plane.

        The way is decoded and classified at 256 points, and each change between two of them then narrowed
        down by bisection.

        Parameters
        ----------
        epoch : int
            Recorded number.
        a, b : array [2]
            Where the way begins and ends, in units of `extent`.

        Returns
        -------
        DataFrame
            One row per change, in order: `t` in (0, 1) (share of the way), `x`, `y` (the point), `before`,
            `after` (class indices).

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape, or a or b is no point.
        RuntimeError
            If the landscape has no engine that decodes, or is not two-dimensional.
        """
        self.at(epoch)
        source = self._ask("paint")
        self._flat()
        start, end = _point(a, "a"), _point(b, "b")

        def classes(t: NDArray[np.floating]) -> NDArray[np.integer]:
            kind: NDArray[np.integer] = source.paint(
                epoch, (start + t[:, None] * (end - start)).astype(np.float32)
            )[0]
            return kind

        t = np.linspace(0, 1, _STEPS)
        along = classes(t)
        changes = np.flatnonzero(along[1:] != along[:-1])
        low, stop = t[changes], t[changes + 1]
        before, last = along[changes], along[changes + 1]
        found = []
        while len(low):
            high, after = stop, last
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                kind = classes(middle)
                still = kind == before
                low, high = np.where(still, middle, low), np.where(still, high, middle)
                after = np.where(still, after, kind)
            found.append(pd.DataFrame({"t": (low + high) / 2, "before": before, "after": after}))
            # Where the step ends in yet another class, it changes once more.
            more = (after != last) & (high < stop)
            low, stop, before, last = high[more], stop[more], after[more], last[more]
        table = pd.DataFrame(columns=["t", "before", "after"])
        if found:
            table = pd.concat(found).sort_values("t", ignore_index=True)
        for axis, name in enumerate("xy"):
            table.insert(axis + 1, name, start[axis] + table["t"] * (end[axis] - start[axis]))
        return table

    def neighbor_loss(
        self, epoch: int, k: int | None = None, report: Callable[[float], object] | None = None
    ) -> NDArray[np.float64]:
        """Share of each sample's nearest neighbours that its position loses: 1 − nn_pv of that sample alone.

        Parameters
        ----------
        epoch : int
            Recorded number.
        k : int, optional
            Neighbours per sample, among the training samples; for test samples among all. By default 15, or
            as many others as there are where that is less.
        report : callable, optional
            Called with the share that is done, in (0, 1]. An exception it raises stops the work.

        Returns
        -------
        float64 [N]
            In [0, 1].

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape, or k exceeds the number of other samples.
        RuntimeError
            If the landscape has no engine that knows the representations.
        """
        y, x = self.at(epoch).positions, self._ask("features").features(epoch)
        test = (self.samples["split"] == "test").to_numpy()
        k = min(15, int((~test).sum()) - 1) if k is None else check_whole("k", k, 1)
        loss, done = np.empty(len(y)), 0
        known = self._searched(epoch).get("neighbors")
        for own, among, found in ((~test, ~test, known), (test, np.ones(len(test), bool), None)):
            far, flat = x[among], y[among]
            place, samples = np.flatnonzero(own[among]), np.flatnonzero(own)
            for start in range(0, len(samples), _COMPARED):
                rows = place[start : start + _COMPARED]
                near = _kept(found, rows, k)
                if near is None:
                    near = neighbors(far, k, rows=rows)[0]
                shared = overlap(near, neighbors(flat, k, rows=rows)[0])
                loss[samples[start : start + _COMPARED]] = 1 - shared
                done += len(rows)
                if report is not None:
                    report(done / len(y))
        return loss

    def _searched(self, epoch: int) -> Mapping[str, NDArray[np.int32]]:
        """Neighbours of the training samples that the engine has found already."""
        found: Mapping[str, NDArray[np.int32]] = getattr(self.source, "searched", lambda _: {})(epoch)
        return found

    def _flat(self) -> None:
        """Refuse what only a plane can do."""
        dimension = self._frames[0].positions.shape[1]
        if dimension != 2:
            raise RuntimeError(f"This landscape has {dimension} dimensions; a canvas needs 2. Draw figure().")

    def figure(self, epoch: int | None = None) -> plotly.graph_objects.Figure:
        """Draw the landscape with plotly.

        Parameters
        ----------
        epoch : int, optional
            Draw this recorded epoch alone. Without it all epochs, with a slider and a play button.

        Returns
        -------
        plotly.graph_objects.Figure
            Painted canvas below, samples in the colour of their label above it; hover shows label, prediction
            and confidence. In three dimensions, the samples alone. Class names are shown as text, whatever
            they contain.

        Raises
        ------
        ValueError
            If that epoch is not part of the landscape.
        RuntimeError
            If the canvas cannot be painted (see `Frame.canvas`).
        """
        shown = self._frames if epoch is None else [self.at(epoch)]
        names = [_as_text(name) for name in self.classes]
        figure = plotly.graph_objects.Figure(self._traces(shown[0], names))
        x0, x1, y0, y1 = self.extent
        figure.update_layout(
            template="plotly_white",
            title=f"epoch {shown[0].epoch}",
            width=820,
            height=720,
            legend={"itemsizing": "constant"},
            margin={"l": 10, "r": 10, "t": 50, "b": 10},
        )
        figure.update_xaxes(range=[x0, x1], visible=False, constrain="domain")
        figure.update_yaxes(range=[y0, y1], visible=False, scaleanchor="x", constrain="domain")
        if shown[0].positions.shape[1] == 3:
            figure.update_layout(scene=_room(shown))
        if len(shown) > 1:
            figure.frames = [
                plotly.graph_objects.Frame(
                    data=self._traces(frame, names),
                    name=str(frame.epoch),
                    layout={"title": f"epoch {frame.epoch}"},
                )
                for frame in shown
            ]
            figure.update_layout(**_player(shown))
        return figure

    def _traces(self, frame: Frame, names: Sequence[str]) -> list[Any]:
        """The canvas as a picture, then one set of points per label."""
        colors = class_colors(len(self.classes))
        flat = frame.positions.shape[1] == 2
        traces = [self._painting(frame, colors)] if flat and frame.paintable else []
        scatter = plotly.graph_objects.Scattergl if flat else plotly.graph_objects.Scatter3d
        axes = "xyz"[: frame.positions.shape[1]]
        label = self.samples["label"].to_numpy()
        predicted = np.asarray(names, object)[frame.predictions]
        for value in [*range(len(names)), -1]:
            rows = np.flatnonzero(label == value)
            if value < 0 and not len(rows):
                continue
            traces.append(
                scatter(
                    **{axis: frame.positions[rows, c] for c, axis in enumerate(axes)},
                    mode="markers",
                    name=names[value] if value >= 0 else "no label",
                    marker={
                        "size": (4 if len(label) > 2000 else 6) if flat else 2,
                        "color": colors[value] if value >= 0 else "#777777",
                        "line": {"width": 0.4, "color": "white"},
                    },
                    customdata=np.stack(
                        [rows.astype(object), predicted[rows], np.round(frame.confidence[rows], 3)], axis=1
                    ),
                    hovertemplate="sample %{customdata[0]}<br>predicted %{customdata[1]}"
                    " (%{customdata[2]})<extra>%{fullData.name}</extra>",
                )
            )
        return traces

    def _painting(self, frame: Frame, colors: Sequence[str]) -> Any:
        """The canvas as a picture."""
        x0, x1, y0, y1 = self.extent
        size = self.resolution
        return plotly.graph_objects.Image(
            source=_png(colored(*frame.canvas, colors)),
            x0=x0 + (x1 - x0) / size / 2,
            y0=y0 + (y1 - y0) / size / 2,
            dx=(x1 - x0) / size,
            dy=(y1 - y0) / size,
            hoverinfo="skip",
        )


def _point(value: ArrayLike, name: str) -> NDArray[np.float64]:
    """A point of the plane [2]."""
    point = np.asarray(value, np.float64)
    if point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(f"{name} must be a point [x, y] of the plane; found {value!r}.")
    return point


def _kept(found: NDArray[np.int32] | None, rows: NDArray[np.intp], k: int) -> NDArray[np.int32] | None:
    """The first k neighbours of some rows, if that many were found."""
    return None if found is None or found.shape[1] < k else found[rows, :k]


def _extent(positions: Sequence[NDArray[np.float32]]) -> tuple[float, float, float, float]:
    """Square with a margin round all positions, so that one unit is as long on both axes."""
    low = np.min([y[:, :2].min(axis=0) for y in positions], axis=0).astype(float)
    high = np.max([y[:, :2].max(axis=0) for y in positions], axis=0).astype(float)
    half = max(float((high - low).max()) / 2, 1e-6) * (1 + 2 * _MARGIN)
    x, y = (low + high) / 2
    return float(x - half), float(x + half), float(y - half), float(y + half)


def _room(frames: Sequence[Frame]) -> dict[str, Any]:
    """Axes of a three-dimensional figure, the same for all frames, one unit as long on each."""
    low = np.min([frame.positions.min(axis=0) for frame in frames], axis=0)
    high = np.max([frame.positions.max(axis=0) for frame in frames], axis=0)
    ranges = {f"{axis}axis": {"range": [float(a), float(b)], "visible": False}
              for axis, a, b in zip("xyz", low, high, strict=True)}  # fmt: skip
    return {**ranges, "aspectmode": "data"}


def class_colors(n: int, palette: str = "safe") -> list[str]:
    """Colours for n classes.

    Parameters
    ----------
    n : int
        Number of classes.
    palette : str
        A name in `PALETTES`. Classes beyond its length get further hues, evenly spread.

    Returns
    -------
    list of str
        "#rrggbb", one per class; class i has the same colour for every n.

    Raises
    ------
    ValueError
        If there is no such palette.
    """
    if palette not in PALETTES:
        raise ValueError(f"palette must be one of {sorted(PALETTES)}; found {palette!r}.")
    colors = PALETTES[palette][:n]
    for step in range(n - len(colors)):
        # The golden ratio never repeats a hue and keeps each new one far from the last.
        red, green, blue = colorsys.hls_to_rgb((0.04 + 0.618034 * step) % 1, (0.42, 0.6, 0.32)[step % 3], 0.6)
        colors.append(f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}")
    return colors


def colored(
    classes: NDArray[np.unsignedinteger], shade: NDArray[np.uint8], colors: Sequence[str]
) -> NDArray[np.uint8]:
    """Colours of a painted canvas: pale, paler where the engine is less sure, white on the boundary.

    Parameters
    ----------
    classes, shade : arrays [R, R]
        As `Frame.canvas` gives them.
    colors : sequence of str
        "#rrggbb" per class.

    Returns
    -------
    uint8 [R, R, 3]
        Row 0 holds the lowest y.
    """
    table = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)
    white = classes == np.iinfo(classes.dtype).max
    low, high = _TERRITORY
    strength = np.where(white, 0, low + (high - low) * (shade / 255))[..., None]
    mixed = 255 + strength * (table[np.where(white, 0, classes)] - 255)
    pixels: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return pixels


def _png(pixels: NDArray[np.uint8]) -> str:
    """Data URI of a picture [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _as_text(name: str) -> str:
    """A name as plotly shows it unchanged: it would read tags, and TeX between dollar signs."""
    return html.escape(name).replace("$", "&#36;")


def _player(frames: Sequence[Frame]) -> dict[str, Any]:
    """Layout of the play button and the epoch slider."""
    move = {"mode": "immediate", "transition": {"duration": 0}}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "showactive": False,
                "x": 0.0,
                "y": -0.02,
                "xanchor": "left",
                "yanchor": "top",
                "buttons": [
                    {
                        "label": "Play",
                        "method": "animate",
                        "args": [
                            None,
                            {**move, "fromcurrent": True, "frame": {"duration": 600, "redraw": True}},
                        ],
                    }
                ],
            }
        ],
        "sliders": [
            {
                "active": 0,
                "currentvalue": {"prefix": "epoch "},
                "x": 0.14,
                "len": 0.86,
                "y": 0.0,
                "steps": [
                    {
                        "label": str(frame.epoch),
                        "method": "animate",
                        "args": [[str(frame.epoch)], {**move, "frame": {"duration": 0, "redraw": True}}],
                    }
                    for frame in frames
                ],
            }
        ],
        "margin": {"l": 10, "r": 10, "t": 50, "b": 90},
    }
