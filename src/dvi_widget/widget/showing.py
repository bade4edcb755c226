"""Where explorers are shown, and which of them nobody can see any more because their cells ran again.

ipywidgets and IPython's history hold whatever was once displayed, so that a cell that is run all day would
fill the memory with explorers whose outputs are long gone.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from IPython import get_ipython
from IPython.core.displaypub import CapturingDisplayPublisher
from ipywidgets import Widget
from ipywidgets.widgets import widget


class Place(NamedTuple):
    """The output of a notebook's cell.

    Attributes
    ----------
    cell : str
        What the notebook calls the cell.
    run : str
        The run of the cell, whose output is replaced by that of the next.
    number : int
        Under which IPython's history has that run.
    """

    cell: str
    run: str
    number: int


class Shown(Protocol):
    """What is shown in outputs."""

    def let_go(self) -> None:
        """Leave the page. If it is displayed once more, it is shown again."""


_places: weakref.WeakKeyDictionary[Shown, set[Place | None]] = weakref.WeakKeyDictionary()
_watched: weakref.WeakSet[Any] = weakref.WeakSet()  # shells that say when a cell has run


def current_place() -> Place | None:
    """Return the output that is written to now.

    Returns
    -------
    Place or None
        None where the host does not name the cell, and where what is displayed goes elsewhere: into an
        `Output` widget, or to ``%%capture``.
    """
    shell = get_ipython()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    cell = parent.get("metadata", {}).get("cellId")
    run = parent.get("header", {}).get("msg_id")
    if not isinstance(cell, str) or not isinstance(run, str):
        return None
    if isinstance(shell.display_pub, CapturingDisplayPublisher):
        return None
    if any(getattr(other, "msg_id", None) == run for other in _widgets()):
        return None
    return Place(cell, run, shell.execution_count)


def show(explorer: Shown, place: Place | None) -> None:
    """Note that an explorer is shown; in a place that is not known it stays for good."""
    _places.setdefault(explorer, set()).add(place)
    shell = get_ipython()
    if shell is not None and shell not in _watched:
        _watched.add(shell)
        shell.events.register("post_run_cell", _let_go_of_replaced)


def _let_go_of_replaced(_: object) -> None:
    """Let go of explorers whose every place is an output of an earlier run of the cell that has run."""
    place = current_place()
    if place is None:
        return
    for explorer, places in list(_places.items()):
        replaced = {other for other in places if other is not None and _replaces(place, other)}
        places.difference_update(replaced)
        if replaced and not places and not _is_part(explorer):
            del _places[explorer]
            explorer.let_go()
            _forget(explorer, replaced)


def _replaces(place: Place, other: Place) -> bool:
    return other.cell == place.cell and other.run != place.run


def _is_part(explorer: Shown) -> bool:
    """Whether another widget, such as a box, shows the explorer as its child."""
    return any(child is explorer for other in _widgets() for child in getattr(other, "children", ()))


def _widgets() -> list[Widget]:
    """Return the widgets of this kernel; the public list of them warns that it is to go."""
    return list(widget._instances.values())  # noqa: SLF001


def _forget(explorer: Shown, replaced: Iterable[Place]) -> None:
    """Remove an explorer from IPython's history of outputs, as its ``%xdel`` does, with its pictures."""
    shell = get_ipython()
    history = shell.history_manager.output_hist
    for number in [number for number, output in history.items() if output is explorer]:
        del history[number]
        shell.drop_by_id({f"_{number}": explorer})
    displayed = getattr(shell.history_manager, "outputs", {})  # of IPython 9
    for place in replaced:
        displayed.pop(place.number, None)
