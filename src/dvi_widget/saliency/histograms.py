"""Distributions of one number over pictures: a layer's activation, or prediction − label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arrays import check_whole
from dvi_widget.texts import in_figure

from .comparison import checked_labels, probabilities_of
from .layers import activations

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["Histogram", "activation_histogram", "error_histogram"]


@dataclass(frozen=True)
class Histogram:
    """The distribution of a number over pictures, from which ranges can be selected.

    Attributes
    ----------
    name : str
        What the number is, in words.
    values : float32 [N]
    edges : float64 [bins + 1]
    counts : int64 [bins]
    """

    name: str
    values: NDArray[np.float32]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    def select(self, low: float, high: float) -> NDArray[np.int64]:
        """Return the pictures whose number is in [low, high], in ascending order: int64 [m]."""
        rows = np.flatnonzero((self.values >= low) & (self.values <= high))
        return np.asarray(rows[np.argsort(self.values[rows], kind="stable")], np.int64)

    def figure(self) -> plotly.graph_objects.Figure:
        """Plot the bars.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.graph_objects as go  # noqa: PLC0415 - plotly loads slowly

        middle, width = (self.edges[:-1] + self.edges[1:]) / 2, np.diff(self.edges)
        figure = go.Figure(go.Bar(x=middle, y=self.counts, width=width))
        return figure.update_layout(xaxis_title=in_figure(self.name), yaxis_title="pictures", bargap=0)


def _histogram(name: str, values: NDArray[np.float32], bins: int) -> Histogram:
    counts, edges = np.histogram(values.astype(np.float64), bins)
    return Histogram(name, values, edges, counts.astype(np.int64))


def activation_histogram(
    model: Any, images: ArrayLike | Tensor, layer: str, unit: int | None = None, *, bins: int = 30
) -> Histogram:
    """Return how much each picture excites a layer, or one of its units.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    images : array or tensor [N, C, H, W]
        As the model takes them.
    layer : str
        Name of a module.
    unit : int, optional
        A channel, or an entry of a flat layer, whose highest activation counts; the layer's mean by default.
    bins : int

    Returns
    -------
    Histogram

    Raises
    ------
    ValueError
        If there is no such layer or unit.
    """
    check_whole("bins", bins, 1)
    a = activations(model, layer, images)
    flat = a.reshape(len(a), a.shape[1], -1) if a.ndim > 2 else a[:, :, None]
    if unit is None:
        return _histogram(f"mean activation of {layer}", flat.mean((1, 2)), bins)
    if check_whole("unit", unit) >= flat.shape[1]:
        raise ValueError(f"unit must be in 0..{flat.shape[1] - 1}, the units of {layer!r}; got {unit}.")
    return _histogram(f"highest activation of {layer}, unit {unit}", flat[:, unit].max(1), bins)


def error_histogram(
    model: Any, images: ArrayLike | Tensor, labels: ArrayLike, *, bins: int = 30
) -> Histogram:
    """Return prediction − label, the probability of the true class less one (iNNvestigate-GUI, §4.3).

    Near 0 the model is right and sure; near −1 it is wrong and sure.

    Parameters
    ----------
    model
        Whatever `attribute` takes.
    images : array or tensor [N, C, H, W]
    labels : int [N]
    bins : int

    Returns
    -------
    Histogram

    Raises
    ------
    ValueError
        If labels do not fit.
    """
    check_whole("bins", bins, 1)
    p = probabilities_of("model", model, images)
    y = checked_labels(labels, len(p), p.shape[1], 0)
    assert y is not None
    return _histogram("prediction − label", p[np.arange(len(p)), y] - 1, bins)
