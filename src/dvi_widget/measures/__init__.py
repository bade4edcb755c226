"""Figures of merit of a projection: pure functions on arrays, one per definition in the papers."""

from dvi_widget.nearest import nearest, neighbors, overlap

from .arrangement import (
    class_distance_correlation,
    disparity,
    rank_change,
    sign_agreement,
    spearman,
    stability,
    triplet_agreement,
)
from .borders import (
    border_distance,
    border_pixels,
    confidence_error,
    coverage,
    log_odds,
    margin_correlation,
)
from .classification import q_knn, votes
from .figure import curves
from .inverse import ppr, rec_pv
from .purity import looks_pure, purity, purity_of
from .ranks import continuity, distance_ranks, trust_of_ranks, trustworthiness
from .removal import RemovalCurves, insertion_curve, removal_curve
from .spatial import boundary_pv, nn_pv
from .temporal import correlate, shared_neighbors, temporal_pv

__all__ = [
    "RemovalCurves",
    "border_distance",
    "border_pixels",
    "boundary_pv",
    "class_distance_correlation",
    "confidence_error",
    "continuity",
    "correlate",
    "coverage",
    "curves",
    "disparity",
    "distance_ranks",
    "insertion_curve",
    "log_odds",
    "looks_pure",
    "margin_correlation",
    "nearest",
    "neighbors",
    "nn_pv",
    "overlap",
    "ppr",
    "purity",
    "purity_of",
    "q_knn",
    "rank_change",
    "rec_pv",
    "removal_curve",
    "shared_neighbors",
    "sign_agreement",
    "spearman",
    "stability",
    "temporal_pv",
    "triplet_agreement",
    "trust_of_ranks",
    "trustworthiness",
    "votes",
]
