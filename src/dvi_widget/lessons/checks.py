"""Checks of exercises: each accepts every right answer, and says of a wrong one what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# Pictures [n, C, H, W] to logits [n, classes].
Ask = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_TOLERANCE = 1e-4  # of shares and margins: rounding of another way to compute them


class NotYetError(AssertionError):
    """An answer is missing or wrong; the message says how."""


def guessed(guess: Any, choices: Sequence[Any]) -> None:
    """Check that a guess was made. Whether it was right, the lesson shows."""
    _filled(guess, "guess")
    if guess not in choices:
        raise NotYetError(f"Guess one of {', '.join(map(repr, choices))}; got {guess!r}.")
    print(f"Your guess: {guess!r}. Now look.")  # noqa: T201 - a notebook talks to its reader


def confused_pair(answer: Any, labels: ArrayLike, predictions: ArrayLike) -> None:
    """Check the pair of classes that are taken for each other most often; ties and either order are right."""
    pair = _array(answer, "pair of classes")
    y, c = np.asarray(labels), np.asarray(predictions)
    if pair.shape != (2,) or pair[0] == pair[1]:
        raise NotYetError(f"A pair is two different classes, such as (3, 8); got {answer!r}.")

    def count(a: int, b: int) -> int:
        return int(((y == a) & (c == b)).sum() + ((y == b) & (c == a)).sum())

    most = max(count(a, b) for a, b in combinations(np.unique(np.concatenate([y, c])).tolist(), 2))
    own = count(int(pair[0]), int(pair[1]))
    if own < most:
        one_way = max(int(((y == a) & (c == b)).sum()) for a in np.unique(y) for b in np.unique(c) if a != b)
        hint = " Count both directions." if max(_ways(y, c, pair)) == one_way else ""
        raise NotYetError(f"{own} samples are confused in that pair; in another one there are {most}.{hint}")
    _right(f"{own} samples are taken for the other class of the pair.")


def _ways(y: NDArray[Any], c: NDArray[Any], pair: NDArray[Any]) -> tuple[int, int]:
    a, b = pair
    return int(((y == a) & (c == b)).sum()), int(((y == b) & (c == a)).sum())


def samples(answer: Any, wanted: ArrayLike, what: str) -> None:
    """Check a set of samples, given as indices in any order or as a mask, against a mask [n]."""
    mask = np.asarray(wanted, bool)
    array = _array(answer, "set of samples")
    if array.dtype == bool:
        if array.shape != mask.shape:
            raise NotYetError(f"A mask must have {len(mask)} entries, one per sample; got {array.shape}.")
        array = np.flatnonzero(array)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise NotYetError(f"Give indices of samples or a mask; got {array.dtype} of shape {array.shape}.")
    given, right = set(array.tolist()), set(np.flatnonzero(mask).tolist())
    if given != right:
        extra, missing = sorted(given - right), sorted(right - given)
        said = [f"{len(extra)} too many, such as {extra[0]}"] if extra else []
        said += [f"{len(missing)} missing, such as {missing[0]}"] if missing else []
        raise NotYetError(f"{what}: {' and '.join(said)}.")
    _right(f"{len(right)} samples.")


def purity(answer: Any, positions: ArrayLike, labels: ArrayLike, k: int) -> None:
    """Check the mean share of the k nearest neighbours on a map that carry the sample's own label."""
    value = _number(answer, "share")
    y, marks = np.asarray(positions, np.float64), np.asarray(labels)
    far = ((y[:, None] - y[None]) ** 2).sum(-1)
    own = float((marks[np.argsort(far, axis=1, kind="stable")[:, :k]] == marks[:, None]).mean())
    np.fill_diagonal(far, np.inf)
    right = float((marks[np.argsort(far, axis=1, kind="stable")[:, :k]] == marks[:, None]).mean())
    # Samples at equal distance may be taken in either order.
    if abs(value - right) > 1 / len(marks):
        if abs(value - own) <= 1 / len(marks):
            raise NotYetError("A sample is no neighbour of itself: leave it out of its own k nearest.")
        if abs(value - 100 * right) <= 100 / len(marks):
            raise NotYetError("Give a share in [0, 1], not percent.")
        raise NotYetError(
            f"The share is not {value:.3f}. Is it the mean over all samples, of {k} neighbours each?"
        )
    _right(f"{right:.1%} of the neighbours.")


