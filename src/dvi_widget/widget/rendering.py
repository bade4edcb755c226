"""Pictures and texts that people see of samples: from a function of their own, or from the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.pictures import like_pictures, show

from .wire import quoted

#: Maps a sample's index to a text or a picture.
Render = Callable[[int], Any]
#: Maps a sample's index to a text.
Describe = Callable[[int], str]

_MAX_TEXT_CHARACTERS = 2000


class Pictures(Protocol):
    """Pictures of all samples, of which only the rows that are indexed are read or drawn."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N, C, H, W."""
        ...

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]: ...


class RenderedPictures:
    """Pictures that a function draws when somebody looks at them.

    Parameters
    ----------
    render
        Maps a sample's index to its picture, uint8 or floats in [0, 1], ``[C, H, W]`` or ``[H, W]``; all of
        one size.
    first
        The picture of sample 0.
    n
        Number of samples.
    """

    def __init__(self, render: Render, first: NDArray[Any], n: int) -> None:
        self._render = render
        self.shape = (n, *_as_picture(first, 0).shape)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """Draw the pictures of some samples: uint8 [m, C, H, W]."""
        indices = np.arange(self.shape[0])[rows]
        pictures = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for place, index in enumerate(indices.tolist()):
            picture = _as_picture(self._render(index), index)
            if picture.shape != self.shape[1:]:
                raise ValueError(
                    f"render must give pictures of one size; got {self.shape[1:]} for sample 0 and "
                    f"{picture.shape} for sample {index}."
                )
            pictures[place] = picture
        return pictures


def rendered(render: Render, n: int) -> tuple[RenderedPictures | None, Describe | None]:
    """Find out whether a function gives pictures or texts, by calling it for sample 0.

    Parameters
    ----------
    render
        Maps a sample's index to its picture or to a text.
    n
        Number of samples.

    Returns
    -------
    pictures : RenderedPictures or None
    describe : callable or None
        One of the two is None.

    Raises
    ------
    TypeError
        If `render` cannot be called, or gives something else. What it raises itself is passed on.
    ValueError
        If its picture has values outside [0, 1].
    """
    if not callable(render):
        raise TypeError(f"render must be a function of a sample's index; got {quoted(render)}.")
    first = render(0)
    if isinstance(first, str):
        return None, lambda index: _as_text(render(index), index)
    return RenderedPictures(render, np.asarray(first), n), None


def columns(samples: pd.DataFrame) -> Describe | None:
    """Describe samples by the columns of a table that are neither split, label nor a group.

    Parameters
    ----------
    samples
        One row per sample.

    Returns
    -------
    callable or None
        Maps a sample's index to a line "name: value" per column; None if there is no such column.
    """
    named = [
        name for name in samples.columns if name not in ("split", "label") and not is_group(samples, name)
    ]
    if not named:
        return None
    return lambda index: "\n".join(f"{name}: {_cell(samples[name].iloc[index])}" for name in named)


def is_group(samples: pd.DataFrame, name: Any) -> bool:
    """Tell whether a column of the table says which samples belong to a group."""
    return bool(pd.api.types.is_bool_dtype(samples[name]))


def texts(describe: Describe, indices: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Describe some samples; cut texts that are longer than 2000 characters."""
    described = [describe(int(index)) for index in indices]
    return [
        text if len(text) <= _MAX_TEXT_CHARACTERS else text[: _MAX_TEXT_CHARACTERS - 2] + " …"
        for text in described
    ]


def _as_text(value: Any, index: int) -> str:
    if not isinstance(value, str):
        raise TypeError(
            f"render must give texts, as for sample 0; got {type(value).__name__} for sample {index}."
        )
    return value


def _as_picture(value: Any, index: int) -> NDArray[np.uint8]:
    """Check a picture; return it as uint8 [C, H, W]."""
    array = np.asarray(value)
    if array.ndim not in (2, 3) or not like_pictures(array[None]):
        raise TypeError(
            "render must give texts, or pictures [C, H, W] or [H, W] of uint8 or floats; got "
            f"{type(value).__name__} {array.dtype} {array.shape} for sample {index}."
        )
    if array.dtype != np.uint8 and not (array.min() >= 0 and array.max() <= 1):
        low, high = float(array.min()), float(array.max())
        raise ValueError(
            f"render must give floats in [0, 1]; got {low:.4g} to {high:.4g} for sample {index}."
        )
    picture: NDArray[np.uint8] = show(array[None], 0, 1)[0]
    return picture


def _cell(value: Any) -> str:
    """Write a value as people do."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
