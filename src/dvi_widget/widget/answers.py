"""What is shown, and the answers that draw it: the introduction, frames, canvases, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.landscape import PALETTES, Frame, Landscape, class_colors
from dvi_widget.suggestions import DEFINITIONS

from .dynamics import Dynamics
from .rendering import Describe, Pictures, columns, describe, is_group
from .thumbnails import fitted, thumbnails
from .wire import PROTOCOL, Answer, Report, RequestError, class_dtype, graded, quantised

_MOST_TOLD = 1 << 25  # bytes of answers that an exported page takes along: 32 MiB
_OPEN = 200  # files; a process may have some thousand at most
_SHOWN_ANYWAY = {"train_accuracy", "test_accuracy"}  # recorded numbers that the accuracies tell already


class Answers:
    """Some landscapes over one set of samples, and what every page asks of them.

    Parameters
    ----------
    landscapes
        At least one; all over the same samples and classes.
    images
        uint8 ``[N, C, H, W]`` with one or three channels, or None.
    largest
        Side in pixels that no picture given out exceeds; None for native sizes.
    models
        Who explains the samples (`services.models.Models`); None where nobody can.
    words
        What people read of a sample, by its index; None for its columns beside split, label and groups.
    neighborhoods
        Who makes neighbours of them (`services.neighborhoods.Neighborhoods`); None where nobody can.

    Attributes
    ----------
    dynamics : list of Dynamics
        How the samples fared over the epochs of each landscape.
    kept : dict
        Answers about whole landscapes that took long, by what was asked.
    told : dict
        Answers of the models, by the request as the page writes it: an exported page takes them along. The
        oldest go first.
    """

    def __init__(
        self,
        landscapes: Sequence[Landscape],
        images: Pictures | None = None,
        *,
        largest: int | None = None,
        models: Any = None,
        words: Describe | None = None,
        neighborhoods: Any = None,
    ) -> None:
        self.landscapes = list(landscapes)
        self.images = images
        self.models = models
        self.neighborhoods = neighborhoods
        self.largest = largest
        self.samples = self._table()
        self.words = words or columns(self.samples)
        self.classes = self.landscapes[0].classes
        self.dynamics = [Dynamics(landscape) for landscape in self.landscapes]
        self.kept: dict[tuple[Any, ...], Answer] = {}
        self.told: dict[str, Answer] = {}
        self._told_bytes = 0
        self._hello: Answer | None = None
        self._open: dict[tuple[int, int], NDArray[np.float32]] = {}

    def _table(self) -> pd.DataFrame:
        """The samples with the groups of every landscape."""
        first, *others = [landscape.samples for landscape in self.landscapes]
        added = [table[[name for name in table.columns if name not in first.columns]] for table in others]
        return pd.concat([first, *added], axis=1) if added else first

    @property
    def groups(self) -> list[str]:
        """Names of the recorded groups."""
        names = [name for name in self.samples.columns if name not in ("label", "split")]
        return [str(name) for name in names if is_group(self.samples, name)]

    def remember(self, request: str, answer: Answer) -> None:
        """Keep an answer of the models for an exported page, and drop the oldest where there are too many."""
        previous = self.told.pop(request, None)
        self.told[request] = answer
        self._told_bytes += answer.size - (0 if previous is None else previous.size)
        while self._told_bytes > _MOST_TOLD and len(self.told) > 1:
            self._told_bytes -= self.told.pop(next(iter(self.told))).size

    def hello(self) -> Answer:
        """What the page needs before it can ask for anything else.

        Returns
        -------
        Answer
            Result: protocol, n, classes, palettes, images (format or None), texts (whether there are any),
            groups, models (of each its name, and whether its weights are recorded with the epochs), vae
            (latent ranges and settings, or None), lists (of each its name and definition), landscapes (name,
            epochs, extent, resolution, services, accuracy per split and epoch, scalars: further recorded
            numbers per epoch). Arrays: labels int32 ``[n]`` (−1: none), split uint8 ``[n]`` (1: test), and
            uint8 ``[n]`` per group.
        """
        if self._hello is None:
            self._hello = self._introduction()
        return self._hello

    def _introduction(self) -> Answer:
        label = self.samples["label"].to_numpy(np.int32)
        test = (self.samples["split"] == "test").to_numpy()
        result = {
            "protocol": PROTOCOL,
            "n": len(self.samples),
            "classes": [str(name) for name in self.classes],
            "palettes": {name: class_colors(len(self.classes), name) for name in PALETTES},
            "images": self._picture_format(),
            "texts": self.words is not None,
            "groups": self.groups,
            "models": [] if self.models is None else self.models.described(),
            "vae": None if self.neighborhoods is None else self.neighborhoods.described(),
            "lists": [{"name": name, "definition": text} for name, text in DEFINITIONS.items()],
            "landscapes": [
                {
                    **_outline(landscape, label, test),
                    "services": [*landscape.services, *(["dynamics"] if dynamics.known else [])],
                }
                for landscape, dynamics in zip(self.landscapes, self.dynamics, strict=True)
            ],
        }
        arrays: dict[str, NDArray[Any]] = {"labels": label, "split": test.astype(np.uint8)}
        for name in self.groups:
            arrays[f"group:{name}"] = self.samples[name].to_numpy(bool).astype(np.uint8)
        return Answer(result, arrays)

    def _picture_format(self) -> dict[str, int] | None:
        if self.images is None:
            return None
        _, channels, height, width = self.images.shape
        height, width = fitted(height, width, self.largest)
        return {"height": height, "width": width, "channels": channels}

    def logits(self, landscape: Landscape, epoch: int) -> NDArray[np.float32]:
        """Logits of an epoch [n, C], for reading a few rows: files once opened stay open."""
        key = (self.landscapes.index(landscape), epoch)
        z = self._open.pop(key, None)
        if z is None:
            read: NDArray[np.float32] = landscape.source.logits(epoch)
            if not isinstance(read, np.memmap):
                return read
            z = read
            if len(self._open) >= _OPEN:
                del self._open[next(iter(self._open))]
        self._open[key] = z
        return z

    def frame(self, frame: Frame, landscape: Landscape) -> Answer:
        """Where every sample is at one epoch, what it is taken for, and how surely.

        Returns
        -------
        Answer
            Arrays: positions uint16 ``[n, 2]`` (see `quantised`), predictions uint8 or uint16 ``[n]`` (see
            `class_dtype`), confidence uint16 ``[n]`` (see `graded`).
        """
        return Answer(
            {},
            {
                "positions": quantised(frame.positions, landscape.extent),
                "predictions": np.asarray(frame.predictions).astype(class_dtype(len(self.classes))),
                "confidence": graded(frame.confidence),
            },
        )

    def canvas(self, frame: Frame, report: Report) -> Answer:
        """The painted canvas of one epoch, painted now if nobody has looked at it before.

        What an engine paints from coarse to fine is reported on the way, as an answer so far.

        Returns
        -------
        Answer
            Arrays: classes and shade ``[R, R]``, as in `Frame.canvas`; none where nothing can paint.
        """
        if not frame.paintable:
            return Answer({}, {})
        text = f"Painting the landscape of epoch {frame.epoch}"
        report(0.0, text)
        done = 0.0

        def reported(share: float) -> None:
            nonlocal done
            done = share
            report(share, text)

        def show(classes: NDArray[np.unsignedinteger], shade: NDArray[np.uint8]) -> None:
            report(done, text, Answer({}, {"classes": classes, "shade": shade}))

        classes, shade = frame.paint(reported, show)
        return Answer({}, {"classes": classes, "shade": shade})

    def thumbnails(self, indices: Sequence[int] | NDArray[np.int64], size: int | None) -> Answer:
        """Pictures of some samples.

        Returns
        -------
        Answer
            Arrays: pixels uint8 ``[m, h, w, C]``, fitted inside size × size, native if size is None.

        Raises
        ------
        RequestError
            If the samples have no pictures.
        """
        if self.images is None:
            raise RequestError("These samples have no pictures: pass them as Explorer(..., images=...).")
        sizes = [side for side in (size, self.largest) if side is not None]
        return Answer({}, {"pixels": thumbnails(self.images, indices, min(sizes, default=None))})

    def describe(self, indices: Sequence[int] | NDArray[np.int64]) -> Answer:
        """What people read of some samples.

        Returns
        -------
        Answer
            Result: texts, in the order of the indices.

        Raises
        ------
        RequestError
            If there is nothing to read.
        """
        if self.words is None:
            raise RequestError("These samples have no texts: pass Explorer(..., render=...).")
        return Answer({"texts": describe(self.words, indices)}, {})


def _outline(landscape: Landscape, label: NDArray[Any], test: NDArray[np.bool_]) -> dict[str, Any]:
    """What is told of one landscape at the beginning."""
    accuracy: dict[str, list[float | None]] = {"train": [], "test": []}
    for epoch in landscape.epochs:
        correct = landscape.at(epoch).predictions == label
        for name, split in (("train", ~test), ("test", test)):
            known = split & (label >= 0)
            accuracy[name].append(float(correct[known].mean()) if known.any() else None)
    scalars = {
        str(name): [float(value) if np.isfinite(value) else None for value in column]
        for name, column in landscape.scalars.items()
        if name not in _SHOWN_ANYWAY
    }
    return {
        "name": landscape.name,
        "epochs": [int(epoch) for epoch in landscape.epochs],
        "extent": [float(edge) for edge in landscape.extent],
        "resolution": int(landscape.resolution),
        "accuracy": accuracy,
        "scalars": scalars,
    }


def engine(landscape: Landscape, *wanted: str, what: str) -> Any:
    """The engine behind a landscape, if it answers all of this; else a sentence that says what to show."""
    if not set(wanted) <= set(landscape.services):
        raise RequestError(
            f"{what}: no engine behind this landscape can tell. Show that of a fitted model, such as "
            "DVI().fit(run).landscape()."
        )
    return landscape.source
