"""One call of a torch function: which kind of operation it is, what it takes, how to run it again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["Call", "CallMode", "Kind", "SeenCall", "depends", "tensors"]


class Kind(Enum):
    """The effect of a torch function on its operands, as finely as rules tell operations apart."""

    RELU = "relu"  # max(0, x), by whatever function
    ACTIVATION = "activation"  # any other elementwise nonlinearity with kinks or saturation
    FUNCTION = "function"  # a smooth elementwise function, of mathematics rather than of networks
    SOFTMAX = "softmax"
    CONVOLUTION = "convolution"
    TRANSPOSED_CONVOLUTION = "transposed_convolution"
    DENSE = "dense"
    AVERAGE = "average"  # fixed weights over windows: average pooling, interpolation
    REDUCTION = "reduction"  # mean or sum over whole dimensions
    STATISTIC = "statistic"  # a norm or a variance over whole dimensions
    MATRIX_PRODUCT = "matrix_product"
    ATTENTION = "attention"
    BATCH_NORM = "batch_norm"  # by running statistics
    NORM = "norm"  # by statistics of the maps themselves
    MAX_POOL = "max_pool"
    ADAPTIVE_MAX_POOL = "adaptive_max_pool"
    MAXIMUM = "maximum"  # over whole dimensions, or of two operands
    SUM = "sum"  # of two operands
    SCALE = "scale"  # product of two operands, or quotient by a constant
    ROUTE = "route"  # copies, chooses or rearranges entries
    DROPOUT = "dropout"
    OTHER = "other"


_NAMES: dict[Kind, str] = {
    Kind.RELU: "relu",
    Kind.ACTIVATION: (
        "relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid expit logsigmoid tanh softplus "
        "softsign tanhshrink softshrink hardshrink hardtanh hardswish hardsigmoid clamp clip clamp_min "
        "clamp_max threshold abs absolute sign sgn round floor ceil trunc frac"
    ),
    Kind.FUNCTION: (
        "exp exp2 expm1 log log1p log2 log10 sqrt rsqrt square pow float_power reciprocal sin cos tan asin "
        "acos atan arctan sinh cosh asinh acosh atanh erf erfc logit"
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
    Kind.STATISTIC: "norm vector_norm linalg_vector_norm std var std_mean var_mean logsumexp",
    Kind.MATRIX_PRODUCT: "matmul mm bmm einsum",
    Kind.ATTENTION: "multi_head_attention_forward scaled_dot_product_attention",
    Kind.BATCH_NORM: "batch_norm",
    Kind.NORM: "group_norm layer_norm instance_norm rms_norm local_response_norm normalize",
    Kind.MAX_POOL: "max_pool1d max_pool2d max_pool3d",
    Kind.ADAPTIVE_MAX_POOL: "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
    Kind.MAXIMUM: "max amax maximum fmax min amin minimum fmin",
    Kind.SUM: "add sub subtract rsub",
    Kind.SCALE: "mul multiply div divide true_divide neg negative",
    Kind.ROUTE: (
        "flatten reshape view view_as permute transpose swapdims t T mT movedim moveaxis swapaxes squeeze "
        "unsqueeze unflatten ravel expand expand_as repeat tile contiguous clone alias to float double half "
        "bfloat16 type type_as cat concat concatenate stack hstack vstack chunk split tensor_split unbind "
        "pad __getitem__ __setitem__ copy fill zero narrow select index_select flip roll unfold where "
        "masked_fill channel_shuffle pixel_shuffle pixel_unshuffle"
    ),
    Kind.DROPOUT: "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout identity",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_REFLECTED = {
    "__radd__": "add",
    "__rsub__": "rsub",
    "__rmul__": "mul",
    "__rdiv__": "div",
    "__rtruediv__": "div",
    "__rpow__": "pow",
}
_DIVISIONS = {"div", "divide", "true_divide"}
_NORMALIZATIONS_BY_BATCH = {"batch_norm", "instance_norm"}
# Comparisons with zero, by whether they are true of positive numbers.
_COMPARISONS = {"gt": True, "greater": True, "ge": True, "greater_equal": True} | dict.fromkeys(
    ("lt", "less", "le", "less_equal"), False
)
_CASTS = {"to", "float", "double", "half", "bfloat16", "type", "type_as"}
# What networks ask tensors about all the time; no tensor is the answer.
_QUESTIONS = frozenset({Tensor.dim, Tensor.size, Tensor.numel, Tensor.is_floating_point, Tensor.__len__})
# Tensors that take their shape from others, and nothing else.
_SHAPED = ("_like", "new_")


class _Mask(NamedTuple):
    """Where a tensor is positive, or where it is not: what a comparison with zero returned."""

    of: Tensor
    version: int
    positive: bool

    def fits(self, x: object, *, positive: bool) -> bool:
        """Tell whether it is the mask of x, which nobody has overwritten since."""
        return x is self.of and self.of._version == self.version and positive == self.positive  # noqa: SLF001


def depends(value: object) -> bool:
    """Tell whether a value is a tensor that depends on the picture; weights do not."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return False
    return type(value) is Tensor or not isinstance(value, nn.Parameter)  # which is slow to tell


