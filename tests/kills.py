"""SIGKILL at random moments while recording and fitting: nothing complete is lost, nothing half seen."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path

import numpy as np
from recorded import network, record, recorder, samples, train
from safetensors.numpy import load_file
from tqdm.auto import tqdm

import dvi_widget as dvi
from dvi_widget.runs import storage

# A clean process with everything imported, from which a worker is there within milliseconds.
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["dvi_widget.dvi", "sklearn.model_selection", "torch._dynamo"])

FIT = {"steps": (80, 40), "width": 8, "seed": 1}


def recording(folder, seed, journal):
    """Worker: record for ever, each third time an epoch recorded already; report before and after each."""
    tqdm.set_lock(threading.RLock())  # its own is one between processes, and outlives a kill
    rng = np.random.default_rng(seed)
    (x, y), *_ = samples()
    model = network(seed)
    recorder_ = recorder(folder, model)
    journal.send(("ready",))
    version = count(time.time_ns() // 1000)
    while True:
        train(model, x, y, steps=1)
        epochs = dvi.Run(folder).epochs
        again = bool(epochs) and rng.random() < 1 / 3
        epoch = int(rng.choice(epochs)) if again else len(epochs)
        number = next(version)
        journal.send(("began", epoch, number))
        recorder_.capture(epoch, overwrite=again, scalars={"version": number})
        journal.send(("recorded", epoch, number))


def fitting(folder, journal):
    """Worker: fit the run, then say so."""
    tqdm.set_lock(threading.RLock())
    run = dvi.Run(folder)
    journal.send(("ready",))
    dvi.DVI(**FIT).fit(run)
    journal.send(("fitted",))


def killed(worker, arguments, wait, *, from_ready=True):
    """What a worker reported before it was killed after a time (or ended by itself)."""
    ours, theirs = WORKERS.Pipe(duplex=False)
    process = WORKERS.Process(target=worker, args=(*arguments, theirs))
    process.start()
    theirs.close()
    told = []
    if from_ready:
        told.append(ours.recv())
    process.join(wait)
    ended = process.exitcode
    process.kill()
    process.join()
    assert ended in (None, 0), f"the worker failed by itself (exit code {ended})"
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        return told


def check_recording(folder, told, recorded):
    """Hold the run against what was reported; `recorded` maps epochs to the last reported version."""
    if ("ready",) not in told and not recorded:
        try:
            run = dvi.Run(folder)
        except (FileNotFoundError, dvi.RunError):
            return
    run = dvi.Run(folder)
    began = {}
    for what, *rest in told:
        if what == "began":
            began[rest[0]] = rest[1]
        elif what == "recorded":
            recorded[rest[0]] = rest[1]
    lost = set(recorded) - set(run.epochs)
    assert not lost, f"epochs {sorted(lost)} were recorded and are gone"
    unknown = set(run.epochs) - set(recorded) - set(began)
    assert not unknown, f"epochs {sorted(unknown)} were never recorded"
    reader = dvi.Run(folder, model=network())
    versions = run.scalars.get("version")
    for epoch in run.epochs:
        version = int(versions[epoch])
        assert version in (recorded.get(epoch), began.get(epoch)), f"epoch {epoch} is an older one"
        recorded[epoch] = version
        arrays = [
            run.features(epoch, "all"),
            run.logits(epoch, "all"),
            run.boundary(epoch, "train"),
            run.boundary(epoch, "test"),
        ]
        linear = reader.subject(epoch).linear_layer
        assert run.digest(epoch) == storage.digest(*arrays, *linear), f"epoch {epoch} is not whole"


def kill_recording(folder, kills, seed=0):
    """Kill a recording so many times, in runs that are continued some times before a new one begins."""
    rng = np.random.default_rng(seed)
    complete = 0
    run = recorded = None
    for kill in range(kills):
        if run is None or rng.random() < 0.2:
            run, recorded = folder / f"run-{kill}", {}
        # Some of the kills hit the start of a recording, most the epochs.
        start = bool(rng.random() < 0.25)
        wait = rng.uniform(0, 0.15) if start else rng.uniform(0, 0.5)
        before = len(recorded)
        told = killed(recording, (run, int(rng.integers(2**31))), wait, from_ready=not start)
        check_recording(run, told, recorded)
        complete += len(recorded) - before
    return complete


def kill_fitting(folder, kills, seed=0):
    """Kill a fit so many times, each time going on with what is finished, until all is; then begin again."""
    rng = np.random.default_rng(seed)
    record(folder, epochs=range(4))
    run = dvi.Run(folder)
    whole = dvi.DVI(**FIT).fit(run)
    reference = {path.name: load_file(path) for path in run.maps.glob("*.safetensors")}
    assert len(reference) == 4
    finished, complete = set(reference), 0
    for _ in range(kills):
        if len(finished) == len(reference):
            for path in run.maps.iterdir():
                path.unlink()
            finished = set()
        told = killed(fitting, (folder,), rng.uniform(0, 1.0))
        found = {path.name for path in run.maps.glob("*.safetensors")}
        assert finished <= found, f"maps {sorted(finished - found)} were fitted and are gone"
        assert ("fitted",) not in told or found == set(reference)
        for name in found:
            for key, array in load_file(run.maps / name).items():
                np.testing.assert_array_equal(array, reference[name][key], err_msg=f"{name} is not whole")
        complete += len(found - finished)
        finished = found
    resumed = dvi.DVI(**FIT).fit(run)
    assert resumed.epochs_ == whole.epochs_
    for epoch in whole.epochs_:
        x = run.features(epoch, "test")
        np.testing.assert_array_equal(resumed.transform(x, epoch), whole.transform(x, epoch))
    return complete


def main(kills):
    """Half of the kills while recording, half while fitting."""
    os.environ["TQDM_DISABLE"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        for name, kill, n in (
            ("recording", kill_recording, kills - kills // 2),
            ("fitting", kill_fitting, kills // 2),
        ):
            start = time.monotonic()
            complete = kill(Path(folder) / name, n)
            took = time.monotonic() - start
            sys.stdout.write(
                f"{n} kills while {name}: {complete} epochs complete, none lost, no half one ({took:.0f} s)\n"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
