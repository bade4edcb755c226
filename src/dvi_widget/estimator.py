"""What all projections of a recorded run share: fitted epoch by epoch, kept, seen as a landscape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from . import files
from .arrays import as_matrix, as_rows, check_finite, check_whole, warn
from .boundary import on_boundary
from .landscape import Landscape
from .nearest import compile_descent, equal_rows_exceed, nearest, needs_compiling, neighbors, row_marks
from .progress import progress_bar
from .runs import Run, storage

if TYPE_CHECKING:
    from typing_extensions import Self

Head = Callable[[torch.Tensor], torch.Tensor]
Search = tuple[NDArray[np.int32], NDArray[np.float32]]

_LARGEST = 1e15  # representations whose squared distances, summed up, are finite in single precision
_BLOCK = 1 << 15  # rows through the head at once
_NEIGHBORS = 20  # of one search: as many as the measures ask for by default
_SEARCHED = {"neighbors": "xx", "boundary_neighbors": "xb"}  # searches that are kept with a map


class Checkpoint:
    """One epoch of a run as a method sees it: only what it may learn from, never the test samples.

    A neighbour search is done once, whoever asks for it: the parts of a method, the epoch after (eval_sem),
    the measures. It is for as many neighbours as the measures ask for by default; fewer are the first of
    these.

    Parameters
    ----------
    run : Run
        A recorded run.
    epoch : int
        The recorded number. Arrays are read when they are first asked for.
    searched : mapping of str to int32 array, optional
        What `searched` gave when this epoch was fitted.
    """

    def __init__(self, run: Run, epoch: int, searched: Mapping[str, NDArray[np.int32]] | None = None) -> None:
        self.epoch = epoch
        self._run = run
        self._kept = dict(searched or {})
        self._searches: dict[str, Search] = {}

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """Representations of the training samples [n, h]."""
        return _bounded(
            f"the representations of the training samples in epoch {self.epoch}",
            self._run.features(self.epoch, "train"),
        )

    @cached_property
    def b(self) -> NDArray[np.float32]:
        """Representations of the boundary set to fit on [m, h]; m may be 0."""
        return _bounded(
            f"the representations of the boundary samples in epoch {self.epoch}",
            self._run.boundary(self.epoch, "train"),
        )

    @cached_property
    def head(self) -> Head:
        """g: tensor [n, h] to logits [n, C], differentiable."""
        return self._run.head(self.epoch)

    @cached_property
    def predictions(self) -> NDArray[np.intp]:
        """Classes that the head gives the training samples [n]."""
        predictions: NDArray[np.intp] = classify(self.head, self.x).argmax(axis=1)
        return predictions

    @cached_property
    def boundary_logits(self) -> NDArray[np.float32]:
        """Logits of the boundary set [m, C]."""
        return classify(self.head, self.b)

    @property
    def searched(self) -> dict[str, NDArray[np.int32]]:
        """What was found, to be kept: "neighbors" and "boundary_neighbors" of the training samples [n, k].

        Not where more than k representations are equal: which of them were found says nothing then.
        """
        done = {}
        for (name, kind), among in zip(_SEARCHED.items(), (self.x, self.b), strict=True):
            if kind in self._searches:
                found = self._searches[kind][0]
                if not equal_rows_exceed(row_marks(among), found.shape[1]):
                    done[name] = found
        return {**self._kept, **done}

    def meaning(self, k: int) -> NDArray[np.int32]:
        """The indices that `neighbors` gives, without a search where these were kept."""
        kept = self._kept.get("neighbors")
        return self.neighbors(k)[0] if kept is None or kept.shape[1] < k else kept[:, :k]

    def neighbors(self, k: int) -> Search:
        """The k training samples nearest to each training sample: indices and distances [n, k]."""
        return self._once("xx", k, len(self.x) - 1, lambda k: nearest(self.x, k))

    def boundary_neighbors(self, k: int) -> Search:
        """The k boundary samples (all of them, if fewer) nearest to each training sample."""
        return self._once("xb", k, len(self.b), lambda k: nearest(self.b, k, query=self.x))

    def neighbors_along_boundary(self, k: int) -> Search:
        """The k boundary samples (all others, if fewer) nearest to each boundary sample."""
        return self._once("bb", k, len(self.b) - 1, lambda k: nearest(self.b, k))

    def _once(self, kind: str, k: int, among: int, search: Callable[[int], Search]) -> Search:
        """What was searched before is not searched again."""
        if kind not in self._searches or self._searches[kind][0].shape[1] < min(k, among):
            self._searches[kind] = search(min(max(k, _NEIGHBORS), among))
        indices, distances = self._searches[kind]
        return indices[:, :k], distances[:, :k]


class Map(Protocol):
    """A fitted projection of one epoch.

    Two more methods are used where it has them: `transform_boundary(x)`, where δ-boundary points are placed
    in a way of their own; and `logits(y [m, l], weight [C, h], bias [C])`, the logits of decoded positions
    under a linear head, where there is a quicker way to them.
    """

    @property
    def positions(self) -> NDArray[np.float32]:
        """Where the training samples lie [n, l]."""
        ...

    def transform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """φ: representations [m, h] to positions [m, l]."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything `Method.load` needs, apart from the positions."""
        ...


