"""DeepVisualInsight without an autoencoder: positions are laid out, not predicted; the decoder is a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvi_widget.estimator import Checkpoint, Map
from dvi_widget.nearest import Axes, overlap, row_marks

from .graph import Graph, descend, weigh
from .grid_decoder import GridDecoder
from .mesh import Mesh
from .placement import Placer

_VERSION = 4
_NEIGHBORS, _FEWEST = 15, 3
_CROSS, _CROSS_MOST, _MANY = 0.1, 0.5, 1_000  # xb_cross: of so many boundary samples or more, and of few
_GATHER = 12.0  # attraction of the first iterations: early exaggeration (van der Maaten & Hinton 2008, §3.4)
_MOMENTUM, _FEW = 0.8, 10_000  # momentum, up to so many points
_SMALL = 0.01  # standard deviation of the first positions, so that classes can pass through each other
_START = 5  # neighbours whose median a sample with a new prediction starts from


@dataclass(frozen=True)
class Layout:
    """Settings of the layout: positions follow t-SNE's gradient on the complex; the decoder is a table.

    It answers to the same four properties as the published method (DeepVisualInsight, §4) by other means. The
    layout is the (k)-BAVR complex (Def. 3) under t-SNE's gradient, all points at once, see `descend`. What
    keeps an epoch like the one before is not a bound on weights (Eq. 10) but a bound on each sample's way, by
    how much of its meaning it kept. `GridDecoder` inverts it, `Placer` places what took no part. Nothing is
    random, and nothing is trained by steps that could end early.

    Figures below are means over the six epochs of the MNIST and CIFAR-10 reference runs, seed 0, on which the
    defaults were chosen.

    Test samples are placed among recorded samples of their own prediction, so their PPR is high by
    construction and says little about the decoder: without that restriction it was .963 instead of .999
    (MNIST) and .875 instead of .989 (CIFAR-10), while nn_pv rose by .005.

    Parameters
    ----------
    k : int, optional
        Nearest samples tied to each sample, which are also its meaning (eval_sem, Eq. 11). More of
        them tie larger groups together, at a cost that grows with k. By default 15, or a third of the
        samples where these are fewer than 46: tied to most of the others, a sample has no place of its own.
    boundary_k : int
        Nearest boundary samples tied to each sample, and to each boundary sample. They share the weight
        below, so that each of many holds less: 8 is better than 15 and 25 for boundary_pv (.49 against .47
        on MNIST) and for nn_pv.
    xb_weight : float
        Weight of a sample's edges to boundary samples; those to samples weigh 1 together. It trades nn_pv
        and PPR for boundary_pv: .6, .65, .7 gave boundary_pv .436, .441, .443 (test), PPR .985, .981, .978
        and nn_pv .334, .330, .325 (train) on the first three epochs of CIFAR-10.
    bb_weight : float
        Weight of a boundary sample's edges to others of its kind: it holds boundaries together, against the
        pull of the samples on either side.
    xx_cross : float
        Factor on edges between samples of different prediction. Less of it parts the classes, which lifts
        PPR, and lets go of neighbours across a boundary, which nn_pv and boundary_pv count: .05 instead of .1
        gave PPR .979 instead of .978, and boundary_pv .493 instead of .496, there.
    xb_cross : float, optional
        Factor on edges to boundary samples of other classes' boundaries, which draw a sample out of its
        territory. Less of it trades boundary_pv for PPR: PPR .958 with 1, .979 with .1 on CIFAR-10, for .01
        of boundary_pv. By default .1 of 1,000 boundary samples or more. Of fewer, those nearest to a sample
        lie the more on others' boundaries, and so weak edges would leave most of them untied: 100 over their
        number, and .5 at most. With .5 instead of .1, boundary_pv was .546 instead of .496 (PPR .978 instead
        of .988) on 1,500 samples of CIFAR-10 that have 150, and .655 instead of .620 (.995 and .997) on 600
        of MNIST that have 60.
    attraction : float
        Lasting exaggeration: it trades neighbours for boundaries. 1 keeps most neighbours (nn_pv .46 on MNIST
        where 1.5 kept .37); 1.8 instead of 1.5 gave boundary_pv .453 instead of .436 (test), at nn_pv .281
        instead of .334 and PPR .949 instead of .985 (train), on the first three epochs of CIFAR-10.
    cap : float
        How far a sample may go between two epochs: cap · (1 / eval_sem − 1), in widths of the similarity, if
        its prediction is unchanged; otherwise it is free. Where the published method bounds weights by
        λ · eval_sem (Eq. 10), this bounds each sample's way. It trades temporal_pv for nn_pv: .5, 1, 2 gave
        temporal −.83, −.76, −.67 on MNIST and −.31, −.24, −.19 on CIFAR-10, at nn_pv .294, .310, .319 there.
        Infinity switches it off.
    iterations : tuple of three int
        Of the first epoch, drawn together and let go; and of each later one. Time for nn_pv: a later epoch
        that is given more comes closer to its own best layout, as far as `cap` lets it.
    dimension : int
        l: 2 for a canvas, 3 for `Landscape.figure` alone.

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
    attraction: float = 1.5
    cap: float = 1.0
    iterations: tuple[int, int, int] = (150, 400, 100)
    dimension: int = 2

    def __post_init__(self) -> None:
        for name in ("boundary_k",) if self.k is None else ("k", "boundary_k"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more; found {value!r}.")
        for name in ("xb_weight", "bb_weight", "xx_cross", "xb_cross"):
            value = getattr(self, name)
            if not (name == "xb_cross" and value is None) and not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a number of 0 or more; found {value!r}.")
        if not 1 <= self.attraction < np.inf:
            raise ValueError(f"attraction must be a number of 1 or more; found {self.attraction!r}.")
        if not self.cap > 0:
            raise ValueError(f"cap must be a positive number, or infinity; found {self.cap!r}.")
        if len(self.iterations) != 3 or not all(isinstance(v, int) and v > 0 for v in self.iterations):
            raise ValueError(
                f"iterations must be three whole numbers of 1 or more; found {self.iterations!r}."
            )
        if self.dimension not in (2, 3):
            raise ValueError(f"dimension must be 2 or 3; found {self.dimension!r}.")

    def neighbors(self, n: int) -> int:
        """The k that n samples are tied by."""
        return max(1, min(_NEIGHBORS, (n - 1) // 3)) if self.k is None else self.k

    def cross(self, m: int) -> float:
        """The factor on edges across boundaries that m boundary samples are tied by."""
        if self.xb_cross is not None:
            return self.xb_cross
        return min(_CROSS * max(_MANY / max(m, 1), 1.0), _CROSS_MOST)

    def key(self) -> Mapping[str, Any]:
        """Name, version and settings."""
        return {"method": "layout", "version": _VERSION, **asdict(self)}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,  # noqa: ARG002
        report: Callable[[float], object],
    ) -> LayoutMap:
        """Lay out one checkpoint. Nothing is random: the seed has no part in it."""
        n = len(checkpoint.x)
        if self.k is not None and n <= self.k:
            raise ValueError(f"k must be less than the {n} training samples; found {self.k}.")
        if n < _FEWEST:
            raise ValueError(f"a layout needs {_FEWEST} training samples or more; this run has {n}.")
        axes = Axes.fit(checkpoint.x, min_rank=self.dimension)
        graph, radii = self._graph(checkpoint)
        if previous is None:
            y = self._first(checkpoint, graph, axes, report)
        else:
            y = self._next(checkpoint, graph, *previous, report)
        y = _one_place(y, np.concatenate([checkpoint.x, checkpoint.b]))
        decoder = GridDecoder.fit(y[:n].astype(np.float32), checkpoint.x, axes)
        fitted = LayoutMap(self, y.astype(np.float32), n, decoder, radii, graph.total, lambda: checkpoint)
        fitted.prepare()
        report(1.0)
        return fitted

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> LayoutMap:
        """A fitted map; the representations it places by are read again when something is to be placed."""
        decoder = GridDecoder.load(arrays)
        y = np.concatenate([positions, arrays["boundary_positions"]])
        total = float(arrays["total"][0])
        return LayoutMap(self, y, len(positions), decoder, arrays["radii"], total, reopen)

    def _graph(self, checkpoint: Checkpoint) -> tuple[Graph, NDArray[np.float32]]:
        """The weighted complex, and each sample's distance to its k-th boundary sample."""
        n, b = len(checkpoint.x), checkpoint.b
        predictions = checkpoint.predictions
        k = self.neighbors(n)
        xx = checkpoint.neighbors(k)[0]
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
        )
        return graph, radii

    def _first(
        self, checkpoint: Checkpoint, graph: Graph, axes: Axes, report: Callable[[float], object]
    ) -> NDArray[np.float64]:
        """From principal components; first drawn together, then let go."""
        u = np.concatenate([checkpoint.x, checkpoint.b])
        y = np.zeros((len(u), self.dimension))
        along = axes.reduce(u)[:, : self.dimension]
        y[:, : along.shape[1]] = along
        y *= _SMALL / max(float(y[: len(checkpoint.x)].std()), 1e-12)
        gather, let_go, _ = self.iterations
        tick = _ticking(report, gather + let_go)
        mesh = Mesh(self.dimension)
        y = descend(
            y,
            graph,
            mesh,
            iterations=gather,
            attraction=_GATHER,
            momentum=0.5,
            least=_SMALL,
            report=tick,
        )
        return descend(
            y,
            graph,
            mesh,
            iterations=let_go,
            attraction=self.attraction,
            momentum=_momentum(len(checkpoint.x)),
            least=_SMALL,
            report=tick,
        )

    def _next(
        self,
        checkpoint: Checkpoint,
        graph: Graph,
        before: Checkpoint,
        fitted: Map,
        report: Callable[[float], object],
    ) -> NDArray[np.float64]:
        """From where the samples were; each may go as far as its meaning did."""
        old = fitted.positions.astype(np.float64)
        start = old.copy()
        k = self.neighbors(len(old))
        near = checkpoint.neighbors(k)[0]
        changed = checkpoint.predictions != before.predictions
        agree = checkpoint.predictions[near[changed]] == checkpoint.predictions[changed, None]
        first = np.argsort(~agree, axis=1, kind="stable")[:, :_START]
        start[changed] = np.median(old[np.take_along_axis(near[changed], first, axis=1)], axis=1)
        similarity = overlap(before.meaning(k), near)  # Eq. 11
        caps = np.full(len(old), np.inf)
        if np.isfinite(self.cap):
            caps = self.cap * (1 / np.maximum(similarity, 1e-9) - 1)
            caps[changed] = np.inf
        y = np.concatenate([start, _beside_samples(graph, start)])
        iterations = self.iterations[2]
        return descend(
            y,
            graph,
            Mesh(self.dimension),
            iterations=iterations,
            attraction=self.attraction,
            anchors=old,
            caps=caps,
            report=_ticking(report, iterations),
        )


class LayoutMap:
    """Positions of one epoch, the table that decodes them, and what places others among them."""

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

    def prepare(self) -> Placer:
        """Make what `transform` searches in, if it is not there yet."""
        if self._placer is None:
            assert self._reopen is not None
            checkpoint, settings = self._reopen(), self._settings
            boundary_k = min(settings.boundary_k, max(len(checkpoint.b), 1))
            self._placer = Placer(
                checkpoint.x,
                checkpoint.b,
                self._y.astype(np.float64),
                head=checkpoint.head,
                predictions=checkpoint.predictions,
                radii=self._radii,
                edge=settings.xb_weight / boundary_k / self._total,
                k=settings.neighbors(len(checkpoint.x)),
                boundary_k=boundary_k,
                attraction=settings.attraction,
            )
            self._reopen = None
        return self._placer

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: [m, h] to [m, l] (see `Placer.samples`)."""
        return self.prepare().samples(x)

    def transform_boundary(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ of δ-boundary points: [m, h] to [m, l] (see `Placer.boundary`)."""
        return self.prepare().boundary(x)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: [m, l] to [m, h] (see `GridDecoder`)."""
        return self._decoder.decode(y)

    def logits(
        self, y: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Logits [m, C] of decoded positions under a linear head."""
        return self._decoder.logits(y, weight, bias)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The decoder, and what places others apart from the representations."""
        return {
            **self._decoder.arrays(),
            "boundary_positions": self._y[len(self.positions) :],
            "radii": self._radii,
            "total": np.array([self._total]),
        }


def _momentum(n: int) -> float:
    """Momentum of the first epoch once let go: a large cloud has farther to go to its full width.

    Chosen on 60,000 samples, where it is .95: nn_pv .28 after 200 iterations, .20 with .8 after 1,000.
    """
    return 1 - (1 - _MOMENTUM) * float(min(1.0, (_FEW / n) ** 0.75))


def _one_place(y: NDArray[np.float64], u: NDArray[np.float32]) -> NDArray[np.float64]:
    """Positions [n, l] of representations [n, h], those of equal ones drawn together: φ is a function."""
    _, group, size = np.unique(row_marks(u), return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, column) / size for column in y.T], axis=1)
    return np.where((size > 1)[group, None], means[group], y)


def _beside_samples(graph: Graph, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where boundary samples start: the median of the samples tied to them, or the middle of all."""
    n = len(y)
    places = np.tile(np.median(y, axis=0), (len(graph.indptr) - 1 - n, 1))
    for i in range(len(places)):
        ends = graph.indices[graph.indptr[n + i] : graph.indptr[n + i + 1]]
        samples = ends[ends < n]
        if len(samples):
            places[i] = np.median(y[samples], axis=0)
    return places


def _ticking(report: Callable[[float], object], steps: int) -> Callable[[], object]:
    """A clock that reports the share of so many steps; the decoder's part is left at the end."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        report(0.95 * done / steps)

    return tick
