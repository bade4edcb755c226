"""Reading the samples of a split: arrays, a Dataset or a DataLoader, checked, as numpy arrays."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dvi_widget.arrays import as_array, check_finite, warn
from dvi_widget.progress import progress_bar
from dvi_widget.subject import count, each, parts, unwrapped

# Samples of a Dataset that are read twice: a flip at random hides in all of them once in 256 times.
_TWICE_READ = 8
# Samples of a Dataset beyond this size are kept in a file while they are read.
_MEMORY_BYTES = 2**26
_BLOCK_ROWS = 64  # that a worker process reads at once
_LABELS = ("labels", "label", "y", "target", "targets")
_WITHOUT_TEST = " Hold some samples back from training, say a tenth, or pass test=None to do without."


class Samples(NamedTuple):
    """The samples of a split.

    Attributes
    ----------
    inputs : array [n, ...], or a dict or tuple of these
    labels : int64 [n]
    random : bool
        Whether they come from a Dataset that transforms at random, so that another reading would differ.
    texts : list of str or None
        Their texts, if they come with some.
    """

    inputs: Any
    labels: NDArray[np.int64]
    random: bool = False
    texts: list[str] | None = None


def read_samples(
    name: str, samples: Any, model: nn.Module, place: Path, label: tuple[int, int] | None = None
) -> Samples:
    """Read the inputs and labels of a split.

    Parameters
    ----------
    name : str
        "train" or "test".
    samples
        A pair ``(x, y)``, a mapping of arrays with the labels among them, a Dataset of such samples, or a
        DataLoader of one. Datasets are read once, in order.
    model
        The network: of inputs by name, only those that it takes are read.
    place
        A folder that is to be made, or is there: large Datasets are kept on its disk while they are read.
    label
        As for `Subject`: which of several labels is read.

    Raises
    ------
    ValueError, TypeError
        If they are not that, or do not fit each other.

    Warns
    -----
    UserWarning
        If a Dataset gives other inputs when it is read again, or a DataLoader is read through its Dataset.
    """
    random, texts, workers = False, None, 0
    if isinstance(samples, DataLoader):
        warn(f"{name}: the DataLoader's dataset is recorded, each sample once and in order.")
        samples, workers = samples.dataset, samples.num_workers
    if isinstance(samples, Mapping):
        x, y, texts = _parted(name, dict(samples), _accepted(model))
    elif isinstance(samples, (tuple, list)):
        if len(samples) != 2:
            raise ValueError(f"{name} must be a pair (x, y); got {len(samples)} values.")
        x, y = samples
    elif (
        hasattr(samples, "__getitem__")
        and hasattr(samples, "__len__")
        and not isinstance(samples, (np.ndarray, Tensor))
    ):
        reading = _Reading(name, samples, _accepted(model), place, label)
        x, y, texts = reading.read(workers)
        random = reading.changes(x)
        label = None  # the Dataset was read for it alone
    else:
        raise TypeError(
            f"{name} must be a pair (x, y) or a torch Dataset of such pairs; got {type(samples).__name__}."
        )
    x = _checked_inputs(name, x)
    y = y if label is None else one_label(f"{name} labels", y, count(x), label)
    return Samples(x, checked_labels(name, y, count(x)), random, texts)


def one_label(name: str, value: Any, n: int, label: tuple[int, int]) -> NDArray[np.int64]:
    """Return whether each sample has a label, int64 [n].

    Parameters
    ----------
    name : str
        What errors call the labels.
    value : array [n, size] of zeros and ones
    n : int
    label
        As for `Subject`.

    Raises
    ------
    ValueError
        If they are not that.
    """
    y, (column, size) = as_array(name, value), label
    if y.shape != (n, size) or not ((y == 0) | (y == 1)).all():
        raise ValueError(
            f"{name} must be zeros and ones [{n}, {size}] where one label of several is recorded; got "
            f"{y.dtype} of shape {y.shape}."
        )
    return y[:, column].astype(np.int64)


def _checked_inputs(name: str, value: Any) -> Any:
    """Return the inputs of a split as arrays of finite numbers, equally many of each kind."""
    several = isinstance(value, Mapping) or (
        isinstance(value, tuple) and bool(value) and all(np.ndim(part) > 1 for part in value)
    )
    _refuse_pictures(name, value)
    x = each(lambda part: part, dict(value) if isinstance(value, Mapping) else value) if several else value
    given = x if several else (value,)
    arrays = {
        key: as_array(f"{name} inputs" + (f"[{key!r}]" if several else ""), part)
        for key, part in parts(given).items()
    }
    for key, array in arrays.items():
        label = f"{name} inputs" + (f"[{key!r}]" if several else "")
        if name == "test" and array.ndim and not len(array):
            raise ValueError(f"test must hold at least one sample; got none.{_WITHOUT_TEST}")
        if array.ndim < 2 - several or not len(array):
            raise ValueError(f"{label} must be [n, ...] with n of 1 or more; got shape {array.shape}.")
        if array.dtype.kind not in "uif" + ("b" if several else ""):
            raise TypeError(f"{label} must be numbers; got dtype {array.dtype}.")
        check_finite(label, array)
    sizes = {len(array) for array in arrays.values()}
    if len(sizes) > 1:
        raise ValueError(f"{name} inputs must have one row per sample each; got {sorted(sizes)} rows.")
    if not several:
        return arrays[0]
    return arrays if isinstance(value, Mapping) else tuple(arrays.values())


def checked_labels(name: str, value: Any, n: int) -> NDArray[np.int64]:
    """Return labels as int64 [n].

    Raises
    ------
    ValueError, TypeError
        If they are not one whole number per sample; the message says how to make them so.
    """
    plain = value.to_numpy() if hasattr(value, "to_numpy") else value
    words = not isinstance(plain, Tensor) and np.asarray(plain).dtype.kind in "UO"
    unique = f"np.unique({name}_labels, return_inverse=True) returns names and numbers."
    if words and all(isinstance(label, str) for label in np.asarray(plain).ravel()):
        raise TypeError(f"{name} labels must be integers; got strings. {unique}")
    y = as_array(f"{name} labels", value)
    if y.ndim == 2 and y.shape == (n, 1):
        raise ValueError(f"{name} labels must be [{n}], one per input; got shape {y.shape}. Pass y.ravel().")
    if y.ndim == 2 and len(y) == n:
        single = bool(((y != 0).sum(1) == 1).all())
        cure = (
            "Pass y.argmax(1)."
            if single
            else "Samples with several labels are recorded one label at a time: Recorder(label=<a class>), "
            "or y[:, c], the logits of class c alone, and two classes."
        )
        raise ValueError(f"{name} labels must be [{n}], one per input; got shape {y.shape}. {cure}")
    if y.ndim != 1 or len(y) != n:
        raise ValueError(f"{name} labels must be [{n}], one per input; got shape {y.shape}.")
    if y.dtype.kind not in "ui":
        whole = y.dtype.kind == "b" or (y.dtype.kind == "f" and bool((y == np.rint(y)).all()))
        cure = "Pass y.astype(int)." if whole else unique
        raise TypeError(f"{name} labels must be integers; got dtype {y.dtype}. {cure}")
    return y.astype(np.int64)


def check_range(name: str, y: NDArray[np.int64], classes: list[str]) -> None:
    """Refuse labels that are no class.

    Raises
    ------
    ValueError
        It names the first such sample, and the way out if labels begin at one.
    """
    outside = (y < 0) | (y >= len(classes))
    if outside.any():
        first = int(outside.argmax())
        from_one = y.min() == 1 and y.max() == len(classes)
        raise ValueError(
            f"{name} labels must be in 0..{len(classes) - 1}, as there are {len(classes)} classes; got "
            f"{int(y[first])} for sample {first}.{' They begin at 1: pass y - 1.' if from_one else ''}"
        )


def _accepted(model: nn.Module) -> set[str] | None:
    """Return the names of a network's arguments; None if it takes any."""
    try:
        arguments = inspect.signature(unwrapped(model).forward).parameters
    except (TypeError, ValueError):
        return None
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values()):
        return None
    return set(arguments)


