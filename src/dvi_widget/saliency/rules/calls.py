"""One call of a torch function: which kind of operation it is, what it takes, how to run it again."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Call", "CallMode", "Kind"]


class Kind(Enum):
    """The effect of a torch function on its first argument, as finely as rules tell operations apart."""

    RELU = "relu"  # max(0, x), by whatever function
    ACTIVATION = "activation"  # any other elementwise nonlinearity
    SOFTMAX = "softmax"
    CONVOLUTION = "convolution"
    TRANSPOSED_CONVOLUTION = "transposed_convolution"
    DENSE = "dense"
    AVERAGE = "average"  # fixed weights over windows: average pooling, interpolation
    REDUCTION = "reduction"  # mean or sum over whole dimensions
    MATRIX_PRODUCT = "matrix_product"
    BATCH_NORM = "batch_norm"
    LOCAL_NORM = "local_norm"
    MAX_POOL = "max_pool"
    ADAPTIVE_MAX_POOL = "adaptive_max_pool"
    MAXIMUM = "maximum"  # over whole dimensions
    SUM = "sum"  # of two operands
    SCALE = "scale"  # product or quotient of two operands
    ROUTE = "route"  # copies, chooses or rearranges entries
    DROPOUT = "dropout"
    OTHER = "other"


_NAMES: dict[Kind, str] = {
    Kind.RELU: "relu",
    Kind.ACTIVATION: (
        "relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid logsigmoid tanh softplus softsign "
        "tanhshrink softshrink hardshrink hardtanh hardswish hardsigmoid clamp clamp_min clamp_max threshold"
    ),
    Kind.SOFTMAX: "softmax log_softmax",
    Kind.CONVOLUTION: "conv1d conv2d conv3d",
    Kind.TRANSPOSED_CONVOLUTION: "conv_transpose1d conv_transpose2d conv_transpose3d",
    Kind.DENSE: "linear",
    Kind.AVERAGE: (
        "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "interpolate upsample"
    ),
    Kind.REDUCTION: "mean sum",
    Kind.MATRIX_PRODUCT: "matmul mm bmm einsum",
    Kind.BATCH_NORM: "batch_norm",
    Kind.LOCAL_NORM: "local_response_norm",
    Kind.MAX_POOL: "max_pool1d max_pool2d max_pool3d",
    Kind.ADAPTIVE_MAX_POOL: "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
    Kind.MAXIMUM: "max amax",
    Kind.SUM: "add sub",
    Kind.SCALE: "mul div true_divide neg",
    Kind.ROUTE: (
        "flatten reshape view view_as permute transpose t T mT movedim swapaxes squeeze unsqueeze unflatten "
        "expand expand_as repeat contiguous clone alias to float double cat concat stack chunk split unbind "
        "pad __getitem__ narrow select index_select flip roll channel_shuffle pixel_shuffle pixel_unshuffle"
    ),
    Kind.DROPOUT: "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout identity",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_REFLECTED = {"__radd__": "add", "__rsub__": "sub", "__rmul__": "mul", "__rtruediv__": "div"}


class Call:
    """One call of a torch function during a forward pass.

    Parameters
    ----------
    func
        The function or method, as a function mode receives it.
    args, kwargs
        Its arguments.
    """

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs

    @cached_property
    def name(self) -> str:
        """Plain name of the function: `relu_`, `torch.relu` and `Tensor.relu` are all "relu"."""
        name = str(getattr(self.func, "__name__", self.func))
        if name in {"__get__", "__set__"}:
            return str(getattr(getattr(self.func, "__self__", None), "__name__", name))
        return _REFLECTED.get(name, name) if name.startswith("__") else name.strip("_")

    @cached_property
    def kind(self) -> Kind:
        """The kind of operation."""
        return Kind.RELU if self._is_relu() else _KINDS.get(self.name, Kind.OTHER)

    @property
    def input(self) -> Any:
        """The first argument, None if there is none."""
        return self.argument(0, "input")

    @property
    def in_place(self) -> bool:
        """Tell whether the call overwrites its first argument."""
        name = str(getattr(self.func, "__name__", ""))
        if name.endswith("_") and not name.endswith("__"):
            return True
        return bool(self.kwargs.get("inplace", False)) or (
            self.name == "relu" and self.argument(1, "inplace") is True
        )

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """Return an argument, whether it was passed by position or by name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def bound(self, *names: str) -> dict[str, Any]:
        """Return all arguments by name, given the names of those that come first."""
        return dict(zip(names, self.args, strict=False)) | self.kwargs

    def run(self) -> Any:
        """Run the function as it was called."""
        return self.func(*self.args, **self.kwargs)

    def run_with(self, argument: Any, value: Any) -> Any:
        """Run the function with a value in the place of one of its arguments."""
        args = [value if a is argument else a for a in self.args]
        kwargs = {name: value if a is argument else a for name, a in self.kwargs.items()}
        return self.func(*args, **kwargs)

    def returned(self, y: Tensor) -> Tensor:
        """Return y as the call would: itself, or written over the input, history and all, if in place."""
        return self.input.copy_(y) if self.in_place else y

    def _is_relu(self) -> bool:
        """Tell whether the call computes max(0, x)."""
        if self.name == "relu":
            return True
        if self.name == "clamp":
            return _is_zero(self.argument(1, "min")) and self.argument(2, "max") is None
        if self.name == "clamp_min":
            return _is_zero(self.argument(1, "min"))
        if self.name == "threshold":
            return len(self.args) > 2 and _is_zero(self.args[1]) and _is_zero(self.args[2])
        if self.name in {"max", "maximum"}:
            return len(self.args) > 1 and isinstance(self.args[1], Tensor) and _is_zero(self.args[1])
        return False


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not bool(value.any())
    return isinstance(value, (int, float)) and value == 0


class CallMode(TorchFunctionMode):
    """A function mode that receives each call as a `Call`.

    A module hook sees `nn.ReLU` and misses `F.relu`, `x.relu_()` and `torch.clamp(x, min=0)`. A function mode
    sees them all, because every one of them is a function call.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        return self.handle(Call(func, args, kwargs or {}))

    def handle(self, call: Call) -> Any:
        """Return what the call returns."""
        raise NotImplementedError
