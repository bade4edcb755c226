"""Why a classifier says what it says: attribution maps, layers looked into, models compared."""

from .attribution import CACHE, MapCache, Maps, attribute, stream
from .inspection import Inspection, inspect_model
from .methods import METHODS, Method, Parameter

__all__ = [
    "CACHE",
    "METHODS",
    "Inspection",
    "MapCache",
    "Maps",
    "Method",
    "Parameter",
    "attribute",
    "inspect_model",
    "stream",
]
