"""Requests of the front end and their answers: one table of operations, checked at the door.

A request is ``{id, op, args}``. Its answer is ``{id, ok, result, arrays}`` with one little-endian
buffer per array, or ``{id, ok: false, error}`` with a sentence for people. Long operations run on
one worker thread shared by all explorers, tell their progress and can be cancelled.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvi_widget.landscape import PALETTES, Frame, Landscape, class_colors

from .thumbnails import fitted, thumbnails

PROTOCOL = 1
MAX_THUMBNAIL_BYTES = 1 << 26  # of one answer: 64 MiB
CANCELLED = "Cancelled."

_logger = logging.getLogger(__name__)

Report = Callable[[float, str], None]
Send = Callable[[dict[str, Any], list[bytes]], None]


class RequestError(ValueError):
    """A request that cannot be answered; its text is a sentence for the person at the page."""


class Cancelled(Exception):  # noqa: N818 - not an error: the page no longer wants the answer
    """Raised inside a long operation to stop it."""


class Answer(NamedTuple):
    """What an operation gives back: a JSON-able result, and arrays by name, in the order they are sent."""

    result: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def described(self) -> list[dict[str, Any]]:
        """Name, dtype and shape of each array, as the front end needs them to build typed arrays."""
        return [
            {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
            for name, array in self.arrays.items()
        ]

    def buffers(self) -> list[bytes]:
        """The arrays' values, little-endian and in C order."""
        return [packed(array) for array in self.arrays.values()]


