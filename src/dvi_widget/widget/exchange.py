"""The conversation of an explorer with its pages: every message gets an answer, whatever is in it.

A request is ``{id, op, args}``. Its answer is ``{id, ok, result, arrays}`` with one little-endian
buffer per array, or ``{id, ok: false, error}`` with a sentence for people. Before it may come
``{id, progress, text}``, with arrays and buffers where a part of the answer is there already. What takes
time runs on one worker thread shared by all explorers; it can be cancelled.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import door
from .answers import Answers
from .operations import operation
from .request import Operation
from .wire import Answer, RequestError, key, silence

CANCELLED = "Cancelled."

_logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any], list[bytes]], None]


class Cancelled(Exception):  # noqa: N818 - not an error: the page no longer wants the answer
    """Raised inside a long operation to stop it."""


@dataclass
class _Job:
    """A request that takes time, under way or waiting, and how its answer gets home."""

    run: Callable[[], None]
    soon: bool
    stopped: threading.Event = field(default_factory=threading.Event)


class _Worker:
    """One daemon thread for what takes time, started when it is first needed.

    One thread, because not every engine's model may be asked by two at once. So that a question of a moment
    does not wait for minutes of work, the work lets it in between two of its steps.
    """

    def __init__(self) -> None:
        self._soon: deque[_Job] = deque()
        self._long: deque[_Job] = deque()
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, job: _Job) -> None:
        """Queue a job; it is passed over if it is stopped before its turn."""
        with self._there:
            (self._soon if job.soon else self._long).append(job)
            self._there.notify()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="dvi_widget", daemon=True)
                self._thread.start()

    def let_in(self) -> None:
        """Do what takes a moment, in the middle of what takes long."""
        if threading.current_thread() is not self._thread:
            return
        while True:
            try:
                job = self._soon.popleft()
            except IndexError:
                return
            _do(job)

    def _work(self) -> None:
        while True:
            with self._there:
                self._there.wait_for(lambda: self._soon or self._long)
                job = (self._soon or self._long).popleft()
            _do(job)


def _do(job: _Job) -> None:
    if not job.stopped.is_set():
        job.run()


_worker = _Worker()


class Exchange:
    """The conversation of one explorer with its pages.

    Parameters
    ----------
    answers
        What can be asked.
    send
        Takes ``(content, buffers)`` to the pages. It is called on the event loop that the request
        came in on, whichever thread did the work; where there is none, on the thread itself.
    """

    def __init__(self, answers: Answers, send: Send) -> None:
        self.answers = answers
        self._send = send
        self._lock = threading.Lock()
        self._jobs: dict[int, _Job] = {}
        self._closed = False

    def receive(self, content: object) -> None:
        """Take one message of a page; whatever is wrong with it becomes an answer."""
        request = content if isinstance(content, Mapping) else {}
        id_ = request.get("id")
        if isinstance(id_, bool) or not isinstance(id_, int):
            self._send(_failure(None, "A request needs an id, a whole number."), [])
            return
        op, args = request.get("op"), request.get("args")
        try:
            if op == "cancel":
                self._send(*_success(id_, Answer({"cancelled": self._cancel(args)}, {})))
                return
            entry = operation(op)
            checked = entry.check(self.answers, args)
        except RequestError as error:
            self._send(_failure(id_, str(error)), [])
            return
        if entry.pace == "now":
            self._send(*self._outcome(id_, entry, checked, silence))
        else:
            self._start(id_, entry, checked, key(str(op), dict(args or {})) if entry.exported else None)

    def close(self) -> None:
        """Stop the work under way and send nothing more."""
        with self._lock:
            self._closed = True
            for job in self._jobs.values():
                job.stopped.set()
            self._jobs.clear()

    def _outcome(
        self,
        id_: int,
        entry: Operation,
        checked: tuple[Any, ...],
        report: Callable[..., None],
        kept_as: str | None = None,
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            answer = entry.answer(self.answers, checked, report)
            if kept_as is not None:
                self.answers.remember(kept_as, answer)
            return _success(id_, answer)
        except RequestError as error:
            return _failure(id_, str(error)), []
        except Cancelled:
            return _failure(id_, CANCELLED), []
        except Exception as error:  # whatever an engine raises, the page gets an answer
            _logger.debug("A request failed.", exc_info=True)
            text = str(error) or type(error).__name__
            return _failure(id_, f"The kernel could not answer: {text}"), []

    def _start(self, id_: int, entry: Operation, checked: tuple[Any, ...], kept_as: str | None) -> None:
        deliver = _homeward(self._send)

        def report(fraction: float, text: str, so_far: Answer | None = None) -> None:
            if job.stopped.is_set():
                raise Cancelled
            content: dict[str, Any] = {"id": id_, "progress": float(fraction), "text": text}
            if so_far is not None:
                content |= {"result": so_far.result, "arrays": so_far.described()}
            deliver(content, [] if so_far is None else so_far.buffers())
            _worker.let_in()

        def run() -> None:
            content, buffers = self._outcome(id_, entry, checked, report, kept_as)
            with self._lock:
                wanted = self._jobs.get(id_) is job and self._jobs.pop(id_) is job
            if wanted:
                deliver(content, buffers)

        job = _Job(run, entry.pace == "soon")
        with self._lock:
            if self._closed:
                return
            taken = id_ in self._jobs
            if not taken:
                self._jobs[id_] = job
        if taken:
            self._send(_failure(id_, f"Request {id_} is being answered already; use another id."), [])
            return
        _worker.put(job)

    def _cancel(self, args: object) -> bool:
        """Stop a request that takes time and answer it at once; False if there is none (any more)."""
        (id_,) = door.named(args, "id")
        with self._lock:
            job = self._jobs.pop(door.integer(id_, "id"), None)
        if job is None:
            return False
        job.stopped.set()
        self._send(_failure(id_, CANCELLED), [])
        return True


def _homeward(send: Send) -> Send:
    """Send from any thread by way of the event loop that is running now."""
    # Some hosts cannot send from a thread of ours at all, and ipykernel tells by the context which request,
    # and so which of its own threads, an answer belongs to.
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return send
    context = contextvars.copy_context()

    def deliver(content: dict[str, Any], buffers: list[bytes]) -> None:
        try:
            loop.call_soon_threadsafe(send, content, buffers, context=context)
        except RuntimeError:  # the loop is closed: so is the page that asked
            _logger.debug("A page left before its answer was ready.")

    return deliver


def _success(id_: int, answer: Answer) -> tuple[dict[str, Any], list[bytes]]:
    content = {"id": id_, "ok": True, "result": answer.result, "arrays": answer.described()}
    return content, answer.buffers()


def _failure(id_: int | None, error: str) -> dict[str, Any]:
    return {"id": id_, "ok": False, "error": error}
