"""The estimator behind all projections of a run: it fits epoch by epoch and yields a landscape."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dvi_widget import threads
from dvi_widget.arrays import as_matrix, check_whole
from dvi_widget.landscape import Landscape
from dvi_widget.progress import Progress, progress_bar
from dvi_widget.runs import Run

from . import cache
from .added import Added
from .cache import FittedEpoch
from .checkpoint import Checkpoint, bounded
from .fits import Fits, Maps
from .method import InvertibleMap, JointMethod, Map, Method, place_boundary
from .source import DecodingSource, ProjectionSource

if TYPE_CHECKING:
    from typing_extensions import Self


class Projection(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators that project every epoch of a run onto one plane.

    As in scikit-learn, a subclass' constructor stores its parameters, and `fit` checks them. A subclass says
    with `_method` which method they describe.

    Attributes
    ----------
    run_ : Run
        The run that was fitted.
    epochs_ : list of int
        Recorded numbers of the fitted epochs, in order; while `fit` runs or after it was stopped, of those
        that are finished.
    maps_ : mapping of int to Map
        The fitted map of each epoch, read from the run's folder when it is asked for.
    """

    seed: int = 0
    run_: Run
    epochs_: list[int]

    def _method(self) -> Method:
        """Build the method that the parameters describe, or raise ValueError naming one out of range."""
        raise NotImplementedError

    @property
    def maps_(self) -> Mapping[int, Map]:
        """The fitted map of each epoch."""
        return Maps(self._fits)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether at least one epoch is fitted."""
        return bool(getattr(self, "epochs_", None))

    def fit(self, run: Run, epochs: Sequence[int] | None = None) -> Self:
        """Fit every epoch of a run in order, with a progress bar.

        Finished epochs are kept in the run, under a key of the parameters and of all recorded data they come
        from: fitting again loads them, and a fit that was stopped or killed resumes. If the run's folder
        can't be written, they last as long as the estimator, and a warning says so.

        Parameters
        ----------
        run : Run
            A recorded run with at least one complete epoch.
        epochs : sequence of int, optional
            Recorded numbers to fit, ascending. All of them by default.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If run is not a Run, or epochs not a list.
        ValueError
            If a parameter is out of its range, an epoch is not recorded, representations hold NaN or are
            huge, or there are too few samples.
        KeyboardInterrupt
            If stopped by hand; the estimator can then be used with the epochs that are finished.
        """
        if not isinstance(run, Run):
            raise TypeError(f"run must be a dvi_widget.Run; got {type(run).__name__}. Open one: Run(folder).")
        check_whole("seed", self.seed)
        method = self._method()
        chosen = _checked_epochs(run, epochs)
        self._begin(run, method)
        if isinstance(method, JointMethod) and method.joint:
            self._key = cache.joint_key(run, chosen)
        bar = progress_bar(
            total=100 * len(chosen),
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
            leave=False,
        )
        try:
            with bar, threads.team():
                self._fit_epochs(method, chosen, bar)
        except KeyboardInterrupt:
            done = f"epochs {self.epochs_} are finished and kept" if self.epochs_ else "no epoch was finished"
            raise KeyboardInterrupt(f"Stopped: {done}. fit() resumes from there.") from None
        finally:
            self._fits.settle()
        return self

    def partial_fit(self, run: Run, epochs: Sequence[int] | None = None) -> Self:
        """Fit epochs that were recorded since the last call, each from those before it alone.

        What is fitted equals a `fit` of the same epochs afterwards, and is kept under the same keys. If the
        parameters changed, if this is another run, or if an epoch was recorded anew, fitting begins again.
        There is no progress bar: one epoch takes a moment, and a training has a bar of its own.

        Parameters
        ----------
        run : Run
            A run that is being recorded, with at least one complete epoch.
        epochs : sequence of int, optional
            Recorded numbers to fit, ascending and later than those fitted. By default all that are.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`; also if the method arranges all epochs together, as ``DVI(joint=True)`` does.
        """
        if not isinstance(run, Run):
            raise TypeError(f"run must be a dvi_widget.Run; got {type(run).__name__}. Open one: Run(folder).")
        check_whole("seed", self.seed)
        method = self._method()
        if isinstance(method, JointMethod) and method.joint:
            raise ValueError(
                "joint must be False to fit epoch by epoch, as a joint arrangement changes with every epoch; "
                "got True. Build DVI(joint=False)."
            )
        chosen = _checked_epochs(run, epochs)
        if not self._continues(run, method):
            self._begin(run, method)
        self.run_ = run
        last = self.epochs_[-1] if self.epochs_ else -1
        if epochs is not None and chosen[0] <= last:
            raise ValueError(f"epochs must be later than those fitted, up to {last}; got {chosen}.")
        try:
            with progress_bar(disable=True) as silent, threads.team():
                self._fit_epochs(method, [epoch for epoch in chosen if epoch > last], silent)
        finally:
            self._fits.settle()
        return self

    def _begin(self, run: Run, method: Method) -> None:
        """Start anew: nothing of this run is fitted."""
        self.run_, self.epochs_ = run, []
        self._fits = Fits(run, method)
        self._added: Added | None = None
        self._settings = (self.seed, method.key())
        self._key = ""  # of the last epoch that is fitted

    def _continues(self, run: Run, method: Method) -> bool:
        """Whether what is fitted is the beginning of this run under these settings."""
        if not hasattr(self, "run_") or self.run_.folder != run.folder:
            return False
        if self._settings != (self.seed, method.key()):
            return False
        recorded = set(run.epochs)
        return all(
            epoch in recorded and run.digest(epoch) == self._fits.digest(epoch) for epoch in self._fits
        )

    def _fit_epochs(self, method: Method, chosen: Sequence[int], bar: Any) -> None:
        """Load or fit one epoch after the other, after those that are fitted."""
        checkpoint: Checkpoint | None = None  # of the epoch before, if it was fitted now
        joint = method if isinstance(method, JointMethod) and method.joint else None
        for number, epoch in enumerate(chosen):
            digest = self.run_.digest(epoch)
            key = cache.key(method, self.seed, epoch, digest, self._key)
            path = cache.path_of(self.run_, method, epoch, key)
            count = f"({number + 1} of {len(chosen)})"
            fit, stored = cache.load(path, method, self.run_, epoch, digest), True
            if fit is not None:
                bar.set_description(f"loading epoch {epoch} {count}")
                checkpoint = None
            else:
                previous = None
                if self.epochs_:
                    last = self.epochs_[-1]
                    # An epoch that was loaded is read again only now that the next one must be fitted.
                    checkpoint = checkpoint or Checkpoint(self.run_, last, self._fits[last].searched)
                    previous = checkpoint, self._fits[last].map
                if joint is not None:
                    method, joint = self._prepared(joint, chosen, bar), None
                bar.set_description(f"fitting epoch {epoch} {count}")
                self.run_.verify_epoch(epoch)
                checkpoint = Checkpoint(self.run_, epoch)
                fitted = method.fit(checkpoint, previous, self._seed(epoch), _progress(bar, number))
                fit = FittedEpoch(fitted, self._place_all(fitted, epoch), checkpoint.searched, digest)
                stored = cache.store(path, fit)
            self._fits.add(epoch, fit, path, stored=stored)
            self._key = key
            self.epochs_.append(epoch)
            _progress(bar, number)(1.0)

    def _prepared(self, method: JointMethod, chosen: Sequence[int], bar: Any) -> Method:
        """Let a method look at all epochs together."""
        for epoch in chosen:
            Checkpoint(self.run_, epoch).x  # noqa: B018 - checked, one epoch in memory at a time
        representations = {epoch: self.run_.features(epoch, "train") for epoch in chosen}
        return method.prepare(
            representations, lambda share: bar.set_description(f"arranging all epochs, {share:.0%}")
        )

    def _place_all(self, fitted: Map, epoch: int) -> NDArray[np.float32]:
        """Return the positions of the run's samples: fitted ones, then those of the test samples."""
        if not self.run_.n_test:
            return fitted.positions.astype(np.float32)
        test = bounded(
            f"the representations of the test samples in epoch {epoch}", self.run_.features(epoch, "test")
        )
        return np.concatenate([fitted.positions, fitted.transform(test)]).astype(np.float32)

    def _seed(self, epoch: int) -> int:
        """Derive a seed for each epoch, so that a resumed fit draws the same numbers."""
        return int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])

    def _map(self, epoch: int) -> Map:
        """Return the fitted map of an epoch, after checking that its data have not changed."""
        check_is_fitted(self)
        if not isinstance(epoch, Hashable) or epoch not in self._fits:
            raise ValueError(
                f"epoch must be the number of a fitted epoch, one of {self.epochs_}; got {epoch!r}."
            )
        self._fits.check_unchanged(epoch)
        return self._fits[epoch].map

    def transform(
        self,
        x: ArrayLike | None = None,
        epoch: int | None = None,
        *,
        inputs: Any = None,
        boundary: bool = False,
    ) -> NDArray[np.float32]:
        """Project representations, φ, or samples as the network takes them, φ∘f.

        Parameters
        ----------
        x : array [m, h], optional
            Representations as the network has them at that epoch.
        epoch : int
            A fitted epoch.
        inputs : array [m, ...], optional
            In place of `x`: samples as the network takes them. The run must know its network,
            ``Run(folder, model=...)``; the network of that epoch represents them.
        boundary : bool
            Whether these are points on the δ-boundary, as in `Run.boundary`. `DVI` places them by edges of
            their own; other methods place all points alike.

        Returns
        -------
        float32 [m, l]
            Positions on the canvas.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the epoch is not fitted or was recorded anew since, the width is not h, x holds NaN, or not
            exactly one of x and inputs is given.
        RunError
            If inputs are given and the run does not know its network.
        """
        fitted = self._map(epoch)  # type: ignore[arg-type]
        assert epoch is not None  # else it would not be fitted
        if (x is None) == (inputs is None):
            got = "neither" if x is None else "both"
            raise ValueError(f"x must be given, or else inputs; got {got}. Pass one of them.")
        rows = self.run_.subject(epoch).features(inputs) if x is None else x
        width = self.run_.features(epoch, "train").shape[1]
        points = bounded("x", as_matrix("x", rows, width))
        return place_boundary(fitted, points) if boundary else fitted.transform(points)

    def add(self, inputs: ArrayLike, y: ArrayLike | None = None, images: ArrayLike | None = None) -> Self:
        """Add samples that were not recorded; landscapes taken from now on show them at every epoch.

        The recorded samples and the map stay exactly as they are: the network of each epoch represents the
        new samples, and the map of that epoch places them, as unseen ones. They are lost with a further
        `fit`.

        Parameters
        ----------
        inputs : array [m, ...]
            Samples as the network takes them.
        y : int array [m], optional
            Their labels, −1 for none.
        images : array [m, C, H, W], optional
            Their pictures, of the size of the run's; by default made from the inputs as those of the run are.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError, TypeError
            If arrays do not fit the run's samples.
        RunError
            If the run does not know its network. Open it as ``Run(folder, model=...)``.
        """
        check_is_fitted(self)
        new = Added(self.run_, inputs, y, images)
        new.answers(self.epochs_[-1])  # a network that cannot be asked says so now
        self._added = new if self._added is None else self._added.joined(new)
        return self

    def _shown(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return positions [N, l] and logits [N, C] of the run's samples, then of those added."""
        y, z = self._fits.positions(epoch), self.run_.logits(epoch, "all")
        if self._added is None:
            return y, z
        x, of_added = self._added.answers(epoch)
        new = self._fits[epoch].map.transform(bounded("the representations of inputs", x))
        return np.concatenate([y, new.astype(np.float32)]), np.concatenate([z, of_added])

    def inverse_transform(self, y: ArrayLike, epoch: int) -> NDArray[np.float32]:
        """Decode points of the canvas, ψ.

        Parameters
        ----------
        y : array [m, l]
            Positions on the canvas.
        epoch : int
            A fitted epoch.

        Returns
        -------
        float32 [m, h]
            Representations; `run.head(epoch)` classifies them.

        Raises
        ------
        NotFittedError
            Before fit.
        RuntimeError
            If the method cannot be inverted (t-SNE).
        ValueError
            If the epoch is not fitted or was recorded anew since, y has not l columns, or holds NaN.
        """
        fitted = self._map(epoch)
        points = bounded("y", as_matrix("y", y, fitted.positions.shape[1]))
        if not isinstance(fitted, InvertibleMap):
            reason = f"{type(self).__name__} cannot be inverted. DVI() can."
            raise RuntimeError(reason)  # noqa: TRY004 - no argument is of a wrong type
        return fitted.inverse_transform(points)

    def extend(self, landscape: Landscape) -> None:
        """Append to a landscape the epochs that were fitted since it was made.

        Parameters
        ----------
        landscape : Landscape
            One that `landscape` of this estimator returned.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the landscape does not hold the first of the epochs that are fitted now.
        """
        check_is_fitted(self)
        shown = landscape.epochs
        if shown != self.epochs_[: len(shown)] or not isinstance(landscape.source, ProjectionSource):
            raise ValueError(
                f"landscape must hold the first of the fitted epochs {self.epochs_}; got one of {shown}. "
                "Take a new one: landscape()."
            )
        scalars = self.run_.scalars.to_dict("index")
        for epoch in self.epochs_[len(shown) :]:
            positions, z = self._shown(epoch)
            landscape.append(
                epoch,
                positions,
                z.argmax(axis=1),
                softmax(z, axis=1).max(axis=1),
                scalars[epoch],
            )

    def landscape(self, resolution: int = 300) -> Landscape:
        """Return the fitted epochs as frames over the run's samples, train rows first.

        Parameters
        ----------
        resolution : int
            Pixels along each side of the painted canvas. Canvases are painted on first access.

        Returns
        -------
        Landscape

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the resolution is not a whole number in 2..4096, or an epoch was recorded anew since the fit.
        """
        check_is_fitted(self)
        epochs, fits = list(self.epochs_), self._fits
        for epoch in epochs:
            fits.check_unchanged(epoch)
        positions, logits = zip(*(self._shown(epoch) for epoch in epochs), strict=True)
        added = self._added
        inverts = isinstance(fits[epochs[-1]].map, InvertibleMap)
        return Landscape(
            epochs,
            positions,
            [z.argmax(axis=1) for z in logits],
            [softmax(z, axis=1).max(axis=1) for z in logits],
            classes=self.run_.classes,
            samples=self.run_.samples if added is None else added.table(self.run_.samples),
            images=self.run_.images if added is None else added.shown(self.run_.images),
            source=(DecodingSource if inverts else ProjectionSource)(self.run_, fits, added),
            resolution=resolution,
            name=type(self).__name__,
            scalars=self.run_.scalars,
        )


def _checked_epochs(run: Run, epochs: Sequence[int] | None) -> list[int]:
    """Check the epochs to fit against those recorded."""
    recorded = run.epochs
    if not recorded:
        raise ValueError(
            f"run must have a complete epoch; got none in {run.folder}. Record one: Recorder.capture(epoch)."
        )
    if not (epochs is None or isinstance(epochs, Iterable)):
        raise TypeError(f"epochs must be a list of recorded numbers; got {epochs!r}. Pass [{epochs!r}].")
    chosen = recorded if epochs is None else [check_whole("epochs", epoch) for epoch in epochs]
    if not chosen or sorted(set(chosen)) != chosen or not set(chosen) <= set(recorded):
        raise ValueError(f"epochs must be recorded numbers in ascending order, of {recorded}; got {chosen}.")
    return chosen


def _progress(bar: Any, number: int) -> Progress:
    """Return a function that moves the bar to a share of the epoch with this number."""
    return lambda share: bar.update(int(100 * (number + min(share, 1.0))) - bar.n)
