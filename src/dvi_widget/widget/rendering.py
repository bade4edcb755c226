"""What people see of samples that are no pictures: what a callable gives, or columns of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.runs.pictures import like_pictures, show

Render = Callable[[int], Any]
Describe = Callable[[int], str]

_LONGEST = 2000  # characters of a description


class Pictures(Protocol):
    """Pictures of all samples, of which only those asked for are made or read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N, C, H, W."""
        ...

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]: ...


class RenderedPictures:
    """Pictures that a callable makes when they are looked at.

    Parameters
    ----------
    render : callable
        Index of a sample to its picture, uint8 or floats in [0, 1], [C, H, W] or [H, W]; all of one size.
    first : array
        What it gave for sample 0.
    n : int
        Number of samples.
    """

    def __init__(self, render: Render, first: NDArray[Any], n: int) -> None:
        self._render = render
        self.shape = (n, *_picture(first, 0).shape)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """The pictures of some samples [m, C, H, W]."""
        indices = np.arange(self.shape[0])[rows]
        pictures = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for place, index in enumerate(indices.tolist()):
            picture = _picture(self._render(index), index)
            if picture.shape != self.shape[1:]:
                raise ValueError(
                    f"render gave a picture of shape {picture.shape} for sample {index}, and "
                    f"{self.shape[1:]} for sample 0; all must be of one size"
                )
            pictures[place] = picture
        return pictures


def rendered(render: Render, n: int) -> tuple[RenderedPictures | None, Describe | None]:
    """Find out what a callable makes of samples: pictures or words.

    Parameters
    ----------
    render : callable
        Index of a sample to its picture or to a text. It is asked about sample 0 now.
    n : int
        Number of samples.

    Returns
    -------
    pictures : RenderedPictures or None
    describe : callable or None
        One of the two is None.

    Raises
    ------
    TypeError
        If it is no callable, or gives something else. What it raises itself is passed on.
    ValueError
        If its picture has another shape or other values than a picture.
    """
    if not callable(render):
        raise TypeError(f"render must take a sample's index and give a text or a picture; found {render!r}")
    first = render(0)
    if isinstance(first, str):
        return None, lambda index: _text(render(index), index)
    return RenderedPictures(render, np.asarray(first), n), None


def columns(samples: pd.DataFrame) -> Describe | None:
    """Descriptions from those columns of the table that are neither split, label nor a group (bool).

    Parameters
    ----------
    samples : DataFrame
        One row per sample.

    Returns
    -------
    callable or None
        Index of a sample to a line "name: value" per column; None where there is no such column.
    """
    named = [
        name for name in samples.columns if name not in ("split", "label") and not is_group(samples, name)
    ]
    if not named:
        return None
    return lambda index: "\n".join(f"{name}: {_cell(samples[name].iloc[index])}" for name in named)


def is_group(samples: pd.DataFrame, name: Any) -> bool:
    """Whether a column of the table says who is a member."""
    return bool(pd.api.types.is_bool_dtype(samples[name]))


def describe(words: Describe, indices: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """What people read of some samples; what is longer than a page is cut."""
    texts = [words(int(index)) for index in indices]
    return [text if len(text) <= _LONGEST else text[: _LONGEST - 2] + " …" for text in texts]


def _text(value: Any, index: int) -> str:
    if not isinstance(value, str):
        raise TypeError(f"render gave a text for sample 0 and a {type(value).__name__} for sample {index}")
    return value


def _picture(value: Any, index: int) -> NDArray[np.uint8]:
    """A picture [C, H, W]."""
    given = np.asarray(value)
    batch = given[None]
    if given.ndim not in (2, 3) or not like_pictures(batch):
        raise TypeError(
            f"render must give texts, or pictures [C, H, W] or [H, W] of uint8 or floats; for sample {index} "
            f"it gave {type(value).__name__} {given.dtype} {given.shape}"
        )
    if given.dtype != np.uint8 and not (given.min() >= 0 and given.max() <= 1):
        raise ValueError(f"render: a picture of floats must lie in [0, 1]; that of sample {index} does not")
    picture: NDArray[np.uint8] = show(batch, 0, 1)[0]
    return picture


def _cell(value: Any) -> str:
    """A value as people write it."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
