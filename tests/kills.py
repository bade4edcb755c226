"""SIGKILL at random moments while recording and fitting: nothing complete is lost, nothing half seen."""

from __future__ import annotations

import functools
import multiprocessing
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path

import numpy as np
from recorded import network, record, recorder, samples, train
from safetensors.numpy import load_file
from tqdm import tqdm

import dvi_widget as dvi
from dvi_widget.projection import cache
from dvi_widget.runs import storage

# A clean process with everything imported, from which a worker is there within milliseconds.
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["dvi_widget.dvi", "sklearn.model_selection", "torch._dynamo"])

# The default layout looks at all epochs together before it fits the first, the others at one after the other.
FITS = {
    "joint": {},
    "watched": {"joint": False},
    "paper": {"method": "paper", "steps": (80, 40), "width": 8, "seed": 1},
}


def quiet():
    """No progress bars, nor the lock between processes that comes with them and outlives a kill."""
    tqdm.set_lock(threading.RLock())
    tqdm.__init__ = functools.partialmethod(tqdm.__init__, disable=True)


def recording(folder, seed, journal):
    """Worker: record for ever, each third time an epoch recorded already; report before and after each."""
    quiet()
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
        journal.send(("done", epoch, number))


def fitting(folder, fit, journal):
    """Worker: fit the run, and report each epoch that is kept."""
    quiet()
    store = cache.store

    def reported(path, fitted):
        stored = store(path, fitted)
        journal.send(("done", path.name))
        return stored

    cache.store = reported
    run = dvi.Run(folder)
    journal.send(("ready",))
    dvi.DVI(**FITS[fit]).fit(run)


def killed(worker, arguments, done, delay):
    """What a worker reported, killed a while after it was ready (done = 0) or had done so many epochs."""
    ours, theirs = WORKERS.Pipe(duplex=False)
    process = WORKERS.Process(target=worker, args=(*arguments, theirs))
    process.start()
    theirs.close()
    told = []
    try:
        while done is not None and sum(what == "done" for what, *_ in told) + bool(told) <= done:
            told.append(ours.recv())
        process.join(delay)
        ended = process.exitcode
        process.kill()
        process.join()
        assert ended in (None, 0), f"the worker failed by itself (exit code {ended})"
        while True:
            told.append(ours.recv())
    except EOFError:
        process.join()
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
        elif what == "done":
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
    record(folder / "first", epochs=range(1))
    start = time.monotonic()
    record(folder / "timed", epochs=range(4))
    epoch_time = (time.monotonic() - start) / 4
    complete = 0
    run = recorded = None
    for kill in range(kills):
        if run is None or rng.random() < 0.2:
            run, recorded = folder / f"run-{kill}", {}
        # Some of the kills hit the start of a recording, most the epochs.
        done = None if rng.random() < 0.25 else int(rng.integers(3))
        delay = rng.uniform(0, 2 * epoch_time)
        before = len(recorded)
        told = killed(recording, (run, int(rng.integers(2**31))), done, delay)
        check_recording(run, told, recorded)
        complete += len(recorded) - before
    return complete


def kill_fitting(folder, kills, seed=0, *, fit="joint"):
    """Kill a fit so many times, each time going on with what is finished, until all is; then begin again."""
    rng = np.random.default_rng(seed)
    record(folder, epochs=range(4))
    run = dvi.Run(folder)
    start = time.monotonic()
    whole = dvi.DVI(**FITS[fit]).fit(run)
    epoch_time = (time.monotonic() - start) / 4
    reference = {path.name: load_file(path) for path in run.maps.glob("*.safetensors")}
    assert len(reference) == 4
    finished, complete = set(reference), 0
    for _ in range(kills):
        if len(finished) == len(reference):
            for path in run.maps.iterdir():
                path.unlink()
            finished = set()
        told = killed(fitting, (folder, fit), int(rng.integers(3)), rng.uniform(0, 2 * epoch_time))
        found = {path.name for path in run.maps.glob("*.safetensors")}
        assert finished <= found, f"maps {sorted(finished - found)} were fitted and are gone"
        assert sum(what == "done" for what, *_ in told) <= len(found), "a map that was reported is gone"
        for name in found:
            for key, array in load_file(run.maps / name).items():
                np.testing.assert_array_equal(array, reference[name][key], err_msg=f"{name} is not whole")
        complete += len(found - finished)
        finished = found
    resumed = dvi.DVI(**FITS[fit]).fit(run)
    assert resumed.epochs_ == whole.epochs_
    for epoch in whole.epochs_:
        x = run.features(epoch, "test")
        np.testing.assert_array_equal(resumed.transform(x, epoch), whole.transform(x, epoch))
    return complete


def main(kills):
    """Half of the kills while recording, half while fitting in each of the ways."""
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        for name, kill, n in (
            ("recording", kill_recording, kills - kills // 2),
            *(
                (f"fitting ({fit})", functools.partial(kill_fitting, fit=fit), kills // 2 // len(FITS))
                for fit in FITS
            ),
        ):
            start = time.monotonic()
            complete = kill(Path(folder) / name, n)
            took = time.monotonic() - start
            sys.stdout.write(
                f"{n} kills while {name}: {complete} epochs complete, none lost, no half one ({took:.0f} s)\n"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