def _parted(name: str, sample: dict[str, Any], accepted: set[str] | None) -> tuple[dict[str, Any], Any, Any]:
    """Part a mapping into inputs by name, labels, and texts (None if there are none)."""
    key = next((key for key in _LABELS if key in sample), None)
    if key is None:
        raise ValueError(
            f"{name} must have labels, named {' or '.join(map(repr, _LABELS))}; got {', '.join(sample)}."
        )
    texts = [value for k, value in sample.items() if k != key and _is_text(value)]
    inputs = {
        k: value
        for k, value in sample.items()
        if k != key and not _is_text(value) and (accepted is None or k in accepted)
    }
    if not inputs:
        takes = (
            "inputs that the model takes"
            if accepted is None
            else f"an input that the model takes, of {', '.join(sorted(accepted))}"
        )
        raise ValueError(f"{name} must have {takes}; got {', '.join(sample)}.")
    return inputs, sample[key], texts[0] if texts else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], str)
    )


def _refuse_pictures(name: str, value: Any) -> None:
    """Refuse pictures as files hold them, which no network takes."""
    first = value[0] if isinstance(value, (list, tuple)) and len(value) else value
    if hasattr(first, "convert") and hasattr(first, "getbands"):
        raise TypeError(
            f"{name} inputs must be arrays or tensors as the network takes them; got Pillow's pictures. Give "
            "the Dataset the transform of evaluation, such as torchvision.transforms.ToTensor(), or stack "
            "np.asarray(picture) of each."
        )


