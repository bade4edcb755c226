"""Classical projections behind the same estimator shape, for comparison."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import check_whole
from .estimator import Checkpoint, Map, Method, Projection
from .nearest import neighbors

_BESIDE = 5  # nearest samples whose median is where t-SNE's unseen samples are put
_WARM = 200  # layout epochs of a warm-started UMAP, which are also what a cold one takes of large N


class PCA(Projection):
    """Each epoch on its own two principal components; decodes by the transposed projection.

    The sign of a component, which PCA leaves open, is chosen so that its largest loading is positive.
    """

    def __repr__(self) -> str:
        return "PCA()"

    def _method(self) -> Method:
        return _Components()


class _Components:
    """PCA as a method: no epoch knows of another."""

    def key(self) -> Mapping[str, Any]:
        return {"method": "pca", "version": 1}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        report: Callable[[float], object],
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
    """Onto a plane through the centre, and back."""

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
    """Each epoch by scikit-learn's Barnes–Hut t-SNE from its principal components, with no way back.

    t-SNE has no map either: unseen samples are put at the median of their five nearest recorded samples.
    Nothing is drawn at random.

    Parameters
    ----------
    perplexity : float
        About how many neighbours each sample has (van der Maaten & Hinton 2008, §2).

    Raises
    ------
    ValueError
        If a parameter is out of its range, or, on fitting, if perplexity is not less than the number of
        training samples.
    """

    def __init__(self, perplexity: float = 30.0) -> None:
        if not 0 < perplexity < np.inf:
            raise ValueError(f"perplexity must be a positive number; found {perplexity!r}.")
        self.perplexity = perplexity

    def __repr__(self) -> str:
        return f"TSNE(perplexity={self.perplexity!r})"

    def _method(self) -> Method:
        return _StochasticNeighbors(self.perplexity)


@dataclass(frozen=True)
class _StochasticNeighbors:
    """t-SNE as a method: no epoch knows of another."""

    perplexity: float

    def key(self) -> Mapping[str, Any]:
        return {"method": "tsne", "version": 1, **asdict(self)}

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,  # noqa: ARG002
        seed: int,
        report: Callable[[float], object],
    ) -> _Beside:
        from sklearn.manifold import TSNE as Descent  # noqa: N811, PLC0415

        if self.perplexity >= len(checkpoint.x):
            raise ValueError(
                f"perplexity must be less than the {len(checkpoint.x)} training samples; "
                f"found {self.perplexity!r}."
            )
        descent = Descent(2, perplexity=self.perplexity, init="pca", random_state=seed, n_jobs=1)
        positions = descent.fit_transform(checkpoint.x).astype(np.float32)
        report(1.0)
        return _Beside(positions, lambda: checkpoint)

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],  # noqa: ARG002
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> _Beside:
        return _Beside(positions, reopen)


class _Beside:
    """Positions without a map: others are put beside those they are like."""

    def __init__(self, positions: NDArray[np.float32], reopen: Callable[[], Checkpoint]) -> None:
        self.positions = positions
        self._reopen = reopen

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        recorded = self._reopen().x
        near = neighbors(recorded, min(_BESIDE, len(recorded)), query=x)[0]
        return np.median(self.positions[near], axis=1).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}


class UMAP(Projection):
    """Each epoch by umap-learn, which also places unseen samples and decodes: 50 ms of CPU for a point.

    Give `Landscape.measures` some hundred rows in `decoded`; painting a canvas takes an hour and more.

    Parameters
    ----------
    n_neighbors, min_dist : int, float
        As in umap-learn.
    warm : bool
        Whether each epoch is laid out from the positions of the epoch before, for 200 layout epochs.
        Otherwise each starts from its own spectral embedding and knows of no other.
    seed : int
        The same seed on the same machine gives the same positions.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or, on fitting, if n_neighbors is not less than the number of
        training samples.
    """

    def __init__(
        self, n_neighbors: int = 15, min_dist: float = 0.1, *, warm: bool = False, seed: int = 0
    ) -> None:
        check_whole("n_neighbors", n_neighbors, 2)
        if not 0 <= min_dist <= 1:
            raise ValueError(f"min_dist must be a number in [0, 1]; found {min_dist!r}.")
        check_whole("seed", seed)
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.warm = warm
        self.seed = seed

    def __repr__(self) -> str:
        return (
            f"UMAP(n_neighbors={self.n_neighbors}, min_dist={self.min_dist!r}, "
            f"warm={self.warm}, seed={self.seed})"
        )

    def _method(self) -> Method:
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
        report: Callable[[float], object],
    ) -> _UMAPMap:
        if self.n_neighbors >= len(checkpoint.x):
            raise ValueError(
                f"n_neighbors must be less than the {len(checkpoint.x)} training samples; "
                f"found {self.n_neighbors}."
            )
        if previous is None or not self.warm:
            model = self.model(seed).fit(checkpoint.x.copy())
        else:
            model = self.knowing(checkpoint.x, previous[1].positions, seed)
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
        return _UMAPMap(positions, seed, lambda: self.knowing(reopen().x, positions, seed))

    def model(self, seed: int, **settings: Any) -> Any:
        """One of umap-learn's, not fitted. Its inverse wants samples that can be written to: fit a copy."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
            import umap  # noqa: PLC0415 - its compiler costs seconds that only those pay who fit

        return umap.UMAP(
            n_neighbors=self.n_neighbors, min_dist=self.min_dist, random_state=seed, n_jobs=1, **settings
        )

    def knowing(self, x: NDArray[np.float32], positions: NDArray[np.float32], seed: int) -> Any:
        """A model of these samples at these positions, as if it had laid them out itself."""
        model = self.model(seed, init=positions, n_epochs=0).fit(x.copy())
        model.n_epochs = None  # from here on as many as it takes by default
        model.embedding_ = positions.copy()  # fitting stretches what it starts from
        return model

    def _settle(self, model: Any, seed: int) -> None:
        """Lay a model's samples out further, from where they are."""
        from umap.layouts import optimize_layout_euclidean  # noqa: PLC0415
        from umap.umap_ import make_epochs_per_sample  # noqa: PLC0415

        epochs = _WARM
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
    """A layout of umap-learn; what places and decodes by it is made again where it was loaded."""

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
        # A measure that decodes and one that also classifies ask for the same points in turn.
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
