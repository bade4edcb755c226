"""A network looked into, layer by layer: filters, activations, and what excites a unit where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget.arguments import check_whole
from dvi_widget.measures import neighbors

from .network import Network
from .rules import Dependency, PositiveGradient

__all__ = [
    "Filters",
    "Patches",
    "activations",
    "filters",
    "nearest",
    "receptive_field",
    "reconstruct",
    "top_patches",
]

_BATCH = 128
_RULES = ("deconvolution", "guided_backprop", "gradient")


@dataclass(frozen=True)
class Filters:
    """The filters of a convolution.

    Attributes
    ----------
    weights : float32 [units, channels, height, width]
    tiles : uint8 [units, height, width, 3] or [units, channels, height, width]
        Colour tiles if the filters look at three channels, else one grey tile per channel. Zero is mid-grey
        (128), and the largest weight of each filter, by size, is black or white.
    """

    weights: NDArray[np.float32]
    tiles: NDArray[np.uint8]


@dataclass(frozen=True)
class Patches:
    """For each unit of a layer, the pictures that excite it most and where they do.

    Attributes
    ----------
    units : int64 [U]
    indices : int64 [U, k]
        Pictures, by falling activation; a picture counts once.
    values : float32 [U, k]
        Their highest activations.
    boxes : int64 [U, k, 4]
        The receptive field there: top, left, bottom, right (the last two are outside), cut at the picture's
        edge.
    """

    units: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    boxes: NDArray[np.int64]

    def crop(self, images: ArrayLike, unit: int, rank: int) -> NDArray[np.generic]:
        """Cut the patch of the rank-th picture of a unit, both counted within this result: [C, h, w]."""
        top, left, bottom, right = self.boxes[unit, rank]
        picture: NDArray[np.generic] = np.asarray(images)[self.indices[unit, rank]]
        return picture[:, top:bottom, left:right]


def filters(model: nn.Module, layer: str) -> Filters:
    """The filters of a convolution, as weights and as tiles to look at (E1).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a two-dimensional convolution.

    Returns
    -------
    Filters

    Raises
    ------
    ValueError
        If there is no such layer (the nearest names are told), or it is no convolution.
    TypeError
        If the model has no layers.
    """
    net = Network(model)
    module = net.layer(layer)
    if not isinstance(module, nn.Conv2d):
        known = [name for name, m in net.network("filters").named_modules() if isinstance(m, nn.Conv2d)]
        raise ValueError(  # noqa: TRY004 - the name is at fault
            f"layer: {layer!r} is {type(module).__name__}, not a two-dimensional convolution; "
            f"the model has {', '.join(map(repr, known)) or 'none'}"
        )
    weights = module.weight.detach().to("cpu", torch.float32).numpy()
    largest = np.abs(weights).max((1, 2, 3), keepdims=True)
    grey = 128 + 127 * weights / np.where(largest > 0, largest, 1)
    tiles = np.round(grey).astype(np.uint8)
    return Filters(weights.copy(), tiles.transpose(0, 2, 3, 1) if tiles.shape[1] == 3 else tiles)


def activations(model: nn.Module, layer: str, images: ArrayLike | Tensor) -> NDArray[np.float32]:
    """What leaves a layer, picture by picture (E2, D3).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module; used more than once in a pass, its last use counts.
    images : array or tensor [N, C, H, W]
        As the model takes them.

    Returns
    -------
    float32 [N, ...]
        ``[N, channels, h, w]`` for a layer of maps, ``[N, units]`` for a flat one.

    Raises
    ------
    ValueError
        If there is no such layer (the nearest names are told), or it does not run.
    TypeError
        If the model has no layers, or the layer gives no tensor.
    """
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)
    with net.lent(), torch.no_grad():
        return (
            torch.cat([_leaving(net, layer, part) for part in torch.split(x, _BATCH)]).cpu().float().numpy()
        )


def _leaving(net: Network, layer: str, x: Tensor) -> Tensor:
    """What leaves a layer for one batch."""
    with net.tapped(layer, lambda output: output.clone()) as seen:
        net.scores(x)
    if not seen:
        raise ValueError(f"layer: {layer!r} does not run in a forward pass; choose one that does")
    return seen[-1]


def top_patches(
    model: nn.Module, layer: str, images: ArrayLike | Tensor, k: int = 9, units: ArrayLike | None = None
) -> Patches:
    """The pictures and places that excite each unit of a layer most (E3; Springenberg et al. 2015).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module. The units of a layer of maps are its channels; those of a flat one see the whole
        picture.
    images : array or tensor [N, C, H, W]
        The data searched, as the model takes them; they pass in batches, and no activations are kept.
    k : int
        Patches per unit, at most one from a picture.
    units : array of int, optional
        Which units; all by default.

    Returns
    -------
    Patches

    Raises
    ------
    ValueError
        If there is no such layer or unit, or fewer than k pictures.
    TypeError
        If the model has no layers.
    """
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)
    check_whole("k", k, 1, len(x))
    with net.lent():
        highest, places = _maxima(net, layer, x)
        rows, columns = _fields(net, layer, x[:1])
    chosen = _units(units, highest.shape[1])
    values, indices = highest[:, chosen].T.sort(dim=1, descending=True, stable=True)
    values, indices = values[:, :k], indices[:, :k]
    where = places[:, chosen].T.gather(1, indices).numpy()
    down, across = np.divmod(where, len(columns))
    boxes = np.stack([rows[down, 0], columns[across, 0], rows[down, 1], columns[across, 1]], -1)
    return Patches(chosen.numpy(), indices.numpy(), values.numpy(), boxes)


def _maxima(net: Network, layer: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Highest activation of each unit and its flat place, picture by picture: [N, units] both, on the CPU."""
    highest, places = [], []
    with torch.no_grad():
        for part in torch.split(x, _BATCH):
            flat = _as_maps(_leaving(net, layer, part), layer).flatten(2)
            value, place = flat.max(2)
            highest.append(value.cpu().float())
            places.append(place.cpu())
    return torch.cat(highest), torch.cat(places)


