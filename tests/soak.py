"""Days of use in minutes: requests of four pages at once, tabs that close, cells that run again and again.

    python tests/soak.py 10000 100

So many requests, a tab closed and opened after each hundred, and so many runs of a cell that fits a run of
300 epochs and shows it, none of which is closed. Prints what is answered, the longest wait, and what
the process holds in memory and in open files before and after.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
from jupyter_client.manager import start_new_kernel

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))
from messages import Sender, explored

import dvi_widget as dvi
from dvi_widget.widget.request import REQUESTS

PAGES = 4
ASKED_AT_ONCE = 25
REQUESTS_PER_TAB = 100
EPOCHS, SAMPLES, FEATURES, CLASSES = 300, 40, 6, 3
WAIT_S = 600
# Trained anew for each question, for seconds: what one asks once in a while.
RARE = ("student", "search", "clusters")


class Held:
    """What this process holds."""

    def __init__(self):
        gc.collect()
        process = psutil.Process()
        self.mib, self.files = process.memory_info().rss / 2**20, process.num_fds()

    def __str__(self):
        return f"{self.mib:,.0f} MiB and {self.files} open files"


def pages(explorer):
    """Explorers of the same landscape: one per page."""
    return [dvi.Explorer(*explorer._landscapes, vae=explorer._scene.vae) for _ in range(PAGES)]


def ask(count):
    """Ask so many questions from all pages at once; return answers, failures and the longest wait."""
    answered, failed, longest = 0, 0, 0.0
    with explored() as explorer:
        sender = Sender(0, ["label", "loss", "margin"])
        shown = pages(explorer)
        asked = itertools.count()
        before = None
        for start in range(0, count, ASKED_AT_ONCE):
            waiting = {}
            for _ in range(min(ASKED_AT_ONCE, count - start)):
                page, number = sender.draw.choice(shown), next(asked)
                op = sender.draw.choice([op for op in REQUESTS if op not in RARE])
                args = {name: sender.proper(name) for name in REQUESTS[op].arguments}
                waiting[number] = page, time.perf_counter()
                page.epoch = sender.draw.randrange(2)  # a scrub in between
                page.comm.hear({"method": "custom", "content": {"id": number, "op": op, "args": args}})
            for number, (page, began) in waiting.items():
                found = answer(page.comm, number)
                longest = max(longest, time.perf_counter() - began)
                answered += found is not None
                failed += found is not None and str(found.get("error", "")).startswith("The kernel could not")
            for page in shown:
                page.comm.said.clear()
            if start // REQUESTS_PER_TAB != (start + ASKED_AT_ONCE) // REQUESTS_PER_TAB:
                shown.pop(0).close()
                shown.append(pages(explorer)[0])
            if before is None and start > count // 10:
                before = Held()  # everything has been asked once
        after = Held()
        for page in shown:
            page.close()
    return answered, failed, longest, before, after


def answer(channel, number):
    """The answer to a request, or None if it never comes."""

    def found():
        return [content for content, _ in channel.customs() if "ok" in content and content["id"] == number]

    with channel.changed:
        return found()[0] if channel.changed.wait_for(found, WAIT_S) else None


# What a person's cell does; the run lies in the folder `run`.
CELL = """
import dvi_widget as dvi
explorer = dvi.Explorer(dvi.DVI(joint=False).fit(dvi.Run("run")).landscape())
explorer
"""
# What the kernel holds, as the text of an answer.
HELD = "f'{p.memory_info().rss / 2**20:,.0f} MiB, {p.num_fds()} open files and {len(w._instances)} widgets'"
ASK_HELD = "import gc, psutil; from ipywidgets.widgets import widget as w; p = psutil.Process(); gc.collect()"


def run_again(count):
    """Run a cell so many times that fits a run of many epochs and shows it, in a kernel of its own."""
    rng = np.random.default_rng(0)
    labels = np.arange(SAMPLES) % CLASSES
    head = rng.normal(size=(CLASSES, FEATURES)).astype(np.float32), np.zeros(CLASSES, np.float32)
    with tempfile.TemporaryDirectory() as place:
        recorder = dvi.ArrayRecorder(Path(place) / "run", labels=labels, classes=list("abc"))
        x = rng.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
        for epoch in range(EPOCHS):
            x = x + 0.05 * rng.normal(size=x.shape).astype(np.float32)
            recorder.capture(epoch, features=x, logits=x @ head[0].T, head=head)
        with running_kernel(cwd=place) as client:
            before = None
            for number in range(count):
                run_cell(client, CELL)
                if number == count // 10:
                    before = held_by(client)
            return before, held_by(client)


@contextlib.contextmanager
def running_kernel(cwd):
    """A kernel in a folder, and a client that has waited for it."""
    manager, client = start_new_kernel(cwd=cwd, startup_timeout=WAIT_S)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client, code, expressions=None):
    """Run code as the same cell of a notebook, and return the values of expressions."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    content |= {"user_expressions": expressions or {}, "stop_on_error": True}
    message = client.session.msg("execute_request", content, metadata={"cellId": "the-cell"})
    client.shell_channel.send(message)
    while True:
        reply = client.get_shell_msg(timeout=WAIT_S)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            break
    while client.iopub_channel.msg_ready():  # what the cell shows: read, so that nothing piles up
        client.get_iopub_msg(timeout=WAIT_S)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return {name: value["data"]["text/plain"] for name, value in reply["content"]["user_expressions"].items()}


def held_by(client):
    """What the kernel holds."""
    return run_cell(client, ASK_HELD, {"held": HELD})["held"].strip("'")


def main():
    warnings.simplefilter("ignore")
    requests, runs = (int(sys.argv[place]) if len(sys.argv) > place else 200 for place in (1, 2))
    answered, failed, longest, before, after = ask(requests)
    sys.stdout.write(
        f"{requests} requests: {answered} answered, {failed} of them by an error of the kernel; the longest "
        f"wait {longest:.1f} s; {before} at a tenth of them, {after} at the end\n"
    )
    before, after = run_again(runs)
    sys.stdout.write(f"{runs} runs of a cell over {EPOCHS} epochs: {before} at a tenth, {after} at the end\n")


if __name__ == "__main__":
    main()
