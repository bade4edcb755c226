"""Compare what several models predict for the same pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arrays import as_array, check_number
from dvi_widget.texts import in_figure

from .network import Network

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["QUADRANTS", "ModelComparison", "checked_labels", "compare_models", "probabilities_of"]

# In the order of the plot: by agreement, then by mean score.
QUADRANTS = ("agree, sure", "agree, unsure", "disagree, unsure", "disagree, sure")
_MAX_SPREAD = 0.4  # distance of a point from its whole number, in units of one
_SPREAD_BINS = 40  # bins of mean score within which points are spread


@dataclass(frozen=True)
class ModelComparison:
    """Predictions of several models for the same pictures (iNNvestigate-GUI, §4.3, Fig. 2).

    Attributes
    ----------
    names : list of str
    probabilities : float32 [M, N, C]
    labels : int64 [N] or None
    sure : float
        The mean score from which the models count as sure.
    """

    names: list[str]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    sure: float

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Each model's class: int64 [M, N]."""
        return np.asarray(self.probabilities.argmax(2), np.int64)

    @property
    def mean_score(self) -> NDArray[np.float32]:
        """Mean over the models of the probability of their own class: float32 [N]."""
        return np.asarray(self.probabilities.max(2).mean(0), np.float32)

    @property
    def n_classes(self) -> NDArray[np.int64]:
        """Number of different classes that the models predict: int64 [N]."""
        ordered = np.sort(self.predictions, axis=0)
        return np.asarray(1 + (np.diff(ordered, axis=0) != 0).sum(0), np.int64)

    @property
    def quadrants(self) -> NDArray[np.str_]:
        """The one of `QUADRANTS` that each picture is in: str [N]."""
        agree, sure = self.n_classes == 1, self.mean_score >= self.sure
        return np.asarray(QUADRANTS)[np.where(agree, np.where(sure, 0, 1), np.where(sure, 3, 2))]

    def select(self, quadrant: str) -> NDArray[np.int64]:
        """Return the pictures of a quadrant by descending mean score: int64 [m].

        Raises
        ------
        ValueError
            If there is no such quadrant.
        """
        if quadrant not in QUADRANTS:
            raise ValueError(f"quadrant must be one of {', '.join(map(repr, QUADRANTS))}; got {quadrant!r}.")
        rows = np.flatnonzero(self.quadrants == quadrant)
        return np.asarray(rows[np.argsort(-self.mean_score[rows], kind="stable")], np.int64)

    def table(self) -> pd.DataFrame:
        """Return one row per picture.

        Returns
        -------
        pandas.DataFrame
            Columns mean_score, n_classes, quadrant, spread (offset of the drawn point from its whole
            number), with labels also label and right (number of models that predict it), and for each model
            its prediction and score.
        """
        columns: dict[str, Any] = {
            "mean_score": self.mean_score,
            "n_classes": self.n_classes,
            "quadrant": self.quadrants,
            "spread": _spread(self.mean_score, self.n_classes),
        }
        if self.labels is not None:
            columns |= {"label": self.labels, "right": (self.predictions == self.labels).sum(0)}
        for name, predicted, p in zip(self.names, self.predictions, self.probabilities, strict=True):
            columns |= {f"{name}: prediction": predicted, f"{name}: score": p.max(1)}
        return pd.DataFrame(columns)

    def figure(self) -> plotly.graph_objects.Figure:
        """Plot the mean score against the number of predicted classes, with counts.

        Points are spread round the whole numbers, so that none hides another.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        table = self.table().reset_index(names="picture").rename(columns=in_figure)
        table["classes predicted"] = table["n_classes"] + table["spread"]
        hover = [
            "picture",
            *(column for column in map(str, table) if ": " in column),
            *(["label"] if "label" in table else []),
        ]
        figure = px.scatter(
            table,
            x="mean_score",
            y="classes predicted",
            color="quadrant",
            category_orders={"quadrant": list(QUADRANTS)},
            hover_data=hover,
            labels={"mean_score": "mean prediction score"},
        )
        figure.add_vline(self.sure, line_dash="dot", line_color="grey")
        for value, count in zip(*np.unique(self.n_classes, return_counts=True), strict=True):
            figure.add_annotation(x=1.02, y=value, text=f"{count}", xref="paper", showarrow=False)
        return figure.update_yaxes(tickmode="linear", dtick=1)


def _spread(score: NDArray[np.float32], whole: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return offsets that separate points of one whole number and nearly the same score: [N]."""
    column = np.floor(score * _SPREAD_BINS)
    offsets = np.zeros(len(score), np.float32)
    for cell in np.unique(np.stack([whole, column], 1), axis=0):
        inside = np.flatnonzero((whole == cell[0]) & (column == cell[1]))
        # Out from the middle, to both sides in turn.
        place = np.arange(len(inside))
        side = np.where(place % 2, -1, 1) * ((place + 1) // 2)
        offsets[inside] = _MAX_SPREAD * side / max(1, len(inside) // 2)
    return offsets


def compare_models(
    models: Mapping[str, Any],
    images: ArrayLike | Tensor,
    labels: ArrayLike | None = None,
    *,
    sure: float = 0.8,
) -> ModelComparison:
    """Compare several models on the same pictures (iNNvestigate-GUI, §4.3).

    Parameters
    ----------
    models : mapping from names to models
        Whatever `attribute` takes, all with the same classes, for pictures of the same size.
    images : array or tensor [N, C, H, W]
        As the models take them.
    labels : int [N], optional
        −1 for none.
    sure : float
        The mean score from which the models count as sure.

    Returns
    -------
    ModelComparison

    Raises
    ------
    ValueError
        If a model takes other pictures, the models have different numbers of classes, or a label is not one
        of them.
    TypeError
        If `models` is empty or not a mapping.
    """
    if not isinstance(models, Mapping) or not models:
        raise TypeError("models must map names to models, such as {'vgg': vgg, 'resnet': resnet}.")
    check_number("sure", sure, 0, 1)
    answers = {name: probabilities_of(name, model, images) for name, model in models.items()}
    sizes = {name: p.shape[1] for name, p in answers.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(f"models must have the same classes; got different numbers of them: {listed}.")
    probabilities = np.stack(list(answers.values()))
    _, n, classes = probabilities.shape
    return ModelComparison(list(answers), probabilities, checked_labels(labels, n, classes, -1), sure)


def probabilities_of(name: str, model: Any, images: ArrayLike | Tensor) -> NDArray[np.float32]:
    """Return a model's probabilities, float32 [N, C], after checking that it takes the pictures."""
    net = Network(model)
    x = net.pictures(images)
    try:
        with net.lent():
            p: NDArray[np.float32] = net.logits(x).softmax(1).cpu().float().numpy()
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"models must take pictures {tuple(x.shape[1:])}; {name!r} does not: {error}"
        ) from error
    return p


def checked_labels(labels: ArrayLike | None, n: int, classes: int, low: int) -> NDArray[np.int64] | None:
    """Return labels as int64, after checking that they are in `low`..classes − 1; None for None."""
    if labels is None:
        return None
    y = as_array("labels", labels)
    if y.shape != (n,) or y.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {n} whole numbers, one per picture; got {y.dtype} of shape {y.shape}."
        )
    if n and (y.min() < low or y.max() >= classes):
        raise ValueError(
            f"labels must be in {low}..{classes - 1}, the model's classes; got {y.min()}..{y.max()}."
        )
    return y.astype(np.int64)
