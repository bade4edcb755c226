"""Calibrated crossing: edges between predictions are weighed so that the map is as mixed as its data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dvi_widget import threads

# A sample's purity is the share of its neighbours that have its prediction. Strata part the samples by it:
# up to two thirds, up to .9, above.
_STRATA = (2 / 3, 0.9)
MEASURED_SAMPLES = 1_000  # whose purity on the map is compared
_MIN_STRATUM = 5  # samples; the purity of fewer is noise
_GAIN = 0.3  # of a factor's logarithm per unit of log-odds
_MAX_GAP = 1.5  # in log-odds
_FACTOR_BOUNDS = (0.02, 2.0)
_ITERATIONS_PER_ROUND = 5
_MIN_SHARE = 0.002  # shares stay this far from 0 and 1, where log-odds are infinite


class Crossing:
    """One factor per stratum on edges between samples of different prediction.

    A layout that weakens such edges by a fixed factor parts the classes whatever the representation says.
    Here each stratum's factor grows while its samples' neighbourhoods on the map are purer than in the
    representation, and shrinks while they are more mixed: the log-odds of the two shares are compared every
    few iterations. The next epoch starts from the factors of this one.

    Parameters
    ----------
    neighbors : int [n, k]
        Nearest samples of each sample in the representation.
    predictions : int [n]
        Predicted classes.
    rows : int [m]
        Samples whose purity on the map is compared with that in the representation.
    factors : float64 [3], optional
        Factors to start from. By default 1, which weakens no edge.
    """

    def __init__(
        self,
        neighbors: NDArray[np.integer],
        predictions: NDArray[np.integer],
        rows: NDArray[np.integer],
        factors: NDArray[np.floating] | None = None,
    ) -> None:
        self._predictions = predictions
        self._k = neighbors.shape[1]
        purity = (predictions[neighbors] == predictions[:, None]).mean(axis=1)
        self._stratum = np.digitize(purity, np.array(_STRATA) + 1e-9)
        self._strata = [
            (stratum, within, float(purity[within].mean()))
            for stratum in range(len(_STRATA) + 1)
            if len(within := rows[self._stratum[rows] == stratum]) >= _MIN_STRATUM
        ]
        self.factors = np.ones(len(_STRATA) + 1) if factors is None else np.array(factors, np.float64)

    def of_samples(self) -> NDArray[np.float64]:
        """Return the factor of each sample [n]."""
        factors: NDArray[np.float64] = self.factors[self._stratum]
        return factors

    def due(self, iteration: int) -> bool:
        """Tell whether the factors are to be adjusted after this iteration."""
        return iteration % _ITERATIONS_PER_ROUND == _ITERATIONS_PER_ROUND - 1

    def adjust(self, y: NDArray[np.float64]) -> None:
        """Adjust the factors by the purity on the map, at places y [n, l], and in the representation."""
        # Half the cost of a balanced tree, and a thousand queries find the same in either.
        tree = cKDTree(y, balanced_tree=False, compact_nodes=False)
        for stratum, rows, wanted in self._strata:
            near = tree.query(y[rows], self._k + 1, workers=threads.count())[1][:, 1:]
            shown = float((self._predictions[near] == self._predictions[rows, None]).mean())
            gap = float(np.clip(_log_odds(shown) - _log_odds(wanted), -_MAX_GAP, _MAX_GAP))
            self.factors[stratum] = np.clip(self.factors[stratum] * np.exp(_GAIN * gap), *_FACTOR_BOUNDS)


def _log_odds(share: float) -> float:
    """Return the logarithm of share / (1 − share), bounded."""
    share = min(max(share, _MIN_SHARE), 1 - _MIN_SHARE)
    return float(np.log(share / (1 - share)))
