"""How the samples of a landscape fared over its epochs, read from the logits once and kept."""

from __future__ import annotations

import threading

import pandas as pd

from dvi_widget.landscape import Landscape
from dvi_widget.suggestions import TrainingDynamics

from .wire import Report, RequestError


class Dynamics:
    """The training dynamics of one landscape.

    Parameters
    ----------
    landscape
        Of two epochs at least, with an engine behind it that knows their logits; of others it can only be
        said why there are no dynamics.
    """

    def __init__(self, landscape: Landscape) -> None:
        self._landscape = landscape
        self._table: pd.DataFrame | None = None
        self._lock = threading.Lock()

    @property
    def known(self) -> bool:
        """Whether `table` can answer."""
        return len(self._landscape) >= 2 and "logits" in self._landscape.services

    def table(self, report: Report) -> pd.DataFrame:
        """Measures of each sample.

        Parameters
        ----------
        report
            Told after each epoch; it may raise to stop the reading, of which nothing is kept then.

        Returns
        -------
        DataFrame
            As `TrainingDynamics.table`, with the column split before.

        Raises
        ------
        RequestError
            If there are none: the text says what to do.
        """
        landscape = self._landscape
        if len(landscape) < 2:
            raise RequestError(
                "Suggestions need a landscape of two epochs at least; this one has one. "
                "Record more epochs of the training and fit them together."
            )
        if not self.known:
            raise RequestError(
                "Suggestions need the logits of every epoch; this landscape has no engine behind it that "
                "knows them. Take it from a fitted model: DVI().fit(run).landscape()."
            )
        with self._lock:
            if self._table is None:
                dynamics = TrainingDynamics(landscape.samples["label"].to_numpy())
                for done, epoch in enumerate(landscape.epochs, start=1):
                    dynamics.add(epoch, landscape.source.logits(epoch))
                    report(done / len(landscape), f"Reading what the network said at epoch {epoch}")
                table = dynamics.table()
                table.insert(0, "split", landscape.samples["split"].to_numpy())
                self._table = table
            return self._table
