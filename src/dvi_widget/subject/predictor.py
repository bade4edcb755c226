"""Any classifier as a function from inputs to logits, by one rule for outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from dvi_widget.arrays import check_whole, warn

from .inputs import arguments, as_inputs, count, each
from .lending import evaluating, home, unwrapped
from .outputs import (
    LogitWatch,
    Outputs,
    are_probabilities,
    are_shares,
    array_of_outputs,
    before_sigmoid,
    before_softmax,
    check_outputs,
    class_labels,
    outputs_tensor,
    shortened,
    with_reference,
)

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

    One rule for outputs, decided once per model. A torch module returns logits, as a tensor, as ``.logits``,
    in a mapping, or as the first tensor ``[n, C]`` of a tuple; a single logit z stands for [0, z]. If its
    rows are non-negative and sum to one they are probabilities, and their logarithm is taken; if they leave a
    sigmoid, what enters it is taken: both with a warning. An object with ``predict_proba`` or a plain
    callable returns probabilities, and rows that do not sum to one are an error. ``outputs`` overrides.

    A torch module runs in evaluation mode without gradients and without autocast; its modes and buffers and
    the random state are restored.

    Parameters
    ----------
    model
        A torch module, an object with ``predict_proba(inputs) -> [n, C]``, or a callable ``inputs -> [n,
        C]``. With ``outputs="logits"`` also one with ``decision_function(inputs) -> [n, C]`` or ``[n]``.
    outputs
        "logits", "probabilities" (rows sum to one) or "sigmoid" (one probability per class, independent of
        the others), whatever they look like. None: the rule above.
    batch_size
        Samples per call of the model. On a CPU, small batches stay in its caches.

    Raises
    ------
    TypeError
        If ``model`` is none of the three, or ``outputs`` is none of these.
    ValueError
        If ``batch_size`` is not a whole number of 1 or more.
    """

    def __init__(self, model: Any, *, outputs: Outputs | None = None, batch_size: int = 128) -> None:
        check_whole("batch_size", batch_size, 1)
        check_outputs(outputs)
        if isinstance(model, type):
            raise TypeError(f"model must be an instance; got the class {model.__name__} itself.")
        decides = outputs == "logits" and hasattr(model, "decision_function")
        known = isinstance(model, nn.Module) or hasattr(model, "predict_proba") or callable(model)
        if not (known or decides):
            raise TypeError(
                "model must be a torch module, an object with predict_proba, or a callable that returns "
                f"probabilities; got {type(model).__name__}.{_advice(model)}"
            )
        labels = None if isinstance(model, nn.Module) else class_labels(model)
        if labels is not None and len(labels) < 2:
            raise ValueError(f"model must tell at least two classes apart; got one, {labels[0]!r}.")
        if isinstance(model, nn.Module) and _is_empty(model):
            raise ValueError("model must have values; got the device 'meta'. Load its weights first.")
        self.model = unwrapped(model) if isinstance(model, nn.Module) else model
        self.batch_size = batch_size
        self._outputs_kind: Outputs | None = outputs
        self._chosen = outputs is not None  # by the caller, who knows what the model returns
        self._told = self._chosen
        self._label: tuple[int, int] | None = None  # of independent labels, the one that is studied
        if outputs is None and not isinstance(model, nn.Module):
            self._outputs_kind = "probabilities"

    def predict(self, inputs: ArrayLike | Tensor) -> NDArray[np.float32]:
        """Compute logits; if the model's outputs are probabilities, their logarithms.

        Parameters
        ----------
        inputs : array or tensor [n, ...]
            As the model takes them; several as a dict by name or as a tuple in order. For a torch module,
            floating inputs are cast to its precision and moved to its device; integers keep their dtype.

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
            return np.concatenate([as_numpy(self._logits(batch)) for batch in batches])

    @property
    def outputs(self) -> Outputs | None:
        """What the model's own outputs are; None until a torch module has run once."""
        return self._outputs_kind

    @property
    def labels(self) -> NDArray[Any] | None:
        """Labels of the columns of a scikit-learn classifier (its ``classes_``); None if it has none."""
        return None if isinstance(self.model, nn.Module) else class_labels(self.model)

    def as_logits(self, outputs: Any, n: int, watch: LogitWatch | None = None) -> Tensor:
        """Apply the one rule for outputs.

        Parameters
        ----------
        outputs
            What the model returned, on any device, with or without a graph.
        n
            Number of samples that went in.
        watch
            What watched the forward pass, from which a sigmoid is told apart.

        Returns
        -------
        tensor [n, C]
            Logits, differentiable if the outputs are.

        Raises
        ------
        TypeError, ValueError
            As for `predict`.
        """
        plain, choice = outputs_tensor(outputs, n)
        if plain.shape[1] == 1 and not self._chosen and not isinstance(self.model, nn.Module):
            # Of a plain function, one number per sample may as well be a label.
            raise ValueError(
                "model must return one row per sample and one column per class, at least two; got one number "
                'per sample. Pass outputs="sigmoid" if it is the probability of the second of two classes.'
            )
        if choice is not None and not self._told:
            self._told = True
            warn(f"The model returns {choice} is taken as its logits.")
        last = None if watch is None else watch.before(plain)
        if self._outputs_kind is None:
            self._outputs_kind = _recognised(plain, None if last is None else last[0])
        if self._label is not None:
            plain, last = self._of_label(plain, last)
        if self._outputs_kind == "logits":
            return with_reference(plain)
        if bool(plain.isnan().any()):
            row = int(plain.isnan().any(1).nonzero()[0])
            raise ValueError(
                f"model must return probabilities; got NaN in row {row}. Check that the inputs are scaled as "
                "the model expects."
            )
        independent = self._outputs_kind == "sigmoid"
        if not (are_shares(plain) if independent or plain.shape[1] == 1 else are_probabilities(plain)):
            raise _no_probabilities(plain, independent)
        if not independent:
            return before_softmax(plain)
        sigmoid = last is not None and last[0] == "sigmoid"
        return with_reference(last[1] if last is not None and sigmoid else before_sigmoid(plain))

    def _of_label(
        self, outputs: Tensor, last: tuple[str, Tensor] | None
    ) -> tuple[Tensor, tuple[str, Tensor] | None]:
        """Return the column of the label that is studied: of the outputs, and of what their sigmoid got."""
        assert self._label is not None
        column, size = self._label
        if outputs.shape[1] != size:
            raise ValueError(
                f"model must return one column per label, {size}; got shape {tuple(outputs.shape)}."
            )
        if self._outputs_kind == "probabilities" or (last is not None and last[0] != "sigmoid"):
            raise ValueError(
                "label must be one of several that do not exclude each other; got a model whose outputs "
                "leave a softmax. Leave label out."
            )
        rows = slice(column, column + 1)
        return outputs[:, rows], None if last is None else (last[0], last[1][:, rows])

    def _batches(self, inputs: ArrayLike | Tensor) -> Iterator[Any]:
        """Yield batches of the inputs, none of them empty."""
        samples = as_inputs("inputs", inputs)
        for start in range(0, count(samples), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield each(lambda part, rows=rows: part[rows], samples)  # type: ignore[misc]

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """Use the model for predictions; afterwards nothing of it has changed."""
        if not isinstance(self.model, nn.Module):
            yield
            return
        with torch.no_grad(), evaluating(self.model):
            yield

    def _logits(self, batch: Any) -> Tensor:
        """Run the model on a batch and return its logits."""
        with LogitWatch() as watch:
            outputs = self._outputs(batch)
        return self.as_logits(outputs, count(batch), watch)

    def _outputs(self, batch: Any) -> Any:
        """Run the model on a batch and return its own outputs."""
        if isinstance(self.model, nn.Module):
            inputs = self._tensors(batch)
            args, kwargs = arguments(inputs)
            try:
                outputs = self.model(*args, **kwargs)
            except RuntimeError as error:
                if not isinstance(inputs, Tensor):
                    raise
                if inputs.is_floating_point():
                    raise refused("inputs", self.model, inputs, error) from error
                raise TypeError(
                    f"inputs must be what the model takes; got {inputs.dtype}, on which it failed ({error}). "
                    "Convert them, as by x.astype('float32') / 255."
                ) from error
            return outputs
        if hasattr(self.model, "predict_proba"):
            predict = self.model.predict_proba
        else:
            predict = self.model if callable(self.model) else self.model.decision_function
        return array_of_outputs(predict(self._named(batch)))

    def _named(self, batch: Any) -> Any:
        """Give rows the columns' names that a scikit-learn classifier was trained with."""
        owner = self.model if hasattr(self.model, "predict_proba") else getattr(self.model, "__self__", None)
        names = getattr(owner, "feature_names_in_", None)
        if names is None or not isinstance(batch, np.ndarray) or batch.shape[1:] != (len(names),):
            return batch
        import pandas as pd  # noqa: PLC0415 - which knows named columns has imported it

        return pd.DataFrame(batch, columns=names)

    def _tensors(self, batch: Any) -> Any:
        """Return a batch as the tensors that the module takes."""
        return each(self._tensor, batch)

    def _tensor(self, batch: Any) -> Tensor:
        """Move samples to the module's device, and floats to its precision."""
        device, dtype = home(self.model)
        tensor = batch if isinstance(batch, Tensor) else torch.from_numpy(_native(batch))
        moved = tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
        # A first layer that works in place must not change the caller's inputs.
        return moved.clone() if moved is batch else moved


def _is_empty(module: nn.Module) -> bool:
    """Tell whether a module has weights, and none of them has values."""
    weights = module.parameters()
    first = next(weights, None)
    return first is not None and first.is_meta and all(weight.is_meta for weight in weights)


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


def as_predictor(model: Any, *, outputs: Outputs | None = None, batch_size: int = 128) -> Predictor:
    """Wrap a classifier as a `Predictor`, unless it is one.

    Parameters
    ----------
    model
        A `Subject` or `Predictor`, a torch module, an object with ``predict_proba``, or a callable that
        returns probabilities.
    outputs, batch_size
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
    return Predictor(model, outputs=outputs, batch_size=batch_size)


def _recognised(outputs: Tensor, last: str | None) -> Outputs:
    """Decide what a network's outputs are, from their values and the function that they left."""
    if last == "sigmoid":
        warn(
            "The model's outputs leave a sigmoid: what enters it is taken as logits, one for each class. "
            'Pass outputs="logits" if the outputs are logits all the same.'
        )
        return "sigmoid"
    if outputs.shape[1] > 1 and are_probabilities(outputs):
        warn(
            "The model's outputs are non-negative and sum to one: they are taken as probabilities, and their "
            'logarithm as logits. Pass outputs="logits" if they are logits all the same.'
        )
        return "probabilities"
    return "logits"


def _no_probabilities(outputs: Tensor, independent: bool) -> ValueError:
    """Return the error for outputs that should be probabilities and are not."""
    if independent or outputs.shape[1] == 1:
        beyond = (outputs.detach() - 0.5).abs().amax(1)
        row = int(beyond.argmax())
        return ValueError(
            f"model must return probabilities in [0, 1]; got {shortened(outputs[row])} in row {row}. Pass "
            'outputs="logits" if these are logits.'
        )
    sums = outputs.detach().to(torch.float64).sum(1)
    row = int((sums - 1).abs().nan_to_num(nan=torch.inf).argmax())
    apart = ', or outputs="sigmoid" if each class has a probability of its own' if are_shares(outputs) else ""
    return ValueError(
        f"model must return probabilities; got {shortened(outputs[row])} with sum {float(sums[row]):.4g} in "
        f'row {row}. Pass outputs="logits" if these are logits{apart}.'
    )


def _advice(model: Any) -> str:
    """Say how a classifier without probabilities can be passed."""
    if hasattr(model, "decision_function"):
        return (
            " Calibrate it with sklearn.calibration.CalibratedClassifierCV, or pass "
            'dvi.Predictor(model, outputs="logits"), which takes the softmax of its decision_function.'
        )
    return ""


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Copy an array, writable and in this machine's byte order, as torch needs it."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def as_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """Return a tensor of any device as float32 numpy array."""
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array
