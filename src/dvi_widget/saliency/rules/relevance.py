"""Layer-wise relevance propagation: which rule each layer of a network gets (Bach et al. 2015)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from .calls import Call, Kind
from .propagation import Epsilon, Layer, LayerRule, Term, ZBox, ZPlus, pass_on, propagate, share_sum
from .rule import Rule
from .trace import TracedCall

__all__ = ["LRP_RULES", "DeepTaylor", "EpsilonLRP", "EpsilonPlusLRP", "Relevance"]

_TAYLOR_EPSILON = 1e-9
# Kinds with a rule if all but one operand are constants, and kinds with a rule always.
_LINEAR = {
    Kind.CONVOLUTION,
    Kind.TRANSPOSED_CONVOLUTION,
    Kind.DENSE,
    Kind.AVERAGE,
    Kind.REDUCTION,
    Kind.BATCH_NORM,
    Kind.SCALE,
    Kind.DROPOUT,
}
_ALWAYS = {Kind.RELU, Kind.SUM, Kind.ROUTE, Kind.MAX_POOL, Kind.ADAPTIVE_MAX_POOL, Kind.MAXIMUM}


class Relevance(Rule, ABC):
    """Send back relevance, which every layer conserves: the target logit at the start.

    Linear layers hand it down by a `LayerRule`, which a subclass chooses. A BatchNorm behind a convolution or
    dense layer is merged into it. A sum shares relevance between its terms; activations, and sums and
    products with constants, pass it on.

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
        self._met_weights = False

    @abstractmethod
    def layer_rule(self, layer: Layer) -> LayerRule:
        """Return the rule for one layer."""

    @classmethod
    def supports(cls, call: TracedCall) -> bool:
        """Tell whether there is a rule for the call."""
        return call.kind in _ALWAYS or call.name == "tanh" or (call.kind in _LINEAR and call.operands == 1)

    def handle(self, call: Call) -> Any:
        """Propagate through calls that depend on the picture; run all others."""
        if _depends(call.input):
            return super().handle(call)
        other: Any = call.args[1] if len(call.args) > 1 else None
        if call.kind in {Kind.SUM, Kind.SCALE} and _depends(other):
            return self._passed(call, other)
        return call.run()

    def convolution(self, call: Call) -> Tensor:
        """Propagate by the layer's rule."""
        others = {key: value for key, value in call.kwargs.items() if key not in {"input", "weight", "bias"}}
        weight, bias = call.argument(1, "weight"), call.argument(2, "bias")
        given = Term(call.input, weight.detach(), None if bias is None else bias.detach())

        def apply(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
            return call.func(x, weight, bias, *call.args[3:], **others)  # type: ignore[no-any-return]

        layer = Layer(call.kind, apply, given, first=not self._met_weights)
        self._met_weights = True
        z = propagate(layer, self.layer_rule(layer))
        # A BatchNorm that comes next is merged with the layer.
        z._made_by = layer  # type: ignore[attr-defined]  # noqa: SLF001
        return z

    dense = convolution

    def average(self, call: Call) -> Tensor:
        """Propagate by the rule of a layer whose weights are all equal."""
        x = call.input
        layer = Layer(call.kind, lambda t, *_: call.run_with(x, t), Term(x))
        return propagate(layer, self.layer_rule(layer))

    reduction = average
    transposed_convolution = average

    def batch_norm(self, call: Call) -> Tensor:
        """Merge the BatchNorm into the layer before it; without one, pass relevance on."""
        layer: Layer | None = getattr(call.input, "_made_by", None)
        if layer is None:
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
        return call.returned(self._passed(call, call.input))

    relu = activation
    dropout = activation
    scale = activation

    def sum(self, call: Call) -> Tensor:
        """Share relevance between two terms; pass it on if one of them is a constant."""
        x, other = call.input, call.argument(1, "other")
        if not _depends(other):
            return self.activation(call)
        alpha = call.kwargs.get("alpha", 1) * (1 if call.name == "add" else -1)
        z = share_sum(x, other, alpha, epsilon=self._epsilon, positive=self.positive_sums)
        return call.returned(z)

    def _passed(self, call: Call, x: Tensor) -> Tensor:
        """Run the call, and pass relevance on to its operand x."""
        y = call.run_with(x, x.detach().clone())
        if y.shape != x.shape:
            raise ValueError(
                "model must keep shapes where relevance propagation passes it on; got "
                f"{call.name} that broadcasts {tuple(x.shape)} to {tuple(y.shape)}. "
                "Use method='integrated_gradients'."
            )
        return pass_on(x, y.detach())


def _depends(value: object) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


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


# The names of ``attribute(..., method="lrp", rule=name)``.
LRP_RULES: dict[str, type[Relevance]] = {"epsilon": EpsilonLRP, "epsilon_plus": EpsilonPlusLRP}
