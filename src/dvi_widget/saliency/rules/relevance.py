"""Layer-wise relevance propagation: which rule each layer of a network gets (Bach et al. 2015)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .calls import Call, Kind
from .propagation import (
    AlphaBeta,
    Epsilon,
    Layer,
    LayerRule,
    Term,
    WSquare,
    ZBox,
    ZPlus,
    is_behind_weights,
    pass_on,
    propagate,
    share_sum,
)
from .rule import Rule
from .trace import TracedCall

__all__ = ["LRP_RULES", "DeepTaylor", "EpsilonLRP", "EpsilonPlusLRP", "Relevance"]

_TAYLOR_EPSILON = 1e-9
# Functions that return what they are given.
_COPIES = {"clone", "contiguous", "alias", "to", "float", "double", "type", "type_as"}
# Kinds with a rule if only their first argument depends on the picture, kinds with a rule if only one
# argument does, and kinds with a rule always.
_LAYERS = {
    Kind.CONVOLUTION,
    Kind.TRANSPOSED_CONVOLUTION,
    Kind.DENSE,
    Kind.AVERAGE,
    Kind.REDUCTION,
    Kind.BATCH_NORM,
}
_LINEAR = {Kind.SCALE, Kind.DROPOUT}
_ALWAYS = {Kind.RELU, Kind.SUM, Kind.ROUTE, Kind.MAX_POOL, Kind.ADAPTIVE_MAX_POOL, Kind.MAXIMUM}


class Relevance(Rule, ABC):
    """Send back relevance, which every layer conserves: the target logit at the start.

    Linear layers hand it down by a `LayerRule`, which a subclass chooses. A BatchNorm of what a convolution
    or dense layer returned, also times or plus a number, is merged into it, and so are sums and products with
    one number for each channel, which a BatchNorm written by hand is made of; any other passes it on. A sum
    shares relevance between its terms; activations, and sums and products with constants, pass it on.

    Parameters
    ----------
    epsilon : float
        ε of the denominators, at least 0.
    """

    title = "Relevance propagation"
    positive_sums = False  # whether only positive terms of a sum get a share

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self._epsilon = epsilon

    @abstractmethod
    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return the rule for one layer."""

    @classmethod
    def supports(cls, call: TracedCall) -> bool:
        """Tell whether there is a rule for the call."""
        if call.kind in _LAYERS | _LINEAR:
            return call.operands == 1 and (call.leads or call.kind in _LINEAR)
        return call.kind in _ALWAYS or (call.kind is Kind.ACTIVATION and call.name == "tanh")

    def convolution(self, call: Call) -> Tensor:
        """Propagate by the layer's rule."""
        others = {key: value for key, value in call.kwargs.items() if key not in {"input", "weight", "bias"}}
        weight, bias = call.argument(1, "weight"), call.argument(2, "bias")
        # The copy is nobody else's to overwrite, also before a BatchNorm comes to be merged.
        x = pass_on(call.input, call.input.detach().clone())
        given = Term(x, weight.detach(), None if bias is None else bias.detach())

        def apply(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
            return call.func(x, weight, bias, *call.args[3:], **others)  # type: ignore[no-any-return]

        layer = Layer(call.kind, apply, given, first=not is_behind_weights(x))
        z = propagate(layer, self.layer_rule(layer))
        _remember(z, layer)
        return z

    dense = convolution
    transposed_convolution = convolution

    def average(self, call: Call) -> Tensor:
        """Propagate by the rule of a layer whose weights are all equal."""
        x = call.input
        copy = pass_on(x, x.detach().clone())
        layer = Layer(call.kind, lambda t, *_: call.run_with(x, t), Term(copy))
        return propagate(layer, self._sum_rule() if _is_sum_of_terms(call) else self.layer_rule(layer))

    reduction = average

    def _sum_rule(self) -> LayerRule:
        """Return the rule by which a sum of several terms shares relevance."""
        return ZPlus(self._epsilon) if self.positive_sums else Epsilon(self._epsilon)

    def batch_norm(self, call: Call) -> Tensor:
        """Merge the BatchNorm into the layer whose output it takes; pass relevance on if it takes another."""
        layer = _made_by(call.input)
        if layer is None or call.input.ndim != layer.output_ndim:
            return self._passed(call, call.input)
        mean, variance = call.argument(1, "running_mean"), call.argument(2, "running_var")
        weight, bias = call.argument(3, "weight"), call.argument(4, "bias")
        scale = (variance + call.argument(7, "eps", 1e-5)).rsqrt()
        if weight is not None:
            scale = scale * weight.detach()
        merged = layer.normalized(mean, scale, None if bias is None else bias.detach())
        return propagate(merged, self.layer_rule(merged))

    def activation(self, call: Call) -> Tensor:
        """Pass relevance on."""
        return call.returned(self._passed(call, call.operand))

    relu = activation

    def dropout(self, call: Call) -> Tensor:
        """Pass relevance on; if nothing is dropped, a layer's output is still that layer's."""
        layer = _made_by(call.operand)
        z = self.activation(call)
        if layer is not None and not call.argument(2, "training", default=True):
            _remember(z, layer)
        return z

    def scale(self, call: Call) -> Tensor:
        """Pass relevance on; merge numbers by channel into the layer that made the operand, as a BatchNorm.

        A layer's output times one number is the output of a layer as well.
        """
        layer = _made_by(call.operand)
        affine = None if layer is None else _affine(call, layer)
        if layer is None or affine is None:
            return self.activation(call)
        merged = layer.normalized(*affine[:3])
        by_rule = affine.by_channel
        z = call.returned(propagate(merged, self.layer_rule(merged))) if by_rule else self.activation(call)
        _remember(z, merged)
        return z

    def route(self, call: Call) -> Any:
        """Let relevance follow the entries; a copy of a layer's output is still that layer's."""
        y = call.run()
        if call.name == "stack":
            y._stacked = call.argument(1, "dim", 0), y._version  # noqa: SLF001
        layer = _made_by(call.input) if call.name in _COPIES else None
        if layer is not None and y is not call.input:
            _remember(y, layer)
        return y

    def sum(self, call: Call) -> Tensor:
        """Share relevance between two terms; pass it on if one of them is a constant."""
        x, other = call.input, call.argument(1, "other")
        if len(call.operands) == 1:
            return self.scale(call)
        alpha = call.kwargs.get("alpha", 1) * (1 if call.name == "add" else -1)
        a, b = (other, x) if call.name == "rsub" else (x, other)
        z = share_sum(a, b, alpha, epsilon=self._epsilon, positive=self.positive_sums)
        return call.returned(z)

    def _passed(self, call: Call, x: Tensor) -> Tensor:
        """Run the call on a copy of its operand x, and pass relevance on to x."""
        copy = x.detach().clone()
        y = call.run_with(x, copy)
        return pass_on(x, copy if y is None else y.detach())


def _is_sum_of_terms(call: Call) -> bool:
    """Tell whether a sum or mean is one of terms that were stacked for it."""
    stacked = getattr(call.input, "_stacked", None)
    return stacked is not None and stacked == (call.argument(1, "dim"), call.input._version)  # noqa: SLF001


class _Affine(NamedTuple):
    """An operation (z − mean)·scale + offset, each [channels], and whether channels differ in it."""

    mean: Tensor
    scale: Tensor
    offset: Tensor
    by_channel: bool


def _affine(call: Call, layer: Layer) -> _Affine | None:
    """Return an operation with one number, or one for each channel of a layer's output; None with others."""
    x = call.operand.detach()
    several = [a for a in call.entered if a is not call.operand and a.numel() > 1]
    if x.ndim < 2 or (several and x.ndim != layer.output_ndim):
        return None
    channels = [1, x.shape[1], *[1] * (x.ndim - 2)]
    if any([1] * (x.ndim - a.ndim) + list(a.shape) != channels for a in several):
        return None
    # Two points tell the line.
    ends = [call.run_with(call.operand, x.new_full(channels, value)).flatten() for value in (0, 1)]
    return _Affine(torch.zeros_like(ends[0]), ends[1] - ends[0], ends[0], bool(several))


def _remember(z: Tensor, layer: Layer) -> None:
    """Note that a layer returned z, so that a BatchNorm that takes it can be merged with the layer."""
    z._layer = layer, z._version  # type: ignore[attr-defined]  # noqa: SLF001


def _made_by(z: Any) -> Layer | None:
    """Return the layer that returned z, if nobody has overwritten z since."""
    layer, version = getattr(z, "_layer", (None, None))
    return layer if version == getattr(z, "_version", None) else None


class EpsilonLRP(Relevance):
    """LRP-ε in every layer (Bach et al. 2015, Eq. 58)."""

    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return ε."""
        del layer
        return Epsilon(self._epsilon)


class EpsilonPlusLRP(Relevance):
    """z⁺ in convolutions and poolings, ε in dense layers (Kohlbrenner et al. 2020)."""

    positive_sums = True

    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return ε for dense layers, z⁺ for all others."""
        dense = layer.kind in {Kind.DENSE, Kind.REDUCTION}
        return Epsilon(self._epsilon) if dense else ZPlus(self._epsilon)


class DeepTaylor(Relevance):
    """Deep Taylor decomposition: z^B in the first layer, z⁺ in all others (Montavon et al. 2017, §4)."""

    positive_sums = True

    def __init__(self) -> None:
        super().__init__(_TAYLOR_EPSILON)

    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return z^B for the first layer with weights, z⁺ for all others."""
        return ZBox() if layer.first else ZPlus(self._epsilon)


class AlphaBetaLRP(Relevance):
    """LRP-α₂β₁ in every layer (Bach et al. 2015, Eq. 60)."""

    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return αβ."""
        del layer
        return AlphaBeta(self._epsilon)


class WSquareLRP(Relevance):
    """LRP-w² in every layer (Montavon et al. 2017, §4.1)."""

    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return w²."""
        del layer
        return WSquare(self._epsilon)


# The names of ``attribute(..., method="lrp", rule=name)``.
LRP_RULES: dict[str, type[Relevance]] = {
    "epsilon": EpsilonLRP,
    "epsilon_plus": EpsilonPlusLRP,
    "alpha_beta": AlphaBetaLRP,
    "w_square": WSquareLRP,
}
