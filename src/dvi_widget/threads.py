"""Work on many rows by several threads, in parts fixed beforehand: no bit depends on their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from .progress import Progress

T = TypeVar("T")
R = TypeVar("R")

_ROWS_PER_PART, _MAX_PARTS = 8_192, 16

# The threads at work, None where nobody asked for any. Threads of a team do not see it: they never nest.
_team: ContextVar[ThreadPoolExecutor | None] = ContextVar("team", default=None)
_alone: ContextVar[bool] = ContextVar("alone", default=False)


def count() -> int:
    """Return how many threads may work at a time: ``torch.get_num_threads()``, or one within `alone`."""
    return 1 if _alone.get() else torch.get_num_threads()


@contextmanager
def alone() -> Iterator[None]:
    """Let one thread do all the work, that of linear algebra too, until the block ends."""
    token = _alone.set(True)
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        _alone.reset(token)


@contextmanager
def team() -> Iterator[None]:
    """Keep threads for `each` until the block ends, so that they are not started again for every call."""
    if _team.get() is not None or count() == 1:
        yield
        return
    pool = ThreadPoolExecutor(count(), "dvi_widget")
    token = _team.set(pool)
    try:
        yield
    finally:
        _team.reset(token)
        pool.shutdown(cancel_futures=True)


def each(
    work: Callable[[T], R],
    parts: Iterable[T],
    *,
    products: bool = False,
    report: Progress = lambda _: None,
) -> list[R]:
    """Apply `work` to each part, several at a time within `team`; return the results in order.

    Parameters
    ----------
    work : callable
        Writes nothing that the work on another part reads or writes.
    parts : iterable
        What it is applied to. It must not depend on the number of threads.
    products : bool
        Whether `work` multiplies matrices. Each product then runs on one thread.
    report : callable
        Told the share of the parts that is done, by the calling thread.
    """
    if products:
        with _libraries().limit(limits=1, user_api="blas"):
            return each(work, parts, report=report)
    pool, parts, results = _team.get(), list(parts), []
    for result in map(work, parts) if pool is None or len(parts) == 1 else pool.map(work, parts):
        results.append(result)
        report(len(results) / len(parts))
    return results


@cache
def _libraries() -> ThreadpoolController:
    """Find the libraries of linear algebra, once: it takes longer than a small product."""
    return ThreadpoolController()


def products(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply matrices [m, h] and [h, r], some rows at a time."""
    product = np.empty((len(x), y.shape[1]), np.float32)

    def multiply(rows: slice) -> None:
        np.matmul(x[rows], y, out=product[rows])

    each(multiply, slices(len(x)), products=True)
    return product


def slices(n: int, most: int = _MAX_PARTS, rows: int | None = None) -> list[slice]:
    """Cut n rows into parts of about equal length, of at least `rows`, but never into more than `most`."""
    parts = max(1, min(most, n // (rows or _ROWS_PER_PART)))
    return [slice(i * n // parts, (i + 1) * n // parts) for i in range(parts)]
