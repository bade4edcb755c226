"""The classifier under study: predictions, representations and head of a network left as it was."""

from .lending import evaluating, home, unwrapped
from .outputs import LogitWatch, Outputs, check_outputs, class_labels, outputs_tensor
from .predictor import InputShapeError, Predictor, as_predictor, refused
from .split import Subject

__all__ = [
    "InputShapeError",
    "LogitWatch",
    "Outputs",
    "Predictor",
    "Subject",
    "as_predictor",
    "check_outputs",
    "class_labels",
    "evaluating",
    "home",
    "outputs_tensor",
    "refused",
    "unwrapped",
]
