"""The explorer: the widget, its few traits, and what Python reads from it."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from dvi_widget.landscape import Landscape
from dvi_widget.runs.pictures import as_pictures
from dvi_widget.suggestions import check_name, ranked

from .answers import Answers
from .exchange import Exchange
from .html import write_page
from .query import Query, Samples, Vocabulary, holds, parse
from .wire import listed

BUNDLE = Path(__file__).parent / "static" / "widget.js"


@cache
def front_end() -> str:
    """The built front end.

    Returns
    -------
    str
        One ES module, for anywidget and for exported pages.

    Raises
    ------
    FileNotFoundError
        If it was never built.
    """
    try:
        return BUNDLE.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            "The explorer's front end is not built. In a checkout of dvi_widget run `make`; "
            "if dvi_widget was installed, the installation is incomplete: install it again."
        ) from None


def _whole(value: Any) -> int | None:
    """A whole number as an int, NumPy's included; None if it is something else."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


class Explorer(anywidget.AnyWidget):
    """A landscape to walk through: territories, samples and epochs, in the output of a notebook cell.

    Displaying it shows it. What a person does at the page arrives in the attributes below, and setting
    an attribute moves the page; `observe` (of traitlets) calls back once per change.

    Parameters
    ----------
    landscape : Landscape
        What to show, as a fitted engine gives it.
    images : array, optional
        What people see of the samples: ``[N, C, H, W]``, one or three channels, for all N samples of
        the landscape, train rows first. uint8 is taken as it is; floats in [0, 1] are multiplied by
        255. Without it, the pictures recorded with the run.

    Attributes
    ----------
    epoch : int
        Recorded number of the epoch shown; at first the last one.
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

    Raises
    ------
    TypeError
        If landscape is not one.
    ValueError
        If the landscape is not two-dimensional, or the pictures do not fit its samples.
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

    def __init__(self, landscape: Landscape, *, images: ArrayLike | None = None) -> None:
        if not isinstance(landscape, Landscape):
            raise TypeError(
                f"landscape must be a Landscape, not {type(landscape).__name__}; "
                "a fitted engine gives one: DVI().fit(run).landscape()."
            )
        dimensions = landscape[0].positions.shape[1]
        if dimensions != 2:
            raise ValueError(f"landscape has {dimensions} dimensions; the explorer draws two.")
        self._landscape = landscape
        pictures = landscape.images if images is None else as_pictures(images, "images")
        n = len(landscape.samples)
        if pictures is not None and len(pictures) != n:
            raise ValueError(f"images holds {len(pictures)} pictures; the landscape has {n} samples.")
        self._typed: object = None  # the filter that a page is just setting
        self._answers = Answers([landscape], pictures)
        self._exchange = Exchange(self._answers, self.send)
        super().__init__(_esm=front_end(), epoch=landscape.epochs[-1], selection=[])
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        n, epochs = len(self._landscape.samples), len(self._landscape)
        return f"Explorer({n:,} samples, {epochs} epoch{'s' if epochs > 1 else ''})"

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """One message of a page."""
        del buffers
        self._exchange.receive(content)

    @t.validate("epoch")
    def _check_epoch(self, proposal: Any) -> int:
        epochs = self._landscape.epochs
        epoch = _whole(proposal["value"])
        if epoch not in epochs:
            raise t.TraitError(
                f"epoch {proposal['value']!r} was not recorded; recorded are {listed(epochs)}."
            )
        return epoch

    @t.validate("hovered")
    def _check_hovered(self, proposal: Any) -> int | None:
        value = proposal["value"]
        return None if value is None else self._sample(value, "hovered")

    @t.validate("selection")
    def _check_selection(self, proposal: Any) -> list[int]:
        value = proposal["value"]
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise t.TraitError(f"selection must be a collection of sample indices, not {value!r}.")
        if getattr(value, "dtype", None) in (bool, "boolean"):
            raise t.TraitError("selection takes indices, not a mask: pass np.flatnonzero(mask).")
        return sorted({self._sample(index, "selection") for index in value})

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
        """A filter, read with the names of this landscape."""
        landscape = self._landscape
        known = Vocabulary(len(landscape.samples), landscape.classes, self._groups(), landscape.epochs)
        return parse(text, known)

    def _groups(self) -> list[str]:
        return [name for name in self._landscape.samples.columns if name not in {"split", "label"}]

    def _sample(self, value: Any, name: str) -> int:
        n = len(self._landscape.samples)
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

    def table(self) -> pd.DataFrame:
        """The samples as they stand at the current epoch.

        Returns
        -------
        DataFrame
            One row per sample, index 0 .. N−1: split, label, the groups, and of this epoch prediction
            (class index), confidence (in [0, 1]), correct (<NA> without a label), selected, and shown
            (whether the filter shows it). ``table[table.selected]`` is the selection.
        """
        frame = self._landscape.at(self.epoch)
        table = self._landscape.samples.copy()
        table["prediction"] = np.asarray(frame.predictions, np.int64)
        table["confidence"] = frame.confidence
        correct = (table["label"] == table["prediction"]).astype("boolean")
        table["correct"] = correct.mask(table["label"] < 0)
        table["selected"] = False
        table.loc[self.selection, "selected"] = True
        table["shown"] = holds(
            self._query(self.filter),
            Samples(
                labels=table["label"].to_numpy(),
                predictions=frame.predictions,
                confidence=frame.confidence,
                test=(table["split"] == "test").to_numpy(),
                groups={name: self._landscape.samples[name].to_numpy(bool) for name in self._groups()},
                predictions_at=lambda epoch: self._landscape.at(epoch).predictions,
            ),
        )
        return table

    def suggestions(self, name: str) -> pd.DataFrame:
        """Samples that deserve a look, by their training dynamics over all epochs of the landscape.

        Parameters
        ----------
        name
            "likely mislabelled", "forgotten", "on the boundary" or "late learners";
            `dvi_widget.suggestions.DEFINITIONS` says what each of them means.

        Returns
        -------
        DataFrame
            The samples of that list, those that deserve it most first; the index holds their numbers, so that
            ``explorer.selection = table.index[:50]`` selects the first fifty. Columns are split and the
            measures of `dvi_widget.suggestions.TrainingDynamics.table`, in which confidence is the mean
            probability of the label.

        Raises
        ------
        ValueError
            If there is no such list, the landscape has fewer than two epochs, or no engine behind it knows
            the logits.
        """
        check_name(name)
        with tqdm(total=100, desc="reading logits", leave=False, delay=2) as bar:
            table = self._answers.dynamics[0].table(
                lambda share, _, __=None: bar.update(round(100 * share) - bar.n)
            )
        return ranked(table, name)

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
        state = {name: getattr(self, name) for name in ("epoch", "selection", "color_by", "filter")}
        return write_page(path, self._answers, state, front_end())

    def close(self) -> None:
        """Remove the explorer from the page and stop its work."""
        exchange = getattr(self, "_exchange", None)  # absent when the constructor raised
        if exchange is not None:
            exchange.close()
        super().close()
