"""DeepVisualInsight without an autoencoder: positions are laid out, not predicted; the decoder is a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.arrays import check_number, check_whole
from dvi_widget.nearest import Axes
from dvi_widget.progress import Progress, counting
from dvi_widget.projection import Checkpoint, Map

from .crossing import MEASURED_SAMPLES, Crossing
from .graph import Graph, Ties, descend
from .grid_decoder import GridDecoder
from .landmarks import landmark_rows
from .mesh import Mesh
from .movement import Movement, movement
from .placement import Placer
from .pulls import Guide, Hold, cells
from .skeleton import first_outline, next_outline, outlines

_VERSION = 9
_MIN_SAMPLES = 3
_DEFAULT_K, _SEMANTIC_K, _SAMPLES_PER_NEIGHBOR = 20, 20, 3
# Default xb_cross of many boundary samples; of fewer it is larger, up to a bound.
_XB_CROSS, _MANY_BOUNDARY_SAMPLES, _MAX_XB_CROSS = 0.1, 1_000, 0.5
_EARLY_EXAGGERATION, _EARLY_MOMENTUM = 4.0, 0.5
_MOMENTUM, _MOMENTUM_SAMPLES = 0.8, 10_000  # momentum of up to so many samples
_START_STD = 10.0  # of the first places, in widths of the similarity
_START_RADII = 2.5  # median distances from the middle, beyond which a first place is brought nearer
_MIN_STD = 0.01
_DESCENT_SHARE = 0.95  # of the time; the rest is the decoder's


@dataclass(frozen=True)
class Layout:
    """The layout as a method: positions follow t-SNE's gradient on the complex; the decoder is a table.

    Parameters
    ----------
    k, boundary_k, xb_weight, bb_weight, xb_cross, exaggeration, cap, iterations, joint, dimension
        As for `DVI`, where the figures stand on which the defaults were chosen.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    k: int | None = None
    boundary_k: int = 8
    xb_weight: float = 0.65
    bb_weight: float = 0.1
    xb_cross: float | None = None
    exaggeration: float = 1.0
    cap: float = 1.5
    iterations: tuple[int, int, int] = (100, 450, 100)
    joint: bool = True
    dimension: int = 2

    def __post_init__(self) -> None:
        if self.k is not None:
            check_whole("k", self.k, 1)
        check_whole("boundary_k", self.boundary_k, 1)
        for name in ("xb_weight", "bb_weight"):
            check_number(name, getattr(self, name), 0)
        if self.xb_cross is not None:
            check_number("xb_cross", self.xb_cross, 0)
        check_number("exaggeration", self.exaggeration, 1)
        if self.cap != np.inf and check_number("cap", self.cap, 0) == 0:
            raise ValueError("cap must be a positive number, or infinity; got 0.")
        if not isinstance(self.iterations, (tuple, list)) or len(self.iterations) != 3:
            raise ValueError(f"iterations must be three whole numbers; got {self.iterations!r}.")
        for value in self.iterations:
            check_whole("iterations", value, 1)
        if not isinstance(self.joint, bool):
            raise ValueError(f"joint must be True or False; got {self.joint!r}.")  # noqa: TRY004
        if self.dimension not in (2, 3):
            raise ValueError(f"dimension must be 2 or 3; got {self.dimension!r}.")

    def ties(self, n: int) -> int:
        """Return how many others each of n samples is tied to."""
        return min(_DEFAULT_K, n - 1) if self.k is None else self.k

    def neighbors(self, n: int) -> int:
        """Return how many neighbours define a sample's semantics; of nearly all n, few would ever change."""
        return max(1, min(_SEMANTIC_K, (n - 1) // _SAMPLES_PER_NEIGHBOR)) if self.k is None else self.k

    def cross(self, m: int) -> float:
        """Return the xb_cross of m boundary samples."""
        if self.xb_cross is not None:
            return self.xb_cross
        return min(_XB_CROSS * max(_MANY_BOUNDARY_SAMPLES / max(m, 1), 1.0), _MAX_XB_CROSS)

    def key(self) -> Mapping[str, Any]:
        """Return name, version and settings."""
        return {"method": "layout", "version": _VERSION, **self._settings()}

    def prepare(self, representations: Mapping[int, NDArray[np.float32]], report: Progress) -> Layout:
        """Arrange all epochs together; the method returned lays them out one by one."""
        for x in representations.values():
            self._check(len(x))
        arranged = outlines(list(representations.values()), self.dimension, report)
        return JointLayout(**self._settings(), outlines=dict(zip(representations, arranged, strict=True)))

    def outline(
        self, checkpoint: Checkpoint, previous: tuple[Checkpoint, LayoutMap] | None
    ) -> NDArray[np.float64]:
        """Arrange one epoch, after those before it alone."""
        if previous is None:
            return first_outline(checkpoint.x, self.dimension)
        before, fitted = previous
        return next_outline(checkpoint.x, before.x, fitted.outline.astype(np.float64))

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,  # noqa: ARG002 - nothing is random
        report: Progress,
    ) -> LayoutMap:
        """Lay out one checkpoint."""
        n = len(checkpoint.x)
        self._check(n)
        before: tuple[Checkpoint, LayoutMap] | None = None
        if previous is not None:
            assert isinstance(previous[1], LayoutMap)
            before = previous[0], previous[1]
        outline = self.outline(checkpoint, before)
        ties, radii = self._ties(checkpoint)
        near = checkpoint.neighbors(self.neighbors(n))[0]
        measured = landmark_rows(checkpoint.x, MEASURED_SAMPLES)
        if before is None:
            crossing = Crossing(near, checkpoint.predictions, measured)
            y = self._first(checkpoint, ties, crossing, outline, report)
        else:
            crossing = Crossing(near, checkpoint.predictions, measured, before[1].crossing)
            y = self._next(checkpoint, ties, crossing, outline, before, report)
        y = _at_one_place(y, checkpoint.marks)
        u = np.concatenate([checkpoint.x, checkpoint.b])
        decoder = GridDecoder.fit(y.astype(np.float32), u, Axes.fit(checkpoint.x, min_rank=self.dimension))
        total = ties.graph(crossing.of_samples()).total
        fitted = LayoutMap(
            self,
            y.astype(np.float32),
            n,
            decoder,
            radii,
            total,
            outline.astype(np.float32),
            crossing.factors,
            lambda: checkpoint,
        )
        fitted.placer()
        report(1.0)
        return fitted

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> LayoutMap:
        """Rebuild a fitted map; representations are read again when something is to be placed."""
        return LayoutMap(
            self,
            np.concatenate([positions, arrays["boundary_positions"]]),
            len(positions),
            GridDecoder.load(arrays),
            arrays["radii"],
            float(arrays["total"][0]),
            arrays["outline"],
            arrays["crossing"],
            reopen,
        )

    def _settings(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(Layout)}

    def _check(self, n: int) -> None:
        """Refuse too few samples."""
        if self.k is not None and n <= self.k:
            raise ValueError(f"k must be less than the {n} training samples; got {self.k}.")
        if n < _MIN_SAMPLES:
            raise ValueError(f"run must have {_MIN_SAMPLES} training samples or more for a layout; got {n}.")

    def _ties(self, checkpoint: Checkpoint) -> tuple[Ties, NDArray[np.float32]]:
        """Search what each sample is tied to, and measure its distance to its k-th boundary sample."""
        n, b = len(checkpoint.x), checkpoint.b
        predictions = checkpoint.predictions
        xx = checkpoint.neighbors(self.ties(n))[0]
        xb, bb = np.empty((n, 0), np.int32), np.empty((len(b), 0), np.int32)
        radii = np.zeros(n, np.float32)
        agree = np.ones(xb.shape, bool)
        if len(b):
            xb = checkpoint.boundary_neighbors(self.boundary_k)[0]
            radii = np.ascontiguousarray(checkpoint.boundary_neighbors(self.neighbors(n))[1][:, -1])
            sides = checkpoint.boundary_logits.argsort(axis=1)[:, -2:]
            agree = (sides[xb] == predictions[:, None, None]).any(axis=2)
        if len(b) > 1:
            bb = checkpoint.neighbors_along_boundary(self.boundary_k)[0]
        ties = Ties(
            xx,
            xb,
            bb,
            predictions[xx] == predictions[:, None],
            agree,
            xb_weight=self.xb_weight,
            bb_weight=self.bb_weight,
            xb_cross=self.cross(len(b)),
        )
        return ties, radii

    def _first(
        self,
        checkpoint: Checkpoint,
        ties: Ties,
        crossing: Crossing,
        outline: NDArray[np.float64],
        report: Progress,
    ) -> NDArray[np.float64]:
        """Lay out the first epoch from its outline: the samples alone and drawn together, then all."""
        n = len(checkpoint.x)
        early, late, _ = self.iterations
        step = counting(report, early + late, _DESCENT_SHARE)
        mesh = Mesh(self.dimension)
        guide = Guide(outline, cells(checkpoint))
        start = _spread(outline)
        y = descend(
            np.concatenate([start, _beside_samples(ties, start)]),
            ties.graph(boundary=False),
            mesh,
            iterations=early,
            exaggeration=_EARLY_EXAGGERATION * self.exaggeration,
            momentum=_EARLY_MOMENTUM,
            min_std=_MIN_STD,
            pull=guide,
            report=step,
        )
        y[n:] = _beside_samples(ties, y[:n])
        return descend(
            y,
            ties.graph(crossing.of_samples()),
            mesh,
            iterations=late,
            exaggeration=self.exaggeration,
            momentum=_late_momentum(n),
            min_std=_MIN_STD,
            pull=guide,
            reweigh=_calibrated(ties, crossing, n),
            report=step,
        )

    def _next(
        self,
        checkpoint: Checkpoint,
        ties: Ties,
        crossing: Crossing,
        outline: NDArray[np.float64],
        before: tuple[Checkpoint, LayoutMap],
        report: Progress,
    ) -> NDArray[np.float64]:
        """Lay out a later epoch from the places before, as far as there is evidence (see `Movement`)."""
        n, (earlier, fitted) = len(checkpoint.x), before
        moved: Movement = movement(
            earlier,
            checkpoint,
            fitted.positions.astype(np.float64),
            fitted.outline.astype(np.float64),
            outline,
            k=self.neighbors(n),
            cap=self.cap,
        )
        iterations = self.iterations[2]
        return descend(
            np.concatenate([moved.start, _beside_samples(ties, moved.start)]),
            ties.graph(crossing.of_samples()),
            Mesh(self.dimension),
            iterations=iterations,
            exaggeration=self.exaggeration,
            anchors=moved.anchors,
            caps=moved.caps,
            pull=Hold(moved.anchors, moved.kept, cells(checkpoint)),
            reweigh=_calibrated(ties, crossing, n),
            report=counting(report, iterations, _DESCENT_SHARE),
        )


@dataclass(frozen=True)
class JointLayout(Layout):
    """A layout whose epochs are arranged already.

    Parameters
    ----------
    outlines : mapping of int to float64 [n, l]
        Per epoch, the skeleton's places.
    """

    outlines: Mapping[int, NDArray[np.float64]] | None = None

    def outline(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, LayoutMap] | None,  # noqa: ARG002 - it took part already
    ) -> NDArray[np.float64]:
        """Return the arrangement of an epoch."""
        assert self.outlines is not None
        return self.outlines[checkpoint.epoch]


