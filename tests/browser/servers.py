"""Starts and ends the servers that the browser tests talk to; they keep to a folder of their own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from waiting import WAIT_S


@contextmanager
def started(
    name: str,
    command: Sequence[str],
    ready: Callable[[], str | None],
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[str]:
    """A server that is running; gives what `ready` said, its address, once it said something.

    It works in `folder`/root and says what it has to say in `folder`/server.log.
    """
    log, root = folder / "server.log", folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=file, stderr=subprocess.STDOUT, cwd=root
        )
        try:
            deadline = time.monotonic() + WAIT_S
            while (address := ready()) is None:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-4000:]}")
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()  # it shuts its kernels down first
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