def _plain_name(func: Callable[..., Any]) -> str:
    name = str(getattr(func, "__name__", func))
    if name in {"__get__", "__set__"}:
        return str(getattr(getattr(func, "__self__", None), "__name__", name))
    return _REFLECTED.get(name, name) if name.startswith("__") else name.strip("_")


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors among values, and in lists of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value)


class Call:
    """One call of a torch function during a forward pass.

    Parameters
    ----------
    func
        The function or method, as a function mode receives it.
    args, kwargs
        Its arguments.

    Attributes
    ----------
    name : str
        Plain name of the function: `relu_`, `torch.relu` and `Tensor.relu` are all "relu".
    entered : list of Tensor
        The arguments that are tensors, also in lists.
    operands : list of Tensor
        Those of them that depend on the picture.
    """

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.name = _plain_name(func)
        self.entered = [*tensors(args), *tensors(kwargs.values())] if kwargs else [*tensors(args)]
        self.operands = [tensor for tensor in self.entered if depends(tensor)]

    @cached_property
    def kind(self) -> Kind:
        """The kind of operation; OTHER if it depends on the picture in ways that no gradient shows."""
        if self.rectified is not None:
            return Kind.RELU
        if self._chooses():
            return Kind.OTHER
        kind = _KINDS.get(self.name, Kind.OTHER)
        if self.name in _NORMALIZATIONS_BY_BATCH:
            statistics = "training" if self.name == "batch_norm" else "use_input_stats"
            by_maps = self.argument(5, statistics, self.name == "instance_norm")
            return Kind.NORM if by_maps else Kind.BATCH_NORM
        if self.name in _DIVISIONS and depends(self._divisor()):
            return Kind.FUNCTION if len(self.operands) == 1 else Kind.OTHER
        if kind is Kind.MAXIMUM and len(self.operands) == 1 and self._of_two():
            return Kind.ACTIVATION
        if kind in {Kind.ACTIVATION, Kind.FUNCTION} and len(self.operands) > 1:
            return Kind.OTHER
        return kind

    @property
    def seen(self) -> SeenCall:
        """What tells whether rules are right for the call."""
        return SeenCall(self.name, self.kind, len(self.operands), depends(self.input))

    @property
    def listed(self) -> Kind:
        """The kind of the function by its name alone."""
        return _KINDS.get(self.name, Kind.OTHER)

    @property
    def input(self) -> Any:
        """The first argument, None if there is none."""
        return self.argument(0, "input")

    @property
    def operand(self) -> Tensor:
        """The argument that depends on the picture, the first of them if there are several."""
        return self.operands[0]

    @property
    def in_place(self) -> bool:
        """Tell whether the call overwrites its first argument."""
        name = str(getattr(self.func, "__name__", ""))
        if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")):
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

    @cached_property
    def rectified(self) -> Tensor | None:
        """The x of which the call computes max(0, x), by whatever function; None if it computes another."""
        x: Any = self.input
        other: Any = self.args[1] if len(self.args) > 1 else self.kwargs.get("other")
        found: Any = None
        if self.name == "relu" or self._is_clamp_at_zero():
            found = x
        elif self.name in {"max", "maximum", "fmax"} and isinstance(other, Tensor):
            found = other if _is_zero(x) else x if _is_zero(other) else None
        elif self.name in {"mul", "multiply"}:
            found = next((a for a, b in ((x, other), (other, x)) if _is_mask(b, a, positive=True)), None)
        elif self.name == "where" and len(self.args) == 3:
            if _is_mask(x, other, positive=True) and _is_zero(self.args[2]):
                found = other
            elif _is_mask(x, self.args[2], positive=False) and _is_zero(other):
                found = self.args[2]
        elif self.name in {"masked_fill", "__setitem__"}:
            value = self.args[2] if len(self.args) > 2 else self.kwargs.get("value")
            found = x if _is_mask(other, x, positive=False) and _is_zero(value) else None
        return found if depends(found) and len(self.operands) <= 2 else None

    def mark(self, outputs: Any) -> None:
        """Mark what depends on the picture though no gradient shows it: masks, indices, detached copies."""
        unseen = [tensor for tensor in tensors((outputs,)) if not tensor.requires_grad]
        if not unseen or any(part in self.name for part in _SHAPED):
            return
        if self.operands or any(map(_is_marked, self.entered)):
            for tensor in unseen:
                tensor._of_picture = self._mask()  # type: ignore[attr-defined]  # noqa: SLF001

    def _mask(self) -> _Mask | bool:
        """Return the mask that the call makes or casts; True if it is none."""
        x: Any = self.input
        if self.name in _COMPARISONS and depends(x) and _is_zero(self.argument(1, "other")):
            return _Mask(x, x._version, _COMPARISONS[self.name])  # noqa: SLF001
        mask = getattr(x, "_of_picture", True)
        if isinstance(mask, _Mask):
            if self.name in _CASTS:
                return mask
            if self.name in {"logical_not", "bitwise_not", "__invert__"}:
                return mask._replace(positive=not mask.positive)
        return True

    def _chooses(self) -> bool:
        """Tell whether something that depends on the picture without a gradient takes part in the call."""
        return bool(self.operands) and any(map(_is_marked, self.entered))

    def _divisor(self) -> Any:
        reflected = str(getattr(self.func, "__name__", "")).startswith("__r")
        return self.args[0] if reflected else self.argument(1, "other")

    def _of_two(self) -> bool:
        """Tell whether a maximum is one of two tensors, not over dimensions."""
        return isinstance(self.argument(1, "other"), Tensor)

    def _is_clamp_at_zero(self) -> bool:
        if self.name in {"clamp", "clip"}:
            return _is_zero(self.argument(1, "min")) and self.argument(2, "max") is None
        if self.name == "clamp_min":
            return _is_zero(self.argument(1, "min"))
        if self.name == "threshold":
            return _is_zero(self.argument(1, "threshold")) and _is_zero(self.argument(2, "value"))
        if self.name == "hardtanh":
            return _is_zero(self.argument(1, "min_val", -1)) and self.argument(2, "max_val", 1) == math.inf
        return self.name == "leaky_relu" and _is_zero(self.argument(1, "negative_slope", 0.01))


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not _is_marked(value) and not bool(value.any())
    return isinstance(value, (int, float)) and value == 0


