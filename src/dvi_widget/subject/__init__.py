"""The classifier under study: predictions, representations and head of a network left as it was."""

from .lending import evaluating, home, unwrapped
from .predictor import InputShapeError, Predictor, as_predictor, check_logits, refused
from .split import Subject

__all__ = [
    "InputShapeError",
    "Predictor",
    "Subject",
    "as_predictor",
    "check_logits",
    "evaluating",
    "home",
    "refused",
    "unwrapped",
]
