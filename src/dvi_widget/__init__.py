"""Watch a classifier learn: record a training run, fit its landscape, walk through it in a notebook."""

from . import baselines, datasets, measures
from .deepview import DeepView
from .demo import demo
from .dvi import DVI
from .landscape import Landscape
from .runs import LightningCallback, Recorder, Run, RunError
from .subject import Predictor, Subject
from .widget.explorer import Explorer

__all__ = [
    "DVI",
    "DeepView",
    "Explorer",
    "Landscape",
    "LightningCallback",
    "Predictor",
    "Recorder",
    "Run",
    "RunError",
    "Subject",
    "baselines",
    "datasets",
    "demo",
    "measures",
]
