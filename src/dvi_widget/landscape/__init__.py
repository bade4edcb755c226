"""What every projection yields and the widget draws: frames of positions over one painted plane."""

from .colors import PALETTES, class_colors, colored
from .frames import Frame, Landscape

__all__ = ["PALETTES", "Frame", "Landscape", "class_colors", "colored"]
