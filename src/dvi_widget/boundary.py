"""δ-boundary synthesis on a live subject: mixup and bisection between classes (DeepVisualInsight, §5.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .arrays import check_number, check_whole, warn

__all__ = ["Boundary", "HeadAlone", "margins", "on_boundary", "synthesize"]

# Halvings of [0, upper]: the last step is a 4,096th of it, far below the width of any δ-boundary measured.
_HALVINGS = 12
# Search budget: pairs tried per point wanted.
_TRIES_PER_POINT = 10
# Mixed inputs in memory at a time.
_BLOCK_BYTES = 2**26
_MIN_PAIRS = 128  # searched at once


class Splits(Protocol):
    """A classifier c = g∘f, such as a `Subject`."""

    batch_size: int

    def features_and_logits(
        self, inputs: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute representations f(s) [n, h] and logits [n, C]."""
        ...


class HeadAlone:
    """A head g as a classifier of representations, for boundary points where inputs cannot be mixed.

    Parameters
    ----------
    head : callable
        float32 [n, h] to logits [n, C].
    batch_size : int
        Representations per call.
    """

    def __init__(
        self, head: Callable[[NDArray[np.float32]], NDArray[np.floating]], batch_size: int = 128
    ) -> None:
        self._head = head
        self.batch_size = batch_size

    def features_and_logits(
        self, inputs: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return representations [n, h] as they are, and their logits [n, C]."""
        x = np.asarray(inputs, np.float32)
        return x, np.asarray(self._head(x), np.float32)


@dataclass(frozen=True)
class Boundary:
    """Points on the δ-boundary of a classifier.

    Attributes
    ----------
    features : float32 [b, h]
        Representations of the mixed inputs.
    logits : float32 [b, C]
        Their logits.
    pairs : int64 [b, 2]
        Predicted classes of the two mixed inputs, that of greater weight first.
    parents : int64 [b, 2]
        Indices of the two mixed inputs, in the same order.
    weights : float32 [b]
        λ, the weight of the second: the mixed input is ``(1 - λ)·inputs[first] + λ·inputs[second]``.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32]
    pairs: NDArray[np.int64]
    parents: NDArray[np.int64]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.features)


def on_boundary(logits: NDArray[np.floating], delta: float = 0.1) -> NDArray[np.bool_]:
    """Test whether points lie on the δ-boundary (DeepVisualInsight, §4.3, Definition 2).

    The logits of each point are rescaled to [0, 1] by their minimum and maximum; the point is on the boundary
    if the two largest then differ by at most δ. With two classes that difference is always 1, so the two
    probabilities are compared instead.

    Parameters
    ----------
    logits : float [n, C]
    delta
        δ in [0, 1).

    Returns
    -------
    bool [n]

    Examples
    --------
    >>> on_boundary(np.array([[5.0, 4.9, 0.0], [5.0, 1.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray(margins(logits) <= delta)


def margins(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Measure the margin between the two likeliest classes (DeepVisualInsight, §4.3, Definition 2).

    The logits of each point are rescaled to [0, 1] by their own least and greatest; the margin is the
    difference of the two greatest. With two classes that is always 1, so it is the difference of the two
    probabilities (softmax) instead.

    Parameters
    ----------
    logits : float [n, C]

    Returns
    -------
    float32 [n]
        In [0, 1]; 0 on the boundary between two classes, and where all logits are equal.
    """
    z = np.asarray(logits)
    if z.shape[1] == 2:
        return np.abs(np.tanh((z[:, 0] - z[:, 1]) / 2)).astype(np.float32)
    second, first = np.partition(z, -2, axis=1)[:, -2:].T
    span = first - z.min(axis=1)
    return np.asarray((first - second) / np.where(span > 0, span, 1), np.float32)


