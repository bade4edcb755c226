"""Watch a classifier learn: record a training run, fit its landscape, walk through it in a notebook."""

from . import baselines, datasets, deepvid, measures, saliency, suggestions
from .callbacks import HuggingFaceCallback, LightningCallback
from .deepvid import VAE, LinearStudent, Neighbors
from .deepview import DeepView
from .demo import demo
from .dvi import DVI, PaperDVI
from .landscape import Landscape
from .live import Watch, watch
from .runs import ArrayRecorder, Recorder, Run, RunError, record_checkpoints
from .saliency import activations, attribute, filters, inspect_model, top_patches
from .subject import Predictor, Subject
from .widget.explorer import Explorer

__version__ = "0.2.0.dev0"  # the one place: the build reads it from here

__all__ = [
    "DVI",
    "VAE",
    "ArrayRecorder",
    "DeepView",
    "Explorer",
    "HuggingFaceCallback",
    "Landscape",
    "LightningCallback",
    "LinearStudent",
    "Neighbors",
    "PaperDVI",
    "Predictor",
    "Recorder",
    "Run",
    "RunError",
    "Subject",
    "Watch",
    "activations",
    "attribute",
    "baselines",
    "datasets",
    "deepvid",
    "demo",
    "filters",
    "inspect_model",
    "measures",
    "record_checkpoints",
    "saliency",
    "suggestions",
    "top_patches",
    "watch",
]
