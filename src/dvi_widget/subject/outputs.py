"""What a classifier returns: which tensor holds the outputs, and whether they are logits or probabilities."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from dvi_widget.arrays import warn

Outputs = Literal["logits", "probabilities", "sigmoid"]

# Rows of probabilities may miss one by what half precision and many classes cost.
_SUM_TOLERANCE = 1e-3
# Names under which networks return their logits beside other things.
_LOGIT_NAMES = ("logits", "logit", "scores", "output", "outputs", "y_hat")
_SOFTMAX, _LOG_SOFTMAX, _SIGMOID = "softmax", "log_softmax", "sigmoid"


def check_outputs(outputs: object) -> None:
    """Refuse an `outputs` argument that is none of the three kinds and not None (see `Predictor`)."""
    if outputs is not None and (not isinstance(outputs, str) or outputs not in get_args(Outputs)):
        kinds = ", ".join(f'"{kind}"' for kind in get_args(Outputs))
        raise TypeError(f"outputs must be one of {kinds}, or None for the rule; got {outputs!r}.")


class LogitWatch(TorchFunctionMode):
    """Remembers the last softmax or sigmoid of a forward pass: what enters it are the logits.

    A function mode sees `nn.Sigmoid`, `torch.sigmoid` and `x.sigmoid_()` alike. A network compiled by
    TorchScript shows nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[str, Tensor, Tensor] | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the call, and remember it if it is one of these functions."""
        del types
        kwargs = kwargs or {}
        name = str(getattr(func, "__name__", ""))
        plain = name.strip("_")
        if plain not in (_SOFTMAX, _LOG_SOFTMAX, _SIGMOID):
            return func(*args, **kwargs)
        entered = args[0] if args else kwargs.get("input")
        # In place, the logits are gone afterwards.
        entered = entered.clone() if isinstance(entered, Tensor) and name.endswith("_") else entered
        left = func(*args, **kwargs)
        if isinstance(entered, Tensor) and isinstance(left, Tensor):
            self._last = plain, entered, left
        return left

    def before(self, outputs: Any) -> tuple[str, Tensor] | None:
        """Return the name and the input of the function that returned these outputs, None if none did.

        Outputs may have been reshaped since; the input is returned in their shape.
        """
        if self._last is None or not isinstance(outputs, Tensor):
            return None
        name, entered, left = self._last
        same = left is outputs or (left.numel() == outputs.numel() and left.data_ptr() == outputs.data_ptr())
        return (name, entered.reshape(outputs.shape)) if same else None


def outputs_tensor(returned: Any, n: int) -> tuple[Tensor, str | None]:
    """Choose the tensor of outputs from whatever a network returns.

    Parameters
    ----------
    returned
        A tensor ``[n, C]``, ``[n, 1]`` or ``[n]``; an object with ``.logits``; a mapping; a tuple or list.
        From a mapping the value named "logits" is taken, or the first tensor with a row per sample; from a
        tuple the first such tensor.
    n : int
        Number of samples that went in.

    Returns
    -------
    tensor [n, C] or [n, 1]
        The outputs.
    str or None
        What was chosen, where there was a choice.

    Raises
    ------
    TypeError
        If nothing of it is such a tensor.
    ValueError
        If it is a tensor of another shape.
    """
    if isinstance(returned, Tensor):
        return _as_rows(returned, n), None
    named = getattr(returned, "logits", None)
    if isinstance(named, Tensor):
        return _as_rows(named, n), None
    parts: list[tuple[str, Any]] = []
    if isinstance(returned, Mapping):
        order = sorted(returned.items(), key=lambda item: item[0] not in _LOGIT_NAMES)
        parts = [(f"its entry {name!r}", value) for name, value in order]
    elif isinstance(returned, (tuple, list)):
        parts = [(f"its part {i}", value) for i, value in enumerate(returned)]
    for name, value in parts:
        if isinstance(value, Tensor) and value.is_floating_point() and value.ndim == 2 and len(value) == n:
            return value, f"a {type(returned).__name__}, of which {name} {tuple(value.shape)}"
    inside = f" of {_kinds(part for _, part in parts)}" if parts else ""
    raise TypeError(
        f"model must return logits [n, C]; got {type(returned).__name__}{inside}, which holds no such "
        "tensor. Pass the part of it that classifies, such as model.classifier."
    )


def _as_rows(outputs: Tensor, n: int) -> Tensor:
    """Return outputs [n, C]; one number per sample becomes one column."""
    rows = outputs[:, None] if outputs.ndim == 1 else outputs
    if rows.ndim != 2 or rows.shape[0] != n or rows.shape[1] < 1:
        raise ValueError(
            "model must return one row per sample and one column per class; got shape "
            f"{tuple(outputs.shape)} for {n} samples."
        )
    return rows


def array_of_outputs(returned: Any) -> Tensor:
    """Return what a classifier that is no torch module returned as a floating tensor.

    Raises
    ------
    TypeError
        If it is a list of arrays, one per output, as scikit-learn's multi-output classifiers return.
    """
    if isinstance(returned, (list, tuple)) and returned and np.ndim(returned[0]) == 2:
        raise TypeError(
            f"model must return one array of probabilities [n, C]; got {len(returned)} of them, as "
            "MultiOutputClassifier returns. Pass one of its classifiers: model.estimators_[0]."
        )
    if isinstance(returned, Tensor):
        plain = returned.detach()
    else:
        toarray = getattr(returned, "toarray", None)
        plain = torch.from_numpy(np.array(returned if toarray is None else toarray()))
    return plain if plain.is_floating_point() else plain.to(torch.float64)


def are_probabilities(outputs: Tensor) -> bool:
    """Whether all rows are non-negative and sum to one."""
    values = outputs.detach().to(torch.float64)
    return bool((values >= -1e-6).all() and ((values.sum(1) - 1).abs() <= _SUM_TOLERANCE).all())


def are_shares(outputs: Tensor) -> bool:
    """Whether all values lie in [0, 1], up to rounding."""
    values = outputs.detach()
    return bool(((values >= -1e-6) & (values <= 1 + 1e-6)).all())


def may_be_normalised(outputs: Tensor) -> bool:
    """Whether values may have left a softmax, a sigmoid or a log-softmax: all in [0, 1], or none positive."""
    low, high = (float(end) for end in outputs.detach().float().aminmax())
    return not high > 1 + _SUM_TOLERANCE and (high <= _SUM_TOLERANCE or not low < -_SUM_TOLERANCE)


def with_reference(z: Tensor) -> Tensor:
    """Return logits [n, C]; a single logit z is that of the second of two classes: [0, z]."""
    return torch.cat([torch.zeros_like(z), z], dim=1) if z.shape[1] == 1 else z


def before_sigmoid(p: Tensor) -> Tensor:
    """Return the logits log p − log(1 − p) of what left a sigmoid; 0 and 1 count as the nearest numbers."""
    info = torch.finfo(p.dtype)
    inside = p.clamp(info.tiny, 1 - info.eps / 2)
    return inside.log() - torch.log1p(-inside)


def before_softmax(p: Tensor) -> Tensor:
    """Return the logarithm of probabilities [n, C]; one column p is that of the second of two classes."""
    both = torch.cat([1 - p, p], dim=1) if p.shape[1] == 1 else p
    return both.clamp_min(torch.finfo(torch.float32).tiny).log()


def as_outputs(given: Tensor) -> Tensor:
    """Read outputs [n, C] that were given as an array: logits, unless all rows are probabilities.

    Returns
    -------
    tensor [n, C]
        A single column z is [0, z].

    Warns
    -----
    UserWarning
        If rows are non-negative and sum to one.
    """
    if given.shape[1] > 1 and are_probabilities(given):
        warn(
            "The logits are non-negative and sum to one: they are taken as probabilities, and their "
            "logarithm as logits."
        )
        return before_softmax(given)
    return with_reference(given)


def class_labels(model: Any) -> NDArray[Any] | None:
    """Return the labels of a scikit-learn classifier's columns (``classes_``), None if it has none.

    A bound method, such as ``model.predict_proba``, has those of its object.
    """
    owner = model if hasattr(model, "classes_") else getattr(model, "__self__", None)
    labels = getattr(owner, "classes_", None)
    if labels is None or (isinstance(labels, (list, tuple)) and any(np.ndim(part) for part in labels)):
        return None
    array = np.asarray(labels)
    return array if array.ndim == 1 and len(array) else None


def shortened(row: Tensor) -> str:
    """Write a row of outputs, shortened."""
    numbers = ", ".join(f"{value:.3g}" for value in row[:4].tolist())
    return f"[{numbers}{', …' if len(row) > 4 else ''}]"


def _kinds(values: Iterable[Any]) -> str:
    """Describe the parts of what a model returned."""
    told = [
        f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        for value in values
    ]
    return reprlib.repr(", ".join(told)).strip("'\"")
