"""What recorders share: the folder and its samples, whole epochs, and who is told of them."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget import files
from dvi_widget.arrays import blocks, check_path, check_whole, warn
from dvi_widget.boundary import Splits, synthesize
from dvi_widget.pictures import show, shrunk, value_range
from dvi_widget.subject import parts
from dvi_widget.weights import save_tensors

from . import storage
from .arguments import checked_classes, checked_mapping, checked_scalars
from .samples import check_range
from .surrogate import Linear

_MAX_EPOCH = 10**9 - 1
# Half precision's own rounding error, relative to the largest representation.
_HALF_ERROR = 2.0**-11


class DivergedError(ValueError):
    """A network returns NaN or infinity, so that its epoch is not recorded."""


class RunWriter:
    """A folder that a training run is recorded into (see `Recorder`).

    Parameters
    ----------
    folder, classes, groups, dtype, seed
        As for `Recorder`.
    """

    def __init__(
        self,
        folder: str | Path,
        classes: Any,
        groups: Mapping[str, ArrayLike | Tensor] | None,
        dtype: str,
        seed: int,
    ) -> None:
        self.folder = check_path("folder", folder)
        self.classes = checked_classes(classes)
        if dtype not in ("float32", "float16"):
            raise ValueError(f"dtype must be 'float32' or 'float16'; got {dtype!r}.")
        self._dtype = np.dtype(dtype)
        self._seed = check_whole("seed", seed)
        self._groups = checked_mapping("groups", groups)
        self._existing = _existing(self.folder)
        self._width = 0  # of the representations, once it is known
        self._n_boundary = 0
        self._picture_side: int | None = None  # in pixels, to which pictures are shrunk
        self._followers: list[Callable[[], object]] = []
        self.cost_ = {"training": 0.0, "capturing": 0.0, "following": 0.0}
        self._free = time.perf_counter()  # when the last capture had ended

    def __repr__(self) -> str:
        n = len(self.epochs)
        return f"{type(self).__name__}({str(self.folder)!r}): {n} epoch{'s' if n != 1 else ''} recorded"

    @property
    def epochs(self) -> list[int]:
        """Recorded numbers of the epochs in the folder, in order."""
        return list(storage.epoch_folders(self.folder))

    def follow(self, follower: Callable[[], object]) -> None:
        """Have a function called after each `capture`.

        If it fails, a warning says so: the epoch is recorded, and the training goes on.

        Parameters
        ----------
        follower
            Called on the thread that captures.
        """
        self._followers.append(follower)

    def _take_labels(self, labels: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        """Check labels and groups, and remember them."""
        self._n_train, self._n_test = len(labels[0]), len(labels[1])
        self._labels = np.concatenate(labels)
        for name, y in zip(("train", "test"), labels, strict=True):
            check_range(name, y, self.classes)
        present = np.unique(labels[0])
        if len(present) < 2:
            raise ValueError(
                "train must have samples of at least two classes; got only "
                f"{self.classes[int(present[0])]!r}."
            )
        for name, mask in self._groups.items():
            storage.check_group(name, mask, self._n_train, self._n_test)

    def _settle(
        self,
        manifest: Mapping[str, Any],
        inputs: Sequence[Any],
        pictures: Sequence[NDArray[Any]],
        texts: Sequence[str] | None,
        why: str = "",
    ) -> None:
        """Begin the run, or check that the folder's is this one; then write the groups.

        Parameters
        ----------
        manifest
            What ``run.json`` holds beside format and version.
        inputs
            Of training and of test samples; empty if they are not recorded.
        pictures, texts
            To be written into files of their own, if any.
        why
            A sentence that explains a difference of the samples.
        """
        manifest = {"format": storage.FORMAT, "version": storage.VERSION, **manifest, "digests": True}
        if self._existing is None:
            self._begin(manifest, inputs, pictures, texts)
            self._existing = dict(manifest)
            self._held = storage.hold(self.folder)
        else:
            self._held = storage.hold(self.folder)
            self._continue(manifest, why)
        for name, mask in self._groups.items():
            storage.write_group(self.folder, name, mask, self._n_train, self._n_test)

    def _begin(
        self,
        manifest: Mapping[str, Any],
        inputs: Sequence[Any],
        pictures: Sequence[NDArray[Any]],
        texts: Sequence[str] | None,
    ) -> None:
        """Write the samples, then run.json, which makes the folder a run."""
        low, high = value_range(pictures, "images") if pictures else (0.0, 1.0)
        storage.check_inside_run(self.folder, "samples")
        files.remove_leftovers(self.folder)
        files.remove(self.folder / "samples")
        with files.write_aside(self.folder / "samples") as aside:
            aside.mkdir()
            files.save_array(aside / "labels.npy", self._labels)
            for key in parts(inputs[0]) if inputs else ():
                path = storage.inputs_path(aside, key)
                path.parent.mkdir(exist_ok=True)
                _save(path, [parts(split)[key] for split in inputs], lambda block: block)
            if pictures:
                _save(
                    aside / "images.npy",
                    pictures,
                    lambda block: shrunk(show(block, low, high), self._picture_side),
                )
            if texts is not None:
                files.write_json(aside / "texts.json", {"texts": list(texts)})
        with files.write_aside(self.folder / "run.json") as aside:
            files.write_json(aside, manifest)

    def _continue(self, manifest: Mapping[str, Any], why: str) -> None:
        """Check that a run is of the same samples and network, and clear what was left unfinished."""
        assert self._existing is not None
        same = {
            key: self._existing.get(key) == value
            for key, value in manifest.items()
            if key not in ("format", "version", "images", "digests")
        }
        if not all(same.values()):
            differences = ", ".join(
                "samples" if key in ("digest", "seen") else key for key, value in same.items() if not value
            )
            raise storage.RunError(
                f"{self.folder} holds a run that differs from this one ({differences}).{why} Continue it "
                "with a model of the same architecture and the same samples, classes, layer and dtype, or "
                "record into another folder."
            )
        storage.check_inside_run(self.folder, "epochs")
        for part in (".", "epochs"):
            files.remove_leftovers(self.folder / part)
        storage.remove_old_generations(self.folder)

    @contextmanager
    def _capturing(self, epoch: int) -> Iterator[None]:
        """Count the seconds of a capture and of those who follow it, and tell these."""
        began = time.perf_counter()
        self.cost_["training"] += began - self._free
        try:
            yield
            recorded = time.perf_counter()
            self.cost_["capturing"] += recorded - began
            self._tell(epoch)
            self.cost_["following"] += time.perf_counter() - recorded
        finally:
            self._free = time.perf_counter()

    def _tell(self, epoch: int) -> None:
        """Call the followers; a training must not end because one of them fails."""
        for follower in self._followers:
            try:
                follower()
            except Exception as error:  # noqa: BLE001, PERF203 - whatever it is
                name = getattr(follower, "__qualname__", repr(follower))
                warn(f"Epoch {epoch} is recorded, but {name} failed: {type(error).__name__}: {error}")

    def _checked_epoch(self, epoch: int, *, overwrite: bool) -> int:
        """Return the number of an epoch that may be recorded now."""
        number = check_whole("epoch", epoch, 0, _MAX_EPOCH)
        if not overwrite and number in storage.epoch_folders(self.folder):
            raise ValueError(
                f"epoch must not have been recorded; got {number}. Pass overwrite=True to record it again."
            )
        return number

    def _check_finite(self, epoch: int, **arrays: NDArray[np.float32]) -> None:
        """Refuse an epoch of a network that has diverged."""
        for name, values in arrays.items():
            bad = ~np.isfinite(values).all(axis=1)
            if bad.any():
                raise DivergedError(
                    f"model must return finite {name}; got NaN or infinity for {int(bad.sum())} samples, the "
                    f"first of them sample {int(bad.argmax())}. Epoch {epoch} is not recorded."
                )

    def _boundary(
        self, epoch: int, subject: Splits, samples: NDArray[Any], logits: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """Synthesise both sets of boundary points [b, h]; b is 0 if one class is predicted everywhere."""
        none = np.empty((0, self._width), np.float32)
        if not self._n_boundary:
            return [none, none]
        if len(np.unique(logits.argmax(axis=1))) < 2:
            warn(
                f"Epoch {epoch} is recorded without boundary points: the network predicts one class for "
                "every training sample, so there is no boundary between them."
            )
            return [none, none]
        return [
            synthesize(subject, samples, logits, self._n_boundary, seed=(self._seed, epoch, which)).features
            for which in (0, 1)
        ]

    def _write(
        self,
        epoch: int,
        arrays: Mapping[str, NDArray[np.float32]],
        linear: Linear | None,
        scalars: Mapping[str, Any] | None,
        *,
        weights: Mapping[str, Tensor] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an epoch, whole or not at all.

        Parameters
        ----------
        epoch
            Its checked number.
        arrays
            Representations, logits and both boundary sets.
        linear
            Weight and bias of a linear head.
        scalars
            As for `Recorder.capture`.
        weights
            Of the network.
        about
            What ``epoch.json`` holds beside digest and scalars.
        """
        numbers = checked_scalars(checked_mapping("scalars", scalars))
        stored = {name: x if name == "logits" else self._stored(x) for name, x in arrays.items()}
        right = stored["logits"].argmax(axis=1) == self._labels
        accuracies = {"train_accuracy": float(right[: self._n_train].mean())}
        if self._n_test:
            accuracies["test_accuracy"] = float(right[self._n_train :].mean())
        described = {
            "digest": storage.digest(*stored.values(), *(linear or ())),
            "scalars": accuracies | numbers,
            **(about or {}),
        }
        storage.check_there(self.folder)
        storage.check_inside_run(self.folder, "epochs")
        folder = storage.next_epoch_folder(self.folder, epoch)
        with self._explained(epoch), files.write_aside(folder) as aside:
            aside.mkdir()
            for name, array in stored.items():
                files.save_array(aside / f"{name}.npy", array)
            if linear is not None:
                head = {"weight": torch.from_numpy(linear[0]), "bias": torch.from_numpy(linear[1])}
                save_tensors(aside / "head.safetensors", head, {"head": str(epoch)})
            if weights is not None:
                save_tensors(aside / "weights.safetensors", weights, {"weights": str(epoch)})
            files.write_json(aside / "epoch.json", described)
        storage.remove_old_generations(self.folder)

    @contextmanager
    def _explained(self, epoch: int) -> Iterator[None]:
        """Say of an epoch that cannot be written why, and what is left."""
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            reason = (
                "The disk is full" if full else f"{self.folder} cannot be written ({error.strerror or error})"
            )
            kept = ", ".join(map(str, self.epochs)) or "none"
            raise OSError(f"{reason}: epoch {epoch} was not recorded; whole are {kept}.") from error

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


def _save(path: Path, arrays: Sequence[NDArray[Any]], change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    """Write arrays one after the other as one, converting each block."""
    like = change(arrays[0][:1])
    shape = (sum(map(len, arrays)), *like.shape[1:])
    files.save_rows(path, shape, like.dtype, (change(block) for part in arrays for block in blocks(part)))
