"""Why a classifier predicts what it does: attribution maps, what layers respond to, models compared."""

from .attribution import Maps, attribute, stream
from .clusters import Clusters, attribution_share, cluster_maps
from .comparison import QUADRANTS, ModelComparison, compare_models
from .curves import MethodComparison, compare_methods, faithfulness, sensitivity
from .gallery import gallery, overlay
from .histograms import Histogram, activation_histogram, error_histogram
from .inspection import Inspection, inspect_model
from .layers import (
    Filters,
    Patches,
    activations,
    filters,
    nearest,
    receptive_field,
    reconstruct,
    top_patches,
)
from .methods import METHODS, Method, Parameter

__all__ = [
    "METHODS",
    "QUADRANTS",
    "Clusters",
    "Filters",
    "Histogram",
    "Inspection",
    "Maps",
    "Method",
    "MethodComparison",
    "ModelComparison",
    "Parameter",
    "Patches",
    "activation_histogram",
    "activations",
    "attribute",
    "attribution_share",
    "cluster_maps",
    "compare_methods",
    "compare_models",
    "error_histogram",
    "faithfulness",
    "filters",
    "gallery",
    "inspect_model",
    "nearest",
    "overlay",
    "receptive_field",
    "reconstruct",
    "sensitivity",
    "stream",
    "top_patches",
]
