"""The DeepView estimator: fit a map of a decision function, add to it, place on it, decode from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree, procrustes
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dvi_widget import measures
from dvi_widget.arrays import as_array, as_mask, as_matrix, as_rows, check_number, check_whole
from dvi_widget.landscape import Landscape
from dvi_widget.pictures import as_pictures, like_pictures
from dvi_widget.progress import progress_bar
from dvi_widget.subject import Outputs, as_predictor, check_outputs

from . import layout, quality
from .inputs import as_labels, as_samples
from .inverse import BASES, InverseMap, typical_gap
from .metric import Classifier, Paths, Scales, as_precise_as, estimate_scales
from .neighbors import Neighbors, Search
from .selection import choose_a, choose_lambda
from .source import DeepViewSource, PictureSource

if TYPE_CHECKING:
    from typing_extensions import Self

_DEFAULT_NEIGHBORS = 30  # as in §5
_MIN_SAMPLES = 3
_VOTERS = 5  # nearest samples that decide where an unseen one is put


class DeepView(BaseEstimator):  # type: ignore[misc]
    """Map of any classifier's decision function: samples, and what lies between (Schulz, Hinder & Hammer).

    The distance of two samples is the length of the straight path between them: λ of it Euclidean, 1 − λ of
    it the Jensen–Shannon length of the predictions along it (Definition 1, n segments). UMAP lays the samples
    out from their exact neighbours in this metric; a radial-basis network leads back from the map to inputs
    (Theorem 2).

    Definition 1 adds the two lengths as they are. Here each is divided by its largest value over 1,000 random
    pairs first, so that λ means the same for every data set. These scales are estimated in `fit` and frozen,
    so that samples added later do not change the metric. ``scales=None`` is Definition 1 as it stands.

    Parameters
    ----------
    model
        Any classifier that `as_predictor` takes. It is called on inputs between the samples: in float64 if
        both it and the samples are of that precision, as scikit-learn's, else in float32, as every plain
        function. It is an ingredient rather than learnt here, so that a clone shares it.
    lam : float in [0, 1] or "auto"
        λ. "auto" is the largest in [0.2, 0.8] that does not degrade the vote of five neighbours (§5.2).
    n_neighbors : int, optional
        Neighbours that are searched, and UMAP's parameter of this name; fewer than there are samples. 30 by
        default, but no more than half of the other samples.
    segments : int
        n, the segments of a path, at least 2; each pair costs up to n − 1 classifier calls.
    min_dist : float
        Of UMAP.
    scales : "sampled", None or (float, float)
        Divisors of the Jensen–Shannon and the Euclidean length; None for no scaling.
    sigmas : bool
        Whether the inverse map divides its weights by σ_i, as Theorem 2 does. On 300 CIFAR-10 pictures that
        changed Q_¬data from .797 to .792, so the default leaves them out.
    bases : int
        Basis functions of the inverse map that reach over the whole map, at most; the ten nearest samples
        correct what fewer of them miss.
    budget : int, optional
        Classifier calls that the search may cost, including those for λ. `certified_` tells what is left
        unproven; a further `fit` continues.
    outputs : {"logits", "probabilities", "sigmoid"}, optional
        What the model returns; by the rule of `as_predictor` by default.
    classes : sequence of str, optional
        Names of the classes, in the order of the classifier's columns; by default its own labels
        (``classes_``), if it has some.
    seed : int
        Seed of every random choice.

    Attributes
    ----------
    embedding_ : float32 [N, 2]
        Positions of the samples.
    probabilities_ : float32 [N, C]
        The classifier's probabilities of the samples.
    predictions_ : int [N]
        Their likeliest classes.
    n_neighbors_ : int
        Neighbours that were searched.
    lam_ : float
        λ that was used.
    lam_accuracies_ : dict of float to float
        With lam="auto", the accuracy of the vote for each λ examined.
    scales_ : Scales
        Divisors of the two parts of the metric.
    neighbors_ : Neighbors
        Of every sample, in the metric.
    certified_ : float
        Share of the samples whose neighbours are proven to be exact.
    a_ : float
        Sharpness of the inverse map, the smallest that keeps Q_data (§5.2).
    inverse_ : InverseMap
        The inverse map, on flat inputs.
    classify_ : Classifier
        From flat inputs to probabilities; it counts its calls.
    calls_ : dict of str to int
        Classifier calls by purpose: samples, scales, lam, neighbors, a.
    disparity_ : float
        After `add`: Procrustes disparity between the old samples' positions before and after.
    moved_ : float32 [N]
        After `add`: how far each old sample moved, in typical gaps between adjacent samples.
    kept_ : float
        After `add`: share of the five nearest old samples on the map that an old sample keeps.

    Examples
    --------
    >>> from dvi_widget import datasets
    >>> from sklearn.naive_bayes import GaussianNB
    >>> (x, y), (xt, yt), classes = datasets.digits()
    >>> flat = x.reshape(len(x), -1).astype(np.float32)
    >>> model = GaussianNB(var_smoothing=1e-2).fit(flat, y)
    >>> view = DeepView(model, lam=0.5, classes=classes).fit(flat[:60], y[:60])
    >>> view.embedding_.shape
    (60, 2)
    >>> view.inverse_transform(view.transform(flat[60:70])).shape
    (10, 64)
    """

    embedding_: NDArray[np.float32]
    probabilities_: NDArray[np.float32]
    predictions_: NDArray[np.intp]
    n_neighbors_: int
    lam_: float
    lam_accuracies_: dict[float, float]
    scales_: Scales
    neighbors_: Neighbors
    certified_: float
    a_: float
    inverse_: InverseMap
    classify_: Classifier
    calls_: dict[str, int]
    disparity_: float
    moved_: NDArray[np.float32]
    kept_: float

    # What a fit leaves for the next one on the same samples, and its measures once they were computed.
    _paths: Paths
    _paths_of: tuple[Any, ...]
    _measures: pd.DataFrame | None

    def __init__(
        self,
        model: Any,
        *,
        lam: float | Literal["auto"] = "auto",
        n_neighbors: int | None = None,
        segments: int = 5,
        min_dist: float = 0.1,
        scales: Literal["sampled"] | tuple[float, float] | None = "sampled",
        sigmas: bool = False,
        bases: int = BASES,
        budget: int | None = None,
        outputs: Outputs | None = None,
        classes: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.lam = lam
        self.n_neighbors = n_neighbors
        self.segments = segments
        self.min_dist = min_dist
        self.scales = scales
        self.sigmas = sigmas
        self.bases = bases
        self.budget = budget
        self.outputs = outputs
        self.classes = classes
        self.seed = seed

    def __sklearn_clone__(self) -> Self:
        # scikit-learn would clone the model as well, that is, forget its training.
        return type(self)(**self.get_params(deep=False))

    def fit(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the map of these samples.

        If the classifier fails, the budget runs out or the person interrupts, everything classified is kept.
        A further `fit` on the same samples resumes from there, also with other parameters (except
        `segments`).

        Parameters
        ----------
        x : array or tensor [N, ...]
            Samples as the classifier takes them; numbers, N of at least 3.
        y : array [N], optional
            Their labels, which are only shown, −1 for none: those that a scikit-learn classifier was trained
            on, strings included (its ``classes_``), else class indices.

        Returns
        -------
        DeepView
            Itself.

        Raises
        ------
        ValueError
            If samples or parameters are invalid, the classifier is constant, or as for `Predictor.predict`.
        TypeError
            If x does not hold numbers, or a parameter is of the wrong type.
        """
        flat, shape = as_samples("x", x, None)
        self._check_parameters()
        flat = as_precise_as(self.model, flat)
        n_neighbors = self._neighbor_count(len(flat))
        labels = as_labels(y, len(flat), self._known_labels())
        self._begin(flat, shape)
        self._check_classes(labels)

        self.n_neighbors_ = n_neighbors
        self.scales_ = self._counted("scales", self._scales)
        calls_left = self._calls_left()
        self.lam_ = self._counted("lam", lambda: self._lambda(calls_left))
        neighbors = self._counted("neighbors", lambda: self._search(calls_left))
        fisher = self._laid_out(neighbors, self.seed)
        self._labels, self._added = labels, np.zeros(len(flat), bool)
        self._store(neighbors, fisher)
        self.a_ = self._counted("a", self._sharpness)
        self._invert()
        return self

    def add(self, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Add samples to the fitted map; the old ones near them move a little, all others stay.

        Only distances to the new samples are computed. The new samples move among the old ones first; then
        their neighbours make room in a few small steps. `moved_` and `kept_` tell how far that moved the old
        ones. Scales and λ stay.

        Like `transform`, this puts a sample beside those nearest in the metric. Many added at once also draw
        each other, and follow the rule less closely.

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
        NotFittedError
            Before `fit`.
        ValueError, TypeError
            As for `fit`; the map is then unchanged.
        """
        check_is_fitted(self, "inverse_")
        new = as_samples("x", x, self.shape_)[0].astype(self.flat_.dtype, copy=False)
        labels = as_labels(y, len(new), self._known_labels())
        old = len(self.embedding_)
        self._check_classes(labels)
        if not np.array_equal(self._paths.x[old:], new):
            # Not the samples that an earlier, interrupted call began with.
            self._paths.shrink(old)
            self._paths.grow(new, self._counted("samples", lambda: self.classify_(new)))
        calls_left = self._calls_left()
        neighbors = self._counted("neighbors", lambda: self._search(calls_left))
        fisher = layout.extend_layout(
            neighbors, self.embedding_, self._paths.x, min_dist=self.min_dist, seed=self.seed
        )
        before, gap = self.embedding_, typical_gap(self.embedding_)
        self._labels = np.concatenate([self._labels, labels])
        self._added = np.concatenate([self._added, np.ones(len(new), bool)])
        self._store(neighbors, fisher)
        after = self.embedding_[:old]
        self.disparity_ = float(procrustes(before, after)[2])
        self.moved_ = (np.linalg.norm(after - before, axis=1) / gap).astype(np.float32)
        k = min(_VOTERS, old - 1)
        nearest, still = (measures.neighbors(y, k)[0] for y in (before, after))
        self.kept_ = float(measures.overlap(nearest, still).mean())
        self.a_ *= (gap / typical_gap(self.embedding_)) ** 2
        self._invert()
        return self

    def transform(self, x: ArrayLike) -> NDArray[np.float32]:
        """Return positions of samples on the map: beside the most central of the five nearest in the metric.

        A fitted sample gets its own position. The position of a sample does not depend on the others of the
        call. Of a network's errors on digits, 59 % stood among samples of the class that they are taken for
        and 26 % among those of their label; of a forest's eight, three and five. The metric also counts how
        far inputs lie apart, the more the larger λ is.

        Parameters
        ----------
        x : array or tensor [m, ...]
            Samples as the classifier takes them.

        Returns
        -------
        float32 [m, 2]

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError, TypeError
            As for `fit`.
        """
        check_is_fitted(self, "inverse_")
        new = as_samples("x", x, self.shape_)[0].astype(self.flat_.dtype, copy=False)
        voters = min(_VOTERS, len(self.flat_))
        nearest = self._nearest_of(new, self.flat_, self.probabilities_, voters).indices
        apart = (new != self.flat_[nearest[:, 0]]).any(axis=1)
        central = np.where(apart, layout.most_central(self.embedding_[nearest]), 0)
        chosen = np.take_along_axis(nearest, central[:, None], axis=1)[:, 0]
        return layout.place(chosen, apart, new, self.embedding_, self._gaps)

    def inverse_transform(self, y: ArrayLike) -> NDArray[np.float32]:
        """Return the inputs at points of the map (Theorem 2).

        Parameters
        ----------
        y : array [m, 2]
            Points of the map.

        Returns
        -------
        float32 [m, ...]
            Inputs in the shape of the fitted samples.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If y is not [m, 2], or not finite.
        """
        check_is_fitted(self, "inverse_")
        points = as_matrix("y", y, 2)
        if not len(points):
            return np.empty((0, *self.shape_), np.float32)
        return self.inverse_(points).reshape(len(points), *self.shape_)

    def landscape(
        self, resolution: int = 300, images: ArrayLike | None = None, name: str = "DeepView"
    ) -> Landscape:
        """Return the map as a landscape of one frame, epoch 0.

        Parameters
        ----------
        resolution : int
            Pixels along each side of the canvas, whose shade is 1 − normalised entropy.
        images : array [N, C, H, W], optional
            Pictures of the samples. By default the samples themselves, if they have the shape of pictures.
        name : str
            Its name beside other landscapes.

        Returns
        -------
        Landscape
            All samples count as test samples of the classifier; those of `add` are the group "added".

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "inverse_")
        own = self.flat_.reshape(len(self.flat_), *self.shape_)
        pictures = own if images is None else as_array("images", images)
        seen = as_pictures(pictures) if images is not None or like_pictures(pictures) else None
        alike = seen is not None and seen.shape[1:] in (self.shape_, (1, *self.shape_))
        source = PictureSource(self, seen) if seen is not None and alike else DeepViewSource(self)
        samples = pd.DataFrame({"split": "test", "label": self._labels})
        if self._added.any():
            samples["added"] = self._added
        size = self.probabilities_.shape[1]
        return Landscape(
            [0],
            [self.embedding_],
            [self.predictions_],
            [self.probabilities_.max(axis=1)],
            classes=self._class_names(size),
            samples=samples,
            images=seen,
            source=source,
            resolution=resolution,
            name=name,
        )

    def measures(self) -> pd.DataFrame:
        """Measure how far the map can be trusted (§5.1, Table 1).

        Returns
        -------
        pandas.DataFrame
            Columns epoch (0), split, measure, k and value (in [0, 1] but for regions), with the rows q_knn
            (do five neighbours on the map share the prediction), q_knn_e (the same on UMAP of Euclidean
            distances, same k and seed), q_data (does a sample's position decode to its class), q_not_data
            (the same for samples that the inverse map was not fitted on, in five folds), q_not_data_70_30
            (for 30 % of them, held out once), border_leaps (share of the painted borders across which the
            input leaps), regions (connected regions per class; see `quality.territories`), seed_disparity
            (Procrustes disparity between this map and that of the next seed: what of it is chance) and
            certified; and, to compare it with landscapes of a run, nn_pv and boundary_pv for k = 10, 15, 20
            and ppr, with neighbours by Euclidean distance of the inputs and boundary points bisected between
            samples of different predictions.

            The q's look at samples alone. What is painted between samples is the classifier's answer to
            inputs that lie between theirs; border_leaps and regions tell how far it hangs together, not
            whether real inputs lie there.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "inverse_")
        if self._measures is None:
            measured = quality.measure(
                self.flat_,
                self.embedding_,
                self.predictions_,
                self.classify_,
                self.inverse_,
                again=self._laid_out(self.neighbors_, self.seed + 1).positions,
                n_neighbors=self.n_neighbors_,
                min_dist=self.min_dist,
                seed=self.seed,
                place=lambda b: self.transform(b.reshape(len(b), *self.shape_)),
                **self._bases(),
            )
            certified = quality.table([("certified", None, self.certified_)])
            self._measures = pd.concat([measured, certified], ignore_index=True)
        return self._measures.copy()

    def nearest(self, indices: ArrayLike, k: int, mask: ArrayLike | None = None) -> NDArray[np.int32]:
        """Return the k fitted samples nearest in the metric to some of them.

        Parameters
        ----------
        indices : array of int [m]
            Fitted samples.
        k : int
            Neighbours of each.
        mask : array of bool [N], optional
            Which samples may be neighbours.

        Returns
        -------
        int32 [m, k]
            Nearest first, the sample itself excluded. Points that the fit did not need are classified now.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If there are not so many, or indices are out of range.
        """
        check_is_fitted(self, "inverse_")
        size = len(self.flat_)
        rows = as_rows("indices", np.atleast_1d(as_array("indices", indices)), size)
        allowed = np.ones(size, bool) if mask is None else as_mask("mask", mask, size)
        candidates = np.flatnonzero(allowed)
        check_whole("k", k, 1, len(candidates) - int(allowed[rows].any()))
        if mask is None and k <= self.neighbors_.indices.shape[1]:
            return self.neighbors_.indices[rows, :k]
        # One more than requested, because a sample is the nearest of the candidates to itself.
        more = min(k + 1, len(candidates))
        neighbors = self._nearest_of(
            self.flat_[rows], self.flat_[candidates], self.probabilities_[candidates], more
        )
        others = candidates[neighbors.indices]
        order = np.argsort(others == rows[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(others, order, axis=1).astype(np.int32)

    @property
    def flat_(self) -> NDArray[np.floating]:
        """The fitted samples, flat [N, D], in the precision in which the classifier is asked."""
        return self._paths.x[: len(self.embedding_)]

    @property
    def shape_(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.classify_.shape

    def _check_parameters(self) -> None:
        """Raise an error for parameters that are invalid for any samples."""
        if self.lam != "auto":
            if isinstance(self.lam, str):
                raise ValueError(f'lam must be a number in [0, 1] or "auto"; got {self.lam!r}.')
            check_number("lam", self.lam, 0, 1)
        if self.n_neighbors is not None:
            check_whole("n_neighbors", self.n_neighbors, 2)
        # A path needs at least one point between its ends to be classified.
        check_whole("segments", self.segments, 2)
        check_number("min_dist", self.min_dist, 0, 1)
        if self.budget is not None:
            check_whole("budget", self.budget)
        if not isinstance(self.sigmas, bool):
            raise TypeError(f"sigmas must be True or False; got {self.sigmas!r}.")
        check_whole("bases", self.bases, 1)
        if self.scales not in ("sampled", None):
            pair = tuple(self.scales) if isinstance(self.scales, (tuple, list)) else ()
            if len(pair) != 2 or not all(check_number("scales", value) > 0 for value in pair):
                raise ValueError(
                    f'scales must be "sampled", None or two positive numbers; got {self.scales!r}.'
                )
        if isinstance(self.classes, str) or not (self.classes is None or isinstance(self.classes, Sized)):
            raise TypeError(f"classes must be a list of names, one per class; got {self.classes!r}.")
        check_outputs(self.outputs)
        check_whole("seed", self.seed)

    def _neighbor_count(self, size: int) -> int:
        """Return how many neighbours to search among so many samples."""
        if size < _MIN_SAMPLES:
            raise ValueError(f"x must have at least {_MIN_SAMPLES} samples for a map; got {size}.")
        if self.n_neighbors is None:
            return max(2, min(_DEFAULT_NEIGHBORS, (size - 1) // 2))
        return check_whole("n_neighbors", self.n_neighbors, 2, size - 1)

    def _known_labels(self) -> NDArray[Any] | None:
        """Return the labels of a scikit-learn classifier's columns; None if it has none."""
        return as_predictor(self.model, outputs=self.outputs).labels

    def _class_names(self, size: int) -> list[str]:
        """Return the names of the classes: those given, else the classifier's own labels."""
        if self.classes is not None:
            return list(self.classes)
        labels = self._known_labels()
        return [str(label) for label in (range(size) if labels is None else labels.tolist())]

    def _check_classes(self, labels: NDArray[np.int64]) -> None:
        """Raise an error if labels or names do not fit the classifier's classes."""
        size = self._paths.p.shape[1]
        if labels.max() >= size:
            raise ValueError(
                f"y must be below the classifier's {size} classes; got the label {labels.max()}."
            )
        if self.classes is not None and len(self.classes) != size:
            raise ValueError(f"classes must be {size} names, one per class; got {len(self.classes)}.")

    def _begin(self, flat: NDArray[np.floating], shape: tuple[int, ...]) -> None:
        """Classify the samples, unless an earlier fit on them did."""
        known = getattr(self, "_paths_of", None)
        settings = (self.outputs, self.segments, shape)
        same = known is not None and known[0] is self.model and known[1:] == settings
        if same and np.array_equal(self._paths.x, flat):
            return
        self.classify_ = Classifier(self.model, shape, outputs=self.outputs)
        self.calls_ = dict.fromkeys(("samples", "scales", "lam", "neighbors", "a"), 0)
        self.lam_accuracies_ = {}
        p = self._counted("samples", lambda: self.classify_(flat))
        self._paths, self._paths_of = Paths(flat, p, self.classify_, self.segments), (self.model, *settings)

    def _counted(self, purpose: str, work: Callable[[], Any]) -> Any:
        """Run `work`; add its classifier calls to ``calls_[purpose]``, even if it raises."""
        before = self.classify_.calls
        try:
            return work()
        finally:
            self.calls_[purpose] += self.classify_.calls - before

    def _scales(self) -> Scales:
        if self.scales == "sampled":
            return estimate_scales(self._paths, self.seed)
        return Scales() if self.scales is None else Scales(*map(float, self.scales))

    def _lambda(self, calls_left: Callable[[], int] | None) -> float:
        if self.lam != "auto":
            return float(self.lam)
        with progress_bar(desc="choosing λ", unit="") as bar:

            def report(lam: float, accuracy: float) -> None:
                bar.update()
                bar.set_postfix_str(f"{lam:.2f}: {accuracy:.1%}")

            lam, self.lam_accuracies_ = choose_lambda(
                self._paths, self.scales_, self.seed, calls_left, report
            )
        return lam

    def _search(self, calls_left: Callable[[], int] | None) -> Neighbors:
        """Search the neighbours of all samples, with a bar."""
        with progress_bar(total=len(self._paths.x), desc="exact neighbours", unit="sample") as bar:

            def report(certified: int) -> None:
                bar.n = certified
                bar.set_postfix_str(f"{self.classify_.calls:,} classifier calls")

            search = Search(self._paths, self.n_neighbors_, self.lam_, self.scales_)
            return search.run(calls_left, report)

    def _laid_out(self, neighbors: Neighbors, seed: int) -> layout.FisherMap:
        """Lay all samples out, from where √p and the inputs put them, as the metric weighs both."""
        share = self.lam_ / self.scales_.euclidean
        start = [np.sqrt(self._paths.p / 2) * (1 - self.lam_) / self.scales_.js, self._paths.x * share]
        return layout.fit_layout(
            neighbors, self._paths.x, min_dist=self.min_dist, seed=seed, start=np.concatenate(start, axis=1)
        )

    def _calls_left(self) -> Callable[[], int] | None:
        """Return a function that tells how many classifier calls the budget leaves, counted from now."""
        if self.budget is None:
            return None
        end = self.classify_.calls + self.budget
        return lambda: end - self.classify_.calls

    def _store(self, neighbors: Neighbors, fisher: layout.FisherMap) -> None:
        """Store a layout as the fitted map."""
        self.neighbors_ = neighbors
        self.certified_ = float(neighbors.certified.mean())
        self.embedding_ = fisher.positions
        self.sigmas_ = fisher.sigmas
        self.probabilities_ = self._paths.p
        self.predictions_ = self._paths.p.argmax(axis=1)
        self._gaps = cKDTree(self.embedding_).query(self.embedding_, 2)[0][:, 1].astype(np.float32)
        self._measures = None

    def _bases(self) -> dict[str, Any]:
        """Return how the inverse map weighs its basis functions, and how many it has."""
        return {"sigmas": self.sigmas_ if self.sigmas else None, "bases": self.bases}

    def _sharpness(self) -> float:
        return choose_a(
            self.embedding_, self._paths.x, self.predictions_, self.classify_, self.seed, **self._bases()
        )

    def _invert(self) -> None:
        """Fit the inverse map to the embedding."""
        self.inverse_ = InverseMap(self.embedding_, self._paths.x, self.a_, **self._bases())

    def _nearest_of(
        self, new: NDArray[np.floating], x: NDArray[np.floating], p: NDArray[np.float32], k: int
    ) -> Neighbors:
        """Return the k nearest of samples x to new ones; points classified for it are not kept."""
        paths = Paths(
            np.concatenate([x, new]), np.concatenate([p, self.classify_(new)]), self.classify_, self.segments
        )
        queries = np.arange(len(x), len(paths.x))
        return Search(paths, k, self.lam_, self.scales_, queries=queries, candidates=len(x)).run()
