"""A private marimo: its editor on one notebook of the test's own."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import started

CONFIG = """
[runtime]
auto_instantiate = true

[ai]
"""


@contextmanager
def serve(folder: Path, source: str) -> Iterator[str]:
    """Open the editor on a notebook with this source; gives its address."""
    root, config = folder / "root", folder / "config" / "marimo"
    for path in (root, config):
        path.mkdir(parents=True)
    notebook = root / "notebook.py"
    notebook.write_text(source, encoding="utf-8")
    (config / "marimo.toml").write_text(CONFIG, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    environment = {
        "OMP_NUM_THREADS": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    command = [
        *(sys.executable, "-m", "marimo", "--yes", "edit", str(notebook), "--headless", "--no-token"),
        *("--host=127.0.0.1", f"--port={port}", "--skip-update-check"),
    ]

    def listening() -> str | None:
        try:
            with urllib.request.urlopen(f"{url}health", timeout=5):
                return url
        except (urllib.error.URLError, OSError):
            return None

    with started("marimo", command, listening, folder, environment) as address:
        yield address
