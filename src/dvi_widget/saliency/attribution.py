"""`attribute`: maps of what speaks for a class, by any method of the table, each with its error."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget.arrays import check_whole
from dvi_widget.progress import progress_bar
from dvi_widget.subject import Outputs

from .gradients import Report, part_of
from .inspection import Inspection, inspected
from .methods import METHODS, Method
from .network import Network, Target, requested

__all__ = ["MAX_ERROR", "Maps", "attribute", "stream"]

# Share of the effect that a map may fail to account for before it is flagged.
MAX_ERROR = 0.05


@dataclass(frozen=True)
class Maps:
    """Attribution maps of N pictures.

    Attributes
    ----------
    values : float32 [N, H, W]
        Signed, summed over channels: positive values speak for the class, negative ones against it.
    method : str
    parameters : dict
        All parameters of the method, defaults included.
    target : int64 [N]
        The class that each map explains.
    logits : float32 [N, C]
        The model's logits of each picture.
    error : float32 [N] or None
        |sum of the map − its total| / |total| for methods that are complete: the share of the effect that the
        map fails to account for. Above 5 % where integrated gradients ran out of steps before they settled.
        None for all other methods.
    likeness : float32 [N] or None
        Cosine between each map and the same method's map for the runner-up class, if requested. Near one, the
        map says little about this class in particular.
    against : int or None
        The class whose logit was taken off.
    """

    values: NDArray[np.float32]
    method: str
    parameters: dict[str, Any]
    target: NDArray[np.int64]
    logits: NDArray[np.float32] = field(repr=False)
    error: NDArray[np.float32] | None = None
    likeness: NDArray[np.float32] | None = None
    against: int | None = None

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The model's class for each picture: int64 [N]."""
        return np.asarray(self.logits.argmax(1), np.int64)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each map fails to account for more than 5 % of its effect: bool [N]."""
        if self.error is None:
            return np.zeros(len(self.values), bool)
        return ~(self.error <= MAX_ERROR)

    def __len__(self) -> int:
        return len(self.values)


def attribute(
    model: Any,
    images: ArrayLike | Tensor,
    target: int | ArrayLike | Tensor | None = None,
    method: str = "integrated_gradients",
    *,
    against: int | None = None,
    outputs: Outputs | None = None,
    likeness: bool = False,
    report: Report | None = None,
    **parameters: Any,
) -> Maps:
    """Map what in each picture speaks for a class.

    Logits are explained, never probabilities. The model runs in evaluation mode and is left as it was. A map
    does not depend on the other pictures of the call. Slow methods show a progress bar; `stream` yields their
    maps one by one, so that an interruption loses none of them.

    Parameters
    ----------
    model
        A torch module, a `Subject` or a `Predictor`; for methods without gradients also an object with
        ``predict_proba`` or a callable that returns probabilities.
    images : array or tensor [N, C, H, W] or [C, H, W]
        Pictures as the model takes them, floating.
    target : int or int [N], optional
        The class to explain, one for all pictures or one each; the model's own predictions by default.
    method : str
        A name of `METHODS`; ``inspect_model(model, images)`` says which are right for a model.
    against : int, optional
        Another class: maps then show what speaks for the target rather than for it, the difference between
        both logits being explained. For methods that use gradients.
    outputs : {"logits", "probabilities", "sigmoid"}, optional
        What the model returns, whatever it looks like, as for `Predictor`.
    likeness : bool
        Whether to compare each map with the runner-up class's, at the cost of a second map; not together with
        `against`.
    report : callable, optional
        Called with the share done, 0 to 1, instead of a progress bar. An exception it raises stops the work.
    **parameters
        The method's own, as listed in ``METHODS[method].parameters``.

    Returns
    -------
    Maps

    Raises
    ------
    ValueError
        If the method is unknown or wrong for the model (the message names the functions concerned and the way
        out), a class or parameter is out of range, a layer does not exist, or pictures have the wrong shape.
    TypeError
        If a parameter is unknown or of the wrong kind, or pictures are not floating.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
    ...                             torch.nn.Linear(144, 2))
    >>> maps = attribute(model, torch.rand(5, 1, 8, 8), target=1, method="grad_cam", layer="0")
    >>> maps.values.shape
    (5, 8, 8)
    """
    parts = list(
        stream(
            model,
            images,
            target,
            method,
            against=against,
            outputs=outputs,
            likeness=likeness,
            report=report,
            bar=report is None,
            **parameters,
        )
    )
    first = parts[0]
    return Maps(
        np.concatenate([part.values for part in parts]),
        first.method,
        first.parameters,
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.logits for part in parts]),
        _joined([part.error for part in parts]),
        _joined([part.likeness for part in parts]),
        against,
    )


def _joined(parts: list[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def stream(
    model: Any,
    images: ArrayLike | Tensor,
    target: int | ArrayLike | Tensor | None = None,
    method: str = "integrated_gradients",
    *,
    against: int | None = None,
    outputs: Outputs | None = None,
    likeness: bool = False,
    report: Report | None = None,
    bar: bool = False,
    **parameters: Any,
) -> Iterator[Maps]:
    """Yield the maps of `attribute` step by step, as soon as they are made.

    A step holds the method's ``batch_size`` of pictures: one for most slow methods, 64 for eager ones. Close
    the iterator to stop.

    Parameters
    ----------
    model, images, target, method, against, outputs, likeness, report, **parameters
        As for `attribute`. Everything is checked before the first step, except whether the classes exist,
        which the first step tells.
    bar : bool
        Whether slow methods show a progress bar.

    Yields
    ------
    Maps
        In the order of the pictures.

    Raises
    ------
    ValueError, TypeError
        As for `attribute`.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    entry = METHODS[method]
    settings = entry.settings(parameters)
    _check_against(against, entry, likeness)
    net = Network(model, outputs)
    x = net.pictures(images)
    wanted = requested(target, len(x))
    inspection = _check_support(net, x[:1], entry, settings)
    return _steps(
        net,
        entry,
        settings,
        x,
        wanted,
        against,
        likeness,
        report or _unheard,
        bar and not entry.eager,
        inspection,
    )


