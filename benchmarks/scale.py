"""What large runs cost: cores, time, memory and disk, by number of samples and of classes.

    python benchmarks/scale.py threads --samples 60000 --width 512
    python benchmarks/scale.py whole --samples 1000000 --width 128 --epochs 3
    python benchmarks/scale.py growth
    python benchmarks/scale.py classes
    python benchmarks/scale.py epochs

The samples are drawn from ten classes (or as many as there are) whose centres move a little from epoch to
epoch. `threads` fits on one and on two threads and compares the positions bit by bit. The share of its CPU
time that the main thread spends is what another core cannot take over: on two free cores wall time is
(1 + share) / 2 of CPU time, whatever else the machine does. `whole` records, fits and paints the first
picture in one go; `growth` draws what all its measurements cost.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import dvi_widget as dvi

BUILD = Path(__file__).parent.parent / "build" / "benchmarks" / "scale"
MIB = 2**20


def peak() -> float:
    """Return the largest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def record(
    folder: Path, n: int, width: int, epochs: int, classes: int = 10, boundary: float = 0.1
) -> dvi.Run:
    """Record moving classes from arrays."""
    draw = np.random.default_rng(0)
    centres, labels = draw.normal(size=(classes, width)), draw.integers(classes, size=n)
    names = [str(c) for c in range(classes)]
    recorder = dvi.ArrayRecorder(folder, labels=labels, classes=names, boundary=boundary)
    for t in range(epochs):
        moved = (centres + 0.2 * t * draw.normal(size=centres.shape)).astype(np.float32)
        x = draw.standard_normal(size=(n, width), dtype=np.float32)
        x *= np.float32(1.5)
        x += moved[labels]
        head = moved, -np.square(moved).sum(axis=1) / 2
        recorder.capture(t, features=x, logits=x @ head[0].T + head[1], head=head)
    return dvi.Run(folder)


def fit(run: dvi.Run, threads: int) -> tuple[list[NDArray[np.float32]], float, float, float]:
    """Fit anew; return the positions, wall and CPU seconds, and the CPU seconds of the main thread."""
    shutil.rmtree(run.maps, ignore_errors=True)
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        wall, cpu, main = time.perf_counter(), time.process_time(), time.thread_time()
        model = dvi.DVI().fit(run)
        wall, cpu, main = time.perf_counter() - wall, time.process_time() - cpu, time.thread_time() - main
    return [frame.positions for frame in model.landscape()], wall, cpu, main