class LayoutMap:
    """The layout of one epoch, the table that decodes it, and what places other points in it."""

    def __init__(
        self,
        settings: Layout,
        y: NDArray[np.float32],
        n: int,
        decoder: GridDecoder,
        radii: NDArray[np.float32],
        total: float,
        outline: NDArray[np.float32],
        crossing: NDArray[np.float64],
        reopen: Callable[[], Checkpoint],
    ) -> None:
        self.positions = y[:n]
        self.outline = outline
        self.crossing = crossing
        self._settings = settings
        self._y = y
        self._decoder = decoder
        self._radii = radii
        self._total = total
        self._reopen: Callable[[], Checkpoint] | None = reopen
        self._placer: Placer | None = None

    def placer(self) -> Placer:
        """Build what `transform` searches in, unless it is built."""
        if self._placer is None:
            assert self._reopen is not None
            checkpoint, settings = self._reopen(), self._settings
            boundary_k = min(settings.boundary_k, max(len(checkpoint.b), 1))
            self._placer = Placer(
                checkpoint,
                self._y.astype(np.float64),
                radii=self._radii,
                edge_weight=settings.xb_weight / boundary_k / self._total,
                k=settings.neighbors(len(checkpoint.x)),
                boundary_k=boundary_k,
                exaggeration=settings.exaggeration,
            )
            self._reopen = None
        return self._placer

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: [m, h] to [m, l] (see `Placer.samples`)."""
        return self.placer().samples(x)

    def transform_boundary(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ of δ-boundary points: [m, h] to [m, l] (see `Placer.boundary`)."""
        return self.placer().boundary(x)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: [m, l] to [m, h] (see `GridDecoder`)."""
        return self._decoder.decode(y)

    def logits(
        self, y: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Compute the logits [m, C] of decoded positions under a linear head."""
        return self._decoder.logits(y, weight, bias)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the decoder, and what places others apart from the representations."""
        return {
            **self._decoder.arrays(),
            "boundary_positions": self._y[len(self.positions) :],
            "radii": self._radii,
            "total": np.array([self._total]),
            "outline": self.outline,
            "crossing": self.crossing,
        }


def _late_momentum(n: int) -> float:
    """Choose the momentum after early exaggeration: a large cloud has farther to go to its full width.

    Chosen on 60,000 samples, where it is .95: nn_pv .28 after 200 iterations, .20 with .8 after 1,000.
    """
    return 1 - (1 - _MOMENTUM) * float(min(1.0, (_MOMENTUM_SAMPLES / n) ** 0.75))


def _at_one_place(y: NDArray[np.float64], marks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Move the positions [n, l] of equal representations, by their marks [n], to their mean.

    φ is a function: it cannot place equal representations apart.
    """
    _, group, size = np.unique(marks, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, column) / size for column in y.T], axis=1)
    return np.where((size > 1)[group, None], means[group], y)