def _check_against(against: int | None, method: Method, likeness: bool) -> None:
    """Check the class that is taken off, before the model tells which classes there are."""
    if against is None:
        return
    if not method.contrasts:
        usable = ", ".join(name for name, entry in METHODS.items() if entry.contrasts)
        raise ValueError(f"against must be None for {method.name}; got {against!r}. It works for {usable}.")
    if likeness:
        raise ValueError(
            "likeness must be False with against; got True. A contrast is of two classes already."
        )
    check_whole("against", against, 0)


def _unheard(_: float) -> None:
    """Report to nobody."""


def _steps(
    net: Network,
    method: Method,
    settings: dict[str, Any],
    x: Tensor,
    wanted: NDArray[np.int64] | None,
    against: int | None,
    likeness: bool,
    report: Report,
    bar: bool,
    inspection: Inspection,
) -> Iterator[Maps]:
    """Yield the maps of one batch after the other."""
    maps_per_picture = 2 if likeness else 1
    with progress_bar(
        total=len(x), desc=method.label, unit="picture", disable=not bar, leave=False, delay=1
    ) as progress:
        for begin in range(0, len(x), method.batch_size):
            part = x[begin : begin + method.batch_size]
            classes = None if wanted is None else wanted[begin : begin + len(part)]
            weight = len(part) / maps_per_picture
            shares = [part_of(report, begin + i * weight, weight, len(x)) for i in range(maps_per_picture)]
            maps = _maps(net, method, settings, part, classes, against, shares[0])
            _check_again(net, x[:1], method, settings, inspection)
            if likeness:
                runner_up = _runner_up(maps.logits, maps.target)
                others = _maps(net, method, settings, part, runner_up, None, shares[1])
                maps = replace(maps, likeness=_cosine(maps.values, others.values))
            report((begin + len(part)) / len(x))
            progress.update(len(part))
            yield maps


def _maps(
    net: Network,
    method: Method,
    settings: dict[str, Any],
    x: Tensor,
    wanted: NDArray[np.int64] | None,
    against: int | None,
    report: Report,
) -> Maps:
    """Make the maps of one batch."""
    with net.lent():
        target = Target(wanted, against)
        x = x.clone()
        if not method.eager:
            target.score(net.logits(x))
        maps, totals, missed = method.run(net, x, target, report, **settings)
    assert target.logits is not None
    return Maps(
        maps.detach().cpu().float().numpy(),
        method.name,
        dict(settings),
        target.classes.cpu().numpy().astype(np.int64),
        target.logits.cpu().float().numpy(),
        None if totals is None else _relative_error(maps, totals, missed),
        against=against,
    )


