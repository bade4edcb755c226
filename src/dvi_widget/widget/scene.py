"""Everything an explorer presents: landscapes over one set of samples, their pictures, texts and models."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypedDict, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.landscape import Landscape
from dvi_widget.landscape.source import Recorded

from .dynamics import Dynamics
from .models import Models
from .rendering import Describe, Pictures, columns, is_group
from .wire import Answer, RequestError

_MAX_CACHED_BYTES = 1 << 25  # of answers: 32 MiB
_MAX_OPEN_FILES = 100  # by all explorers together


Ability = TypeVar("Ability")


class Accuracy(TypedDict):
    """Accuracy per epoch; null where a split has no labelled sample."""

    train: list[float | None]
    test: list[float | None]


class Scene:
    """Landscapes over one set of samples, with the pictures, texts and models of these samples.

    Parameters
    ----------
    landscapes
        At least one; all over the same samples and classes.
    images
        uint8 ``[N, C, H, W]`` with one or three channels, or None.
    describe
        Maps a sample's index to the text that people read; None for the columns of the table beside split,
        label and groups.
    models
        Classifiers by name that explain the samples; None for none.
    vae
        The autoencoder that makes neighbours of pictures (`dvi_widget.VAE`); None for none.
    solid
        A landscape of the same samples in three dimensions; None for none.

    Attributes
    ----------
    samples : DataFrame
        The samples, with the groups of every landscape.
    models : Models
        The classifiers that explain samples, the run's own network included.
    neighbors
        Draws neighbours of pictures by the autoencoder; None until the first question about them.
    latents
        Latent vectors of samples spread over all; None until the first picture of a place is imagined.
    regression
        From representations of an epoch to these, and which landscape and epoch they are of.
    largest : int or None
        Side in pixels into which all pictures are fitted; None for their own sizes.
    dynamics : dict of Landscape to Dynamics
        How the samples fared over the epochs.
    answers : AnswerCache
        Answers that took long, by request.
    """

    def __init__(
        self,
        landscapes: Sequence[Landscape],
        images: Pictures | None = None,
        *,
        describe: Describe | None = None,
        models: Mapping[str, Any] | None = None,
        vae: Any = None,
        solid: Landscape | None = None,
    ) -> None:
        self.landscapes = list(landscapes)
        self.solid = solid
        self.classes = self.landscapes[0].classes
        self.samples = self._table()
        self.images = images
        self.largest: int | None = None
        self.describe = describe or columns(self.samples)
        # Pictures that a callable draws are for people; a model takes those that were recorded or passed.
        self.models = Models(self.landscapes, models, images if isinstance(images, np.ndarray) else None)
        self.vae = vae
        self.neighbors: Any = None
        self.latents: NDArray[np.float32] | None = None
        self.regression: Any = None
        self.dynamics = {landscape: Dynamics(landscape) for landscape in self.landscapes}
        self.answers = AnswerCache()

    def _table(self) -> pd.DataFrame:
        first, *others = [landscape.samples for landscape in self.landscapes]
        added = [table[[name for name in table.columns if name not in first.columns]] for table in others]
        return pd.concat([first, *added], axis=1) if added else first

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def groups(self) -> list[str]:
        """Names of the recorded groups."""
        names = [name for name in self.samples.columns if name not in ("label", "split")]
        return [str(name) for name in names if is_group(self.samples, name)]

    @cached_property
    def accuracy(self) -> dict[Landscape, Accuracy]:
        """Share of labelled samples that are predicted as labelled, by landscape, split and epoch."""
        label = self.samples["label"].to_numpy()
        test = (self.samples["split"] == "test").to_numpy()

        def course(landscape: Landscape, rows: NDArray[np.bool_]) -> list[float | None]:
            if not rows.any():
                return [None] * len(landscape)
            return [float((frame.predictions[rows] == label[rows]).mean()) for frame in landscape]

        return {
            landscape: {
                "train": course(landscape, ~test & (label >= 0)),
                "test": course(landscape, test & (label >= 0)),
            }
            for landscape in self.landscapes
        }

    def refresh(self) -> None:
        """Forget what was computed before epochs were appended to the landscapes."""
        self.__dict__.pop("accuracy", None)
        self.answers.clear()

    @property
    def names(self) -> list[str]:
        """Names of the landscapes; two of one engine are named by the folders of their runs."""
        names = [landscape.name for landscape in self.landscapes]
        sources = [landscape.source for landscape in self.landscapes]
        folders = [source.folder.name for source in sources if isinstance(source, Recorded)]
        alike = len(set(names)) < len(names)
        return folders if alike and len(set(folders)) == len(names) else names

    def fitted_into(self, side: int) -> Scene:
        """Copy this scene with its pictures fitted into side × side pixels; cached answers are shared."""
        smaller = copy.copy(self)
        smaller.largest = side
        return smaller


class AnswerCache:
    """The most recent answers by request, up to a number of bytes.

    Parameters
    ----------
    limit
        Bytes that the arrays of all answers may take together; the latest answer stays whatever it takes.
    """

    def __init__(self, limit: int = _MAX_CACHED_BYTES) -> None:
        self._limit = limit
        self._answers: dict[str, Answer] = {}
        self._nbytes = 0
        self._lock = threading.Lock()  # an export reads while a worker writes

    def get(self, request: str) -> Answer | None:
        """Return the answer to a request, or None."""
        return self._answers.get(request)

    def put(self, request: str, answer: Answer) -> None:
        """Keep an answer, and drop the oldest ones beyond the limit."""
        with self._lock:
            self._drop(request)
            self._answers[request] = answer
            self._nbytes += _nbytes(answer)
            while self._nbytes > self._limit and len(self._answers) > 1:
                self._drop(next(iter(self._answers)))

    def clear(self) -> None:
        """Drop all answers."""
        with self._lock:
            for request in list(self._answers):
                self._drop(request)

    def _drop(self, request: str) -> None:
        if request in self._answers:
            self._nbytes -= _nbytes(self._answers.pop(request))

    def items(self) -> list[tuple[str, Answer]]:
        """List requests and their answers, the oldest first."""
        with self._lock:
            return list(self._answers.items())


@lru_cache(_MAX_OPEN_FILES)
def logits(landscape: Landscape, epoch: int) -> NDArray[np.float32]:
    """Return the logits of all samples, float32 [N, C], for reading a few rows.

    Opening a file takes longer than that, so the latest files stay open: the same ones for all explorers of a
    process, as notebooks leave many behind and a process may open about a thousand files.
    """
    recorded: NDArray[np.float32] = landscape.source.logits(epoch)
    return recorded


def _nbytes(answer: Answer) -> int:
    return sum(array.nbytes for array in answer.arrays.values())


def engine(landscape: Landscape, ability: type[Ability], what: str) -> Ability:
    """Return the engine behind a landscape, as something that has an ability.

    Parameters
    ----------
    landscape
        The landscape.
    ability
        A protocol of `dvi_widget.landscape.source`.
    what
        The purpose of the ability, as the beginning of a sentence.

    Raises
    ------
    RequestError
        If the landscape has no engine with that ability.
    """
    try:
        return landscape.require(ability)
    except RuntimeError:
        raise RequestError(
            f"{what} need an engine that can answer; this landscape has none. Show the landscape of a fitted "
            "model, such as DVI().fit(run).landscape()."
        ) from None
