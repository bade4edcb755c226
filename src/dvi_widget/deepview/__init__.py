"""DeepView: the decision function of any classifier as a map."""

from .estimator import DeepView

__all__ = ["DeepView"]
