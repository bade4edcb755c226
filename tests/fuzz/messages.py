"""Sends an explorer whatever a page or a program may, and counts what it makes of it.

    python tests/fuzz/messages.py 20000 5000

So many messages of a page, and so many values for what an explorer shares with it, half of them sent by
the page and half assigned in Python. A message is answered as its question declares (right), or by a
sentence that says what must be sent (clear). A value is taken, and is then one that may be assigned again
(right), or refused by a sentence, and what was there stays (clear). Everything else is a defect: raw
(another error, or one in the kernel's log), silent (an answer of another form, or a value that is no
proper one), hang.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import traitlets

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import comm  # noqa: E402 - found by the line above
from folders import EPOCHS, KINDS, N_TEST, N_TRAIN, Outcome, record  # noqa: E402
from hosts import RecordingComm  # noqa: E402
from recorded import network  # noqa: E402

import dvi_widget as dvi  # noqa: E402
from dvi_widget.widget.request import REQUESTS  # noqa: E402

HANG_S = 60  # that may pass without a word
N = N_TRAIN + N_TEST
RAW = "The kernel could not answer"

# What somebody may send in place of anything.
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 3, 2.5, 10**6, 10**30, -(10**400), 1e308, float("nan"), float("inf"), "",
    " ", "x", "0", "label", "\ud800", "\u202e", "<b>x</b>", "x" * 50_000, "[" * 3000, [], [[]], [None], [0],
    [1.5], [True], list(range(300)), {}, {"a": 1}, {"": None}, {"id": 1}, [[[[[[]]]]]], "٣", "1e3",
    "conf:" + "9" * 9000,
]  # fmt: skip
CONDITIONS = [
    "label:zero", "pred:1", "wrong", "-wrong", "conf<0.5", "conf:0-1", "conf>", "split:test", "flipped", "#3",
    "changed:0-1", "(", '"', "label:", "margin>0.1", "loss", "aum<0", "near:#3", "#99999", "label:1,2,3",
    ":::",
]  # fmt: skip


class Sender:
    """Draws messages and values."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self.draw = random.Random(seed)
        self.names = names

    def odd(self) -> Any:
        """A value that somebody may send in place of anything, alone or within others."""
        value = self.draw.choice(ODD)
        kind = self.draw.randrange(6)
        if kind == 0:
            return [value] * self.draw.randrange(1, 4)
        if kind == 1:
            return {self.draw.choice(["a", "index", "\ud800", "steps"]): value}
        return value

    def number(self) -> float:
        return self.draw.choice([0, 1, 2, 5, -1, 0.5, 1e-9, 1e9, self.draw.uniform(-3, 3)])

    def pair(self) -> list[float]:
        return [self.number(), self.number()]

    def indices(self) -> list[int]:
        return [self.draw.randrange(N) for _ in range(self.draw.randrange(6))]

    def proper(self, name: str) -> Any:
        """A likely value of an argument, by its name."""
        draw = self.draw
        makers: dict[str, Callable[[], Any]] = {
            "landscape": lambda: 0,
            "model": lambda: 0,
            "epoch": lambda: draw.randrange(EPOCHS),
            "index": lambda: draw.randrange(N),
            "other": lambda: draw.choice([None, draw.randrange(N)]),
            "indices": self.indices,
            "size": lambda: draw.choice([None, 8, 32]),
            "k": lambda: draw.randrange(1, 12),
            "group": lambda: draw.choice([None, "train", "test", "flipped"]),
            "points": lambda: [self.pair() for _ in range(draw.randrange(4))],
            "a": self.pair,
            "b": self.pair,
            "name": lambda: draw.choice(self.names),
            "unit": lambda: draw.choice([None, draw.randrange(8)]),
            "target": lambda: draw.choice([None, draw.randrange(3)]),
            "layer": lambda: draw.choice(["0", "1", "2", "3", None]),
            "method": lambda: draw.choice(
                ["gradient", "occlusion", "integrated_gradients", "lrp", "grad_cam"]
            ),
            "parameters": lambda: draw.choice([{}, {}, {"steps": 8}, {"patch": 2}, {"steps": self.odd()}]),
            "latent": lambda: draw.choice([None, [self.number() for _ in range(LATENT)]]),
            "bounds": lambda: draw.choice([None, [self.pair() for _ in range(LATENT)]]),
            "settings": lambda: draw.choice(
                [{}, {"neighbors": 64}, {"band": 0.5}, {"neighbors": self.odd()}]
            ),
            "id": lambda: draw.randrange(5),
        }
        return makers[name]() if name in makers else self.odd()

    def message(self, id_: int) -> Any:
        """A message, most often a question that is nearly right."""
        draw = self.draw
        if draw.random() < 0.03:
            return self.odd()
        op: Any = draw.choice([*REQUESTS, "cancel"])
        wanted = REQUESTS[op].arguments if op in REQUESTS else {"id": None}
        args: Any = {
            name: self.odd() if draw.random() < 0.12 else self.proper(name) for name in wanted
        }  # fmt: skip
        if draw.random() < 0.05 and args:
            del args[draw.choice([*args])]
        if draw.random() < 0.03:
            args[draw.choice(["more", "\ud800", "epoch"])] = self.odd()
        if draw.random() < 0.03:
            args = self.odd()
        if draw.random() < 0.03:
            op = self.odd()
        message = {"id": id_, "op": op, "args": args}
        if draw.random() < 0.02:
            message["id"] = self.odd()
        return message

    def value(self, name: str) -> Any:
        """A value for something that an explorer shares with its pages, in Python's words."""
        draw = self.draw
        if draw.random() < 0.4:
            return self.odd()
        arrays = [np.array, torch.tensor, tuple, list, set]
        makers: dict[str, Callable[[], Any]] = {
            "epoch": lambda: draw.choice([0, 1, np.int64(1), np.float32(1), 2, -1, True]),
            "selection": lambda: draw.choice([*arrays, lambda rows: np.isin(np.arange(N), rows)])(
                self.indices()
            ),
            "hovered": lambda: draw.choice([None, draw.randrange(N), np.int32(3), N, -1]),
            "color_by": lambda: draw.choice(["label", "loss", "flipped", "split", "nothing"]),
            "size_by": lambda: draw.choice(["", "confidence", "margin", "nothing"]),
            "filter": lambda: " ".join(draw.choices(CONDITIONS, k=draw.randrange(4))),
            "selections": lambda: {draw.choice(["one", "", "\ud800", "<b>", "a\nb", 3]): self.indices()},
            "_view": lambda: {
                draw.choice(["panel", "palette", "speed", "camera", "height", "x" * 99]): self.odd()
            },
        }
        return makers[name]()


