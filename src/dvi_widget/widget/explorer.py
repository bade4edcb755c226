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

from dvi_widget.landscape import Landscape
from dvi_widget.runs.pictures import as_pictures

from .html import write_page
from .messages import Answers, Exchange, listed

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
        for name, value in sync_data.items():
            try:
                super().set_state({name: value})
            except t.TraitError:  # noqa: PERF203 - a handful of names
                self.send_state(name)

    def table(self) -> pd.DataFrame:
        """The samples as they stand at the current epoch.

        Returns
        -------
        DataFrame
            One row per sample, index 0 .. N−1: split, label, the groups, and of this epoch prediction
            (class index), confidence (in [0, 1]), correct (<NA> without a label) and selected.
            ``table[table.selected]`` is the selection.
        """
        frame = self._landscape.at(self.epoch)
        table = self._landscape.samples.copy()
        table["prediction"] = np.asarray(frame.predictions, np.int64)
        table["confidence"] = frame.confidence
        correct = (table["label"] == table["prediction"]).astype("boolean")
        table["correct"] = correct.mask(table["label"] < 0)
        table["selected"] = False
        table.loc[self.selection, "selected"] = True
        return table

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
        state = {name: getattr(self, name) for name in ("epoch", "selection", "color_by")}
        return write_page(path, self._answers, state, front_end())

    def close(self) -> None:
        """Remove the explorer from the page and stop its work."""
        exchange = getattr(self, "_exchange", None)  # absent when the constructor raised
        if exchange is not None:
            exchange.close()
        super().close()
