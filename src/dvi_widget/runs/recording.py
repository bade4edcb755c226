"""Recording a training run: its samples once, then one whole epoch at a time, while the network is alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from dvi_widget.arrays import check_number, warn
from dvi_widget.boundary import HeadAlone, Splits
from dvi_widget.progress import progress_bar
from dvi_widget.subject import InputShapeError, Outputs, Subject, count, each, parts
from dvi_widget.weights import load_tensors

from . import storage
from .arguments import checked_mapping, checked_pictures, checked_scalars
from .samples import Samples, read_samples
from .writing import RunWriter

_THUMBNAIL_PX = 64  # side of the pictures of a run without inputs
_PROBED = 8  # samples on which the network is tried before anything is written


class Recorder(RunWriter):
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
        ``(x, y)``; a Dataset of such pairs, or of mappings with a label, as those of Hugging Face (read once,
        in order, so without random augmentation; large ones by way of a file); or a DataLoader, whose dataset
        and number of workers are taken. x : array or tensor ``[n, ...]``, uint8 or float, as the network
        takes them (recorded unchanged), or several as a dict by name or a tuple in order; y : integer labels
        ``[n]`` in 0..C-1. A mapping's texts are shown. Maps learn from the training samples alone; without
        ``test`` they can be measured only on samples that they have seen.
    classes
        Names of the C classes, in the order of the logits; or a mapping of names to 0..C-1 or of these to
        names, such as ``class_to_idx`` of a Dataset and ``id2label`` of a model.
    label
        One of `classes`, if a sample may have several of them: y is then ``[n, C]`` of zeros and ones, and
        the network returns C logits or sigmoids. What is recorded is this label alone, as two classes, absent
        and present; record another one into another folder.
    layer
        Module to split the network at; None for its last linear layer (see `Subject`).
    images
        Pictures to show, for all samples: ``[n_train + n_test, C, H, W]`` or ``[n, H, W]`` with C of 1 or 3,
        or a pair of such arrays for training and test samples. None: derived from x if it has the shape of
        pictures. uint8 values are kept, floats in [0, 1] are multiplied by 255, other floats are rescaled by
        the minimum and maximum of the whole set, with a warning. False: none, for inputs that only look like
        pictures, such as series ``[n, C, L]``.
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
        independent sets: one to fit on, one to measure on. 0 for none. They are mixed from inputs; where
        these are integers or several, from representations, by way of the head, and a warning says so.
    batch_size
        Samples per call of the network.
    inputs
        Whether to record the inputs, which attributions and DeepVID need. False for large ones: pictures are
        then recorded at 64 pixels a side at most, so that a run of n samples weighs 12 kB · n, and an epoch
        4 n (1.2 h + C) bytes and the network's weights: 50,000 samples of ImageNet in a ResNet-50 0.6 GB, and
        0.8 GB an epoch (0.55 with float16). The head must be one linear layer, and x must not change
        meanwhile; a large Dataset lies in a file beside the run while it is recorded.
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
        train: tuple[Any, ArrayLike | Tensor] | Mapping[str, Any] | Dataset[Any] | DataLoader[Any],
        test: tuple[Any, ArrayLike | Tensor]
        | Mapping[str, Any]
        | Dataset[Any]
        | DataLoader[Any]
        | None = None,
        classes: Sequence[str] | Mapping[str, int] | Mapping[int, str],
        label: str | None = None,
        layer: str | None = None,
        images: ArrayLike
        | Tensor
        | tuple[ArrayLike | Tensor, ArrayLike | Tensor]
        | Literal[False]
        | None = None,
        groups: Mapping[str, ArrayLike | Tensor] | None = None,
        outputs: Outputs | None = None,
        dtype: str = "float32",
        boundary: float = 0.1,
        batch_size: int = 128,
        inputs: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(folder, classes, groups, dtype, seed)
        check_number("boundary", boundary, 0, 1)
        column = None if label is None else self._choose(label)
        self._subject = Subject(model, layer=layer, outputs=outputs, batch_size=batch_size, label=column)
        self._idle = _another_process_records()
        if self._idle:
            return
        first = read_samples("train", train, model, self.folder, column)
        second = (
            Samples(each(lambda part: part[:0], first.inputs), first.labels[:0])
            if test is None
            else read_samples("test", test, model, self.folder, column)
        )
        self._inputs: tuple[Any, ...] = first.inputs, second.inputs
        self._check_inputs()
        self._take_labels((first.labels, second.labels))
        where, pictures = checked_pictures(images, self._inputs)
        self._probe()
        if not inputs:
            self._check_linear()
            if where is not None:
                where, pictures, self._picture_side = "images", pictures or self._inputs, _THUMBNAIL_PX
        self._n_boundary = round(boundary * self._n_train)
        self._mixes_inputs = mixable(first.inputs)
        if self._n_boundary and not self._mixes_inputs and self._existing is None:
            warn(
                "The inputs cannot be mixed, as they are several or integers: boundary points are mixed from "
                "representations instead, by way of the network's head."
            )
        self._shapes = self._weight_shapes()
        manifest: dict[str, Any] = {
            "classes": self.classes,
            "n_train": self._n_train,
            "n_test": self._n_test,
            "inputs": storage.describe_inputs(first.inputs) if inputs else None,
            "images": where,
            "representations": {"size": self._width, "dtype": dtype},
            "layer": self._subject.layer,
            "side": self._subject.side,
            "head": self._subject.head_kind,
            "outputs": self._subject.outputs,
        }
        digest = storage.digest(*(p for x in self._inputs for p in parts(x).values()), self._labels)
        # A run is continued with the same samples, even if it does not hold them.
        manifest |= {"digest": digest if inputs else storage.digest(self._labels)}
        if not inputs:
            manifest["seen"] = digest
        if column is not None:
            manifest["label"] = list(column)
        texts = None if first.texts is None else [*first.texts, *(second.texts or [""] * self._n_test)]
        begun = self._existing is None
        why = (
            " The samples differ because the Dataset transforms them at random: pass them without random "
            "transforms."
        )
        kept = self._inputs if inputs else ()
        self._settle(manifest, kept, pictures, texts, why if first.random or second.random else "")
        if not begun:
            self._compare_weights()
        if not inputs:
            return
        # From here on the recorded samples count, even if the caller's arrays change.
        stored = storage.open_inputs(
            self.folder / "samples", manifest["inputs"], self._n_train + self._n_test
        )
        self._inputs = (
            each(lambda part: part[: self._n_train], stored),
            each(lambda part: part[self._n_train :], stored),
        )

    @property
    def model(self) -> nn.Module:
        """The network that is recorded."""
        return self._subject.model

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
        if self._idle:
            return
        with self._capturing(epoch):
            epoch = self._checked_epoch(epoch, overwrite=overwrite)
            checked_scalars(checked_mapping("scalars", scalars))
            self._check_architecture()
            features, logits = self._evaluate(epoch)
            self._check_finite(epoch, representations=features, logits=logits)
            mixed = self._inputs[0] if self._mixes_inputs else features[: self._n_train]
            subject: Splits = self._subject if self._mixes_inputs else HeadAlone(self._head)
            fitted, measured = self._boundary(epoch, subject, mixed, logits[: self._n_train])
            arrays = {
                "features": features,
                "logits": logits,
                "boundary_train": fitted,
                "boundary_test": measured,
            }
            self._write(epoch, arrays, self._subject.linear_layer, scalars, weights=self._weights())

    def _probe(self) -> None:
        """Try the network on the first samples, and learn the width of its representations."""
        try:
            features, z = self._subject.features_and_logits(
                each(lambda part: part[:_PROBED], self._inputs[0])
            )
        except InputShapeError as error:
            raise InputShapeError("train", error.requirement) from error
        if z.shape[1] != len(self.classes):
            raise ValueError(
                f"classes must be one name per logit of the network, {z.shape[1]}; got {len(self.classes)}."
            )
        self._width = features.shape[1]

    def _choose(self, label: str) -> tuple[int, int]:
        """Make a label, absent or present, the two classes of the run; return its column and how many are."""
        names = self.classes
        if label not in names:
            raise ValueError(f"label must be one of the classes; got {label!r}.")
        self.classes = [f"no {label}", label]
        return names.index(label), len(names)

    def _check_linear(self) -> None:
        """Refuse to leave out the inputs of a head that can't be run without some."""
        if self._subject.head_kind == "network":
            raise ValueError(
                "inputs must be True where the head is not one linear layer, as it is run on inputs; got "
                f"False for a network split at {self._subject.layer!r}. Split it at its last linear layer, "
                "or keep the inputs."
            )

    def _head(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the logits of representations."""
        with torch.no_grad():
            z: NDArray[np.float32] = self._subject.head(torch.from_numpy(x)).cpu().numpy()
        return z

    def _evaluate(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute the representations and logits of all samples, training samples first."""
        features = np.empty((self._n_train + self._n_test, self._width), np.float32)
        logits = np.empty((len(features), len(self.classes)), np.float32)
        step, row = 16 * self._subject.batch_size, 0
        with progress_bar(
            total=len(features), desc=f"recording epoch {epoch}", unit="sample", leave=False, delay=2
        ) as bar:
            for inputs in self._inputs:
                for start in range(0, count(inputs), step):
                    block = each(lambda part, rows=slice(start, start + step): part[rows], inputs)  # type: ignore[misc]
                    part = self._subject.features_and_logits(block)
                    rows = slice(row, row + len(part[0]))
                    features[rows], logits[rows] = part
                    row = rows.stop
                    bar.update(len(part[0]))
        return features, logits

    def _check_inputs(self) -> None:
        """Refuse test samples of another kind than the training samples."""
        train, test = (storage.describe_inputs(inputs) for inputs in self._inputs)
        if train != test:
            raise ValueError(
                f"test and train must have inputs of the same dtype and shape; got {_told(self._inputs[1])} "
                f"and {_told(self._inputs[0])}."
            )

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

    def _compare_weights(self) -> None:
        """Refuse a network of another architecture than the last one recorded; warn of other weights."""
        if not self.epochs:
            return
        last = self.epochs[-1]
        path = storage.epoch_folders(self.folder)[last] / "weights.safetensors"
        recorded, own = storage.read(path, load_tensors), self._weights()
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


def mixable(inputs: Any) -> bool:
    """Whether samples can be mixed to find the boundary between them: one array of bytes or floats."""
    return isinstance(inputs, np.ndarray) and (
        inputs.dtype == np.uint8 or bool(np.issubdtype(inputs.dtype, np.floating))
    )


def _told(inputs: Any) -> str:
    """Describe inputs in an error."""
    return ", ".join(
        ("" if key is None else f"{key} ") + f"{part.dtype} {part.shape[1:]}"
        for key, part in parts(inputs).items()
    )


def _another_process_records() -> bool:
    """Whether this is one of several processes that train together, and not the first: that one records."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return False
    return torch.distributed.get_rank() > 0
