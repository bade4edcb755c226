"""The losses of DeepVisualInsight, one function per equation."""

from __future__ import annotations

from collections.abc import Callable

import torch

_BLOCK_ROWS = 8192  # through the head at once
_MIN_SQUARE = 1e-4  # added to squared distances; keeps the loss of a negative pair at one place finite


def umap_loss(near: torch.Tensor, far: torch.Tensor, a: float, b: float, negatives: int) -> torch.Tensor:
    """Compute the cross entropy of parametric UMAP (DeepVisualInsight, §5.2; Sainburg et al. 2020).

    Parameters
    ----------
    near : tensor [p]
        Squared distances on the canvas of positive pairs, drawn in proportion to their weight.
    far : tensor [q]
        The same of negative pairs.
    a, b : float
        Similarity q = 1 / (1 + a·d^2b).
    negatives : int
        Negative pairs per positive one.

    Returns
    -------
    tensor []
        Mean of −log q over positive and of −log(1 − q) over negative pairs, weighted as if there were
        `negatives` negative pairs per positive one.
    """
    together = torch.log1p(a * (near + 1e-9).pow(b)).mean()
    odds = a * (far + _MIN_SQUARE).pow(b)
    apart = (torch.log1p(odds) - torch.log(odds)).mean()
    return (together + negatives * apart) / (1 + negatives)


def reconstruction_loss(x: torch.Tensor, decoded: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weight the reconstruction error by what the prediction depends on (DeepVisualInsight, Eq. 8).

    Parameters
    ----------
    x, decoded, weight : tensor [n, h]
        Representations, the same after φ and ψ, and (1 + grad)^β of Eq. 9.

    Returns
    -------
    tensor []
    """
    return (weight * (x - decoded).square()).mean()


def head_gradients(head: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Compute how much the two largest logits depend on each feature (DeepVisualInsight, Eq. 9).

    Parameters
    ----------
    head : callable
        g, from [n, h] to logits [n, C], row by row.
    x : tensor [n, h]
        Representations.

    Returns
    -------
    tensor [n, h]
        |∂ g(x)_top1 / ∂x| + |∂ g(x)_top2 / ∂x|.
    """
    blocks = []
    with torch.enable_grad():
        for block in torch.split(x, _BLOCK_ROWS):
            inputs = block.detach().requires_grad_()
            top = head(inputs).topk(2, dim=1).values
            first = torch.autograd.grad(top[:, 0].sum(), inputs, retain_graph=True)[0]
            second = torch.autograd.grad(top[:, 1].sum(), inputs)[0]
            blocks.append(first.abs() + second.abs())
    return torch.cat(blocks)


def temporal_loss(weights: torch.Tensor, previous: torch.Tensor, similarity: float) -> torch.Tensor:
    """Penalise the change of the networks since the epoch before (DeepVisualInsight, Eq. 10).

    Parameters
    ----------
    weights, previous : tensor [w]
        All weights of both networks, W_t and W_{t−1}.
    similarity : float
        Mean of eval_sem over the samples (Eq. 11), in [0, 1].

    Returns
    -------
    tensor []
        similarity · ‖W_{t−1} − W_t‖².
    """
    return similarity * (weights - previous).square().sum()
