"""The explorer as one HTML file: the front end's bundle and the recorded answers, no kernel, no network."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from dvi_widget.runs.storage import write_aside
from dvi_widget.suggestions import DEFINITIONS

from .answers import Answers
from .operations import ask
from .wire import MAX_ANSWER_BYTES, Answer, key, packed

PER_BLOCK = 256  # pictures that are decoded together, when the page first shows one of them
_STEPS = 254  # of a share in a byte; the next value says that there is none
_MOST_PROBABILITIES = 1 << 25  # samples × classes × epochs
_SECONDS = 4.0  # that trust or the measures of an epoch are worth, if nobody asked for them before
# What the front end asks only of a landscape that has these services.
_SERVICES = {
    "trust": {"decode", "place"},
    "dynamics": {"dynamics"},
    "measures": {"measures"},
    "history": {"logits"},
    "probabilities": {"logits"},
}
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
        painted now. Probabilities and histories are carried to a part in 254, unless there are too many;
        training dynamics and lists to four digits; trust and measures where they are there already or
        take seconds; of the models what was asked before. Pictures larger than 64 pixels are fitted into
        64 × 64.
    state
        What the page opens with, by the explorer's attributes.
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
    models = answers.models if answers.told else None
    smaller = Answers(
        answers.landscapes,
        answers.images,
        largest=LARGEST_PICTURE,
        models=models,
        neighborhoods=models and answers.neighborhoods,
        words=answers.words,
    )
    smaller.dynamics, smaller.kept, smaller.told = answers.dynamics, answers.kept, answers.told
    with write_aside(target) as aside, aside.open("x", encoding="utf-8", errors="replace") as file:
        _write(file, smaller, state, bundle)
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
    shown = (answers.images is not None) + (answers.words is not None)
    n_blocks = shown * -(-len(answers.samples) // PER_BLOCK)
    manifest: dict[str, Any] = {"answers": {}, "sliced": {}, "state": dict(state)}
    known: list[set[str]] = [set() for _ in answers.landscapes]
    name = answers.landscapes[0].name
    file.write(_HEAD % html.escape(name))
    with tqdm(
        total=len(requests) + len(list(_wholes(answers))) + n_blocks, desc="Writing the page", unit="part"
    ) as bar:
        slow: set[tuple[str, int]] = set()
        for op, args, seconds in requests:
            place = args["landscape"]
            # Where one epoch took too long the next ones would too.
            answer = _asked(answers, op, args, 0.0 if (op, place) in slow else seconds)
            if answer is None:
                slow.add((op, place))
            else:
                manifest["answers"][key(op, args)] = page.recorded(answer)
                known[place].add(op)
            bar.update()
        for op, args in _wholes(answers):
            manifest["sliced"][key(op, args)] = page.sliced(_whole(answers, op, args))
            known[args["landscape"]].add(op)
            bar.update()
        manifest["answers"][key("module", {})] = page.recorded(ask(answers, "module", {}))
        # What nobody asked of the models is asked in a notebook; the rest goes along.
        for request, answer in answers.told.items():
            manifest["answers"][request] = page.recorded(answer)
        # The page offers what it can answer itself.
        hello = answers.hello()
        outlines = []
        for place, outline in enumerate(hello.result["landscapes"]):
            answered = {op for op in known[place] if (op, place) not in slow}
            services = {name for op in answered for name in _SERVICES.get(op, ())}
            outlines.append({**outline, "services": sorted(services)})
        introduction = Answer({**hello.result, "landscapes": outlines}, hello.arrays)
        manifest["answers"][key("hello", {})] = page.recorded(introduction)
        for part, arrays in (("thumbnails", _pictures(answers)), ("texts", _texts(answers))):
            blocks = []
            for array in arrays:
                blocks.append(page.array(array))
                bar.update()
            manifest[part] = {"per_block": PER_BLOCK, "blocks": blocks}
    file.write(f'<script type="application/json" data-dvi="manifest">{script_json(manifest)}</script>\n')
    file.write(_TAIL % script_json(bundle))


def _requests(answers: Answers) -> Iterator[tuple[str, dict[str, Any], float]]:
    """What a page may ask, and how many seconds an answer is worth that nobody has asked for yet."""
    for place, landscape in enumerate(answers.landscapes):
        here = {"landscape": place}
        for epoch in landscape.epochs:
            args = {**here, "epoch": int(epoch)}
            yield "frame", args, np.inf
            yield "canvas", args, np.inf
            if {"decode", "place"} <= set(landscape.services):
                yield "trust", args, _SECONDS
        if answers.dynamics[place].known:
            yield "dynamics", here, np.inf
            for name in DEFINITIONS:
                yield "list", {**here, "name": name}, np.inf
        if {"measures", "boundary"} & set(landscape.services):
            yield "measures", here, _SECONDS * len(landscape)
        for kept in answers.kept:
            if kept[:2] == (place, "loss"):
                yield "loss", {**here, "epoch": kept[2], "k": kept[3]}, np.inf


def _wholes(answers: Answers) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a page may ask about some samples, without these: answered for all of them at once."""
    for place, landscape in enumerate(answers.landscapes):
        if "logits" not in landscape.services:
            continue
        here = {"landscape": place}
        yield "history", here
        if len(answers.samples) * len(answers.classes) * len(landscape) <= _MOST_PROBABILITIES:
            for epoch in landscape.epochs:
                yield "probabilities", {**here, "epoch": int(epoch)}


