"""What the page may ask about the networks themselves: attributions, layers, several models compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget import saliency
from dvi_widget.landscape import Landscape
from dvi_widget.saliency.network import Network
from dvi_widget.widget.inquiries import softmax
from dvi_widget.widget.wire import Answer, Report, RequestError, in_bytes

#: What the network of the run itself is called among the models.
OWN = "the recorded network"

_UNITS = 256  # of a layer, shown at a time
_SEARCHED = 5000  # pictures searched for patches and neighbours
_FULL = 99.5  # percentile of a map's size that is full colour
_TOP = 5  # classes told with their scores
_CLUSTERED = 2000  # pictures whose maps are compared


class Asked(NamedTuple):
    """One model, as it was at an epoch, and what to call it."""

    name: str
    model: Any


class Models:
    """The models that explain the samples of some landscapes.

    Parameters
    ----------
    landscapes
        Whose samples are explained. Without models of the user's own, the network of the first one's run
        stands in, with the weights of the epoch that is shown, if the run knows its architecture.
    models
        Classifiers by name; None for none.
    images
        uint8 ``[N, C, H, W]``; a landscape that does not know the inputs of its samples has these, divided
        by 255, taken for them. None if there are none.

    Raises
    ------
    TypeError
        If models is no mapping from names to classifiers; the message names what is none.
    """

    def __init__(
        self,
        landscapes: Sequence[Landscape],
        models: Mapping[str, Any] | None,
        images: NDArray[np.uint8] | None,
    ) -> None:
        if models is not None and not (isinstance(models, Mapping) and models):
            raise TypeError(
                "models must be a mapping from names to classifiers, such as {'vgg': vgg, 'resnet': resnet}, "
                f"not {type(models).__name__}."
            )
        self._landscape = landscapes[0]
        self._images = images
        self._models = {str(name): _checked(str(name), model) for name, model in (models or {}).items()}
        self._own: tuple[int, Any] | None = None  # the network of the run at the epoch last asked about
        self._agreement: saliency.ModelComparison | None = None
        if not self._models and "subject" in self._landscape.services:
            self._models[OWN] = None

    @property
    def names(self) -> list[str]:
        """Of the models that can be asked; none without inputs for them."""
        return list(self._models) if self._known_inputs else []

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return self._landscape.classes

    def described(self) -> list[dict[str, Any]]:
        """Name of each model, and whether its weights are recorded with the epochs."""
        return [{"name": name, "recorded": self._models[name] is None} for name in self.names]

    @cached_property
    def _known_inputs(self) -> bool:
        """Whether there are pictures to give the models."""
        if "inputs" in self._landscape.services:
            return np.ndim(self._landscape.source.inputs(np.arange(1))) == 4
        return self._images is not None

    def asked(self, model: int, epoch: int) -> Asked:
        """A model by its place among them."""
        name = self.names[model]
        found = self._models[name]
        if found is not None:
            return Asked(name, found)
        if self._own is None or self._own[0] != epoch:
            self._own = epoch, self._landscape.source.subject(epoch)
        return Asked(name, self._own[1])

    def inputs(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """What the models take of some samples: float32 ``[m, C, H, W]``."""
        if "inputs" in self._landscape.services:
            x = np.asarray(self._landscape.source.inputs(indices), np.float32)
        else:
            assert self._images is not None
            x = self._images[indices].astype(np.float32) / 255
        return x

    def inspect(self, model: int, epoch: int) -> Answer:
        """Which methods a model supports, with their parameters, and what it is made of.

        Returns
        -------
        Answer
            Result: methods (as `saliency.Inspection.table`), layers (name, type, shape, units, convolution),
            remarks, last_convolution.
        """
        asked = self.asked(model, epoch)
        with refusing(asked.name):
            told = saliency.inspect_model(asked.model, self.inputs(np.arange(1)))
        layers = [
            {
                "name": str(row["name"]),
                "type": str(row["type"]),
                "shape": [int(side) for side in row["shape"]],
                "units": int(row["units"]),
                "convolution": bool(row["convolution"]),
            }
            for row in told.layers.to_dict("records")
        ]
        return Answer(
            {
                "methods": told.table(),
                "layers": layers,
                "remarks": list(told.remarks),
                "last_convolution": told.last_convolution,
            },
            {},
        )

    def attribute(
        self,
        model: int,
        epoch: int,
        index: int,
        method: str,
        parameters: Mapping[str, Any],
        target: int | None,
        report: Report,
    ) -> Answer:
        """What in one sample's picture speaks for a class.

        Returns
        -------
        Answer
            Array: values float32 ``[H, W]``, signed. Result: full (the value of full colour), target,
            prediction, top (the likeliest classes, [class, probability]), error (share of the effect that
            the map misses, or null), flagged, law, likeness (cosine to the runner-up class's map, or null).
        """
        asked = self.asked(model, epoch)
        # The map of a second class costs as much again: slow methods are spared it.
        eager = saliency.METHODS[method].eager
        label = saliency.METHODS[method].label
        with refusing(asked.name):
            maps = saliency.attribute(
                asked.model,
                self.inputs(np.array([index])),
                target,
                method,
                likeness=eager,
                report=lambda share: report(share, f"{label} of {asked.name}"),
                **parameters,
            )
        values, p = maps.values[0], softmax(maps.logits)[0]  # noqa: PD011 - not pandas'
        error = None if maps.error is None else float(maps.error[0])
        likeness = None if maps.likeness is None else float(maps.likeness[0])
        best = np.argsort(-p, kind="stable")[:_TOP]
        result = {
            "full": float(np.percentile(np.abs(values), _FULL)),
            "target": int(maps.target[0]),
            "prediction": int(p.argmax()),
            "top": [[int(c), float(p[c])] for c in best],
            "error": error if error is not None and np.isfinite(error) else None,
            "flagged": bool(maps.flagged[0]),
            "law": saliency.METHODS[method].completeness,
            "likeness": likeness if likeness is not None and np.isfinite(likeness) else None,
        }
        return Answer(result, {"values": values})

    def eager(self, method: str) -> bool:
        """Whether a method is quick enough to follow the pointer."""
        return saliency.METHODS[method].eager

    def method(self, value: object) -> str:
        """A method's name, or a RequestError."""
        if not isinstance(value, str) or value not in saliency.METHODS:
            raise RequestError(f"There is no attribution method {value!r}; see dvi.saliency.METHODS.")
        return value

    def filters(self, model: int, epoch: int, layer: str) -> Answer:
        """The filters of a convolution as tiles.

        Returns
        -------
        Answer
            Array: pixels uint8 ``[units, h, w, channels]`` for filters of one or three channels, else
            ``[units, channels, h, w]``: a tile each, the first 256 units and 64 channels. Result: units,
            channels, whole (whether a filter is one tile).
        """
        asked = self.asked(model, epoch)
        with refusing(asked.name):
            found = saliency.filters(asked.model, layer)
        units, channels = found.weights.shape[:2]
        tiles = found.tiles[:_UNITS]
        if channels == 1:
            tiles = tiles[:, 0, :, :, None]
        elif channels != 3:
            tiles = tiles[:, :64]
        told = {"units": int(units), "channels": int(channels), "whole": channels in (1, 3)}
        return Answer(told, {"pixels": np.ascontiguousarray(tiles)})

    def activations(self, model: int, epoch: int, layer: str, index: int) -> Answer:
        """What leaves a layer for one sample.

        Returns
        -------
        Answer
            Arrays: maps uint8 ``[units, h, w]``, each unit's largest value, by size, at 255 if it is
            positive (a flat layer's are one pixel), and highest float32 ``[units]``; the first 256 units.
            Result: units.
        """
        asked = self.asked(model, epoch)
        with refusing(asked.name):
            a = saliency.activations(asked.model, layer, self.inputs(np.array([index])))[0]
        units = a.shape[0]
        maps = a[:_UNITS].reshape(min(units, _UNITS), *(a.shape[1:] if a.ndim == 3 else (1, 1)))
        highest = maps.max((1, 2))
        largest = np.maximum(highest, 0)[:, None, None]
        shown = in_bytes(np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0))
        return Answer({"units": int(units)}, {"maps": shown, "highest": highest.astype(np.float32)})

    def patches(self, model: int, epoch: int, layer: str, unit: int, k: int, report: Report) -> Answer:
        """The places in the pictures that excite a unit most.

        Returns
        -------
        Answer
            Arrays: indices int32 ``[k]``, values float32 ``[k]``, boxes int32 ``[k, 4]`` (top, left, bottom,
            right), and reconstructions float32 ``[k, H, W]``: what excites the unit there, by deconvolution.
            Result: searched (how many samples were).
        """
        asked = self.asked(model, epoch)
        rows = self.some_samples(_SEARCHED)
        report(0.0, f"Looking for what excites {layer}, unit {unit}")
        x = self.inputs(rows)
        k = min(k, len(rows))
        with refusing(asked.name):
            found = saliency.top_patches(asked.model, layer, x, k, [unit])
            report(0.8, "Sending the activations back to the pictures")
            chosen = found.indices[0]
            sent = saliency.reconstruct(asked.model, layer, unit, x[chosen])
        return Answer(
            {"searched": len(rows)},
            {
                "indices": rows[chosen].astype(np.int32),
                "values": found.values[0],  # noqa: PD011 - not pandas'
                "boxes": found.boxes[0].astype(np.int32),
                "reconstructions": sent.sum(1).astype(np.float32),
            },
        )

    def alike(self, model: int, epoch: int, layer: str, index: int, k: int, report: Report) -> Answer:
        """The training samples nearest to one in a layer's space.

        Returns
        -------
        Answer
            Arrays: indices int32 ``[k]``, distances float32 ``[k]``. Result: searched.
        """
        asked = self.asked(model, epoch)
        rows = self.some_samples(_SEARCHED, train=True)
        rows = rows[rows != index]
        report(0.0, f"Looking for the nearest in {layer}")
        k = min(k, len(rows))
        with refusing(asked.name):
            found, distances = saliency.nearest(
                asked.model, layer, self.inputs(rows), self.inputs(np.array([index])), k
            )
        return Answer(
            {"searched": len(rows)},
            {"indices": rows[found[0]].astype(np.int32), "distances": distances[0].astype(np.float32)},
        )

    def histogram(
        self, model: int, epoch: int, layer: str | None, unit: int | None, report: Report
    ) -> Answer:
        """One number for each sample: a layer's activation, or prediction − label without a layer.

        Returns
        -------
        Answer
            Array: values float32 ``[N]``, NaN for samples without a label where the label counts.
            Result: name.
        """
        asked = self.asked(model, epoch)
        n = len(self._landscape.samples)
        labels = self._landscape.samples["label"].to_numpy()
        values = np.full(n, np.nan, np.float32)
        name = ""
        wanted = np.arange(n) if layer is not None else np.flatnonzero(labels >= 0)
        if not len(wanted):
            raise RequestError("Prediction − label needs labels; these samples have none.")
        for part in np.array_split(wanted, -(-len(wanted) // 1000)):
            x = self.inputs(part)
            with refusing(asked.name):
                told = (
                    saliency.error_histogram(asked.model, x, labels[part])
                    if layer is None
                    else saliency.activation_histogram(asked.model, x, layer, unit)
                )
            values[part], name = told.values, told.name  # noqa: PD011 - not pandas'
            report(float(part[-1] + 1) / n, f"Asking {asked.name}")
        return Answer({"name": name}, {"values": values})

    def agreement(self, epoch: int, report: Report) -> Answer:
        """What all models say of all samples.

        Returns
        -------
        Answer
            Arrays: score float32 ``[N]`` (mean over the models of the probability of their own class),
            classes uint16 ``[N]`` (how many different ones they predict), spread float32 ``[N]`` (where a
            point is drawn beside that whole number), quadrant uint8 ``[N]``, and predictions int16
            ``[M, N]``. Result: quadrants (their names), models.
        """
        names = self.names
        if len(names) < 2:
            raise RequestError("Models are compared two at least: Explorer(..., models={'a': a, 'b': b}).")
        compared = self._agreement
        if compared is None:
            labels = self._landscape.samples["label"].to_numpy()
            models = {name: self.asked(place, epoch).model for place, name in enumerate(names)}
            parts = []
            blocks = np.array_split(np.arange(len(labels)), -(-len(labels) // 1000))
            for done, block in enumerate(blocks):
                with refusing():
                    parts.append(saliency.compare_models(models, self.inputs(block)).probabilities)
                report((done + 1) / len(blocks), "Asking the models")
            compared = saliency.ModelComparison(names, np.concatenate(parts, axis=1), labels, 0.8)
            self._agreement = compared
        table: pd.DataFrame = compared.table()
        quadrant = [saliency.QUADRANTS.index(name) for name in compared.quadrants]
        return Answer(
            {"quadrants": list(saliency.QUADRANTS), "models": names},
            {
                "score": compared.mean_score,
                "classes": compared.n_classes.astype(np.uint16),
                "spread": table["spread"].to_numpy(np.float32),
                "quadrant": np.asarray(quadrant, np.uint8),
                "predictions": compared.predictions.astype(np.int16),
            },
        )

    def clusters(
        self,
        model: int,
        epoch: int,
        indices: NDArray[np.int64],
        method: str,
        parameters: Mapping[str, Any],
        report: Report,
    ) -> Answer:
        """Which of some samples are explained alike.

        Returns
        -------
        Answer
            Arrays: indices int32 ``[m]``, cluster uint8 ``[m]``, positions float32 ``[m, 2]``, prototypes
            float32 ``[k, H, W]``.
        """
        asked = self.asked(model, epoch)
        if not 4 <= len(indices) <= _CLUSTERED:
            raise RequestError(f"From 4 to {_CLUSTERED} samples can be grouped, not {len(indices)}.")
        label = saliency.METHODS[method].label
        with refusing(asked.name):
            maps = saliency.attribute(
                asked.model,
                self.inputs(indices),
                None,
                method,
                report=lambda share: report(0.9 * share, f"{label} of {asked.name}"),
                **parameters,
            )
            found = saliency.cluster_maps(maps)
        return Answer(
            {},
            {
                "indices": indices.astype(np.int32),
                "cluster": found.labels.astype(np.uint8),
                "positions": found.positions,
                "prototypes": found.prototypes.astype(np.float32),
            },
        )

    def some_samples(self, most: int, *, train: bool = False) -> NDArray[np.int64]:
        """Up to so many samples, evenly spread over all or over the training samples."""
        split = self._landscape.samples["split"].to_numpy()
        rows = np.flatnonzero(split == "train") if train else np.arange(len(split))
        return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _checked(name: str, model: Any) -> Any:
    """A model of the user's, refused by its name if it is no classifier."""
    try:
        Network(model)
    except (TypeError, ValueError) as error:
        raise type(error)(f"models: {name!r} is no classifier to ask: {error}") from error
    return model


@contextmanager
def refusing(name: str = "") -> Iterator[None]:
    """Turn an engine's own sentence about why not into an answer, with the model's name."""
    try:
        yield
    except RequestError:
        raise
    except (ValueError, TypeError) as error:
        raise RequestError(f"{name}: {error}" if name else str(error)) from error
