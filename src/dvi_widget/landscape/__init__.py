"""Landscapes: frames of positions over one painted plane, as projections yield them for the widget."""

from .colors import PALETTES, class_colors, colored
from .frame import Frame
from .frames import Landscape

__all__ = ["PALETTES", "Frame", "Landscape", "class_colors", "colored"]
