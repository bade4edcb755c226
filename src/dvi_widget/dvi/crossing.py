"""Calibrated crossing: edges between predictions are weighed so that the map is as mixed as its data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

# A sample's purity is the share of its neighbours that have its prediction. Strata part the samples by it:
# up to two thirds, up to .9, above.
_STRATA = (2 / 3, 0.9)
_SAMPLES = 1_000  # looked at in each round
_FEWEST = 5  # samples of a stratum, for its purity on the map to say anything
_GAIN, _MAX_GAP = 0.3, 1.5  # of the log-odds
_BOUNDS = (0.02, 2.0)  # of a factor
_EVERY = 5  # iterations
_ODDS = 0.002  # shares are held this far from 0 and 1


class Crossing:
    """One factor per stratum on edges between samples of different prediction.

    A layout that weakens such edges by a fixed factor parts the classes whatever the representation says.
    Here each stratum's factor grows while its samples' neighbourhoods on the map are purer than in the
    representation, and shrinks while they are more mixed: the log-odds of the two shares are compared every
    few iterations. The factors of an epoch are where the next one starts.

    Parameters
    ----------
    neighbors : int [n, k]
        Nearest samples of each sample in the representation.
    predictions : int [n]
        Predicted classes.
    factors : float64 [3], optional
        Where to start. By default at 1, where no edge is weakened.
    """

    def __init__(
        self,
        neighbors: NDArray[np.integer],
        predictions: NDArray[np.integer],
        factors: NDArray[np.floating] | None = None,
    ) -> None:
        self._predictions = predictions
        self._k = neighbors.shape[1]
        purity = (predictions[neighbors] == predictions[:, None]).mean(axis=1)
        self._stratum = np.digitize(purity, np.array(_STRATA) + 1e-9)
        self._rows = np.random.default_rng(0).permutation(len(predictions))[:_SAMPLES]
        self._strata = [
            (stratum, rows, float(purity[rows].mean()))
            for stratum in range(len(_STRATA) + 1)
            if len(rows := self._rows[self._stratum[self._rows] == stratum]) >= _FEWEST
        ]
        self.factors = np.ones(len(_STRATA) + 1) if factors is None else np.array(factors, np.float64)

    def of_samples(self) -> NDArray[np.float64]:
        """Return the factor of each sample [n]."""
        factors: NDArray[np.float64] = self.factors[self._stratum]
        return factors

    def due(self, iteration: int) -> bool:
        """Whether the factors are to be adjusted after this iteration."""
        return iteration % _EVERY == _EVERY - 1

    def adjust(self, y: NDArray[np.float64]) -> None:
        """Compare purity on the map, at places y [n, l], with that in the representation."""
        tree = cKDTree(y)
        for stratum, rows, wanted in self._strata:
            near = tree.query(y[rows], self._k + 1)[1][:, 1:]
            shown = float((self._predictions[near] == self._predictions[rows, None]).mean())
            gap = float(np.clip(_log_odds(shown) - _log_odds(wanted), -_MAX_GAP, _MAX_GAP))
            self.factors[stratum] = np.clip(self.factors[stratum] * np.exp(_GAIN * gap), *_BOUNDS)


def _log_odds(share: float) -> float:
    """Return the logarithm of share / (1 − share), bounded."""
    share = min(max(share, _ODDS), 1 - _ODDS)
    return float(np.log(share / (1 - share)))
