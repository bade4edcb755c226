"""Classical projections as estimators of the same shape, for comparison."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import check_number, check_whole
from .nearest import neighbors
from .progress import Progress
from .projection import Checkpoint, Map, Method, Projection

_TSNE_NEIGHBORS = 5  # at whose median t-SNE's unseen samples are placed
_WARM_EPOCHS = 200  # layout epochs of a warm-started UMAP: as many as umap-learn's default for large N


class PCA(Projection):
    """Project each epoch onto its own two principal components, and decode by the transposed projection.

    The sign of a component, which PCA leaves open, is such that its largest loading is positive.
    """

    def _method(self) -> Method:
        return _Components()


class _Components:
    """PCA as a method; epochs are independent of each other."""

    def key(self) -> Mapping[str, Any]:
        return {"method": "pca", "version": 1}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        report: Progress,
    ) -> _LinearMap:
        centre = checkpoint.x.mean(axis=0, dtype=np.float64)
        x = checkpoint.x.astype(np.float64) - centre
        axes: NDArray[np.float64] = np.linalg.eigh(x.T @ x)[1][:, :-3:-1].T  # [2, h]
        axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
        report(1.0)
        fitted = _LinearMap(centre.astype(np.float32), axes.astype(np.float32))
        fitted.positions = fitted.transform(checkpoint.x)
        return fitted

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],  # noqa: ARG002
    ) -> _LinearMap:
        return _LinearMap(arrays["centre"], arrays["axes"], positions)


class _LinearMap:
    """An orthogonal projection onto a plane."""

    def __init__(
        self,
        centre: NDArray[np.float32],
        axes: NDArray[np.float32],
        positions: NDArray[np.float32] | None = None,
    ) -> None:
        self._centre = centre
        self._axes = axes
        self.positions = np.empty((0, len(axes)), np.float32) if positions is None else positions

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((x - self._centre) @ self._axes.T).astype(np.float32)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        return (y @ self._axes + self._centre).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"centre": self._centre, "axes": self._axes}


class TSNE(Projection):
    """Lay out each epoch by scikit-learn's Barnes–Hut t-SNE from its principal components; no inverse.

    t-SNE has no map either: unseen samples are placed at the median of their five nearest recorded samples.
    Nothing is random.

    Parameters
    ----------
    perplexity : float
        Effective number of neighbours of each sample (van der Maaten & Hinton 2008, §2): positive, and less
        than the number of training samples.
    """

    def __init__(self, perplexity: float = 30.0) -> None:
        self.perplexity = perplexity

    def _method(self) -> Method:
        if check_number("perplexity", self.perplexity, 0) == 0:
            raise ValueError("perplexity must be a positive number; got 0.")
        return _StochasticNeighbors(self.perplexity)


@dataclass(frozen=True)
class _StochasticNeighbors:
    """t-SNE as a method; epochs are independent of each other."""

    perplexity: float

    def key(self) -> Mapping[str, Any]:
        return {"method": "tsne", "version": 1, **asdict(self)}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,  # noqa: ARG002
        seed: int,
        report: Progress,
    ) -> _Positions:
        from sklearn.manifold import TSNE as Descent  # noqa: N811, PLC0415

        if self.perplexity >= len(checkpoint.x):
            raise ValueError(
                f"perplexity must be less than the {len(checkpoint.x)} training samples; "
                f"got {self.perplexity!r}."
            )
        descent = Descent(2, perplexity=self.perplexity, init="pca", random_state=seed, n_jobs=1)
        positions = descent.fit_transform(checkpoint.x).astype(np.float32)
        report(1.0)
        return _Positions(positions, lambda: checkpoint)

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],  # noqa: ARG002
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> _Positions:
        return _Positions(positions, reopen)


class _Positions:
    """Positions without a map: other samples are placed beside their neighbours."""

    def __init__(self, positions: NDArray[np.float32], reopen: Callable[[], Checkpoint]) -> None:
        self.positions = positions
        self._reopen = reopen

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        recorded = self._reopen().x
        near = neighbors(recorded, min(_TSNE_NEIGHBORS, len(recorded)), query=x)[0]
        return np.median(self.positions[near], axis=1).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}


class UMAP(Projection):
    """Lay out each epoch by umap-learn, which also places unseen samples and decodes, at 50 CPU ms a point.

    Pass some hundred rows as `decoded` to `Landscape.measures`; painting a canvas takes more than an hour.

    Parameters
    ----------
    n_neighbors, min_dist : int, float
        As in umap-learn: 2 or more, and less than the number of training samples; in [0, 1].
    warm : bool
        Whether each epoch is laid out from the positions of the epoch before, for 200 layout epochs.
        Otherwise each starts from its own spectral embedding, independently of the others.
    seed : int
        Seed of all random choices: the same seed on the same machine gives the same positions.
    """

    def __init__(
        self, n_neighbors: int = 15, min_dist: float = 0.1, *, warm: bool = False, seed: int = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.warm = warm
        self.seed = seed

    def _method(self) -> Method:
        check_whole("n_neighbors", self.n_neighbors, 2)
        check_number("min_dist", self.min_dist, 0, 1)
        return _FuzzyLayout(self.n_neighbors, self.min_dist, self.warm)


@dataclass(frozen=True)
class _FuzzyLayout:
    """UMAP as a method."""

    n_neighbors: int
    min_dist: float
    warm: bool

    def key(self) -> Mapping[str, Any]:
        return {"method": "umap-t" if self.warm else "umap", "version": 1, **asdict(self)}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,
        report: Progress,
    ) -> _UMAPMap:
        if self.n_neighbors >= len(checkpoint.x):
            raise ValueError(
                f"n_neighbors must be less than the {len(checkpoint.x)} training samples; "
                f"got {self.n_neighbors}."
            )
        if previous is None or not self.warm:
            model = self.model(seed).fit(checkpoint.x.copy())
        else:
            model = self.placed(checkpoint.x, previous[1].positions, seed)
            self._settle(model, seed)
        report(1.0)
        return _UMAPMap(np.ascontiguousarray(model.embedding_, np.float32), seed, lambda: model)

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> _UMAPMap:
        seed = int(arrays["seed"][0])
        return _UMAPMap(positions, seed, lambda: self.placed(reopen().x, positions, seed))

    def model(self, seed: int, **settings: Any) -> Any:
        """Build umap-learn's estimator. Fit it to a copy, as its inverse needs writable samples."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
            import umap  # noqa: PLC0415 - it compiles for seconds, which only fitting needs

        return umap.UMAP(
            n_neighbors=self.n_neighbors, min_dist=self.min_dist, random_state=seed, n_jobs=1, **settings
        )

    def placed(self, x: NDArray[np.float32], positions: NDArray[np.float32], seed: int) -> Any:
        """Build an estimator with these samples at these positions, as if it had laid them out itself."""
        model = self.model(seed, init=positions, n_epochs=0).fit(x.copy())
        model.n_epochs = None  # umap-learn's default from here on
        model.embedding_ = positions.copy()  # fitting rescales its initial positions
        return model

    def _settle(self, model: Any, seed: int) -> None:
        """Continue the layout from the estimator's present positions."""
        from umap.layouts import optimize_layout_euclidean  # noqa: PLC0415
        from umap.umap_ import make_epochs_per_sample  # noqa: PLC0415

        epochs = _WARM_EPOCHS
        graph = model.graph_.tocoo()
        strong = graph.data >= graph.data.max() / epochs
        y = model.embedding_
        state = np.random.RandomState(seed).randint(-(2**31) + 1, 2**31 - 1, 3).astype(np.int64)
        optimize_layout_euclidean(
            y,
            y,
            graph.row[strong],
            graph.col[strong],
            epochs,
            len(y),
            make_epochs_per_sample(graph.data[strong], epochs),
            model._a,  # noqa: SLF001
            model._b,  # noqa: SLF001
            state,
            move_other=True,
        )


class _UMAPMap:
    """A layout of umap-learn. Its estimator is built again, when it is needed, for a map that was loaded."""

    def __init__(self, positions: NDArray[np.float32], seed: int, reopen: Callable[[], Any]) -> None:
        self.positions = positions
        self._seed = seed
        self._reopen = reopen
        self._model: Any = None
        self._decoded: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(x):
            return np.empty((0, 2), np.float32)
        return np.asarray(self._opened().transform(x), np.float32)

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        # Two measures in a row decode the same points.
        if self._decoded is None or not np.array_equal(self._decoded[0], y):
            x = np.asarray(self._opened().inverse_transform(y), np.float32)
            self._decoded = y.copy(), x
        return self._decoded[1].copy()

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"seed": np.array([self._seed])}

    def _opened(self) -> Any:
        if self._model is None:
            self._model = self._reopen()
        return self._model
