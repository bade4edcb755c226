"""A model as attribution methods need it: pictures in, differentiable logits out, nothing left changed."""

from __future__ import annotations

import difflib
import reprlib
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dvi_widget.arrays import as_array, check_finite
from dvi_widget.subject import (
    LogitWatch,
    Outputs,
    Predictor,
    are_probabilities,
    as_predictor,
    evaluating,
    home,
    may_be_normalised,
    outputs_tensor,
    refused,
)

from .rules import CallMode, SeenCall

__all__ = ["WITHOUT_GRADIENTS", "InPlaceError", "Network", "Target", "explained", "requested"]

# The methods that errors point to.
WITHOUT_GRADIENTS = "occlusion, prediction_difference, lime, kernel_shap, shapley_sampling or rise"
_MIN_PROBABILITY = 1e-6  # of models that return probabilities; lower ones count as this
_BATCH_ROWS = 128  # pictures per forward pass without gradients
_PROBE_ROWS = 8  # pictures on which it is decided what outputs are
_LISTED = 12  # modules that an error lists


# Networks whose outputs once looked as if they had left a softmax or a sigmoid; to watch others is as right.
_WATCHED: weakref.WeakSet[nn.Module] = weakref.WeakSet()


class Target:
    """The classes to explain, resolved by the first logits scored, so that predictions cost no extra pass.

    Parameters
    ----------
    wanted : int64 [n] or None
        Classes; None for the model's own predictions.
    against : int or None
        The class whose logit is taken off, for what speaks for the others rather than for it.

    Attributes
    ----------
    logits : tensor [n, C] or None
        The first logits scored.
    """

    def __init__(self, wanted: NDArray[np.int64] | Tensor | None, against: int | None = None) -> None:
        self._wanted = None if wanted is None else torch.as_tensor(wanted, device="cpu")
        self._against = against
        self.logits: Tensor | None = None

    @property
    def classes(self) -> Tensor:
        """The classes, int64 [n], once logits have been scored."""
        assert self.logits is not None
        return self.logits.argmax(1) if self._wanted is None else self._wanted.to(self.logits.device)

    def of(self, rows: int | slice | Tensor, copies: int | None = None) -> Target:
        """Return the target of some of the pictures, or of copies of one picture, once logits were scored."""
        classes = self.classes[rows]
        return Target(classes if copies is None else classes.expand(copies), self._against)

    def score(self, z: Tensor) -> Tensor:
        """Return each row's logit of its class, less that of the class it is against: [n] from [n, C].

        Raises
        ------
        ValueError
            If a wanted class does not exist, or is the one it is against.
        """
        return self._scored(z, z)

    def relevance(self, z: Tensor) -> Tensor:
        """Return scores [n] whose gradient by logits z [n, C] is their relevance: z of the class."""
        return self._scored(z, z * z.detach())

    def _scored(self, z: Tensor, values: Tensor) -> Tensor:
        """Resolve the classes by logits z, and return the values of each row's class less the other's."""
        if self.logits is None:
            last = z.shape[1] - 1
            if self._wanted is not None and (int(self._wanted.min()) < 0 or int(self._wanted.max()) > last):
                wrong = next(value for value in self._wanted.tolist() if not 0 <= value <= last)
                raise ValueError(f"target must be a class of the model, 0 to {last}; got {wrong}.")
            if self._against is not None and self._against > last:
                raise ValueError(f"against must be a class of the model, 0 to {last}; got {self._against}.")
            self.logits = z.detach()
            if self._against is not None and bool((self.classes == self._against).any()):
                raise ValueError(
                    f"against must be another class than the one explained; got {self._against} for both. "
                    "Name the target, or leave such pictures out."
                )
        own = values.gather(1, self.classes[:, None])[:, 0]
        return own if self._against is None else own - values[:, self._against]


def requested(target: int | ArrayLike | Tensor | None, n: int) -> NDArray[np.int64] | None:
    """Return the wanted classes as int64 [n], None for the model's own predictions.

    Raises
    ------
    ValueError
        If there is neither one class nor one per picture.
    TypeError
        If classes are not whole numbers.
    """
    if target is None:
        return None
    values = as_array("target", target)
    if values.dtype.kind not in "iu":
        raise TypeError(f"target must be whole numbers; got dtype {values.dtype}.")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n):
        raise ValueError(
            f"target must be one class, or one for each of the {n} pictures; got shape {values.shape}."
        )
    return np.broadcast_to(values, (n,)).astype(np.int64)