class _Reading:
    """Reads a Dataset sample by sample, large ones into a file.

    Parameters
    ----------
    name, dataset, accepted, place
        As for `read_samples`; `accepted` are the names of the network's arguments.
    """

    def __init__(
        self,
        name: str,
        dataset: Any,
        accepted: set[str] | None,
        place: Path,
        label: tuple[int, int] | None,
    ) -> None:
        self._name, self._dataset, self._accepted, self._label = name, dataset, accepted, label
        self._place = next(path for path in (place, *place.absolute().parents) if path.is_dir())

    def read(self, workers: int) -> tuple[Any, NDArray[Any], list[str] | None]:
        """Return inputs, labels and texts; with worker processes, if there are to be some."""
        n = len(self._dataset)
        if not n:
            hint = _WITHOUT_TEST if self._name == "test" else ""
            raise ValueError(f"{self._name} must hold at least one sample; got an empty Dataset.{hint}")
        columns: dict[Any, _Column] = {}
        labels: list[Any] = []
        texts: list[str] = []
        like: Any = None
        items = progress_bar(
            self._items(workers),
            total=n,
            desc=f"reading {self._name} samples",
            unit="sample",
            leave=False,
            delay=2,
        )
        for index, item in enumerate(items):
            x, y, text = self._sample(index, item)
            if not columns:
                like = x
                size = n * sum(part.nbytes for part in parts(x).values())
                folder = self._place if size > _MEMORY_BYTES else None
                columns = {
                    key: _Column(f"{self._name}" + ("" if key is None else f" {key!r}"), n, part, folder)
                    for key, part in parts(x).items()
                }
            if set(parts(x)) != set(columns):
                raise ValueError(
                    f"{self._name} must hold samples of the same parts; got {', '.join(map(str, parts(x)))} "
                    f"as sample {index}, {', '.join(map(str, columns))} as the first."
                )
            for key, part in parts(x).items():
                columns[key].append(index, part)
            labels.append(y)
            texts += [text] if text is not None else []
        arrays = {key: column.array() for key, column in columns.items()}
        inputs: Any = arrays.get(None, arrays)
        if isinstance(like, tuple):
            inputs = tuple(arrays.values())
        return inputs, np.stack(labels), texts if len(texts) == n else None

    def changes(self, inputs: Any) -> bool:
        """Whether the first samples differ when they are read again; then warn."""
        for index in range(min(_TWICE_READ, count(inputs))):
            again = parts(self._sample(index, self._dataset[index])[0])
            if all(
                np.array_equal(part[index], again[key], equal_nan=part.dtype.kind == "f")
                for key, part in parts(inputs).items()
            ):
                continue
            warn(
                f"{self._name}: the Dataset transforms its samples at random. One draw of each is recorded "
                "and evaluated in every epoch; a later Recorder cannot draw the same ones to continue. Pass "
                "the samples as they are in evaluation, from a Dataset without random transforms."
            )
            return True
        return False

    def _items(self, workers: int) -> Iterator[Any]:
        if workers:
            loader = DataLoader(
                self._dataset, batch_size=_BLOCK_ROWS, num_workers=workers, collate_fn=list, shuffle=False
            )
            for batch in loader:
                yield from batch
        else:
            for index in range(len(self._dataset)):
                yield self._dataset[index]

    def _sample(self, index: int, item: Any) -> tuple[Any, NDArray[Any], str | None]:
        """Return inputs, label and text of one sample."""
        x: Any
        text = None
        if isinstance(item, Mapping):
            x, y, text = _parted(f"{self._name} sample {index}", dict(item), self._accepted)
        elif isinstance(item, (tuple, list)) and len(item) >= 2:
            x, y = (item[0] if len(item) == 2 else tuple(item[:-1])), item[-1]
            if isinstance(x, Mapping):
                x = dict(x)
        else:
            raise TypeError(
                f"{self._name} must be a Dataset of pairs (x, y) or of mappings with a label; got "
                f"{type(item).__name__} as sample {index}."
            )
        _refuse_pictures(self._name, x)
        x = each(lambda part: as_array(f"{self._name} sample {index}", part), x)
        y = as_array(f"{self._name} label {index}", y)
        if self._label is not None:
            y = one_label(f"{self._name} label {index}", y[None], 1, self._label)
        if y.shape not in ((), (1,)):
            raise ValueError(
                f"{self._name} must have one class number as the label of each sample; got shape {y.shape} "
                f"for sample {index}."
            )
        return x, y.reshape(()), text


