"""What a ReLU, a pooling or a whole layer sends back: rules for gradients, by function, not by module.

A module hook sees `nn.ReLU` and misses `F.relu`, `x.relu_()` and `torch.clamp(x, min=0)`. A function mode
sees them all, because every one of them is a function call. Each class here is such a mode: entered round a
forward pass, it decides what the backward pass of that forward will do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode

__all__ = ["Call", "Dependency", "LogitWatch", "PositiveGradient", "Relevance", "Rescale", "Trace"]

# Elementwise activations, by the name of their function.
ACTIVATIONS = frozenset(
    {
        "relu",
        "relu6",
        "leaky_relu",
        "prelu",
        "rrelu",
        "elu",
        "selu",
        "celu",
        "gelu",
        "silu",
        "mish",
        "sigmoid",
    }
    | {"logsigmoid", "tanh", "softplus", "softsign", "tanhshrink", "softshrink", "hardshrink", "hardtanh"}
    | {"hardswish", "hardsigmoid", "clamp", "clamp_min", "clamp_max", "threshold"}
)
MAX_POOLS = frozenset(f"{kind}max_pool{d}d" for kind in ("", "adaptive_") for d in (1, 2, 3))
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
# Linear in their first argument, all else being constants.
LINEAR = frozenset(
    {*CONVOLUTIONS, "linear", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "mean", "sum"}
    | {f"{kind}avg_pool{d}d" for kind in ("", "adaptive_") for d in (1, 2, 3)}
    | {"interpolate", "upsample"}
)
# Copy, choose or rearrange entries: the gradient's own way through them is every rule's way.
ROUTES = frozenset(
    {"flatten", "reshape", "view", "view_as", "permute", "transpose", "t", "T", "mT", "movedim", "swapaxes"}
    | {"squeeze", "unsqueeze", "unflatten", "expand", "expand_as", "repeat", "contiguous", "clone", "alias"}
    | {"to", "float", "double", "cat", "concat", "stack", "chunk", "split", "unbind", "pad", "__getitem__"}
    | {"narrow", "select", "index_select", "flip", "roll", "amax", "max", "channel_shuffle", "pixel_shuffle"}
    | {"pixel_unshuffle"}
)
SILENT = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "identity"}
)
SUMS = frozenset({"add", "sub"})
SCALES = frozenset({"mul", "div", "true_divide", "neg"})
SOFTMAXES = frozenset({"softmax", "log_softmax"})
_BOUNDED_EPSILON = 1e-9
_MULTIPLIER_FLOOR = 1e-10  # differences smaller than this take the derivative instead of the quotient


def name_of(func: Callable[..., Any]) -> str:
    """Plain name of a torch function: `relu_`, `torch.relu` and `Tensor.relu` are all "relu"."""
    name = str(getattr(func, "__name__", func))
    if name in {"__get__", "__set__"}:
        return str(getattr(getattr(func, "__self__", None), "__name__", name))
    if name.startswith("__"):
        return {"__radd__": "add", "__rsub__": "sub", "__rmul__": "mul", "__rtruediv__": "div"}.get(
            name, name
        )
    return name.strip("_")


def in_place(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call overwrites its first argument."""
    name = str(getattr(func, "__name__", ""))
    if name.endswith("_") and not name.endswith("__"):
        return True
    return bool(kwargs.get("inplace", False)) or (
        name_of(func) == "relu" and len(args) > 1 and args[1] is True
    )