def _relative_error(maps: Tensor, totals: Tensor, parts: Tensor | None) -> NDArray[np.float32]:
    """Return |Σ map − total| / |total|, or what its parts are off by if that is more: [n]."""
    total = totals.detach().cpu().double()
    missed = (maps.detach().cpu().double().sum((1, 2)) - total).abs()
    if parts is not None:
        missed = torch.maximum(missed, parts.detach().cpu().double())
    tiny = torch.finfo(torch.float32).eps
    share: NDArray[np.float32] = (missed / total.abs().clamp(min=tiny)).float().numpy()
    return share


def _runner_up(logits: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the likeliest class other than the given one: int64 [n]."""
    others = logits.copy()
    others[np.arange(len(others)), classes] = -np.inf
    return np.asarray(others.argmax(1), np.int64)


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine between maps, nan where one of them is zero: [n]."""
    flat_a, flat_b = (m.reshape(len(m), -1).astype(np.float64) for m in (a, b))
    norms = np.linalg.norm(flat_a, axis=1) * np.linalg.norm(flat_b, axis=1)
    cosine = np.divide((flat_a * flat_b).sum(1), norms, out=np.full(len(a), np.nan), where=norms > 0)
    return np.asarray(cosine, np.float32)


# Attributes that all modules have: their mode, hooks, and what they hold.
_OF_EVERY_MODULE = vars(nn.Module()).keys()
_PLAIN = (bool, int, float, str)
# Inspections by network, then by what is known of its modules and the shape of a picture.
_INSPECTIONS: weakref.WeakKeyDictionary[nn.Module, dict[Any, Inspection]] = weakref.WeakKeyDictionary()


def _check_support(net: Network, picture: Tensor, method: Method, settings: dict[str, Any]) -> Inspection:
    """Refuse a method that would be wrong for the model, and fill in the last convolution as its layer."""
    named = settings.get("layer")
    if named is not None:
        net.layer(named)
    inspection = _inspection(net, picture)
    if _objection(inspection, method, named):
        inspection = _inspection(net, picture, anew=True)
    if reason := _objection(inspection, method, named):
        raise ValueError(f"method must support the model; got {method.name}. {reason}")
    if "layer" in settings and named is None:
        settings["layer"] = inspection.last_convolution
    return inspection


def _check_again(
    net: Network, picture: Tensor, method: Method, settings: dict[str, Any], known: Inspection
) -> None:
    """Refuse a method that turns out wrong, for the model does what it did not when it was inspected."""
    if net.seen <= known.seen:
        return
    if reason := _objection(_inspection(net, picture, anew=True), method, settings.get("layer")):
        raise ValueError(f"method must support the model; got {method.name}. {reason}")


def _objection(inspection: Inspection, method: Method, layer: str | None) -> str:
    """Return the reason against a method; a layer that is named may stand in for a convolution."""
    reason = inspection.methods[method.name]
    return "" if layer and "maps" in method.needs and "convolution" in reason else reason


def _inspection(net: Network, picture: Tensor, *, anew: bool = False) -> Inspection:
    """Return what `inspect_model` says, of the same modules only once unless ``anew``."""
    if net.module is None:
        return _look(net, picture)
    key = (tuple(map(_state, net.module.modules())), tuple(picture.shape), picture.dtype)
    known = _INSPECTIONS.setdefault(net.module, {})
    if anew or key not in known:
        known[key] = _look(net, picture)
    return known[key]


def _look(net: Network, picture: Tensor) -> Inspection:
    with net.lent():
        return inspected(net, picture)


def _state(module: nn.Module) -> tuple[Any, ...]:
    """Return what decides what a module does, as far as it can be seen; rules see the rest as they run."""
    own = vars(module)
    options = frozenset(
        (name, value if isinstance(value, _PLAIN) else id(value))
        for name in own.keys() - _OF_EVERY_MODULE
        if isinstance(value := own[name], _PLAIN) or callable(value)
    )
    missing = [buffer is None for buffer in module._buffers.values()]  # noqa: SLF001
    return type(module), options, *missing, *module._forward_hooks, *module._forward_pre_hooks  # noqa: SLF001
