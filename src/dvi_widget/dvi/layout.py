"""DeepVisualInsight without an autoencoder: positions are laid out, not predicted; the decoder is a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.arrays import check_number, check_whole
from dvi_widget.nearest import Axes, overlap
from dvi_widget.progress import Progress, counting
from dvi_widget.projection import Checkpoint, Map

from .few_samples import fill_directions, loosen
from .graph import Graph, descend, weigh
from .grid_decoder import GridDecoder
from .mesh import Mesh
from .placement import Placer

_VERSION = 4
_MIN_SAMPLES = 3
_DEFAULT_K, _SAMPLES_PER_NEIGHBOR = 15, 3
# Default xb_cross of many boundary samples; of fewer it is larger, up to a bound.
_XB_CROSS, _MANY_BOUNDARY_SAMPLES, _MAX_XB_CROSS = 0.1, 1_000, 0.5
_EARLY_EXAGGERATION, _EARLY_MOMENTUM = 12.0, 0.5  # van der Maaten & Hinton 2008, §3.4
_MOMENTUM, _MOMENTUM_SAMPLES = 0.8, 10_000  # momentum of up to so many samples
_START_STD = 0.01  # of the first positions, so small that classes can pass through each other
_START_NEIGHBORS = 5  # whose median a sample with a new prediction starts from
_MIN_SIMILARITY = 1e-9
_DESCENT_SHARE = 0.95  # of the time; the rest is the decoder's


@dataclass(frozen=True)
class Layout:
    """The layout as a method: positions follow t-SNE's gradient on the complex; the decoder is a table.

    Parameters
    ----------
    k, boundary_k, xb_weight, bb_weight, xx_cross, xb_cross, exaggeration, cap, iterations, dimension
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
    xx_cross: float = 0.1
    xb_cross: float | None = None
    exaggeration: float = 1.5
    cap: float = 1.0
    iterations: tuple[int, int, int] = (150, 400, 100)
    dimension: int = 2

    def __post_init__(self) -> None:
        if self.k is not None:
            check_whole("k", self.k, 1)
        check_whole("boundary_k", self.boundary_k, 1)
        for name in ("xb_weight", "bb_weight", "xx_cross"):
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
        if self.dimension not in (2, 3):
            raise ValueError(f"dimension must be 2 or 3; got {self.dimension!r}.")

    def ties(self, n: int) -> int:
        """Return how many others each of n samples is tied to."""
        return min(_DEFAULT_K, n - 1) if self.k is None else self.k

    def neighbors(self, n: int) -> int:
        """Return how many neighbours define a sample's semantics; of nearly all n, few would ever change."""
        return max(1, min(_DEFAULT_K, (n - 1) // _SAMPLES_PER_NEIGHBOR)) if self.k is None else self.k

    def cross(self, m: int) -> float:
        """Return the xb_cross of m boundary samples."""
        if self.xb_cross is not None:
            return self.xb_cross
        return min(_XB_CROSS * max(_MANY_BOUNDARY_SAMPLES / max(m, 1), 1.0), _MAX_XB_CROSS)

    def key(self) -> Mapping[str, Any]:
        """Return name, version and settings."""
        settings = asdict(self)
        # Maps that are kept in runs bear the exaggeration under its former name.
        settings["attraction"] = settings.pop("exaggeration")
        return {"method": "layout", "version": _VERSION, **settings}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,  # noqa: ARG002 - nothing is random
        report: Progress,
    ) -> LayoutMap:
        """Lay out one checkpoint."""
        n = len(checkpoint.x)
        if self.k is not None and n <= self.k:
            raise ValueError(f"k must be less than the {n} training samples; got {self.k}.")
        if n < _MIN_SAMPLES:
            raise ValueError(f"run must have {_MIN_SAMPLES} training samples or more for a layout; got {n}.")
        axes = Axes.fit(checkpoint.x, min_rank=self.dimension)
        graph, radii = self._graph(checkpoint)
        if previous is None:
            y = self._first(checkpoint, graph, axes, report)
        else:
            y = self._next(checkpoint, graph, *previous, report)
        y = _at_one_place(y, checkpoint.marks)
        decoder = GridDecoder.fit(y[:n].astype(np.float32), checkpoint.x, axes)
        fitted = LayoutMap(self, y.astype(np.float32), n, decoder, radii, graph.total, lambda: checkpoint)
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
        decoder = GridDecoder.load(arrays)
        y = np.concatenate([positions, arrays["boundary_positions"]])
        total = float(arrays["total"][0])
        return LayoutMap(self, y, len(positions), decoder, arrays["radii"], total, reopen)

    def _graph(self, checkpoint: Checkpoint) -> tuple[Graph, NDArray[np.float32]]:
        """Build the weighted complex, and measure each sample's distance to its k-th boundary sample."""
        n, b = len(checkpoint.x), checkpoint.b
        predictions = checkpoint.predictions
        k = self.neighbors(n)
        xx, distances = checkpoint.neighbors(self.ties(n))
        emphasis, rests = loosen(predictions, distances, len(b))
        xb, bb = np.empty((n, 0), np.int32), np.empty((len(b), 0), np.int32)
        radii = np.zeros(n, np.float32)
        agree = np.ones(xb.shape, bool)
        if len(b):
            xb = checkpoint.boundary_neighbors(self.boundary_k)[0]
            radii = np.ascontiguousarray(checkpoint.boundary_neighbors(k)[1][:, -1])
            sides = checkpoint.boundary_logits.argsort(axis=1)[:, -2:]
            agree = (sides[xb] == predictions[:, None, None]).any(axis=2)
        if len(b) > 1:
            bb = checkpoint.neighbors_along_boundary(self.boundary_k)[0]
        graph = weigh(
            xx,
            xb,
            bb,
            predictions[xx] == predictions[:, None],
            agree,
            xb_weight=self.xb_weight,
            bb_weight=self.bb_weight,
            xx_cross=self.xx_cross,
            xb_cross=self.cross(len(b)),
            emphasis=emphasis,
            rests=rests,
        )
        return graph, radii

    def _first(
        self, checkpoint: Checkpoint, graph: Graph, axes: Axes, report: Progress
    ) -> NDArray[np.float64]:
        """Lay out the first epoch from its principal components, with early exaggeration, then without."""
        u = np.concatenate([checkpoint.x, checkpoint.b])
        y = np.zeros((len(u), self.dimension))
        along = axes.reduce(u)[:, : self.dimension]
        y[:, : along.shape[1]] = along
        fill_directions(y)
        y *= _START_STD / max(float(y[: len(checkpoint.x)].std()), 1e-12)
        early, late, _ = self.iterations
        step = counting(report, early + late, _DESCENT_SHARE)
        mesh = Mesh(self.dimension)
        y = descend(
            y,
            graph,
            mesh,
            iterations=early,
            exaggeration=_EARLY_EXAGGERATION,
            momentum=_EARLY_MOMENTUM,
            min_std=_START_STD,
            report=step,
        )
        return descend(
            y,
            graph,
            mesh,
            iterations=late,
            exaggeration=self.exaggeration,
            momentum=_late_momentum(len(checkpoint.x)),
            min_std=_START_STD,
            report=step,
        )

    def _next(
        self, checkpoint: Checkpoint, graph: Graph, before: Checkpoint, fitted: Map, report: Progress
    ) -> NDArray[np.float64]:
        """Lay out a later epoch from the positions before; each sample's movement is bounded (see `cap`)."""
        old = fitted.positions.astype(np.float64)
        start = old.copy()
        k = self.neighbors(len(old))
        near = checkpoint.neighbors(k)[0]
        changed = checkpoint.predictions != before.predictions
        agree = checkpoint.predictions[near[changed]] == checkpoint.predictions[changed, None]
        first = np.argsort(~agree, axis=1, kind="stable")[:, :_START_NEIGHBORS]
        start[changed] = np.median(old[np.take_along_axis(near[changed], first, axis=1)], axis=1)
        similarity = overlap(before.semantic_neighbors(k), near)  # Eq. 11
        caps = np.full(len(old), np.inf)
        if np.isfinite(self.cap):
            caps = self.cap * (1 / np.maximum(similarity, _MIN_SIMILARITY) - 1)
            caps[changed] = np.inf
        y = np.concatenate([start, _beside_samples(graph, start)])
        iterations = self.iterations[2]
        return descend(
            y,
            graph,
            Mesh(self.dimension),
            iterations=iterations,
            exaggeration=self.exaggeration,
            anchors=old,
            caps=caps,
            report=counting(report, iterations, _DESCENT_SHARE),
        )


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
        reopen: Callable[[], Checkpoint],
    ) -> None:
        self.positions = y[:n]
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


def _beside_samples(graph: Graph, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start boundary samples at the median of the samples tied to them, or else in the middle of all."""
    n = len(y)
    places = np.tile(np.median(y, axis=0), (len(graph.indptr) - 1 - n, 1))
    for i in range(len(places)):
        ends = graph.indices[graph.indptr[n + i] : graph.indptr[n + i + 1]]
        samples = ends[ends < n]
        if len(samples):
            places[i] = np.median(y[samples], axis=0)
    return places