def packed(array: NDArray[Any]) -> bytes:
    """The values of an array as bytes: little-endian, C order."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def class_dtype(n_classes: int) -> type[np.uint8 | np.uint16]:
    """The dtype of class indices on the wire: its top value is free to mean "on the boundary"."""
    return np.uint8 if n_classes <= 254 else np.uint16


def quantised(positions: NDArray[Any], extent: Sequence[float]) -> NDArray[np.uint16]:
    """Positions in 4 bytes a sample: the extent cut into 65,536 steps along each axis.

    Parameters
    ----------
    positions
        ``[n, 2]``, x and y.
    extent
        ``(x0, x1, y0, y1)``.

    Returns
    -------
    ndarray
        uint16 ``[n, 2]``; 0 is the low edge of the extent, 65,535 the high one.
    """
    x0, x1, y0, y1 = extent
    unit = (np.asarray(positions, np.float64) - (x0, y0)) / (x1 - x0, y1 - y0)
    return np.rint(np.clip(unit, 0, 1) * 65535).astype(np.uint16)


class Answers:
    """Everything that can be asked about some landscapes over one set of samples.

    Parameters
    ----------
    landscapes
        At least one; all over the same samples and classes.
    images
        uint8 ``[N, C, H, W]`` with one or three channels, or None.
    largest
        Side in pixels that no picture given out exceeds; None for native sizes.
    """

    def __init__(
        self,
        landscapes: Sequence[Landscape],
        images: NDArray[np.uint8] | None = None,
        *,
        largest: int | None = None,
    ) -> None:
        self.landscapes = list(landscapes)
        self.images = images
        self._largest = largest
        self.samples = self.landscapes[0].samples
        self.classes = self.landscapes[0].classes
        self._hello: Answer | None = None

    def answer(self, op: object, args: object, report: Report | None = None) -> Answer:
        """Answer one request here and now.

        Parameters
        ----------
        op, args
            As the front end sends them; nothing about them is taken for granted.
        report
            Called with a fraction and a text while a long operation runs; may raise to stop it.

        Raises
        ------
        RequestError
            If the request makes no sense; the text says why.
        """
        operation = self.operation(op)
        return operation.answer(self, operation.check(self, args), report or _silence)

    @staticmethod
    def operation(op: object) -> Operation:
        """The table's entry for an operation, or a RequestError."""
        if not isinstance(op, str) or op not in OPERATIONS:
            raise RequestError(f"The kernel does not know the request {op!r}.")
        return OPERATIONS[op]

    def hello(self) -> Answer:
        """What the page needs before it can ask for anything else.

        Returns
        -------
        Answer
            Result: protocol, n, classes, palettes, images (format or None), groups, services, landscapes
            (name, epochs, extent, resolution, accuracy per split and epoch). Arrays: labels int32
            ``[n]`` (−1: none), split uint8 ``[n]`` (1: test), and uint8 ``[n]`` per group.
        """
        if self._hello is None:
            self._hello = self._introduction()
        return self._hello

    def _introduction(self) -> Answer:
        label = self.samples["label"].to_numpy(np.int32)
        test = (self.samples["split"] == "test").to_numpy()
        groups = [str(name) for name in self.samples.columns if name not in ("label", "split")]
        result = {
            "protocol": PROTOCOL,
            "n": len(self.samples),
            "classes": [str(name) for name in self.classes],
            "palettes": {name: class_colors(len(self.classes), name) for name in PALETTES},
            "images": self._picture_format(),
            "groups": groups,
            "services": self.landscapes[0].services,
            "landscapes": [self._outline(landscape, label, test) for landscape in self.landscapes],
        }
        arrays: dict[str, NDArray[Any]] = {"labels": label, "split": test.astype(np.uint8)}
        for name in groups:
            arrays[f"group:{name}"] = self.samples[name].to_numpy(bool).astype(np.uint8)
        return Answer(result, arrays)

    def _picture_format(self) -> dict[str, int] | None:
        if self.images is None:
            return None
        _, channels, height, width = self.images.shape
        height, width = fitted(height, width, self._largest)
        return {"height": height, "width": width, "channels": channels}

    @staticmethod
    def _outline(landscape: Landscape, label: NDArray[Any], test: NDArray[np.bool_]) -> dict[str, Any]:
        accuracy: dict[str, list[float | None]] = {"train": [], "test": []}
        for epoch in landscape.epochs:
            correct = landscape.at(epoch).predictions == label
            for name, split in (("train", ~test), ("test", test)):
                known = split & (label >= 0)
                accuracy[name].append(float(correct[known].mean()) if known.any() else None)
        return {
            "name": landscape.name,
            "epochs": [int(epoch) for epoch in landscape.epochs],
            "extent": [float(edge) for edge in landscape.extent],
            "resolution": int(landscape.resolution),
            "accuracy": accuracy,
        }

    def frame(self, frame: Frame, landscape: Landscape) -> Answer:
        """Where every sample is at one epoch, what it is taken for, and how surely.

        Returns
        -------
        Answer
            Arrays: positions uint16 ``[n, 2]`` (see `quantised`), predictions uint8 or uint16 ``[n]`` (see
            `class_dtype`), confidence uint8 ``[n]`` (255: 1).
        """
        return Answer(
            {},
            {
                "positions": quantised(frame.positions, landscape.extent),
                "predictions": np.asarray(frame.predictions).astype(class_dtype(len(self.classes))),
                "confidence": np.rint(np.clip(frame.confidence, 0, 1) * 255).astype(np.uint8),
            },
        )

    def canvas(self, frame: Frame, report: Report) -> Answer:
        """The painted canvas of one epoch, painted now if nobody has looked at it before.

        Returns
        -------
        Answer
            Arrays: classes and shade ``[R, R]``, as in `Frame.canvas`.
        """
        text = f"Painting the landscape of epoch {frame.epoch}"
        report(0.0, text)
        classes, shade = frame.paint(lambda share: report(share, text))
        return Answer({}, {"classes": classes, "shade": shade})

    def thumbnails(self, indices: Sequence[int], size: int | None) -> Answer:
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
        sizes = [side for side in (size, self._largest) if side is not None]
        return Answer({}, {"pixels": thumbnails(self.images, indices, min(sizes, default=None))})


@dataclass(frozen=True)
class Operation:
    """One line of the table: how its arguments are checked, how it is answered, and whether it takes long."""

    check: Callable[[Answers, object], tuple[Any, ...]]
    answer: Callable[[Answers, tuple[Any, ...], Report], Answer]
    long: bool = False


def _silence(fraction: float, text: str) -> None:
    del fraction, text


def _named(args: object, *names: str) -> tuple[Any, ...]:
    """The arguments by name, all of them and no others."""
    if not isinstance(args, Mapping) or set(args) != set(names):
        wanted = ", ".join(names) or "no arguments"
        found = ", ".join(map(str, args)) if isinstance(args, Mapping) else type(args).__name__
        raise RequestError(f"The request needs {wanted}; it came with {found or 'none'}.")
    return tuple(args[name] for name in names)


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestError(f"{name} must be a whole number, not {value!r}.")
    return value


