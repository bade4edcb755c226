"""What a layout of few samples needs: room within small classes, and a start in every direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .complex import memberships

_SMALL_CLASS = 3  # times the ties of a sample
_REST = 0.25  # of the smallest classes, in widths of the similarity
_MIN_STD = 1e-4  # of the first component's standard deviation; rounding varies less
_FILLED_STD = 0.1  # of the first component's standard deviation


def loosen(
    predictions: NDArray[np.intp], distances: NDArray[np.float32], m: int
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Weigh ties within small classes by distance, and let them rest at a distance.

    Where the samples of a class are all tied to each other by equal weights, a lasting exaggeration draws
    them to one point, whatever their distances: attraction sums to more than one, repulsion to one. In a
    large class the samples that are not tied push each other apart; a small one has none.

    Parameters
    ----------
    predictions : int [n]
        Predicted class of each sample.
    distances : float32 [n, k]
        Ascending distances from each sample to those it is tied to.
    m : int
        Number of boundary samples.

    Returns
    -------
    emphasis : float64 [n, k] or None
        Factors on the ties, see `weigh`: fuzzy memberships, or 1 in classes of more than 3k samples.
    rests : float64 [n + m] or None
        Rests of samples and boundary samples in widths of the similarity, see `Graph`: .25 for a class of one
        sample, shrinking linearly to 0 for one of 3k. Both are None where no class is small.
    """
    k = distances.shape[1]
    size = np.bincount(predictions)[predictions]
    small = size <= _SMALL_CLASS * k
    if not small.any():
        return None, None
    emphasis = np.ones(distances.shape)
    emphasis[small] = memberships(distances[small])
    emphasis[small] *= k / emphasis[small].sum(axis=1, keepdims=True)
    rests = _REST * np.maximum(1 - (size - 1) / (_SMALL_CLASS * k), 0)
    return emphasis, np.concatenate([rests, np.full(m, _REST)])


def fill_directions(y: NDArray[np.float64]) -> None:
    """Put powers of the first principal component in place of those without variance.

    Otherwise rounding would break the symmetry, and decide how the layout folds.

    Parameters
    ----------
    y : float64 [n, l]
        Principal components, largest first. Changed in place; components of data that all lie at one or two
        places stay without variance.
    """
    width = float(y[:, 0].std())
    if width == 0:
        return
    t = (y[:, 0] - y[:, 0].mean()) / width
    basis = [np.ones(len(y)), t]
    for axis in range(1, y.shape[1]):
        if y[:, axis].std() < _MIN_STD * width:
            lower = np.stack(basis, axis=1)
            power = t ** len(basis)
            power -= lower @ np.linalg.lstsq(lower, power, rcond=None)[0]
            basis.append(power)
            if power.std() > _MIN_STD:
                y[:, axis] = power * (_FILLED_STD * width / power.std())