def beats_placebo(answer: Any, measures: pd.DataFrame) -> None:
    """Check the name of a measure whose value is better than its placebo's by a tenth or more."""
    _filled(answer, "name of a measure")
    rows = measures[measures["measure"] == answer]
    if not len(rows):
        raise NotYetError(f"No measure is called {answer!r}. Choose from {sorted(set(measures['measure']))}.")
    row = rows.dropna(subset=["value", "placebo"])
    if not len(row):
        raise NotYetError(f"{answer!r} has no placebo here. Choose another one.")
    value, placebo = float(row["value"].iloc[0]), float(row["placebo"].iloc[0])
    if abs(value - placebo) < 0.1:
        raise NotYetError(
            f"{answer!r} is {value:.2f} here and {placebo:.2f} without information: it says next to nothing."
        )
    _right(f"{value:.2f}, where a map without information gets {placebo:.2f}.")


def series(answer: Any, wanted: ArrayLike, what: str) -> None:
    """Check one number for each epoch, or for each sample."""
    right = np.asarray(wanted, np.float64)
    array = _array(answer, what)
    if array.shape != right.shape:
        raise NotYetError(f"{what} must have shape {right.shape}; got {array.shape}.")
    if array.dtype.kind not in "fiub":
        raise NotYetError(f"{what} must hold numbers; got {array.dtype}.")
    off = np.abs(array.astype(np.float64) - right)
    scale = max(1.0, float(np.abs(right).max()))
    if not off.max() <= _TOLERANCE * scale:
        if np.allclose(array, -right, atol=_TOLERANCE * scale):
            raise NotYetError(f"{what} has the wrong sign.")
        at = int(np.argmax(off))
        raise NotYetError(
            f"{what} differs most at place {at}: {array[at]:.4g}, but it should be {right[at]:.4g}."
        )
    _right(f"{what}, {len(right)} numbers.")


def precision_and_recall(answer: Any, ranking: ArrayLike, wanted: ArrayLike, length: int) -> None:
    """Check precision and recall of the first samples of a ranking, in this order."""
    pair = _array(answer, "pair of precision and recall")
    mask = np.asarray(wanted, bool)
    hits = int(mask[np.asarray(ranking)[:length]].sum())
    right = np.array([hits / length, hits / mask.sum()])
    if pair.shape != (2,):
        raise NotYetError(f"Give two numbers, precision and recall; got {answer!r}.")
    if not np.allclose(pair, right, atol=_TOLERANCE):
        if np.allclose(pair[::-1], right, atol=_TOLERANCE):
            raise NotYetError("These are recall and precision: the other way round.")
        which = "precision" if abs(pair[0] - right[0]) > _TOLERANCE else "recall"
        raise NotYetError(
            f"The {which} is wrong. {hits} of the first {length} are wanted; {mask.sum()} are in all."
        )
    _right(f"precision {right[0]:.2f}, recall {right[1]:.2f}.")


def number(answer: Any, wanted: float, what: str) -> None:
    """Check one number."""
    value = _number(answer, what)
    if abs(value - wanted) > _TOLERANCE * max(1.0, abs(wanted)):
        if abs(value + wanted) <= _TOLERANCE * max(1.0, abs(wanted)):
            raise NotYetError(f"{what} has the wrong sign.")
        raise NotYetError(f"{what} is not {value:.4g}. Which pictures did you compare?")
    _right(f"{what} is {wanted:.3g}.")


