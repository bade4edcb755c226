"""The explorer: the widget, its few traits, and what Python reads from it."""

from __future__ import annotations

import base64
import json
import math
import operator
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from dvi_widget.landscape import PALETTES, Frame, Landscape
from dvi_widget.runs.pictures import as_pictures
from dvi_widget.suggestions import DEFINITIONS, check_name, ranked

from .bundles import front_end
from .conversation import Conversation
from .html import write_page
from .query import Query, Samples, Vocabulary, holds, parse
from .questions.models import check_models
from .questions.predictions import check_vae
from .rendering import Pictures, Render, rendered
from .scene import Scene
from .still import View, draw
from .wire import listed

_MAX_VIEW = 4096  # characters of JSON


def _whole(value: Any) -> int | None:
    """A whole number as an int, NumPy's included; None if it is something else."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _check_alike(landscapes: Sequence[Landscape]) -> None:
    """Refuse what cannot be shown, or not side by side."""
    for landscape in landscapes or (None,):
        if not isinstance(landscape, Landscape):
            given = "nothing" if landscape is None and not landscapes else type(landscape).__name__
            raise TypeError(
                f"`landscape` must be a Landscape, not {given}; a fitted engine gives one: "
                "DVI().fit(run).landscape()."
            )
        dimensions = landscape[0].positions.shape[1]
        if dimensions != 2:
            raise ValueError(f"landscape has {dimensions} dimensions; the explorer draws two.")
    if len(landscapes) > 2:
        raise ValueError(f"landscapes: at most two can stand side by side; found {len(landscapes)}.")
    if len(landscapes) == 2:
        difference = _difference(*landscapes)
        if difference:
            raise ValueError(
                f"landscapes: two side by side must be of the same samples and classes; {difference}."
            )


def _difference(a: Landscape, b: Landscape) -> str:
    """What makes samples or classes of two landscapes differ; nothing if they are the same."""
    if a.classes != b.classes:
        return f"the classes are {_few(a.classes)} in the first and {_few(b.classes)} in the second"
    if len(a.samples) != len(b.samples):
        return f"there are {len(a.samples)} samples in the first and {len(b.samples)} in the second"
    for column in ("split", "label"):
        here, there = a.samples[column].to_numpy(), b.samples[column].to_numpy()
        if (here != there).any():
            first = int((here != there).argmax())
            found = f"{here[first]} in the first and {there[first]} in the second"
            return f"the {column} of sample {first} is {found}"
    return ""


def _few(names: Sequence[str]) -> str:
    """The first few of some names."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _at(landscape: Landscape, epoch: int) -> Frame:
    """What a landscape shows at an epoch that perhaps only the one beside it recorded."""
    before = [known for known in landscape.epochs if known <= epoch]
    return landscape.at(before[-1] if before else landscape.epochs[0])


