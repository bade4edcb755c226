"""Relevance through one operation: the rules of linear layers, and those of sums and activations."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from .calls import Kind

__all__ = [
    "AlphaBeta",
    "Epsilon",
    "Layer",
    "LayerRule",
    "Term",
    "WSquare",
    "ZBox",
    "ZPlus",
    "is_behind_weights",
    "pass_on",
    "propagate",
    "share_sum",
]

_ZBOX_EPSILON = 1e-9


class Term(NamedTuple):
    """Input, weight and bias of a linear layer, as a rule sees them: z = layer(x, weight, bias)."""

    x: Tensor
    weight: Tensor | None = None
    bias: Tensor | None = None


@dataclass(frozen=True)
class Layer:
    """One call of a linear operation: a dense layer, a convolution, or a mean.

    Attributes
    ----------
    kind : Kind
    apply : callable
        The operation, from x, weight and bias to z; a mean ignores weight and bias.
    given : Term
        What the network itself passed.
    first : bool
        Whether it is the first layer with weights that the picture meets.
    """

    kind: Kind
    apply: Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
    given: Term
    first: bool = False

    @property
    def output_ndim(self) -> int:
        """Dimensions of an output whose second dimension holds the channels that a BatchNorm scales."""
        assert self.given.weight is not None
        return self.given.weight.ndim

    def normalized(self, mean: Tensor, scale: Tensor, offset: Tensor | None) -> Layer:
        """Return the layer merged with a BatchNorm of its output channels, (z − mean)·scale + offset."""
        x, weight, bias = self.given
        assert weight is not None
        shift = -mean * scale
        if bias is not None:
            shift = shift + bias * scale
        if offset is not None:
            shift = shift + offset
        if self.kind is Kind.TRANSPOSED_CONVOLUTION:
            # Weights [inputs, outputs of a group, ...]: groups are blocks of the inputs.
            groups, ones = len(scale) // weight.shape[1], [1] * (weight.ndim - 2)
            blocks = weight.view(groups, -1, *weight.shape[1:]) * scale.view(groups, 1, -1, *ones)
            return replace(self, given=Term(x, blocks.view_as(weight), shift))
        return replace(self, given=Term(x, weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), shift))


class LayerRule(ABC):
    """A rule by which a linear layer hands relevance to its inputs.

    A rule writes the layer's output as a sum of terms, z_j = Σ_k (x_k W_k + b_k)_j, in which inputs and
    weights are modified as it sees fit. Input i then receives

        R_i = Σ_k x_ki Σ_j W_kij R_j / z_j,

    with a denominator that `denominator` keeps away from zero.

    Parameters
    ----------
    epsilon : float
        ε of the denominator.

    Examples
    --------
    A rule of a few lines (LRP-γ, Montavon et al. 2019, §10.2):

    >>> class Gamma(LayerRule):
    ...     '''Positive weights count for a quarter more.'''
    ...
    ...     def terms(self, layer):
    ...         x, weight, bias = layer.given
    ...         return [Term(x, weight + 0.25 * weight.clamp(min=0), bias)]
    """

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    @abstractmethod
    def terms(self, layer: Layer) -> list[Term]:
        """Return the terms of the layer's output."""

    def parts(self, layer: Layer) -> list[tuple[float, list[Term]]]:
        """Return shares of the relevance, each with the terms it is handed down by; all by `terms`."""
        return [(1, self.terms(layer))]

    def denominator(self, z: Tensor) -> Tensor:
        """Return z_j + ε·sign(z_j), with sign(0) = 1."""
        return _stabilized(z, self.epsilon)


class Epsilon(LayerRule):
    """LRP-ε: every contribution counts (Bach et al. 2015, Eq. 58)."""

    def terms(self, layer: Layer) -> list[Term]:
        """Return the layer as it is."""
        return [layer.given]


class ZPlus(LayerRule):
    """z⁺: contributions of positive sign count (Montavon et al. 2017, §4.2)."""

    def terms(self, layer: Layer) -> list[Term]:
        """Return positive inputs with positive weights, and negative ones with negative weights."""
        x, weight, _ = layer.given
        if weight is None:
            return [Term(x.clamp(min=0))]
        return [Term(x.clamp(min=0), weight.clamp(min=0)), Term(x.clamp(max=0), weight.clamp(max=0))]


class AlphaBeta(LayerRule):
    """α₂β₁: twice the relevance to positive contributions, less one to negative ones (Bach et al. 2015).

    Their Eq. 60 with α = 2 and β = 1.
    Biases get none. Where a neuron has contributions of one sign only, the other share is lost.
    """

    def terms(self, layer: Layer) -> list[Term]:
        """Return the positive contributions, then the negative ones."""
        x, weight, _ = layer.given
        up, down = x.clamp(min=0), x.clamp(max=0)
        if weight is None:
            return [Term(up), Term(down)]
        plus, minus = weight.clamp(min=0), weight.clamp(max=0)
        return [Term(up, plus), Term(down, minus), Term(up, minus), Term(down, plus)]

    def parts(self, layer: Layer) -> list[tuple[float, list[Term]]]:
        """Return both signs apart."""
        terms = self.terms(layer)
        half = len(terms) // 2
        return [(2, terms[:half]), (-1, terms[half:])]


