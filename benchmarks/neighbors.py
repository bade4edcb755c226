"""Searches for the 15 nearest neighbours of all rows side by side: this package's, NN-descent, and faiss.

    python benchmarks/neighbors.py --data ../shared/data --rows 60000

Wall and CPU seconds of each search, and the share of its neighbours that lie no farther than the true ones,
on a sample of the rows. NN-descent is pynndescent's, whose compiling is timed apart; faiss looks into 32
cells (IVF) and follows a graph of 32 edges (HNSW). As a placebo, neighbours drawn from the class or cluster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np
import pynndescent
import torch
from numpy.typing import NDArray
from torch import nn

import dvi_widget as dvi
from dvi_widget.nearest import nearest, neighbors

K = 15
ASKED = 300
Search = Callable[[NDArray[np.float32]], NDArray[np.integer]]


def descent(x: NDArray[np.float32]) -> NDArray[np.integer]:
    """Search by NN-descent; the row itself is among its neighbours."""
    graph = pynndescent.NNDescent(x, n_neighbors=K + 1, random_state=0, compressed=False).neighbor_graph
    return np.asarray(graph[0])


def cells_of_faiss(x: NDArray[np.float32]) -> NDArray[np.integer]:
    """Search in an inverted file."""
    index = faiss.index_factory(x.shape[1], f"IVF{int(2 * np.sqrt(len(x)))},Flat")
    index.train(x)
    index.add(x)
    faiss.ParameterSpace().set_index_parameter(index, "nprobe", 32)
    return np.asarray(index.search(x, K + 1)[1])


def graph_of_faiss(x: NDArray[np.float32]) -> NDArray[np.integer]:
    """Search along a hierarchy of graphs."""
    index = faiss.IndexHNSWFlat(x.shape[1], 32)
    index.add(x)
    return np.asarray(index.search(x, K + 1)[1])


SEARCHES: dict[str, Search] = {
    "ours": lambda x: nearest(x, K)[0],
    "NN-descent": descent,
    "faiss IVF": cells_of_faiss,
    "faiss HNSW": graph_of_faiss,
}


def sets(data: Path, rows: int) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.integer]]]:
    """Yield names, rows and the class or cluster of each row."""
    rng = np.random.default_rng(0)
    (pictures, labels), _, _ = dvi.datasets.idx(data / "mnist")
    labels = labels[:rows]
    pixels: NDArray[np.float32] = (pictures[:rows].reshape(rows, -1) / 255).astype(np.float32)
    x, y = torch.from_numpy(pixels), torch.from_numpy(labels)
    torch.manual_seed(0)
    hidden = nn.Sequential(nn.Linear(x.shape[1], 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU())
    model = nn.Sequential(hidden, nn.Linear(512, 10))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for epoch in range(3):
        with torch.no_grad():
            yield f"hidden layer of 512, epoch {epoch}", hidden(x).numpy(), labels
        for batch in torch.split(torch.randperm(len(x)), 128):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(x[batch]), y[batch]))
            optimizer.step()
    yield "pixels", pixels, labels
    for noise in (1e-3, 1e-7):
        cluster = rng.integers(1_000, size=rows)
        spread = rng.normal(size=(1_000, 64))[cluster] + noise * rng.normal(size=(rows, 64))
        yield f"1,000 clusters of width {noise:g}, 64 numbers", spread.astype(np.float32), cluster
    yield "noise, 64 numbers", rng.normal(size=(rows, 64)).astype(np.float32), np.zeros(rows, np.int64)


def share_found(x: NDArray[np.float32], indices: NDArray[np.integer], asked: NDArray[np.integer]) -> float:
    """Measure the share of the found neighbours that are as near as the true ones; a row is not its own."""
    far = neighbors(x, K, rows=asked)[1][:, -1]
    found = 0
    for row, limit in zip(asked, far, strict=True):
        others = indices[row][indices[row] != row][:K]
        apart = np.linalg.norm(x[others].astype(float) - x[row], axis=1)
        found += int((apart <= limit * (1 + 1e-5)).sum())
    return found / (K * len(asked))


def main() -> None:
    """Print a table for each set of rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mnist/")
    parser.add_argument("--rows", type=int, default=60_000, help="of each set")
    parser.add_argument("--searches", default=",".join(SEARCHES), help="which of them")
    options = parser.parse_args()
    chosen = options.searches.split(",")
    if "NN-descent" in chosen:
        begun = time.process_time()
        descent(np.random.default_rng(0).normal(size=(2_000, 8)).astype(np.float32))
        print(f"NN-descent compiles for {time.process_time() - begun:.1f} CPU s, once in a process")
    for name, x, group in sets(options.data, options.rows):
        asked = np.arange(0, len(x), max(1, len(x) // ASKED))
        print(f"\n{name}: {len(x):,} × {x.shape[1]}")
        print("| search | CPU s | wall s | found |\n| --- | --- | --- | --- |")
        for label in chosen:
            cpu, wall = time.process_time(), time.perf_counter()
            indices = SEARCHES[label](x)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            print(f"| {label} | {cpu:.1f} | {wall:.1f} | {share_found(x, indices, asked):.4f} |", flush=True)
        rng = np.random.default_rng(0)
        drawn = np.empty((len(x), K), np.int64)
        for row in asked:
            drawn[row] = rng.choice(np.flatnonzero(group == group[row]), K)
        print(f"| placebo | | | {share_found(x, drawn, asked):.4f} |", flush=True)


if __name__ == "__main__":
    main()