def _is_marked(value: Tensor) -> bool:
    return bool(getattr(value, "_of_picture", False))


def _is_mask(mask: object, x: object, *, positive: bool) -> bool:
    """Tell whether a mask says where x is positive, or where it is not."""
    known = getattr(mask, "_of_picture", None)
    return isinstance(known, _Mask) and known.fits(x, positive=positive)


class SeenCall(NamedTuple):
    """What decides whether rules are right for a call; `leads` if its first argument is an operand."""

    name: str
    kind: Kind
    operands: int
    leads: bool


class CallMode(TorchFunctionMode):
    """A function mode that receives each call as a `Call`.

    A module hook sees `nn.ReLU` and misses `F.relu`, `x.relu_()` and `torch.clamp(x, min=0)`. A function mode
    sees them all, because every one of them is a function call.

    Attributes
    ----------
    seen : set of SeenCall
        The calls whose results depend on the picture, each once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[SeenCall] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        if func in _QUESTIONS:
            return func(*args, **kwargs or {})
        call = Call(func, args, kwargs or {})
        before = call.seen if call.operands else None
        outputs = self.handle(call)
        call.mark(outputs)
        if before and any(map(depends, tensors((outputs, call.input if call.in_place else None)))):
            self.seen.add(before)
        return outputs

    def handle(self, call: Call) -> Any:
        """Return what the call returns."""
        raise NotImplementedError