class Network:
    """A classifier of pictures, whose logits are explained.

    A network that ends in a softmax or a sigmoid is read before it. Other outputs that sum to one become
    their logarithms less the mean over classes, which are logits up to a constant. All come with a warning.

    Parameters
    ----------
    model
        Any classifier that `as_predictor` takes.
    outputs
        What the model's outputs are, whatever they look like; None to decide.

    Attributes
    ----------
    predictor : Predictor
    module : torch module or None
        None for a classifier that is no network.
    seen : set
        The kinds of function calls that function modes have seen, see `CallMode`.

    Raises
    ------
    TypeError
        If it is not a classifier.
    ValueError
        If a module's weights are spread over devices, or not loaded.
    """

    def __init__(self, model: Any, outputs: Outputs | None = None) -> None:
        if outputs is not None and isinstance(model, Predictor):
            model = model.model
        self.predictor = as_predictor(model, outputs=outputs)
        self.seen: set[SeenCall] = set()
        self.module: nn.Module | None = (
            self.predictor.model if isinstance(self.predictor.model, nn.Module) else None
        )
        if self.module is not None:
            devices = {t.device for t in chain(self.module.parameters(), self.module.buffers())}
            if len(devices) > 1:
                listed = ", ".join(sorted(map(str, devices)))
                raise ValueError(
                    f"model must be on one device; got {listed}. Move it, say by model.to('cpu')."
                )
            if devices == {torch.device("meta")}:
                raise ValueError("model must have values; got the device 'meta'. Load its weights first.")

    @property
    def device(self) -> torch.device:
        """The device that the network computes on."""
        return home(self.module)[0] if self.module is not None else torch.device("cpu")

    def pictures(self, images: ArrayLike | Tensor) -> Tensor:
        """Return a copy of pictures as the network takes them: floating [N, C, H, W] on its device.

        Raises
        ------
        ValueError
            If the shape is neither ``[N, C, H, W]`` nor ``[C, H, W]``, or values are not finite.
        TypeError
            If the values are no floating numbers; only the caller knows how integers were scaled in training.
        """
        if isinstance(images, Tensor):
            tensor = images.detach()
        else:
            array = np.array(as_array("images", images))
            if array.dtype.kind not in "fiub":
                raise TypeError(
                    f"images must be an array of numbers [N, C, H, W]; got {reprlib.repr(images)}. "
                    "Open files first, say with PIL.Image."
                )
            tensor = torch.from_numpy(array)
        if tensor.ndim == 3:
            tensor = tensor[None]
        if tensor.ndim != 4 or 0 in tensor.shape:
            raise ValueError(
                f"images must be pictures [N, C, H, W], or one [C, H, W]; got shape {tuple(tensor.shape)}."
            )
        if not tensor.is_floating_point():
            raise TypeError(
                f"images must be floating; got {str(tensor.dtype).removeprefix('torch.')}. Pass what the "
                "model was trained on, for instance images.astype('float32') / 255."
            )
        device, dtype = home(self.module) if self.module is not None else (torch.device("cpu"), torch.float32)
        with torch.inference_mode(False):
            copy = tensor.to(device, dtype, copy=True)
        if not bool(copy.isfinite().all()):
            check_finite("images", copy.float().cpu().numpy())
        return copy

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Put the network into evaluation mode with gradients on; restore everything afterwards.

        Raises
        ------
        ValueError
            If torch cannot differentiate the network as it is written.
        """
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            if self.module is not None:
                stack.enter_context(evaluating(self.module))
            try:
                yield
            except RuntimeError as error:
                told = explained(error)
                if told is None:
                    raise
                raise told from error

    def scores(self, x: Tensor, *modes: TorchFunctionMode) -> Tensor:
        """Return logits of pictures, differentiable, computed under the given function modes.

        Parameters
        ----------
        x : tensor [n, C, H, W]
            May require gradients.
        *modes
            Rules for the backward pass.

        Returns
        -------
        tensor [n, classes]
        """
        if self.module is None:
            return self._answers(x)
        outputs, watch = self._watched(x, modes)
        self.seen.update(*(mode.seen for mode in modes if isinstance(mode, CallMode)))
        if self.predictor.outputs is None:
            self._decide(outputs_tensor(outputs, len(x))[0], x, watch)
        logits = self.predictor.as_logits(outputs, len(x), watch)
        before = watch.before(outputs_tensor(outputs, len(x))[0])
        probabilities = self.predictor.outputs == "probabilities"
        if before is not None and (before[0] == "log_softmax" or (before[0] == "softmax" and probabilities)):
            entered: Tensor = before[1]
            return entered
        return logits - logits.mean(1, keepdim=True) if probabilities else logits

    def _watched(self, x: Tensor, modes: tuple[TorchFunctionMode, ...]) -> tuple[Any, LogitWatch]:
        """Return the module's outputs, and what watched them.

        A watch sees every call, which costs. Without modes it looks only at a second pass, through networks
        whose outputs may have left a softmax or a sigmoid.
        """
        assert self.module is not None
        watch = LogitWatch()
        if not modes and self.module not in _WATCHED:
            outputs = self.outputs(x)
            if not may_be_normalised(outputs_tensor(outputs, len(x))[0]):
                return outputs, watch
            _WATCHED.add(self.module)
        return self.outputs(x, *modes, watch), watch

    def _decide(self, outputs: Tensor, x: Tensor, watch: LogitWatch) -> None:
        """Decide that outputs are logits though those of x sum to one, if those of random pictures do not.

        The rows of a few pictures may sum to one by chance, and what is explained must not depend on them.
        """
        if watch.before(outputs) is not None or not are_probabilities(outputs):
            return
        generator = torch.Generator("cpu").manual_seed(0)
        probes = torch.rand(_PROBE_ROWS, *x.shape[1:], generator=generator, device="cpu").to(x)
        with torch.no_grad():
            rows = [outputs_tensor(self.outputs(probe[None]), 1)[0] for probe in probes]
        if not are_probabilities(torch.cat(rows)):
            self.predictor = Predictor(self.predictor.model, outputs="logits")

    def outputs(self, x: Tensor, *modes: TorchFunctionMode) -> Any:
        """Return what the module itself returns for pictures [n, C, H, W], under the given function modes.

        The last mode is the outermost: it sees what the network itself calls, graph and all. Under rules
        weights are constants, so that these follow the picture alone, and half precision is single, because
        small denominators vanish in it.
        """
        assert self.module is not None
        frozen = any(isinstance(mode, CallMode) for mode in modes)
        frozen = frozen and not isinstance(self.module, torch.jit.ScriptModule)
        # A copy, because an in-place first layer must not write to a leaf, nor to the caller's pictures.
        given = _single(x.clone()) if frozen else x.clone()
        call: Callable[[Tensor], Any] = self.module
        try:
            # Modes come last, for they see whatever happens to tensors.
            with ExitStack() as stack:
                if frozen:
                    call = stack.enter_context(_frozen(self.module))
                for mode in modes:
                    stack.enter_context(mode)
                return call(given)
        except RuntimeError as error:
            raise explained(error) or refused("images", self.module, given, error) from error

    def _answers(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of a model that is no network."""
        array: NDArray[Any] = x.detach().numpy()
        expected = getattr(self.predictor.model, "n_features_in_", None)
        if expected is not None:
            flat = array.reshape(len(array), -1)
            if flat.shape[1] != expected:
                raise ValueError(
                    f"images must hold {expected} numbers per picture, which the model was trained on; got "
                    f"{flat.shape[1]} of shape {tuple(x.shape[1:])}."
                )
            array = flat
        logits = torch.from_numpy(self.predictor.predict(array))
        return logits.clamp(min=float(np.log(_MIN_PROBABILITY)))

    def logits(self, x: Tensor) -> Tensor:
        """Return logits without a graph, computed in batches: tensor [n, classes]."""
        with torch.no_grad():
            return torch.cat([self.scores(part) for part in torch.split(x, _BATCH_ROWS)])

    def gradient(self, x: Tensor, target: Target, *modes: TorchFunctionMode) -> Tensor:
        """Return the gradient of each picture's target logit by the given rules, shaped like x.

        Raises
        ------
        ValueError
            If no gradient comes back, because the network runs without gradients or detaches.
        """
        leaf = x.detach().requires_grad_()
        return self.backward(target.score(self.scores(leaf, *modes)).sum(), leaf)

    @staticmethod
    def backward(score: Tensor, leaf: Tensor) -> Tensor:
        """Return the gradient of a score, after checking that there is one."""
        _needs_graph(score)
        (gradient,) = torch.autograd.grad(score, leaf, allow_unused=True)
        if gradient is None:
            raise ValueError("model must depend on the pictures; its outputs do not, so no gradient exists.")
        return gradient

    def layer(self, name: str) -> nn.Module:
        """Return the module of that name.

        Raises
        ------
        TypeError
            If the name is not a string, or the model is not a torch module.
        ValueError
            If there is no such module; the message has the closest names.
        """
        if not isinstance(name, str):
            raise TypeError(f"layer must be the name of a module; got {name!r}.")
        if self.module is None:
            raise TypeError(
                f"model must be a torch module to have layers; got {type(self.predictor.model).__name__}. "
                f"Attributions of it work by {WITHOUT_GRADIENTS}."
            )
        modules: dict[str, nn.Module] = dict(self.module.named_modules())
        if name not in modules or name == "":
            names = [known for known in modules if known]
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
            hint = "the closest are" if near else "it has"
            listed = ", ".join(map(repr, near or names[:_LISTED]))
            raise ValueError(f"layer must be a module of the network; got {name!r}: {hint} {listed}.")
        return modules[name]

    @contextmanager
    def tapped(self, layer: str, change: Callable[[Tensor], Tensor]) -> Iterator[list[Tensor]]:
        """Collect a layer's outputs, call by call, passed through ``change``."""
        seen: list[Tensor] = []

        def leaving(_: nn.Module, __: Any, output: Any) -> Any:
            if not isinstance(output, Tensor):
                raise TypeError(
                    f"layer must return one tensor; got {type(output).__name__} from {layer!r}. Choose a "
                    "layer inside or behind it."
                )
            seen.append(change(output))
            # The network goes on with a copy, which an in-place successor may overwrite.
            return seen[-1].clone()

        handle = self.layer(layer).register_forward_hook(leaving)
        try:
            yield seen
        finally:
            handle.remove()


