"""DeepVisualInsight: one landscape of a whole training run, frame by frame."""

from __future__ import annotations

from typing import Any

from dvi_widget.estimator import Method, Projection

from .layout import Layout
from .paper import Paper

__all__ = ["DVI", "Layout", "Paper"]

_METHODS: dict[str, type[Layout | Paper]] = {"layout": Layout, "paper": Paper}


class DVI(Projection):
    """Projects every epoch of a run so that neighbours, boundaries, predictions and continuity survive.

    Parameters
    ----------
    method : str
        "layout": positions are laid out by a gradient and decoded by a table; its settings, and what each of
        them trades for what, are those of `dvi_widget.dvi.Layout`. "paper": DeepVisualInsight as published,
        an autoencoder per epoch; its settings are those of `dvi_widget.dvi.Paper`.
    seed : int
        Of all random choices, of which "layout" makes none: the same seed on the same machine gives the same
        positions.
    **settings
        Parameters of the method, by name.

    Raises
    ------
    ValueError
        If there is no such method, or a setting is out of its range.
    TypeError
        If the method has no such setting.

    Examples
    --------
    >>> model = DVI().fit(run)  # doctest: +SKIP
    >>> model.transform(run.features(5, "test"), epoch=5)  # [n_test, 2]  # doctest: +SKIP
    """

    def __init__(self, method: str = "layout", *, seed: int = 0, **settings: Any) -> None:
        if method not in _METHODS:
            raise ValueError(f"method must be one of {sorted(_METHODS)}; found {method!r}.")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed must be a whole number of 0 or more; found {seed!r}.")
        known = list(_METHODS[method].__dataclass_fields__)
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise TypeError(
                f"method={method!r} has no setting {', '.join(unknown)}; it has {', '.join(known)}."
            )
        self.method = method
        self.seed = seed
        self.settings = settings
        self._method()

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"DVI(method={self.method!r}, seed={self.seed}{settings})"

    def _method(self) -> Method:
        return _METHODS[self.method](**self.settings)
