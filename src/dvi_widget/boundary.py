"""δ-boundary synthesis on a live subject: mixup and bisection between classes (DeepVisualInsight, §5.1)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .subject import Subject

__all__ = ["Boundary", "on_boundary", "synthesize"]

# Halvings of [0, upper]: the last step is a 4,096th of it, far below the width of any δ-boundary seen.
_HALVINGS = 12
# Search budget: how many pairs are tried for each point that is asked for.
_TRIES = 10
# Mixed inputs held in memory at a time, in bytes.
_BLOCK = 2**26


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
        Predicted classes of the two mixed inputs, the one with the greater weight first.
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
    """Whether points lie on the δ-boundary (DeepVisualInsight, §4.3, Definition 2).

    The logits of each point are rescaled to [0, 1] by their own least and greatest; the point is on the
    boundary if the two greatest then differ by δ at most. With two classes that difference is always 1, so
    the two probabilities (softmax) are compared instead.

    Parameters
    ----------
    logits : float [n, C]
    delta
        δ in [0, 1).

    Returns
    -------
    bool [n]
    """
    z = np.asarray(logits)
    if z.shape[1] == 2:
        return np.asarray(np.abs(np.tanh((z[:, 0] - z[:, 1]) / 2)) <= delta)
    second, first = np.partition(z, -2, axis=1)[:, -2:].T
    return np.asarray(first - second <= delta * (first - z.min(axis=1)))


def synthesize(
    subject: Subject,
    inputs: NDArray[np.generic],
    logits: NDArray[np.floating],
    n: int,
    *,
    alpha: float = 0.8,
    upper: float = 0.4,
    delta: float = 0.1,
    seed: int | tuple[int, ...] = 0,
) -> Boundary:
    """Boundary points of a classifier between its own classes (DeepVisualInsight, §5.1).

    Two inputs of different predicted classes are mixed; the weight λ of the second is searched by bisection
    in ``[0, upper]`` until the mixture lies on the δ-boundary. A pair whose prediction is unchanged at
    ``upper`` fails. Class pairs are drawn by Eq. 5–7: α parts of scarcity (Eq. 6), 1 − α parts of success
    rate (Eq. 7); both are normalised to distributions, so that α weighs like against like for any number of
    classes, and a pair never tried counts as successful. Many pairs are searched at once, and those that are
    done leave the batch.

    Parameters
    ----------
    subject
        The network, alive.
    inputs : uint8 or float [N, ...]
        Samples to mix, as the network takes them.
    logits : float [N, C]
        The network's logits of them.
    n
        How many points are wanted.
    alpha, upper, delta
        α of Eq. 5; upper bound of λ; δ of Definition 2.
    seed
        Equal seeds give equal points.

    Returns
    -------
    Boundary
        Of n points, or of fewer, with a warning, when ten times n pairs were tried: some networks have no
        boundary between their samples within ``upper``.

    Raises
    ------
    ValueError
        If the samples are all predicted as one class, or an argument is out of its range.
    TypeError
        If the inputs are integers other than uint8, which cannot be mixed.
    """
    _check(inputs, logits, n, alpha, upper, delta)
    rng = np.random.default_rng(seed)
    predicted = np.asarray(logits).argmax(axis=1)
    classes, counts = np.unique(predicted, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"logits: every sample is predicted as class {int(classes[0])}; a boundary needs two predicted "
            "classes at least"
        )
    members, starts = predicted.argsort(kind="stable"), counts.cumsum() - counts
    pairs = np.stack(np.triu_indices(len(classes), 1), axis=1)  # [P, 2], places in `classes`
    tried, hit = np.zeros(len(pairs)), np.zeros(len(pairs))
    largest = max(subject.batch_size, _BLOCK // (4 * int(np.prod(inputs.shape[1:]))))

    found: list[Boundary] = []
    while hit.sum() < n and tried.sum() < _TRIES * n:
        rate = hit.sum() / tried.sum() if hit.any() else 0.5
        # A little over half of what is missing: later draws then know the earlier ones, as Eq. 5 wants.
        size = int(np.clip(0.6 * (n - hit.sum()) / rate, 128, largest))
        drawn = rng.choice(len(pairs), size=size, p=_pair_distribution(tried, hit, alpha))
        ends = rng.permuted(pairs[drawn], axis=1)
        parents = members[starts[ends] + (rng.random(ends.shape) * counts[ends]).astype(np.int64)]
        points, success = _search(subject, inputs, predicted, parents, upper, delta)
        found.append(points)
        np.add.at(tried, drawn, 1)
        np.add.at(hit, drawn[success], 1)

    if hit.sum() < n:
        warnings.warn(
            f"{int(hit.sum())} of {n} boundary points found in {int(tried.sum())} tries: few pairs of "
            f"samples change their prediction within a mixing weight of {upper}",
            UserWarning,
            stacklevel=2,
        )
    return Boundary(
        *(
            np.concatenate([getattr(part, name) for part in found])[:n]
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
        raise TypeError(
            f"inputs: {inputs.dtype} values cannot be mixed; boundary synthesis takes uint8 or floats"
        )
    if len(logits) != len(inputs) or np.ndim(logits) != 2:
        raise ValueError(
            f"logits: must be [{len(inputs)}, C] as there are {len(inputs)} inputs, got {np.shape(logits)}"
        )
    if n < 1:
        raise ValueError(f"n: at least one point must be asked for, got {n}")
    for name, value, low, high in (("alpha", alpha, 0, 1), ("upper", upper, 0, 1), ("delta", delta, 0, 1)):
        if not low <= value <= high:
            raise ValueError(f"{name}: must lie in [{low}, {high}], got {value}")


def _pair_distribution(
    tried: NDArray[np.float64], hit: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Eq. 5 over all pairs of predicted classes."""
    missing = np.maximum(0, hit.mean() - hit)  # Eq. 6
    success = np.divide(hit, tried, out=np.ones_like(hit), where=tried > 0)  # Eq. 7
    uniform = np.full(len(hit), 1 / len(hit))
    scarcity, success = (v / v.sum() if v.any() else uniform for v in (missing, success))
    p = alpha * scarcity + (1 - alpha) * success
    # With α = 1 and equal counts, or α = 0 and no success, nothing is left to prefer.
    total: float = p.sum()
    return p / total


def _search(
    subject: Subject,
    inputs: NDArray[np.generic],
    predicted: NDArray[np.int64],
    parents: NDArray[np.int64],
    upper: float,
    delta: float,
) -> tuple[Boundary, NDArray[np.int64]]:
    """Bisect all pairs at once; the points found, and which pairs they are of."""
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
        # At the upper bound itself the prediction must have changed, else there is nothing to bisect.
        active = active[~hit & ~host] if step == 0 else active[~hit]
        if not len(active):
            break
        weight[active] = (low[active] + high[active]) / 2
    index, features, logits = (np.concatenate(parts) for parts in zip(*done, strict=True))
    points = Boundary(features, logits, predicted[parents[index]], parents[index], weight[index])
    return points, index
