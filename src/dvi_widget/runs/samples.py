"""Samples as they are given: arrays, tensors and Datasets, checked and made numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

# How much is looked at or converted at a time, in bytes.
_BLOCK = 2**26
_WITHOUT_TEST = (
    "; hold some samples back from training, say a tenth, or pass test=None to record without them"
)


def read_samples(name: str, given: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Inputs and labels of one split as arrays."""
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise ValueError(f"{name}: must be a pair (x, y), got {len(given)} values")
        x, y = given
    elif (
        hasattr(given, "__getitem__")
        and hasattr(given, "__len__")
        and not isinstance(given, (np.ndarray, Tensor))
    ):
        x, y = _from_dataset(name, given)
    else:
        raise TypeError(
            f"{name}: must be a pair (x, y) or a torch Dataset of such pairs, got {type(given).__name__}"
        )
    x, y = as_array(name, x), as_array(name, y)
    if name == "test" and not len(x):
        raise ValueError(f"test: holds no samples{_WITHOUT_TEST}")
    if x.ndim < 2 or not len(x):
        raise ValueError(f"{name}: inputs must be [n, ...] with n of at least 1, got shape {x.shape}")
    if x.dtype.kind not in "uif":
        raise TypeError(f"{name}: inputs must be numbers, got {x.dtype}")
    if y.ndim != 1 or len(y) != len(x):
        raise ValueError(
            f"{name}: labels must be [{len(x)}] as there are {len(x)} inputs, got shape {y.shape}"
        )
    if y.dtype.kind not in "ui":
        raise TypeError(f"{name}: labels must be integers, got {y.dtype}")
    check_finite(f"{name} inputs", x)
    return x, y.astype(np.int64)


def _from_dataset(name: str, dataset: Any) -> tuple[Any, Any]:
    """Inputs and labels of a Dataset, one by one in order."""
    inputs: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    for index in tqdm(
        range(len(dataset)), desc=f"reading {name} samples", unit="sample", leave=False, delay=2
    ):
        pair = dataset[index]
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"{name}: sample {index} of the Dataset is {type(pair).__name__}, not a pair (x, y)"
            )
        x, y = as_array(f"{name} sample {index}", pair[0]), np.asarray(pair[1])
        if inputs and x.shape != inputs[0].shape:
            raise ValueError(
                f"{name}: sample {index} has shape {x.shape}, the first has {inputs[0].shape}; they must be "
                "alike"
            )
        if y.shape not in ((), (1,)):
            raise ValueError(
                f"{name}: the label of sample {index} has shape {y.shape}; one class number is needed"
            )
        inputs.append(x)
        labels.append(y.reshape(()))
    if not inputs:
        raise ValueError(f"{name}: the Dataset is empty{_WITHOUT_TEST if name == 'test' else ''}")
    return np.stack(inputs), np.stack(labels)


def as_array(name: str, given: Any) -> NDArray[Any]:
    """A tensor on any device, or an array, as a numpy array."""
    if isinstance(given, Tensor):
        tensor = given.detach().cpu()
        return (
            tensor.float() if tensor.dtype.is_floating_point and tensor.element_size() < 4 else tensor
        ).numpy()
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name}: not one array ({error}); its rows must be alike") from error
    if array.dtype == object:
        raise TypeError(
            f"{name}: holds {type(given).__name__}, which is not an array of numbers; convert it to one"
        )
    return array


def blocks(array: NDArray[Any]) -> list[NDArray[Any]]:
    """An array in pieces of bounded size."""
    rows = max(1, _BLOCK // max(1, array[:1].nbytes))
    return [array[start : start + rows] for start in range(0, len(array), rows)]


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Refuse NaN and infinite values, naming the first sample that holds some."""
    if array.dtype.kind != "f":
        return
    row = 0
    for block in blocks(array):
        bad = ~np.isfinite(block).reshape(len(block), -1).all(axis=1)
        if bad.any():
            raise ValueError(f"{name}: sample {row + int(bad.argmax())} holds NaN or infinite values")
        row += len(block)
