"""Pictures worth a look: where models disagree, where one is wrong or excited, which are explained alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dvi_widget.arguments import check_whole
from dvi_widget.measures import neighbors

from .attribution import Maps
from .layers import activations
from .network import Network

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = [
    "QUADRANTS",
    "Clusters",
    "Histogram",
    "ModelComparison",
    "activation_histogram",
    "attribution_share",
    "cluster_maps",
    "compare_models",
    "error_histogram",
]

# By agreement and mean score, as they lie in the plot: first agreement, then doubt.
QUADRANTS = ("agree, sure", "agree, unsure", "disagree, unsure", "disagree, sure")
_SPREAD = 0.4  # how far points of one whole number may stray from it
_COLUMNS = 40  # of equal mean score, within which points are spread
_SIDE = 16  # maps are compared at this size at most
_MOST_CLUSTERS = 10


@dataclass(frozen=True)
class ModelComparison:
    """What several models say of the same pictures (iNNvestigate-GUI §4.3, Fig. 2).

    Attributes
    ----------
    names : list of str
    probabilities : float32 [M, N, C]
    labels : int64 [N] or None
    sure : float
        From which mean score on the models count as sure.
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
        """How many different classes the models predict: int64 [N]."""
        ordered = np.sort(self.predictions, axis=0)
        return np.asarray(1 + (np.diff(ordered, axis=0) != 0).sum(0), np.int64)

    @property
    def quadrants(self) -> NDArray[np.str_]:
        """Which of `QUADRANTS` each picture is in: str [N]."""
        agree, sure = self.n_classes == 1, self.mean_score >= self.sure
        return np.asarray(QUADRANTS)[np.where(agree, np.where(sure, 0, 1), np.where(sure, 3, 2))]

    def select(self, quadrant: str) -> NDArray[np.int64]:
        """Pictures of a quadrant, the surest first: int64 [m].

        Raises
        ------
        ValueError
            If there is no such quadrant.
        """
        if quadrant not in QUADRANTS:
            raise ValueError(f"quadrant: {quadrant!r} is none of {', '.join(map(repr, QUADRANTS))}")
        found = np.flatnonzero(self.quadrants == quadrant)
        return np.asarray(found[np.argsort(-self.mean_score[found], kind="stable")], np.int64)

    def table(self) -> pd.DataFrame:
        """One row per picture.

        Returns
        -------
        pandas.DataFrame
            Columns mean_score, n_classes, quadrant, spread (where the point is drawn beside its whole
            number), with labels also label and right (how many models are), and for each model its
            prediction and score.
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
        """Mean score against the number of predicted classes, with counts.

        Points are spread round the whole numbers, so that none hides another.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.express as px  # noqa: PLC0415 - plotly loads slowly

        table = self.table().reset_index(names="picture")
        table["classes predicted"] = table["n_classes"] + table["spread"]
        shown = [
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
            hover_data=shown,
            labels={"mean_score": "mean prediction score"},
        )
        figure.add_vline(self.sure, line_dash="dot", line_color="grey")
        for value, count in zip(*np.unique(self.n_classes, return_counts=True), strict=True):
            figure.add_annotation(x=1.02, y=value, text=f"{count}", xref="paper", showarrow=False)
        return figure.update_yaxes(tickmode="linear", dtick=1)


