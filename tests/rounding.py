"""Other roundings of the same data: what a test says of a layout must hold on each of them.

A processor adds in its own order, and a layout that begins with another last digit may fold another way. What
holds only as long as it does not is no statement about the product.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import numba
import numpy as np
import torch
from threadpoolctl import threadpool_limits

import dvi_widget as dvi
from dvi_widget import files, weights
from dvi_widget.runs import storage

NOISE = 1e-6  # relative; single precision rounds at 6e-8


@contextmanager
def threads(count):
    """Let torch, numba and the linear algebra use this many threads, as far as the environment allows it."""
    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])


def arrays(x, seed=0):
    """Yield the same rows [n, ...] as they are, with other last digits, in another order, and on two threads.

    Each comes with the order of its rows. The body of the loop runs on one thread, the last time on two.
    """
    rng = np.random.default_rng(seed)
    same, other = np.arange(len(x)), rng.permutation(len(x))
    with threads(1):
        yield x, same
        yield _other_digits(x, rng), same
        yield x[other], other
    with threads(2):
        yield x, same


def runs(folder, to, seed=0) -> Iterator[dvi.Run]:
    """Yield the same recorded run as `arrays` does. The copies lie in the folder `to`; none is fitted."""
    rng = np.random.default_rng(seed)
    copies = [
        _copy(folder, to / name, change)
        for name, change in {
            "as-recorded": lambda x, _rows: x,
            "other-digits": lambda x, _rows: _other_digits(x, rng) if x.dtype.kind == "f" else x,
            "other-order": lambda x, rows: x[rows],
            "two-threads": lambda x, _rows: x,
        }.items()
    ]
    with threads(1):
        for copy in copies[:3]:
            yield dvi.Run(copy)
    with threads(2):
        yield dvi.Run(copies[3])


def _copy(folder, to, change):
    """A copy of a run whose arrays were changed; training samples stay before test samples."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("maps"))
    assert not list(storage.group_names(to)), "groups of a run are not carried along"
    run = dvi.Run(folder)
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.permutation(run.n_train), run.n_train + rng.permutation(run.n_test)])
    for path in sorted(to.rglob("*.npy")):
        x = np.load(path)
        order = rng.permutation(len(x)) if path.stem.startswith("boundary") else rows
        np.save(path, change(x, order))
    for epoch in (to / "epochs").iterdir():
        _record_digest(epoch)
    return to


def _record_digest(epoch):
    """Let an epoch's digest be that of its changed arrays, or fitting would refuse them."""
    names = ("features", "logits", "boundary_train", "boundary_test")
    arrays = [np.load(epoch / f"{name}.npy") for name in names]
    head = epoch / "head.safetensors"
    if head.exists():
        tensors = weights.load_tensors(head)
        arrays += [tensors[name].numpy() for name in ("weight", "bias")]
    about = files.read_json(epoch / "epoch.json")
    files.write_json(epoch / "epoch.json", about | {"digest": storage.digest(*arrays)})


def _other_digits(x, rng):
    return (x * (1 + NOISE * rng.standard_normal(x.shape))).astype(x.dtype)
