"""The explorer: the widget, its few traits, and what Python reads from it."""

from __future__ import annotations

import base64
import json
import operator
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets as t
from IPython.display import display
from numpy.typing import ArrayLike

from dvi_widget.arrays import as_array
from dvi_widget.landscape import PALETTES, Landscape
from dvi_widget.pictures import as_pictures
from dvi_widget.progress import progress_bar
from dvi_widget.suggestions import DEFINITIONS, check_name, ranked
from dvi_widget.texts import is_blank, is_sendable

from . import columns
from .bundle import front_end
from .conversation import Conversation
from .html import write_page
from .link import read_link
from .query import Query, Samples, Vocabulary, holds, parse
from .rendering import Pictures, Render, rendered
from .scene import Scene
from .selections import from_text, to_text
from .showing import current_place, show
from .still import View, draw, still_page
from .together import checked, frame_at, on_the_spot
from .wire import listed, quoted

_MAX_FILTER_CHARACTERS = 10_000
_MAX_VIEW_CHARACTERS = 1 << 14  # of JSON
_MIN_HEIGHT_PX, _MAX_HEIGHT_PX = 320, 2000  # as on the page
_MAX_SENT_EPOCHS = 12  # at once, unasked


def _checked_height(value: Any) -> int:
    """Check the height of the explorer."""
    height = _whole(value)
    if height is None or not _MIN_HEIGHT_PX <= height <= _MAX_HEIGHT_PX:
        raise ValueError(
            f"height must be a whole number of pixels from {_MIN_HEIGHT_PX} to {_MAX_HEIGHT_PX}; got "
            f"{quoted(value)}."
        )
    return height