def _spread(score: NDArray[np.float32], whole: NDArray[np.int64]) -> NDArray[np.float32]:
    """Offsets that keep points of one whole number and nearly the same score apart."""
    column = np.floor(score * _COLUMNS)
    offsets = np.zeros(len(score), np.float32)
    for cell in np.unique(np.stack([whole, column], 1), axis=0):
        inside = np.flatnonzero((whole == cell[0]) & (column == cell[1]))
        # Out from the middle, to both sides in turn.
        place = np.arange(len(inside))
        side = np.where(place % 2, -1, 1) * ((place + 1) // 2)
        offsets[inside] = _SPREAD * side / max(1, len(inside) // 2)
    return offsets


def compare_models(
    models: Mapping[str, Any],
    images: ArrayLike | Tensor,
    labels: ArrayLike | None = None,
    *,
    sure: float = 0.8,
) -> ModelComparison:
    """Ask several models about the same pictures (D5; iNNvestigate-GUI §4.3).

    Parameters
    ----------
    models : mapping from names to models
        Whatever `attribute` takes; all with the same classes, for pictures of the same size.
    images : array or tensor [N, C, H, W]
        As the models take them.
    labels : int [N], optional
        −1 where there is none.
    sure : float
        From which mean score on the models count as sure.

    Returns
    -------
    ModelComparison

    Raises
    ------
    ValueError
        If a model takes other pictures, or the models tell different numbers of classes apart; the message
        says which. If a label is none of these classes.
    TypeError
        If there are no models.
    """
    if not isinstance(models, Mapping) or not models:
        raise TypeError("models: pass a mapping from names to models, {'vgg': vgg, 'resnet': resnet}")
    if not 0 <= sure <= 1:
        raise ValueError(f"sure: a probability in 0 … 1, found {sure}")
    answers = {name: _probabilities(name, model, images) for name, model in models.items()}
    sizes = {name: p.shape[1] for name, p in answers.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise ValueError(
            f"models: they tell different numbers of classes apart ({told}); compare models of one task"
        )
    probabilities = np.stack(list(answers.values()))
    _, n, classes = probabilities.shape
    # −1 where there is no label, as everywhere.
    return ModelComparison(list(answers), probabilities, _labels(labels, n, classes, -1), sure)


def _probabilities(name: str, model: Any, images: ArrayLike | Tensor) -> NDArray[np.float32]:
    """A model's probabilities, or an error with its name."""
    net = Network(model)
    x = net.pictures(images)
    try:
        with net.lent():
            p: NDArray[np.float32] = net.logits(x).softmax(1).cpu().float().numpy()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"models: {name!r} does not take pictures {tuple(x.shape[1:])}: {error}") from error
    return p


def _labels(labels: ArrayLike | None, n: int, classes: int, least: int) -> NDArray[np.int64] | None:
    """Labels from the least that is allowed on, checked."""
    if labels is None:
        return None
    y = np.asarray(labels)
    if y.shape != (n,) or y.dtype.kind not in "iu":
        raise ValueError(f"labels: one whole number for each of the {n} pictures; found {y.dtype} {y.shape}")
    if n and (y.min() < least or y.max() >= classes):
        raise ValueError(f"labels: the model has the classes 0 to {classes - 1}, found {y.min()} … {y.max()}")
    return y.astype(np.int64)


@dataclass(frozen=True)
class Histogram:
    """How a number is distributed over the pictures; a range of it selects some.

    Attributes
    ----------
    name : str
        What the number is.
    values : float32 [N]
    edges : float64 [bins + 1]
    counts : int64 [bins]
    """

    name: str
    values: NDArray[np.float32]
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    def select(self, low: float, high: float) -> NDArray[np.int64]:
        """Pictures whose number lies in [low, high], the lowest first: int64 [m]."""
        found = np.flatnonzero((self.values >= low) & (self.values <= high))
        return np.asarray(found[np.argsort(self.values[found], kind="stable")], np.int64)

    def figure(self) -> plotly.graph_objects.Figure:
        """The bars.

        Returns
        -------
        plotly.graph_objects.Figure
        """
        import plotly.graph_objects as go  # noqa: PLC0415 - plotly loads slowly

        middle, width = (self.edges[:-1] + self.edges[1:]) / 2, np.diff(self.edges)
        figure = go.Figure(go.Bar(x=middle, y=self.counts, width=width))
        return figure.update_layout(xaxis_title=self.name, yaxis_title="pictures", bargap=0)


def _histogram(name: str, values: NDArray[np.float32], bins: int) -> Histogram:
    counts, edges = np.histogram(values.astype(np.float64), bins)
    return Histogram(name, values, edges, counts.astype(np.int64))


def activation_histogram(
    model: Any, images: ArrayLike | Tensor, layer: str, unit: int | None = None, *, bins: int = 30
) -> Histogram:
    """Which pictures excite a layer, or one of its units (D6).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    images : array or tensor [N, C, H, W]
        As the model takes them.
    layer : str
        Name of a module.
    unit : int, optional
        A channel, or an entry of a flat layer: then its highest activation counts, else the layer's mean.
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
        raise ValueError(f"unit: {layer!r} has the units 0 to {flat.shape[1] - 1}, found {unit}")
    return _histogram(f"highest activation of {layer}, unit {unit}", flat[:, unit].max(1), bins)


def error_histogram(
    model: Any, images: ArrayLike | Tensor, labels: ArrayLike, *, bins: int = 30
) -> Histogram:
    """Prediction − label: the probability of the true class less one (D6; iNNvestigate-GUI §4.3).

    Near zero the model is right and sure; near −1 it is wrong and sure of it.

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
    p = _probabilities("model", model, images)
    y = _labels(labels, len(p), p.shape[1], 0)
    assert y is not None
    return _histogram("prediction − label", p[np.arange(len(p)), y] - 1, bins)


def attribution_share(maps: Maps | ArrayLike, mask: ArrayLike) -> NDArray[np.float32]:
    """Which share of each map, by size, falls on a part of the picture: float32 [N], nan for an empty map.

    Parameters
    ----------
    maps : Maps or array [N, H, W]
    mask : bool [H, W] or [N, H, W]

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    values = np.abs(_array(maps)).astype(np.float64)
    where = np.asarray(mask)
    if where.dtype != bool or where.shape not in {values.shape, values.shape[1:]}:
        raise ValueError(
            f"mask: must be bool {values.shape[1:]} or {values.shape}, found {where.dtype} {where.shape}"
        )
    total = values.sum((1, 2))
    share = np.divide((values * where).sum((1, 2)), total, out=np.full(len(values), np.nan), where=total > 0)
    return np.asarray(share, np.float32)


def _array(maps: Maps | ArrayLike) -> NDArray[Any]:
    """The values of maps, however they come."""
    return maps.values if isinstance(maps, Maps) else np.asarray(maps)  # noqa: PD011 - no table


@dataclass(frozen=True)
class Clusters:
    """Pictures explained alike.

    Attributes
    ----------
    labels : int64 [N]
        Cluster of each picture, 0 the largest.
    positions : float32 [N, 2]
        Where it lies among the others: the second and third eigenvector of the neighbour graph.
    prototypes : float32 [k, H, W]
        Mean of each cluster's maps, each at length one.
    eigenvalues : float64 [m]
        The smallest of the graph's normalised Laplacian; as many are nearly zero as there are separate
        groups.
    """

    labels: NDArray[np.int64]
    positions: NDArray[np.float32]
    prototypes: NDArray[np.float32]
    eigenvalues: NDArray[np.float64]


def cluster_maps(
    maps: Maps | ArrayLike, k: int | None = None, *, n_neighbors: int = 10, seed: int = 0
) -> Clusters:
    """Group pictures by what their maps look like (Lapuschkin et al. 2019, spectral relevance analysis).

    A classifier that uses a cue besides the thing itself shows it as a cluster of its own.

    Parameters
    ----------
    maps : Maps or array [N, H, W]
        Best of one class; what is compared is their shape, at no more than 16 × 16 pixels and length one.
    k : int, optional
        How many clusters; by default where the gap between the graph's eigenvalues is widest.
    n_neighbors : int
        Neighbours in the graph.
    seed : int

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If there are too few pictures, or k is out of range.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - loads slowly

    values = _array(maps).astype(np.float32)
    if values.ndim != 3 or len(values) < 4 or not np.isfinite(values).all():
        raise ValueError(f"maps: at least four finite maps [N, H, W] are needed, found {values.shape}")
    check_whole("seed", seed)
    check_whole("n_neighbors", n_neighbors, 1)
    n = len(values)
    if k is not None:
        check_whole("k", k, 1, n - 1)
    unit = _unit(values)
    small = torch.nn.functional.adaptive_avg_pool2d(
        torch.from_numpy(unit)[None], (min(values.shape[1], _SIDE), min(values.shape[2], _SIDE))
    )[0]
    compared = _unit(small.numpy()).reshape(n, -1)
    eigenvalues, vectors = _spectrum(compared, min(n_neighbors, n - 2))
    gaps = np.diff(eigenvalues[: _MOST_CLUSTERS + 1])
    chosen = int(gaps.argmax()) + 1 if k is None else k
    rows = vectors[:, :chosen]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    found = _alike(compared, KMeans(chosen, n_init=10, random_state=seed).fit_predict(rows))
    order = np.argsort(-np.bincount(found), kind="stable")
    labels = np.argsort(order)[found].astype(np.int64)
    prototypes = np.stack([unit[labels == cluster].mean(0) for cluster in range(len(order))])
    return Clusters(labels, vectors[:, 1:3].astype(np.float32), prototypes, eigenvalues[: _MOST_CLUSTERS + 1])


def _alike(x: NDArray[np.float32], found: NDArray[np.integer]) -> NDArray[np.intp]:
    """Clusters from 0 on, equal rows [n, d] in the one that most of them are in.

    Of equal maps, that with the lowest index is everybody's nearest, also of those on the other side: it
    stands between the clusters.
    """
    kinds = np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)
    table = np.zeros((kinds.max() + 1, found.max() + 1), np.int64)
    np.add.at(table, (kinds, found), 1)
    return np.unique(table.argmax(axis=1)[kinds], return_inverse=True)[1].reshape(-1)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps at length one; empty ones stay empty."""
    length = np.sqrt((values**2).sum((1, 2), keepdims=True))
    return np.asarray(values / np.where(length > 0, length, 1), np.float32)


def _spectrum(x: NDArray[np.float32], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest eigenvalues and vectors of the normalised Laplacian of the k-nearest-neighbour graph."""
    from scipy.linalg import eigh  # noqa: PLC0415 - loads slowly
    from scipy.sparse import coo_matrix  # noqa: PLC0415

    n = len(x)
    near, _ = neighbors(x, k)
    ones = np.ones(n * k)
    graph = coo_matrix((ones, (np.repeat(np.arange(n), k), near.ravel())), (n, n)).tocsr()
    graph = graph.maximum(graph.T)
    degree = np.asarray(graph.sum(1)).ravel()
    scaled = graph.multiply(1 / np.sqrt(degree[:, None] * degree[None])).toarray()
    last = min(n - 1, _MOST_CLUSTERS)
    values, vectors = eigh(np.eye(n) - scaled, subset_by_index=[0, last])
    return values, vectors
