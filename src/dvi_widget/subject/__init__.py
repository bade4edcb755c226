"""The classifier under study: predictions, representations and head of a network left as it was."""

from .inputs import as_inputs, count, each, parts
from .lending import evaluating, home, unwrapped
from .outputs import (
    LogitWatch,
    Outputs,
    are_probabilities,
    as_outputs,
    check_outputs,
    class_labels,
    may_be_normalised,
    outputs_tensor,
)
from .predictor import InputShapeError, Predictor, as_predictor, refused
from .split import Subject

__all__ = [
    "InputShapeError",
    "LogitWatch",
    "Outputs",
    "Predictor",
    "Subject",
    "are_probabilities",
    "as_inputs",
    "as_outputs",
    "as_predictor",
    "check_outputs",
    "class_labels",
    "count",
    "each",
    "evaluating",
    "home",
    "may_be_normalised",
    "outputs_tensor",
    "parts",
    "refused",
    "unwrapped",
]
