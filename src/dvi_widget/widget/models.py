"""The classifiers that explain samples: their names, their weights at an epoch and their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvi_widget.landscape import Landscape
from dvi_widget.landscape.source import HasSubject, KnowsInputs

#: Name of the run's own network among the models.
RECORDED_NETWORK = "the recorded network"


class NamedModel(NamedTuple):
    """A model as it was at an epoch, and its name."""

    name: str
    model: Any


class Reordered:
    """A scikit-learn classifier whose columns are in the order of a landscape's classes.

    Parameters
    ----------
    model
        The classifier.
    places
        The class of each of its columns.
    size
        Number of classes; those that the classifier does not know have probability 0.
    """

    def __init__(self, model: Any, places: Sequence[int], size: int) -> None:
        self._model, self._places, self._size = model, list(places), size

    def predict_proba(self, x: Any) -> NDArray[np.float64]:
        """Return probabilities [n, size]."""
        known = np.asarray(self._model.predict_proba(x), np.float64)
        p = np.zeros((len(known), self._size))
        p[:, self._places] = known
        return p

    def __getattr__(self, name: str) -> Any:
        # What it says of its inputs is the classifier's own; its labels are not.
        if name in ("n_features_in_", "feature_names_in_"):
            return getattr(self._model, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def in_order(model: Any, classes: Sequence[str]) -> Any:
    """Bring the columns of a scikit-learn classifier into the order of a landscape's classes.

    Its labels (``classes_``) are names of these classes, or their indices; else it is returned as it is, as
    are all other models.
    """
    from dvi_widget.subject import class_labels  # noqa: PLC0415 - loads torch, as models do

    labels = class_labels(model) if hasattr(model, "predict_proba") else None
    if labels is None:
        return model
    values, names = labels.tolist(), list(classes)
    if all(str(value) in names for value in values):
        places = [names.index(str(value)) for value in values]
    elif labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < len(names):
        places = values
    else:
        return model
    return model if places == list(range(len(names))) else Reordered(model, places, len(names))


class Models:
    """The models that explain the samples of some landscapes.

    Parameters
    ----------
    landscapes
        Landscapes over the samples to explain. Without models of the user's own, the network of the first
        one's run stands in, with the weights of the epoch on the page, if the run knows its architecture.
    models
        Classifiers by name; None for none.
    images
        uint8 ``[N, C, H, W]``; where the engine does not know the inputs of the samples, these are taken,
        divided by 255. None if there are none.
    """

    def __init__(
        self,
        landscapes: Sequence[Landscape],
        models: Mapping[str, Any] | None = None,
        images: NDArray[np.uint8] | None = None,
    ) -> None:
        self._landscape = landscapes[0]
        self._images = images
        classes = list(landscapes[0].classes)
        self._models = {str(name): in_order(model, classes) for name, model in (models or {}).items()}
        self._recorded: tuple[int, Any] | None = None  # the run's network at the epoch last asked for
        if not self._models and isinstance(self._landscape.source, HasSubject):
            self._models[RECORDED_NETWORK] = None

    @property
    def names(self) -> list[str]:
        """Names of the models; none where there are no inputs for them."""
        return list(self._models) if self._inputs_known else []

    def is_recorded(self, name: str) -> bool:
        """Tell whether the weights of a model are recorded with the epochs."""
        return self._models[name] is None

    @cached_property
    def _inputs_known(self) -> bool:
        if isinstance(self._landscape.source, KnowsInputs):
            from dvi_widget.runs import RunError  # noqa: PLC0415 - loads torch, as a run's engine has

            try:
                return np.ndim(self._landscape.source.inputs(np.arange(1))) == 4
            except RunError:  # recorded without inputs, for which its thumbnails do not stand in
                return False
        return self._images is not None

    def at(self, number: int, epoch: int) -> NamedModel:
        """Return a model by its place among the names, with its weights at an epoch if these are recorded."""
        name = self.names[number]
        model = self._models[name]
        if model is not None:
            return NamedModel(name, model)
        if self._recorded is None or self._recorded[0] != epoch:
            self._recorded = epoch, self._landscape.source.subject(epoch)
        return NamedModel(name, self._recorded[1])

    def inputs(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return some samples as the models take them: float32 ``[m, C, H, W]``."""
        if isinstance(self._landscape.source, KnowsInputs):
            x: NDArray[np.float32] = np.asarray(self._landscape.source.inputs(indices), np.float32)
        else:
            assert self._images is not None
            x = self._images[indices].astype(np.float32) / 255
        return x

    def spread(self, most: int, *, train: bool = False) -> NDArray[np.int64]:
        """Choose up to `most` samples, evenly spread over all of them or over the training samples."""
        split = self._landscape.samples["split"].to_numpy()
        rows = np.flatnonzero(split == "train") if train else np.arange(len(split))
        return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
