"""Finds the Chromium that the browser tests drive; as a script, prints its path or says what to install."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = (
    "No Chromium was found for the browser tests. Run `make chromium`, install the system's chromium, "
    "or set DVI_CHROMIUM to the path of one."
)
# Nothing here may fetch, ask or update by itself; the sandbox needs rights that containers do not give.
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-unsafe-swiftshader",
    # Debian's own default draws the page itself, too, on the graphics card that is not there.
    "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
]


class ChromiumError(RuntimeError):
    """There is no Chromium to drive; the message says what to do."""


def find(playwright: Playwright) -> Path:
    """Path of a Chromium: DVI_CHROMIUM if set, else one on the PATH, else Playwright's own."""
    named = os.environ.get("DVI_CHROMIUM")
    if named is not None:
        if not Path(named).is_file():
            raise ChromiumError(f"DVI_CHROMIUM is set to {named}, and there is no such file.")
        return Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    own = Path(playwright.chromium.executable_path)
    if own.is_file():
        return own
    raise ChromiumError(ADVICE)


def launch(playwright: Playwright) -> Browser:
    """Start it, without a window."""
    return playwright.chromium.launch(executable_path=find(playwright), args=ARGUMENTS)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        try:
            print(find(playwright))  # noqa: T201 - this is what the script is for
        except ChromiumError as error:
            sys.exit(str(error))
