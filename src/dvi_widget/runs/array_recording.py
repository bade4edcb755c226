"""Recording a training run from arrays: no network, whatever the framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arrays import as_array, as_matrix, check_number, warn
from dvi_widget.boundary import HeadAlone
from dvi_widget.subject import as_outputs

from . import storage
from .arguments import checked_mapping, checked_pictures, checked_scalars
from .samples import checked_labels
from .surrogate import Linear, fitted_linear, nearest_head, same_logits
from .writing import RunWriter

Head = tuple[ArrayLike | Tensor, ArrayLike | Tensor] | Callable[[NDArray[np.float32]], Any] | None


class ArrayRecorder(RunWriter):
    """Record a training run from arrays: representations and logits of each epoch, from any framework.

    Everything that needs no network works on such a run: the landscape and its measures, suggestions,
    comparisons. Attributions and DeepVID need one: record with `Recorder` for them.

    Parameters
    ----------
    folder
        As for `Recorder`.
    labels
        ``(y, yt)``, the labels of training and test samples, or y alone without test samples: integers
        ``[n]`` in 0..C-1.
    classes, images, groups, dtype, boundary, seed
        As for `Recorder`. Boundary points are mixed from representations, by way of the head.

    Raises
    ------
    ValueError, TypeError, NotADirectoryError, PermissionError, RunError
        As for `Recorder`.

    Examples
    --------
    A linear model of scikit-learn, whose representation is the pixels themselves:

    >>> from sklearn.linear_model import SGDClassifier
    >>> h, ht = x.reshape(len(x), -1), xt.reshape(len(xt), -1)
    >>> linear = SGDClassifier(loss="log_loss", random_state=0)
    >>> recorder = ArrayRecorder("runs/mine", labels=(y, yt), classes=names)
    >>> for epoch in range(3):
    ...     linear = linear.partial_fit(h, y, classes=range(len(names)))
    ...     z, zt = linear.decision_function(h), linear.decision_function(ht)
    ...     head = linear.coef_, linear.intercept_
    ...     recorder.capture(epoch, features=(h, ht), logits=(z, zt), head=head)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        labels: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ArrayLike | Tensor | None],
        classes: Sequence[str] | Mapping[str, int] | Mapping[int, str],
        images: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ArrayLike | Tensor] | None = None,
        groups: Mapping[str, ArrayLike | Tensor] | None = None,
        dtype: str = "float32",
        boundary: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(folder, classes, groups, dtype, seed)
        check_number("boundary", boundary, 0, 1)
        first, second = _pair("labels", labels)
        y = checked_labels("train", first, len(as_array("labels", first)))
        yt = y[:0] if second is None else checked_labels("test", second, len(as_array("labels", second)))
        self._take_labels((y, yt))
        counted = (np.empty((len(y), 0)), np.empty((len(yt), 0)))
        self._where, self._pictures = checked_pictures(False if images is None else images, counted)
        self._n_boundary = round(boundary * self._n_train)
        self._began = False
        self._told = False
        if self._existing is not None:
            self._settle_at(int(self._existing["representations"]["size"]))

    def capture(
        self,
        epoch: int,
        features: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ArrayLike | Tensor],
        logits: ArrayLike | Tensor | tuple[ArrayLike | Tensor, ArrayLike | Tensor],
        head: Head = None,
        overwrite: bool = False,
        scalars: Mapping[str, float] | None = None,
    ) -> None:
        """Record an epoch.

        Parameters
        ----------
        epoch, overwrite, scalars
            As for `Recorder.capture`.
        features
            ``(h, ht)``, the representations of training and test samples, float ``[n, h]``; one array if
            there are no test samples. Of another shape they are flattened, one row per sample.
        logits
            ``(z, zt)``, their logits ``[n, C]``. Rows that are non-negative and sum to one are taken as
            probabilities, with a warning; a single column z stands for [0, z].
        head
            How logits follow from representations: ``(W, b)`` of a linear layer, W being ``[C, h]`` or
            ``[h, C]``; or a function of an array ``[m, h]`` that returns logits ``[m, C]``. None: the linear
            layer that gives these logits, if there is one. Where the head is not linear, the map's territory
            is painted by the logits of the nearest training samples, and a warning says so.

        Raises
        ------
        ValueError, TypeError
            If the epoch has been recorded, or an argument is wrong: also if the head gives other logits than
            these. Nothing is written then.
        OSError
            If the disk is full or can't be written. Nothing is lost then.

        Warns
        -----
        UserWarning
            As for `Recorder.capture`.
        """
        with self._capturing(epoch):
            epoch = self._checked_epoch(epoch, overwrite=overwrite)
            checked_scalars(checked_mapping("scalars", scalars))
            h = self._joined("features", features)
            z = self._logits(self._joined("logits", logits))
            if self._width and h.shape[1] != self._width:
                raise ValueError(
                    f"features must be [n, {self._width}], as in the epochs before; got {h.shape[1]} columns."
                )
            self._check_finite(epoch, features=h, logits=z)
            linear, function = self._head(h, z, head)
            if not self._began:
                self._settle_at(h.shape[1])
            fitted, measured = self._boundary(
                epoch, HeadAlone(function), h[: self._n_train], z[: self._n_train]
            )
            arrays = {"features": h, "logits": z, "boundary_train": fitted, "boundary_test": measured}
            kind = "nearest" if linear is None else "linear"
            self._write(epoch, arrays, linear, scalars, about={"head": kind})

    def _settle_at(self, width: int) -> None:
        """Begin or continue the run, once the width of its representations is known."""
        self._width = width
        manifest = {
            "classes": self.classes,
            "n_train": self._n_train,
            "n_test": self._n_test,
            "inputs": None,
            "images": self._where,
            "representations": {"size": width, "dtype": self._dtype.name},
            "layer": "",
            "side": "input",
            "head": "given",
            "outputs": "logits",
            "digest": storage.digest(self._labels),
        }
        self._settle(manifest, (), self._pictures, None)
        self._began = True

    def _joined(self, name: str, given: Any) -> NDArray[np.float32]:
        """Return an array over all samples, training samples first, as float32 [N, ...]."""
        first, second = _pair(name, given)
        both = []
        for split, part, n in (("train", first, self._n_train), ("test", second, self._n_test)):
            if part is None and not n:
                continue
            array = as_array(f"{split} {name}", () if part is None else part)
            if array.ndim < 1 or len(array) != n:
                raise ValueError(
                    f"{split} {name} must be [{n}, ...], one row per label; got shape {array.shape}."
                )
            both.append(as_matrix(f"{split} {name}", array.reshape(n, -1)).astype(np.float32))
        if len({array.shape[1] for array in both}) > 1:
            raise ValueError(
                f"{name} must have the same width for training and test samples; got "
                f"{' and '.join(str(array.shape[1]) for array in both)}."
            )
        return np.concatenate(both)

    def _logits(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read outputs as logits, one column per class."""
        z: NDArray[np.float32] = as_outputs(torch.from_numpy(outputs)).numpy()
        if z.shape[1] != len(self.classes):
            raise ValueError(
                f"logits must be [n, {len(self.classes)}], one column per class; got {z.shape[1]} columns."
            )
        return z

    def _head(
        self, h: NDArray[np.float32], z: NDArray[np.float32], head: Head
    ) -> tuple[Linear | None, Callable[[NDArray[np.float32]], NDArray[np.floating]]]:
        """Return the head as a linear layer, if it is one, and as a function."""
        train = slice(self._n_train)
        given: Callable[[NDArray[np.float32]], NDArray[np.floating]] | None = None
        if head is None:
            linear = fitted_linear(h[train], z[train])
        elif callable(head):
            given = _function(head)
            if not same_logits(given(h[:64]), z[:64]):
                raise ValueError(
                    "head must be the function that gives the logits of the features; got one that gives "
                    "others. Pass the head of this epoch, or None."
                )
            linear = fitted_linear(h[train], z[train])
        else:
            linear = self._linear(h, z, head)
        if linear is not None:
            weight, bias = linear
            return linear, lambda x: x @ weight.T + bias
        if not self._told:
            self._told = True
            warn(
                "The logits are no linear function of the features: the map's territory is painted by the "
                "logits of the nearest training samples."
            )
        surrogate = nearest_head(h[train], z[train])
        return None, given or (lambda x: surrogate(torch.from_numpy(x)).numpy())

    def _linear(self, h: NDArray[np.float32], z: NDArray[np.float32], head: Any) -> Linear:
        """Check a linear head, whichever way round its weights are."""
        if not isinstance(head, (tuple, list)) or len(head) != 2:
            raise TypeError(f"head must be (W, b), a function or None; got {type(head).__name__}.")
        weight = as_matrix("head's W", np.atleast_2d(as_array("head's W", head[0]))).astype(np.float32)
        bias = np.atleast_1d(as_array("head's b", head[1])).astype(np.float32)
        for w in (weight, weight.T):
            if w.shape[1] != h.shape[1] or bias.shape != w.shape[:1]:
                continue
            both = (w, bias)
            if len(w) == 1:
                both = np.concatenate([np.zeros_like(w), w]), np.concatenate([np.zeros_like(bias), bias])
            if same_logits(h @ both[0].T + both[1], z):
                return np.ascontiguousarray(both[0]), both[1]
        wanted = f"W [{len(self.classes)}, {h.shape[1]}] and b [{len(self.classes)}]"
        raise ValueError(
            f"head must be {wanted} that give the logits of the features; got {weight.shape} and "
            f"{bias.shape}, which do not. Pass the features that enter the last layer, and its weights."
        )


def _pair(name: str, given: Any) -> tuple[Any, Any]:
    """Return what was given for training and for test samples, None for no test samples."""
    if not isinstance(given, tuple):
        return given, None
    if len(given) != 2:
        raise ValueError(f"{name} must be a pair for training and test samples; got {len(given)} values.")
    return given


def _function(
    head: Callable[[NDArray[np.float32]], Any],
) -> Callable[[NDArray[np.float32]], NDArray[np.floating]]:
    """Return a head of any framework as a function from array to logits."""

    def given(x: NDArray[np.float32]) -> NDArray[np.floating]:
        z = torch.from_numpy(np.array(as_array("head(features)", head(x)), np.float32))
        return np.asarray(as_outputs(z).numpy())

    return given