def _frame_of(answers: Answers, args: object) -> tuple[Landscape, Frame]:
    position, epoch = _named(args, "landscape", "epoch")
    if not 0 <= _integer(position, "landscape") < len(answers.landscapes):
        raise RequestError(f"There is no landscape {position}; there are {len(answers.landscapes)}.")
    landscape = answers.landscapes[position]
    if _integer(epoch, "epoch") not in landscape.epochs:
        raise RequestError(f"Epoch {epoch} was not recorded; recorded are {listed(landscape.epochs)}.")
    return landscape, landscape.at(epoch)


def _samples_of(answers: Answers, args: object) -> tuple[list[int], int | None]:
    indices, size = _named(args, "indices", "size")
    if not isinstance(indices, list):
        raise RequestError(f"indices must be a list of whole numbers, not {type(indices).__name__}.")
    n = len(answers.samples)
    for index in indices:
        if not 0 <= _integer(index, "an index") < n:
            raise RequestError(f"There is no sample {index}; samples are numbered 0 to {n - 1}.")
    if size is not None and not 1 <= _integer(size, "size") <= 4096:
        raise RequestError(f"size must be from 1 to 4096 pixels, not {size}.")
    if answers.images is not None:
        channels, height, width = answers.images.shape[1:]
        if len(indices) * channels * math.prod(fitted(height, width, size)) > MAX_THUMBNAIL_BYTES:
            raise RequestError(f"{len(indices)} pictures of that size are too many for one answer.")
    return indices, size


OPERATIONS: dict[str, Operation] = {
    "hello": Operation(
        check=lambda _, args: _named(args),
        answer=lambda answers, *_: answers.hello(),
    ),
    "frame": Operation(
        check=_frame_of,
        answer=lambda answers, args, _: answers.frame(args[1], args[0]),
    ),
    "canvas": Operation(
        check=_frame_of,
        answer=lambda answers, args, report: answers.canvas(args[1], report),
        long=True,
    ),
    "thumbnails": Operation(
        check=_samples_of,
        answer=lambda answers, args, _: answers.thumbnails(*args),
    ),
}


def listed(numbers: Sequence[int], most: int = 12) -> str:
    """Numbers for a sentence: all of them, or the first ones and the last."""
    if len(numbers) <= most:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[: most - 1]))}, … {numbers[-1]}"


@dataclass
class _Job:
    """A long request under way or waiting, and how its answer gets home."""

    run: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)


class _Worker:
    """One daemon thread for the long requests of all explorers, started at the first one."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: _Job) -> None:
        """Queue a job; it is passed over if it is stopped before its turn."""
        self._jobs.put(job)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="dvi_widget", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
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
            operation = self.answers.operation(op)
            checked = operation.check(self.answers, args)
        except RequestError as error:
            self._send(_failure(id_, str(error)), [])
            return
        if operation.long:
            self._start(id_, operation, checked)
        else:
            self._send(*self._outcome(id_, operation, checked, _silence))

    def close(self) -> None:
        """Stop the work under way and send nothing more."""
        with self._lock:
            self._closed = True
            for job in self._jobs.values():
                job.stopped.set()
            self._jobs.clear()

    def _outcome(
        self, id_: int, operation: Operation, checked: tuple[Any, ...], report: Report
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            return _success(id_, operation.answer(self.answers, checked, report))
        except RequestError as error:
            return _failure(id_, str(error)), []
        except Cancelled:
            return _failure(id_, CANCELLED), []
        except Exception as error:  # whatever an engine raises, the page gets an answer
            _logger.debug("A request failed.", exc_info=True)
            text = str(error) or type(error).__name__
            return _failure(id_, f"The kernel could not answer: {text}"), []

    def _start(self, id_: int, operation: Operation, checked: tuple[Any, ...]) -> None:
        deliver = _homeward(self._send)

        def report(fraction: float, text: str) -> None:
            if job.stopped.is_set():
                raise Cancelled
            deliver({"id": id_, "progress": float(fraction), "text": text}, [])

        def run() -> None:
            content, buffers = self._outcome(id_, operation, checked, report)
            with self._lock:
                wanted = self._jobs.pop(id_, None) is not None
            if wanted:
                deliver(content, buffers)

        job = _Job(run)
        with self._lock:
            if self._closed:
                return
            self._jobs[id_] = job
        _worker.put(job)

    def _cancel(self, args: object) -> bool:
        """Stop a long request and answer it at once; False if there is no such request (any more)."""
        (id_,) = _named(args, "id")
        with self._lock:
            job = self._jobs.pop(_integer(id_, "id"), None)
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
