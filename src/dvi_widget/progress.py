"""Progress of long work: the callback that callers pass, and the bar that a person sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm

# Called with the share of the work that is done, in (0, 1]. An exception it raises stops the work and is
# passed on.
Progress = Callable[[float], object]


def counting(progress: Progress, steps: int, share: float = 1.0) -> Callable[[], None]:
    """Return a function to call after each of so many steps, which together are a share of the work."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(share * done / steps)

    return step


def progress_bar(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return a bar of tqdm that is text everywhere, in notebooks too.

    A widget, as ``tqdm.auto`` makes them in notebooks, leaves "Error displaying widget" behind when the
    notebook is opened again. Notebooks paint stderr as an error, so there the bar is written to stdout.

    Parameters
    ----------
    iterable
        As ``tqdm.tqdm``.
    **options
        Other parameters of ``tqdm.tqdm``.
    """
    return tqdm(iterable, file=sys.stdout if _in_notebook() else sys.stderr, **options)


def _in_notebook() -> bool:
    """Tell whether a kernel runs this process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