def _whole(value: Any) -> int | None:
    """Return a whole number as an int, NumPy's included, and None for anything else."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


class _Whole(t.TraitType[Any, Any]):
    """A whole number, NumPy's included.

    What a validator of the explorer refuses can stay nevertheless: a page's state is validated only where it
    differs, and True equals 1.
    """

    info_text = "a whole number"

    def validate(self, obj: Any, value: Any) -> int | None:  # noqa: ARG002 - traitlets' own signature
        if value is None and self.allow_none:
            return None
        number = _whole(value)
        if number is None:
            raise t.TraitError(f"{self.name} must be a whole number; got {quoted(value)}.")
        return number


class Explorer(anywidget.AnyWidget):
    """A landscape to walk through: territories, samples and epochs, in the output of a notebook cell.

    The explorer is shown where it is displayed. What a person does on the page arrives in the attributes
    below, and setting an attribute moves the page; `observe` (of traitlets) calls back once per change.

    Parameters
    ----------
    *landscapes : Landscape
        One landscape of a fitted engine, or two over the same samples, which stand side by side
        and share time and selection. Their names (`Landscape.name`) tell them apart. A further one in three
        dimensions, as ``DVI(dimension=3)`` makes it, has a panel of its own. Without any, pictures and models
        suffice: ``Explorer(images=x, models={"mine": model})`` maps the last layer of the first model if it
        is a torch network, or else its decision function (`DeepView`), in a single frame.
    images : array, optional
        Pictures of the samples: ``[N, C, H, W]``, one or three channels, for all N samples of the
        landscape, training samples first. uint8 is taken as it is; floats in [0, 1] are multiplied by 255. By
        default, the pictures recorded with the run.
    render : callable, optional
        Maps a sample's index to what people see of it: a text, shown as it is and never as HTML, or a
        picture, ``[C, H, W]`` or ``[H, W]``, uint8 or floats in [0, 1]. It is called when somebody looks at
        the sample. By default, the columns of ``landscape.samples`` beside split, label and groups are shown.
    models : dict, optional
        Classifiers by name, as `attribute` takes them, whose attributions and layers are shown side by side.
        They take the inputs that were recorded with the samples, or else the pictures as floats in [0, 1].
        Their answers are cached: after training one further, make a new explorer. By default, the recorded
        network at the epoch shown, if the run was opened with its architecture: ``Run(folder,
        model=network)``.
    vae : VAE, optional
        Trained on pictures such as the models take. It makes the neighbours by which single predictions are
        explained (DeepVID).
    labels : int array [N], optional
        Class indices of the pictures, where there is no landscape; by default they have no labels.
    view : str, optional
        A view as the page writes it (its menu "Share the view"), such as "epoch=5&filter=wrong": the explorer
        opens there.
    height : int, optional
        Height of the landscape with the lines above and below it, in CSS pixels, 320 to 2000; 560 by
        default. On the page, the handle at the lower edge changes it.

    Attributes
    ----------
    epoch : int
        Recorded number of the epoch shown; the last one at first. If only one of two landscapes recorded it,
        the other shows its last epoch before.
    selection : list of int
        Selected samples by their original indices, ascending. Any one-dimensional collection of indices may
        be assigned; repeats are dropped. To the browser it is a text (see `dvi_widget.widget.selections`), so
        that ``jslink((a, "selection"), (b, "selection"))`` links two explorers.
    hovered : int or None
        The sample under the pointer.
    color_by : str
        The meaning of a point's colour: "label", "prediction", "correctness", "split", "confidence", a group;
        where the engine knows enough, "margin" (of the two highest probabilities), "loss" (cross-entropy of
        the label), "lost neighbours" (the share of a sample's 15 nearest that the map loses) and measures
        over all epochs, such as "aum" or "forgetting events"; or a column of ``landscape.samples``, numbers
        on a scale and up to 100 categories in a colour each.
    size_by : str
        The meaning of a point's size: one of these, or "" for one size.
    filter : str
        Conditions that the samples shown must all meet, while the rest fades, such as "label:cat,dog
        pred:owl conf<0.6 split:test flipped changed:3-7 #1786 wrong"; "-" before a condition negates it, and
        names with spaces stand in quotation marks. "" shows all samples. Text that a person is still typing
        on the page may hold conditions that are not understood; the others count.
    selections : dict of str to list of int
        Named selections. Assign a whole dict, whose values are checked as `selection` is:
        ``explorer.selections = {**explorer.selections, "odd ones": indices}``. Changes inside the dict go
        unnoticed.

    Raises
    ------
    TypeError
        If there is no landscape, an argument has the wrong type, or `render` gives neither texts nor
        pictures.
    ValueError
        If there are more than two flat landscapes, they differ in samples or classes, none is flat, the
        pictures do not fit the samples, or the height is out of its range.
    traitlets.TraitError
        If an attribute is set to what the landscape does not have; it keeps its value.
    FileNotFoundError
        If the front end was never built.
    """

    _esm = t.Unicode().tag(sync=True)
    # Plain traits, checked below: traitlets' own numbers and lists refuse NumPy's.
    epoch: t.TraitType[int, Any] = _Whole().tag(sync=True)
    selection: t.TraitType[list[int], Any] = t.TraitType().tag(
        sync=True,
        to_json=lambda indices, _: to_text(indices),
        from_json=lambda text, _: _read_selection("selection", text),
    )
    hovered: t.TraitType[int | None, Any] = _Whole(None, allow_none=True).tag(sync=True)
    color_by = t.Unicode("label").tag(sync=True)
    size_by = t.Unicode("").tag(sync=True)
    filter = t.Unicode("").tag(sync=True)
    selections: t.TraitType[dict[str, list[int]], Any] = t.TraitType().tag(
        sync=True,
        to_json=lambda named, _: {name: to_text(indices) for name, indices in named.items()},
        from_json=lambda named, _: {
            name: _read_selection(f"selections[{name!r}]", text) for name, text in _as_named(named).items()
        },
    )
    # The page's own state (panel, palette, speed, …), kept for the next time it is opened.
    _view: t.TraitType[dict[str, Any], Any] = t.TraitType().tag(sync=True)
    # The latest answers that no page had to ask for (see `refresh`): a page that opens while the kernel is
    # busy finds them in the state of the widget. The token tells a page which explorer it shows.
    _pushed: t.List[dict[str, Any]] = t.List().tag(sync=True)
    _token = t.Unicode().tag(sync=True)

    def __init__(
        self,
        *landscapes: Landscape,
        images: ArrayLike | None = None,
        render: Render | None = None,
        models: Mapping[str, Any] | None = None,
        vae: Any = None,
        labels: ArrayLike | None = None,
        view: str | None = None,
        height: int | None = None,
    ) -> None:
        landscapes, images = on_the_spot(landscapes, images, models, labels)
        landscapes, solid = checked(landscapes)
        self._landscapes = landscapes
        self._epochs = sorted({epoch for landscape in landscapes for epoch in landscape.epochs})
        self._sent: list[list[int]] = [[] for _ in landscapes]  # epochs that `refresh` has sent
        recorded = [landscape.images for landscape in landscapes if landscape.images is not None]
        pictures: Pictures | None = (
            (recorded[0] if recorded else None) if images is None else as_pictures(images, "images")
        )
        n = len(landscapes[0].samples)
        if pictures is not None and pictures.shape[0] != n:
            raise ValueError(
                f"images must hold a picture for each of the {n} samples; got {pictures.shape[0]}."
            )
        describe = None
        if render is not None:
            drawn, describe = rendered(render, n)
            if drawn is not None and images is not None:
                raise ValueError("images must be left out where render draws pictures; got both. Pass one.")
            pictures = drawn or pictures
        if models is not None:
            from .questions.models import check_models  # noqa: PLC0415 - loads torch, as models do

            check_models(models)
        self._scene = Scene(landscapes, pictures, describe=describe, models=models, vae=vae, solid=solid)
        if vae is not None:
            from .questions.predictions import check_vae  # noqa: PLC0415 - loads torch, as a VAE does

            check_vae(self._scene)
        self._filter_from_page: object = None  # while a page sets it
        self._let_go = False
        self._conversation = Conversation(self._scene, self.send)
        super().__init__(
            _esm=front_end(),
            epoch=self._epochs[-1],
            selection=[],
            selections={},
            _view={} if height is None else {"height": _checked_height(height)},
            _token=secrets.token_hex(8),
        )
        self.on_msg(self._receive)
        if view is not None:
            self._open(view)

    def _open(self, view: str) -> None:
        """Take over a view that a page wrote."""
        try:
            attributes = read_link(view)
        except ValueError as error:
            raise ValueError(f"view must be a text that a page wrote; got {quoted(view)}. {error}") from None
        try:
            for name, value in attributes.items():
                setattr(self, name, {**self._view, **value} if name == "_view" else value)
        except t.TraitError as error:
            raise ValueError(f"view must fit these landscapes; got {quoted(view)}: {error}") from None

    def __repr__(self) -> str:
        n, epochs = len(self._scene), len(self._epochs)
        two = "2 landscapes, " if len(self._landscapes) > 1 else ""
        return f"Explorer({two}{n:,} samples, {epochs} epoch{'s' if epochs > 1 else ''})"

    def refresh(self) -> None:
        """Take over epochs that were appended to the landscapes, and send them to the pages.

        Pages show the new epochs without asking, so even while the kernel is busy. Of many, the latest are
        sent; pages ask for the others when the kernel is free.
        """
        known = self._sent
        self._sent = [list(landscape.epochs) for landscape in self._landscapes]
        self._epochs = sorted({epoch for epochs in self._sent for epoch in epochs})
        self._scene.refresh()
        questions: list[tuple[str, dict[str, Any]]] = [("hello", {})]
        for number, (epochs, before) in enumerate(zip(self._sent, known, strict=True)):
            new = [epoch for epoch in epochs if epoch not in before] or epochs[-1:]
            for epoch in new[-_MAX_SENT_EPOCHS:]:
                place = {"landscape": number, "epoch": epoch}
                questions += [("frame", place), ("canvas", place)]
            questions.append(("events", {"landscape": number}))
        self._pushed = [self._conversation.answer(op, args) for op, args in questions]

    def _ipython_display_(self) -> None:
        """Show the widget, and after it a picture for when the notebook is opened without its kernel.

        Two outputs, because JupyterLab prefers the widget to any picture in the same output, even where
        it then finds no widget.
        """
        self._take_up()
        show(self, current_place())
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            display(repr(self))  # type: ignore[no-untyped-call]
            return
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        display(data, raw=True, metadata=metadata[0] if metadata else None)  # type: ignore[no-untyped-call]
        png = base64.b64encode(self._still()).decode("ascii")
        page = still_page(self._token, png, repr(self))
        still = {"text/html": page, "image/png": png, "text/plain": ""}
        display(still, raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Give the widget, and a picture of it for viewers of the notebook that have no kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        # Some versions of anywidget add metadata.
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**data, "image/png": base64.b64encode(self._still()).decode("ascii")}
        return (data, *metadata) if metadata else data

    def _still(self) -> bytes:
        """Draw what the page shows as a PNG."""
        selected = np.zeros(len(self._scene), bool)
        selected[self.selection] = True
        frames = [(landscape, frame_at(landscape, self.epoch)) for landscape in self._landscapes]
        visible = holds(self._query(self.filter), self._facts(self._landscapes[0]))
        palette = self._view.get("palette")
        # A page of another version may have left a palette that is not known here.
        if not isinstance(palette, str) or palette not in PALETTES:
            palette = next(iter(PALETTES))
        try:
            column = columns.at_once(self._scene, frames[0][1], self.color_by)
        except KeyError:
            return draw(View(frames, "label", selected, visible, palette))
        return draw(View(frames, self.color_by, selected, visible, palette, column))

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """Take a message of a page."""
        del buffers
        self._pushed = []  # the kernel is free again, and pages can ask
        self._conversation.receive(content)

    @t.validate("epoch")
    def _check_epoch(self, proposal: Any) -> int:
        epoch = _whole(proposal["value"])
        if epoch not in self._epochs:
            raise t.TraitError(
                f"epoch must be a recorded one ({listed(self._epochs)}); got {quoted(proposal['value'])}."
            )
        return epoch

    @t.validate("color_by", "size_by")
    def _check_column(self, proposal: Any) -> str:
        name, value = proposal["trait"].name, str(proposal["value"])
        known = [*(("",) if name == "size_by" else ()), *columns.names(self._scene)]
        if value not in known:
            raise t.TraitError(f"{name} must be one of {', '.join(map(repr, known))}; got {quoted(value)}.")
        return value

    @t.validate("hovered")
    def _check_hovered(self, proposal: Any) -> int | None:
        value = proposal["value"]
        return None if value is None else self._index(value, "hovered")

    @t.validate("selection")
    def _check_selection(self, proposal: Any) -> list[int]:
        return self._indices(proposal["value"], "selection")

    @t.validate("selections")
    def _check_selections(self, proposal: Any) -> dict[str, list[int]]:
        named = _as_named(proposal["value"])
        return {name: self._indices(indices, f"selections[{name!r}]") for name, indices in named.items()}

    @t.validate("_view")
    def _check_view(self, proposal: Any) -> dict[str, Any]:
        value = proposal["value"]
        try:
            fits = isinstance(value, dict) and len(json.dumps(value, allow_nan=False)) <= _MAX_VIEW_CHARACTERS
        except (TypeError, ValueError, RecursionError):
            fits = False
        if not fits:
            raise t.TraitError(
                f"_view must be a dict of JSON of at most {_MAX_VIEW_CHARACTERS} characters; got "
                f"{quoted(value)}."
            )
        return dict(value)

    @t.validate("filter")
    def _check_filter(self, proposal: Any) -> str:
        text: str = proposal["value"]
        if len(text) > _MAX_FILTER_CHARACTERS or not is_sendable(text):
            raise t.TraitError(
                f"filter must be a text of at most {_MAX_FILTER_CHARACTERS} whole characters; got "
                f"{quoted(text)}."
            )
        # A text that a person is typing on the page must not be refused: that would take it out of their
        # hands.
        problems = () if text == self._filter_from_page else self._query(text).problems
        if problems:
            reasons = " ".join(f"{text[part.start : part.end]!r}: {part.sentence}" for part in problems)
            raise t.TraitError(f"filter must hold conditions that are understood; got {reasons}")
        return text

    def _query(self, text: str) -> Query:
        """Read a filter with the names of these landscapes."""
        scene = self._scene
        return parse(text, Vocabulary(len(scene), scene.classes, scene.groups, self._epochs))

    def _indices(self, value: Any, name: str) -> list[int]:
        """Check a mask or a collection of sample indices; return indices ascending, each once."""
        if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
            raise t.TraitError(
                f"{name} must be a mask or a collection of sample indices; got {quoted(value)}."
            )
        n = len(self._scene)
        selected = np.zeros(n, bool)
        held = value if hasattr(value, "__array__") or hasattr(value, "to_numpy") else list(value)
        if isinstance(held, list) and set(map(type, held)) not in ({int}, {bool}, set()):
            held = [self._index(index, name) for index in held]
        try:
            # An empty list would be an array of floats.
            array = as_array(name, np.empty(0, np.int64) if isinstance(held, list) and not held else held)
        except (TypeError, ValueError) as error:
            for index in held if isinstance(held, list) else ():
                self._index(index, name)
            raise t.TraitError(str(error)) from None
        if array.dtype == bool:
            if array.shape != (n,):
                raise t.TraitError(f"{name} must have shape ({n},) if it is a mask; got shape {array.shape}.")
            selected = array
        elif (
            array.dtype.kind in "iu"
            and array.ndim == 1
            and 0 <= array.min(initial=0) <= array.max(initial=0) < n
        ):
            selected[array] = True
        else:
            # One by one, to name what is wrong with them.
            selected[[self._index(index, name) for index in array.tolist()]] = True
        indices: list[int] = np.flatnonzero(selected).tolist()
        return indices

    def _index(self, value: Any, name: str) -> int:
        """Check the index of a sample."""
        n, index = len(self._scene), _whole(value)
        if index is None or not 0 <= index < n:
            raise t.TraitError(
                f"{name} must name samples by whole numbers from 0 to {n - 1}; got {quoted(value)}."
            )
        return index

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take the page's state; what is refused is reset on the page.

        Parameters
        ----------
        sync_data
            Attributes by name, as ipywidgets receives them.
        """
        self._filter_from_page = sync_data.get("filter")
        try:
            for name, value in sync_data.items():
                try:
                    super().set_state({name: value})
                except t.TraitError:  # noqa: PERF203 - a handful of names
                    self.send_state(name)
        finally:
            self._filter_from_page = None

    def table(self, landscape: int = 0) -> pd.DataFrame:
        """Tabulate the samples as they stand at the current epoch.

        Parameters
        ----------
        landscape
            0 or 1: which of two landscapes gives the predictions.

        Returns
        -------
        DataFrame
            One row per sample, index 0..N−1, with the columns split, label, the groups, and at this epoch
            prediction (class index), confidence (in [0, 1]), correct (<NA> without a label), selected,
            shown (whether the filter shows it), and tags (the names of the `selections` it is in, joined by
            "; "). ``table[table.selected]`` is the selection; ``table.to_csv(path)`` writes it all, and
            ``table.to_parquet(path)`` where pyarrow is installed.

        Raises
        ------
        IndexError
            If there is no such landscape.
        """
        side = self._side(landscape)
        frame = frame_at(side, self.epoch)
        table = self._scene.samples.copy()
        table["prediction"] = np.asarray(frame.predictions, np.int64)
        table["confidence"] = frame.confidence
        correct = (table["label"] == table["prediction"]).astype("boolean")
        table["correct"] = correct.mask(table["label"] < 0)
        table["selected"] = False
        table.loc[self.selection, "selected"] = True
        table["shown"] = holds(self._query(self.filter), self._facts(side))
        tags = np.full(len(table), "", object)
        for name, indices in self.selections.items():
            tags[indices] = [f"{before}; {name}" if before else name for before in tags[indices]]
        table["tags"] = tags
        return table

    def _facts(self, landscape: Landscape) -> Samples:
        """Collect what a filter may ask about the samples at the current epoch."""
        table, frame = self._scene.samples, frame_at(landscape, self.epoch)
        return Samples(
            labels=table["label"].to_numpy(),
            predictions=frame.predictions,
            confidence=frame.confidence,
            test=(table["split"] == "test").to_numpy(),
            groups={name: table[name].to_numpy(bool) for name in self._scene.groups},
            predictions_at=lambda epoch: frame_at(landscape, epoch).predictions,
        )

    def suggestions(self, name: str | None = None, landscape: int = 0) -> pd.DataFrame:
        """Rank samples that deserve a look, by their training dynamics over all epochs.

        Parameters
        ----------
        name
            "likely mislabelled", "forgotten", "on the boundary" or "late learners". None returns these names
            and their definitions.
        landscape
            0 or 1: which of two landscapes to read.

        Returns
        -------
        DataFrame
            Without a name, one row per list with its definition. With a name, the samples of that list, best
            first; the index holds their numbers, so that ``explorer.selection = table.index[:50]`` selects
            the first fifty. The columns are split and the measures of
            `dvi_widget.suggestions.TrainingDynamics.table`, where confidence is the mean probability of the
            label.

        Raises
        ------
        ValueError
            If there is no such list, the landscape has fewer than two epochs, or its engine does not know the
            logits.
        IndexError
            If there is no such landscape.
        """
        dynamics = self._scene.dynamics[self._side(landscape)]
        if name is None:
            return pd.DataFrame(DEFINITIONS.items(), columns=["name", "definition"])
        check_name(name)
        with progress_bar(total=100, desc="reading logits", leave=False, delay=2) as bar:
            table = dynamics.table(lambda share, *_: bar.update(round(100 * share) - bar.n))
        return ranked(table, name)

    def _side(self, number: int) -> Landscape:
        """Return a landscape by its number."""
        count = len(self._landscapes)
        if number not in range(count):
            numbers = "0, as there is one landscape" if count == 1 else "0 or 1"
            raise IndexError(f"landscape must be {numbers}; got {quoted(number)}.")
        return self._landscapes[number]

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the explorer, as it stands, as one file that needs no kernel and no network.

        Canvases that were not looked at before are painted now, under a progress bar. Pictures larger than
        64 × 64 pixels are fitted into that size.

        Parameters
        ----------
        path
            The file to write, in a folder that exists. A page written before is replaced, another file is
            not.

        Returns
        -------
        Path
            The page, absolute. An interrupted export leaves nothing behind.

        Raises
        ------
        FileExistsError
            If path is a folder, or a file that is not such a page.
        FileNotFoundError
            If the folder does not exist.
        """
        state = self.get_state(["epoch", "selection", "color_by", "size_by", "filter", "selections", "_view"])
        return write_page(path, self._scene, state, front_end())

    def let_go(self) -> None:
        """Leave the page and stop working, until the explorer is displayed once more.

        An explorer does so by itself when the cell that shows it runs again and shows another one.
        """
        self.close()
        self._let_go = True

    def _take_up(self) -> None:
        """Work again after having been let go."""
        if self._let_go:
            self._let_go = False
            self.__dict__.pop("_repr_mimebundle_", None)  # with which closing has hidden it
            self._conversation = Conversation(self._scene, self.send)
            self.layout.open()
            self.open()

    def close(self) -> None:
        """Remove the explorer from the page and stop its work."""
        conversation = getattr(self, "_conversation", None)  # absent when the constructor raised
        if conversation is not None:
            conversation.close()
            self.layout.close()  # which ipywidgets would keep
        super().close()


def _read_selection(name: str, text: object) -> list[int]:
    """Read a selection that a page sent; its samples are checked with the attribute."""
    try:
        return from_text(text)
    except ValueError:
        raise t.TraitError(f"{name} must be a bitmask in base64; got {quoted(text)}.") from None


def _as_named(value: object) -> Mapping[str, Any]:
    """Check a mapping from names to selections."""
    if not isinstance(value, Mapping):
        raise t.TraitError(f"selections must be a dict of names to sample indices; got {quoted(value)}.")
    for name in value:
        if not isinstance(name, str) or is_blank(name) or not is_sendable(name):
            raise t.TraitError(
                "selections must have texts as names that are not blank and hold whole characters; got "
                f"{quoted(name)}."
            )
    return value
