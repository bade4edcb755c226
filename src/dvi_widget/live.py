"""Watching a training while it runs: each recorded epoch is laid out and sent to the page at once."""

from __future__ import annotations

import asyncio
import contextvars
import html
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython import get_ipython
from IPython.display import DisplayHandle
from torch import nn

from . import threads
from .arrays import check_number, check_path, check_whole, warn
from .dvi import DVI
from .landscape import Landscape
from .runs import ArrayRecorder, Recorder, Run
from .widget.explorer import Explorer
from .widget.showing import Place, current_place, show

_FREE_S = 20.0  # that following may take in any case: a short training is worth watching too
_POLL_S = 1.0  # between two looks into a folder


class Watch:
    """A training that is watched; `watch` makes it.

    Attributes
    ----------
    explorer : Explorer or None
        What the page shows; None until the first epoch is laid out.
    landscape : Landscape or None
        Its landscape, which grows.
    skipped : list of int
        Recorded numbers of the epochs left out, for their cost or by `every`.
    """

    def __init__(
        self, open_run: Callable[[], Run], name: str, *, every: int, budget: float | None, resolution: int
    ) -> None:
        self.explorer: Explorer | None = None
        self.landscape: Landscape | None = None
        self.skipped: list[int] = []
        self._open_run = open_run
        self._run: Run | None = None
        self._model = DVI(joint=False)
        self._every, self._budget, self._resolution = every, budget, resolution
        self._following_s = self._latest_s = 0.0  # of all epochs and of the latest one
        self._began = time.perf_counter()
        self._seen: dict[int, str] = {}  # epochs that were looked at, and their digests then
        self._shown: Landscape | None = None  # by the explorer
        self._outputs = _Outputs(f"Waiting for the first epoch of {name} …")
        self.stopped = threading.Event()

    def __repr__(self) -> str:
        state = "stopped" if self.stopped.is_set() else "watching"
        return f"Watch({state}, {len(self.epochs)} epochs shown, {len(self.skipped)} left out)"

    def _ipython_display_(self) -> None:
        """Show the explorer, unless this cell shows it already."""
        self._outputs.show(self.explorer)

    @property
    def epochs(self) -> list[int]:
        """Recorded numbers of the epochs that are laid out."""
        return [] if self.landscape is None else list(self.landscape.epochs)

    @property
    def cost_(self) -> dict[str, float]:
        """Wall seconds: "elapsed" since the watch began; of these "following" went into layouts and paint."""
        return {"elapsed": time.perf_counter() - self._began, "following": self._following_s}

    def stop(self) -> None:
        """Stop following. The explorer stays, and shows what it has."""
        self.stopped.set()

    def advance(self, publish: Callable[[Callable[[], None]], object] = lambda task: task()) -> None:
        """Lay out what was recorded since the last call, as far as `every` and the budget allow.

        Parameters
        ----------
        publish : callable
            Calls the function it is given where messages may be sent to the page.

        Raises
        ------
        Exception
            Whatever the layout raises; its epoch is then left out.
        """
        run = self._run = self._run or self._open_run()
        for epoch in run.epochs:
            digest = run.digest(epoch)
            if self.stopped.is_set() or self._seen.get(epoch) == digest:
                continue
            again = epoch in self._seen
            self._seen[epoch] = digest
            if again and epoch in self.epochs:
                # Recorded anew: what was laid out after it came from it.
                self._seen = {number: known for number, known in self._seen.items() if number <= epoch}
            elif not self._wanted(epoch):
                self.skipped.append(epoch)
                continue
            began = time.perf_counter()
            try:
                # The other cores are the training's: threads that wait for each other's cores take many times
                # as long.
                with threads.alone():
                    self._lay_out(run, epoch)
                publish(self._show)
            except KeyboardInterrupt:
                del self._seen[epoch]  # the next call takes it up again
                raise
            except Exception:
                self.skipped.append(epoch)
                raise
            finally:
                self._latest_s = time.perf_counter() - began
                self._following_s += self._latest_s

    def _wanted(self, epoch: int) -> bool:
        """Whether an epoch is to be laid out."""
        if self.epochs and epoch < self.epochs[-1]:
            return False  # it belongs before what is shown
        if (len(self._seen) - 1) % self._every:
            return False
        expected_s = self._following_s + self._latest_s
        return (
            self._budget is None
            or expected_s <= _FREE_S
            or expected_s <= self._budget * self.cost_["elapsed"]
        )

    def _lay_out(self, run: Run, epoch: int) -> None:
        """Let the landscape grow by an epoch, and paint it."""
        earlier = [number for number in self.epochs if number < epoch]
        if earlier == self.epochs:
            self._model.partial_fit(run, [epoch])
        else:
            self._model = DVI(joint=False).partial_fit(run, [*earlier, epoch])
            self.landscape = None
        if self.landscape is None:
            self.landscape = self._model.landscape(self._resolution)
        else:
            self._model.extend(self.landscape)
        if self.landscape[-1].paintable:
            self.landscape[-1].paint()

    def _show(self) -> None:
        """Send the landscape's new epochs to the page, or put an explorer of it there."""
        if self.landscape is None:
            return
        if self.explorer is not None and self._shown is self.landscape:
            self.explorer.refresh()
            return
        earlier, self.explorer = self.explorer, Explorer(self.landscape)
        self.explorer.refresh()
        self._shown = self.landscape
        self._outputs.fill(self.explorer)
        if earlier is not None:
            earlier.close()


