"""Training dynamics of a landscape; the logits of each epoch are read once."""

from __future__ import annotations

import threading

import pandas as pd

from dvi_widget.landscape import Landscape
from dvi_widget.landscape.source import KnowsLogits
from dvi_widget.suggestions import TrainingDynamics

from .wire import Report, RequestError


class Dynamics:
    """The training dynamics of one landscape.

    Parameters
    ----------
    landscape
        Dynamics need two epochs and an engine that knows their logits; without these `table` says what to do.
    """

    def __init__(self, landscape: Landscape) -> None:
        self._landscape = landscape
        self._dynamics = TrainingDynamics(landscape.samples["label"].to_numpy())
        self._table: pd.DataFrame | None = None
        self._lock = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether `table` can answer."""
        return len(self._landscape) >= 2 and isinstance(self._landscape.source, KnowsLogits)

    def table(self, report: Report) -> pd.DataFrame:
        """Measure each sample over the epochs.

        Parameters
        ----------
        report
            Called after each epoch. An exception it raises stops the reading; the next call goes on there.

        Returns
        -------
        DataFrame
            As `TrainingDynamics.table`, with the column split in front.

        Raises
        ------
        RequestError
            If the landscape has no dynamics; the message says what to do.
        """
        landscape = self._landscape
        if len(landscape) < 2:
            raise RequestError(
                "Suggestions need a landscape with at least two epochs; this one has one. "
                "Record more epochs of the training and fit them together."
            )
        if not self.available:
            raise RequestError(
                "Suggestions need an engine that knows the logits of every epoch; this landscape has none. "
                "Show the landscape of a fitted model, such as DVI().fit(run).landscape()."
            )
        with self._lock:
            epochs = list(landscape.epochs)  # of a training that goes on, they grow
            known = len(self._dynamics.epochs)
            for done, epoch in enumerate(epochs[known:], start=known + 1):
                self._dynamics.add(epoch, landscape.source.logits(epoch))
                report(done / len(epochs), f"Reading the logits of epoch {epoch}")
            if self._table is None or known < len(epochs):
                self._table = self._dynamics.table()
                self._table.insert(0, "split", landscape.samples["split"].to_numpy())
            return self._table
