"""Arrays from scikit-learn's digits, IDX files, picture folders and archives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Samples = tuple[NDArray[np.uint8], NDArray[np.int64]]


def digits(test_fraction: float = 0.25, seed: int = 0) -> tuple[Samples, Samples, list[str]]:
    """The 1,797 handwritten digits that come with scikit-learn (UCI, 8×8 pixels).

    Parameters
    ----------
    test_fraction
        Part of each class that goes to the test samples.
    seed
        Of the stratified split; equal seeds give equal splits.

    Returns
    -------
    (x, y), (xt, yt), classes
        x : uint8 ``[n, 1, 8, 8]`` (0 to 255), y : int64 ``[n]``, for training and test; classes : names "0"
        to "9".
    """
    data = load_digits()
    x = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, None]
    y = data.target.astype(np.int64)
    train, test = train_test_split(np.arange(len(y)), test_size=test_fraction, stratify=y, random_state=seed)
    train, test = np.sort(train), np.sort(test)
    return (x[train], y[train]), (x[test], y[test]), [str(name) for name in data.target_names]
