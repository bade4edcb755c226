"""The conversation of an explorer with its pages: every message gets an answer, whatever is in it.

A request is ``{id, op, args}``. Its answer is ``{id, ok: true, result, arrays}`` with one little-endian
buffer per array, or ``{id, ok: false, error}`` with a sentence for people. Messages ``{id, progress, text}``
may precede it, with result, arrays and buffers as far as the answer is known. ``{id, op: "cancel", args:
{id}}`` stops a request.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from dvi_widget.texts import sendable

from .arguments import is_whole
from .questions import find
from .request import Pace, refusal
from .scene import Scene
from .wire import Answer, Report, RequestError, silence
from .worker import Worker

_CANCELLED = "Cancelled."

_logger = logging.getLogger(__name__)

#: Takes the content and the buffers of a message.
Send = Callable[[dict[str, Any], list[bytes]], None]

# All explorers share it: two of them may show the same network.
_worker = Worker()


class _CancelledError(Exception):
    """Raised inside a request that the page no longer wants."""


class Conversation:
    """Answers the requests that the pages of one explorer send.

    Parameters
    ----------
    scene
        Everything the explorer presents.
    send
        Takes ``(content, buffers)`` to the pages. It is called on the event loop that the request came in on,
        whichever thread did the work; without a loop, on that thread.
    """

    def __init__(self, scene: Scene, send: Send) -> None:
        self._scene = scene
        self._send = send
        self._lock = threading.Lock()
        self._stops: dict[int, threading.Event] = {}  # of the requests that wait or are being answered
        self._closed = False

    def receive(self, content: object) -> None:
        """Take one message of a page; whatever is wrong with it becomes an answer."""
        message = content if isinstance(content, Mapping) else {}
        id_ = message.get("id")
        if not is_whole(id_):
            self._send(_failure(None, str(refusal("id", "a whole number", id_))), [])
            return
        op, args = message.get("op"), message.get("args")
        try:
            if op == "cancel":
                self._send(
                    {"id": id_, "ok": True, "result": {"cancelled": self._cancel(args)}, "arrays": []}, []
                )
                return
            request = find(op)
            answer = request.prepare(self._scene, args)
        except RequestError as error:
            self._send(_failure(id_, str(error)), [])
            return
        except Exception as error:  # whatever a check raises, the page gets an answer
            _logger.debug("A request failed.", exc_info=True)
            self._send(_breakdown(id_, error), [])
            return
        if request.pace == "now":
            self._send(*_outcome(id_, answer, silence))
        else:
            self._start(id_, answer, request.pace)

    def answer(self, op: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question that no page has asked yet, on this thread.

        Returns
        -------
        dict
            The question's op and args, and the answer's result, arrays (their headers) and buffers.

        Raises
        ------
        RequestError
            If the question makes no sense.
        """
        answer = find(op).prepare(self._scene, args)(silence)
        parts = {"result": answer.result, "arrays": answer.headers, "buffers": answer.buffers}
        return {"op": op, "args": dict(args), **parts}

    def close(self) -> None:
        """Stop the requests under way and send nothing more."""
        with self._lock:
            self._closed = True
            for stop in self._stops.values():
                stop.set()
            self._stops.clear()

    def _start(self, id_: int, answer: Callable[[Report], Answer], pace: Pace) -> None:
        """Answer a request on the worker."""
        deliver = _homeward(self._send)
        stop = threading.Event()

        def report(fraction: float, text: str, so_far: Answer | None = None) -> None:
            if stop.is_set():
                raise _CancelledError
            content: dict[str, Any] = {"id": id_, "progress": float(fraction), "text": text}
            if so_far is not None:
                content |= {"result": so_far.result, "arrays": so_far.headers}
            deliver(content, [] if so_far is None else so_far.buffers)
            if pace == "long":
                _worker.give_way()

        def job() -> None:
            if stop.is_set():
                return
            content, buffers = _outcome(id_, answer, report)
            with self._lock:
                wanted = self._stops.get(id_) is stop
                if wanted:
                    del self._stops[id_]
            if wanted:
                deliver(content, buffers)

        with self._lock:
            if self._closed:
                return
            taken = id_ in self._stops
            if not taken:
                self._stops[id_] = stop
        if taken:
            self._send(
                _failure(id_, f"id must be new; request {id_} is being answered. Use another one."), []
            )
        elif pace == "soon":
            _worker.put_short(job)
        else:
            _worker.put_long(job)

    def _cancel(self, args: object) -> bool:
        """Stop a request that takes time, and answer it at once; return False if it is over."""
        if not isinstance(args, Mapping) or set(args) != {"id"} or not is_whole(args["id"]):
            raise refusal("args", "{id: a whole number}", args)
        with self._lock:
            stop = self._stops.pop(args["id"], None)
        if stop is None:
            return False
        stop.set()
        self._send(_failure(args["id"], _CANCELLED), [])
        return True


def _outcome(
    id_: int, answer: Callable[[Report], Answer], report: Report
) -> tuple[dict[str, Any], list[bytes]]:
    """Compute an answer; whatever goes wrong becomes a failure."""
    try:
        answered = answer(report)
        content = {"id": id_, "ok": True, "result": answered.result, "arrays": answered.headers}
        buffers = answered.buffers
    except RequestError as error:
        return _failure(id_, str(error)), []
    except _CancelledError:
        return _failure(id_, _CANCELLED), []
    except Exception as error:  # whatever an engine raises, the page gets an answer
        _logger.debug("A request failed.", exc_info=True)
        return _breakdown(id_, error), []
    return content, buffers


def _breakdown(id_: int, error: Exception) -> dict[str, Any]:
    """Write an answer about what nobody foresaw."""
    return _failure(id_, f"The kernel could not answer: {str(error) or type(error).__name__}")


def _failure(id_: int | None, error: str) -> dict[str, Any]:
    """Write an answer that says what is wrong; a sentence may name what no page could be sent."""
    return {"id": id_, "ok": False, "error": sendable(error)}


def _homeward(send: Send) -> Send:
    """Wrap `send` so that any thread may call it: it runs on the event loop that is running now."""
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
        except RuntimeError:  # the loop is closed, and so is the page
            _logger.debug("A page left before its answer was ready.")

    return deliver
