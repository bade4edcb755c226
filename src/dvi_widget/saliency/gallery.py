"""Draw pictures and their maps as one figure: a row per picture, a column per method or model."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from dvi_widget.arrays import as_array, check_finite, check_number
from dvi_widget.texts import in_figure

from .attribution import Maps

if TYPE_CHECKING:
    import plotly.graph_objects

__all__ = ["gallery", "overlay"]

# Orange speaks for a class, blue against it; the two differ for every kind of colour vision.
_FOR_RGB, _AGAINST_RGB = (214, 69, 0), (0, 96, 173)
_LARGE_PX, _SMALL_PX, _MAX_LARGE_COLUMNS = 96, 64, 8  # side of a picture in few columns, and in more
_GAP_PX = 6  # between pictures
_LETTER_PX = 7  # width of a letter of a title
_FULL_PERCENTILE = 99.5  # of a map's magnitudes, drawn in full colour


def overlay(
    images: ArrayLike, maps: Maps | ArrayLike, *, blend: float = 0.8, scale: float | None = None
) -> NDArray[np.uint8]:
    """Draw maps over their pictures: orange speaks for the class, blue against it.

    Parameters
    ----------
    images : array [N, C, H, W]
        C = 1 or 3; shown in grey, stretched from their least to their largest value.
    maps : Maps or array [N, H, W]
    blend : float
        Opacity of the strongest attribution, 0 to 1.
    scale : float, optional
        Attribution in full colour, above 0; the 99.5th percentile of each map's magnitudes by default.

    Returns
    -------
    uint8 [N, H, W, 3]

    Raises
    ------
    ValueError
        If shapes do not fit, pictures or maps are not finite, or blend or scale is out of range.
    """
    check_number("blend", blend, 0, 1)
    if scale is not None and check_number("scale", scale) <= 0:
        raise ValueError(f"scale must be above 0, the attribution in full colour; got {scale!r}.")
    x = as_array("images", images).astype(np.float64)
    values = as_array("maps", maps.values if isinstance(maps, Maps) else maps).astype(np.float64)
    _check_pictures(x)
    if x.ndim != 4 or values.shape != (len(x), *x.shape[2:]):
        raise ValueError(f"maps must be [N, H, W] for images [N, C, H, W]; got {values.shape} for {x.shape}.")
    check_finite("maps", values)
    grey = _stretched(x).mean(1)
    magnitude = np.abs(values)
    full = np.percentile(magnitude, _FULL_PERCENTILE, axis=(1, 2), keepdims=True) if scale is None else scale
    opacity = blend * np.minimum(1, magnitude / np.where(full > 0, full, 1))
    colour = np.where(values[..., None] > 0, _FOR_RGB, _AGAINST_RGB)
    mixed = (1 - opacity[..., None]) * 255 * grey[..., None] + opacity[..., None] * colour
    return np.asarray(np.round(mixed), np.uint8)


def _check_pictures(x: NDArray[np.float64]) -> None:
    """Raise an error for what cannot be shown in grey or in colour."""
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise ValueError(f"images must be pictures [N, C, H, W] with C = 1 or 3; got shape {x.shape}.")
    check_finite("images", x)


def _stretched(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map the least value to 0 and the largest to 1."""
    span = x.max() - x.min()
    return np.asarray((x - x.min()) / (span if span > 0 else 1))


def _plain(x: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return pictures [N, C, H, W] as uint8 [N, H, W, 3]."""
    pixels = np.round(255 * _stretched(x)).astype(np.uint8).transpose(0, 2, 3, 1)
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3)) if pixels.shape[3] == 1 else pixels


def gallery(
    images: ArrayLike,
    columns: Mapping[str, Maps | ArrayLike],
    titles: Sequence[str] | None = None,
    *,
    blend: float = 0.8,
    one_scale: bool = False,
) -> plotly.graph_objects.Figure:
    """Draw pictures, each beside its maps.

    Parameters
    ----------
    images : array [N, C, H, W]
        C = 1 or 3.
    columns : mapping from names to Maps or arrays [N, H, W]
        What to draw beside the pictures, from left to right.
    titles : sequence of str, optional
        Titles of the rows.
    blend : float
        Opacity of the strongest attribution, 0 to 1.
    one_scale : bool
        Whether all maps share one colour scale, as they should for one method and several models.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        As for `overlay`; also if there is not one title per picture.
    TypeError
        If `columns` is not a mapping.
    """
    import plotly.graph_objects as go  # noqa: PLC0415 - plotly loads slowly

    x = as_array("images", images).astype(np.float64)
    _check_pictures(x)
    if not isinstance(columns, Mapping):
        raise TypeError(
            f"columns must map names to maps, such as {{'Grad-CAM': maps}}; got {type(columns).__name__}."
        )
    titles = [str(i) for i in range(len(x))] if titles is None else [str(title) for title in titles]
    if len(titles) != len(x):
        raise ValueError(f"titles must be {len(x)} texts, one per picture; got {len(titles)}.")
    arrays = {
        name: as_array(f"columns[{name!r}]", maps.values if isinstance(maps, Maps) else maps)
        for name, maps in columns.items()
    }
    scale = (
        float(np.percentile(np.abs(np.stack(list(arrays.values()))), _FULL_PERCENTILE))
        if one_scale and arrays
        else None
    )
    cells = [_plain(x), *(overlay(x, values, blend=blend, scale=scale) for values in arrays.values())]
    rows, across = len(x), len(cells)
    cell = _LARGE_PX if across <= _MAX_LARGE_COLUMNS else _SMALL_PX
    pitch = cell + _GAP_PX
    sheet = np.full((rows * pitch, across * pitch, 3), 255, np.uint8)
    for column, pictures in enumerate(cells):
        for row, picture in enumerate(pictures):
            # Enlarged pixels stay squares.
            enlarged = Image.fromarray(picture).resize((cell, cell), Image.Resampling.NEAREST)
            sheet[row * pitch :, column * pitch :][:cell, :cell] = np.asarray(enlarged)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "PNG")
    figure = go.Figure(go.Image(source="data:image/png;base64," + base64.b64encode(data.getvalue()).decode()))
    middles = np.arange(max(rows, across)) * pitch + cell / 2
    figure.update_xaxes(
        tickvals=middles[:across],
        ticktext=["picture", *map(in_figure, map(str, arrays))],
        side="top",
        showgrid=False,
        tickangle=-30,
    )
    shown = [in_figure(title) for title in titles]
    figure.update_yaxes(tickvals=middles[:rows], ticktext=shown, showgrid=False)
    figure.update_traces(hoverinfo="skip")
    left = 20 + _LETTER_PX * max(map(len, shown), default=0)
    return figure.update_layout(
        width=across * pitch + left + 40,  # room for the last column's slanted name
        height=rows * pitch + 120,
        margin={"l": left, "r": 40, "t": 110, "b": 10},
        plot_bgcolor="white",
    )
