"""Two ways to learn a linear student: ridge regression in closed form, and the paper's descent."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["OPTIMIZERS", "descend", "solve_ridge"]

# Neighbours weigh 1 − Σp² plus this, so that those without doubt count for something.
_MIN_DOUBT = 0.05
# Weight of the picture itself, as a share of all its neighbours'.
_OWN_SHARE = 0.05
# From this regularisation on, single precision is enough.
_MIN_SINGLE_PRECISION = 1e-3
# Mean squared difference of neighbours, between 0 and 1, that rounding alone makes.
_ROUNDING = 1e-10

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "gd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


def solve_ridge(
    x: Tensor, y: Tensor, moves: Tensor, *, regularization: float, smoothness: float
) -> tuple[Tensor, Tensor]:
    """Solve weighted ridge regression of centred logits in its dual form, with an unknown per row of x.

    Errors are weighted as the Kullback–Leibler divergence weighs them: to second order it is
    ½ Δᵀ(diag p − p pᵀ)Δ for an error Δ of the logits, so that a row weighs the trace 1 − Σp².

    Parameters
    ----------
    x : float32 [n + 1, C, H, W]
        Neighbours between 0 and 1; the last row is the picture itself.
    y : float64 [n + 1, classes]
        Logits of the teacher.
    moves : bool [C, H, W]
        Which inputs may have weights. The prior would give some to the others too, beside those that vary.
    regularization : float
        Relative to the mean variation of the rows.
    smoothness : float
        Standard deviation, in pixels, of the Gaussian prior covariance of the weights.

    Returns
    -------
    weights : float64 [classes, C·H·W]
    bias : float64 [classes]

    Raises
    ------
    ValueError
        If all rows are equal.
    """
    doubt = 1 - y[:-1].softmax(1).square().sum(1) + _MIN_DOUBT
    share = torch.cat([doubt / doubt.mean(), doubt.new_tensor([_OWN_SHARE * len(doubt)])])
    share = share / share.sum()
    y = y - y.mean(1, keepdim=True)
    mean_x = (share.view(-1, 1, 1, 1) * x).sum(0)
    mean_y = (share[:, None] * y).sum(0)
    root = share.sqrt()
    a = (x - mean_x).float() * root.float().view(-1, 1, 1, 1)  # [n + 1, C, H, W]
    # With the prior covariance K of the weights, w = K aᵀ α and (a K aᵀ + λ) α = y. Single precision is twice
    # as fast, and its rounding is far below any λ but a very small one.
    if regularization < _MIN_SINGLE_PRECISION:
        a = (x.double() - mean_x) * root.view(-1, 1, 1, 1)
    a = a * moves
    smooth = (_smoothed(a, smoothness) * moves).flatten(1)
    gram = (a.flatten(1) @ smooth.T).double()
    scale = gram.diagonal().mean()
    if not scale * len(x) > _ROUNDING:
        raise ValueError("neighbors must differ to be learnt from; got equal ones. Use a wider band.")
    gram.diagonal().add_(regularization * scale)
    alpha = torch.cholesky_solve(root[:, None] * (y - mean_y), torch.linalg.cholesky(gram))
    weights = (alpha.T.to(smooth) @ smooth).double()
    return weights, mean_y - weights @ mean_x.flatten()


def _smoothed(pictures: Tensor, width: float) -> Tensor:
    """Blur pictures by a Gaussian of that many pixels, which applies the prior covariance of the weights."""
    if width == 0:
        return pictures
    for axis in (2, 3):
        offsets = torch.arange(pictures.shape[axis], dtype=pictures.dtype, device=pictures.device)
        kernel = torch.exp(-0.5 * ((offsets[:, None] - offsets) / width).square())
        pictures = torch.movedim(torch.movedim(pictures, axis, 3) @ kernel, 3, axis)
    return pictures


def descend(
    x: Tensor,
    y: Tensor,
    moves: Tensor,
    *,
    temperature: float,
    initializer: Literal["zeros", "random"],
    optimizer: str,
    learning_rate: float,
    epochs: int,
    batch_size: int,
    seed: int,
) -> tuple[Tensor, Tensor, list[float]]:
    """Train by cross-entropy with soft labels, both at the temperature (§3, Eq. 1 without hard labels).

    Parameters
    ----------
    x : float32 [n, C, H, W]
        Neighbours between 0 and 1.
    y : float64 [n, classes]
        Logits of the teacher.
    moves : bool [C, H, W]
        Which inputs may have weights.
    temperature, initializer, optimizer, learning_rate, epochs, batch_size, seed
        As for `LinearStudent`.

    Returns
    -------
    weights : float64 [classes, C·H·W]
    bias : float64 [classes]
    course : list of float
        Per epoch, the mean divergence of the student's probabilities from the soft labels, in nats: the loss
        less its least possible value, the entropy of the labels.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    flat = (x * moves).flatten(1)
    soft = (y / temperature).softmax(1).float()
    weights, bias = flat.new_zeros(y.shape[1], flat.shape[1]), flat.new_zeros(y.shape[1])
    if initializer == "random":
        weights.normal_(0, flat.shape[1] ** -0.5, generator=generator)
    weights.requires_grad_(True)
    bias.requires_grad_(True)
    entropy = -torch.xlogy(soft, soft).sum(1)
    course = []
    # Optimisers keep numbers of their own, which they make on the process's default device.
    with flat.device:
        descent = OPTIMIZERS[optimizer]([weights, bias], lr=learning_rate)  # type: ignore[call-arg]
        for _ in range(epochs):
            total = 0.0
            for rows in torch.split(torch.randperm(len(flat), generator=generator, device="cpu"), batch_size):
                logits = functional.linear(flat[rows], weights, bias) / temperature
                loss = functional.cross_entropy(logits, soft[rows])
                weights.grad, bias.grad = torch.autograd.grad(loss, [weights, bias])
                descent.step()
                total += len(rows) * (loss.item() - entropy[rows].mean().item())
            course.append(total / len(flat))
    return (weights * moves.flatten()).detach().double(), bias.detach().double(), course
