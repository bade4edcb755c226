"""Look into a network layer by layer: filters, activations, and the pictures that excite a unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget.arrays import as_array, as_rows, check_whole
from dvi_widget.measures import neighbors

from .network import Network
from .rules import Deconvolution, Dependency, GuidedBackprop, Rule

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

_BATCH_ROWS = 128  # pictures per forward pass
# What ReLUs send back in `reconstruct`; None leaves them their gradient.
_RULES: dict[str, type[Rule] | None] = {
    "deconvolution": Deconvolution,
    "guided_backprop": GuidedBackprop,
    "gradient": None,
}


@dataclass(frozen=True)
class Filters:
    """The filters of a convolution.

    Attributes
    ----------
    weights : float32 [units, channels, height, width]
    tiles : uint8 [units, height, width, 3] or [units, channels, height, width]
        Colour tiles for filters of three channels, else one grey tile per channel. Zero is mid-grey (128);
        the weight of largest magnitude in each filter is black or white.
    """

    weights: NDArray[np.float32]
    tiles: NDArray[np.uint8]


@dataclass(frozen=True)
class Patches:
    """The pictures that excite each unit of a layer most, and where.

    Attributes
    ----------
    units : int64 [U]
    indices : int64 [U, k]
        Pictures by descending activation, each at most once.
    values : float32 [U, k]
        Their highest activations.
    boxes : int64 [U, k, 4]
        Receptive field of that activation: top, left, bottom, right (exclusive), clipped to the picture.
    """

    units: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    boxes: NDArray[np.int64]

    def crop(self, images: ArrayLike, unit: int, rank: int) -> NDArray[np.generic]:
        """Cut the patch of the rank-th picture of the unit-th row of this result: [C, h, w]."""
        top, left, bottom, right = self.boxes[unit, rank]
        picture: NDArray[np.generic] = as_array("images", images)[self.indices[unit, rank]]
        return picture[:, top:bottom, left:right]


def filters(model: nn.Module, layer: str) -> Filters:
    """Return the filters of a convolution, as weights and as tiles to look at.

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
        If there is no such layer (the message has the closest names), or it is not a convolution.
    TypeError
        If the model is not a torch module.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())
    >>> filters(network, "0").tiles.shape
    (8, 5, 5, 3)
    """
    net = Network(model)
    module = net.layer(layer)
    if not isinstance(module, nn.Conv2d):
        assert net.module is not None
        known = [name for name, m in net.module.named_modules() if isinstance(m, nn.Conv2d)]
        raise ValueError(  # noqa: TRY004 - the name is at fault
            f"layer must be a two-dimensional convolution; got {layer!r}, a {type(module).__name__}. The "
            f"model has {', '.join(map(repr, known)) or 'none'}."
        )
    weights = module.weight.detach().to("cpu", torch.float32).numpy()
    largest = np.abs(weights).max((1, 2, 3), keepdims=True)
    grey = 128 + 127 * weights / np.where(largest > 0, largest, 1)
    tiles = np.round(grey).astype(np.uint8)
    return Filters(weights.copy(), tiles.transpose(0, 2, 3, 1) if tiles.shape[1] == 3 else tiles)


def activations(model: nn.Module, layer: str, images: ArrayLike | Tensor) -> NDArray[np.float32]:
    """Return a layer's output for each picture.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module; if a pass uses it more than once, its last use counts.
    images : array or tensor [N, C, H, W]
        As the model takes them.

    Returns
    -------
    float32 [N, ...]
        ``[N, channels, h, w]`` for a layer of maps, ``[N, units]`` for a flat one.

    Raises
    ------
    ValueError
        If there is no such layer (the message has the closest names), or it does not run.
    TypeError
        If the model is not a torch module, or the layer does not return a tensor.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Flatten(), nn.Linear(8 * 16, 10))
    >>> activations(network, "0", np.zeros((2, 3, 8, 8), np.float32)).shape
    (2, 8, 4, 4)
    """
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)
    with net.lent(), torch.no_grad():
        return (
            torch.cat([_leaving(net, layer, part) for part in torch.split(x, _BATCH_ROWS)])
            .cpu()
            .float()
            .numpy()
        )


def _leaving(net: Network, layer: str, x: Tensor) -> Tensor:
    """Return a layer's output for one batch."""
    with net.tapped(layer, lambda output: output.clone()) as seen:
        net.scores(x)
    if not seen:
        raise ValueError(f"layer must run in a forward pass; got {layer!r}, which does not.")
    return seen[-1]


def top_patches(
    model: nn.Module, layer: str, images: ArrayLike | Tensor, k: int = 9, units: ArrayLike | None = None
) -> Patches:
    """Find the pictures and places that excite each unit of a layer most (Springenberg et al. 2015).

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module. The units of a layer with maps are its channels; units of a flat layer see the
        whole picture.
    images : array or tensor [N, C, H, W]
        The pictures to search, as the model takes them. They pass in batches; no activations are kept.
    k : int
        Patches per unit, at most one from each picture.
    units : array of int, optional
        The units to search for; all by default.

    Returns
    -------
    Patches

    Raises
    ------
    ValueError
        If there is no such layer or unit, or there are fewer than k pictures.
    TypeError
        If the model is not a torch module.
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
    """Return each unit's highest activation and its flat place per picture, [N, units] both, on the CPU."""
    highest, places = [], []
    with torch.no_grad():
        for part in torch.split(x, _BATCH_ROWS):
            flat = _as_maps(_leaving(net, layer, part), layer).flatten(2)
            value, place = flat.max(2)
            highest.append(value.cpu().float())
            places.append(place.cpu())
    return torch.cat(highest), torch.cat(places)


