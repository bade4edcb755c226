"""Adversarial examples: bounded changes of samples that change their prediction, found by gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from .arrays import as_array, check_finite, check_number, check_whole
from .progress import progress_bar
from .subject import LogitWatch, Outputs, Predictor, as_predictor, evaluating, home

__all__ = ["Attacked", "attack"]

_BATCH_ROWS = 128
_STEP_SHARE = 2.5  # of ε, walked in all by the steps of PGD, so that it can turn and come back
_HALVINGS = 7  # of ε, for the least change


@dataclass(frozen=True)
class Attacked:
    """Attacked samples.

    Attributes
    ----------
    inputs : float32 [n, ...]
        The samples, changed.
    before, after : int64 [n]
        Their predicted classes before and after.
    changed : bool [n]
        Whether the attack reached its goal: another prediction than the class to leave, or the target.
    distance : float32 [n]
        Largest change of any value of a sample (l∞).
    """

    inputs: NDArray[np.float32]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    changed: NDArray[np.bool_]
    distance: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.inputs)


def attack(
    model: nn.Module | Predictor,
    inputs: ArrayLike | Tensor,
    y: ArrayLike | None = None,
    *,
    method: Literal["pgd", "fgsm"] = "pgd",
    epsilon: float = 0.1,
    steps: int = 20,
    target: int | None = None,
    bounds: tuple[float, float] | None = None,
    least: bool = False,
    outputs: Outputs | None = None,
) -> Attacked:
    """Change samples within ε per value so that a network predicts another class.

    FGSM takes one step of ε along the sign of the loss's gradient (Goodfellow et al. 2015, §4). PGD takes
    many small ones, each followed by a projection to within ε of the sample (Madry et al. 2018, §2.1); it
    starts at the sample, so that nothing is random. That an attack fails proves nothing: a stronger one may
    succeed.

    ``view.add(attacked.inputs)`` shows them on a map, of a run or of DeepView.

    Parameters
    ----------
    model : torch.nn.Module or Predictor of one
        The network; it is left as it was.
    inputs : float array or tensor [n, ...]
        Samples as the network takes them.
    y : int array [n], optional
        The classes to leave; by default those predicted.
    method : {"pgd", "fgsm"}
    epsilon : float
        ε, in units of the inputs.
    steps : int
        Steps of PGD.
    target : int, optional
        The class to reach; by default any other.
    bounds : (float, float), optional
        Least and largest value of an input; by default those of the samples given.
    least : bool
        Whether to look for the smallest ε that suffices for each sample, to a 128th of `epsilon`.
    outputs : {"logits", "probabilities", "sigmoid"}, optional
        As for `as_predictor`.

    Returns
    -------
    Attacked
        A sample whose attack failed is changed all the same, by as much as ε allows.

    Raises
    ------
    TypeError
        If the model has no gradients, or inputs are no floats.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 2)
    >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])), model.bias.data.zero_()
    >>> found = attack(model, np.array([[0.2, 0.0]], "float32"), epsilon=0.5, bounds=(-1, 1), least=True)
    >>> bool(found.changed[0]), round(float(found.distance[0]), 1)
    (True, 0.2)
    """
    predictor = as_predictor(model, outputs=outputs)
    if not isinstance(predictor.model, nn.Module):
        raise TypeError(
            f"model must be a torch network, whose gradients say what to change; got "
            f"{type(predictor.model).__name__}."
        )
    x = as_array("inputs", inputs)
    if x.dtype.kind != "f":
        raise TypeError(
            f"inputs must be floats, as the network takes them; got {x.dtype}. Convert them, as by "
            "x.astype('float32') / 255."
        )
    check_finite("inputs", x)
    if method not in {"pgd", "fgsm"}:
        raise ValueError(f'method must be "pgd" or "fgsm"; got {method!r}.')
    if check_number("epsilon", epsilon, 0) == 0:
        raise ValueError("epsilon must be a positive number; got 0.")
    steps = 1 if method == "fgsm" else check_whole("steps", steps, 1)
    low, high = (float(x.min()), float(x.max())) if bounds is None else bounds
    if not check_number("bounds", low) < check_number("bounds", high):
        raise ValueError(f"bounds must be a least and a larger value; got {bounds!r}.")
    z = predictor.predict(x)
    before = z.argmax(axis=1).astype(np.int64)
    leave = _leave(y, before, z.shape[1])
    if target is not None:
        check_whole("target", target, 0, z.shape[1] - 1)
    loss = _Loss(predictor, (low, high), steps, target)
    found = [
        _attacked(loss, torch.from_numpy(x[rows]).float(), torch.from_numpy(leave[rows]), epsilon, least)
        for rows in _blocks(len(x))
    ]
    changed_inputs = torch.cat(found).numpy()
    after = predictor.predict(changed_inputs).argmax(axis=1).astype(np.int64)
    distance = np.abs(changed_inputs - x.astype(np.float32)).reshape(len(x), -1).max(axis=1)
    reached = after != leave if target is None else after == target
    return Attacked(changed_inputs, before, after, reached, distance)


def _leave(y: ArrayLike | None, predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return the class that each sample is to leave."""
    if y is None:
        return predicted
    leave = as_array("y", y)
    if leave.shape != predicted.shape or leave.dtype.kind not in "iu":
        raise ValueError(
            f"y must be a class index for each of the {len(predicted)} samples; got {leave.dtype} of shape "
            f"{leave.shape}."
        )
    if leave.min() < 0 or leave.max() >= classes:
        wrong = leave.min() if leave.min() < 0 else leave.max()
        raise ValueError(f"y must lie in 0..{classes - 1}; got {wrong}.")
    return leave.astype(np.int64)


