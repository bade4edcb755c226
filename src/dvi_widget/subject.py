"""The classifier under study, c = g∘f: representations, head and predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from .arrays import check_whole, warn

__all__ = [
    "InputShapeError",
    "Predictor",
    "Subject",
    "as_predictor",
    "check_logits",
    "evaluating",
    "home",
    "refused",
    "unwrapped",
]

# Rows of probabilities may miss one by what half precision and many classes cost.
_SUM_TOLERANCE = 1e-3
# How many samples the split is found and checked on.
_PROBE_ROWS = 8
# What torch says of inputs that do not fit a layer.
_SHAPE_TROUBLE = (
    "shapes cannot be multiplied",
    "but got input of size",
    "expected input",
    "size mismatch",
    "must match the size",
    "normalized_shape",
    "running_mean should contain",
)
# How many layers an error lists.
_LISTED = 60


class Predictor:
    """Any classifier as a function from inputs to logits.

    One rule for outputs: a torch module gives logits, unless its rows are non-negative and sum to one (then
    their logarithm is taken, with a warning); an object with ``predict_proba`` or a plain callable gives
    probabilities, and rows that do not sum to one are an error. ``logits=True`` overrides.

    A torch module runs in evaluation mode without gradients; modes, buffers and the random state are put
    back.

    Parameters
    ----------
    model
        A torch module, an object with ``predict_proba(inputs) -> [n, C]``, or a callable ``inputs -> [n,
        C]``.
    logits
        True: the outputs are logits, whatever they look like. False: they are probabilities. None: the rule
        above.
    batch_size
        How many samples the model is given at a time; on a CPU, small batches keep to its caches.

    Raises
    ------
    TypeError
        If ``model`` is none of the three, or ``logits`` none of its; or ``batch_size`` is not a positive
        integer (``ValueError``).
    """

    def __init__(self, model: Any, *, logits: bool | None = None, batch_size: int = 128) -> None:
        if isinstance(model, type):
            raise TypeError(f"model: got the class {model.__name__} itself; pass an instance of it")
        if not (isinstance(model, nn.Module) or hasattr(model, "predict_proba") or callable(model)):
            raise TypeError(
                f"model: got {type(model).__name__}; pass a torch module, an object with predict_proba, "
                "or a callable that gives probabilities"
            )
        check_whole("batch_size", batch_size, 1)
        check_logits(logits)
        self.model = unwrapped(model) if isinstance(model, nn.Module) else model
        self.batch_size = batch_size
        self._logits = logits
        if logits is None and not isinstance(model, nn.Module):
            self._logits = False

    def predict(self, inputs: ArrayLike | Tensor) -> NDArray[np.float32]:
        """Logits of inputs (logarithms of probabilities where the model gives those).

        Parameters
        ----------
        inputs : array or tensor [n, ...]
            As the model takes them. Floating inputs of a torch module are cast to its precision and moved to
            its device; integers are passed as they are.

        Returns
        -------
        float32 [n, C]

        Raises
        ------
        ValueError
            If there are no samples, or the model's outputs are not ``[n, C]``, or are said to be
            probabilities and are not.
        TypeError
            If a torch module does not take integers and was given some.
        """
        with self._borrowed():
            batches = self._batches(inputs)
            return np.concatenate(
                [_numpy(self.as_logits(self._outputs(batch), len(batch))) for batch in batches]
            )

    @property
    def gives_logits(self) -> bool | None:
        """Whether the model's own outputs are logits; None until a torch module's have been seen."""
        return self._logits

    def as_logits(self, outputs: Any, n: int) -> Tensor:
        """The one rule for outputs, applied to what the model said of n samples.

        Parameters
        ----------
        outputs : tensor [n, C]
            As the model gives them, on any device, with or without a graph.
        n
            How many samples they are of.

        Returns
        -------
        tensor [n, C]
            Logits, differentiable where the outputs are.

        Raises
        ------
        TypeError, ValueError
            As for `predict`.
        """
        if not isinstance(outputs, Tensor):
            raise TypeError(
                f"model: gives {type(outputs).__name__}, not one tensor of logits [n, C]; wrap it in a "
                "module that returns the logits alone"
            )
        if outputs.ndim != 2 or outputs.shape[0] != n or outputs.shape[1] < 2:
            raise ValueError(
                f"model: its outputs have shape {tuple(outputs.shape)} for {n} samples; one row per sample "
                "and one column per class (two at least) are needed"
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
                f"model: its outputs hold NaN (row {row}) where probabilities are needed; check that the "
                "inputs are scaled as the model expects"
            )
        if not _are_probabilities(outputs):
            sums = outputs.detach().double().sum(1)
            row = int((sums - 1).abs().nan_to_num(nan=torch.inf).argmax())
            raise ValueError(
                f"model: its outputs should be probabilities, but row {row} is {_shown(outputs[row])} with "
                f"sum {float(sums[row]):.4g}; pass logits=True if these are logits"
            )
        return outputs.clamp_min(torch.finfo(torch.float32).tiny).log()

    def _batches(self, inputs: ArrayLike | Tensor) -> Iterator[Any]:
        """Slices of the inputs as given, never empty."""
        samples = inputs if isinstance(inputs, (np.ndarray, Tensor)) else np.asarray(inputs)
        if samples.ndim == 0 or len(samples) == 0:
            raise ValueError("inputs: there are no samples; pass an array [n, ...] with n of at least 1")
        for start in range(0, len(samples), self.batch_size):
            yield samples[start : start + self.batch_size]

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """Use of the model for predictions: nothing of it has changed afterwards."""
        if not isinstance(self.model, nn.Module):
            yield
            return
        with torch.no_grad(), evaluating(self.model):
            yield

    def _outputs(self, batch: Any) -> Any:
        """What the model itself says."""
        if isinstance(self.model, nn.Module):
            given = self._tensor(batch)
            try:
                outputs = self.model(given)
            except RuntimeError as error:
                if given.is_floating_point():
                    raise refused("inputs", self.model, given, error) from error
                raise TypeError(
                    f"inputs: the model failed on {given.dtype} inputs ({error}); pass the inputs as the "
                    "model takes them, say x.astype('float32') / 255"
                ) from error
            return outputs
        predict = getattr(self.model, "predict_proba", self.model)
        outputs = predict(batch)
        said = outputs.detach() if isinstance(outputs, Tensor) else torch.from_numpy(np.array(outputs))
        return said if said.is_floating_point() else said.double()

    def _tensor(self, batch: Any) -> Tensor:
        """Samples on the module's device, floats in its precision."""
        device, dtype = home(self.model)
        tensor = batch if isinstance(batch, Tensor) else torch.from_numpy(_native(batch))
        moved = tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
        # A network whose first layer works in place must not reach what was given.
        return moved.clone() if moved is batch else moved


