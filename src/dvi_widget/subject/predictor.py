"""Any classifier as a function from inputs to logits, by one rule for outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget.arrays import as_array, check_whole, warn

from .lending import evaluating, home, unwrapped

# Rows of probabilities may miss one by what half precision and many classes cost.
_SUM_TOLERANCE = 1e-3
# Parts of torch's messages about inputs that do not fit a layer.
_SHAPE_MESSAGES = (
    "shapes cannot be multiplied",
    "but got input of size",
    "expected input",
    "size mismatch",
    "must match the size",
    "normalized_shape",
    "running_mean should contain",
)


class Predictor:
    """Any classifier as a function from inputs to logits.

    One rule for outputs: those of a torch module are logits, unless its rows are non-negative and sum to one
    (then their logarithm is taken, with a warning); those of an object with ``predict_proba`` or of a plain
    callable are probabilities, and rows that do not sum to one are an error. ``logits`` overrides.

    A torch module runs in evaluation mode without gradients; its modes and buffers and the random state are
    restored.

    Parameters
    ----------
    model
        A torch module, an object with ``predict_proba(inputs) -> [n, C]``, or a callable ``inputs -> [n,
        C]``.
    logits
        True: the outputs are logits, whatever they look like. False: they are probabilities. None: the rule
        above.
    batch_size
        Samples per call of the model. On a CPU, small batches stay in its caches.

    Raises
    ------
    TypeError
        If ``model`` is none of the three, or ``logits`` is not True, False or None.
    ValueError
        If ``batch_size`` is not a whole number of 1 or more.
    """

    def __init__(self, model: Any, *, logits: bool | None = None, batch_size: int = 128) -> None:
        if isinstance(model, type):
            raise TypeError(f"model must be an instance; got the class {model.__name__} itself.")
        if not (isinstance(model, nn.Module) or hasattr(model, "predict_proba") or callable(model)):
            raise TypeError(
                "model must be a torch module, an object with predict_proba, or a callable that returns "
                f"probabilities; got {type(model).__name__}."
            )
        check_whole("batch_size", batch_size, 1)
        check_logits(logits)
        self.model = unwrapped(model) if isinstance(model, nn.Module) else model
        self.batch_size = batch_size
        self._logits = logits
        if logits is None and not isinstance(model, nn.Module):
            self._logits = False

    def predict(self, inputs: ArrayLike | Tensor) -> NDArray[np.float32]:
        """Compute logits; if the model's outputs are probabilities, their logarithms.

        Parameters
        ----------
        inputs : array or tensor [n, ...]
            As the model takes them. For a torch module, floating inputs are cast to its precision and moved
            to its device; integers keep their dtype.

        Returns
        -------
        float32 [n, C]

        Raises
        ------
        ValueError
            If there are no samples, or the model's outputs are not ``[n, C]``, or should be probabilities
            and are not.
        TypeError
            If inputs are integers and the torch module does not take these.
        """
        with self._borrowed():
            batches = self._batches(inputs)
            return np.concatenate(
                [as_numpy(self.as_logits(self._outputs(batch), len(batch))) for batch in batches]
            )

    @property
    def gives_logits(self) -> bool | None:
        """Whether the model's own outputs are logits; None until a torch module has run once."""
        return self._logits

    def as_logits(self, outputs: Any, n: int) -> Tensor:
        """Apply the one rule for outputs.

        Parameters
        ----------
        outputs : tensor [n, C]
            The model's own outputs, on any device, with or without a graph.
        n
            Number of samples that went in.

        Returns
        -------
        tensor [n, C]
            Logits, differentiable if the outputs are.

        Raises
        ------
        TypeError, ValueError
            As for `predict`.
        """
        if not isinstance(outputs, Tensor):
            raise TypeError(
                f"model must return one tensor of logits [n, C]; got {type(outputs).__name__}. Wrap it in a "
                "module that returns the logits alone."
            )
        if outputs.ndim != 2 or outputs.shape[0] != n or outputs.shape[1] < 2:
            raise ValueError(
                "model must return one row per sample and one column per class, at least two; got shape "
                f"{tuple(outputs.shape)} for {n} samples."
            )
        if self._logits is None:
            self._logits = not _are_probabilities(outputs)
            if not self._logits:
                warn(
                    "The model's outputs are non-negative and sum to one: they are taken as probabilities, "
                    "and their logarithm as logits. Pass logits=True if they are logits all the same."
                )
        if self._logits:
            return outputs
        if bool(outputs.isnan().any()):
            row = int(outputs.isnan().any(1).nonzero()[0])
            raise ValueError(
                f"model must return probabilities; got NaN in row {row}. Check that the inputs are scaled as "
                "the model expects."
            )
        if not _are_probabilities(outputs):
            sums = outputs.detach().double().sum(1)
            row = int((sums - 1).abs().nan_to_num(nan=torch.inf).argmax())
            raise ValueError(
                f"model must return probabilities; got {_shortened(outputs[row])} with sum "
                f"{float(sums[row]):.4g} in row {row}. Pass logits=True if these are logits."
            )
        return outputs.clamp_min(torch.finfo(torch.float32).tiny).log()

    def _batches(self, inputs: ArrayLike | Tensor) -> Iterator[Any]:
        """Yield batches of the inputs, none of them empty."""
        samples = inputs if isinstance(inputs, Tensor) else as_array("inputs", inputs)
        if samples.ndim == 0 or len(samples) == 0:
            raise ValueError(
                f"inputs must be [n, ...] with n of 1 or more; got shape {tuple(samples.shape)}."
            )
        for start in range(0, len(samples), self.batch_size):
            yield samples[start : start + self.batch_size]

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """Use the model for predictions; afterwards nothing of it has changed."""
        if not isinstance(self.model, nn.Module):
            yield
            return
        with torch.no_grad(), evaluating(self.model):
            yield

    def _outputs(self, batch: Any) -> Any:
        """Run the model on a batch and return its own outputs."""
        if isinstance(self.model, nn.Module):
            inputs = self._tensor(batch)
            try:
                outputs = self.model(inputs)
            except RuntimeError as error:
                if inputs.is_floating_point():
                    raise refused("inputs", self.model, inputs, error) from error
                raise TypeError(
                    f"inputs must be what the model takes; got {inputs.dtype}, on which it failed ({error}). "
                    "Convert them, as by x.astype('float32') / 255."
                ) from error
            return outputs
        predict = getattr(self.model, "predict_proba", self.model)
        outputs = predict(batch)
        plain = outputs.detach() if isinstance(outputs, Tensor) else torch.from_numpy(np.array(outputs))
        return plain if plain.is_floating_point() else plain.double()

    def _tensor(self, batch: Any) -> Tensor:
        """Move samples to the module's device, and floats to its precision."""
        device, dtype = home(self.model)
        tensor = batch if isinstance(batch, Tensor) else torch.from_numpy(_native(batch))
        moved = tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
        # A first layer that works in place must not change the caller's inputs.
        return moved.clone() if moved is batch else moved


