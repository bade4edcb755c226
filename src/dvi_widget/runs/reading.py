"""Reading a recorded run: its samples, and the arrays, head and network of each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget import files
from dvi_widget.arrays import check_path
from dvi_widget.progress import progress_bar
from dvi_widget.subject import Outputs, Subject, each, parts, unwrapped
from dvi_widget.weights import load_tensors

from . import storage
from .manifest import check_epoch
from .surrogate import nearest_head

T = TypeVar("T")
Split = Literal["train", "test", "all"]

_STORED = ("float32", "float16")  # dtypes of representations
_COMPARED_ROWS = 16  # whose logits are compared with what the head gives
_ROUNDING = 0.01  # of the sum of all products' sizes


class Run:
    """A recorded training run, opened for reading.

    Arrays are memory-mapped, so opening a run is quick whatever its size. A run can be read while it is being
    recorded; `epochs` grows as epochs are completed.

    Parameters
    ----------
    folder
        The folder that `Recorder` wrote.
    model
        A network of the recorded architecture, with any weights. Only `subject` needs it, and `head` if the
        head is not one linear layer. It is never changed.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    RunError
        If the folder is empty or holds something else, was recorded in a newer format, or a file of it is
        damaged.

    Examples
    --------
    >>> run = Run("runs/digits")
    >>> run.epochs
    [0, 1, 2]
    >>> run.features(2, split="test").shape  # [n_test, h]
    (40, 16)
    """

    def __init__(self, folder: str | Path, model: nn.Module | None = None) -> None:
        self.folder = check_path("folder", folder)
        if model is not None and not isinstance(model, nn.Module):
            raise TypeError(
                f"model must be a torch module of the recorded architecture; got {type(model).__name__}."
            )
        self._model = model
        manifest = self._manifest = storage.read_manifest(self.folder)
        self.classes: list[str] = manifest["classes"]
        self.n_train: int = manifest["n_train"]
        self.n_test: int = manifest["n_test"]
        self._width: int = manifest["representations"]["size"]
        self._layer: str = manifest["layer"]
        self._head: str = manifest["head"]
        self._outputs: Outputs = manifest["outputs"]
        self._label: tuple[int, int] | None = tuple(manifest["label"]) if "label" in manifest else None
        self._where_images: str | None = manifest["images"]
        total = self.n_train + self.n_test
        path = self.folder / "samples" / "labels.npy"
        self._labels = storage.read(path, lambda p: files.open_array(p, (total,), ("int64",), "compared"))
        if not ((self._labels >= 0) & (self._labels < len(self.classes))).all():
            raise storage.RunError(
                f"{path} is damaged: labels must be in 0..{len(self.classes) - 1}. Copy the run again."
            )
        self._inputs: Any = None
        if manifest["inputs"] is not None:
            self._inputs = storage.open_inputs(self.folder / "samples", manifest["inputs"], total)
        self._samples = self._read_samples()
        self._agreeing: set[str] = set()  # folders of epochs whose head was compared with the logits
        self._folders: dict[int, Path] = {}  # as last listed
        self._opened: dict[tuple[str, str], tuple[tuple[int, ...], NDArray[Any]]] = {}  # by folder and name

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}): {len(self.epochs)} epochs, {self.n_train} + {self.n_test} samples"

    @property
    def epochs(self) -> list[int]:
        """Recorded numbers of the complete epochs, in order."""
        epochs = list(storage.epoch_folders(self.folder))
        if not epochs:
            storage.check_there(self.folder)
        return epochs

    @property
    def knows_network(self) -> bool:
        """Whether the run was opened with the recorded architecture, so that `subject` can answer."""
        return self._model is not None and self._head != "given"

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample, training samples first; index 0..N-1.

        Columns: ``split`` ("train" or "test"), ``label`` (int64), ``text`` if the samples came with texts,
        and one bool column per group.
        """
        return self._samples.copy()

    @property
    def scalars(self) -> pd.DataFrame:
        """Numbers recorded with the epochs, one column each, indexed by epoch.

        There is always ``train_accuracy``, and ``test_accuracy`` if there are test samples. NaN where an
        epoch has no such number.
        """
        rows = {epoch: self._about(epoch)["scalars"] for epoch in self.epochs}
        table = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
        if table.empty:
            columns = ["train_accuracy", "test_accuracy"] if self.n_test else ["train_accuracy"]
            table = pd.DataFrame(columns=columns, dtype=float)
        table.index = pd.Index(list(rows), dtype="int64", name="epoch")
        return table

    @property
    def images(self) -> NDArray[np.uint8] | None:
        """Pictures of all samples, uint8 ``[N, C, H, W]``, memory-mapped; None if there are none."""
        if self._where_images is None:
            return None
        if self._where_images == "images":
            return storage.read(self.folder / "samples" / "images.npy", self._open_images)
        pictures: NDArray[np.uint8] = self.inputs("all")
        if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4):
            raise storage.RunError(
                f"{self.folder / 'run.json'} is damaged: its inputs are no pictures. Copy the run again."
            )
        return pictures if pictures.ndim == 4 else pictures[:, None]

    def _open_images(self, path: Path) -> NDArray[Any]:
        total = self.n_train + self.n_test
        images = files.open_array(path, (total, None, None, None), ("uint8",))
        if images.shape[1] not in (1, 3) or 0 in images.shape:
            raise files.DamagedFileError(f"{path} is damaged: its shape is {images.shape}, of no pictures.")
        return images

    @property
    def maps(self) -> Path:
        """Folder in which fitted maps are kept, once there are some."""
        return self.folder / "maps"

    @property
    def has_inputs(self) -> bool:
        """Whether the samples were recorded as one array, as the network takes them."""
        return isinstance(self._inputs, np.ndarray)

    @property
    def left_inputs(self) -> bool:
        """Whether the samples were left out (``Recorder(inputs=False)``), so that `inputs` says so."""
        return self._inputs is None and self._head != "given"

    def inputs(self, split: Split = "train") -> Any:
        """Return inputs as the network takes them (memory-mapped).

        Parameters
        ----------
        split
            "train", "test" or "all" (training samples first).

        Returns
        -------
        array [n, ...]
            Several as a dict by name, or as a tuple in order, as they were recorded.

        Raises
        ------
        RunError
            If the run was recorded without inputs.
        """
        if self.left_inputs:
            raise storage.RunError(
                f"This needs the samples as the network takes them, and {self.folder} was recorded with "
                "inputs=False. Record it with inputs=True to have them."
            )
        if self._inputs is None:
            raise storage.RunError(
                f"{self.folder} was recorded from arrays of representations, without inputs. Record it with "
                "dvi.Recorder and the network to have them."
            )
        rows = self._rows(split)
        return each(lambda part: part[rows], self._inputs)

    def features(self, epoch: int, split: Split = "train") -> NDArray[np.float32]:
        """Return the representations of an epoch.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.
        split
            "train", "test" or "all" (training samples first).

        Returns
        -------
        float32 [n, h]
            Memory-mapped; a copy if the run holds float16.

        Raises
        ------
        ValueError
            If the epoch is not recorded, or the split is unknown.
        RunError
            If the file is damaged; the message names it.
        """
        rows = self._rows(split)
        self._check_agreement(epoch)
        return self._features(epoch)[rows].astype(np.float32, copy=False)

    def logits(self, epoch: int, split: Split = "train") -> NDArray[np.float32]:
        """Return the logits of an epoch, float32 ``[n, C]``; arguments and errors as for `features`."""
        rows = self._rows(split)
        self._check_agreement(epoch)
        return self._logits(epoch)[rows]

    def boundary(self, epoch: int, split: Literal["train", "test"] = "train") -> NDArray[np.float32]:
        """Return the representations of points on the δ-boundary (see `synthesize`).

        Both sets are mixed from training samples, independently of each other.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.
        split
            "train" for the set to fit on, "test" for the one to measure on.

        Returns
        -------
        float32 [b, h]
            b is 0 where the epoch has none: the network predicted one class only.

        Raises
        ------
        ValueError, RunError
            As for `features`.
        """
        if split not in ("train", "test"):
            raise ValueError(f"split must be 'train' or 'test'; got {split!r}.")
        return self._boundary(epoch, split).astype(np.float32, copy=False)

    def head(self, epoch: int) -> Callable[[Tensor], Tensor]:
        """Return the head g of an epoch.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.

        Returns
        -------
        callable
            Tensor ``[n, h]`` to logits ``[n, C]``, differentiable, on the device and of the dtype of its
            argument. A run of arrays whose head is not linear has one of its nearest training samples (see
            `ArrayRecorder`).

        Raises
        ------
        ValueError
            If the epoch is not recorded.
        RunError
            If the head is not one linear layer and the run was opened without ``model``; also if a file is
            damaged.
        """
        self._epoch(epoch)
        kind = self._head_kind(epoch)
        if kind == "nearest":
            return nearest_head(self.features(epoch), self.logits(epoch))
        if kind == "network":
            if self._model is None:
                raise storage.RunError(
                    f"The head of this run is the network behind {self._layer!r}, not one linear layer. Open "
                    "it as dvi.Run(folder, model=<a network of the recorded architecture>)."
                )
            return self.subject(epoch).head
        linear = self.linear_head(epoch)
        assert linear is not None
        weight, bias = (torch.from_numpy(part) for part in linear)
        normalised = kind == "log_softmax"

        def head(x: Tensor) -> Tensor:
            z = nn.functional.linear(x, weight.to(x), bias.to(x))
            return z.log_softmax(1) if normalised else z

        return head

    def linear_head(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return weight and bias of a head that is one linear layer, with or without log-softmax after it.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.

        Returns
        -------
        weight [C, h], bias [C], or None
            ``x @ weight.T + bias`` equals `head` up to a constant per row, which changes no probability. None
            if the head is another one.

        Raises
        ------
        ValueError
            If the epoch is not recorded.
        RunError
            If a file is damaged.
        """
        self._epoch(epoch)
        if self._head_kind(epoch) in ("network", "nearest"):
            return None
        self._check_agreement(epoch)
        return self._linear(epoch)

    def subject(self, epoch: int) -> Subject:
        """Return the whole network as it was at an epoch: a copy of ``model`` with that epoch's weights.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.

        Returns
        -------
        Subject
            Split where the recorded one was.

        Raises
        ------
        ValueError
            If the epoch is not recorded.
        RunError
            If the run was opened without ``model``, or with one of another architecture, or a file is
            damaged.
        """
        self._epoch(epoch)
        if self._head == "given":
            raise storage.RunError(
                "This needs the network itself, and the run was recorded from arrays. Record it with "
                "dvi.Recorder and the network to have it."
            )
        if self._model is None:
            raise storage.RunError(
                "This needs the network itself. Open the run as dvi.Run(folder, model=<a network of the "
                "recorded architecture>)."
            )
        recorded = self._weights(epoch)
        model = unwrapped(copy.deepcopy(self._model))
        storage.check_architecture(
            recorded, {k: v for k, v in model.state_dict().items() if isinstance(v, Tensor)}
        )
        model.load_state_dict(recorded, strict=False)
        subject = Subject(model, layer=self._layer, outputs=self._outputs, label=self._label)
        if self._inputs is not None:
            subject.features(each(lambda part: part[:1], self._inputs))
        return subject

    def _head_kind(self, epoch: int) -> str:
        """Return the kind of an epoch's head; a run of arrays may have another in each."""
        return str(self._about(epoch)["head"]) if self._head == "given" else self._head

    def digest(self, epoch: int) -> str:
        """Return a digest of an epoch's representations, logits, boundary points and linear head.

        Parameters
        ----------
        epoch
            A recorded number, one of `epochs`.

        Returns
        -------
        str
            32 hexadecimal digits, equal for equal contents.

        Raises
        ------
        ValueError, RunError
            As for `features`.
        """
        return str(self._about(epoch)["digest"])

    def verify(self) -> None:
        """Read the whole run and compare it with the digests that were recorded with it.

        Opening a run, and reading from it, checks sizes, dtypes and ranges, and whether a linear head gives
        the recorded logits; this finds any changed bit. Fitting does it too, of the epochs that it fits. Of
        runs that an older version recorded, groups, pictures and weights have no digests.

        Raises
        ------
        RunError
            The message names the first file that is not as it was recorded.
        """
        with progress_bar(total=len(self.epochs) + 1, desc="verifying", leave=False, delay=1) as bar:
            self._verify_samples()
            bar.update()
            for epoch in self.epochs:
                self.verify_epoch(epoch)
                if self._head != "given":
                    self._weights(epoch)
                bar.update()

    def _verify_samples(self) -> None:
        if self._manifest.get("digests"):
            n, samples = self.n_train + self.n_test, self.folder / "samples"
            wanted: list[tuple[Path, tuple[int | None, ...], tuple[str, ...]]] = [
                (samples / "labels.npy", (n,), ("int64",))
            ]
            if self._where_images == "images":
                wanted.append((samples / "images.npy", (n, None, None, None), ("uint8",)))
            wanted += [
                (storage.group_path(self.folder, name), (n,), ("bool",))
                for name in storage.group_names(self.folder)
            ]
            for path, shape, dtypes in wanted:
                storage.read(path, partial(files.open_array, shape=shape, dtypes=dtypes, digest="demanded"))
        arrays = [] if self._inputs is None else list(parts(self._inputs).values())
        splits = (part[self._rows(split)] for split in ("train", "test") for part in arrays)
        if self._manifest["digest"] != storage.digest(*splits, self._labels):
            raise storage.RunError(
                f"{self.folder / 'samples'} is damaged: the samples are not those that were recorded. Copy "
                "the run again."
            )

    def verify_epoch(self, epoch: int) -> None:
        """Compare an epoch with its digest (see `verify`).

        Raises
        ------
        ValueError
            If the epoch is not recorded.
        RunError
            If its representations, logits, boundary points or linear head are not as they were recorded.
        """
        stored = [
            self._features(epoch),
            self._logits(epoch),
            *(
                self._array(epoch, f"boundary_{split}", (None, self._width), _STORED)
                for split in ("train", "test")
            ),
        ]
        linear = () if self._head_kind(epoch) in ("network", "nearest") else self._linear(epoch)
        if storage.digest(*stored, *linear) != self.digest(epoch):
            raise storage.RunError(
                f"{self._epoch(epoch)} is damaged: its arrays are not those recorded. {storage.REPAIR}"
            )

    def add_group(self, name: str, mask: ArrayLike | Tensor) -> None:
        """Mark samples: add a column to the sample table and record it in the run.

        Parameters
        ----------
        name
            The column's name; a group of that name is replaced.
        mask : bool [n_train] or [n_train + n_test]
            Which samples belong to it. A mask of the training samples alone contains no test sample.

        Raises
        ------
        TypeError, ValueError
            If the name or the mask is wrong. Nothing is changed then.
        """
        storage.write_group(self.folder, name, mask, self.n_train, self.n_test)
        self._samples = self._read_samples()

    def _read_samples(self) -> pd.DataFrame:
        split = np.repeat(["train", "test"], [self.n_train, self.n_test])
        table = pd.DataFrame({"split": split, "label": np.array(self._labels)})
        texts = self.folder / "samples" / "texts.json"
        if texts.exists():
            table["text"] = storage.read(texts, lambda path: _read_texts(path, len(table)))
        for name in storage.group_names(self.folder):
            table[name] = storage.read(storage.group_path(self.folder, name), self._read_mask)
        return table

    def _read_mask(self, path: Path) -> NDArray[np.bool_]:
        mask = files.open_array(path, (self.n_train + self.n_test,), ("bool",), "compared")
        if (mask.view(np.uint8) > 1).any():
            raise files.DamagedFileError(f"{path} is damaged: it holds other things than bools.")
        return np.array(mask)

    def _rows(self, split: str) -> slice:
        if split not in ("train", "test", "all"):
            raise ValueError(f"split must be 'train', 'test' or 'all'; got {split!r}.")
        return {"train": slice(None, self.n_train), "test": slice(self.n_train, None), "all": slice(None)}[
            split
        ]

    def _epoch(self, epoch: int) -> Path:
        # A folder is whole as long as it is there; an epoch that is recorded again gets another one.
        folder = self._folders.get(epoch)
        if folder is None or not folder.is_dir():
            self._folders = storage.epoch_folders(self.folder)
            there = {path.name for path in self._folders.values()}
            self._opened = {key: opened for key, opened in self._opened.items() if key[0] in there}
            if epoch not in self._folders:
                raise ValueError(
                    f"epoch must be a recorded number, one of {list(self._folders)}; got {epoch!r}."
                )
            folder = self._folders[epoch]
        return folder

    def _features(self, epoch: int) -> NDArray[Any]:
        return self._array(epoch, "features", (self.n_train + self.n_test, self._width), _STORED)

    def _logits(self, epoch: int) -> NDArray[np.float32]:
        shape = (self.n_train + self.n_test, len(self.classes))
        return self._array(epoch, "logits", shape, ("float32",))

    def _boundary(self, epoch: int, split: str) -> NDArray[Any]:
        return self._array(epoch, f"boundary_{split}", (None, self._width), _STORED)

    def _linear(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._read(epoch, "head.safetensors", partial(self._read_linear, head=str(epoch)))

    def _weights(self, epoch: int) -> dict[str, Tensor]:
        return self._read(epoch, "weights.safetensors", partial(load_tensors, weights=str(epoch)))

    def _read_linear(self, path: Path, head: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        tensors = load_tensors(path, head=head)
        shapes = {"weight": (len(self.classes), self._width), "bias": (len(self.classes),)}
        if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != shapes:
            raise files.DamagedFileError(f"{path} is damaged: it holds other tensors than a linear head's.")
        if not all(t.is_floating_point() and bool(torch.isfinite(t).all()) for t in tensors.values()):
            raise files.DamagedFileError(f"{path} is damaged: it holds other things than finite numbers.")
        return tensors["weight"].float().numpy(), tensors["bias"].float().numpy()

    def _check_agreement(self, epoch: int) -> None:
        """Refuse an epoch whose linear head does not give its logits, of a few samples."""
        folder = self._epoch(epoch)
        if folder.name in self._agreeing or self._head_kind(epoch) in ("network", "nearest"):
            return
        x, z = self._features(epoch), self._logits(epoch)
        rows = np.linspace(0, len(x) - 1, _COMPARED_ROWS).astype(np.intp)
        weight, bias = (part.astype(np.float64) for part in self._linear(epoch))
        x, z = x[rows].astype(np.float64), z[rows].astype(np.float64)
        difference = x @ weight.T + bias - z
        difference -= difference.mean(axis=1, keepdims=True)  # a constant per row changes no probability
        # Networks round on the way to their logits, some of them to half precision.
        rounding = _ROUNDING * (np.abs(x) @ np.abs(weight).T + np.abs(bias)).max(axis=1, keepdims=True)
        if not (np.abs(difference) <= rounding).all():
            raise storage.RunError(
                f"{folder} is damaged: its head does not give its logits. {storage.REPAIR}"
            )
        self._agreeing.add(folder.name)

    def _array(
        self, epoch: int, name: str, shape: tuple[int | None, ...], dtypes: tuple[str, ...]
    ) -> NDArray[Any]:
        # Opening and checking an array takes most of the time of reading one; a file that changed is opened
        # again.
        path = self._epoch(epoch) / f"{name}.npy"
        try:
            about = path.stat()
        except OSError:
            return self._read(epoch, path.name, lambda path: files.open_array(path, shape, dtypes))
        key, state = (path.parent.name, name), (about.st_ino, about.st_size, about.st_mtime_ns)
        opened = self._opened.get(key)
        if opened is None or opened[0] != state:
            array = self._read(epoch, path.name, lambda path: files.open_array(path, shape, dtypes))
            opened = self._opened[key] = state, array
        return opened[1]

    def _about(self, epoch: int) -> dict[str, Any]:
        return self._read(epoch, "epoch.json", _read_about)

    def _read(self, epoch: int, name: str, read: Callable[[Path], T]) -> T:
        """Read a file of an epoch, even while the epoch is being recorded again."""
        folder = self._epoch(epoch)
        try:
            return storage.read(folder / name, read)
        except storage.RunError:
            if self._epoch(epoch) == folder:
                raise
        return self._read(epoch, name, read)


def _read_about(path: Path) -> dict[str, Any]:
    about = files.read_json(path)
    check_epoch(path, about)
    return about


def _read_texts(path: Path, n: int) -> list[str]:
    texts = files.read_json(path).get("texts")
    if not isinstance(texts, list) or len(texts) != n or not all(isinstance(text, str) for text in texts):
        raise files.DamagedFileError(f"{path} is damaged: it does not hold {n} texts.")
    return texts
