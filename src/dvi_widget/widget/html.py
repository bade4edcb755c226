"""The explorer as one HTML file: the front end's bundle and the recorded answers, no kernel, no network."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from dvi_widget.runs.storage import write_aside

from .answers import Answers
from .operations import ask
from .wire import Answer, packed

PER_BLOCK = 256  # pictures that are decoded together, when the page first shows one of them
LARGEST_PICTURE = 64  # side in pixels; larger ones are fitted in, or the page would weigh gigabytes
_SIGNATURE = '<meta name="generator" content="dvi_widget">'

# `default-src 'none'` makes the promise checkable: the browser itself refuses to fetch anything.
_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_SIGNATURE}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' blob:; \
style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>
body {{ margin: 0; padding: 12px; font: 14px system-ui, sans-serif; }}
/* Here the explorer has the window to itself, not an output's share of a notebook. */
@media (min-width: 760px) {{ #explorer .dvi {{ --dvi-row: clamp(440px, 100vh - 88px, 1100px); }} }}
</style>
</head>
<body>
<main id="explorer"></main>
<noscript>This page needs JavaScript to draw the landscape it carries.</noscript>
"""

# The bundle is one ES module; a blob URL is the only way to import it from a file that stands alone.
_TAIL = """<script type="module">
const bundle = %s;
const url = URL.createObjectURL(new Blob([bundle], { type: "text/javascript" }));
const { mountPage } = await import(url);
URL.revokeObjectURL(url);
mountPage(document.getElementById("explorer"), document);
</script>
</body>
</html>
"""


def write_page(path: str | os.PathLike[str], answers: Answers, state: Mapping[str, Any], bundle: str) -> Path:
    """Write an explorer as a page of its own.

    Parameters
    ----------
    path
        Of the file to write, in a folder that exists. A page written here before is replaced; any
        other file is left alone.
    answers
        What the page can ask; every frame and canvas is asked for, so what was never looked at is
        painted now. Pictures larger than 64 pixels are fitted into 64 × 64.
    state
        What the page opens with: ``epoch``, ``selection``, ``color_by``.
    bundle
        The front end, one ES module that exports ``mountPage``.

    Returns
    -------
    Path
        Of the page, absolute. It appears whole or not at all.

    Raises
    ------
    FileExistsError
        If the path is taken by something that is not such a page.
    FileNotFoundError
        If the folder does not exist.
    """
    target = _checked(path)
    answers = Answers(answers.landscapes, answers.images, largest=LARGEST_PICTURE)
    with write_aside(target) as aside, aside.open("x", encoding="utf-8", errors="replace") as file:
        _write(file, answers, state, bundle)
    return target


def _checked(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser().absolute()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: there is no folder {target.parent}; create it first.")
    if target.is_dir():
        raise FileExistsError(f"path: {target} is a folder; name a file in it, such as explorer.html.")
    if target.exists():
        with target.open("rb") as file:
            if _SIGNATURE.encode() not in file.read(512):
                raise FileExistsError(
                    f"path: {target} exists and is no page of dvi_widget; delete it or choose another name."
                )
    return target


def _write(file: TextIO, answers: Answers, state: Mapping[str, Any], bundle: str) -> None:
    page = _Blocks(file)
    requests = list(_requests(answers))
    n_blocks = 0 if answers.images is None else -(-len(answers.samples) // PER_BLOCK)
    manifest: dict[str, Any] = {"answers": {}, "state": dict(state)}
    name = answers.landscapes[0].name
    file.write(_HEAD % html.escape(name))
    with tqdm(total=len(requests) + n_blocks, desc="Writing the page", unit="part") as bar:
        for op, args in requests:
            manifest["answers"][key(op, args)] = page.recorded(ask(answers, op, args))
            bar.update()
        blocks = []
        for block in _pictures(answers):
            blocks.append(page.array(block))
            bar.update()
    manifest["thumbnails"] = {"per_block": PER_BLOCK, "blocks": blocks}
    file.write(f'<script type="application/json" data-dvi="manifest">{script_json(manifest)}</script>\n')
    file.write(_TAIL % script_json(bundle))


def _requests(answers: Answers) -> Iterator[tuple[str, dict[str, int]]]:
    yield "hello", {}
    for position, landscape in enumerate(answers.landscapes):
        for epoch in landscape.epochs:
            args = {"landscape": position, "epoch": int(epoch)}
            yield "frame", args
            if landscape.at(epoch).painted or "paint" in landscape.services:
                yield "canvas", args


def _pictures(answers: Answers) -> Iterator[NDArray[np.uint8]]:
    if answers.images is None:
        return
    n = len(answers.samples)
    for start in range(0, n, PER_BLOCK):
        yield answers.thumbnails(range(start, min(n, start + PER_BLOCK)), None).arrays["pixels"]


class _Blocks:
    """The arrays of a page: each a numbered script element of its own, decoded when it is needed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0

    def recorded(self, answer: Answer) -> dict[str, Any]:
        """Write an answer's arrays, and give back what the manifest says of it."""
        arrays = [
            {**described, **self.array(array)}
            for described, array in zip(answer.described(), answer.arrays.values(), strict=True)
        ]
        return {"result": answer.result, "arrays": arrays}

    def array(self, array: NDArray[Any]) -> dict[str, Any]:
        """Write one array; gives back its dtype, shape and block number."""
        text = base64.b64encode(gzip.compress(packed(array), mtime=0)).decode("ascii")
        number = self._count
        self._count += 1
        self._file.write(f'<script type="text/plain" data-dvi-block="{number}">{text}</script>\n')
        return {"dtype": array.dtype.name, "shape": list(array.shape), "block": number}


def key(op: str, args: Mapping[str, Any]) -> str:
    """The name of a recorded answer: the request as the front end would write it."""
    return f"{op} {json.dumps(args, separators=(',', ':'))}"


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element: nothing in it can end the element or open a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