def _blocks(n: int) -> Iterator[slice]:
    starts = range(0, n, _BATCH_ROWS)
    for start in progress_bar(starts, desc="attacking", leave=False, disable=len(starts) < 2):
        yield slice(start, start + _BATCH_ROWS)


@dataclass(frozen=True)
class _Loss:
    """A network under attack, and the bounds of its inputs."""

    predictor: Predictor
    bounds: tuple[float, float]
    steps: int
    target: int | None

    def walk(self, x: Tensor, leave: Tensor, epsilon: Tensor) -> Tensor:
        """Walk from samples [n, ...] within ε [n] of each, up the loss of the class to leave."""
        model = self.predictor.model
        device, dtype = home(model)
        reach = epsilon.reshape(-1, *[1] * (x.ndim - 1))
        step = reach * (1 if self.steps == 1 else _STEP_SHARE / self.steps)
        goal = leave if self.target is None else torch.full_like(leave, self.target)
        at = x.clone()
        with evaluating(model), torch.enable_grad():
            for _ in range(self.steps):
                leaf = at.detach().clone().requires_grad_()
                with LogitWatch() as watch:
                    returned = model(leaf.to(device, dtype))
                z = self.predictor.as_logits(returned, len(leaf), watch)
                loss = functional.cross_entropy(z.float(), goal.to(z.device), reduction="sum")
                (gradient,) = torch.autograd.grad(loss, leaf)
                uphill = gradient.sign() if self.target is None else -gradient.sign()
                at = torch.clamp(at + step * uphill, x - reach, x + reach).clamp(*self.bounds).detach()
        return at

    def reached(self, at: Tensor, leave: Tensor) -> Tensor:
        """Whether samples have left their class, or reached the target."""
        said = torch.from_numpy(self.predictor.predict(at).argmax(axis=1))
        return said != leave if self.target is None else said == self.target


def _attacked(loss: _Loss, x: Tensor, leave: Tensor, epsilon: float, least: bool) -> Tensor:
    """Attack a block of samples; with `least`, by the smallest ε found by bisection."""
    high = torch.full((len(x),), float(epsilon))
    best = loss.walk(x, leave, high)
    if not least:
        return best
    low = torch.zeros_like(high)
    succeeds = loss.reached(best, leave)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = loss.walk(x, leave, middle)
        enough = loss.reached(tried, leave)
        best[enough & succeeds] = tried[enough & succeeds]
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return best
