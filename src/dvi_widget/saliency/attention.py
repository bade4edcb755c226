"""Attention rollout: how much of each patch reaches what a transformer classifies, by its attention alone."""

from __future__ import annotations

import inspect
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .gradients import Attributions, Report, enlarged, token_grid
from .network import Network, Target
from .rules import Call, CallMode, Kind

__all__ = ["attention_rollout", "without_rollout"]


class _Attention(NamedTuple):
    """One layer of attention: its weights, each query's over all keys, and what it returned."""

    weights: Tensor  # [n, queries, keys], or with heads [n, heads, queries, keys]
    output: Tensor
    tokens: int  # the dimension of the output that counts queries


class Attentions(CallMode):
    """Records the attention weights of a forward pass.

    Attention is a call of `multi_head_attention_forward` or `scaled_dot_product_attention`, or a softmax
    whose result is multiplied by a matrix.

    Attributes
    ----------
    layers : list
        Of each layer of attention, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[_Attention] = []

    def handle(self, call: Call) -> Any:
        """Run the call; record its weights if it is attention."""
        if not call.operands:
            return call.run()
        if call.name == "multi_head_attention_forward":
            return self._of_module(call)
        y = call.run()
        if call.name == "scaled_dot_product_attention":
            self.layers.append(_Attention(_product_weights(call), y, -2))
        elif call.kind is Kind.SOFTMAX and call.name == "softmax":
            y._softmax = y  # noqa: SLF001
        elif call.kind in {Kind.DROPOUT, Kind.ROUTE} and isinstance(y, Tensor):
            # Views keep their shape if they are attention still.
            weights = getattr(call.input, "_softmax", None)
            if weights is not None and weights.shape == y.shape:
                y._softmax = weights  # type: ignore[attr-defined]  # noqa: SLF001
        elif call.kind is Kind.MATRIX_PRODUCT:
            weights = getattr(call.entered[0], "_softmax", None)
            if weights is not None:
                self.layers.append(_Attention(weights.detach(), y, -2))
        return y

    def _of_module(self, call: Call) -> Any:
        bound = inspect.signature(call.func).bind(*call.args, **call.kwargs)
        bound.apply_defaults()
        wanted, averaged = bound.arguments["need_weights"], bound.arguments["average_attn_weights"]
        bound.arguments |= {"need_weights": True, "average_attn_weights": False}
        y, weights = call.func(*bound.args, **bound.kwargs)
        self.layers.append(_Attention(weights.detach(), y, 0))  # its outputs are [queries, n, d]
        return y, (weights.mean(1) if averaged else weights) if wanted else None


def _product_weights(call: Call) -> Tensor:
    """Return the weights of one call of `scaled_dot_product_attention`."""
    options = call.bound("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    query, key, mask = options["query"].detach(), options["key"].detach(), options.get("attn_mask")
    if options.get("enable_gqa"):
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scale = options.get("scale")
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if options.get("is_causal"):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.detach()
    weights: Tensor = scores.softmax(-1)
    return weights


def attention_rollout(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return Â_L ⋯ Â_1 with Â = ½ A + ½ I, A being a layer's mean weights over heads (Abnar & Zuidema 2020).

    A map has the row of the token that is classified, or the mean row of all tokens that the logits see;
    the patches among its entries are enlarged to the picture. It is the same for every class.
    """
    weights, rows, grid = _rolled(net, x, target)
    through = torch.eye(weights[0].shape[1], dtype=x.dtype, device=x.device).expand_as(weights[0])
    for layer in weights:
        through = (layer @ through + through) / 2
    shares = (rows[:, None] @ through)[:, 0, -grid[0] * grid[1] :]
    report(1)
    return Attributions(enlarged(shares.view(len(x), *grid), x, relu=False))


def _rolled(net: Network, x: Tensor, target: Target) -> tuple[list[Tensor], Tensor, tuple[int, int]]:
    """Return each layer's weights [n, t, t], the weight of each token in the outputs [n, t], and the grid.

    Raises
    ------
    ValueError
        If there is no attention, or none between the patches of whole pictures.
    """
    seen, leaf = Attentions(), x.detach().requires_grad_()
    z = net.scores(leaf, seen)
    if not seen.layers:
        raise ValueError("The model has no attention that rollout can see")
    weights = [layer.weights.mean(1) if layer.weights.ndim == 4 else layer.weights for layer in seen.layers]
    shapes = {tuple(layer.shape) for layer in weights}
    tokens = weights[-1].shape[-1]
    grid = token_grid(tokens, x.shape[2], x.shape[3])
    if shapes != {(len(x), tokens, tokens)} or grid is None:
        raise ValueError(
            "The model's attention is not of the same patches of whole pictures to each other in every "
            f"layer, but of shapes {', '.join(str(shape) for shape in sorted(shapes))}"
        )
    last = seen.layers[-1]
    (slopes,) = torch.autograd.grad(target.score(z).sum(), last.output)
    pictures = 1 if last.tokens == 0 else 0  # the dimension that counts them
    read = slopes.movedim((pictures, last.tokens), (0, 1)).flatten(2).abs().amax(2) > 0
    return weights, read.to(x.dtype) / read.sum(1, keepdim=True).clamp(min=1), grid


def without_rollout(net: Network, picture: Tensor) -> str:
    """Return why attention cannot be rolled out; empty if it can be."""
    try:
        _rolled(net, picture, Target(None))
    except (ValueError, RuntimeError) as error:
        return f"{error}. Use integrated_gradients or Grad-CAM at a layer of tokens."
    return ""