def is_relu(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call computes max(0, x), by whatever function."""
    if name == "relu":
        return True
    if name == "clamp":
        low = kwargs.get("min", args[1] if len(args) > 1 else None)
        high = kwargs.get("max", args[2] if len(args) > 2 else None)
        return _is_zero(low) and high is None
    if name == "clamp_min":
        return _is_zero(kwargs.get("min", args[1] if len(args) > 1 else None))
    if name == "threshold":
        return len(args) > 2 and _is_zero(args[1]) and _is_zero(args[2])
    if name in {"max", "maximum"}:
        return len(args) > 1 and isinstance(args[1], Tensor) and _is_zero(args[1])
    return False


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not bool(value.any())
    return isinstance(value, (int, float)) and value == 0


class _Mode(TorchFunctionMode):
    """A function mode that hears each call by its plain name."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        return self.called(name_of(func), func, args, kwargs or {})

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Stand in for one call."""
        raise NotImplementedError


def _overwritten(x: Tensor, y: Tensor) -> Tensor:
    """Put y in the place of x, history and all, as the in-place form of a function does."""
    return x.copy_(y)


# ---------------------------------------------------------------------------------------------------- logits


class LogitWatch(_Mode):
    """Remembers what entered a softmax, to read the logits of a network that gives probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[str, Tensor, Tensor] | None = None

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Note a softmax, run everything."""
        outputs = func(*args, **kwargs)
        if name in SOFTMAXES:
            entered = args[0] if args else kwargs["input"]
            self._last = (name, entered, outputs)
        return outputs

    def before(self, outputs: Tensor) -> tuple[str, Tensor] | None:
        """Which softmax gave these outputs and what entered it, or None."""
        if self._last is None or self._last[2] is not outputs:
            return None
        return self._last[:2]


# ---------------------------------------------------------------------------------------------------- ReLU


class PositiveGradient(_Mode):
    """ReLUs that send back positive gradients only: guided backpropagation, or deconvolution.

    Springenberg et al. 2015, Striving for Simplicity, Fig. 1: guided backpropagation multiplies the gradient
    by [h > 0] and by [gradient > 0]; deconvolution (Zeiler and Fergus 2014) by [gradient > 0] alone.

    Parameters
    ----------
    guided
        True: both factors. False: deconvolution.
    """

    def __init__(self, *, guided: bool) -> None:
        super().__init__()
        self._guided = guided

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Change the backward pass of ReLUs."""
        if not is_relu(name, args, kwargs):
            return func(*args, **kwargs)
        if self._guided:
            y = func(*args, **kwargs)
            if y.requires_grad:
                y.register_hook(_positive)
            return y
        x = args[0] if args else kwargs["input"]
        y = _PassPositive.apply(x)  # type: ignore[no-untyped-call]
        return _overwritten(x, y) if in_place(func, args, kwargs) else y


def _positive(gradient: Tensor) -> Tensor:
    return gradient.clamp(min=0)


class _PassPositive(Function):
    """max(0, x) forward, max(0, gradient) backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        del ctx
        return gradients[0].clamp(min=0)


# ----------------------------------------------------------------------------------------------------
# DeepLIFT


class Rescale(_Mode):
    """DeepLIFT's rescale rule: an activation's multiplier is Δy / Δx against a reference.

    Shrikumar et al. 2017, §3.5.1. The forward pass carries the pictures and, behind them in the same batch,
    their references. Where Δx vanishes the derivative stands in. A max pooling hands Δy to the place where
    the picture, or the reference, has its maximum.

    Parameters
    ----------
    pictures, references
        How many rows of the batch are pictures, and how many behind them are references: one for all, or one
        each.
    """

    def __init__(self, pictures: int, references: int) -> None:
        super().__init__()
        self._n = pictures
        self._rows = pictures + references

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Change the backward pass of activations and max poolings."""
        if name in MAX_POOLS and not name.startswith("adaptive"):
            return self._pooled(name, args, kwargs)
        if (name in ACTIVATIONS or is_relu(name, args, kwargs)) and (args or "input" in kwargs):
            return self._activated(name, func, args, kwargs)
        return func(*args, **kwargs)

    def _activated(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        x = args[0] if args else kwargs.pop("input")
        self._check(name, x)
        overwrites = in_place(func, args, kwargs)
        # An in-place function would overwrite the copy that the quotient needs.
        inside = x.detach().clone() if overwrites else x.detach()
        if is_relu(name, args, kwargs):
            y = inside.clamp(min=0)
            derivative = (x[: self._n] > 0).to(x.dtype)
        else:
            with torch.enable_grad():
                leaf = inside[: self._n].clone().requires_grad_()
                (derivative,) = torch.autograd.grad(func(leaf.clone(), *args[1:], **kwargs).sum(), leaf)
            y = func(inside.clone(), *args[1:], **kwargs).detach()
        dx = x.detach()[: self._n] - x.detach()[self._n :]
        dy = y[: self._n] - y[self._n :]
        close = dx.abs() < _MULTIPLIER_FLOOR
        multiplier = torch.where(close, derivative, dy / torch.where(close, 1.0, dx))
        scaled = _Scaled.apply(x, y, multiplier)  # type: ignore[no-untyped-call]
        return _overwritten(x, scaled) if overwrites else scaled

    def _pooled(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound = dict(zip(_POOL_ARGUMENTS, args, strict=False)) | kwargs
        x = bound.pop("input")
        self._check(name, x)
        with_indices = bound.pop("return_indices", False)
        pool: Any = getattr(F, f"{name}_with_indices")
        y, where = pool(x.detach(), **bound)
        pooled = _PooledRescale.apply(x, y, where, self._n)  # type: ignore[no-untyped-call]
        return (pooled, where) if with_indices else pooled

    def _check(self, name: str, x: Tensor) -> None:
        if len(x) != self._rows:
            raise ValueError(
                f"model: {name} is called on {tuple(x.shape)} where {self._rows} rows were expected: "
                "DeepLIFT needs samples in the "
                "first dimension throughout. Use method='integrated_gradients', which has no such need."
            )


_POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")


class _Scaled(Function):
    """y forward; backward the gradient of the pictures' rows times their multiplier."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, multiplier: Tensor) -> Tensor:
        ctx.save_for_backward(multiplier)
        ctx.rows = len(x)
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (multiplier,) = ctx.saved_tensors
        return _behind(gradients[0][: len(multiplier)] * multiplier, ctx.rows), None, None


class _PooledRescale(Function):
    """Pooled y forward; backward Δy shared between the two places of the maximum, over Δx there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, where: Tensor, n: int) -> Tensor:
        ctx.save_for_backward(x, y, where)
        ctx.n = n
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, y, where = ctx.saved_tensors
        n = ctx.n
        g, dx = gradients[0][:n], x[:n] - x[n:]
        top = torch.maximum(y[:n], y[n:])
        contribution = _scattered(g * (top - y[n:]), where[:n], dx)
        contribution = contribution + _scattered(g * (y[:n] - top), where[n:].expand_as(g), dx)
        close = dx.abs() < _MULTIPLIER_FLOOR
        plain = _scattered(g, where[:n], dx)
        return (
            _behind(torch.where(close, plain, contribution / torch.where(close, 1.0, dx)), len(x)),
            None,
            None,
            None,
        )


def _scattered(values: Tensor, where: Tensor, like: Tensor) -> Tensor:
    """Values added at flat places of each map of `like`."""
    start = values.ndim - (where.ndim - 2)
    flat = torch.zeros_like(like).flatten(start)
    return flat.scatter_add(-1, where.flatten(start), values.flatten(start)).view_as(like)


def _behind(rows: Tensor, total: int) -> Tensor:
    """Rows, then zeros for the references."""
    return torch.cat([rows, rows.new_zeros(total - len(rows), *rows.shape[1:])])


# ---------------------------------------------------------------------------------------------------- LRP


class Relevance(_Mode):
    """Layer-wise relevance propagation: what flows back is relevance, kept by every layer (Bach et al. 2015).

    Each linear layer hands relevance to its inputs in proportion to what they contributed: R_i = Σ_j x_i w_ij
    / z_j · R_j. With ``epsilon`` the denominator is z_j + ε·sign(z_j) (LRP-ε); with ``plus`` only
    contributions of positive sign count (the z⁺ rule), and with ``taylor`` the first layer uses the z^B rule
    for bounded inputs besides: deep Taylor decomposition (Montavon et al. 2017, §4). A BatchNorm behind a
    convolution or linear layer is merged into it; activations pass relevance on; a sum shares it between its
    terms; additions and multiplications of constants pass it on.

    Parameters
    ----------
    epsilon
        ε, at least 0.
    plus
        Which layers use the z⁺ rule: "none", "convolutions" or "all".
    taylor
        Whether the first layer uses the z^B rule, with each picture's own lowest and highest values as
        bounds.
    """

    def __init__(self, *, epsilon: float, plus: str = "none", taylor: bool = False) -> None:
        super().__init__()
        self._epsilon = epsilon
        self._plus = plus
        self._first = taylor

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Change the backward pass of everything that computes."""
        x = args[0] if args else kwargs.get("input")
        if not isinstance(x, Tensor) or not x.requires_grad:
            if (
                name in SUMS | SCALES
                and len(args) > 1
                and isinstance(args[1], Tensor)
                and args[1].requires_grad
            ):
                return self._passed(func, args[1], args, kwargs, overwrites=False)
            return func(*args, **kwargs)
        if name in LINEAR:
            return self._linear(name, func, x, args, kwargs)
        if name == "batch_norm":
            return self._normalised(func, x, args, kwargs)
        if name in ACTIVATIONS or name in SILENT or is_relu(name, args, kwargs):
            return self._passed(func, x, args, kwargs, overwrites=in_place(func, args, kwargs))
        if name in SUMS:
            other = args[1] if len(args) > 1 else kwargs.get("other")
            if isinstance(other, Tensor) and other.requires_grad:
                return self._added(name, func, x, other, args, kwargs)
            return self._passed(func, x, args, kwargs, overwrites=in_place(func, args, kwargs))
        if name in SCALES:
            return self._passed(func, x, args, kwargs, overwrites=in_place(func, args, kwargs))
        return func(*args, **kwargs)

    def _linear(
        self, name: str, func: Callable[..., Any], x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        if name not in CONVOLUTIONS | {"linear"}:
            rest = args[1:] if args else ()
            others = {key: value for key, value in kwargs.items() if key != "input"}
            return self._layer(x, lambda t: func(t, *rest, **others), None, _layer_kind(name))
        bound = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
        weight, bias, rest = bound["weight"].detach(), bound.get("bias"), args[3:]
        others = {key: value for key, value in kwargs.items() if key not in {"input", "weight", "bias"}}
        bias = None if bias is None else bias.detach()
        first, self._first = self._first, False

        def apply(t: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
            return func(t, w, b, *rest, **others)  # type: ignore[no-any-return]

        z = self._layer(x, apply, (weight, bias), name, bounded=first)
        # For a BatchNorm that may come next and will want to be merged.
        z._made_by = (x, apply, weight, bias, name, first)  # type: ignore[attr-defined]  # noqa: SLF001
        return z

    def _normalised(
        self, func: Callable[..., Any], x: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        made_by = getattr(x, "_made_by", None)
        if made_by is None:
            return self._passed(func, x, args, kwargs, overwrites=False)
        keys = ("input", "mean", "var", "weight", "bias", "training", "momentum", "eps")
        bound = dict(zip(keys, args, strict=False)) | {
            {"running_mean": "mean", "running_var": "var"}.get(key, key): value
            for key, value in kwargs.items()
        }
        source, apply, weight, bias, name, first = made_by
        scale = (bound["var"] + bound.get("eps", 1e-5)).rsqrt()
        if bound.get("weight") is not None:
            scale = scale * bound["weight"].detach()
        shift = -bound["mean"] * scale
        if bias is not None:
            shift = shift + bias * scale
        if bound.get("bias") is not None:
            shift = shift + bound["bias"].detach()
        merged = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        return self._layer(source, apply, (merged, shift), name, bounded=first)

    def _layer(
        self,
        x: Tensor,
        apply: Callable[..., Tensor],
        weights: tuple[Tensor, Tensor | None] | None,
        name: str,
        *,
        bounded: bool = False,
    ) -> Tensor:
        """One linear layer with its rule: z forward, relevance of x backward."""
        plus = self._plus == "all" or (self._plus == "convolutions" and name != "linear")
        if weights is None:
            contributions = (lambda t: apply(t.clamp(min=0))) if plus else apply
            return _layer(x, apply, contributions, self._epsilon)
        weight, bias = weights
        if bounded:
            return _bounded(x, apply, weight, bias)
        up, down = weight.clamp(min=0), weight.clamp(max=0)

        def forward(t: Tensor) -> Tensor:
            return apply(t, weight, bias)

        def positive(t: Tensor) -> Tensor:
            return apply(t.clamp(min=0), up, None) + apply(t.clamp(max=0), down, None)

        return _layer(x, forward, positive if plus else forward, self._epsilon)

    def _added(
        self,
        name: str,
        func: Callable[..., Any],
        x: Tensor,
        other: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Tensor:
        alpha = kwargs.get("alpha", 1) * (1 if name == "add" else -1)
        z = _Sum.apply(x, other, alpha, self._epsilon, self._plus != "none")  # type: ignore[no-untyped-call]
        return _overwritten(x, z) if in_place(func, args, kwargs) else z

    def _passed(
        self,
        func: Callable[..., Any],
        x: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        overwrites: bool,
    ) -> Tensor:
        """The function forward, relevance unchanged backward."""
        plain = [a.detach().clone() if a is x else a for a in args]
        options = {key: value.detach().clone() if value is x else value for key, value in kwargs.items()}
        y = func(*plain, **options)
        if y.shape != x.shape:
            raise ValueError(
                f"model: {name_of(func)} broadcasts {tuple(x.shape)} to {tuple(y.shape)}, for which "
                "relevance propagation has no rule. "
                "Use method='integrated_gradients'."
            )
        passed = _Passed.apply(x, y.detach())  # type: ignore[no-untyped-call]
        return _overwritten(x, passed) if overwrites else passed


def _layer_kind(name: str) -> str:
    """Pooling counts with the convolutions."""
    return "linear" if name in {"mean", "sum"} else name


def _stabilised(z: Tensor, epsilon: float) -> Tensor:
    """Z + ε·sign(z), zero counting as positive."""
    return torch.where(z < 0, z - epsilon, z + epsilon)


def _layer(
    x: Tensor, forward: Callable[[Tensor], Tensor], contributions: Callable[[Tensor], Tensor], epsilon: float
) -> Tensor:
    z: Tensor = _Layer.apply(x, forward, contributions, epsilon)  # type: ignore[no-untyped-call]
    return z


class _Layer(Function):
    """Forward z(x); backward R_i = x_i ∂/∂x_i Σ_j c_j(x) R_j / c_j over the contributions c of the rule."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        forward: Callable[[Tensor], Tensor],
        contributions: Callable[[Tensor], Tensor],
        epsilon: float,
    ) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            counted = contributions(leaf)
        ctx.graph, ctx.epsilon = (leaf, counted), epsilon
        return counted.detach() if contributions is forward else forward(x.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        leaf, counted = ctx.graph
        shares = gradients[0] / _stabilised(counted.detach(), ctx.epsilon)
        (slope,) = torch.autograd.grad(counted, leaf, shares)
        return leaf.detach() * slope, None, None, None


def _bounded(x: Tensor, apply: Callable[..., Tensor], weight: Tensor, bias: Tensor | None) -> Tensor:
    z: Tensor = _Bounded.apply(x, apply, weight, bias)  # type: ignore[no-untyped-call]
    return z


class _Bounded(Function):
    """Forward Wx + b; backward the z^B rule with each channel's own bounds l and h.

    A pixel contributes x_i w_ij − l_i w⁺_ij − h_i w⁻_ij.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, apply: Callable[..., Tensor], weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        over = tuple(range(2, x.ndim)) or (1,)
        ctx.parts = (
            (x.detach(), weight),
            (x.detach().amin(over, keepdim=True).expand_as(x), -weight.clamp(min=0)),
            (x.detach().amax(over, keepdim=True).expand_as(x), -weight.clamp(max=0)),
        )
        ctx.layer = apply
        return apply(x.detach(), weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        with torch.enable_grad():
            leaves = [part.clone().requires_grad_() for part, _ in ctx.parts]
            z = sum(ctx.layer(leaf, w, None) for leaf, (_, w) in zip(leaves, ctx.parts, strict=True))
        assert isinstance(z, Tensor)
        # A bounded input never contributes less than nothing.
        shares = gradients[0] / _stabilised(z.detach().clamp(min=0), _BOUNDED_EPSILON)
        slopes = torch.autograd.grad(z, leaves, shares)
        return (
            sum(leaf.detach() * slope for leaf, slope in zip(leaves, slopes, strict=True)),
            None,
            None,
            None,
        )


class _Sum(Function):
    """a + αb forward; relevance shared as a : αb backward, among positive terms only where `plus`."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, alpha: float, epsilon: float, plus: bool) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.options = (alpha, epsilon, plus)
        return torch.add(a, b, alpha=alpha)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        a, b = ctx.saved_tensors
        alpha, epsilon, plus = ctx.options
        terms = a, alpha * b
        if plus:
            terms = terms[0].clamp(min=0), terms[1].clamp(min=0)
        share = gradients[0] / _stabilised(terms[0] + terms[1], epsilon)
        return (
            (terms[0] * share).sum_to_size(a.shape),
            (terms[1] * share).sum_to_size(b.shape),
            None,
            None,
            None,
        )


class _Passed(Function):
    """y forward, the gradient unchanged backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        del ctx, x
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        del ctx
        return gradients[0], None


# ---------------------------------------------------------------------------------------------------- looking
# at a network


class Dependency(_Mode):
    """Turns a network into sums of what it looks at: gradients are non-zero where there is a dependency.

    Weights become equal and positive, activations and normalisations pass everything, a maximum becomes a
    mean.
    """

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Replace whatever could hide a dependency."""
        x = args[0] if args else kwargs.get("input")
        if name in CONVOLUTIONS | {"linear"} or name.startswith("conv_transpose"):
            bound = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
            weight = bound["weight"]
            equal = torch.full_like(weight, 1 / weight[0].numel(), dtype=torch.float64)
            others = {key: value for key, value in kwargs.items() if key not in {"input", "weight", "bias"}}
            return func(bound["input"], equal, None, *args[3:], **others)
        if name in ACTIVATIONS or name in SILENT or is_relu(name, args, kwargs) or name in _NORMS:
            return x
        if name in MAX_POOLS:
            bound = dict(zip(_POOL_ARGUMENTS, args, strict=False)) | kwargs
            with_indices = bound.pop("return_indices", False)
            if name.startswith("adaptive"):
                pooled = getattr(F, name.replace("max", "avg"))(
                    x, bound.get("output_size", bound.get("kernel_size"))
                )
            else:
                pooled = _as_mean(name, bound)
            return (pooled, None) if with_indices else pooled
        return func(*args, **kwargs)


_NORMS = frozenset({"batch_norm", "dropout", "local_response_norm"})


def _as_mean(name: str, bound: dict[str, Any]) -> Tensor:
    """A max pooling's window, averaged: a depthwise convolution, since average pooling knows no dilation."""
    x, d = bound["input"], int(name[-2])
    sizes = [
        _tuple(bound.get(key, default), d)
        for key, default in (("kernel_size", 1), ("padding", 0), ("dilation", 1))
    ]
    kernel, padding, dilation = sizes
    stride = _tuple(bound.get("stride") or kernel, d)
    channels = x.shape[-d - 1]
    weight = torch.ones(channels, 1, *kernel, dtype=x.dtype, device=x.device)
    padded = F.pad(
        x,
        [
            amount
            for p, s in zip(reversed(padding), reversed(stride), strict=True)
            for amount in (p, p + s - 1)
        ],
    )
    out: Tensor = getattr(F, f"conv{d}d")(padded, weight, stride=stride, dilation=dilation, groups=channels)
    with torch.no_grad():
        size = getattr(F, name)(
            torch.empty_like(x), kernel, stride, padding, dilation, bound.get("ceil_mode", False)
        ).shape
    return out[tuple(slice(0, n) for n in size)]


def _tuple(value: Any, d: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),) * d


@dataclass(frozen=True)
class Call:
    """One function call on tensors during a forward pass."""

    name: str
    module: str  # the innermost module at work
    kind: str  # its type
    in_place: bool
    relu: bool
    operands: int  # how many tensors that come from the input it takes


@dataclass
class ModuleCall:
    """One call of a module, with the shape that left it."""

    name: str
    kind: str
    shape: tuple[int, ...] | None


class Trace(_Mode):
    """Writes down the functions and the modules that a forward pass calls, in order.

    Attributes
    ----------
    calls : list of Call
        Function calls whose arguments and results depend on the input.
    modules : list of ModuleCall
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.modules: list[ModuleCall] = []
        self._model = model
        self._stack: list[str] = []
        self._handles: list[Any] = []

    def __enter__(self) -> Trace:  # noqa: PYI034 - Self is not in Python 3.10
        for name, module in self._model.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._entering(name)))
            self._handles.append(module.register_forward_hook(self._leaving(name, module)))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *problem: object) -> None:
        super().__exit__(*problem)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()

    def called(
        self, name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Note the call, run it."""
        outputs = func(*args, **kwargs)
        operands = _from_input((*args, *kwargs.values()))
        if operands and _from_input((outputs,)):
            module = self._stack[-1] if self._stack else ""
            kind = type(self._model.get_submodule(module)).__name__
            self.calls.append(
                Call(name, module, kind, in_place(func, args, kwargs), is_relu(name, args, kwargs), operands)
            )
        return outputs

    def _entering(self, name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self._stack.append(name)

        return hook

    def _leaving(self, name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_: Any, __: Any, output: Any) -> None:
            self._stack.pop()
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            self.modules.append(ModuleCall(name, type(module).__name__, shape))

        return hook


def _from_input(values: tuple[Any, ...]) -> int:
    """How many tensors with a history hang in these values, not counting weights."""
    count = 0
    for value in values:
        if isinstance(value, Tensor):
            count += bool(value.requires_grad and not isinstance(value, nn.Parameter))
        elif isinstance(value, (list, tuple)):
            count += _from_input(tuple(value))
    return count
