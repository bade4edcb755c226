"""Arguments of recorders, checked at the door: classes, labels, scalars, pictures."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvi_widget.arrays import as_array, warn
from dvi_widget.pictures import check_pictures, like_pictures
from dvi_widget.subject import count, parts
from dvi_widget.texts import is_blank, is_sendable

# Measured with every epoch.
RESERVED_SCALARS = ("train_accuracy", "test_accuracy")


def checked_mapping(name: str, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Check a mapping; None stands for an empty one."""
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{name} must map names to values, as {{name: value}}; got {type(value).__name__}.")
    return value or {}


def checked_classes(classes: Any) -> list[str]:
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
    unseen = [i for i, name in enumerate(names) if is_blank(name) or not is_sendable(name)]
    if unseen:
        raise ValueError(
            "classes must have names that are not blank and hold whole characters; got "
            f"{names[unseen[0]]!r} as class {unseen[0]}."
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
            return checked_classes([name for _, name in sorted(zip(indices, names, strict=True))])
    raise ValueError(
        "classes must map names to 0..C-1, or these to names, such as a dataset's class_to_idx or a model's "
        f"id2label; got {reprlib.repr(dict(classes))}."
    )


def checked_scalars(scalars: Mapping[str, Any]) -> dict[str, float]:
    """Check the names and values of scalars."""
    numbers = {}
    for name, value in scalars.items():
        if not isinstance(name, str) or is_blank(name):
            raise TypeError(f"scalars must have names that are strings and not blank; got {name!r}.")
        if not is_sendable(name):
            raise ValueError(f"scalars must have names of whole characters; got {name!r}.")
        if name in RESERVED_SCALARS:
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


def checked_pictures(
    images: Any, inputs: tuple[Any, ...]
) -> tuple[Literal["inputs", "images"] | None, Sequence[NDArray[Any]]]:
    """Decide which file holds the pictures, and return those to write into a file of their own.

    Parameters
    ----------
    images
        As for `Recorder`.
    inputs
        Of training and of test samples.
    """
    if images is False:
        return None, ()
    if images is None:
        return _derived(inputs)
    arrays = [as_array("images", part) for part in (images if isinstance(images, tuple) else (images,))]
    for part in arrays:
        check_pictures(part, "images")
    n, counts = [count(x) for x in inputs], [len(part) for part in arrays]
    if counts not in (n, [sum(n)]):
        raise ValueError(
            "images must be one array for all samples, training samples first, or a pair of arrays; got "
            f"{' + '.join(map(str, counts))} pictures for {n[0]} training and {n[1]} test samples."
        )
    if any(part.shape[1:] != arrays[0].shape[1:] or part.dtype != arrays[0].dtype for part in arrays):
        kinds = " and ".join(f"{part.dtype} {part.shape[1:]}" for part in arrays)
        raise ValueError(
            f"images must have the same dtype and shape for training and test samples; got {kinds}."
        )
    return "images", arrays


def _derived(inputs: tuple[Any, ...]) -> tuple[Literal["inputs", "images"] | None, Sequence[NDArray[Any]]]:
    """Take the inputs as pictures if they look like some; of several, the first that does."""
    for key, part in parts(inputs[0]).items():
        if like_pictures(part):
            if key is None and part.dtype == np.uint8:
                return "inputs", ()
            return "images", [parts(split)[key] for split in inputs]
        if key is None and part.ndim == 4 and part.dtype.kind in "uf":
            warn(
                f"The inputs have {part.shape[1]} channels, so that no pictures are shown. Pass them as "
                "images=, with 1 or 3 channels, or images=False."
            )
    return None, ()