class Explorer(anywidget.AnyWidget):
    """A landscape to walk through: territories, samples and epochs, in the output of a notebook cell.

    Displaying it shows it. What a person does at the page arrives in the attributes below, and setting
    an attribute moves the page; `observe` (of traitlets) calls back once per change.

    Parameters
    ----------
    *landscapes : Landscape
        What to show, as a fitted engine gives it: one, or two over the same samples and classes, which then
        stand side by side over one time and one selection. Their names (`Landscape.name`) tell them apart.
    images : array, optional
        What people see of the samples: ``[N, C, H, W]``, one or three channels, for all N samples of
        the landscape, train rows first. uint8 is taken as it is; floats in [0, 1] are multiplied by
        255. Without it, the pictures recorded with the run.
    render : callable, optional
        Takes a sample's index and gives what people see of it: a text, shown as it is and never as HTML, or a
        picture, ``[C, H, W]`` or ``[H, W]``, uint8 or floats in [0, 1]. It is called when the sample is
        looked at. Without it, columns of ``landscape.samples`` beside split, label and groups are shown.
    models : dict, optional
        Classifiers by name, whatever `attribute` takes, whose attributions and layers are shown side by
        side. They are given the inputs that were recorded with the samples, or else the pictures as floats
        in [0, 1]. Without it, the recorded network itself at the epoch shown, if the run was opened with
        its architecture: ``Run(folder, model=network)``.
    vae : VAE, optional
        Trained on pictures such as the models take. It makes the neighbours by which single predictions
        are explained (DeepVID).

    Attributes
    ----------
    epoch : int
        Recorded number of the epoch shown; at first the last one. Of two landscapes, the one that did not
        record it shows its last one before.
    selection : list of int
        Selected samples by their original indices, ascending. Any one-dimensional collection of
        indices may be assigned; repeats are dropped.
    hovered : int or None
        The sample under the pointer.
    color_by : str
        What a point's colour means: "label", "prediction" or "correctness".
    filter : str
        Which samples are shown while the rest fades: conditions that must all hold, such as
        "label:cat,dog pred:owl conf<0.6 split:test flipped changed:3-7 #1786 wrong"; "-" before a condition
        means that it must not hold, and names with spaces stand in quotation marks. "" shows all. What a
        person is still typing at the page may not be understood yet; the rest of it counts.
    selections : dict of str to list of int
        Selections that were kept, by name. Assign a whole dict, which is told and checked as `selection` is:
        ``explorer.selections = {**explorer.selections, "odd ones": indices}``. Changing the dict in place
        tells nobody.

    Raises
    ------
    TypeError
        If there is no landscape, what is given is none, or render gives neither texts nor pictures.
    ValueError
        If there are more than two, they are of different samples or classes or not two-dimensional, or the
        pictures do not fit the samples.
    traitlets.TraitError
        When an attribute is set to what the landscape does not have; it keeps its value.
    FileNotFoundError
        If the front end was never built.
    """

    _esm = t.Unicode().tag(sync=True)
    # Plain traits, checked below: traitlets' own numbers and lists refuse NumPy's.
    epoch: t.TraitType[int, Any] = t.TraitType().tag(sync=True)
    selection: t.TraitType[list[int], Any] = t.TraitType().tag(sync=True)
    hovered: t.TraitType[int | None, Any] = t.TraitType(None, allow_none=True).tag(sync=True)
    color_by = t.Enum(["label", "prediction", "correctness"], "label").tag(sync=True)
    filter = t.Unicode("").tag(sync=True)
    selections: t.TraitType[dict[str, list[int]], Any] = t.TraitType().tag(sync=True)
    # How the page was left (panel, palette, speed, …): the page's own, kept for the next time it is opened.
    _view: t.TraitType[dict[str, Any], Any] = t.TraitType().tag(sync=True)

    def __init__(
        self,
        *landscapes: Landscape,
        images: ArrayLike | None = None,
        render: Render | None = None,
        models: Mapping[str, Any] | None = None,
        vae: Any = None,
    ) -> None:
        _check_alike(landscapes)
        self._landscapes = landscapes
        self._epochs = sorted({epoch for landscape in landscapes for epoch in landscape.epochs})
        own = [landscape.images for landscape in landscapes if landscape.images is not None]
        pictures: Pictures | None = (
            (own[0] if own else None) if images is None else as_pictures(images, "images")
        )
        n = len(landscapes[0].samples)
        if pictures is not None and pictures.shape[0] != n:
            raise ValueError(f"images holds {pictures.shape[0]} pictures; the landscape has {n} samples.")
        words = None
        if render is not None:
            made, words = rendered(render, n)
            if made is not None and images is not None:
                raise ValueError("render gives pictures, and images are given too; pass one of them.")
            pictures = made or pictures
        self._typed: object = None  # the filter that a page is just setting
        if models is not None:
            check_models(models)
        self._scene = Scene(landscapes, pictures, describe=words, models=models, vae=vae)
        if vae is not None:
            check_vae(self._scene)
        self._conversation = Conversation(self._scene, self.send)
        super().__init__(_esm=front_end(), epoch=self._epochs[-1], selection=[], selections={}, _view={})
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        n, epochs = len(self._scene), len(self._epochs)
        two = "2 landscapes, " if len(self._landscapes) > 1 else ""
        return f"Explorer({two}{n:,} samples, {epochs} epoch{'s' if epochs > 1 else ''})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture of it for viewers of the notebook that have no kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        # Some versions of anywidget add metadata.
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**data, "image/png": base64.b64encode(self._still()).decode("ascii")}
        return (data, *metadata) if metadata else data

    def _still(self) -> bytes:
        """PNG of what is shown."""
        selected = np.zeros(len(self._scene), bool)
        selected[self.selection] = True
        frames = [(landscape, _at(landscape, self.epoch)) for landscape in self._landscapes]
        shown = holds(self._query(self.filter), self._known(0))
        palette = self._view.get("palette")
        # What a page left may be of another version, and is nobody's fault here.
        known = palette if isinstance(palette, str) and palette in PALETTES else next(iter(PALETTES))
        return draw(View(frames, self.color_by, selected, shown, known))

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """One message of a page."""
        del buffers
        self._conversation.receive(content)

    @t.validate("epoch")
    def _check_epoch(self, proposal: Any) -> int:
        epoch = _whole(proposal["value"])
        if epoch not in self._epochs:
            raise t.TraitError(
                f"epoch {proposal['value']!r} was not recorded; recorded are {listed(self._epochs)}."
            )
        return epoch

    @t.validate("hovered")
    def _check_hovered(self, proposal: Any) -> int | None:
        value = proposal["value"]
        return None if value is None else self._sample(value, "hovered")

    @t.validate("selection")
    def _check_selection(self, proposal: Any) -> list[int]:
        return self._indices(proposal["value"], "selection")

    @t.validate("selections")
    def _check_selections(self, proposal: Any) -> dict[str, list[int]]:
        value = proposal["value"]
        if not isinstance(value, Mapping):
            raise t.TraitError(f"`selections` must be a dict of names to sample indices, not {value!r}.")
        for name in value:
            if not isinstance(name, str) or not name.strip():
                raise t.TraitError(f"selections: a name must be a text that is not blank, not {name!r}.")
        return {name: self._indices(indices, f"selections[{name!r}]") for name, indices in value.items()}

    @t.validate("_view")
    def _check_view(self, proposal: Any) -> dict[str, Any]:
        value = proposal["value"]
        plain = (str, int, float, type(None))
        if (
            not isinstance(value, dict)
            or not all(isinstance(name, str) and isinstance(kept, plain) for name, kept in value.items())
            or len(json.dumps(value)) > _MAX_VIEW
            or any(isinstance(kept, float) and not math.isfinite(kept) for kept in value.values())
        ):
            raise t.TraitError(f"`_view` must be a dict of JSON's scalars, {_MAX_VIEW} characters at most.")
        return value

    def _indices(self, value: Any, name: str) -> list[int]:
        """Any collection of sample indices, ascending, each once."""
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise t.TraitError(f"`{name}` must be a collection of sample indices, not {value!r}.")
        if getattr(value, "dtype", None) in (bool, "boolean"):
            raise t.TraitError(f"{name} takes indices, not a mask: pass np.flatnonzero(mask).")
        return sorted({self._sample(index, name) for index in value})

    @t.validate("filter")
    def _check_filter(self, proposal: Any) -> str:
        text: str = proposal["value"]
        # Sending a person's text back while it is being written would take it out of their hands.
        problems = () if text == self._typed else self._query(text).problems
        if problems:
            reasons = " ".join(f"{text[part.start : part.end]!r}: {part.sentence}" for part in problems)
            raise t.TraitError(f"filter is not understood. {reasons}")
        return text

    def _query(self, text: str) -> Query:
        """A filter, read with the names of these landscapes."""
        scene = self._scene
        known = Vocabulary(len(scene), scene.classes, scene.groups, self._epochs)
        return parse(text, known)

    def _sample(self, value: Any, name: str) -> int:
        n = len(self._scene)
        index = _whole(value)
        if index is None:
            raise t.TraitError(f"{name}: a sample's index must be a whole number, not {value!r}.")
        if not 0 <= index < n:
            raise t.TraitError(f"{name}: there is no sample {index}; samples are numbered 0 to {n - 1}.")
        return index

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take the page's state; what it may not be is answered with what it is.

        Parameters
        ----------
        sync_data
            Attributes by name, as ipywidgets receives them.
        """
        self._typed = sync_data.get("filter")
        try:
            for name, value in sync_data.items():
                try:
                    super().set_state({name: value})
                except t.TraitError:  # noqa: PERF203 - a handful of names
                    self.send_state(name)
        finally:
            self._typed = None

    def table(self, landscape: int = 0) -> pd.DataFrame:
        """The samples as they stand at the current epoch.

        Parameters
        ----------
        landscape : int
            Whose predictions, of two landscapes: 0 or 1.

        Returns
        -------
        DataFrame
            One row per sample, index 0 .. N−1: split, label, the groups, and of this epoch prediction
            (class index), confidence (in [0, 1]), correct (<NA> without a label), selected, and shown
            (whether the filter shows it). ``table[table.selected]`` is the selection.

        Raises
        ------
        IndexError
            If there is no such landscape.
        """
        frame = _at(self._landscapes[self._place(landscape)], self.epoch)
        table = self._scene.samples.copy()
        table["prediction"] = np.asarray(frame.predictions, np.int64)
        table["confidence"] = frame.confidence
        correct = (table["label"] == table["prediction"]).astype("boolean")
        table["correct"] = correct.mask(table["label"] < 0)
        table["selected"] = False
        table.loc[self.selection, "selected"] = True
        table["shown"] = holds(self._query(self.filter), self._known(landscape))
        return table

    def _known(self, place: int) -> Samples:
        """What a filter may ask about the samples at the current epoch of a landscape."""
        table, shown = self._scene.samples, self._landscapes[place]
        frame = _at(shown, self.epoch)
        return Samples(
            labels=table["label"].to_numpy(),
            predictions=frame.predictions,
            confidence=frame.confidence,
            test=(table["split"] == "test").to_numpy(),
            groups={name: table[name].to_numpy(bool) for name in self._scene.groups},
            predictions_at=lambda epoch: _at(shown, epoch).predictions,
        )

    def suggestions(self, name: str | None = None, landscape: int = 0) -> pd.DataFrame:
        """Samples that deserve a look, by their training dynamics over all epochs of the landscape.

        Parameters
        ----------
        name
            "likely mislabelled", "forgotten", "on the boundary" or "late learners". None tells the names and
            what each of them means.
        landscape : int
            Whose training, of two landscapes: 0 or 1.

        Returns
        -------
        DataFrame
            Without a name: the lists, one row each, with their definition. Else the samples of that list,
            those that deserve it most first; the index holds their numbers, so that
            ``explorer.selection = table.index[:50]`` selects the first fifty. Columns are split and the
            measures of `dvi_widget.suggestions.TrainingDynamics.table`, in which confidence is the mean
            probability of the label.

        Raises
        ------
        ValueError
            If there is no such list, the landscape has fewer than two epochs, or no engine behind it knows
            the logits.
        IndexError
            If there is no such landscape.
        """
        place = self._place(landscape)
        if name is None:
            return pd.DataFrame(DEFINITIONS.items(), columns=["name", "definition"])
        check_name(name)
        with tqdm(total=100, desc="reading logits", leave=False, delay=2) as bar:
            dynamics = self._scene.dynamics[self._landscapes[place]]
            table = dynamics.table(lambda share, *_: bar.update(round(100 * share) - bar.n))
        return ranked(table, name)

    def _place(self, landscape: int) -> int:
        """The number of a landscape, checked."""
        if landscape not in range(len(self._landscapes)):
            raise IndexError(
                f"landscape: there is none of number {landscape!r}; the explorer has "
                f"{len(self._landscapes)}, counted from 0."
            )
        return landscape

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the explorer, as it stands, as one file that needs no kernel and no network.

        Every canvas that nobody has looked at yet is painted for it, under a progress bar. Pictures
        larger than 64 × 64 pixels are fitted into that.

        Parameters
        ----------
        path
            Of the page, in a folder that exists. A page written before is replaced; another file is not.

        Returns
        -------
        Path
            Of the page, absolute. Interrupted, it leaves nothing behind.

        Raises
        ------
        FileExistsError
            If path is a folder, or a file that is not such a page.
        FileNotFoundError
            If the folder does not exist.
        """
        names = ("epoch", "selection", "color_by", "filter", "selections", "_view")
        state = {name: getattr(self, name) for name in names}
        return write_page(path, self._scene, state, front_end())

    def close(self) -> None:
        """Remove the explorer from the page and stop its work."""
        conversation = getattr(self, "_conversation", None)  # absent when the constructor raised
        if conversation is not None:
            conversation.close()
        super().close()