def _whole(answers: Answers, op: str, args: dict[str, Any]) -> Answer:
    """An answer about all samples, which one request could be too many for."""
    n, epochs = len(answers.samples), len(answers.landscapes[args["landscape"]])
    step = max(1, MAX_ANSWER_BYTES // (4 * len(answers.classes) * epochs))
    parts = [
        ask(answers, op, {**args, "indices": list(range(start, min(n, start + step)))}).arrays
        for start in range(0, n, step)
    ]
    return Answer({}, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _asked(answers: Answers, op: str, args: dict[str, Any], seconds: float) -> Answer | None:
    """An answer; None if it takes longer than it is worth."""
    begun = time.monotonic()

    def report(fraction: float, text: str, so_far: Answer | None = None) -> None:
        del fraction, text, so_far
        if time.monotonic() - begun > seconds:
            raise _TooLong

    try:
        return ask(answers, op, args, report)
    except _TooLong:
        return None


class _TooLong(Exception):  # noqa: N818 - it never leaves this module
    """Stops what takes too long."""


def _pictures(answers: Answers) -> Iterator[NDArray[np.uint8]]:
    if answers.images is None:
        return
    n = len(answers.samples)
    for start in range(0, n, PER_BLOCK):
        yield answers.thumbnails(range(start, min(n, start + PER_BLOCK)), None).arrays["pixels"]


def _texts(answers: Answers) -> Iterator[NDArray[np.uint8]]:
    """What people read of the samples, as bytes of JSON."""
    if answers.words is None:
        return
    n = len(answers.samples)
    for start in range(0, n, PER_BLOCK):
        texts = answers.describe(range(start, min(n, start + PER_BLOCK))).result["texts"]
        yield np.frombuffer(json.dumps(texts).encode(), np.uint8)


class _Blocks:
    """The arrays of a page: each a numbered script element of its own, decoded when it is needed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0

    def recorded(self, answer: Answer) -> dict[str, Any]:
        """Write an answer's arrays, and give back what the manifest says of it."""
        arrays = [
            {**described, **self.array(_shortened(array))}
            for described, array in zip(answer.described(), answer.arrays.values(), strict=True)
        ]
        return {"result": answer.result, "arrays": arrays}

    def sliced(self, answer: Answer) -> list[dict[str, Any]]:
        """Write an answer about all samples, of which the page cuts rows; shares in a byte each."""
        written = []
        for name, array in answer.arrays.items():
            shares = array.dtype.kind == "f"
            if shares:
                missing = np.isnan(array)
                array = np.where(missing, _STEPS + 1, np.rint(np.nan_to_num(array) * _STEPS))  # noqa: PLW2901
            entry = {"name": name, **self.array(array.astype(np.uint8) if shares else array)}
            written.append({**entry, "steps": _STEPS} if shares else entry)
        return written

    def array(self, array: NDArray[Any]) -> dict[str, Any]:
        """Write one array; gives back its dtype, shape and block number."""
        text = base64.b64encode(gzip.compress(packed(array), mtime=0)).decode("ascii")
        number = self._count
        self._count += 1
        self._file.write(f'<script type="text/plain" data-dvi-block="{number}">{text}</script>\n')
        return {"dtype": array.dtype.name, "shape": list(array.shape), "block": number}


def _shortened(array: NDArray[Any]) -> NDArray[Any]:
    """Numbers with four digits instead of seven: they pack into half the space."""
    if array.dtype != np.float32:
        return array
    bits = array.view(np.uint32)
    return np.where(np.isfinite(array), (bits + (1 << 9)) & ~np.uint32((1 << 10) - 1), bits).view(np.float32)


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element: nothing in it can end the element or open a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
