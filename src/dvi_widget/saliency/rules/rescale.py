"""DeepLIFT's rescale rule: multipliers Δy / Δx against a reference in place of derivatives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812 - its usual name

from .calls import Call, Kind
from .rule import Rule
from .trace import TracedCall

__all__ = ["Rescale"]

# In the order of torch's max poolings.
_POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
# Below this difference Δx the derivative takes the place of the quotient Δy / Δx.
_MIN_DIFFERENCE = 1e-10
# Exact if all but one operand are constants.
_LINEAR = {
    Kind.CONVOLUTION,
    Kind.TRANSPOSED_CONVOLUTION,
    Kind.DENSE,
    Kind.AVERAGE,
    Kind.REDUCTION,
    Kind.MATRIX_PRODUCT,
    Kind.BATCH_NORM,
    Kind.SCALE,
}
_EXACT = {Kind.SUM, Kind.ROUTE, Kind.DROPOUT}
# Exact if pictures and references can be told apart by rows.
_BY_ROWS = {Kind.RELU, Kind.ACTIVATION, Kind.FUNCTION, Kind.MAX_POOL}


class Rescale(Rule):
    """Send back Δy / Δx times what arrives (Shrikumar et al. 2017, §3.5.1).

    The forward pass carries the pictures and, behind them in the same batch, their references. Where Δx
    vanishes the derivative stands in. A max pooling hands Δy to the place where the picture, or the
    reference, has its maximum.

    Parameters
    ----------
    pictures : int
        Leading rows of the batch that are pictures.
    references : int
        Rows behind them that are references: one for all pictures, or one each.
    """

    title = "DeepLIFT"

    def __init__(self, pictures: int, references: int) -> None:
        super().__init__()
        self._n = pictures
        self._rows = pictures + references

    @classmethod
    def supports(cls, call: TracedCall) -> bool:
        """Tell whether the call is linear in the picture, elementwise, or a max pooling by windows."""
        if call.kind in _BY_ROWS:
            return call.keeps_rows
        return call.kind in _EXACT or (call.kind in _LINEAR and call.operands == 1)

    def activation(self, call: Call) -> Any:
        """Scale by Δy / Δx, or by the function's derivative where Δx vanishes."""
        x = call.operand
        self._check_rows(call)
        with torch.enable_grad():
            leaf = x.detach()[: self._n].clone().requires_grad_()
            # An in-place function would overwrite the leaf.
            (derivative,) = torch.autograd.grad(call.run_with(x, leaf.clone()).sum(), leaf)
        y = call.run_with(x, x.detach().clone()).detach()
        return self._rescaled(call, y, derivative)

    function = activation

    def relu(self, call: Call) -> Any:
        """Scale by Δy / Δx, or by [x > 0] where Δx vanishes."""
        x = call.operand
        self._check_rows(call)
        return self._rescaled(call, x.detach().clamp(min=0), (x[: self._n] > 0).to(x.dtype))

    def max_pool(self, call: Call) -> Any:
        """Hand Δy to the places of the two maxima."""
        self._check_rows(call)
        options = call.bound(*_POOL_ARGUMENTS)
        x = options.pop("input")
        with_indices = options.pop("return_indices", False)
        pool: Any = getattr(F, f"{call.name}_with_indices")
        y, where = pool(x.detach(), **options)
        pooled = _PooledRescale.apply(x, _Rescaling(x, y, where, self._n))  # type: ignore[no-untyped-call]
        return (pooled, where) if with_indices else pooled

    def _rescaled(self, call: Call, y: Tensor, derivative: Tensor) -> Tensor:
        x = call.operand
        dx = x.detach()[: self._n] - x.detach()[self._n :]
        dy = y[: self._n] - y[self._n :]
        close = dx.abs() < _MIN_DIFFERENCE
        multiplier = torch.where(close, derivative, dy / torch.where(close, 1.0, dx))
        return call.returned(_Scaled.apply(x, (y, multiplier)))  # type: ignore[no-untyped-call]

    def _check_rows(self, call: Call) -> None:
        if len(call.operand) != self._rows:
            raise ValueError(
                f"model must keep samples in the first dimension for DeepLIFT; got {call.name} on "
                f"{tuple(call.operand.shape)} where {self._rows} rows were expected. "
                "Use method='integrated_gradients'."
            )


class _Scaled(Function):
    """y forward; backward the gradient of the pictures' rows times their multiplier."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, made: tuple[Tensor, Tensor]) -> Tensor:
        y, ctx.multiplier = made
        ctx.rows = len(x)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        multiplier = ctx.multiplier
        return _with_references(gradients[0][: len(multiplier)] * multiplier, ctx.rows), None


class _Rescaling:
    """What a max pooling's backward pass needs, none of it shared with tensors that are overwritten later."""

    def __init__(self, x: Tensor, y: Tensor, where: Tensor, n: int) -> None:
        x = x.detach()
        self.y, self.where, self.rows = y, where, len(x)
        self.dx = x[:n] - x[n:]
        top = torch.maximum(y[:n], y[n:])
        self.mine, self.theirs = top - y[n:], y[:n] - top

    def multiplied(self, g: Tensor) -> Tensor:
        """Return Δy shared between the two places of the maximum, over Δx there."""
        n = len(g)
        where, their_place = self.where[:n], self.where[n:].expand_as(g)
        contribution = _unpooled(g * self.mine, where, self.dx)
        contribution = contribution + _unpooled(g * self.theirs, their_place, self.dx)
        close = self.dx.abs() < _MIN_DIFFERENCE
        gradient = _unpooled(g, where, self.dx)
        return torch.where(close, gradient, contribution / torch.where(close, 1.0, self.dx))


class _PooledRescale(Function):
    """Pooled y forward; its rescaling backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rescaling: _Rescaling) -> Tensor:
        del x
        ctx.rescaling, ctx.n = rescaling, len(rescaling.dx)
        return rescaling.y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        rescaling = ctx.rescaling
        return _with_references(rescaling.multiplied(gradients[0][: ctx.n]), rescaling.rows), None


def _unpooled(values: Tensor, where: Tensor, like: Tensor) -> Tensor:
    """Add values at their flat places in maps shaped like `like`."""
    start = values.ndim - (where.ndim - 2)
    flat = torch.zeros_like(like).flatten(start)
    return flat.scatter_add(-1, where.flatten(start), values.flatten(start)).view_as(like)


def _with_references(rows: Tensor, total: int) -> Tensor:
    """Append zero rows for the references."""
    return torch.cat([rows, rows.new_zeros(total - len(rows), *rows.shape[1:])])