def _as_maps(a: Tensor, layer: str) -> Tensor:
    """Return activations as [n, units, h, w]; a flat layer gets maps of one pixel."""
    if a.ndim not in (2, 4):
        raise ValueError(
            f"layer must have units, channels [n, C, h, w] or entries [n, C]; got {layer!r} with "
            f"{tuple(a.shape)}."
        )
    return a if a.ndim == 4 else a[:, :, None, None]


def _units(units: ArrayLike | None, total: int) -> Tensor:
    """Return unit numbers, after checking that the layer has them; all for None."""
    if units is None:
        return torch.arange(total, device="cpu")
    return torch.from_numpy(as_rows("units", np.atleast_1d(as_array("units", units)), total).astype(np.int64))


def receptive_field(
    model: nn.Module, layer: str, images: ArrayLike | Tensor
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which part of the picture each place of a layer can see, whatever the weights.

    Dependencies are followed through the network itself, so that shortcuts, strides by slicing and dilation
    count.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module.
    images : array or tensor [N, C, H, W]
        A picture of the size in question; the first one is used.

    Returns
    -------
    rows : int64 [h, 2]
        First row seen, and first row below that is not, from each row of the layer's maps; one row for a
        flat layer.
    columns : int64 [w, 2]

    Raises
    ------
    ValueError
        If there is no such layer, or it does not depend on the picture.
    TypeError
        If the model is not a torch module.

    Examples
    --------
    >>> convolutions = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3, stride=2)
    >>> network = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(18, 2))
    >>> receptive_field(network, "1", np.zeros((1, 1, 9, 9), np.float32))[0].tolist()
    [[0, 5], [2, 7], [4, 9]]
    """
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)[:1]
    with net.lent():
        return _fields(net, layer, x)


def _fields(net: Network, layer: str, picture: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the `receptive_field` of a network that is already lent."""
    height, width = picture.shape[2:]
    # One copy of the picture for each row, and for each column, that is not a number.
    copies = picture.repeat(height + width, 1, 1, 1)
    for row in range(height):
        copies[row, :, row] = torch.nan
    for column in range(width):
        copies[height + column, :, :, column] = torch.nan
    with torch.no_grad():
        lost = torch.cat([_lost(net, layer, part) for part in torch.split(copies, _BATCH_ROWS)])
    if not bool(lost.any()):
        raise ValueError(f"layer must depend on the picture; got {layer!r}, which does not.")
    return _ends(lost[:height].any(2)), _ends(lost[height:].any(1))


def _lost(net: Network, layer: str, pictures: Tensor) -> Tensor:
    """Return which places of a layer's maps are not a number: bool [n, h, w] on the CPU."""
    with net.tapped(layer, lambda output: output) as seen:
        net.outputs(pictures, Dependency())
    if not seen:
        raise ValueError(f"layer must run in a forward pass; got {layer!r}, which does not.")
    return _as_maps(seen[-1], layer).isnan().any(1).cpu()


def _ends(lost: Tensor) -> NDArray[np.int64]:
    """Return the first line that reached each place, and the first behind the last: int64 [places, 2]."""
    reached: NDArray[np.bool_] = lost.T.numpy()  # [places, lines]
    first, behind = reached.argmax(1), reached.shape[1] - reached[:, ::-1].argmax(1)
    ends = np.stack([first, behind], 1).astype(np.int64)
    ends[~reached.any(1)] = 0
    return ends


def reconstruct(
    model: nn.Module, layer: str, unit: int, images: ArrayLike | Tensor, rule: str = "deconvolution"
) -> NDArray[np.float32]:
    """Send a unit's strongest activation in each picture back to the pixels.

    Zeiler and Fergus 2014, §2.1: all other activations of the layer are zero; poolings are inverted by their
    switches, ReLUs send back positive values, convolutions are transposed.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module.
    unit : int
        Channel of a layer with maps, or entry of a flat one.
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
        If the model is not a torch module.
    """
    if rule not in _RULES:
        raise ValueError(f"rule must be one of {', '.join(_RULES)}; got {rule!r}.")
    net = Network(model)
    net.layer(layer)
    x = net.pictures(images)
    kind = _RULES[rule]
    parts = []
    with net.lent():
        for part in torch.split(x, _BATCH_ROWS):
            leaf = part.detach().requires_grad_()
            with net.tapped(layer, lambda output: output) as seen:
                net.scores(leaf, *([] if kind is None else [kind()]))
            if not seen:
                raise ValueError(f"layer must run in a forward pass; got {layer!r}, which does not.")
            maps = _as_maps(seen[-1], layer)
            chosen = int(_units(unit, maps.shape[1])[0])
            strongest = maps[:, chosen].flatten(1).max(1).values
            parts.append(net.backward((strongest * strongest.detach()).sum(), leaf))
    return torch.cat(parts).cpu().float().numpy()


def nearest(
    model: nn.Module, layer: str, images: ArrayLike | Tensor, queries: ArrayLike | Tensor, k: int = 9
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the pictures nearest to each query in a layer's space.

    Parameters
    ----------
    model
        A torch module or a `Subject`.
    layer : str
        Name of a module; its output, flattened, is the space.
    images : array or tensor [N, C, H, W]
        The pictures to search, such as the training set.
    queries : array or tensor [Q, C, H, W]
    k : int
        Neighbours per query.

    Returns
    -------
    indices : int32 [Q, k]
    distances : float32 [Q, k]
        Euclidean.

    Raises
    ------
    ValueError
        If there is no such layer, or there are fewer than k pictures.
    TypeError
        If the model is not a torch module.
    """
    spaces = [activations(model, layer, x) for x in (images, queries)]
    a, b = (space.reshape(len(space), -1) for space in spaces)
    check_whole("k", k, 1, len(a))
    return neighbors(a, k, query=b)
