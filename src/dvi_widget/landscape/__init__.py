"""Landscapes: frames of positions over one painted plane, as projections yield them for the widget."""

from .colors import PALETTES, class_colors, colored
from .frames import Frame, Landscape

__all__ = ["PALETTES", "Frame", "Landscape", "class_colors", "colored"]
