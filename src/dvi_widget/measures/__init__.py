"""Figures of merit of a projection: pure functions on arrays, one per definition in the papers."""

from dvi_widget.nearest import nearest, neighbors, overlap

from .classification import q_knn, votes
from .inverse import ppr, rec_pv
from .removal import RemovalCurves, insertion_curve, removal_curve
from .spatial import boundary_pv, nn_pv
from .temporal import correlate, shared_neighbors, temporal_pv

__all__ = [
    "RemovalCurves",
    "boundary_pv",
    "correlate",
    "insertion_curve",
    "nearest",
    "neighbors",
    "nn_pv",
    "overlap",
    "ppr",
    "q_knn",
    "rec_pv",
    "removal_curve",
    "shared_neighbors",
    "temporal_pv",
    "votes",
]
