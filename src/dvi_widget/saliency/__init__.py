"""Why a classifier says what it says: attribution maps, layers looked into, models compared."""

from .attribution import CACHE, MapCache, Maps, attribute, stream
from .comparison import (
    QUADRANTS,
    Clusters,
    Histogram,
    ModelComparison,
    activation_histogram,
    attribution_share,
    cluster_maps,
    compare_models,
    error_histogram,
)
from .curves import MethodComparison, compare_methods, faithfulness, sensitivity
from .gallery import gallery, overlay
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
    "CACHE",
    "METHODS",
    "QUADRANTS",
    "Clusters",
    "Filters",
    "Histogram",
    "Inspection",
    "MapCache",
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
