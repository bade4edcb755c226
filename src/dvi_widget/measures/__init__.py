"""The figures of merit of a projection: pure functions on arrays, one per definition in the papers."""

from .inverse import ppr, rec_pv
from .neighbors import neighbors, overlap, shared_neighbors
from .spatial import boundary_pv, nn_pv
from .temporal import correlate, temporal_pv

__all__ = [
    "boundary_pv",
    "correlate",
    "neighbors",
    "nn_pv",
    "overlap",
    "ppr",
    "rec_pv",
    "shared_neighbors",
    "temporal_pv",
]
