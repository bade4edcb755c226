"""Dependency of maps on pixels, whatever the weights: the rule behind receptive fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .calls import Call, CallMode, Kind

__all__ = ["Dependency"]

_COMPARISONS = {"gt", "ge", "lt", "le", "eq", "ne", "sign", "sgn", "heaviside", "isnan", "isinf", "isfinite"}
_COMPARISONS |= {"greater", "greater_equal", "less", "less_equal", "not_equal", "signbit"}
_LOGIC = {f"{kind}_{name}" for kind in ("logical", "bitwise") for name in ("not", "and", "or", "xor")}
_ORDERS = {"sort", "topk", "kthvalue", "median", "nanmedian", "mode", "quantile"}  # along one dimension
_SPREAD = 1e-6  # share of an output that a pixel has if it has any, far above rounding


class Dependency(CallMode):
    """Let what is not a number spread: a NaN pixel turns all entries that depend on it into NaN.

    Arithmetic spreads NaN whatever the signs and sizes of weights: neither dead ReLUs, nor differences, nor
    the losers of a maximum stop it. This mode sees to the rest. Convolutions and interpolations spread it by
    the places they combine, so that no algorithm of a library reaches further; a comparison returns numbers
    that are NaN where it cannot be made, and what is chosen by it is NaN as well.
    """

    def handle(self, call: Call) -> Any:
        """Run the call; return NaN wherever its result depends on NaN."""
        kind, name = call.listed, call.name
        if kind in {Kind.CONVOLUTION, Kind.TRANSPOSED_CONVOLUTION, Kind.AVERAGE}:
            return _spread(call)
        if name in _COMPARISONS | _LOGIC:
            return _undecided(call)
        if name == "where" and len(call.args) == 3:
            chosen = torch.where(_decided(call.args[0]), *call.args[1:])
            return _with_nan(chosen, torch.as_tensor(call.args[0]), *map(torch.as_tensor, call.args[1:]))
        if name in {"masked_fill", "__setitem__"} and _is_float(call.argument(1, "mask")):
            return _masked(call)
        if name in _ORDERS and _is_float(call.input):
            x = call.input
            total = x.sum(call.argument(2 if name in {"topk", "kthvalue"} else 1, "dim", -1), keepdim=True)
            return call.run_with(x, x + (total - total))
        if kind in {Kind.RELU, Kind.ACTIVATION, Kind.FUNCTION} and _is_float(call.input):
            lost = call.input.isnan()
            y = call.run()
            return y.masked_fill_(lost, torch.nan) if y.shape == lost.shape else y
        return call.run()


def _is_float(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _spread(call: Call) -> Tensor:
    """Run a linear operation on numbers; return NaN where any of its inputs was NaN."""
    x = call.input
    lost = x.isnan()
    y: Tensor = call.run_with(x, x.nan_to_num())
    if not bool(lost.any()):
        return y
    args, kwargs = list(call.args), dict(call.kwargs)
    weight = call.argument(1, "weight") if call.listed is not Kind.AVERAGE else None
    if isinstance(weight, Tensor):
        equal = torch.full_like(weight, 1 / weight[0].numel())
        args = [equal if a is weight else None if a is call.argument(2, "bias") else a for a in args]
        kwargs = {k: equal if a is weight else a for k, a in kwargs.items() if k != "bias"}
    args = [lost.to(x.dtype) if a is x else a for a in args]
    kwargs = {k: lost.to(x.dtype) if a is x else a for k, a in kwargs.items()}
    return y.masked_fill(call.func(*args, **kwargs).abs() > _SPREAD, torch.nan)


def _with_nan(y: Tensor, *others: Tensor) -> Tensor:
    """Return y with NaN where any of the others is NaN."""
    for other in others:
        if other.is_floating_point():
            y = y.masked_fill(other.isnan(), torch.nan)
    return y


def _undecided(call: Call) -> Tensor:
    """Compare, or combine comparisons: 1 for true, 0 for false, NaN where a number is missing."""
    args = [_decided(a) if call.name in _LOGIC else a for a in call.args]
    entered = [a for a in (*call.args, *call.kwargs.values()) if _is_float(a)]
    y: Tensor = call.func(*args, **call.kwargs)
    if not entered or not any(bool(a.isnan().any()) for a in entered):
        return y
    return _with_nan(y.to(entered[0].dtype), *(a.broadcast_to(y.shape) for a in entered))


def _decided(mask: Any) -> Any:
    """Return a mask of truths, from one that may be of numbers."""
    return mask.nan_to_num().bool() if _is_float(mask) else mask


def _masked(call: Call) -> Any:
    """Write where a mask of numbers says so; NaN where it does not say."""
    x, mask = call.input, call.argument(1, "mask")
    args = [_decided(a) if a is mask else a for a in call.args]
    kwargs = {k: _decided(a) if a is mask else a for k, a in call.kwargs.items()}
    y = call.func(*args, **kwargs)
    written = x if y is None else y
    lost = mask.isnan().broadcast_to(written.shape)
    if call.in_place:
        written[lost] = torch.nan
        return y
    return written.masked_fill(lost, torch.nan)