def threads(n: int, width: int, epochs: int) -> None:
    """Fit on one and two threads."""
    with tempfile.TemporaryDirectory() as folder:
        fit(record(Path(folder) / "first", 300, 8, 2), 1)  # loads what is compiled
        run = record(Path(folder) / "run", n, width, epochs)
        print(
            f"{n:,} × {width}, {epochs} epochs\n\n"
            "| threads | wall s | CPU s | wall / CPU | main thread | peak GiB |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        maps = []
        for count in (1, 2):
            positions, wall, cpu, main = fit(run, count)
            maps.append(positions)
            print(
                f"| {count} | {wall:.1f} | {cpu:.1f} | {wall / cpu:.2f} | {main / cpu:.2f} | {peak():.2f} |",
                flush=True,
            )
        same = all(np.array_equal(a, b) for a, b in zip(*maps, strict=True))
        print(f"\npositions: {'the same bits' if same else 'DIFFERENT'}", flush=True)


def whole(n: int, width: int, epochs: int) -> None:
    """Record, fit and paint the first picture; keep what it cost for `growth`."""
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        run = record(Path(folder) / "run", n, width, epochs)
        steps["record"] = time.process_time() - begun
        model = dvi.DVI().fit(run)
        steps["fit"] = time.process_time() - begun - steps["record"]
        landscape = model.landscape()
        landscape[0].canvas  # noqa: B018 - painted when it is asked for
        explorer = dvi.Explorer(landscape)
        explorer._repr_mimebundle_()
        steps["picture"] = time.process_time() - begun - steps["record"] - steps["fit"]
    total = sum(steps.values())
    print(
        f"{n:,} × {width}, {epochs} epochs: "
        + ", ".join(f"{name} {seconds:.1f}" for name, seconds in steps.items())
        + f" CPU s; {1e3 * total / n / epochs:.3f} CPU ms per sample and epoch; peak {peak():.2f} GiB",
        flush=True,
    )
    BUILD.mkdir(parents=True, exist_ok=True)
    found = {"samples": n, "width": width, "epochs": epochs, "peak": peak(), **steps}
    (BUILD / f"whole-{n}-{width}.json").write_text(json.dumps(found), encoding="utf-8")


def growth() -> None:
    """Draw all measurements of `whole`, and print them as a table."""
    import plotly.graph_objects as go  # noqa: PLC0415
    from plotly.subplots import make_subplots  # noqa: PLC0415

    found = sorted(
        (json.loads(path.read_text(encoding="utf-8")) for path in BUILD.glob("whole-*.json")),
        key=lambda one: (one["width"], one["samples"]),
    )
    print("| samples | record | fit | first picture | CPU ms per sample and epoch | peak GiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for one in found:
        each = 1e3 * (one["record"] + one["fit"] + one["picture"]) / one["samples"] / one["epochs"]
        print(
            f"| {one['samples']:,} × {one['width']} | {one['record']:.1f} | {one['fit']:.1f} | "
            f"{one['picture']:.1f} | {each:.3f} | {one['peak']:.2f} |"
        )
    figure = make_subplots(1, 2, subplot_titles=("CPU seconds an epoch", "peak memory, GiB"))
    samples = [one["samples"] for one in found]
    for name in ("record", "fit", "picture"):
        seconds = [one[name] / one["epochs"] for one in found]
        figure.add_trace(go.Scatter(x=samples, y=seconds, name=name, mode="lines+markers"), 1, 1)
    figure.add_trace(
        go.Scatter(x=samples, y=[one["peak"] for one in found], name="peak", mode="lines+markers"), 1, 2
    )
    figure.update_xaxes(type="log", title="samples").update_yaxes(type="log")
    figure.write_html(BUILD / "growth.html")
    print(f"\ndrawn in {BUILD / 'growth.html'}")


def classes(n: int, width: int, count: int, epochs: int) -> None:
    """Paint every epoch of many classes: seconds, memory and disk."""
    with tempfile.TemporaryDirectory() as folder:
        run = record(Path(folder) / "run", n, width, epochs, count)
        begun = time.process_time()
        model = dvi.DVI().fit(run)
        fitted = (time.process_time() - begun) / epochs
        size = sum(path.stat().st_size for path in run.maps.rglob("*") if path.is_file()) / epochs / MIB
        landscape = model.landscape()
        print(
            f"{n:,} × {width}, {count:,} classes: {fitted:.1f} CPU s an epoch, "
            f"{size:.0f} MiB of maps an epoch"
        )
        print("| epochs painted | CPU s a canvas | memory MiB |\n| --- | --- | --- |")
        begun = time.process_time()
        for i, frame in enumerate(landscape):
            frame.canvas  # noqa: B018 - painted when it is asked for
            if i in {0, 1, 4, 9, 24, 49}:
                seconds = (time.process_time() - begun) / (i + 1)
                memory = psutil.Process().memory_info().rss / MIB
                print(f"| {i + 1} | {seconds:.2f} | {memory:.0f} |", flush=True)


def epochs_read(count: int, shown: int) -> None:
    """Read logits of a run of many epochs, and export a page of some of them."""
    with tempfile.TemporaryDirectory() as folder:
        run = record(Path(folder) / "run", 200, 8, count)
        for which in ("first", "second"):
            begun = time.process_time()
            for epoch in run.epochs:
                run.logits(epoch)
            each = 1e3 * (time.process_time() - begun) / count
            print(f"logits of {count} epochs, {which} time: {each:.3f} CPU ms a read", flush=True)
        landscape = dvi.DVI().fit(run, epochs=run.epochs[:: count // shown][:shown]).landscape()
        begun = time.process_time()
        dvi.Explorer(landscape).to_html(Path(folder) / "page.html")
        print(
            f"to_html of {len(landscape)} of {count} epochs: {time.process_time() - begun:.1f} CPU s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("threads", "whole", "growth", "classes", "epochs"))
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--classes", type=int, default=1_000)
    given = parser.parse_args()
    if given.what == "threads":
        threads(given.samples, given.width, given.epochs)
    elif given.what == "whole":
        whole(given.samples, given.width, given.epochs)
    elif given.what == "growth":
        growth()
    elif given.what == "classes":
        classes(given.samples, given.width, given.classes, given.epochs)
    else:
        epochs_read(700, 50)


if __name__ == "__main__":
    main()