class _Outputs:
    """Where notebooks show something: first words, then an explorer. Outside of notebooks that is nowhere."""

    def __init__(self, words: str) -> None:
        self._words = {"text/plain": words, "text/html": f"<em>{html.escape(words)}</em>"}
        self._handles: list[tuple[DisplayHandle, Place | None]] = []
        self._cell: int | None = None  # that showed something last

    def show(self, explorer: Explorer | None) -> None:
        """Show the explorer, or else the words, in the output of the cell that runs, once per cell."""
        shell = get_ipython()
        if shell is None or shell.execution_count == self._cell:
            return
        self._cell = shell.execution_count
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        place = current_place()
        self._handles.append((handle, place))
        if explorer is None:
            handle.display(self._words, raw=True)  # type: ignore[no-untyped-call]
        else:
            show(explorer, place)
            handle.display(_bundle(explorer), raw=True)  # type: ignore[no-untyped-call]

    def fill(self, explorer: Explorer) -> None:
        """Put the explorer wherever something is shown."""
        for handle, place in self._handles:
            show(explorer, place)
            handle.update(_bundle(explorer), raw=True)  # type: ignore[no-untyped-call]


def _bundle(explorer: Explorer) -> Any:
    """Return what one output holds of an explorer: displayed as itself it would make outputs of its own."""
    bundle = explorer._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


_watched: weakref.WeakValueDictionary[Path, Watch] = weakref.WeakValueDictionary()


def watch(
    run: Recorder | ArrayRecorder | str | Path,
    *,
    every: int = 1,
    budget: float | None = 0.1,
    model: nn.Module | None = None,
    resolution: int = 300,
) -> Watch:
    """Watch a classifier learn while it learns.

    The explorer appears in the output of the cell that calls this, and moves on with each recorded epoch,
    even while the cell that trains still runs. Epochs are laid out one after the other, each from those
    before it alone: what is shown equals ``DVI(joint=False)`` fitted to the same epochs afterwards.

    Parameters
    ----------
    run
        The `Recorder` of a training in this process; each `Recorder.capture` then also lays out the epoch
        and sends it to the page. Or the folder of a run that another process records; it is looked at every
        second, and may not exist yet.
    every
        Lay out every so manieth recorded epoch.
    budget
        Share of the time that layouts may take of all, in (0, 1]; epochs are left out so that it holds. The
        first 20 seconds are free. None for no limit.
    model
        With a folder: a network of the recorded architecture, as for `Run`.
    resolution
        Pixels along each side of the painted canvas.

    Returns
    -------
    Watch
        With the explorer, what was left out, and the cost.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; the message names it.

    Examples
    --------
    >>> import dvi_widget as dvi
    >>> recorder = dvi.Recorder("runs/mine", model, train=(x, y), classes=names)
    >>> watched = dvi.watch(recorder, budget=None)  # a notebook shows the explorer here
    >>> for epoch in range(3):
    ...     loss = train_one_epoch(model)
    ...     recorder.capture(epoch)
    >>> watched.epochs
    [0, 1, 2]
    """
    every = check_whole("every", every, 1)
    if budget is not None and check_number("budget", budget, 0, 1) == 0:
        raise ValueError("budget must be a share of the time in (0, 1], or None for no limit; got 0.")
    options: dict[str, Any] = {"every": every, "budget": budget, "resolution": resolution}
    if isinstance(run, (Recorder, ArrayRecorder)):
        if model is not None:
            raise ValueError("model must be left out, as the recorder has one; got a model too.")
        recorder = run
        watched = Watch(
            lambda: Run(recorder.folder, getattr(recorder, "model", None)), str(recorder.folder), **options
        )
        _take_over(recorder.folder, watched)
        if recorder.epochs:
            watched.advance()
        watched._ipython_display_()
        recorder.follow(watched.advance)
        return watched
    folder = check_path("run", run)
    watched = Watch(lambda: Run(folder, model), str(folder), **options)
    _take_over(folder, watched)
    watched._ipython_display_()
    follower = threading.Thread(
        target=_poll, args=(folder, watched, _publisher()), name="dvi_widget_watch", daemon=True
    )
    follower.start()
    return watched


def _take_over(folder: Path, watched: Watch) -> None:
    """Stop an earlier watch of the same run: its cell was run again."""
    earlier = _watched.get(folder.resolve())
    if earlier is not None:
        earlier.stop()
    _watched[folder.resolve()] = watched


def _poll(folder: Path, watched: Watch, publish: Callable[[Callable[[], None]], object]) -> None:
    """Look for new epochs until the watch is stopped."""
    told = ""
    while not watched.stopped.wait(_POLL_S):
        trouble = _advanced(folder, watched, publish)
        if trouble not in ("", told):
            told = trouble
            warn(f"An epoch of {folder} could not be shown: {trouble}")


def _advanced(folder: Path, watched: Watch, publish: Callable[[Callable[[], None]], object]) -> str:
    """Show what is new, if there is a run; return what went wrong."""
    if (folder / "run.json").exists():
        try:
            watched.advance(publish)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next epoch may do better
            return f"{type(error).__name__}: {error}"
    return ""


def _publisher() -> Callable[[Callable[[], None]], object]:
    """Return what runs a function on the event loop of this cell, from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return lambda task: task()
    # By its context a kernel tells to which cell an output belongs.
    context = contextvars.copy_context()
    return lambda task: loop.call_soon_threadsafe(task, context=context)