def check_logits(logits: object) -> None:
    """Refuse what is no answer to whether outputs are logits (see `Predictor`)."""
    if not (logits is None or isinstance(logits, bool)):
        raise TypeError(f"logits: must be True, False, or None for the rule; found {logits!r}")


class InputShapeError(ValueError):
    """Inputs of a shape that a network does not take.

    Parameters
    ----------
    name
        Of the argument that brought them.
    sentence
        What the network takes.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.sentence = sentence


def refused(name: str, model: nn.Module, given: Tensor, error: RuntimeError) -> Exception:
    """What to raise where a network failed on some inputs.

    Parameters
    ----------
    name
        Of the argument that brought them.
    model, given, error
        The network, the inputs [n, ...], and what it raised.

    Returns
    -------
    Exception
        An `InputShapeError` that says what shape is needed, if that seems to be the trouble; else the error.
    """
    if not any(sign in str(error) for sign in _SHAPE_TROUBLE):
        return error
    shape = tuple(given.shape[1:])
    found = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d))]
    needs = str(error)
    if found:
        layer, first = found[0]
        if isinstance(first, nn.Linear):
            needs = f"its layer {layer!r} takes {first.in_features} numbers a sample"
            if len(shape) > 1 and given[0].numel() == first.in_features:
                needs += ": begin the model with nn.Flatten(), which makes one row of each sample"
        else:
            sides = "L" if isinstance(first, nn.Conv1d) else "H, W"
            needs = f"its layer {layer!r} takes [n, {first.in_channels}, {sides}]"
    return InputShapeError(name, f"the model does not take samples of shape {shape}; {needs} ({error})")


@dataclass
class _Split:
    """Where a network is cut: which call of which module, on which side, and what is left behind the cut."""

    name: str
    module: nn.Module
    call: int
    side: Literal["input", "output"]
    shape: tuple[int, ...]
    head: Literal["linear", "log_softmax", "network"] = "network"
    one_dummy: bool = True


class Subject(Predictor):
    """A torch classifier split as c = g∘f: representations f, head g (§4.1 of the DeepVisualInsight paper).

    By default the network is split at the linear layer that runs last: what enters it is the representation,
    it and what follows is the head. ``layer`` names another module: then what *leaves* that module is the
    representation (flattened to one row per sample), and the rest of the network is the head. Naming the last
    linear layer itself is the same as the default.

    A head that is not one linear layer is run by sending zeros through the network and putting the
    representation in place of what the split module computes. That is sound only if nothing passes the split
    on another way; this is checked on the first samples, and a network that fails it is refused.

    The network is left as found: evaluation mode only while in use (each submodule's own mode comes back),
    weights, buffers, gradients and the random state untouched, no graph kept.

    Parameters
    ----------
    model
        A module that takes one tensor ``[n, ...]`` and gives one tensor ``[n, C]``.
    layer
        Name of the module to split at, as in ``model.named_modules()``; None for the last linear layer.
    logits, batch_size
        As for `Predictor`.

    Raises
    ------
    TypeError
        If ``model`` is not a torch module.
    ValueError
        If the network cannot be split, with the names of its layers and how to choose one. What depends on
        the order of execution is known only at the first samples.

    Examples
    --------
    >>> subject = Subject(model)  # doctest: +SKIP
    >>> x, z = subject.features_and_logits(pictures)  # [n, h], [n, C]  # doctest: +SKIP
    >>> subject.head(torch.from_numpy(x))  # the same logits, differentiable in x  # doctest: +SKIP
    """

    model: nn.Module

    def __init__(
        self, model: nn.Module, *, layer: str | None = None, logits: bool | None = None, batch_size: int = 128
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(
                f"model: got {type(model).__name__}; representations need a torch module (as_predictor takes "
                "any classifier for predictions alone)"
            )
        super().__init__(model, logits=logits, batch_size=batch_size)
        # A network that is itself one linear layer has the name "".
        names = [n for n, module in self.model.named_modules() if n or isinstance(module, nn.Linear)]
        if layer is not None and layer not in names:
            raise ValueError(f"layer: the network has no module named {layer!r}. {self._advice()}")
        if layer is None and not any(isinstance(module, nn.Linear) for module in self.model.modules()):
            raise ValueError(f"model: it has no nn.Linear to split at. {self._advice()}")
        self._asked = layer
        self._split: _Split | None = None

    @property
    def layer(self) -> str:
        """Name of the module the network is split at.

        Raises
        ------
        RuntimeError
            If it depends on the order of execution and the network has not run yet.
        """
        return self._known_split().name

    @property
    def side(self) -> Literal["input", "output"]:
        """Which side of `layer` the representation is taken on."""
        return self._known_split().side

    @property
    def head_kind(self) -> Literal["linear", "log_softmax", "network"]:
        """What the head is: one linear layer, one followed by log-softmax, or the rest of the network."""
        return self._known_split().head

    @property
    def linear_head(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Weight ``[C, h]`` and bias ``[C]`` (float32 copies) if the head is one linear layer, else None."""
        return self.linear_layer if self.head_kind == "linear" else None

    @property
    def linear_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Weight and bias as for `linear_head`, also if log-softmax follows the linear layer."""
        if self.head_kind == "network":
            return None
        weight, bias = _weights(self._known_split())
        return _numpy(weight).copy(), _numpy(bias).copy()

    def features(self, inputs: ArrayLike | Tensor) -> NDArray[np.float32]:
        """Representations f(s), float32 ``[n, h]``; inputs and errors as for `features_and_logits`."""
        return self.features_and_logits(inputs)[0]

    def features_and_logits(
        self, inputs: ArrayLike | Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Representations and logits of inputs, in one pass.

        Parameters
        ----------
        inputs : array or tensor [n, ...]
            As for `Predictor.predict`.

        Returns
        -------
        features : float32 [n, h]
        logits : float32 [n, C]

        Raises
        ------
        ValueError
            As for `Predictor.predict`; and if the network cannot be split, with the names of its layers.
        """
        features, logits = [], []
        with self._borrowed():
            for batch in self._batches(inputs):
                split = self._split or self._find_split(batch[:_PROBE_ROWS])
                with _tapped(split) as seen:
                    z = self.as_logits(self._outputs(batch), len(batch))
                features.append(_numpy(seen[0].reshape(len(batch), -1)))
                logits.append(_numpy(z))
        return np.concatenate(features), np.concatenate(logits)

    def head(self, x: Tensor) -> Tensor:
        """Logits g(x) of representations, differentiable in ``x`` (never in the weights).

        Parameters
        ----------
        x : tensor [n, h]
            On any device, of any floating type.

        Returns
        -------
        tensor [n, C]
            On the device and of the type of ``x``.

        Raises
        ------
        ValueError
            If ``x`` is not ``[n, h]``.
        RuntimeError
            If the network has not run yet, so that the split is unknown.
        """
        split = self._known_split()
        width = int(np.prod(split.shape))
        if x.ndim != 2 or x.shape[1] != width:
            raise ValueError(f"x: representations are [n, {width}], got {tuple(x.shape)}")
        device, dtype = home(self.model)
        moved = x.to(device, dtype)
        if split.head == "network":
            return torch.cat([self._rest(split, part) for part in torch.split(moved, self.batch_size)]).to(x)
        weight, bias = _weights(split)
        z = nn.functional.linear(moved, weight, bias)
        return (z if split.head == "linear" else z.log_softmax(1)).to(x)

    def _known_split(self) -> _Split:
        if self._split is None:
            raise RuntimeError(
                "where the network is split is known once it has run: call features or features_and_logits "
                "first"
            )
        return self._split

    def _find_split(self, probe: Any) -> _Split:
        """Cut the network at the asked or the last linear layer, and check that the cut is one."""
        given = self._tensor(probe)
        linear, ran = self._order_of_execution(probe)
        name = self._asked if self._asked is not None else (linear[-1] if linear else None)
        if name is None:
            raise ValueError(f"model: none of its linear layers runs as a module. {self._advice()}")
        if name not in ran:
            raise ValueError(f"layer: the module {name!r} does not run in a forward pass. {self._advice()}")
        side: Literal["input", "output"] = "input" if linear and name == linear[-1] else "output"
        split = _Split(name, self.model.get_submodule(name), ran.count(name), side, ())
        with _tapped(split) as seen:
            z = self.as_logits(self._outputs(probe), len(probe))
        x = seen[0] if seen else None
        if not isinstance(x, Tensor) or x.ndim < 2 or len(x) != len(probe) or not x.is_floating_point():
            raise ValueError(
                f"layer: the {side} of {name!r} is {_kind(x)}, not one tensor with a row per sample. "
                f"{self._advice()}"
            )
        if not (x.isfinite().all() and z.isfinite().all()):
            raise ValueError(
                "model: its representations or logits of the first samples hold NaN or infinite values; has "
                "the training diverged, or are the inputs out of scale?"
            )
        split.shape = tuple(x.shape[1:])
        self._dummy = torch.zeros_like(given[:1])
        split.head = self._kind_of_head(split, x, z)
        self._split = split
        return split

    def _order_of_execution(self, probe: Any) -> tuple[list[str], list[str]]:
        """Names of the linear layers in the order they run, and of all modules, once per call."""
        linear: list[str] = []
        ran: list[str] = []

        def noted(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, *_: Any) -> None:
                ran.append(name)
                if isinstance(module, nn.Linear):
                    linear.append(name)

            return hook

        handles = [module.register_forward_hook(noted(name)) for name, module in self.model.named_modules()]
        try:
            self._outputs(probe)
        finally:
            for handle in handles:
                handle.remove()
        return linear, ran

    def _kind_of_head(
        self, split: _Split, x: Tensor, z: Tensor
    ) -> Literal["linear", "log_softmax", "network"]:
        """What follows the cut; an error if the outputs depend on more than what passes it."""
        if split.side == "input" and x.ndim == 2 and split.call == 1:
            weight, bias = _weights(split)
            plain = nn.functional.linear(x, weight, bias)
            if _same(plain, z):
                return "linear"
            if _same(plain.log_softmax(1), z):
                return "log_softmax"
        failure = None
        # One dummy for all samples is the cheaper, but fails where the batch size is fixed before the split.
        for split.one_dummy in (True, False):
            try:
                if _same(self._rest(split, x.reshape(len(x), -1)), z):
                    return "network"
            except (RuntimeError, ValueError) as error:  # noqa: PERF203 - two turns
                failure = error
        raise ValueError(
            f"layer: the outputs depend on more than the {split.side} of {split.name!r}: something passes it "
            f"on another way, so the network cannot be split there. {self._advice()}"
        ) from failure

    def _rest(self, split: _Split, x: Tensor) -> Tensor:
        """The network behind the cut: a pass over zeros with x put in place at the cut."""
        dummy = self._dummy.repeat(1 if split.one_dummy else len(x), *(1,) * (self._dummy.ndim - 1))
        weights = {name: weight.detach() for name, weight in self.model.named_parameters()}
        with evaluating(self.model), _tapped(split, x.reshape(len(x), *split.shape)):
            outputs = torch.func.functional_call(self.model, weights, (dummy,))
        return self.as_logits(outputs, len(x))

    def _advice(self) -> str:
        """The network's layers and how to choose one."""
        lines = [f"  {name} ({type(module).__name__})" for name, module in self.model.named_modules() if name]
        if len(lines) > _LISTED:
            lines = [*lines[: _LISTED // 2], f"  … {len(lines) - _LISTED} more …", *lines[-_LISTED // 2 :]]
        listed = "\n".join(lines) if lines else "  (none: a single module)"
        return (
            "Choose with layer=<name> a module whose output is the representation and through which "
            f"everything passes, such as the last pooling or flattening. Its layers:\n{listed}"
        )


def as_predictor(model: Any, *, logits: bool | None = None, batch_size: int = 128) -> Subject | Predictor:
    """A classifier as something with ``predict(inputs) -> logits``; what is one already is returned as it is.

    Parameters
    ----------
    model
        A `Subject` or `Predictor`, a torch module, an object with ``predict_proba``, or a callable that gives
        probabilities.
    logits, batch_size
        As for `Predictor`.

    Returns
    -------
    Subject or Predictor

    Raises
    ------
    TypeError
        If ``model`` is none of these.
    """
    if isinstance(model, Predictor):
        return model
    return Predictor(model, logits=logits, batch_size=batch_size)


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside what torch wraps round it for several devices or for compilation.

    Parameters
    ----------
    model
        A network, wrapped or not.

    Returns
    -------
    torch module
    """
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]  # noqa: SLF001
        else:
            return model


def home(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a network: those of its first floating weight or buffer."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within a block; afterwards modes, buffers and random state are as before.

    Parameters
    ----------
    model
        The network. Gradients are the caller's business.
    """
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [(module, name, b) for module in modules for name, b in module._buffers.items()]  # noqa: SLF001
    kept = [(None, 0) if b is None else (b.clone(), b._version) for *_, b in buffers]  # noqa: SLF001
    device, _ = home(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            # The attribute, not eval(): a network may override train() with side effects.
            for module in modules:
                module.training = False
            yield
        finally:
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode
            with torch.no_grad():
                for (module, name, b), (old, version) in zip(buffers, kept, strict=True):
                    if b is not None and old is not None and b._version != version:  # noqa: SLF001
                        b.copy_(old)
                    module._buffers[name] = b  # noqa: SLF001


@contextmanager
def _tapped(split: _Split, replacement: Tensor | None = None) -> Iterator[list[Any]]:
    """Note what passes the cut, or put something else in its place."""
    seen: list[Any] = []
    calls = 0

    def at_the_cut() -> bool:
        nonlocal calls
        calls += 1
        return calls == split.call

    def entering(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not at_the_cut():
            return None
        seen.append(_kept(args[0] if args else kwargs.get("input")))
        return None if replacement is None else ((replacement.clone(),), {})

    def leaving(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        if not at_the_cut():
            return None
        seen.append(_kept(output))
        return None if replacement is None else replacement.clone()

    if split.side == "input":
        handle = split.module.register_forward_pre_hook(entering, with_kwargs=True)
    else:
        handle = split.module.register_forward_hook(leaving)
    try:
        yield seen
    finally:
        handle.remove()


def _kept(value: Any) -> Any:
    """A copy of what passes the cut: the next module may work in place."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def _weights(split: _Split) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear layer that is split at, cut off from their gradients."""
    assert isinstance(split.module, nn.Linear)
    weight, bias = split.module.weight.detach(), split.module.bias
    return weight, weight.new_zeros(len(weight)) if bias is None else bias.detach()


def _are_probabilities(outputs: Tensor) -> bool:
    """Whether all rows are non-negative and sum to one."""
    values = outputs.detach().double()
    return bool((values >= -1e-6).all() and ((values.sum(1) - 1).abs() <= _SUM_TOLERANCE).all())


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two sets of logits are equal up to the arithmetic of their type."""
    if a.shape != b.shape:
        return False
    tolerance = 1e-3 if b.dtype in (torch.float32, torch.float64) else 3e-2
    a, b = a.double(), b.double()
    return bool(((a - b).abs() <= tolerance * (1 + b.abs().amax(1, keepdim=True))).all())


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """A writable copy in this machine's byte order, as torch wants it."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _numpy(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def _kind(found: Any) -> str:
    return f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"


def _shown(row: Tensor) -> str:
    """A row of outputs, shortened."""
    numbers = ", ".join(f"{value:.3g}" for value in row[:4].tolist())
    return f"[{numbers}{', …' if len(row) > 4 else ''}]"
