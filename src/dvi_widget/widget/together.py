"""Landscapes that an explorer shows together: one or two flat ones, and perhaps one in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from dvi_widget.landscape import Frame, Landscape


def checked(landscapes: Sequence[Landscape]) -> tuple[tuple[Landscape, ...], Landscape | None]:
    """Tell the flat landscapes from the one in three dimensions.

    Raises
    ------
    TypeError
        If there is no flat landscape, or one is none.
    ValueError
        If there are more than two flat ones or more than one in three dimensions, one has other dimensions,
        or they differ in samples or classes.
    """
    for landscape in landscapes:
        if not isinstance(landscape, Landscape):
            raise TypeError(
                f"landscape must be a Landscape; got {type(landscape).__name__}. A fitted engine gives one: "
                "DVI().fit(run).landscape()."
            )
    flat = tuple(landscape for landscape in landscapes if _dimensions(landscape) == 2)
    solid = [landscape for landscape in landscapes if _dimensions(landscape) == 3]
    other = [landscape for landscape in landscapes if _dimensions(landscape) not in (2, 3)]
    if other:
        raise ValueError(f"landscape must have two or three dimensions; got {_dimensions(other[0])}.")
    if not flat and solid:
        raise ValueError(
            "landscape must have two dimensions to be drawn; got 3. Put one in two dimensions before it: "
            "Explorer(flat, solid)."
        )
    if not flat:
        raise TypeError(
            "landscape must be a Landscape; got nothing. Fit one: DVI().fit(run).landscape(). Or pass "
            "pictures and models: Explorer(images=x, models={'mine': model})."
        )
    if len(flat) > 2:
        raise ValueError(f"landscapes must be one or two, which stand side by side; got {len(flat)}.")
    if len(solid) > 1:
        raise ValueError(f"landscapes must be at most one in three dimensions; got {len(solid)}.")
    for landscape in (*flat[1:], *solid):
        difference = _difference(flat[0], landscape)
        if difference:
            raise ValueError(f"landscapes must have the same samples and classes; {difference}.")
    return flat, solid[0] if solid else None


def on_the_spot(
    landscapes: tuple[Landscape, ...],
    images: ArrayLike | None,
    models: Mapping[str, Any] | None,
    labels: ArrayLike | None,
) -> tuple[tuple[Landscape, ...], ArrayLike | None]:
    """Map pictures by the first of the models where there is no landscape; return what is to be shown.

    Raises
    ------
    ValueError
        If labels are given beside a landscape, which has its own.
    """
    if landscapes or images is None or not models:
        if labels is not None:
            raise ValueError(
                "labels must be left out beside a landscape, which has its own; got some. They go with "
                "images and models alone."
            )
        return landscapes, images
    from .questions.models import check_models  # noqa: PLC0415 - loads torch, as models do
    from .questions.spot import landscape_of  # noqa: PLC0415 - loads the engines

    check_models(models)
    return (landscape_of(images, models, labels),), None


def frame_at(landscape: Landscape, epoch: int) -> Frame:
    """Return the latest frame up to an epoch: not every landscape may have recorded it."""
    earlier = [recorded for recorded in landscape.epochs if recorded <= epoch]
    return landscape.at(earlier[-1] if earlier else landscape.epochs[0])


def _dimensions(landscape: Landscape) -> int:
    return int(landscape[0].positions.shape[1])


def _difference(a: Landscape, b: Landscape) -> str:
    """Say how samples or classes of two landscapes differ; empty if they do not."""
    if a.classes != b.classes:
        return (
            f"the classes are {_first_few(a.classes)} in the first and {_first_few(b.classes)} in the second"
        )
    if len(a.samples) != len(b.samples):
        return f"there are {len(a.samples)} samples in the first and {len(b.samples)} in the second"
    for column in ("split", "label"):
        here, there = a.samples[column].to_numpy(), b.samples[column].to_numpy()
        if (here != there).any():
            i = int((here != there).argmax())
            return f"the {column} of sample {i} is {here[i]} in the first and {there[i]} in the second"
    return ""


def _first_few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
