"""Watch a classifier learn: record a training run, fit its landscape, walk through it in a notebook.

The names below are loaded when they are first used: importing the package is quick, and what needs no torch
never loads it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"  # the one place: the build reads it from here

if TYPE_CHECKING:
    from . import baselines, datasets, deepvid, landscape, measures, saliency, suggestions
    from .adversarial import attack
    from .callbacks import HuggingFaceCallback, LightningCallback
    from .deepvid import VAE, LinearStudent, Neighbors
    from .deepview import DeepView
    from .demonstration import demo
    from .dvi import DVI, PaperDVI
    from .landscape import Landscape
    from .lessons import lesson
    from .live import Watch, watch
    from .runs import ArrayRecorder, Recorder, Run, RunError, record_checkpoints
    from .saliency import activations, attribute, filters, inspect_model, top_patches
    from .subject import Predictor, Subject
    from .widget.explorer import Explorer

# Name → the module that holds it, as above; a module among them is its own.
_HOMES = {
    "DVI": "dvi",
    "VAE": "deepvid",
    "ArrayRecorder": "runs",
    "DeepView": "deepview",
    "Explorer": "widget.explorer",
    "HuggingFaceCallback": "callbacks",
    "Landscape": "landscape",
    "LightningCallback": "callbacks",
    "LinearStudent": "deepvid",
    "Neighbors": "deepvid",
    "PaperDVI": "dvi",
    "Predictor": "subject",
    "Recorder": "runs",
    "Run": "runs",
    "RunError": "runs",
    "Subject": "subject",
    "Watch": "live",
    "activations": "saliency",
    "attack": "adversarial",
    "attribute": "saliency",
    "baselines": "baselines",
    "datasets": "datasets",
    "deepvid": "deepvid",
    "demo": "demonstration",
    "filters": "saliency",
    "inspect_model": "saliency",
    "landscape": "landscape",
    "lesson": "lessons",
    "measures": "measures",
    "record_checkpoints": "runs",
    "saliency": "saliency",
    "suggestions": "suggestions",
    "top_patches": "saliency",
    "watch": "live",
}

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
    "attack",
    "attribute",
    "baselines",
    "datasets",
    "deepvid",
    "demo",
    "filters",
    "inspect_model",
    "landscape",
    "lesson",
    "measures",
    "record_checkpoints",
    "saliency",
    "suggestions",
    "top_patches",
    "watch",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{home}")
    value = module if name == home else getattr(module, name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