SHARED = ("epoch", "selection", "hovered", "color_by", "size_by", "filter", "selections", "_view")
LATENT = 3


@contextmanager
def explored() -> Iterator[dvi.Explorer]:
    """An explorer of a recorded run with everything that a page can ask about."""
    with tempfile.TemporaryDirectory() as place, mock.patch.object(comm, "create_comm", RecordingComm):
        record(Path(place) / "run")
        run = dvi.Run(Path(place) / "run", network())
        vae = dvi.VAE(latent_dim=LATENT, epochs=1).fit(run.inputs("train"))
        explorer = dvi.Explorer(dvi.DVI().fit(run).landscape(resolution=16), vae=vae)
        yield explorer
        explorer.close()


class Log(logging.Handler):
    """Keeps what is logged as a warning or worse: an error that nobody sees on the page."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def answered(explorer: dvi.Explorer, message: Any) -> Outcome:
    """Send a message, and judge what comes back."""
    channel = explorer.comm
    told = json.loads(json.dumps(message))  # as a page's JSON arrives
    id_ = told.get("id") if isinstance(told, dict) else None

    def final() -> list[tuple[dict[str, Any], list[Any]]]:
        # Without a proper number the answer has none, and comes at once.
        return [
            (content, buffers)
            for content, buffers in channel.customs()
            if "ok" in content and content["id"] in (id_, None)
        ]

    channel.hear({"method": "custom", "content": told})
    with channel.changed:
        while not final():
            told_already = len(channel.said)
            # Long work tells its progress.
            if not channel.changed.wait_for(lambda: len(channel.said) > told_already, HANG_S):  # noqa: B023
                return "hang", ""
    content, buffers = final()[0]
    json.dumps(content, allow_nan=False)
    if content["ok"]:
        sizes = [
            np.dtype(array["dtype"]).itemsize * int(np.prod(array["shape"])) for array in content["arrays"]
        ]
        fits = sizes == [len(bytes(buffer)) for buffer in buffers]
        return ("right", "") if fits else ("silent", f"arrays {content['arrays']}")
    error = content["error"]
    error.encode()  # whole characters
    clear = not error.startswith(RAW) and error.endswith((".", "?"))
    return ("clear" if clear else "raw"), error


def tallied(
    count: int, begin: Callable[[dvi.Explorer], Callable[[int], tuple[Outcome, str]]]
) -> tuple[Counter[str], list[str]]:
    """Judge so many trials of an explorer; count the outcomes, and describe the defects.

    `begin` returns what tells the outcome of the trial with a number, and what was tried.
    """
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    defects: list[str] = []
    log = Log()
    logging.getLogger().addHandler(log)
    try:
        with explored() as explorer:
            judged = begin(explorer)
            for number in range(count):
                log.lines.clear()
                (kind, found), tried = judged(number)
                if log.lines and kind in ("right", "clear"):
                    kind, found = "raw", log.lines[0]
                counts[kind] += 1
                if kind not in ("right", "clear"):
                    defects.append(f"{kind}: {tried} → {found[:300]}")
    finally:
        logging.getLogger().removeHandler(log)
    return counts, defects


def caught(judge: Callable[[], Outcome]) -> Outcome:
    """Judge, and count any error of its own as raw."""
    try:
        return judge()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect
        return "raw", f"{type(error).__name__}: {error}"


def fuzz_messages(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Judge so many messages; count the outcomes, and describe the defects."""

    def begin(explorer: dvi.Explorer) -> Callable[[int], tuple[Outcome, str]]:
        names = [*explorer.suggestions().columns, "label", "loss", "margin", "flipped", "mislabelled"]
        sender = Sender(seed, names)

        def judged(number: int) -> tuple[Outcome, str]:
            explorer.comm.said.clear()
            message = sender.message(number)
            return caught(lambda: answered(explorer, message)), str(message)[:200]

        return judged

    return tallied(count, begin)