def synthesize(
    subject: Splits,
    inputs: NDArray[np.generic],
    logits: NDArray[np.floating],
    n: int,
    *,
    alpha: float = 0.8,
    upper: float = 0.4,
    delta: float = 0.1,
    seed: int | tuple[int, ...] = 0,
) -> Boundary:
    """Synthesise boundary points of a classifier between its own classes (DeepVisualInsight, §5.1).

    Two inputs of different predicted classes are mixed; the weight λ of the second is found by bisection of
    ``[0, upper]``, until the mixture lies on the δ-boundary. A pair whose prediction is unchanged at
    ``upper`` fails. Class pairs are drawn by Eq. 5–7: α parts of scarcity (Eq. 6), 1 − α parts of success
    rate (Eq. 7). Both are normalised to distributions, so that α means the same for any number of classes; an
    untried pair counts as successful. Many pairs are searched at once; those on the boundary leave the batch.

    Parameters
    ----------
    subject : Subject or HeadAlone
        The network, alive; or its head, if representations are mixed instead of inputs.
    inputs : uint8 or float [N, ...]
        Samples to mix, as the network takes them.
    logits : float [N, C]
        The network's logits of them.
    n : int
        Number of points wanted.
    alpha : float
        α of Eq. 5, in [0, 1].
    upper : float
        Upper bound of λ, in [0, 1].
    delta : float
        δ of Definition 2, in [0, 1].
    seed : int or tuple of int
        Equal seeds give equal points.

    Returns
    -------
    Boundary
        n points. Fewer, with a warning, once ten times n pairs were tried: some networks have no boundary
        between their samples within ``upper``.

    Raises
    ------
    ValueError
        If all samples are predicted as one class, or an argument is out of range.
    TypeError
        If inputs are integers other than uint8, which cannot be mixed.

    Warns
    -----
    UserWarning
        If fewer than n points were found.
    """
    _check(inputs, logits, n, alpha, upper, delta)
    rng = np.random.default_rng(seed)
    predicted = np.asarray(logits).argmax(axis=1)
    classes, counts = np.unique(predicted, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"logits must predict at least two classes, which a boundary lies between; got class "
            f"{int(classes[0])} for every sample."
        )
    members, starts = predicted.argsort(kind="stable"), counts.cumsum() - counts
    pairs = np.stack(np.triu_indices(len(classes), 1), axis=1)  # [P, 2], places in `classes`
    tries, hit = np.zeros(len(pairs)), np.zeros(len(pairs))
    largest = max(subject.batch_size, _BLOCK_BYTES // (4 * int(np.prod(inputs.shape[1:]))))

    parts: list[Boundary] = []
    while hit.sum() < n and tries.sum() < _TRIES_PER_POINT * n:
        rate = hit.sum() / tries.sum() if hit.any() else 0.5
        # A little over half of the missing points, so that later draws can follow earlier results (Eq. 5).
        size = int(np.clip(0.6 * (n - hit.sum()) / rate, _MIN_PAIRS, largest))
        drawn = rng.choice(len(pairs), size=size, p=_pair_distribution(tries, hit, alpha))
        ends = rng.permuted(pairs[drawn], axis=1)
        parents = members[starts[ends] + (rng.random(ends.shape) * counts[ends]).astype(np.int64)]
        points, success = _search(subject, inputs, predicted, parents, upper, delta)
        parts.append(points)
        np.add.at(tries, drawn, 1)
        np.add.at(hit, drawn[success], 1)

    if hit.sum() < n:
        warn(
            f"{int(hit.sum())} of {n} boundary points found in {int(tries.sum())} tries: few pairs of "
            f"samples change their prediction within a mixing weight of {upper}"
        )
    return Boundary(
        *(
            np.concatenate([getattr(part, name) for part in parts])[:n]
            for name in ("features", "logits", "pairs", "parents", "weights")
        )
    )


def _check(
    inputs: NDArray[np.generic],
    logits: NDArray[np.floating],
    n: int,
    alpha: float,
    upper: float,
    delta: float,
) -> None:
    if inputs.dtype != np.uint8 and not np.issubdtype(inputs.dtype, np.floating):
        raise TypeError(f"inputs must be uint8 or floating to be mixed; got dtype {inputs.dtype}.")
    if len(logits) != len(inputs) or np.ndim(logits) != 2:
        raise ValueError(
            f"logits must be [{len(inputs)}, C], one row per input; got shape {np.shape(logits)}."
        )
    check_whole("n", n, 1)
    for name, value in (("alpha", alpha), ("upper", upper), ("delta", delta)):
        check_number(name, value, 0, 1)


def _pair_distribution(
    tries: NDArray[np.float64], hit: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Return the distribution of Eq. 5 over all pairs of predicted classes."""
    missing = np.maximum(0, hit.mean() - hit)  # Eq. 6
    success = np.divide(hit, tries, out=np.ones_like(hit), where=tries > 0)  # Eq. 7
    # Equal counts leave nothing scarce, and a start without success leaves no rate: all pairs are then alike.
    uniform = np.full(len(hit), 1 / len(hit))
    scarcity, success = (v / v.sum() if v.any() else uniform for v in (missing, success))
    p = alpha * scarcity + (1 - alpha) * success
    total: float = p.sum()
    return p / total


def _search(
    subject: Splits,
    inputs: NDArray[np.generic],
    predicted: NDArray[np.int64],
    parents: NDArray[np.int64],
    upper: float,
    delta: float,
) -> tuple[Boundary, NDArray[np.int64]]:
    """Bisect all pairs at once, and return the boundary points with the number of each one's pair."""
    low = np.zeros(len(parents), np.float32)
    high = np.full(len(parents), upper, np.float32)
    weight = high.copy()
    active = np.arange(len(parents))
    done: list[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]] = []
    for step in range(_HALVINGS + 1):
        first, second = parents[active].T
        w = weight[active].reshape(-1, *(1,) * (inputs.ndim - 1))
        mixed = (1 - w) * inputs[first].astype(np.float32) + w * inputs[second].astype(np.float32)
        features, logits = subject.features_and_logits(mixed)
        hit = on_boundary(logits, delta)
        done.append((active[hit], features[hit], logits[hit]))
        host = logits.argmax(axis=1) == predicted[first]
        low[active[host]] = weight[active[host]]
        high[active[~host]] = weight[active[~host]]
        # Only pairs whose prediction has changed at the upper bound can be bisected.
        active = active[~hit & ~host] if step == 0 else active[~hit]
        if not len(active):
            break
        weight[active] = (low[active] + high[active]) / 2
    index, features, logits = (np.concatenate(parts) for parts in zip(*done, strict=True))
    points = Boundary(features, logits, predicted[parents[index]], parents[index], weight[index])
    return points, index