def _as_maps(a: Tensor, layer: str) -> Tensor:
    """Activations as [n, units, h, w]; a flat layer has maps of one pixel."""
    if a.ndim not in (2, 4):
        raise ValueError(
            f"layer: {layer!r} gives {tuple(a.shape)}; units are channels [n, C, h, w] or entries [n, C]"
        )
    return a if a.ndim == 4 else a[:, :, None, None]


def _units(units: ArrayLike | None, total: int) -> Tensor:
    """Unit numbers, checked."""
    chosen = np.arange(total) if units is None else np.atleast_1d(np.asarray(units))
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or chosen.size == 0:
        raise ValueError(f"units: pass whole numbers in 0 … {total - 1}")
    if chosen.min() < 0 or chosen.max() >= total:
        raise ValueError(
            f"units: the layer has the units 0 to {total - 1}, found {chosen.min()} … {chosen.max()}"
        )
    return torch.from_numpy(chosen.astype(np.int64))


def receptive_field(
    model: nn.Module, layer: str, images: ArrayLike | Tensor
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which part of the picture each place of a layer can see, whatever the weights.

    Found by following dependencies through the network itself, so that shortcuts, strides by slicing and
    dilation count.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module.
    images : array or tensor [N, C, H, W]
        A picture of the size in question; the first is used.

    Returns
    -------
    rows : int64 [h, 2]
        First row seen, and the first no longer seen, from each row of the layer's maps; one row for a flat
        layer.
    columns : int64 [w, 2]

    Raises
    ------
    ValueError
        If there is no such layer, or it does not depend on the picture.
    TypeError
        If the model has no layers.
    """
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)[:1]
    with net.lent():
        return _fields(net, layer, x)


def _fields(net: Network, layer: str, picture: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`receptive_field` of a network already lent."""
    # Double precision: the corner of a deep field hangs by one path in billions.
    leaf = torch.rand(picture.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = leaf.add_(0.5).to(picture.device).requires_grad_()
    with net.tapped(layer, lambda output: output) as seen:
        net.scores(leaf, Dependency())
    if not seen or not seen[-1].requires_grad:
        raise ValueError(f"layer: {layer!r} does not run, or does not depend on the picture")
    maps = _as_maps(seen[-1], layer)
    ranges = []
    for axis in (2, 3):
        ends = []
        for place in range(maps.shape[axis]):
            (slope,) = torch.autograd.grad(maps.select(axis, place).sum(), leaf, retain_graph=True)
            lines = (slope != 0).flatten(0, 1).any(0).any(3 - axis).nonzero()[:, 0]
            ends.append((int(lines[0]), int(lines[-1]) + 1) if len(lines) else (0, 0))
        ranges.append(np.array(ends, np.int64))
    return ranges[0], ranges[1]


def reconstruct(
    model: nn.Module, layer: str, unit: int, images: ArrayLike | Tensor, rule: str = "deconvolution"
) -> NDArray[np.float32]:
    """What in each picture excites a unit, sent back to the pixels from its strongest activation (E4).

    Zeiler and Fergus 2014, §2.1: all other activations of the layer are zero; poolings are undone by their
    switches, ReLUs let positive values back, convolutions are transposed.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module.
    unit : int
        Channel of a layer of maps, or entry of a flat one.
    images : array or tensor [N, C, H, W]
        As the model takes them.
    rule : {"deconvolution", "guided_backprop", "gradient"}
        What ReLUs send back.

    Returns
    -------
    float32 [N, C, H, W]

    Raises
    ------
    ValueError
        If there is no such layer, unit or rule.
    TypeError
        If the model has no layers.
    """
    if rule not in _RULES:
        raise ValueError(f"rule: {rule!r} is none of {', '.join(map(repr, _RULES))}")
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)
    modes = [] if rule == "gradient" else [PositiveGradient(guided=rule == "guided_backprop")]
    made = []
    with net.lent():
        for part in torch.split(x, _BATCH):
            leaf = part.detach().requires_grad_()
            with net.tapped(layer, lambda output: output) as seen:
                net.scores(leaf, *modes)
            if not seen:
                raise ValueError(f"layer: {layer!r} does not run in a forward pass; choose one that does")
            maps = _as_maps(seen[-1], layer)
            chosen = int(_units(unit, maps.shape[1])[0])
            strongest = maps[:, chosen].flatten(1).max(1).values
            made.append(net.backward((strongest * strongest.detach()).sum(), leaf))
    return torch.cat(made).cpu().float().numpy()


def nearest(
    model: nn.Module, layer: str, images: ArrayLike | Tensor, queries: ArrayLike | Tensor, k: int = 9
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The pictures nearest to each query in a layer's space (E5).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module; what leaves it, flattened, is the space.
    images : array or tensor [N, C, H, W]
        The pictures searched, say the training set.
    queries : array or tensor [Q, C, H, W]
    k : int
        How many.

    Returns
    -------
    indices : int32 [Q, k]
    distances : float32 [Q, k]
        Euclidean.

    Raises
    ------
    ValueError
        If there is no such layer, or fewer than k pictures.
    TypeError
        If the model has no layers.
    """
    spaces = [activations(model, layer, x) for x in (images, queries)]
    a, b = (space.reshape(len(space), -1) for space in spaces)
    check_whole("k", k, 1, len(a))
    return neighbors(a, k, query=b)