def assigned(explorer: dvi.Explorer, name: str, value: Any, *, by_page: bool) -> Outcome:
    """Give an explorer a value, and judge what it makes of it."""
    before = getattr(explorer, name)
    refused = ""
    try:
        if by_page:
            explorer.comm.hear({"method": "update", "state": {name: value}, "buffer_paths": []})
        else:
            setattr(explorer, name, value)
    except traitlets.TraitError as error:
        refused = str(error)
        if not refused.endswith((".", "?")) or name.strip("_") not in refused:
            return "raw", refused
    after = getattr(explorer, name)
    if refused and after != before:
        return "silent", f"refused, and changed from {before!r} to {after!r}"
    try:
        json.dumps(explorer.get_state([name]), allow_nan=False).encode()
        # What it holds is proper; only a filter may be a text that somebody has not finished.
        if name != "filter":
            setattr(explorer, name, after)
        explorer.table()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect
        return "silent", f"holds {str(after)[:80]!r}: {type(error).__name__}: {error}"
    return ("clear" if refused else "right"), refused


def fuzz_values(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Judge so many values, every other one sent by a page; count the outcomes, and describe the defects."""

    def begin(explorer: dvi.Explorer) -> Callable[[int], tuple[Outcome, str]]:
        sender = Sender(seed, [])

        def judged(number: int) -> tuple[Outcome, str]:
            name, by_page = sender.draw.choice(SHARED), number % 2 == 0
            value = sender.value(name)
            if by_page:
                try:
                    value = json.loads(json.dumps(value))
                except (TypeError, ValueError):
                    value = sender.odd()
            began = time.perf_counter()
            outcome = caught(lambda: assigned(explorer, name, value, by_page=by_page))
            if outcome[0] in ("right", "clear") and time.perf_counter() - began > HANG_S:
                outcome = "hang", ""
            return outcome, f"{name} = {str(value)[:120]} by {'page' if by_page else 'Python'}"

        return judged

    return tallied(count, begin)


def main() -> None:
    messages, values = (int(sys.argv[place]) if len(sys.argv) > place else 2000 for place in (1, 2))
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(errors="backslashreplace")
    for what, fuzz, count in (("messages", fuzz_messages, messages), ("values", fuzz_values, values)):
        counts, defects = fuzz(count, seed)
        for defect in defects:
            print(defect)  # noqa: T201
        print(f"{what}: {', '.join(f'{kind} {counts[kind]}' for kind in KINDS)}")  # noqa: T201


if __name__ == "__main__":
    main()