@runtime_checkable
class InvertibleMap(Map, Protocol):
    """One with a way back."""

    def inverse_transform(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """ψ: positions [m, l] to representations [m, h]."""
        ...


class Method(Protocol):
    """How one epoch is fitted, given the one before."""

    def key(self) -> Mapping[str, Any]:
        """Name, version and settings: whatever changes a fitted map, as JSON."""
        ...

    def fit(
        self,
        checkpoint: Checkpoint,
        previous: tuple[Checkpoint, Map] | None,
        seed: int,
        report: Callable[[float], object],
    ) -> Map:
        """Fit one epoch; `report` is called with the share done, in (0, 1]."""
        ...

    def load(
        self,
        arrays: Mapping[str, NDArray[Any]],
        positions: NDArray[np.float32],
        reopen: Callable[[], Checkpoint],
    ) -> Map:
        """A map from what `Map.arrays` gave; `reopen` gives the checkpoint it was fitted to, if needed."""
        ...


class Projection:
    """Base of the estimators that project every epoch of a run onto one plane.

    A subclass stores its parameters and says by `_method` which method they make.

    Attributes
    ----------
    run_ : Run
        What was fitted.
    epochs_ : list of int
        Recorded numbers of the fitted epochs, in order; while `fit` runs or after it was stopped, those that
        are finished.
    maps_ : dict of int to Map
        The fitted map of each epoch.
    """

    seed: int = 0
    run_: Run
    epochs_: list[int]
    maps_: dict[int, Map]

    def _method(self) -> Method:
        """The method that the parameters make."""
        raise NotImplementedError

    def fit(self, run: Run, epochs: Sequence[int] | None = None) -> Self:
        """Fit every epoch of a run in order, with a progress bar.

        Finished epochs are kept in the run, under a key of the parameters and of all recorded data they come
        from: fitting again loads them, and a fit that was stopped or killed goes on where it was. Where the
        run's folder can't be written they serve as long as the estimator lives, and a warning says so.

        Parameters
        ----------
        run : Run
            A recorded run with one complete epoch at least.
        epochs : sequence of int, optional
            Recorded numbers to fit, ascending. All of them by default.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If run is not a Run, or epochs no list.
        ValueError
            If an epoch is not recorded, representations hold NaN or are huge, or there are too few samples.
        KeyboardInterrupt
            If stopped by hand; the estimator can then be used with the epochs it finished.
        """
        if not isinstance(run, Run):
            raise TypeError(f"run must be a dvi_widget.Run; got {type(run).__name__}. Open it: Run(folder).")
        chosen = _chosen(run, epochs)
        method = self._method()
        self.run_, self.epochs_, self.maps_ = run, [], {}
        self._positions: dict[int, NDArray[np.float32]] = {}
        self._searched: dict[int, Mapping[str, NDArray[np.int32]]] = {}
        self._digests: dict[int, str] = {}
        bar = progress_bar(
            total=100 * len(chosen),
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
            leave=False,
        )
        try:
            with bar:
                self._fit(method, chosen, bar)
        except KeyboardInterrupt:
            kept = f"epochs {self.epochs_} are finished and kept" if self.epochs_ else "no epoch was finished"
            raise KeyboardInterrupt(f"Stopped: {kept}; fit() goes on from there.") from None
        return self

    def _fit(self, method: Method, chosen: Sequence[int], bar: Any) -> None:
        """Load or fit one epoch after the other."""
        before: Checkpoint | None = None
        key = ""
        for number, epoch in enumerate(chosen):
            self._digests[epoch] = self.run_.digest(epoch)
            key = self._key(method, epoch, key)
            path = self.run_.maps / f"{method.key()['method']}-{epoch:06d}-{key}.safetensors"
            loaded = _load(method, path, self.run_, epoch)
            if loaded is None:
                previous = None
                if number:
                    # An epoch that was loaded is read again only where the next one must be fitted.
                    last = chosen[number - 1]
                    before = before or Checkpoint(self.run_, last, self._searched[last])
                    previous = before, self.maps_[last]
                if needs_compiling(self.run_.n_train):
                    bar.set_description("compiling the search for neighbours, once in a session")
                    compile_descent()
                bar.set_description(f"fitting epoch {epoch} ({number + 1} of {len(chosen)})")
                before = Checkpoint(self.run_, epoch)
                fitted = method.fit(before, previous, self._seed(epoch), _steps(bar, number))
                positions, searched = self._place_all(fitted, epoch), before.searched
                _keep(path, fitted, positions, searched)
            else:
                bar.set_description(f"loading epoch {epoch} ({number + 1} of {len(chosen)})")
                fitted, positions, searched = loaded
                before = None
            self.maps_[epoch], self._positions[epoch] = fitted, positions
            self._searched[epoch] = searched
            self.epochs_.append(epoch)
            _steps(bar, number)(1.0)

    def _place_all(self, fitted: Map, epoch: int) -> NDArray[np.float32]:
        """Positions of the run's samples: those that were fitted, then the test samples if there are any."""
        if not self.run_.n_test:
            return fitted.positions.astype(np.float32)
        test = _bounded(
            f"the representations of the test samples in epoch {epoch}", self.run_.features(epoch, "test")
        )
        return np.concatenate([fitted.positions, fitted.transform(test)]).astype(np.float32)

    def _key(self, method: Method, epoch: int, previous: str) -> str:
        """Name of a map: parameters, and the data of this epoch and of all that it was started from."""
        parts = [method.key(), self.seed, epoch, self._digests[epoch], previous]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]

    def _seed(self, epoch: int) -> int:
        """Each epoch draws its own random numbers, so that a resumed fit draws the same."""
        return int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])

    def _map(self, epoch: int) -> Map:
        """The fitted map of an epoch."""
        if not getattr(self, "maps_", None):
            raise RuntimeError(f"This {type(self).__name__} is not fitted yet: call fit(run) first.")
        if not isinstance(epoch, Hashable) or epoch not in self.maps_:
            raise ValueError(
                f"epoch must be the number of a fitted epoch, one of {self.epochs_}; got {epoch!r}."
            )
        _check_unchanged(self.run_, epoch, self._digests[epoch])
        return self.maps_[epoch]

    def transform(self, x: ArrayLike, epoch: int, *, boundary: bool = False) -> NDArray[np.float32]:
        """Project representations, φ.

        Parameters
        ----------
        x : array [m, h]
            Representations as the network has them at that epoch.
        epoch : int
            A fitted epoch.
        boundary : bool
            Whether these are points on the δ-boundary, as `Run.boundary` has them. "layout" places them by
            edges of their own; the other methods place all alike.

        Returns
        -------
        float32 [m, l]
            Positions on the canvas.

        Raises
        ------
        RuntimeError
            Before fit.
        ValueError
            If the epoch is not fitted or was recorded anew since, the width is not h, or x holds NaN.
        """
        fitted = self._map(epoch)
        width = self.run_.features(epoch, "train").shape[1]
        checked = _bounded("x", as_matrix("x", x, width))
        return _placed_boundary(fitted, checked) if boundary else fitted.transform(checked)

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
        RuntimeError
            Before fit, or if the method has no way back (t-SNE).
        ValueError
            If the epoch is not fitted or was recorded anew since, y has not l columns, or holds NaN.
        """
        fitted = self._map(epoch)
        checked = _bounded("y", as_matrix("y", y, fitted.positions.shape[1]))
        if not isinstance(fitted, InvertibleMap):
            reason = f"{type(self).__name__} has no way back from the canvas; DVI() has one."
            raise RuntimeError(reason)  # noqa: TRY004 - no argument is of a wrong type
        return fitted.inverse_transform(checked)

    def landscape(self, resolution: int = 300) -> Landscape:
        """The fitted epochs as frames over the run's samples, train rows first.

        Parameters
        ----------
        resolution : int
            Pixels along each side of the painted canvas. Canvases are painted when first looked at.

        Returns
        -------
        Landscape

        Raises
        ------
        RuntimeError
            Before fit.
        ValueError
            If the resolution is not a whole number in 2..4096, or an epoch was recorded anew since the fit.
        """
        if not getattr(self, "maps_", None):
            raise RuntimeError(f"This {type(self).__name__} is not fitted yet: call fit(run) first.")
        for epoch in self.epochs_:
            _check_unchanged(self.run_, epoch, self._digests[epoch])
        logits = [self.run_.logits(epoch, "all") for epoch in self.epochs_]
        back = {epoch: fitted for epoch, fitted in self.maps_.items() if isinstance(fitted, InvertibleMap)}
        return Landscape(
            self.epochs_,
            [self._positions[epoch] for epoch in self.epochs_],
            [z.argmax(axis=1) for z in logits],
            [np.exp(z.max(axis=1) - np.logaddexp.reduce(z, axis=1)) for z in logits],
            classes=self.run_.classes,
            samples=self.run_.samples,
            images=self.run_.images,
            source=DecodingSource(self.run_, back, self._searched, self._digests)
            if back
            else ProjectionSource(self.run_, dict(self.maps_), self._searched, self._digests),
            resolution=resolution,
            name=type(self).__name__,
            scalars=self.run_.scalars,
        )


class ProjectionSource:
    """Answers of a fitted projection about its landscape (see `landscape.Source`).

    What it reads of the run must be what was fitted: an epoch that was recorded anew is refused.
    """

    def __init__(
        self,
        run: Run,
        maps: Mapping[int, Map],
        searched: Mapping[int, Mapping[str, NDArray[np.int32]]],
        digests: Mapping[int, str],
    ) -> None:
        self._run = run
        self._maps = maps
        self._searched = searched
        self._digests = digests
        if run.knows_network:
            self.subject = run.subject

    def _at(self, epoch: int) -> Run:
        """The run, to read that epoch of."""
        _check_unchanged(self._run, epoch, self._digests[epoch])
        return self._run

    def classify(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities [m, C] that the head gives representations [m, h]."""
        z = classify(self._at(epoch).head(epoch), x)
        p: NDArray[np.float32] = np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None])
        return p

    def place(self, epoch: int, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Projection [m, l]."""
        self._at(epoch)
        return self._maps[epoch].transform(x)

    def place_boundary(self, epoch: int, b: NDArray[np.float32]) -> NDArray[np.float32]:
        """Projection of δ-boundary points [m, l]."""
        self._at(epoch)
        return _placed_boundary(self._maps[epoch], b)

    def neighbors(
        self, epoch: int, indices: ArrayLike, k: int, mask: ArrayLike | None = None
    ) -> NDArray[np.int32]:
        """Nearest samples among those allowed, never the sample itself."""
        x = self.features(epoch)
        asked = as_rows("indices", indices, len(x))
        allowed = as_rows("mask", mask, len(x))
        known = np.isin(asked, allowed)
        check_whole("k", k, 1, len(allowed) - int(known.any()))
        # One more than asked for, because a sample may find itself.
        found = allowed[neighbors(x[allowed], min(k + 1, len(allowed)), query=x[asked])[0]]
        other = np.argsort(found == asked[:, None], axis=1, kind="stable")[:, :k]
        return np.take_along_axis(found, other, axis=1).astype(np.int32)

    def searched(self, epoch: int) -> Mapping[str, NDArray[np.int32]]:
        """What the fit found in representation space, if it searched (see `Checkpoint.searched`)."""
        return self._searched[epoch]

    def logits(self, epoch: int) -> NDArray[np.float32]:
        """Logits of all samples [N, C]."""
        return self._at(epoch).logits(epoch, "all")

    def features(self, epoch: int) -> NDArray[np.float32]:
        """Representations of all samples [N, h]."""
        return self._at(epoch).features(epoch, "all")

    def inputs(self, indices: ArrayLike) -> NDArray[Any]:
        """Samples as the network takes them [m, ...]."""
        return np.asarray(self._run.inputs("all")[np.asarray(indices)])

    def boundary(self, epoch: int, split: str) -> NDArray[np.float32]:
        """Boundary set that was fitted ("train") or held back ("test") [b, h]."""
        return self._at(epoch).boundary(epoch, "test" if split == "test" else "train")


class DecodingSource(ProjectionSource):
    """Of maps that all have a way back: it paints and decodes too."""

    _maps: Mapping[int, InvertibleMap]

    def __init__(
        self,
        run: Run,
        maps: Mapping[int, InvertibleMap],
        searched: Mapping[int, Mapping[str, NDArray[np.int32]]],
        digests: Mapping[int, str],
    ) -> None:
        super().__init__(run, maps, searched, digests)

    def paint(
        self, epoch: int, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.bool_]]:
        """Decode and classify: class, probability of that class, on the δ-boundary (Def. 2)."""
        linear, quick = self._at(epoch).linear_head(epoch), getattr(self._maps[epoch], "logits", None)
        if linear is not None and quick is not None:
            z: NDArray[np.float32] = quick(points, *linear)
        else:
            z = classify(self._run.head(epoch), self.decode(epoch, points))
        shade = np.exp(z.max(axis=1) - np.logaddexp.reduce(z, axis=1))
        return z.argmax(axis=1), shade, on_boundary(z)

    def decode(self, epoch: int, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inverse projection [m, h]."""
        return self._maps[epoch].inverse_transform(points)


def _check_unchanged(run: Run, epoch: int, digest: str) -> None:
    """Refuse an epoch that is not the one that was fitted."""
    if run.digest(epoch) != digest:
        raise storage.RunError(
            f"epoch {epoch} of {run.folder} was recorded anew after it was fitted; fit the run again."
        )


def _placed_boundary(fitted: Map, b: NDArray[np.float32]) -> NDArray[np.float32]:
    """δ-boundary points on the canvas, by a way of their own if the map has one."""
    place: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    place = getattr(fitted, "transform_boundary", fitted.transform)
    return place(b)


def classify(head: Head, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits [n, C] of representations [n, h], some rows at a time."""
    with torch.no_grad():
        blocks = torch.split(torch.tensor(x), _BLOCK)
        logits: NDArray[np.float32] = torch.cat([head(block).cpu() for block in blocks]).numpy()
    return logits


def _chosen(run: Run, epochs: Sequence[int] | None) -> list[int]:
    """The epochs to fit, checked against those recorded."""
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


def _steps(bar: Any, number: int) -> Callable[[float], object]:
    """Move the bar to a share of the epoch with this number."""
    return lambda share: bar.update(int(100 * (number + min(share, 1.0))) - bar.n)


def _load(
    method: Method, path: Path, run: Run, epoch: int
) -> tuple[Map, NDArray[np.float32], dict[str, NDArray[np.int32]]] | None:
    """A map that was fitted before, with the positions of all samples and what was searched."""
    if not path.exists():
        return None
    try:
        arrays = {name: tensor.numpy() for name, tensor in files.load_tensors(path).items()}
        positions = arrays.pop("positions")
        searched = {name: arrays.pop(name) for name in _SEARCHED if name in arrays}
        fitted = method.load(arrays, positions[: run.n_train], lambda: Checkpoint(run, epoch, searched))
    except (files.DamagedFileError, KeyError) as error:
        trouble = f"{path} is damaged: it lacks {error}." if isinstance(error, KeyError) else str(error)
        warn(f"{trouble} Its epoch is fitted again.")
        return None
    return fitted, positions, searched


def _save(
    path: Path, fitted: Map, positions: NDArray[np.float32], searched: Mapping[str, NDArray[np.int32]]
) -> None:
    """Keep a map; it appears whole or not at all."""
    arrays = {"positions": positions, **searched, **fitted.arrays()}
    with files.write_aside(path) as aside:
        files.save_tensors(aside, {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()})


def _keep(
    path: Path, fitted: Map, positions: NDArray[np.float32], searched: Mapping[str, NDArray[np.int32]]
) -> None:
    """Keep a map if that is possible: what was fitted serves all the same while it is in memory."""
    try:
        _save(path, fitted, positions, searched)
    except OSError as error:
        warn(
            f"What is fitted can't be kept in {path.parent} ({error.strerror or error}) and will have to be "
            "fitted again; a copy of the run's folder in a place that can be written would keep it."
        )


def _bounded(name: str, value: NDArray[Any]) -> NDArray[np.float32]:
    """Representations or positions in memory as float32, refused if they are not finite or too large."""
    array = np.ascontiguousarray(value, np.float32)
    try:
        check_finite(name, array)
    except ValueError as error:
        raise ValueError(f"{error} Did training diverge?") from None
    largest = float(max(array.max(initial=0), -array.min(initial=0)))
    if largest > _LARGEST:
        raise ValueError(
            f"{name} must be {_LARGEST:.0e} at most, as larger values overflow float32 when squared; got "
            f"{largest:.1e}. Did training diverge, or are the inputs out of scale?"
        )
    return array
