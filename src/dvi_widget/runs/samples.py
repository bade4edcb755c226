"""Reading the samples of a split: a pair of arrays or a torch Dataset, checked, as numpy arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvi_widget.arrays import as_array, check_finite, warn
from dvi_widget.progress import progress_bar

_TWICE_READ = 8  # samples of a Dataset, to notice random transforms: a flip hides in all of them once in 256
_WITHOUT_TEST = " Hold some samples back from training, say a tenth, or pass test=None to do without."


class Samples(NamedTuple):
    """The samples of a split.

    Attributes
    ----------
    inputs : array [n, ...]
    labels : int64 [n]
    random : bool
        Whether they come from a Dataset that transforms at random, so that another reading would differ.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    random: bool = False


def read_samples(name: str, samples: Any) -> Samples:
    """Read the inputs and labels of a split.

    Parameters
    ----------
    name : str
        "train" or "test".
    samples : pair (x, y) or torch Dataset of such pairs
        A Dataset is read once, in order.

    Raises
    ------
    ValueError, TypeError
        If they are not that, or do not fit each other.

    Warns
    -----
    UserWarning
        If a Dataset gives other inputs when it is read again.
    """
    random = False
    if isinstance(samples, (tuple, list)):
        if len(samples) != 2:
            raise ValueError(f"{name} must be a pair (x, y); got {len(samples)} values.")
        x, y = samples
    elif (
        hasattr(samples, "__getitem__")
        and hasattr(samples, "__len__")
        and not isinstance(samples, (np.ndarray, Tensor))
    ):
        x, y = _from_dataset(name, samples)
        random = _changes(name, samples, x)
    else:
        raise TypeError(
            f"{name} must be a pair (x, y) or a torch Dataset of such pairs; got {type(samples).__name__}."
        )
    x, y = as_array(f"{name} inputs", x), as_array(f"{name} labels", y)
    if name == "test" and x.ndim and not len(x):
        raise ValueError(f"test must hold at least one sample; got none.{_WITHOUT_TEST}")
    if x.ndim < 2 or not len(x):
        raise ValueError(f"{name} inputs must be [n, ...] with n of 1 or more; got shape {x.shape}.")
    if x.dtype.kind not in "uif":
        raise TypeError(f"{name} inputs must be numbers; got dtype {x.dtype}.")
    if y.ndim != 1 or len(y) != len(x):
        raise ValueError(f"{name} labels must be [{len(x)}], one per input; got shape {y.shape}.")
    if y.dtype.kind not in "ui":
        raise TypeError(f"{name} labels must be integers; got dtype {y.dtype}.")
    check_finite(f"{name} inputs", x)
    return Samples(x, y.astype(np.int64), random)


def _from_dataset(name: str, dataset: Any) -> tuple[Any, Any]:
    """Read the inputs and labels of a Dataset, one by one in order."""
    inputs: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    for index in progress_bar(
        range(len(dataset)), desc=f"reading {name} samples", unit="sample", leave=False, delay=2
    ):
        pair = dataset[index]
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"{name} must be a Dataset of pairs (x, y); got {type(pair).__name__} as sample {index}."
            )
        x, y = as_array(f"{name} sample {index}", pair[0]), as_array(f"{name} label {index}", pair[1])
        if inputs and x.shape != inputs[0].shape:
            raise ValueError(
                f"{name} must hold inputs of one shape; got {x.shape} as sample {index}, {inputs[0].shape} "
                "as the first."
            )
        if y.shape not in ((), (1,)):
            raise ValueError(
                f"{name} must have one class number as the label of each sample; got shape {y.shape} for "
                f"sample {index}."
            )
        inputs.append(x)
        labels.append(y.reshape(()))
    if not inputs:
        raise ValueError(
            f"{name} must hold at least one sample; got an empty Dataset."
            f"{_WITHOUT_TEST if name == 'test' else ''}"
        )
    return np.stack(inputs), np.stack(labels)


def _changes(name: str, dataset: Any, inputs: NDArray[Any]) -> bool:
    """Whether the first samples differ when they are read again; then warn."""
    first = inputs[:_TWICE_READ]
    again = (as_array(f"{name} sample {i}", dataset[i][0]) for i in range(len(first)))
    if all(np.array_equal(x, other, equal_nan=True) for x, other in zip(first, again, strict=True)):
        return False
    warn(
        f"{name}: the Dataset transforms its samples at random. One draw of each is recorded and evaluated "
        "in every epoch; a later Recorder cannot draw the same ones to continue. Pass the samples as they "
        "are in evaluation, from a Dataset without random transforms."
    )
    return True
