"""Watch a classifier learn: record a training run, fit its landscape, walk through it in a notebook."""

from . import datasets
from .runs import LightningCallback, Recorder, Run, RunError
from .subject import Predictor, Subject
from .widget.explorer import Explorer

__all__ = ["Explorer", "LightningCallback", "Predictor", "Recorder", "Run", "RunError", "Subject", "datasets"]
