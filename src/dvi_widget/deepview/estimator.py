"""The DeepView estimator: fit a map of a decision function, add to it, place on it, decode from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree, procrustes
from tqdm.auto import tqdm

from dvi_widget import measures
from dvi_widget.arrays import as_array, as_matrix, check_number, check_whole
from dvi_widget.landscape import Landscape
from dvi_widget.measures.classification import q_knn
from dvi_widget.pictures import as_pictures, like_pictures
from dvi_widget.subject import check_logits

from . import layout
from .inverse import InverseMap, typical_gap
from .metric import Classifier, Paths, Scales, estimate_scales
from .neighbors import Neighbors, Search
from .selection import choose_a, choose_lambda
from .source import DeepViewSource, PictureSource

if TYPE_CHECKING:
    from typing_extensions import Self

_NEIGHBORS = 30  # by default (§5)
_VOTERS = 5  # k of Q_kNN (§5.1)
_FOLDS = 5
_HELD_OUT = 0.3  # of the samples, as in Table 1


class DeepView:
    """Map of any classifier's decision function: samples, and what lies between (Schulz, Hinder & Hammer).

    The distance of two samples is the length of the straight path between them, λ of it Euclidean and 1 − λ
    of it the Jensen–Shannon length of the predictions along it (Definition 1, n segments). UMAP lays the
    samples out from their exact neighbours in this metric; a radial-basis network leads back from the map to
    inputs (Theorem 2).

    Definition 1 adds the two lengths as they are. Here each is divided by a scale first, else λ would mean
    something else for every data set: its largest value over 1,000 random pairs, estimated once in `fit` and
    then frozen, so that samples added later move nothing. ``scales=None`` turns this off.

    Parameters
    ----------
    model
        A torch module (gives logits), an object with ``predict_proba``, or a callable from inputs [m, ...] to
        probabilities [m, C]; see `Predictor` for the rule. It is called on float32 inputs between the
        samples.
    lam : float in [0, 1] or "auto"
        λ. "auto": the largest in [0.2, 0.8] that does not degrade the vote of five neighbours (§5.2).
    n_neighbors : int, optional
        Neighbours that are searched, and UMAP's parameter of this name. Fewer than there are samples. By
        default 30, but no more than half of the other samples.
    segments : int
        n, the segments of a path, 2 at least; each pair costs at most n − 1 classifier calls.
    min_dist : float
        UMAP's.
    scales : "sampled", None or (float, float)
        What the Jensen–Shannon and the Euclidean length are divided by; None for Definition 1 as it stands.
    budget : int, optional
        Classifier calls that the search may cost, those for λ included. What is left open then is said by
        `certified_`; a further `fit` goes on.
    logits : bool, optional
        Whether the model gives logits; by default after the rule.
    classes : sequence of str, optional
        Names of the classes.
    seed : int
        Of every random choice.

    Attributes
    ----------
    embedding_ : float32 [N, 2]
        Positions of the samples.
    probabilities_ : float32 [N, C]
        What the classifier says of them; `predictions_` int [N] are the largest.
    n_neighbors_ : int
        Neighbours that were searched.
    lam_ : float
        λ that was used.
    tried_ : dict of float to float
        With lam="auto": the accuracy of the vote for each λ that was tried.
    scales_ : Scales
        What the two parts of the metric were divided by.
    neighbors_ : Neighbors
        Of every sample, in the metric.
    certified_ : float
        Share of the samples whose neighbours are proven to be exact.
    a_ : float
        Parameter of the inverse map, the smallest that keeps Q_data (§5.2).
    inverse_ : InverseMap
        The inverse map on flat inputs.
    calls_ : dict of str to int
        Classifier calls by purpose: samples, scales, lam, neighbors, a.
    disparity_ : float
        After `add`: Procrustes disparity between the old samples' places before and after.

    Examples
    --------
    >>> view = DeepView(forest, lam="auto").fit(x, y)  # doctest: +SKIP
    >>> Explorer(view.landscape())  # doctest: +SKIP
    >>> view.inverse_transform(view.transform(unseen))  # doctest: +SKIP
    """

    embedding_: NDArray[np.float32]
    probabilities_: NDArray[np.float32]
    predictions_: NDArray[np.intp]
    n_neighbors_: int
    lam_: float
    tried_: dict[float, float]
    scales_: Scales
    neighbors_: Neighbors
    certified_: float
    a_: float
    inverse_: InverseMap
    calls_: dict[str, int]
    disparity_: float

    # What a fit leaves for the next one, and what the measures were since.
    classify_: Classifier
    _paths: Paths
    _asked: tuple[Any, ...]
    _measured: pd.DataFrame | None

    def __init__(
        self,
        model: Any,
        *,
        lam: float | Literal["auto"] = "auto",
        n_neighbors: int | None = None,
        segments: int = 5,
        min_dist: float = 0.1,
        scales: Literal["sampled"] | tuple[float, float] | None = "sampled",
        budget: int | None = None,
        logits: bool | None = None,
        classes: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.lam = lam
        self.n_neighbors = n_neighbors
        self.segments = segments
        self.min_dist = min_dist
        self.scales = scales
        self.budget = budget
        self.logits = logits
        self.classes = classes
        self.seed = seed
        self._check_parameters()

    def __repr__(self) -> str:
        return f"DeepView({type(self.model).__name__}, lam={self.lam!r}, n_neighbors={self.n_neighbors})"

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the map of these samples.

        If the classifier fails, the budget runs out or the person interrupts, everything classified is kept:
        a further `fit` on the same samples goes on from there, also with other parameters (but for
        `segments`).

        Parameters
        ----------
        x : array or tensor [N, ...]
            Samples as the classifier takes them; numbers, N of at least 3.
        y : array of int [N], optional
            Their labels, for show: class indices, or −1 where there is none.

        Returns
        -------
        DeepView
            Itself.

        Raises
        ------
        ValueError
            If samples or parameters do not fit, if the classifier is constant, or as `Predictor.predict`.
        TypeError
            If x does not hold numbers.
        """
        flat, shape = self._read("x", x, None)
        n_neighbors = self._check(len(flat))
        labels = _labels(y, len(flat))
        self._begin(flat, shape)
        size = self._paths.p.shape[1]
        if labels.max() >= size:
            raise ValueError(f"y: the classifier has {size} classes, found the label {labels.max()}")
        if self.classes is not None and len(self.classes) != size:
            raise ValueError(f"classes: the classifier has {size} classes, found {len(self.classes)} names")

        self.n_neighbors_ = n_neighbors
        self.scales_ = self._counted("scales", self._scales)
        allowed = self._allowed()
        self.lam_ = self._counted("lam", lambda: self._lambda(allowed))
        found = self._counted("neighbors", lambda: self._search(allowed))
        fisher = layout.fit_layout(found, flat, min_dist=self.min_dist, seed=self.seed)
        self._labels, self._added = labels, np.zeros(len(flat), bool)
        self._learn(found, fisher)
        self.a_ = self._counted(
            "a", lambda: choose_a(self.embedding_, flat, self.predictions_, self.classify_, self.seed)
        )
        self.inverse_ = InverseMap(self.embedding_, flat, self.a_)
        return self

    def add(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Add samples to the fitted map; the old ones move little.

        Only distances to the new samples are computed. They settle among the old ones, which then make room
        for a few small steps; `disparity_` says how far that moved them. Scales and λ stay.

        Parameters
        ----------
        x, y
            As for `fit`; one sample is enough.

        Returns
        -------
        DeepView
            Itself.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError, TypeError
            As `fit`; the map is then as it was.
        """
        self._fitted()
        new, _ = self._read("x", x, self.shape_)
        labels = _labels(y, len(new))
        old = len(self.embedding_)
        if labels.max() >= self.probabilities_.shape[1]:
            size = self.probabilities_.shape[1]
            raise ValueError(f"y: the classifier has {size} classes, found the label {labels.max()}")
        if not np.array_equal(self._paths.x[old:], new):
            # Not the samples that an earlier call was stopped over.
            self._paths.shrink(old)
            self._paths.grow(new, self._counted("samples", lambda: self.classify_(new)))
        allowed = self._allowed()
        found = self._counted("neighbors", lambda: self._search(allowed))
        fisher = layout.extend_layout(
            found, self.embedding_, self._paths.x, min_dist=self.min_dist, seed=self.seed
        )
        before, gap = self.embedding_, typical_gap(self.embedding_)
        self._labels = np.concatenate([self._labels, labels])
        self._added = np.concatenate([self._added, np.ones(len(new), bool)])
        self._learn(found, fisher)
        self.disparity_ = float(procrustes(before, self.embedding_[:old])[2])
        self.a_ *= (gap / typical_gap(self.embedding_)) ** 2
        self.inverse_ = InverseMap(self.embedding_, self._paths.x, self.a_)
        return self

    def transform(self, x: ArrayLike) -> NDArray[np.float32]:
        """Places of samples on the fitted map: that of the nearest one in the metric, slightly spread.

        A fitted sample is placed where it is, and the place of a sample does not depend on what else is
        placed.

        Parameters
        ----------
        x : array or tensor [m, ...]
            Samples as the classifier takes them.

        Returns
        -------
        float32 [m, 2]

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError, TypeError
            As `fit`.
        """
        self._fitted()
        new, _ = self._read("x", x, self.shape_)
        found = self._look(new, self.flat_, self.probabilities_, 1)
        nearest = found.indices[:, 0]
        apart = (new != self.flat_[nearest]).any(axis=1)
        return layout.place(nearest, apart, new, self.embedding_, self._gaps)

    def inverse_transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Inputs that the map shows at these points (Theorem 2).

        Parameters
        ----------
        y : array [m, 2]
            Points of the map.

        Returns
        -------
        float32 [m, ...]
            Inputs in the shape that `fit` was given.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            If y is not [m, 2], or not finite.
        """
        self._fitted()
        points = as_matrix("y", y)
        if points.shape[1] != 2:
            raise ValueError(f"y must hold points [m, 2] of the map; its shape is {points.shape}")
        if not len(points):
            return np.empty((0, *self.shape_), np.float32)
        return self.inverse_(points).reshape(len(points), *self.shape_)

    def landscape(
        self, resolution: int = 300, images: ArrayLike | None = None, name: str = "DeepView"
    ) -> Landscape:
        """The map as a landscape of one frame, epoch 0.

        Parameters
        ----------
        resolution : int
            Pixels along each side of the canvas, whose shade is 1 − normalised entropy.
        images : array [N, C, H, W], optional
            Pictures of the samples. Without it the samples themselves, if they have the shape of pictures.
        name : str
            What to call it beside another.

        Returns
        -------
        Landscape
            Its samples count as test samples of the classifier; those of `add` are the group "added".

        Raises
        ------
        RuntimeError
            Before `fit`.
        """
        self._fitted()
        own = self.flat_.reshape(len(self.flat_), *self.shape_)
        pictures = own if images is None else as_array("images", images)
        shown = as_pictures(pictures) if images is not None or like_pictures(pictures) else None
        alike = shown is not None and shown.shape[1:] in (self.shape_, (1, *self.shape_))
        source = PictureSource(self, shown) if shown is not None and alike else DeepViewSource(self)
        samples = pd.DataFrame({"split": "test", "label": self._labels})
        if self._added.any():
            samples["added"] = self._added
        size = self.probabilities_.shape[1]
        return Landscape(
            [0],
            [self.embedding_],
            [self.predictions_],
            [self.probabilities_.max(axis=1)],
            classes=[str(c) for c in range(size)] if self.classes is None else self.classes,
            samples=samples,
            images=shown,
            source=source,
            resolution=resolution,
            name=name,
        )

    def measures(self) -> pd.DataFrame:
        """How far the map can be trusted (§5.1, Table 1).

        Returns
        -------
        DataFrame
            Columns epoch (0), split, measure, k and value, all in [0, 1], one row each: q_knn (do five
            neighbours on the map share the prediction), q_knn_e (the same on UMAP of Euclidean distances,
            same k and seed), q_data (does a sample's place decode to its class), q_not_data (the same for
            samples that the inverse map has not seen, in five folds) and q_not_data_70_30 (for 30 % of them
            held out once), certified.

        Raises
        ------
        RuntimeError
            Before `fit`.
        """
        self._fitted()
        if self._measured is None:
            flat, y, classes = self.flat_, self.embedding_, self.predictions_
            voters = min(_VOTERS, len(y) - 1)
            indices, distances = measures.neighbors(flat, self.n_neighbors_)
            everyone = np.ones(len(y), bool)
            euclidean = layout.fit_layout(
                Neighbors(indices, distances, everyone), flat, min_dist=self.min_dist, seed=self.seed
            )
            drawn = np.random.default_rng(self.seed).permutation(len(y))
            folds = np.array_split(drawn, min(_FOLDS, len(y)))
            held = [drawn[: max(1, round(_HELD_OUT * len(y)))]]
            rows: list[tuple[str, int | None, float]] = [
                ("q_knn", voters, q_knn(y, classes, voters)),
                ("q_knn_e", voters, q_knn(euclidean.positions, classes, voters)),
                ("q_data", None, measures.ppr(classes, self.classify_(self.inverse_(y)))),
                ("q_not_data", None, self._unseen(folds)),
                ("q_not_data_70_30", None, self._unseen(held)),
                ("certified", None, self.certified_),
            ]
            table = pd.DataFrame([(0, "test", *row) for row in rows], columns=_COLUMNS)
            self._measured = table.astype({"epoch": "Int64", "k": "Int64", "value": float})
        return self._measured.copy()

    def nearest(self, indices: ArrayLike, k: int, mask: ArrayLike | None = None) -> NDArray[np.int32]:
        """The k fitted samples nearest in the metric to some of them.

        Parameters
        ----------
        indices : array of int [m]
            Fitted samples.
        k : int
            Neighbours of each.
        mask : array of bool [N], optional
            Only these may be neighbours.

        Returns
        -------
        int32 [m, k]
            Nearest first, the sample itself excluded. What the fit did not need is classified now.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            If there are not so many, or indices lie outside.
        """
        self._fitted()
        size = len(self.flat_)
        asked = np.atleast_1d(np.asarray(indices))
        if asked.dtype.kind not in "iu" or asked.min(initial=0) < 0 or asked.max(initial=0) >= size:
            raise ValueError(f"indices must be whole numbers in 0..{size - 1}")
        allowed = np.ones(size, bool) if mask is None else np.asarray(mask)
        if allowed.shape != (size,) or allowed.dtype != bool:
            raise ValueError(f"mask must be bool [{size}]; found {allowed.dtype} {allowed.shape}")
        among = np.flatnonzero(allowed)
        if not 1 <= k <= len(among) - int(allowed[asked].any()):
            raise ValueError(f"k must lie in 1..{len(among) - int(allowed[asked].any())}; found {k}")
        if mask is None and k <= self.neighbors_.indices.shape[1]:
            return self.neighbors_.indices[asked, :k]
        # One more than asked, as a sample finds itself among the candidates.
        more = min(k + 1, len(among))
        found = self._look(self.flat_[asked], self.flat_[among], self.probabilities_[among], more)
        others = among[found.indices]
        order = np.argsort(others == asked[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(others, order, axis=1).astype(np.int32)

    @property
    def flat_(self) -> NDArray[np.float32]:
        """The fitted samples, flat [N, D]."""
        return self._paths.x[: len(self.embedding_)]

    @property
    def shape_(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.classify_.shape

    # How the parts of `fit` and `add` are done.

    def _read(
        self, name: str, given: ArrayLike, shape: tuple[int, ...] | None
    ) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """Samples as finite float32 [N, D], and the shape of one."""
        array = as_array(name, given)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name}: must hold numbers, not {array.dtype}; encode text or categories first")
        if array.ndim < 2 or len(array) == 0 or array[0].size == 0:
            raise ValueError(f"{name}: must be [N, ...] with at least one sample; its shape is {array.shape}")
        if shape is not None and array.shape[1:] != shape:
            raise ValueError(f"{name}: samples have shape {array.shape[1:]}, the map was fitted on {shape}")
        flat = np.ascontiguousarray(array.reshape(len(array), -1), np.float32)
        if not np.isfinite(flat).all():
            row = int(np.flatnonzero(~np.isfinite(flat).all(axis=1))[0])
            raise ValueError(f"{name}: sample {row} holds NaN or infinity; drop it or fill it in")
        return flat, array.shape[1:]

    def _check(self, size: int) -> int:
        """Refuse what cannot work for so many samples; how many neighbours to search."""
        if size < 3:
            raise ValueError(f"x: a map needs at least 3 samples; found {size}")
        # Parameters may have been set anew since the last fit.
        self._check_parameters()
        if self.n_neighbors is None:
            return max(2, min(_NEIGHBORS, (size - 1) // 2))
        if self.n_neighbors >= size:
            raise ValueError(
                f"n_neighbors must lie in 2..{size - 1} for {size} samples; found {self.n_neighbors}"
            )
        return self.n_neighbors

    def _check_parameters(self) -> None:
        """Refuse parameters that cannot work whatever the samples."""
        if self.lam != "auto" and not (isinstance(self.lam, (int, float)) and 0 <= self.lam <= 1):
            raise ValueError(f'lam must be a number in [0, 1] or "auto"; found {self.lam!r}')
        if self.n_neighbors is not None:
            check_whole("n_neighbors", self.n_neighbors, 2)
        # Between the ends of a path there must be one point at least to be classified.
        check_whole("segments", self.segments, 2)
        check_number("min_dist", self.min_dist, 0, 1)
        if self.budget is not None:
            check_whole("budget (of classifier calls)", self.budget)
        if self.scales not in ("sampled", None):
            pair = tuple(self.scales) if isinstance(self.scales, (tuple, list)) else ()
            if len(pair) != 2 or not all(check_number("scales", value) > 0 for value in pair):
                raise ValueError(
                    f'scales must be "sampled", None or two positive numbers; found {self.scales!r}'
                )
        if isinstance(self.classes, str) or not (self.classes is None or isinstance(self.classes, Sized)):
            raise TypeError(f"classes: must be a list of names, one per class; found {self.classes!r}")
        check_logits(self.logits)
        check_whole("seed", self.seed)

    def _begin(self, flat: NDArray[np.float32], shape: tuple[int, ...]) -> None:
        """Classify the samples, or take up what an earlier fit on them left."""
        known = getattr(self, "_paths", None)
        asked = (id(self.model), self.logits, self.segments, shape)
        if known is not None and self._asked == asked and np.array_equal(known.x, flat):
            return
        self.classify_ = Classifier(self.model, shape, logits=self.logits)
        self.calls_ = dict.fromkeys(("samples", "scales", "lam", "neighbors", "a"), 0)
        self.tried_ = {}
        p = self._counted("samples", lambda: self.classify_(flat))
        self._paths, self._asked = Paths(flat, p, self.classify_, self.segments), asked

    def _counted(self, purpose: str, work: Callable[[], Any]) -> Any:
        """Do something, and add its classifier calls to those of its purpose, also where it fails."""
        before = self.classify_.calls
        try:
            return work()
        finally:
            self.calls_[purpose] += self.classify_.calls - before

    def _scales(self) -> Scales:
        if self.scales == "sampled":
            return estimate_scales(self._paths, self.seed)
        return Scales() if self.scales is None else Scales(*map(float, self.scales))

    def _lambda(self, allowed: Callable[[], int] | None) -> float:
        if self.lam != "auto":
            return float(self.lam)
        with tqdm(desc="choosing λ", unit="") as bar:

            def report(lam: float, accuracy: float) -> None:
                bar.update()
                bar.set_postfix_str(f"{lam:.2f}: {accuracy:.1%}")

            lam, self.tried_ = choose_lambda(self._paths, self.scales_, self.seed, allowed, report)
        return lam

    def _search(self, allowed: Callable[[], int] | None) -> Neighbors:
        """Neighbours of all samples there are paths for, with a bar."""
        with tqdm(total=len(self._paths.x), desc="exact neighbours", unit="sample") as bar:

            def report(certified: int) -> None:
                bar.n = certified
                bar.set_postfix_str(f"{self.classify_.calls:,} classifier calls")

            search = Search(self._paths, self.n_neighbors_, self.lam_, self.scales_)
            return search.run(allowed, report)

    def _allowed(self) -> Callable[[], int] | None:
        """What the budget leaves from now on, as a question."""
        if self.budget is None:
            return None
        end = self.classify_.calls + self.budget
        return lambda: end - self.classify_.calls

    def _learn(self, found: Neighbors, fisher: layout.FisherMap) -> None:
        """Take over a layout."""
        self.neighbors_ = found
        self.certified_ = float(found.certified.mean())
        self.embedding_ = fisher.positions
        self.sigmas_ = fisher.sigmas
        self.probabilities_ = self._paths.p
        self.predictions_ = self._paths.p.argmax(axis=1)
        self._gaps = cKDTree(self.embedding_).query(self.embedding_, 2)[0][:, 1].astype(np.float32)
        self._measured = None

    def _look(
        self, new: NDArray[np.float32], x: NDArray[np.float32], p: NDArray[np.float32], k: int
    ) -> Neighbors:
        """The k nearest of some samples to new ones; what is classified for it is not kept."""
        paths = Paths(
            np.concatenate([x, new]), np.concatenate([p, self.classify_(new)]), self.classify_, self.segments
        )
        looking = np.arange(len(x), len(paths.x))
        return Search(paths, k, self.lam_, self.scales_, looking=looking, among=len(x)).run()

    def _unseen(self, folds: Sequence[NDArray[np.integer]]) -> float:
        """Share of samples whose place decodes to their class by an inverse map that has not seen them."""
        hits = []
        for fold in folds:
            seen = np.setdiff1d(np.arange(len(self.flat_)), fold)
            y, x = self.embedding_[seen], self.flat_[seen]
            # Fewer samples lie farther apart: the same a in units of the gap.
            a = self.a_ * (typical_gap(self.embedding_) / typical_gap(y)) ** 2
            decoded = self.classify_(InverseMap(y, x, a)(self.embedding_[fold])).argmax(axis=1)
            hits.append(decoded == self.predictions_[fold])
        return float(np.concatenate(hits).mean())

    def _fitted(self) -> None:
        if not hasattr(self, "inverse_"):
            raise RuntimeError("This DeepView is not fitted: call fit(x) first")


_COLUMNS = ["epoch", "split", "measure", "k", "value"]


def _labels(y: ArrayLike | None, size: int) -> NDArray[np.int64]:
    """Labels as class indices, −1 where there is none."""
    if y is None:
        return np.full(size, -1)
    labels = as_array("y", y)
    if labels.shape != (size,) or labels.dtype.kind not in "iu" or labels.min() < -1:
        raise ValueError(
            f"y: must be class indices [{size}] (−1: no label); found {labels.dtype} {labels.shape}"
        )
    return labels.astype(np.int64)
