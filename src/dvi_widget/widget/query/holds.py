"""Applies a filter to samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .grammar import Condition, Query


@dataclass(frozen=True)
class Samples:
    """The facts about samples, at the epoch shown, that a filter compares.

    Parameters
    ----------
    labels, predictions : int [N]
        Classes; −1: no label.
    confidence : float [N]
        In [0, 1].
    test : bool [N]
        Whether a sample belongs to the test split.
    groups : mapping of str to bool [N]
        Members of each group.
    predictions_at : callable
        Predictions [N] at a recorded epoch.
    """

    labels: ArrayLike
    predictions: ArrayLike
    confidence: ArrayLike
    test: ArrayLike
    groups: Mapping[str, ArrayLike]
    predictions_at: Callable[[int], ArrayLike]


def holds(query: Query, samples: Samples) -> NDArray[np.bool_]:
    """Mark the samples that a filter shows.

    Parameters
    ----------
    query : Query
        The filter; its problems count as conditions that always hold.
    samples : Samples
        Must have the groups and epochs that the conditions name.

    Returns
    -------
    bool [N]
    """
    mask = np.ones(len(np.asarray(samples.labels)), bool)
    for condition in query.conditions:
        mask &= _holds(condition, samples) != condition.negated
    return mask


def _holds(condition: Condition, samples: Samples) -> NDArray[np.bool_]:
    """Mark the samples for which a condition holds, regardless of its sign."""
    labels, predictions = np.asarray(samples.labels), np.asarray(samples.predictions)
    kind, values = condition.kind, condition.values
    mask: Any
    if kind in {"label", "pred"}:
        mask = np.isin(labels if kind == "label" else predictions, values)
    elif kind == "conf":
        confidence, (relation, *levels) = np.asarray(samples.confidence, np.float64), values
        mask = {
            "<": lambda: confidence < levels[0],
            "<=": lambda: confidence <= levels[0],
            ">": lambda: confidence > levels[0],
            ">=": lambda: confidence >= levels[0],
            "in": lambda: (confidence >= levels[0]) & (confidence <= levels[1]),
        }[relation]()
    elif kind == "split":
        mask = np.asarray(samples.test, bool) == (values[0] == "test")
    elif kind == "group":
        mask = np.asarray(samples.groups[values[0]], bool)
    elif kind == "changed":
        before, after = (np.asarray(samples.predictions_at(epoch)) for epoch in values)
        mask = before != after
    elif kind == "index":
        mask = np.zeros(len(labels), bool)
        for first, last in values:
            mask[first : last + 1] = True
    else:
        mask = (labels >= 0) & ((labels == predictions) == (kind == "correct"))
    result: NDArray[np.bool_] = np.asarray(mask, bool)
    return result
