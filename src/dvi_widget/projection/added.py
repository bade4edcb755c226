"""Samples added to a fitted run: what the network makes of them at each epoch, and where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array
from dvi_widget.pictures import Lines, as_pictures
from dvi_widget.runs import Run

GROUP = "added"  # their column of the table
_COMPARED_SAMPLES = 500  # from which the scale between inputs and pictures is estimated

Answers = tuple[NDArray[np.float32], NDArray[np.float32]]


class Added:
    """Samples beside those of a run.

    Parameters
    ----------
    run : Run
        Opened with the network, which is asked at each epoch.
    inputs : array [m, ...]
        As the network takes them.
    y : int array [m], optional
        Labels, −1 for none.
    images : array [m, C, H, W], optional
        Their pictures. By default they are made from the inputs as those of the run are.

    Raises
    ------
    ValueError, TypeError
        If arrays do not fit the run's samples.
    RunError
        If the run does not know its network.
    """

    def __init__(self, run: Run, inputs: Any, y: ArrayLike | None, images: ArrayLike | None) -> None:
        self.inputs = as_array("inputs", inputs)
        if self.inputs.ndim < 2 or not len(self.inputs):
            raise ValueError(
                f"inputs must be [m, ...] with at least one sample; got shape {self.inputs.shape}."
            )
        size = len(self.inputs)
        labels = np.full(size, -1) if y is None else as_array("y", y)
        if labels.shape != (size,) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"y must be one class index for each of the {size} samples, −1 for none; got {labels.dtype} "
                f"{labels.shape}."
            )
        if not -1 <= labels.min() <= labels.max() < len(run.classes):
            wrong = labels.min() if labels.min() < -1 else labels.max()
            raise ValueError(f"y must lie in 0..{len(run.classes) - 1}, or be −1 for none; got {wrong}.")
        self.labels = labels.astype(np.int64)
        self.pictures = _pictures(run, self.inputs, images)
        self._run = run
        self._answers: dict[int, Answers] = {}

    def __len__(self) -> int:
        return len(self.inputs)

    def joined(self, other: Added) -> Added:
        """Return these samples, then those of another."""
        both = object.__new__(Added)
        both.inputs = np.concatenate([self.inputs, other.inputs])
        both.labels = np.concatenate([self.labels, other.labels])
        shown = self.pictures is not None and other.pictures is not None
        both.pictures = np.concatenate([self.pictures, other.pictures]) if shown else None
        both._run, both._answers = self._run, {}
        return both

    def answers(self, epoch: int) -> Answers:
        """Return representations [m, h] and logits [m, C] at an epoch; the network is asked once."""
        if epoch not in self._answers:
            self._answers[epoch] = self._run.subject(epoch).features_and_logits(self.inputs)
        return self._answers[epoch]

    def shown(self, images: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        """Append their pictures to those of a run, if it has some."""
        return None if images is None or self.pictures is None else np.concatenate([images, self.pictures])

    def table(self, samples: pd.DataFrame) -> pd.DataFrame:
        """Append them to a table of samples, as test samples of the group "added"."""
        rows = pd.DataFrame({"split": "test", "label": self.labels})
        for name, column in samples.items():
            if column.dtype == bool:
                rows[name] = False
        table = pd.concat([samples, rows], ignore_index=True)
        table[GROUP] = np.arange(len(table)) >= len(samples)
        return table


def _pictures(run: Run, inputs: NDArray[Any], images: ArrayLike | None) -> NDArray[np.uint8] | None:
    """Return pictures of the size of the run's, or None where it has none."""
    if run.images is None:
        return None
    size = run.images.shape[1:]
    if images is None:
        rows = np.arange(0, len(run.images), max(1, len(run.images) // _COMPARED_SAMPLES))
        own = run.inputs("all")[rows] if run.has_inputs and not run.left_inputs else None
        alike = own is not None and inputs.shape[1:] in (size, size[1:]) and own.shape[1:] == inputs.shape[1:]
        if not alike:
            raise ValueError(
                "images must be given: the run's pictures are not of the size of its inputs. Pass images=[m, "
                f"{', '.join(map(str, size))}]."
            )
        assert own is not None
        return Lines.between(own.reshape(len(own), *size), run.images[rows]).pictures(
            inputs.reshape(len(inputs), *size)
        )
    pictures = as_pictures(images)
    if pictures.shape != (len(inputs), *size):
        raise ValueError(f"images must be {(len(inputs), *size)}, as the run's; got {pictures.shape}.")
    return pictures
