"""Dependency of outputs on inputs, whatever the weights: the rule behind receptive fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from .calls import Call
from .rescale import POOL_ARGUMENTS
from .rule import Rule

__all__ = ["Dependency"]


class Dependency(Rule):
    """Turn a network into sums of what it looks at: a gradient is non-zero where there is a dependency.

    Weights become equal and positive, activations and normalisations pass everything, a maximum becomes a
    mean. Forward values change as well, to what such a network would compute.
    """

    def convolution(self, call: Call) -> Tensor:
        """Convolve with equal positive weights."""
        bound = call.bound("input", "weight", "bias")
        weight = bound["weight"]
        equal = torch.full_like(weight, 1 / weight[0].numel(), dtype=torch.float64)
        others = {key: value for key, value in call.kwargs.items() if key not in {"input", "weight", "bias"}}
        return call.func(bound["input"], equal, None, *call.args[3:], **others)  # type: ignore[no-any-return]

    dense = convolution
    transposed_convolution = convolution

    def activation(self, call: Call) -> Any:
        """Pass everything."""
        return call.input

    relu = activation
    dropout = activation
    batch_norm = activation
    local_norm = activation

    def max_pool(self, call: Call) -> Any:
        """Take the mean of each window."""
        bound = call.bound(*POOL_ARGUMENTS)
        pooled = _window_means(call.name, bound)
        return (pooled, None) if bound.get("return_indices", False) else pooled

    def adaptive_max_pool(self, call: Call) -> Any:
        """Take the mean of each window."""
        size, with_indices = call.argument(1, "output_size"), call.argument(2, "return_indices", False)
        pooled = getattr(F, call.name.replace("max", "avg"))(call.input, size)
        return (pooled, None) if with_indices else pooled


def _window_means(name: str, bound: dict[str, Any]) -> Tensor:
    """Average a max pooling's windows by a depthwise convolution: average pooling has no dilation."""
    x, d = bound["input"], int(name[-2])
    kernel, padding, dilation = (
        _tuple(bound.get(key, default), d)
        for key, default in (("kernel_size", 1), ("padding", 0), ("dilation", 1))
    )
    stride = _tuple(bound.get("stride") or kernel, d)
    channels = x.shape[-d - 1]
    weight = torch.ones(channels, 1, *kernel, dtype=x.dtype, device=x.device)
    # Padded on the far side by one stride more, where ceil_mode may start a last window.
    sides = [(p, p + s - 1) for p, s in zip(reversed(padding), reversed(stride), strict=True)]
    padded = F.pad(x, [amount for side in sides for amount in side])
    out: Tensor = getattr(F, f"conv{d}d")(padded, weight, stride=stride, dilation=dilation, groups=channels)
    with torch.no_grad():
        size = getattr(F, name)(
            torch.empty_like(x), kernel, stride, padding, dilation, bound.get("ceil_mode", False)
        ).shape
    return out[tuple(slice(0, n) for n in size)]


def _tuple(value: Any, d: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),) * d
