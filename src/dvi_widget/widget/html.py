"""The explorer as one HTML file: the front end's bundle and the recorded answers, no kernel, no network."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from dvi_widget.files import write_aside
from dvi_widget.landscape import Landscape
from dvi_widget.landscape.source import Decodes, FindsNeighbors, KnowsBoundary, KnowsLogits, Measures, Places
from dvi_widget.progress import progress_bar
from dvi_widget.suggestions import DEFINITIONS

from .columns import outlines
from .questions import ask, find
from .questions.landscapes import Hello, LandscapeOutline
from .request import key
from .scene import Scene
from .wire import MAX_ANSWER_BYTES, Answer, packed

SAMPLES_PER_BLOCK = 256  # decoded together, when the page first shows one of their pictures or texts
MAX_PICTURE_PX = 64  # along each side; with larger pictures the page would weigh gigabytes
_SHARE_STEPS = 254  # in which a byte stores a number in [0, 1]; the next value stands for NaN
_MAX_PROBABILITIES = 1 << 25  # in a page: samples × classes × epochs
_EPOCH_BUDGET_S = 4.0  # for trust or the measures of an epoch, unless they are known already
# Services of a landscape by the requests that the front end sends only where it has them.
_SERVICES = {
    "trust": {"decode", "place"},
    "dynamics": {"dynamics"},
    "measures": {"measures"},
    "history": {"logits"},
    "probabilities": {"logits"},
    "neighbors": {"neighbors"},
    "decode": {"decode", "classify"},
}
_NEAREST = 30  # neighbours of every sample, as many as the page lists
_MAX_NEIGHBORS = 4_000_000  # in a page
_ROWS_AT_ONCE = 512  # samples whose neighbours one answer holds
_MAX_PLACES = 100  # that were looked at and go along, at every epoch
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
@media (min-width: 760px) {{ #explorer {{ --dvi-height: clamp(440px, 100vh - 88px, 1100px); }} }}
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


def write_page(path: str | os.PathLike[str], scene: Scene, state: Mapping[str, Any], bundle: str) -> Path:
    """Write an explorer as a page of its own.

    Parameters
    ----------
    path
        The file to write, in a folder that exists. A page written there before is replaced; any other file is
        left alone.
    scene
        Everything the explorer presents. The page takes along every frame and canvas (painted now where this
        was not done yet), probabilities and histories in steps of 1/254 unless there are too many, training
        dynamics, lists and columns to four digits, trust and measures if they are known or take seconds, and
        what the models were asked before. Pictures larger than 64 pixels are fitted into 64 × 64.
    state
        The state that the page opens with, by the explorer's attributes.
    bundle
        The front end, an ES module that exports ``mountPage``.

    Returns
    -------
    Path
        The page, absolute. It appears whole or not at all.

    Raises
    ------
    FileExistsError
        If the path is taken by something that is not such a page.
    FileNotFoundError
        If the folder does not exist.
    """
    target = _checked(path)
    smaller = scene.fitted_into(MAX_PICTURE_PX)
    with write_aside(target) as aside, aside.open("x", encoding="utf-8", errors="replace") as file:
        _write(file, smaller, state, bundle)
    return target


def _checked(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser().absolute()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path must lie in a folder; there is no {target.parent}. Create it first.")
    if target.is_dir():
        raise FileExistsError(
            f"path must be a file; got the folder {target}. Name a file in it, such as explorer.html."
        )
    if target.exists():
        with target.open("rb") as file:
            if _SIGNATURE.encode() not in file.read(512):
                raise FileExistsError(
                    f"path must be free or hold a page of dvi_widget; {target} is another file. Delete it "
                    "or choose another name."
                )
    return target


def _write(file: TextIO, scene: Scene, state: Mapping[str, Any], bundle: str) -> None:
    blocks = _Blocks(file)
    used = {str(state.get(name)) for name in ("color_by", "size_by")}
    requests, sliced = list(_requests(scene, used)), list(_sliced_requests(scene))
    n_blocks = -(-len(scene) // SAMPLES_PER_BLOCK) * (
        (scene.images is not None) + (scene.describe is not None)
    )
    answers: dict[str, Any] = {}
    manifest: dict[str, Any] = {"answers": answers, "sliced": {}, "state": dict(state)}
    answered: list[set[str]] = [set() for _ in scene.landscapes]
    slow: set[tuple[int, str]] = set()
    file.write(_HEAD % html.escape(scene.landscapes[0].name))
    with progress_bar(
        total=len(requests) + len(sliced) + n_blocks, desc="Writing the page", unit="part"
    ) as bar:
        for op, args, seconds in requests:
            place = args["landscape"]
            # If one epoch took too long, the next ones would too.
            answer = _ask_within(0.0 if (place, op) in slow else seconds, scene, op, args)
            if answer is None:
                slow.add((place, op))
            else:
                answers[key(op, args)] = blocks.answer(answer)
                answered[place].add(op)
            bar.update()
        for op, args, more in sliced:
            manifest["sliced"][key(op, args)] = blocks.rows(_about_all_samples(scene, op, {**args, **more}))
            answered[args["landscape"]].add(op)
            bar.update()
        for op, args in _places(scene):
            answer = _ask_within(np.inf, scene, op, args)
            assert answer is not None  # however long it takes
            answers[key(op, args)] = blocks.answer(answer)
            answered[args["landscape"]].add(op)
        for request, answer in scene.answers.items():
            if request not in answers:
                answers[request] = blocks.answer(answer)
        for place, op in slow:
            answered[place].discard(op)
        answers[key("hello", {})] = blocks.answer(_introduction(scene, answered, used))
        for part, arrays in (("thumbnails", _pictures(scene)), ("texts", _texts(scene))):
            headers = []
            for array in arrays:
                headers.append(blocks.array(array))
                bar.update()
            manifest[part] = {"per_block": SAMPLES_PER_BLOCK, "blocks": headers}
    file.write(f'<script type="application/json" data-dvi="manifest">{script_json(manifest)}</script>\n')
    file.write(_TAIL % script_json(bundle))


def _requests(scene: Scene, used: set[str]) -> Iterator[tuple[str, dict[str, Any], float]]:
    """List the requests that a page takes along, and the seconds that an unknown answer may take."""
    for place, landscape in enumerate(scene.landscapes):
        here = {"landscape": place}
        for epoch in landscape.epochs:
            args = {**here, "epoch": int(epoch)}
            yield "frame", args, np.inf
            yield "canvas", args, np.inf
            if isinstance(landscape.source, Decodes) and isinstance(landscape.source, Places):
                yield "trust", args, _EPOCH_BUDGET_S
        if len(landscape) > 1:
            yield "confusions", here, np.inf
            yield "events", here, np.inf
        if scene.dynamics[landscape].available:
            yield "dynamics", here, np.inf
            for name in DEFINITIONS:
                yield "list", {**here, "name": name}, np.inf
        if isinstance(landscape.source, (Measures, KnowsBoundary)):
            yield "measures", here, _EPOCH_BUDGET_S * len(landscape)
        for name, epochs in _columns(scene, landscape, used).items():
            for epoch in epochs:
                yield "column", {**here, "epoch": int(epoch), "name": name}, np.inf


def _columns(scene: Scene, landscape: Landscape, used: set[str]) -> dict[str, list[int]]:
    """List the columns that a page takes along, each with its epochs: of those that move, the ones in use."""
    return {
        column["name"]: list(landscape.epochs) if column["moves"] else list(landscape.epochs[:1])
        for column in outlines(scene, landscape)
        if not column["moves"] or column["name"] in used
    }


def _sliced_requests(scene: Scene) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """List the requests for all samples at once, without their indices, and what else these ask for."""
    k = min(_NEAREST, len(scene) - 1)
    for place, landscape in enumerate(scene.landscapes):
        here = {"landscape": place}
        few = k * len(scene) * len(landscape) <= _MAX_NEIGHBORS
        if k > 0 and few and isinstance(landscape.source, FindsNeighbors):
            for epoch in landscape.epochs:
                yield "neighbors", {**here, "epoch": int(epoch), "group": None}, {"k": k}
        if not isinstance(landscape.source, KnowsLogits):
            continue
        yield "history", here, {}
        if len(scene) * len(scene.classes) * len(landscape) <= _MAX_PROBABILITIES:
            for epoch in landscape.epochs:
                yield "probabilities", {**here, "epoch": int(epoch)}, {}


def _places(scene: Scene) -> Iterator[tuple[str, dict[str, Any]]]:
    """List the places that were looked at, markers and ways between them too, at every epoch."""
    seen: set[str] = set()
    for request, _ in reversed(scene.answers.items()):
        op, _, text = request.partition(" ")
        if op not in ("decode", "crossings") or len(seen) >= _MAX_PLACES:
            continue
        args = json.loads(text)
        about = key(op, {**args, "epoch": None})
        if about not in seen:
            seen.add(about)
            for epoch in scene.landscapes[args["landscape"]].epochs:
                yield op, {**args, "epoch": int(epoch)}


def _about_all_samples(scene: Scene, op: str, args: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Ask about all samples, in as many requests as the size of an answer demands."""
    n, epochs = len(scene), len(scene.landscapes[args["landscape"]])
    step = min(_ROWS_AT_ONCE, max(1, MAX_ANSWER_BYTES // (4 * len(scene.classes) * epochs)))
    parts = [
        ask(scene, op, {**args, "indices": list(range(start, min(n, start + step)))}).arrays
        for start in range(0, n, step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _ask_within(seconds: float, scene: Scene, op: str, args: dict[str, Any]) -> Answer | None:
    """Ask, but give up and return None when the answer takes longer."""
    start = time.monotonic()

    def report(fraction: float, text: str, so_far: Answer | None = None) -> None:
        del fraction, text, so_far
        if time.monotonic() - start > seconds:
            raise _TooSlowError

    try:
        return ask(scene, op, args, report)
    except _TooSlowError:
        return None


class _TooSlowError(Exception):
    """Stops an answer that takes too long; it never leaves this module."""


def _introduction(scene: Scene, answered: list[set[str]], used: set[str]) -> Answer:
    """Introduce a page: it offers only what it can answer itself."""
    hello = cast("Hello", ask(scene, "hello", {}))
    landscapes: list[LandscapeOutline] = [
        {
            **outline,
            "services": sorted({name for op in ops for name in _SERVICES.get(op, ())}),
            "columns": [
                each for each in outline["columns"] if each["name"] in _columns(scene, landscape, used)
            ],
        }
        for landscape, outline, ops in zip(scene.landscapes, hello.landscapes, answered, strict=True)
    ]
    # Only questions about models are not about a landscape.
    of_models = any(
        "landscape" not in find(request.split()[0]).arguments for request, _ in scene.answers.items()
    )
    if not of_models:
        hello = replace(hello, models=[], vae=None)
    return replace(hello, landscapes=landscapes, solid=False)


def _pictures(scene: Scene) -> Iterator[NDArray[np.uint8]]:
    if scene.images is not None:
        for indices in _index_blocks(scene):
            yield ask(scene, "thumbnails", {"indices": indices, "size": None}).arrays["pixels"]


def _texts(scene: Scene) -> Iterator[NDArray[np.uint8]]:
    """Write what people read of the samples as bytes of JSON."""
    if scene.describe is not None:
        for indices in _index_blocks(scene):
            texts = ask(scene, "describe", {"indices": indices}).result["texts"]
            yield np.frombuffer(json.dumps(texts).encode(), np.uint8)


def _index_blocks(scene: Scene) -> Iterator[list[int]]:
    n = len(scene)
    for start in range(0, n, SAMPLES_PER_BLOCK):
        yield list(range(start, min(n, start + SAMPLES_PER_BLOCK)))


class _Blocks:
    """The arrays of a page: each a numbered script element of its own, decoded when it is needed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0

    def answer(self, answer: Answer) -> dict[str, Any]:
        """Write an answer's arrays, and return its entry in the manifest."""
        arrays = [
            {**header, **self.array(_shortened(answer.arrays[header["name"]]))} for header in answer.headers
        ]
        return {"result": answer.result, "arrays": arrays}

    def rows(self, arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
        """Write arrays with a row per sample, shares in a byte each; return their entries in the manifest."""
        entries = []
        for name, array in arrays.items():
            if array.dtype.kind == "f":
                steps = np.rint(np.nan_to_num(array) * _SHARE_STEPS)
                shares = np.where(np.isnan(array), _SHARE_STEPS + 1, steps).astype(np.uint8)
                entries.append({"name": name, **self.array(shares), "steps": _SHARE_STEPS})
            else:
                entries.append({"name": name, **self.array(array)})
        return entries

    def array(self, array: NDArray[Any]) -> dict[str, Any]:
        """Write one array; return its dtype, shape and block number."""
        text = base64.b64encode(gzip.compress(packed(array), mtime=0)).decode("ascii")
        number = self._count
        self._count += 1
        self._file.write(f'<script type="text/plain" data-dvi-block="{number}">{text}</script>\n')
        return {"dtype": array.dtype.name, "shape": list(array.shape), "block": number}


def _shortened(array: NDArray[Any]) -> NDArray[Any]:
    """Round float32 to four digits: it packs into half the space."""
    if array.dtype != np.float32:
        return array
    bits = array.view(np.uint32)
    return np.where(np.isfinite(array), (bits + (1 << 9)) & ~np.uint32((1 << 10) - 1), bits).view(np.float32)


def script_json(value: Any) -> str:
    """Write JSON that is safe inside a script element: it can neither end the element nor open a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
