"""Progress: how long work tells its caller how much of it is done."""

from __future__ import annotations

from collections.abc import Callable

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
