"""The question for a table of samples as a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from dvi_widget.widget.arguments import Epoch, Landscape, Samples, Tags
from dvi_widget.widget.request import request
from dvi_widget.widget.scene import Scene
from dvi_widget.widget.wire import MAX_ANSWER_BYTES, Answer, RequestError

_WRITERS = ("pyarrow", "fastparquet")  # either one


@dataclass(frozen=True)
class Parquet(Answer):
    """A Parquet file, uint8 [bytes]."""

    file: NDArray[np.uint8]


@request("parquet", pace="soon")
def parquet(scene: Scene, landscape: Landscape, epoch: Epoch, indices: Samples, tags: Tags) -> Parquet:
    """Send samples at an epoch as a table with the names of classes, all columns of the samples, and tags."""
    if not any(map(find_spec, _WRITERS)):
        raise RequestError(
            "Parquet needs pyarrow, which is not installed: run %pip install pyarrow, or save the table as "
            "CSV."
        )
    frame = landscape.at(epoch)
    names = np.array([*scene.classes, None], object)  # −1 stands for no label
    table = scene.samples.iloc[indices].copy()
    table.columns = table.columns.map(str)
    table["label"] = names[table["label"].to_numpy()]
    table.insert(0, "index", indices)
    table["prediction"] = names[frame.predictions[indices]]
    table["confidence"] = frame.confidence[indices]
    of = [(tag, set(samples)) for tag, samples in tags.items()]
    table["tags"] = ["; ".join(tag for tag, samples in of if index in samples) for index in indices.tolist()]
    file = io.BytesIO()
    try:
        table.to_parquet(file, index=False)
    except Exception as error:
        raise RequestError(
            f"The table cannot be written as Parquet: {error}. Save it as CSV instead."
        ) from error
    if file.tell() > MAX_ANSWER_BYTES:
        raise RequestError("The table is too large to send: select fewer samples, or use explorer.table().")
    return Parquet(np.frombuffer(file.getvalue(), np.uint8))
