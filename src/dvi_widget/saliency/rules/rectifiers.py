"""ReLUs that send back positive gradients only: guided backpropagation and deconvolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .calls import Call, Kind
from .rule import Rule
from .trace import TracedCall, places

__all__ = ["Deconvolution", "GuidedBackprop"]


class _PositiveGradient(Rule):
    """Base of both rules, which are defined for ReLUs and for no other activation."""

    @classmethod
    def supports(cls, call: TracedCall) -> bool:
        """Tell whether the call is known to be no activation other than ReLU."""
        return call.kind not in {Kind.ACTIVATION, Kind.OTHER}

    @classmethod
    def objection(cls, calls: Sequence[TracedCall]) -> str:
        """Return why the rule would be wrong, or the same as the plain gradient."""
        others = [call for call in calls if not cls.supports(call)]
        if others:
            return (
                f"{cls.title} is defined for ReLUs, and the model has {places(others)}. "
                "Use integrated_gradients, or train with ReLUs."
            )
        if not any(call.kind is Kind.RELU for call in calls):
            return (
                f"{cls.title} changes how ReLUs send gradients back, and the model has none: "
                "the plain gradient is the same."
            )
        return ""


class GuidedBackprop(_PositiveGradient):
    """Multiply the gradient by [h > 0] and by [gradient > 0] (Springenberg et al. 2015, Fig. 1)."""

    title = "Guided backpropagation"

    def relu(self, call: Call) -> Any:
        """Keep the ReLU's own gradient where it is positive."""
        y: Any = torch.relu(call.operand)
        # Before it is written over the input, which may be a view that others look at as well.
        y.register_hook(lambda gradient: gradient.clamp(min=0))
        return call.returned(y)


class Deconvolution(_PositiveGradient):
    """Multiply the gradient by [gradient > 0] alone (Zeiler and Fergus 2014, §2.1)."""

    title = "Deconvolution"

    def relu(self, call: Call) -> Any:
        """Send back what is positive, even where the ReLU was closed."""
        return call.returned(_PassPositive.apply(call.operand))  # type: ignore[no-untyped-call]


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