def check_logits(logits: object) -> None:
    """Refuse a `logits` argument that is not True, False or None (see `Predictor`)."""
    if not (logits is None or isinstance(logits, bool)):
        raise TypeError(f"logits must be True, False, or None for the rule; got {logits!r}.")


class InputShapeError(ValueError):
    """Inputs have a shape that the network does not take.

    Parameters
    ----------
    name
        Name of the argument that held them.
    requirement
        The rest of the sentence: what they must be, and their shape.
    """

    def __init__(self, name: str, requirement: str) -> None:
        super().__init__(f"{name} {requirement}")
        self.requirement = requirement


def refused(name: str, model: nn.Module, inputs: Tensor, error: RuntimeError) -> Exception:
    """Choose the exception to raise after a network failed on some inputs.

    Parameters
    ----------
    name
        Name of the argument that held them.
    model, inputs, error
        The network, the inputs [n, ...], and what it raised.

    Returns
    -------
    Exception
        An `InputShapeError` that says what shape is needed if the message is about shapes, else the error.
    """
    if not any(part in str(error) for part in _SHAPE_MESSAGES):
        return error
    shape = tuple(inputs.shape[1:])
    wanted, advice = "samples of a shape that the model takes", ""
    for layer, module in model.named_modules():
        if isinstance(module, nn.Linear):
            wanted = f"samples of {module.in_features} numbers, as the model's layer {layer!r} takes them"
            if len(shape) > 1 and inputs[0].numel() == module.in_features:
                advice = " Begin the model with nn.Flatten(), which makes one row of each sample."
            break
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            sides = "L" if isinstance(module, nn.Conv1d) else "H, W"
            wanted = f"[n, {module.in_channels}, {sides}], as the model's layer {layer!r} takes them"
            break
    return InputShapeError(name, f"must be {wanted}; got samples of shape {shape} ({error}).{advice}")


def as_predictor(model: Any, *, logits: bool | None = None, batch_size: int = 128) -> Predictor:
    """Wrap a classifier as a `Predictor`, unless it is one.

    Parameters
    ----------
    model
        A `Subject` or `Predictor`, a torch module, an object with ``predict_proba``, or a callable that
        returns probabilities.
    logits, batch_size
        As for `Predictor`.

    Returns
    -------
    Predictor
        With ``predict(inputs) -> logits``. A `Subject` is returned as it is.

    Raises
    ------
    TypeError
        If ``model`` is none of these.
    """
    if isinstance(model, Predictor):
        return model
    return Predictor(model, logits=logits, batch_size=batch_size)


def _are_probabilities(outputs: Tensor) -> bool:
    """Whether all rows are non-negative and sum to one."""
    values = outputs.detach().double()
    return bool((values >= -1e-6).all() and ((values.sum(1) - 1).abs() <= _SUM_TOLERANCE).all())


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Copy an array, writable and in this machine's byte order, as torch needs it."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def as_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """Return a tensor of any device as float32 numpy array."""
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def _shortened(row: Tensor) -> str:
    """Write a row of outputs, shortened."""
    numbers = ", ".join(f"{value:.3g}" for value in row[:4].tolist())
    return f"[{numbers}{', …' if len(row) > 4 else ''}]"