def _beside_samples(ties: Ties, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start boundary samples at the median of the samples tied to them, or else in the middle of all."""
    owners, samples, count = ties.samples_of_boundary()
    starts = np.searchsorted(owners, np.arange(count + 1))
    sizes = np.diff(starts)
    places = np.empty((count, y.shape[1]))
    places[:] = np.median(y, axis=0)
    some = np.flatnonzero(sizes)
    low, high = starts[some] + (sizes[some] - 1) // 2, starts[some] + sizes[some] // 2
    for axis, along in enumerate(y.T):
        ascending = along[samples][np.lexsort((along[samples], owners))]
        places[some, axis] = (ascending[low] + ascending[high]) / 2
    return places


def _spread(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale an outline [n, l] to the width a descent starts from; bring what lies far out nearer."""
    centred = outline - np.median(outline, axis=0)
    radii = np.linalg.norm(centred, axis=1)
    rim = _START_RADII * float(np.median(radii))
    centred *= np.minimum(1, rim / np.maximum(radii, 1e-12))[:, None] if rim else 1.0
    return centred * (_START_STD / max(float(centred.std()), 1e-12))


def _calibrated(ties: Ties, crossing: Crossing, n: int) -> Callable[[NDArray[np.float64], int], Graph | None]:
    """Return what weighs the ties anew whenever the crossing is adjusted."""

    def reweigh(y: NDArray[np.float64], iteration: int) -> Graph | None:
        if not crossing.due(iteration):
            return None
        crossing.adjust(y[:n])
        return ties.graph(crossing.of_samples())

    return reweigh