def place(answer: Any, heat_map: ArrayLike) -> None:
    """Check the row and column where a map is largest; any of equal places is right."""
    values = np.asarray(heat_map)
    pair = _array(answer, "place, row and column")
    if pair.shape != (2,) or pair.dtype.kind not in "iu":
        raise NotYetError(f"A place is a row and a column, such as (2, 5); got {answer!r}.")
    inside = (pair >= 0).all() and (pair < values.shape).all()
    if not inside or values[tuple(pair)] < values.max():
        turned = (
            (pair[::-1] < values.shape).all()
            and (pair >= 0).all()
            and values[tuple(pair[::-1])] == values.max()
        )
        raise NotYetError("Rows come first." if turned else "There is a place with a larger value.")
    _right(f"row {pair[0]}, column {pair[1]}.")


def occluded(
    ask: Ask, picture: NDArray[np.float32], target: int, patch: int, fill: float = 0.0
) -> NDArray[np.float64]:
    """Compute how much the target's logit falls when a patch is filled, by the patch's row and column."""
    channels, height, width = picture.shape
    covered = np.repeat(picture[None], (height - patch + 1) * (width - patch + 1), axis=0)
    for number_, (row, column) in enumerate(np.ndindex(height - patch + 1, width - patch + 1)):
        covered[number_, :channels, row : row + patch, column : column + patch] = fill
    before, after = ask(picture[None])[0, target], ask(covered)[:, target]
    fall: NDArray[np.float64] = (before - after).astype(np.float64)
    return fall.reshape(height - patch + 1, width - patch + 1)


def removed(ask: Ask, picture: NDArray[np.float32], target: int, pixels: ArrayLike) -> float:
    """Compute how much the target's logit falls when some pixels (flat indices) turn black."""
    without = picture.copy()
    without.reshape(-1)[np.asarray(pixels)] = 0
    return float(ask(picture[None])[0, target] - ask(without[None])[0, target])


def heat(answer: Any, wanted: ArrayLike, what: str) -> None:
    """Check a map [h, w]; a transposed, negated or shifted one is named."""
    right = np.asarray(wanted, np.float64)
    array = _array(answer, what)
    if array.shape != right.shape:
        raise NotYetError(f"{what} must be a map {right.shape}; got {array.shape}.")
    close = _TOLERANCE * max(1.0, float(np.abs(right).max()))
    if not np.allclose(array, right, atol=close):
        if np.allclose(array, -right, atol=close):
            raise NotYetError(f"{what} has the wrong sign: what lowers the logit speaks for the class.")
        if array.shape[0] == array.shape[1] and np.allclose(array.T, right, atol=close):
            raise NotYetError(f"{what} is transposed: rows come first.")
        row, column = np.unravel_index(int(np.argmax(np.abs(array - right))), right.shape)
        raise NotYetError(
            f"{what} differs most in row {row}, column {column}: {array[row, column]:.3g}, but it should "
            f"be {right[row, column]:.3g}."
        )
    _right(f"{what}.")


def _filled(answer: Any, what: str) -> None:
    if answer is ... or answer is None:
        raise NotYetError(f"This is still blank. Put your {what} in place of the dots.")


def _array(answer: Any, what: str) -> NDArray[Any]:
    _filled(answer, what)
    try:
        array = np.asarray(answer.detach() if hasattr(answer, "detach") else answer)
    except (TypeError, ValueError) as error:
        raise NotYetError(f"{what} must be an array or a list of numbers; got {answer!r}.") from error
    if array.dtype == object:
        raise NotYetError(f"{what} must hold numbers alone; got {answer!r}.")
    return array


def _number(answer: Any, what: str) -> float:
    array = _array(answer, what)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise NotYetError(f"{what} must be one number; got {answer!r}.")
    return float(array.reshape(()))


def _right(finding: str) -> None:
    print(f"Right: {finding}")  # noqa: T201 - a notebook talks to its reader
