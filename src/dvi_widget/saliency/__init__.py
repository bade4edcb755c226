"""Why a classifier says what it says: attribution maps, layers looked into, models compared."""

from .attribution import CACHE, MapCache, Maps, attribute, stream
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
    "Filters",
    "Inspection",
    "MapCache",
    "Maps",
    "Method",
    "Parameter",
    "Patches",
    "activations",
    "attribute",
    "filters",
    "inspect_model",
    "nearest",
    "receptive_field",
    "reconstruct",
    "stream",
    "top_patches",
]