@contextmanager
def _frozen(module: nn.Module) -> Iterator[Callable[[Tensor], Any]]:
    """Lend a module whose weights are constants for a block, half precision being single."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    halves = any(map(_is_half, chain(module.parameters(), module.buffers())))
    if halves or not all(weight.is_leaf for weight in weights):
        constants = {name: _single(w.detach()) for name, w in module.named_parameters()}
        constants |= {name: _single(b) for name, b in module.named_buffers() if _is_half(b)}
        yield lambda x: torch.func.functional_call(module, constants, (x,))
        return
    try:  # quicker than to put constants in their places
        for weight in weights:
            weight.requires_grad_(False)
        yield module
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def _is_half(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.float16, torch.bfloat16)


def _single(tensor: Tensor) -> Tensor:
    """Return half precision as single, all else as it is."""
    return tensor.float() if _is_half(tensor) else tensor


class InPlaceError(ValueError):
    """A network overwrites what its own backward pass needs."""


def explained(error: RuntimeError) -> ValueError | None:
    """Return what a person can do about an error of torch's backward pass; None if it is another error."""
    message = str(error)
    if "heckpoint" in message:
        return ValueError(
            "model must keep its activations; got one that recomputes them in the backward pass "
            "(torch.utils.checkpoint). Switch checkpointing off, pass use_reentrant=False, or use "
            f"{WITHOUT_GRADIENTS}."
        )
    if "inplace operation" in message or "modified inplace" in message:
        return InPlaceError(
            "model must keep what its own backward pass needs; got an operation in place that overwrites it "
            f"({message.splitlines()[0]}) Write that operation without the underscore, or use "
            f"{WITHOUT_GRADIENTS}."
        )
    return None


def _needs_graph(outputs: Tensor) -> None:
    """Raise an error if no gradient can come back from outputs."""
    if not outputs.requires_grad:
        raise ValueError(
            "model must let gradients back to the pictures; its forward runs under torch.no_grad(), "
            f"detaches, or is not differentiable. Let gradients pass, or use {WITHOUT_GRADIENTS}."
        )
