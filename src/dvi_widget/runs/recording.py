"""Recording a training run: its samples once, then one whole epoch at a time, while the network is alive."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from dvi_widget import files
from dvi_widget.arrays import as_array, blocks, check_number, check_path, check_whole, warn
from dvi_widget.boundary import synthesize
from dvi_widget.pictures import check_pictures, like_pictures, show, value_range
from dvi_widget.progress import progress_bar
from dvi_widget.subject import InputShapeError, Outputs, Subject

from . import storage
from .samples import read_samples

_MAX_EPOCH = 10**9 - 1
# Half precision's own rounding error, relative to the largest representation.
_HALF_ERROR = 2.0**-11


class Recorder:
    """Record a classifier while it trains: representations, logits, boundary points and weights.

    Call `capture` after each epoch, or after some of them. The network is left as it was: mode, weights,
    buffers and random state. The files are complete at any moment: an epoch appears whole or not at all, even
    if the process is killed or the disk is full.

    Parameters
    ----------
    folder
        The run's folder: new or empty, or a run of the same samples, which is then continued. Only one
        process may record into it at a time.
    model
        The network that trains (see `Subject`). `capture` records its current weights.
    train, test
        ``(x, y)``, or a torch ``Dataset`` of such pairs (read once, in order, so without random
        augmentation). x : array or tensor ``[n, ...]``, uint8 or float, as the network takes them (recorded
        unchanged); y : integer labels ``[n]`` in 0..C-1. Maps learn from the training samples alone; without
        ``test`` they can be measured only on samples that they have seen.
    classes
        Names of the C classes, in the order of the logits; or a mapping of names to 0..C-1 or of these to
        names, such as ``class_to_idx`` of a Dataset and ``id2label`` of a model.
    layer
        Module to split the network at; None for its last linear layer (see `Subject`).
    images
        Pictures to show, for all samples: ``[n_train + n_test, C, H, W]`` or ``[n, H, W]`` with C of 1 or 3,
        or a pair of such arrays for training and test samples. None: derived from x if it has the shape of
        pictures. uint8 values are kept, floats in [0, 1] are multiplied by 255, other floats are rescaled by
        the minimum and maximum of the whole set, with a warning.
    groups
        Columns of the sample table: name to bool mask, ``[n_train]`` or ``[n_train + n_test]``. More can be
        added with `Run.add_group`.
    outputs
        "logits", "probabilities" or "sigmoid": what the network returns, if the rule of `Predictor` gets it
        wrong.
    dtype
        "float32", or "float16" to record representations in half the space.
    boundary
        Number of boundary points per epoch, as a fraction of the training samples, for each of two
        independent sets: one to fit on, one to measure on. 0 for none.
    batch_size
        Samples per call of the network.
    seed
        Seed of the boundary synthesis.

    Attributes
    ----------
    cost_ : dict of str to float
        Wall seconds spent so far: "training" (between captures), "capturing", and "following" (in functions
        that `follow` was given, such as `watch` gives it).

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong; the message names it. Nothing is written then.
    NotADirectoryError, PermissionError
        If no folder can be made at that place, or it can't be written.
    RunError
        If the folder holds something else, or a run of other samples, of another network, or split elsewhere.

    Warns
    -----
    UserWarning
        If the folder holds epochs and the model's weights are not those of the last one: a newly built model
        does not continue that training.

    Examples
    --------
    Your network, samples and training loop go in:

    >>> recorder = Recorder("runs/mine", model, train=(x, y), test=(xt, yt), classes=names)
    >>> for epoch in range(2):
    ...     loss = train_one_epoch(model)
    ...     recorder.capture(epoch, scalars={"loss": loss})
    """

    def __init__(
        self,
        folder: str | Path,
        model: nn.Module,
        *,
        train: tuple[ArrayLike | Tensor, ArrayLike | Tensor] | Dataset[Any],
        test: tuple[ArrayLike | Tensor, ArrayLike | Tensor] | Dataset[Any] | None = None,
        classes: Sequence[str] | Mapping[str, int] | Mapping[int, str],
        layer: str | None = None,
        images: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ArrayLike | Tensor] | None = None,
        groups: Mapping[str, ArrayLike | Tensor] | None = None,
        outputs: Outputs | None = None,
        dtype: str = "float32",
        boundary: float = 0.1,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        self.folder = check_path("folder", folder)
        self.classes = _checked_classes(classes)
        if dtype not in ("float32", "float16"):
            raise ValueError(f"dtype must be 'float32' or 'float16'; got {dtype!r}.")
        check_number("boundary", boundary, 0, 1)
        seed = check_whole("seed", seed)
        existing = _existing(self.folder)
        x, y, random = read_samples("train", train)
        xt, yt, random_test = (x[:0], y[:0], False) if test is None else read_samples("test", test)
        inputs, labels = (x, xt), (y, yt)
        self._inputs: tuple[NDArray[Any], ...] = inputs
        self._n_train, self._n_test = len(labels[0]), len(labels[1])
        self._labels = np.concatenate(labels)
        self._check_samples(labels, boundary)
        where, pictures = _pictures(images, inputs)
        groups = _checked_mapping("groups", groups)
        for name, mask in groups.items():
            storage.check_group(name, mask, self._n_train, self._n_test)

        self._subject = Subject(model, layer=layer, outputs=outputs, batch_size=batch_size)
        try:
            features, z = self._subject.features_and_logits(x[:8])
        except InputShapeError as error:
            raise InputShapeError("train", error.requirement) from error
        if z.shape[1] != len(self.classes):
            raise ValueError(
                f"classes must be one name per logit of the network, {z.shape[1]}; got {len(self.classes)}."
            )
        self._width = features.shape[1]
        self._dtype, self._seed = np.dtype(dtype), seed
        self._n_boundary = round(boundary * self._n_train)
        self._followers: list[Callable[[], object]] = []
        self.cost_ = {"training": 0.0, "capturing": 0.0, "following": 0.0}
        self._free = time.perf_counter()  # when the last capture had ended
        self._shapes = self._weight_shapes()

        manifest = {
            "format": storage.FORMAT,
            "version": storage.VERSION,
            "classes": self.classes,
            "n_train": self._n_train,
            "n_test": self._n_test,
            "inputs": {"shape": list(inputs[0].shape[1:]), "dtype": inputs[0].dtype.str},
            "images": where,
            "representations": {"size": self._width, "dtype": dtype},
            "layer": self._subject.layer,
            "side": self._subject.side,
            "head": self._subject.head_kind,
            "outputs": self._subject.outputs,
            "digest": storage.digest(*inputs, self._labels),
        }
        if existing is None:
            self._begin(manifest, pictures, value_range(pictures, "images") if pictures else (0, 1))
        else:
            self._continue(existing, manifest, random=random or random_test)
            self._compare_weights()
        # From here on the recorded samples count, even if the caller's arrays change.
        stored = storage.read(
            self.folder / "samples" / "inputs.npy",
            lambda path: files.open_array(path, (None,) * inputs[0].ndim),
        )
        self._inputs = stored[: self._n_train], stored[self._n_train :]
        for name, mask in groups.items():
            storage.write_group(self.folder, name, mask, self._n_train, self._n_test)

    @property
    def model(self) -> nn.Module:
        """The network that is recorded."""
        return self._subject.model

    def __repr__(self) -> str:
        n = len(self.epochs)
        return f"Recorder({str(self.folder)!r}): {n} epoch{'s' if n != 1 else ''} recorded"

    @property
    def epochs(self) -> list[int]:
        """Recorded numbers of the epochs in the folder, in order."""
        return list(storage.epoch_folders(self.folder))

    def capture(
        self, epoch: int, overwrite: bool = False, scalars: Mapping[str, float] | None = None
    ) -> None:
        """Record the network as it is now.

        Parameters
        ----------
        epoch
            The epoch's number, in 0..999,999,999. A run is read in the order of these numbers.
        overwrite
            Whether to replace the epoch if it has been recorded; the old one stays until the new one is
            complete.
        scalars
            Numbers to record with the epoch, such as ``{"loss": 0.3}``. Accuracies are always recorded. See
            `Run.scalars`.

        Raises
        ------
        ValueError, TypeError
            If the epoch has been recorded, its number or a scalar is wrong, or representations or logits are
            not finite. Nothing is written then.
        OSError
            If the disk is full or can't be written. Nothing is lost then.

        Warns
        -----
        UserWarning
            If fewer boundary points than requested are found, or none because all samples are predicted as
            one class.
        """
        began = time.perf_counter()
        self.cost_["training"] += began - self._free
        try:
            self._capture(epoch, overwrite, scalars)
            recorded = time.perf_counter()
            self.cost_["capturing"] += recorded - began
            self._tell(epoch)
            self.cost_["following"] += time.perf_counter() - recorded
        finally:
            self._free = time.perf_counter()

    def _capture(self, epoch: int, overwrite: bool, scalars: Mapping[str, float] | None) -> None:
        """Record the network as it is now."""
        epoch = check_whole("epoch", epoch, 0, _MAX_EPOCH)
        numbers = _checked_scalars(_checked_mapping("scalars", scalars))
        if not overwrite and epoch in storage.epoch_folders(self.folder):
            raise ValueError(
                f"epoch must not have been recorded; got {epoch}. Pass overwrite=True to record it again."
            )
        self._check_architecture()
        features, logits = self._evaluate(epoch)
        arrays = {"features": self._stored(features), "logits": logits}
        for which, name in enumerate(("boundary_train", "boundary_test")):
            arrays[name] = self._stored(self._boundary(epoch, which, logits[: self._n_train]))
        linear = self._subject.linear_layer
        right = logits.argmax(axis=1) == self._labels
        about = {
            "digest": storage.digest(*arrays.values(), *(linear or ())),
            "scalars": {
                "train_accuracy": float(right[: self._n_train].mean()),
                **({"test_accuracy": float(right[self._n_train :].mean())} if self._n_test else {}),
                **numbers,
            },
        }
        with files.write_aside(storage.next_epoch_folder(self.folder, epoch)) as aside:
            aside.mkdir()
            for name, array in arrays.items():
                np.save(aside / f"{name}.npy", array, allow_pickle=False)
            if linear is not None:
                head = {"weight": linear[0], "bias": linear[1]}
                files.save_tensors(
                    aside / "head.safetensors", {k: torch.from_numpy(v) for k, v in head.items()}
                )
            files.save_tensors(aside / "weights.safetensors", self._weights())
            files.write_json(aside / "epoch.json", about)
        storage.remove_old_generations(self.folder)

    def follow(self, follower: Callable[[], object]) -> None:
        """Have a function called after each `capture`.

        If it fails, a warning says so: the epoch is recorded, and the training goes on.

        Parameters
        ----------
        follower
            Called on the thread that captures.
        """
        self._followers.append(follower)

    def _tell(self, epoch: int) -> None:
        """Call the followers; a training must not end because one of them fails."""
        for follower in self._followers:
            try:
                follower()
            except Exception as error:  # noqa: BLE001, PERF203 - whatever it is
                name = getattr(follower, "__qualname__", repr(follower))
                warn(f"Epoch {epoch} is recorded, but {name} failed: {type(error).__name__}: {error}")

    def _evaluate(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute the representations and logits of all samples, training samples first."""
        features = np.empty((self._n_train + self._n_test, self._width), np.float32)
        logits = np.empty((len(features), len(self.classes)), np.float32)
        step, row = 16 * self._subject.batch_size, 0
        with progress_bar(
            total=len(features), desc=f"recording epoch {epoch}", unit="sample", leave=False, delay=2
        ) as bar:
            for inputs in self._inputs:
                for start in range(0, len(inputs), step):
                    part = self._subject.features_and_logits(inputs[start : start + step])
                    rows = slice(row, row + len(part[0]))
                    features[rows], logits[rows] = part
                    row = rows.stop
                    bar.update(len(part[0]))
        for name, values in (("representations", features), ("logits", logits)):
            bad = ~np.isfinite(values).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"model must return finite {name}; got NaN or infinity for {int(bad.sum())} samples, the "
                    f"first of them sample {int(bad.argmax())}. Epoch {epoch} is not recorded."
                )
        return features, logits

    def _boundary(self, epoch: int, which: int, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Synthesise one set of boundary points [b, h]; b is 0 if one class is predicted everywhere."""
        none = np.empty((0, self._width), np.float32)
        if not self._n_boundary:
            return none
        if len(np.unique(logits.argmax(axis=1))) < 2:
            if which == 0:
                warn(
                    f"Epoch {epoch} is recorded without boundary points: the network predicts one class for "
                    "every training sample, so there is no boundary between them."
                )
            return none
        return synthesize(
            self._subject, self._inputs[0], logits, self._n_boundary, seed=(self._seed, epoch, which)
        ).features

    def _stored(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Convert representations to the dtype in which they are recorded."""
        with np.errstate(over="ignore"):
            stored = features.astype(self._dtype, copy=False)
        largest = float(np.abs(features).max(initial=0))
        # Half precision holds three digits from 6e-5 to 65504 only.
        lost = float(np.abs(stored.astype(np.float32) - features).max(initial=0))
        if self._dtype == np.float16 and not lost <= _HALF_ERROR * largest:
            raise ValueError(
                f"dtype must be 'float32' for representations whose largest is {largest:.3g}, as half "
                "precision holds numbers from 6e-05 to 65504; got 'float16'."
            )
        return stored

    def _weights(self) -> dict[str, Tensor]:
        """Return weights and buffers by name."""
        return {k: v for k, v in self._subject.model.state_dict().items() if isinstance(v, Tensor)}

    def _weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of weights and buffers by name."""
        return {name: tuple(value.shape) for name, value in self._weights().items()}

    def _check_architecture(self) -> None:
        """Refuse a network that is not the one this recorder was made with."""
        try:
            self._subject.check_split()
            storage.check_shapes(self._shapes, self._weight_shapes())
        except ValueError as error:
            raise ValueError(
                "model must keep its architecture while it is recorded; it was changed after the Recorder "
                f"was made. Make the Recorder once the model is complete. ({error})"
            ) from None

    def _check_samples(self, labels: tuple[NDArray[Any], ...], boundary: float) -> None:
        """Refuse samples that do not fit each other or the classes."""
        train, test = self._inputs
        if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
            raise ValueError(
                "test and train must have inputs of the same dtype and shape; got "
                f"{test.dtype} {test.shape[1:]} and {train.dtype} {train.shape[1:]}."
            )
        if boundary and not (train.dtype == np.uint8 or np.issubdtype(train.dtype, np.floating)):
            raise TypeError(
                "train inputs must be uint8 or floats, as they are mixed to find the boundary; got "
                f"{train.dtype}. Pass boundary=0 to record without."
            )
        for name, y in zip(("train", "test"), labels, strict=True):
            outside = (y < 0) | (y >= len(self.classes))
            if outside.any():
                first = int(outside.argmax())
                raise ValueError(
                    f"{name} labels must be in 0..{len(self.classes) - 1}, as there are {len(self.classes)} "
                    f"classes; got {int(y[first])} for sample {first}."
                )
        present = np.unique(labels[0])
        if len(present) < 2:
            raise ValueError(
                "train must have samples of at least two classes; got only "
                f"{self.classes[int(present[0])]!r}."
            )

    def _begin(
        self,
        manifest: Mapping[str, Any],
        pictures: Sequence[NDArray[Any]],
        limits: tuple[float, float],
    ) -> None:
        """Write the samples, then run.json, which makes the folder a run."""
        files.remove_leftovers(self.folder)
        files.remove(self.folder / "samples")
        with files.write_aside(self.folder / "samples") as aside:
            aside.mkdir()
            np.save(aside / "labels.npy", self._labels, allow_pickle=False)
            _save(aside / "inputs.npy", self._inputs, lambda block: block)
            if pictures:
                _save(aside / "images.npy", pictures, lambda block: show(block, *limits))
        with files.write_aside(self.folder / "run.json") as aside:
            files.write_json(aside, manifest)

    def _continue(self, existing: Mapping[str, Any], manifest: Mapping[str, Any], *, random: bool) -> None:
        """Check that a run is of the same samples and network, and clear what was left unfinished."""
        same = {
            key: existing.get(key) == value
            for key, value in manifest.items()
            if key not in ("format", "version", "images")
        }
        if not all(same.values()):
            differences = ", ".join(
                "samples" if key == "digest" else key for key, value in same.items() if not value
            )
            why = (
                " The samples differ because the Dataset transforms them at random: pass them without "
                "random transforms."
                if random and not same["digest"]
                else ""
            )
            raise storage.RunError(
                f"{self.folder} holds a run that differs from this one ({differences}).{why} Continue it "
                "with a model of the same architecture and the same samples, classes, layer and dtype, or "
                "record into another folder."
            )
        for part in (".", "epochs"):
            files.remove_leftovers(self.folder / part)
        storage.remove_old_generations(self.folder)

    def _compare_weights(self) -> None:
        """Refuse a network of another architecture than the last one recorded; warn of other weights."""
        if not self.epochs:
            return
        last = self.epochs[-1]
        path = storage.epoch_folders(self.folder)[last] / "weights.safetensors"
        recorded, own = storage.read(path, files.load_tensors), self._weights()
        try:
            storage.check_architecture(recorded, own)
        except storage.RunError as error:
            raise storage.RunError(f"{error} Record this model into another folder.") from None
        if all(torch.equal(recorded[name], own[name].detach().cpu()) for name in own):
            return
        warn(
            f"{self.folder} holds epochs up to {last}, and the model's weights are not those of that epoch: "
            "new epochs would not continue its training. To continue it, load its weights first: "
            f"safetensors.torch.load_model(model, {str(path)!r}). To start over, record into another folder."
        )


def _existing(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of the run to continue; None if a new one begins."""
    files.check_place("folder", folder)
    if storage.is_unused(folder):
        return None
    if folder.is_dir() and not (folder / "run.json").exists():
        raise storage.RunError(
            f"{folder} holds other files and no run. Record into a new or an empty folder."
        )
    return storage.read_manifest(folder)


def _pictures(
    images: Any, inputs: tuple[NDArray[Any], ...]
) -> tuple[Literal["inputs", "images"] | None, Sequence[NDArray[Any]]]:
    """Decide which file holds the pictures, and return those to write into a file of their own."""
    if images is None:
        if not like_pictures(inputs[0]):
            return None, ()
        return ("inputs", ()) if inputs[0].dtype == np.uint8 else ("images", inputs)
    parts = [as_array("images", part) for part in (images if isinstance(images, tuple) else (images,))]
    for part in parts:
        check_pictures(part, "images")
    n, counts = [len(x) for x in inputs], [len(part) for part in parts]
    if counts not in (n, [sum(n)]):
        raise ValueError(
            "images must be one array for all samples, training samples first, or a pair of arrays; got "
            f"{' + '.join(map(str, counts))} pictures for {n[0]} training and {n[1]} test samples."
        )
    if any(part.shape[1:] != parts[0].shape[1:] or part.dtype != parts[0].dtype for part in parts):
        kinds = " and ".join(f"{part.dtype} {part.shape[1:]}" for part in parts)
        raise ValueError(
            f"images must have the same dtype and shape for training and test samples; got {kinds}."
        )
    return "images", parts


def _save(path: Path, parts: Sequence[NDArray[Any]], change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    """Write arrays one after the other as one, converting each block."""
    like = change(parts[0][:1])
    shape = (sum(map(len, parts)), *like.shape[1:])
    files.save_rows(path, shape, like.dtype, (change(block) for part in parts for block in blocks(part)))


def _checked_mapping(name: str, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Check a mapping; None stands for an empty one."""
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{name} must map names to values, as {{name: value}}; got {type(value).__name__}.")
    return value or {}


def _checked_classes(classes: Any) -> list[str]:
    """Check the names of the classes, in the order of the logits."""
    if isinstance(classes, Mapping):
        return _in_order(classes)
    if isinstance(classes, (set, frozenset)):
        raise TypeError(
            f"classes must be in the order of the logits; got a set, which has no order: "
            f"{reprlib.repr(classes)}. Pass a list."
        )
    names = list(classes) if isinstance(classes, Iterable) and not isinstance(classes, str) else [classes]
    if isinstance(classes, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"classes must be a list of names (strings), one per class; got {reprlib.repr(classes)}."
        )
    if len(names) < 2:
        raise ValueError(f"classes must be at least two names; got {names}.")
    blank = [i for i, name in enumerate(names) if not name.strip()]
    if blank:
        raise ValueError(
            f"classes must have names that are not blank; got {names[blank[0]]!r} as class {blank[0]}."
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"classes must be different names; got {repeated[0]!r} more than once.")
    return [str(name) for name in names]


def _in_order(classes: Mapping[Any, Any]) -> list[str]:
    """Return class names from a mapping of names to class indices, or of indices to names."""
    keys, values = list(classes), list(classes.values())
    for names, indices in ((keys, values), (values, keys)):
        numbered = all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in indices)
        if numbered and sorted(indices) == list(range(len(indices))):
            return _checked_classes([name for _, name in sorted(zip(indices, names, strict=True))])
    raise ValueError(
        "classes must map names to 0..C-1, or these to names, such as a dataset's class_to_idx or a model's "
        f"id2label; got {reprlib.repr(dict(classes))}."
    )


def _checked_scalars(scalars: Mapping[str, Any]) -> dict[str, float]:
    """Check the names and values of scalars."""
    numbers = {}
    for name, value in scalars.items():
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"scalars must have names that are strings and not blank; got {name!r}.")
        if name in ("train_accuracy", "test_accuracy"):
            raise ValueError(
                f"scalars must not have the name of an accuracy that is always recorded; got {name!r}."
            )
        try:
            numbers[name] = float(value.detach() if isinstance(value, Tensor) else value)
        except (TypeError, ValueError):
            raise TypeError(f"scalars must be numbers; got {type(value).__name__} as {name!r}.") from None
        if not np.isfinite(numbers[name]):
            raise ValueError(f"scalars must be finite; got {numbers[name]} as {name!r}.")
    return numbers
