"""What a page is told that it may set: the fields of a form, and those about an autoencoder."""

from __future__ import annotations

from typing import Literal, TypedDict

#: As `saliency.Parameter.kind`.
FieldKind = Literal["int", "float", "bool", "choice", "layer", "fill"]


class Field(TypedDict):
    """A parameter as a form shows it; `low` and `high` are the inclusive range of a number."""

    name: str
    kind: FieldKind
    default: str | float | bool | None
    description: str
    low: float | None
    high: float | None
    choices: list[str]


class AutoencoderOutline(TypedDict):
    """The range of each latent dimension, and what can be set about neighbours."""

    ranges: list[tuple[float, float]]
    settings: list[Field]
