"""Events of a training: classes that fell or were confused more or less, and predictions that changed."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: "changed": samples got another prediction. "fell": a class is recognised less often. "merged", "parted":
#: two classes are taken for each other more often, or less often.
EventKind = Literal["changed", "fell", "merged", "parted"]

MIN_CHANGE = 0.05  # share of the samples of a class, or of both, from which on a change is an event
_MIN_DEVIATIONS = 2.0  # of the number of samples that changed by chance (McNemar 1947)
MAX_PAIRS = 3  # of an epoch that merged, and as many that parted


class Event(NamedTuple):
    """One event between two recorded epochs.

    Attributes
    ----------
    kind : str
    classes : tuple of int
        None for "changed", one for "fell", two for "merged" and "parted".
    change : float
        Of the share of samples: that changed; that are right; that are taken for the other class.
    samples : int
        How many got another prediction: of all; of the class, and are wrong now; of the two classes, and are
        taken for each other now, or whatever they are predicted as, where the two parted.
    """

    kind: EventKind
    classes: tuple[int, ...]
    change: float
    samples: int


def events(
    labels: NDArray[np.integer],
    before: NDArray[np.integer],
    after: NDArray[np.integer],
    pairs: int = MAX_PAIRS,
) -> list[Event]:
    """Compare the predictions of two epochs.

    A change counts if it is of 5 points at least, and of more than two standard deviations of what as many
    samples would do that change to and fro by chance: of random flips one in twenty is an event.

    Parameters
    ----------
    labels : int [N]
        Class of each sample; −1 for none.
    before, after : int [N]
        Predicted classes.
    pairs : int
        How many pairs that merged to list at most, and as many that parted.

    Returns
    -------
    list of Event
        What changed at all, if anything; then classes that fell; then pairs that merged, then those that
        parted; each kind by the size of its change.
    """
    moved = before != after
    found = [Event("changed", (), float(moved.mean()), int(moved.sum()))] if moved.any() else []
    known = labels >= 0
    y, old, new = labels[known], before[known], after[known]
    if len(y) == 0:
        return found
    count = int(max(y.max(), old.max(), new.max())) + 1
    sizes = np.bincount(y, minlength=count)

    gained = np.bincount(y[(old != y) & (new == y)], minlength=count)
    lost = np.bincount(y[(old == y) & (new != y)], minlength=count)
    wrong_now = np.bincount(y[(old != new) & (new != y)], minlength=count)
    fell = np.flatnonzero(_significant(lost, gained, sizes))
    found += _sorted(
        Event("fell", (int(c),), float(gained[c] - lost[c]) / sizes[c], int(wrong_now[c])) for c in fell
    )

    came = _pairs(y, new, (new != y) & (new != old), count)
    left = _pairs(y, old, (old != y) & (new != old), count)
    changed = np.bincount(y[old != new], minlength=count)
    merged, parted = [], []
    for pair in sorted(came.keys() | left.keys()):
        p, q = divmod(pair, count)
        total, inward, outward = int(sizes[p] + sizes[q]), came.get(pair, 0), left.get(pair, 0)
        change = (inward - outward) / total
        if _significant(inward, outward, total):
            merged.append(Event("merged", (p, q), change, inward))
        elif _significant(outward, inward, total):
            parted.append(Event("parted", (p, q), change, int(changed[p] + changed[q])))
    return found + _sorted(merged)[:pairs] + _sorted(parted)[:pairs]


def _pairs(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], rows: NDArray[np.bool_], count: int
) -> dict[int, int]:
    """Count the samples of each pair of label and prediction, in either order, as lower · count + higher."""
    low = np.minimum(labels[rows], predictions[rows]).astype(np.int64)
    high = np.maximum(labels[rows], predictions[rows]).astype(np.int64)
    pairs, counts = np.unique(low * count + high, return_counts=True)
    return dict(zip(pairs.tolist(), counts.tolist(), strict=True))


def _significant(more: Any, fewer: Any, total: Any) -> Any:
    """Whether so many more samples changed one way than the other."""
    difference = more - fewer
    return (
        (difference > 0)
        & (difference >= MIN_CHANGE * total)
        & (difference > _MIN_DEVIATIONS * np.sqrt(more + fewer))
    )


def _sorted(events: Any) -> list[Event]:
    return sorted(events, key=lambda event: -abs(event.change))