class _Column:
    """One array [n, ...] that comes row by row, in memory or in a file without a name.

    Parameters
    ----------
    name
        What errors call it.
    n
        Number of rows.
    like
        The first row.
    folder
        Where the file is; None for memory. Nothing of it is left when the process ends.
    """

    def __init__(self, name: str, n: int, like: NDArray[Any], folder: Path | None) -> None:
        self._name, self._shape, self._dtype = name, (n, *like.shape), like.dtype
        self._file = None if folder is None else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._memory = np.empty(self._shape, self._dtype) if folder is None else None

    def append(self, index: int, row: NDArray[Any]) -> None:
        if row.shape != self._shape[1:]:
            hint = " Pad them, as by tokenizer(..., padding='max_length')." if row.ndim == 1 else ""
            raise ValueError(
                f"{self._name} must hold inputs of one shape; got {row.shape} as sample {index}, "
                f"{self._shape[1:]} as the first.{hint}"
            )
        if not np.can_cast(row.dtype, self._dtype):
            raise TypeError(
                f"{self._name} must hold inputs of one dtype; got {row.dtype} as sample {index}, "
                f"{self._dtype} as the first."
            )
        if self._memory is not None:
            self._memory[index] = row
        elif self._file is not None:
            self._file.write(row.astype(self._dtype, copy=False).tobytes())

    def array(self) -> NDArray[Any]:
        """Return the array once it is complete."""
        if self._memory is not None:
            return self._memory
        assert self._file is not None
        with self._file as file:
            file.flush()
            return np.memmap(file, self._dtype, "r", shape=self._shape)
