"""The common ground of all projections of a run: checkpoints, methods, the estimator, the cache of maps."""

from .checkpoint import Checkpoint, Head
from .estimator import Projection
from .method import InvertibleMap, JointMethod, Map, Method

__all__ = ["Checkpoint", "Head", "InvertibleMap", "JointMethod", "Map", "Method", "Projection"]
