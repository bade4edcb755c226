"""Samples that deserve a look: training dynamics of recorded logits, and the lists they rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .arrays import as_array, check_finite

if TYPE_CHECKING:
    from .runs import Run

#: Each list of suggestions by name, with its definition in one sentence.
DEFINITIONS: dict[str, str] = {
    "likely mislabelled": (
        "On average over the epochs another class had a higher logit than the label "
        "(area under the margin below zero, Pleiss et al. 2020); the lowest first."
    ),
    "forgotten": (
        "Predicted as labelled at one recorded epoch and otherwise at the next, at least once "
        "(forgetting events, Toneva et al. 2019); most often forgotten first, then least often right."
    ),
    "on the boundary": (
        "At the last epoch the two highest logits differ by a tenth of the range of the sample's logits at "
        "most (δ-boundary, DeepVisualInsight, Definition 2); the closest first."
    ),
    "late learners": (
        "Predicted as labelled at the last epoch, but for the first time after half of the samples ever "
        "learned (first learning, Toneva et al. 2019); the latest first, then least often right."
    ),
}

#: The measure that ranks each list; further measures break ties.
MEASURES: dict[str, str] = {
    "likely mislabelled": "aum",
    "forgotten": "forgetting_events",
    "on the boundary": "boundary_gap",
    "late learners": "first_learned",
}

DELTA = 0.1  # of the δ-boundary, as it is recorded and painted
_BLOCK_LOGITS = 1 << 22  # measured together


class TrainingDynamics:
    """Measures of each sample over the epochs of a training, updated epoch by epoch.

    Memory does not grow with the number of epochs or classes: a few numbers per sample are kept.

    Parameters
    ----------
    labels : array of int [N]
        Class of each sample; −1 for none.

    Raises
    ------
    ValueError
        If labels are not one-dimensional whole numbers from −1.

    Examples
    --------
    >>> dynamics = TrainingDynamics([0, 1])
    >>> dynamics.add(1, [[2.0, 1.0], [2.0, 1.0]])
    >>> dynamics.add(2, [[3.0, 1.0], [0.0, 1.0]])
    >>> dynamics.table()["aum"].tolist()
    [1.5, 0.0]
    """

    def __init__(self, labels: ArrayLike) -> None:
        y = as_array("labels", labels)
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be whole numbers [N], one class each; got shape {y.shape}, dtype {y.dtype}."
            )
        if y.min(initial=0) < -1:
            raise ValueError(f"labels must be classes from 0, −1 for none; got {y.min()}.")
        n = len(y)
        self.epochs: list[int] = []
        self._labels = y.astype(np.int64)
        self._classes = 0
        self._margin = np.zeros(n)  # sum over the epochs
        self._confidence = np.zeros(n)  # mean so far
        self._spread = np.zeros(n)  # sum of squared distances from the mean (Welford)
        self._right = np.zeros(n, np.int64)  # epochs
        self._forgotten = np.zeros(n, np.int64)  # events
        self._first = np.full(n, -1, np.int64)  # position of the first epoch that was right
        self._last = np.zeros(n, bool)  # whether the newest epoch was right
        self._gap = np.zeros(n)  # at the newest epoch

    def add(self, epoch: int, logits: ArrayLike) -> None:
        """Update the measures with the next epoch.

        Parameters
        ----------
        epoch : int
            Recorded number, higher than that of the epoch before.
        logits : array [N, C]
            Outputs for all samples, before softmax, finite.

        Raises
        ------
        ValueError
            If epochs do not ascend, or the logits do not fit the labels or earlier epochs, or are not finite.
            The measures stay as they were then.
        """
        name = f"logits of epoch {epoch}"
        z = as_array(name, logits)
        n = len(self._labels)
        if self.epochs and epoch <= self.epochs[-1]:
            raise ValueError(
                f"epoch must be higher than the one before; got {epoch} after {self.epochs[-1]}."
            )
        if z.ndim != 2 or len(z) != n or z.shape[1] < 2 or z.dtype.kind not in "fiu":
            raise ValueError(
                f"{name} must be numbers [{n}, C] with at least two classes; got shape {z.shape}, dtype "
                f"{z.dtype}."
            )
        if z.shape[1] != (self._classes or z.shape[1]):
            raise ValueError(f"{name} must have {self._classes} classes as before; got {z.shape[1]}.")
        if self._labels.max(initial=-1) >= z.shape[1]:
            raise ValueError(
                f"labels must be below {z.shape[1]}, the number of classes; got {self._labels.max()}."
            )
        check_finite(name, z)
        step = max(1, _BLOCK_LOGITS // z.shape[1])
        for start in range(0, n, step):
            rows = slice(start, start + step)
            self._add(rows, z[rows].astype(np.float64))
        self._classes = z.shape[1]
        self.epochs.append(int(epoch))

    def _add(self, rows: slice, z: NDArray[np.float64]) -> None:
        """Update the measures of some samples with their logits [b, C], which are overwritten."""
        labels, each = self._labels[rows], np.arange(len(z))
        own = np.maximum(labels, 0)
        right = z.argmax(axis=1) == labels
        second, top = np.partition(z, -2, axis=1)[:, -2:].T
        if z.shape[1] == 2:  # rescaled, two logits always differ by 1
            self._gap[rows] = np.tanh((top - second) / 2)
        else:
            self._gap[rows] = (top - second) / np.maximum(top - z.min(axis=1), np.finfo(float).tiny)
        of_label = z[each, own]
        confidence = np.exp(of_label - top) / np.exp(z - top[:, None]).sum(axis=1)
        z[each, own] = -np.inf
        self._margin[rows] += of_label - z.max(axis=1)
        count = len(self.epochs) + 1
        off = confidence - self._confidence[rows]
        self._confidence[rows] += off / count
        self._spread[rows] += off * (confidence - self._confidence[rows])
        self._right[rows] += right
        self._forgotten[rows] += self._last[rows] & ~right
        self._first[rows] = np.where(right & (self._first[rows] < 0), count - 1, self._first[rows])
        self._last[rows] = right

    def table(self) -> pd.DataFrame:
        """Tabulate the measures over all epochs so far.

        Returns
        -------
        DataFrame
            One row per sample, index 0..N−1; <NA> where there is no label. "Right" means that the highest
            logit is the label's. Columns:

            - label: as given.
            - aum: area under the margin, the mean over the epochs of the label's logit minus the highest
              other one (Pleiss et al. 2020, "Identifying Mislabeled Data using the Area Under the Margin
              Ranking", definition of the AUM).
            - confidence, variability, correctness: mean and standard deviation over the epochs of the label's
              probability, and the share of epochs that were right, all in [0, 1] (Swayamdipta et al. 2020,
              "Dataset Cartography", the three training dynamics).
            - forgetting_events: how many times a right epoch was followed by one that was not (Toneva et al.
              2019, "An Empirical Study of Example Forgetting", definition of a forgetting event). Events
              between two recorded epochs go uncounted. A sample that was never learned has 0, too: see
              first_learned.
            - first_learned: recorded number of the first epoch that was right; <NA> if none was.
            - right_at_last: whether the last epoch was right.
            - boundary_gap: at the last epoch, the difference of the two highest logits after the sample's
              logits were rescaled to [0, 1] (DeepVisualInsight, Definition 2); of two classes, the difference
              of the probabilities. Needs no label.

        Raises
        ------
        ValueError
            If fewer than two epochs were added.
        """
        if len(self.epochs) < 2:
            raise ValueError(
                f"Training dynamics need at least two epochs; there {_are(len(self.epochs))}. Capture more "
                "epochs of the training."
            )
        count, unknown = len(self.epochs), self._labels < 0
        never = unknown | (self._first < 0)
        first = pd.Series(np.asarray(self.epochs)[self._first], dtype="Int64").mask(never)
        measured = pd.DataFrame(
            {
                "aum": self._margin / count,
                "confidence": self._confidence,
                "variability": np.sqrt(self._spread / count),
                "correctness": self._right / count,
            }
        )
        measured[unknown] = np.nan
        return pd.DataFrame(
            {
                "label": self._labels,
                **measured,
                "forgetting_events": pd.Series(self._forgotten, dtype="Int64").mask(unknown),
                "first_learned": first,
                "right_at_last": pd.Series(self._last, dtype="boolean").mask(unknown),
                "boundary_gap": self._gap,
            }
        )


def training_dynamics(
    logits: Iterable[ArrayLike], labels: ArrayLike, epochs: Sequence[int] | None = None
) -> pd.DataFrame:
    """Measure each sample over the epochs of a training.

    Parameters
    ----------
    logits : array [T, N, C], or iterable of arrays [N, C]
        Outputs before softmax, epoch by epoch. An iterable is read one epoch at a time.
    labels : array of int [N]
        Class of each sample; −1 for none.
    epochs : sequence of int, optional
        Recorded numbers, ascending. By default 0, 1, 2, …

    Returns
    -------
    DataFrame
        As `TrainingDynamics.table`.

    Raises
    ------
    ValueError
        As `TrainingDynamics`, or if the numbers of epochs and of logits differ.
    """
    dynamics = TrainingDynamics(labels)
    count = 0
    for count, z in enumerate(logits, start=1):
        if epochs is not None and count > len(epochs):
            raise ValueError(
                f"epochs must hold a number for each epoch of logits; got {len(epochs)}, too few."
            )
        dynamics.add(count - 1 if epochs is None else epochs[count - 1], z)
    if epochs is not None and count != len(epochs):
        raise ValueError(
            f"epochs must hold a number for each of the {count} epochs of logits; got {len(epochs)}."
        )
    return dynamics.table()


def of_run(run: Run, split: Literal["train", "test", "all"] = "train") -> pd.DataFrame:
    """Measure each recorded sample over all epochs of a run.

    Parameters
    ----------
    run : Run
        A run of at least two epochs.
    split : str
        "train", "test" or "all". The sources define the measures for training samples; for test samples they
        say how the network's view of these developed.

    Returns
    -------
    DataFrame
        As `TrainingDynamics.table`, indexed as `run.samples`.

    Raises
    ------
    ValueError
        If the run has fewer than two epochs, or there is no such split.
    RunError
        If the run is damaged.
    """
    samples = run.samples
    if split not in {"train", "test", "all"}:
        raise ValueError(f'split must be "train", "test" or "all"; got {split!r}.')
    chosen = samples if split == "all" else samples[samples["split"] == split]
    table = training_dynamics(
        (run.logits(epoch, split) for epoch in run.epochs), chosen["label"].to_numpy(), run.epochs
    )
    return table.set_index(chosen.index)


def check_name(name: str) -> None:
    """Refuse the name of a list that does not exist.

    Parameters
    ----------
    name : str
        As `ranked` takes it.

    Raises
    ------
    ValueError
        If there is no such list.
    """
    if name not in DEFINITIONS:
        known = ", ".join(f'"{known}"' for known in DEFINITIONS)
        raise ValueError(f"name must be one of {known}; got {name!r}.")


def ranked(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rank the samples of one list, those that deserve a look most first.

    Parameters
    ----------
    table : DataFrame
        As returned by `TrainingDynamics.table`; it may have further columns.
    name : str
        "likely mislabelled", "forgotten", "on the boundary" or "late learners", as defined in `DEFINITIONS`.

    Returns
    -------
    DataFrame
        The rows of the table that are on the list, in order. Samples without a label are on no list but "on
        the boundary". Ties are in the order of the index.

    Raises
    ------
    ValueError
        If there is no such list.
    """
    check_name(name)
    measure = table[MEASURES[name]]
    order, ascending = [MEASURES[name]], [True]
    if name == "likely mislabelled":
        listed = measure < 0
    elif name == "on the boundary":
        listed = measure <= DELTA
    else:
        order, ascending = [MEASURES[name], "correctness"], [False, True]
        listed = measure > 0
        if name == "late learners":
            half = measure.dropna().astype(float).quantile(0.5, interpolation="lower")
            listed = (measure > half) & table["right_at_last"]
    return table[listed.fillna(False).astype(bool)].sort_values(order, ascending=ascending, kind="stable")


def _are(n: int) -> str:
    return "is 1" if n == 1 else f"are {n}"
