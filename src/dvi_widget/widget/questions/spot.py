"""A landscape of pictures and a model alone, made on the spot, for an explorer without a recorded run."""

from __future__ import annotations

import tempfile
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dvi_widget.arrays import as_array
from dvi_widget.deepview import DeepView
from dvi_widget.dvi import DVI
from dvi_widget.landscape import Landscape
from dvi_widget.pictures import check_pictures
from dvi_widget.runs import Recorder, Run
from dvi_widget.subject import as_predictor

_MIN_SAMPLES = 10
_MAX_DEEPVIEW_SAMPLES = 2000  # whose neighbours in the metric are found in minutes


def landscape_of(images: ArrayLike, models: Mapping[str, Any], labels: ArrayLike | None) -> Landscape:
    """Map pictures by the first of some models, in a single frame.

    A torch network gives a map of its last layer, `DVI` of a run of one epoch in a temporary folder, which
    goes with the landscape. Any other classifier gives a `DeepView`.

    Parameters
    ----------
    images : uint8 or float [n, C, H, W]
        uint8 are given to the models as floats in [0, 1], floats as they are.
    models : mapping of str to classifier
        As for `Explorer`.
    labels : int array [n], optional
        Class indices. Without them, no picture has a label.

    Returns
    -------
    Landscape

    Raises
    ------
    ValueError
        If there are too few pictures, or too many for a classifier that is no torch network.
    """
    pictures = as_array("images", images)
    check_pictures(pictures, "images")
    if pictures.ndim == 3:
        pictures = pictures[:, None]
    if len(pictures) < _MIN_SAMPLES:
        raise ValueError(f"images must hold at least {_MIN_SAMPLES} pictures for a map; got {len(pictures)}.")
    x = pictures.astype(np.float32)
    if pictures.dtype == np.uint8:
        x /= 255
    _, model = next(iter(models.items()))
    return (
        _last_layer(model, x, labels) if isinstance(model, torch.nn.Module) else _deepview(model, x, labels)
    )


def _last_layer(model: torch.nn.Module, x: NDArray[np.float32], labels: ArrayLike | None) -> Landscape:
    logits = as_predictor(model).predict(x)
    # A run wants labels; maps learn nothing from them.
    y = logits.argmax(axis=1) if labels is None else as_array("labels", labels)
    temporary = tempfile.TemporaryDirectory(prefix="dvi_widget_", ignore_cleanup_errors=True)
    folder = Path(temporary.name) / "run"
    with warnings.catch_warnings():
        # Pictures of the models' own scale may be shown rescaled; and few may lie near a boundary.
        warnings.simplefilter("ignore", UserWarning)
        classes = [str(i) for i in range(logits.shape[1])]
        Recorder(folder, model, train=(x, y), test=None, classes=classes).capture(0)
        landscape = DVI().fit(Run(folder, model=model)).landscape()
    if labels is None:
        landscape.samples["label"] = -1
    landscape.name = "last layer"
    weakref.finalize(landscape, temporary.cleanup)
    return landscape


def _deepview(model: Any, x: NDArray[np.float32], labels: ArrayLike | None) -> Landscape:
    if len(x) > _MAX_DEEPVIEW_SAMPLES:
        raise ValueError(
            f"images must be at most {_MAX_DEEPVIEW_SAMPLES} for a classifier that is no torch network; got "
            f"{len(x)}. Pass some of them, or a landscape: DeepView(model).fit(images).landscape()."
        )
    return DeepView(model).fit(x, labels).landscape()
