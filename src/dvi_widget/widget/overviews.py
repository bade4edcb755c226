"""What is computed over a whole landscape, once: trust, lost neighbours, dynamics, ranked lists, measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dvi_widget.landscape import Landscape
from dvi_widget.suggestions import MEASURES, ranked

from .answers import Answers, engine
from .wire import Answer, Report, in_bytes

_MEASURED = 2000  # samples of a split over which measures are averaged


def trust(answers: Answers, report: Report, place: int, epoch: int) -> Answer:
    """How far each place of the canvas is from being undone by the projection (see `Landscape.trust`).

    Returns
    -------
    Answer
        Result: high, the error that 255 stands for, in parts of the canvas' width. Arrays: trust uint8
        ``[T, T]``, row 0 lowest.
    """

    def measure(landscape: Landscape) -> Answer:
        engine(landscape, "decode", "place", what="Trust in the canvas")
        text = f"Measuring how far the canvas of epoch {epoch} can be trusted"
        report(0.0, text)
        error = landscape.trust(epoch, lambda share: report(share, text))
        x0, x1, *_ = landscape.extent
        # Decoders may run off to infinity far from all samples.
        finite = np.nan_to_num(error / (x1 - x0), nan=1.0, posinf=1.0)
        high = float(finite.max()) or 1.0
        return Answer({"high": high}, {"trust": in_bytes(finite / high)})

    return _once(answers, place, ("trust", epoch), measure)


def loss(answers: Answers, report: Report, place: int, epoch: int, k: int) -> Answer:
    """Which share of its neighbours each sample's position loses (see `Landscape.neighbor_loss`).

    Returns
    -------
    Answer
        Arrays: loss uint8 ``[n]``, 255 stands for 1.
    """

    def measure(landscape: Landscape) -> Answer:
        engine(landscape, "features", what="Lost neighbours")
        text = f"Comparing neighbours of epoch {epoch}"
        report(0.0, text)
        share_lost = landscape.neighbor_loss(epoch, k, lambda share: report(share, text))
        return Answer({}, {"loss": in_bytes(share_lost)})

    return _once(answers, place, ("loss", epoch, k), measure)


def ranked_list(answers: Answers, report: Report, place: int, name: str) -> Answer:
    """One of the lists of samples that deserve a look (see `dvi_widget.suggestions`).

    Returns
    -------
    Answer
        Result: measure, by which the list is in order. Arrays: indices int32 ``[m]``, best first; values
        float32 ``[m]``, the measure of each.
    """
    table = ranked(answers.dynamics[place].table(report), name)
    values = table[MEASURES[name]].to_numpy(np.float32, na_value=np.nan)
    return Answer({"measure": MEASURES[name]}, {"indices": table.index.to_numpy(np.int32), "values": values})


def dynamics(answers: Answers, report: Report, place: int) -> Answer:
    """Measures of every sample over the epochs.

    Returns
    -------
    Answer
        Result: columns, as in `TrainingDynamics.table`. Arrays: one float32 ``[n]`` per column, NaN where it
        does not apply.
    """
    table = answers.dynamics[place].table(report).drop(columns=["split", "label"])
    arrays: dict[str, NDArray[Any]] = {
        str(name): column.to_numpy(np.float32, na_value=np.nan) for name, column in table.items()
    }
    return Answer({"columns": list(arrays)}, arrays)


def figures_of_merit(answers: Answers, report: Report, place: int) -> Answer:
    """The engine's figures of merit (see `Landscape.measures`), of many samples by a random part of them.

    Returns
    -------
    Answer
        Result: rows (epoch, split, measure, k, value; None where it does not apply), samples (how many were
        looked at).
    """

    def measure(landscape: Landscape) -> Answer:
        if "measures" not in landscape.services:
            engine(landscape, "place", "features", "boundary", what="Measures")
        text = "Taking the measures of the landscape"
        report(0.0, text)
        rows = _drawn(landscape)
        table = landscape.measures(rows=rows, report=lambda share: report(share, text))
        told = [
            {str(name): _told(value) for name, value in zip(table.columns, row, strict=True)}
            for row in table.itertuples(index=False)
        ]
        return Answer({"rows": told, "samples": len(rows)}, {})

    return _once(answers, place, ("measures",), measure)


def _drawn(landscape: Landscape) -> NDArray[np.intp]:
    """Samples to average over: all, or the same random ones of each split."""
    split = landscape.samples["split"].to_numpy()
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(np.flatnonzero(split == name))[:_MEASURED] for name in ("train", "test")]
    return np.sort(np.concatenate(drawn))


def _told(value: Any) -> Any:
    """A cell of a table as JSON has it."""
    if value is None or pd.isna(value) or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _once(
    answers: Answers, place: int, asked: tuple[Any, ...], measure: Callable[[Landscape], Answer]
) -> Answer:
    """What was measured before is not measured again."""
    key = (place, *asked)
    if key not in answers.kept:
        answers.kept[key] = measure(answers.landscapes[place])
    return answers.kept[key]
