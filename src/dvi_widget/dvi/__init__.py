"""DeepVisualInsight: one landscape of a whole training run, frame by frame."""

from .estimators import DVI, PaperDVI
from .layout import Layout
from .paper import Paper

__all__ = ["DVI", "Layout", "Paper", "PaperDVI"]