class WSquare(LayerRule):
    """w²: squared weights count, whatever enters (Montavon et al. 2017, §4.1)."""

    def terms(self, layer: Layer) -> list[Term]:
        """Return ones with squared weights; poolings have none, and share equally."""
        x, weight, _ = layer.given
        return [Term(torch.ones_like(x), None if weight is None else weight**2)]


class ZBox(LayerRule):
    """z^B: a bounded input contributes x_i w_ij − l_i w⁺_ij − h_i w⁻_ij (Montavon et al. 2017, §4.2).

    The bounds l and h are each picture's own lowest and highest value, channel by channel.
    """

    def __init__(self) -> None:
        super().__init__(_ZBOX_EPSILON)

    def terms(self, layer: Layer) -> list[Term]:
        """Return the three parts of the contribution."""
        x, weight, _ = layer.given
        assert weight is not None
        within = tuple(range(2, x.ndim)) or (1,)
        low = x.amin(within, keepdim=True).expand_as(x)
        high = x.amax(within, keepdim=True).expand_as(x)
        return [Term(x, weight), Term(low, -weight.clamp(min=0)), Term(high, -weight.clamp(max=0))]

    def denominator(self, z: Tensor) -> Tensor:
        """Return z_j + ε; a bounded input never contributes less than nothing."""
        return _stabilized(z.clamp(min=0), self.epsilon)


def _stabilized(z: Tensor, epsilon: float) -> Tensor:
    return torch.where(z < 0, z - epsilon, z + epsilon)


def propagate(layer: Layer, rule: LayerRule) -> Tensor:
    """Return the layer's output, from which relevance flows back to its input by the rule."""
    z: Tensor = _Propagate.apply(layer.given.x, layer, rule)  # type: ignore[no-untyped-call]
    return z


# What backward passes need is saved as copies: a network may overwrite both what enters an operation and what
# leaves it. Outputs are no views, for views of a function of ours must not be overwritten.


class _Propagate(Function):
    """z forward; R_i = Σ_k x_ki ∂/∂x_ki Σ_j z_j R_j / denominator_j backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Layer, rule: LayerRule) -> Tensor:
        ctx.parts = []
        for share, terms in rule.parts(layer):
            with torch.enable_grad():
                leaves = [term.x.detach().requires_grad_() for term in terms]
                z = reduce(
                    operator.add,
                    [layer.apply(e, term.weight, term.bias) for e, term in zip(leaves, terms, strict=True)],
                )
            ctx.parts.append((share, leaves, z, rule.denominator(z.detach())))
        ctx.has_weights = layer.given.weight is not None
        if len(ctx.parts) == 1 and len(terms) == 1 and terms[0] is layer.given:
            return z.detach()
        return layer.apply(x.detach(), layer.given.weight, layer.given.bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        given = []
        for share, leaves, z, denominator in ctx.parts:
            slopes = torch.autograd.grad(z, leaves, share * gradients[0] / denominator)
            given += [leaf.detach() * slope for leaf, slope in zip(leaves, slopes, strict=True)]
        return reduce(operator.add, given), None, None


def is_behind_weights(x: Tensor) -> bool:
    """Tell whether a layer with weights stands between the picture and x."""
    nodes, known = [x.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in known:
            continue
        if getattr(node, "has_weights", False):
            return True
        known.add(node)
        nodes += [entering for entering, _ in node.next_functions]
    return False


def share_sum(a: Tensor, b: Tensor, alpha: float, *, epsilon: float, positive: bool) -> Tensor:
    """Return a + αb, from which relevance flows back as a : αb, to positive terms alone if `positive`."""
    z: Tensor = _Sum.apply(a, b, alpha, epsilon, positive)  # type: ignore[no-untyped-call]
    return z


class _Sum(Function):
    """a + αb forward; the shares of both terms backward."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, alpha: float, epsilon: float, positive: bool) -> Tensor:
        z = torch.add(a, b, alpha=alpha)
        terms = a, alpha * b
        if positive:
            terms = terms[0].clamp(min=0), terms[1].clamp(min=0)
        denominator = _stabilized(terms[0] + terms[1], epsilon)
        ctx.shares = terms[0] / denominator, terms[1] / denominator
        ctx.shapes = a.shape, b.shape
        return z

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        parts = (
            (gradients[0] * share).sum_to_size(shape)
            for share, shape in zip(ctx.shares, ctx.shapes, strict=True)
        )
        return *parts, None, None, None


def pass_on(x: Tensor, y: Tensor) -> Tensor:
    """Return y, from which relevance flows back to x unchanged, summed over what x was broadcast to."""
    passed: Tensor = _Passed.apply(x, (y,))  # type: ignore[no-untyped-call]
    return passed


class _Passed(Function):
    """y forward, the gradient unchanged backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, made: tuple[Tensor]) -> Tensor:
        ctx.shape = x.shape
        return made[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0].sum_to_size(ctx.shape), None
