"""Reading a recorded run: its samples, and the arrays, head and network of each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget import files
from dvi_widget.arrays import check_path
from dvi_widget.subject import Outputs, Subject, each, unwrapped

from . import storage
from .surrogate import nearest_head

T = TypeVar("T")
Split = Literal["train", "test", "all"]


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
        manifest = storage.read_manifest(self.folder)
        try:
            self.classes: list[str] = list(manifest["classes"])
            self.n_train = int(manifest["n_train"])
            self.n_test = int(manifest["n_test"])
            self._width = int(manifest["representations"]["size"])
            self._layer: str = manifest["layer"]
            self._head: str = manifest["head"]
            self._outputs: Outputs = manifest["outputs"]
            self._where_images: str | None = manifest["images"]
            described = manifest["inputs"]
        except (KeyError, TypeError, ValueError) as error:
            raise storage.RunError(f"{self.folder / 'run.json'} is damaged: {error!r}.") from error
        total = self.n_train + self.n_test
        self._labels = _open_array(self.folder / "samples" / "labels.npy", (total,))
        self._inputs: Any = None
        if described is not None:
            self._inputs = storage.open_inputs(self.folder / "samples", described, total)
        self._samples = self._read_samples()

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}): {len(self.epochs)} epochs, {self.n_train} + {self.n_test} samples"

    @property
    def epochs(self) -> list[int]:
        """Recorded numbers of the complete epochs, in order."""
        return list(storage.epoch_folders(self.folder))

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
            total = self.n_train + self.n_test
            return _open_array(self.folder / "samples" / "images.npy", (total, None, None, None))
        pictures: NDArray[np.uint8] = self.inputs("all")
        return pictures if pictures.ndim == 4 else pictures[:, None]

    @property
    def maps(self) -> Path:
        """Folder in which fitted maps are kept, once there are some."""
        return self.folder / "maps"

    @property
    def has_inputs(self) -> bool:
        """Whether the samples were recorded as one array, as the network takes them."""
        return isinstance(self._inputs, np.ndarray)

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
        return self._array(epoch, "features", (self.n_train + self.n_test, self._width))[rows].astype(
            np.float32, copy=False
        )

    def logits(self, epoch: int, split: Split = "train") -> NDArray[np.float32]:
        """Return the logits of an epoch, float32 ``[n, C]``; arguments and errors as for `features`."""
        rows = self._rows(split)
        return self._array(epoch, "logits", (self.n_train + self.n_test, len(self.classes)))[rows]

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
        return self._array(epoch, f"boundary_{split}", (None, self._width)).astype(np.float32, copy=False)

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
        tensors = self._read(epoch, "head.safetensors", files.load_tensors)
        return tensors["weight"].float().numpy(), tensors["bias"].float().numpy()

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
        recorded = self._read(epoch, "weights.safetensors", files.load_tensors)
        model = unwrapped(copy.deepcopy(self._model))
        storage.check_architecture(
            recorded, {k: v for k, v in model.state_dict().items() if isinstance(v, Tensor)}
        )
        model.load_state_dict(recorded, strict=False)
        subject = Subject(model, layer=self._layer, outputs=self._outputs)
        subject.features(each(lambda part: part[:1], self.inputs("all")))
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
            table["text"] = storage.read(texts, files.read_json)["texts"]
        for name in storage.group_names(self.folder):
            table[name] = np.array(_open_array(storage.group_path(self.folder, name), (len(table),)))
        return table

    def _rows(self, split: str) -> slice:
        if split not in ("train", "test", "all"):
            raise ValueError(f"split must be 'train', 'test' or 'all'; got {split!r}.")
        return {"train": slice(None, self.n_train), "test": slice(self.n_train, None), "all": slice(None)}[
            split
        ]

    def _epoch(self, epoch: int) -> Path:
        folders = storage.epoch_folders(self.folder)
        if epoch not in folders:
            raise ValueError(f"epoch must be a recorded number, one of {list(folders)}; got {epoch!r}.")
        return folders[epoch]

    def _array(self, epoch: int, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        return self._read(epoch, f"{name}.npy", lambda path: files.open_array(path, shape))

    def _about(self, epoch: int) -> dict[str, Any]:
        return self._read(epoch, "epoch.json", files.read_json)

    def _read(self, epoch: int, name: str, read: Callable[[Path], T]) -> T:
        """Read a file of an epoch, even while the epoch is being recorded again."""
        folder = self._epoch(epoch)
        try:
            return storage.read(folder / name, read)
        except storage.RunError:
            if self._epoch(epoch) == folder:
                raise
        return self._read(epoch, name, read)


def _open_array(path: Path, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Open an array of the run's samples or groups."""
    return storage.read(path, lambda path: files.open_array(path, shape))
