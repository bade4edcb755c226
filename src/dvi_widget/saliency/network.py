"""A model as attribution methods need it: pictures in, logits out, differentiable, left as it was found."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dvi_widget.subject import as_predictor, evaluating, home, refused

from .rules import LogitWatch

__all__ = ["Network", "Target", "requested"]

_FLOOR = 1e-6  # probabilities of models without logits count as at least this
_BATCH = 128  # pictures per forward pass of the methods without gradients


class Target:
    """The classes to explain, settled by the first logits that come by: they cost no pass of their own.

    Parameters
    ----------
    wanted
        Class numbers int64 [n], or None for the model's own predictions.
    """

    def __init__(self, wanted: NDArray[np.int64] | Tensor | None) -> None:
        self._wanted = None if wanted is None else torch.as_tensor(wanted)
        self.logits: Tensor | None = None

    @property
    def classes(self) -> Tensor:
        """Class numbers int64 [n], once logits have come by."""
        assert self.logits is not None
        return self.logits.argmax(1) if self._wanted is None else self._wanted.to(self.logits.device)

    def score(self, z: Tensor) -> Tensor:
        """Each row's logit of its class: [n].

        Raises
        ------
        ValueError
            If a wanted class does not exist.
        """
        if self.logits is None:
            last = z.shape[1] - 1
            if self._wanted is not None and (int(self._wanted.min()) < 0 or int(self._wanted.max()) > last):
                wrong = next(value for value in self._wanted.tolist() if not 0 <= value <= last)
                raise ValueError(f"target: {wrong} is out of range; the model has the classes 0 to {last}")
            self.logits = z.detach()
        return z.gather(1, self.classes[:, None])[:, 0]


def requested(target: int | ArrayLike | Tensor | None, n: int) -> NDArray[np.int64] | None:
    """Wanted class numbers, one per picture, or None for the model's own predictions: int64 [n].

    Raises
    ------
    ValueError
        If there is not one per picture.
    TypeError
        If they are not whole numbers.
    """
    if target is None:
        return None
    values = target.detach().cpu().numpy() if isinstance(target, Tensor) else np.asarray(target)
    if values.dtype.kind not in "iu":
        raise TypeError(f"target: class numbers are whole numbers, found {values.dtype}")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != n):
        raise ValueError(
            f"target: pass one class number, or one for each of the {n} pictures; found shape {values.shape}"
        )
    return np.broadcast_to(values, (n,)).astype(np.int64)


class Network:
    """A classifier of pictures under study.

    Logits are what is explained. A network that ends in a softmax is read before it; other outputs that sum
    to one count as log-probabilities less their mean over the classes, which are logits up to a constant;
    with a warning in both cases.

    Parameters
    ----------
    model
        A torch module, a `Subject`, a `Predictor`, an object with ``predict_proba`` or a callable that gives
        probabilities.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If a module's weights lie on several devices, or nowhere.
    """

    def __init__(self, model: Any) -> None:
        self.predictor = as_predictor(model)
        self.module: nn.Module | None = (
            self.predictor.model if isinstance(self.predictor.model, nn.Module) else None
        )
        if self.module is not None:
            devices = {str(t.device) for t in (*self.module.parameters(), *self.module.buffers())}
            if len(devices) > 1:
                raise ValueError(
                    f"model: its weights lie on several devices ({', '.join(sorted(devices))}); move it "
                    "to one, say model.to('cpu')"
                )
            if devices == {"meta"}:
                raise ValueError(
                    "model: its weights lie on the device 'meta', which holds no values; load them first"
                )

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return home(self.module)[0] if self.module is not None else torch.device("cpu")

    def pictures(self, images: ArrayLike | Tensor) -> Tensor:
        """Pictures as the network takes them: floating [N, C, H, W] on its device, in memory of their own.

        Raises
        ------
        ValueError
            If the shape is not ``[N, C, H, W]`` or ``[C, H, W]``, or values are not finite.
        TypeError
            If the values are no numbers; or integers: only the caller knows what the network was trained on.
        """
        if isinstance(images, Tensor):
            tensor = images.detach()
        else:
            array = np.array(images)
            if array.dtype.kind not in "fiub":
                raise TypeError(
                    f"images: pictures are arrays of numbers [N, C, H, W], found {reprlib.repr(images)}; "
                    "open files first, say with PIL.Image"
                )
            tensor = torch.from_numpy(array)
        if tensor.ndim == 3:
            tensor = tensor[None]
        if tensor.ndim != 4 or 0 in tensor.shape:
            raise ValueError(
                f"images: pictures are [N, C, H, W], or one [C, H, W]; found {tuple(tensor.shape)}"
            )
        if not tensor.is_floating_point():
            raise TypeError(
                f"images: found {str(tensor.dtype).removeprefix('torch.')}; pass the numbers the model "
                "was trained on, "
                "for instance images.astype('float32') / 255"
            )
        device, dtype = home(self.module) if self.module is not None else (torch.device("cpu"), torch.float32)
        with torch.inference_mode(False):
            copy = tensor.to(device, dtype, copy=True)
        if not bool(copy.isfinite().all()):
            raise ValueError("images: they hold NaN or infinity; an explanation needs finite pictures")
        return copy

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Evaluation mode and working gradients while in use; all is put back afterwards."""
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            if self.module is not None:
                stack.enter_context(evaluating(self.module))
            yield

    def scores(self, x: Tensor, *modes: TorchFunctionMode) -> Tensor:
        """Logits of pictures, differentiable, computed under the given function modes.

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
        # A copy goes in: an in-place first layer must meet no leaf, and spoil no picture.
        given = x.clone()
        with ExitStack() as stack:
            watch = stack.enter_context(LogitWatch())
            for mode in modes:
                stack.enter_context(mode)
            outputs = self._forward(given, frozen=bool(modes))
        logits = self.predictor.as_logits(outputs, len(x))
        before = watch.before(outputs)
        if before is not None and (before[0] == "log_softmax" or not self.predictor.gives_logits):
            entered: Tensor = before[1]
            return entered
        if not self.predictor.gives_logits:
            return logits - logits.mean(1, keepdim=True)
        return logits

    def _forward(self, given: Tensor, *, frozen: bool) -> Any:
        """The module's outputs; ``frozen`` weights are constants, so that rules follow the picture alone."""
        assert self.module is not None
        try:
            if not frozen or isinstance(self.module, torch.jit.ScriptModule):
                return self.module(given)
            weights = {name: weight.detach() for name, weight in self.module.named_parameters()}
            return torch.func.functional_call(self.module, weights, (given,))
        except RuntimeError as error:
            raise refused("images", self.module, given, error) from error

    def _answers(self, x: Tensor) -> Tensor:
        """Logarithms of the probabilities of a model that is no network."""
        array: NDArray[Any] = x.detach().numpy()
        expected = getattr(self.predictor.model, "n_features_in_", None)
        if expected is not None:
            flat = array.reshape(len(array), -1)
            if flat.shape[1] != expected:
                raise ValueError(
                    f"images: the model takes {expected} numbers a picture, these have {flat.shape[1]} "
                    f"{tuple(x.shape[1:])}"
                )
            array = flat
        logits = torch.from_numpy(self.predictor.predict(array))
        return logits.clamp(min=float(np.log(_FLOOR)))

    def logits(self, x: Tensor) -> Tensor:
        """Logits without a graph, in batches: tensor [n, classes]."""
        with torch.no_grad():
            return torch.cat([self.scores(part) for part in torch.split(x, _BATCH)])

    def gradient(self, x: Tensor, target: Target, *modes: TorchFunctionMode) -> Tensor:
        """Gradient of each picture's target logit, as the given rules have it: tensor like x.

        Raises
        ------
        ValueError
            If no gradient comes back, because the network works without gradients or cuts them off.
        """
        leaf = x.detach().requires_grad_()
        return self.backward(target.score(self.scores(leaf, *modes)).sum(), leaf)

    def differentiable(self, x: Tensor) -> Tensor:
        """`scores` with a graph to the pictures, or an error for people."""
        z = self.scores(x)
        _needs_graph(z)
        return z

    @staticmethod
    def backward(score: Tensor, leaf: Tensor) -> Tensor:
        """Gradient of a score, or an error for people."""
        _needs_graph(score)
        (gradient,) = torch.autograd.grad(score, leaf, allow_unused=True)
        if gradient is None:
            raise ValueError("model: its outputs do not depend on the pictures; a gradient does not exist")
        return gradient

    def layer(self, name: str) -> nn.Module:
        """The module of that name.

        Raises
        ------
        TypeError
            If the name is no string; or the model has no layers, being no torch module.
        ValueError
            If there is none, with the nearest names.
        """
        if not isinstance(name, str):
            raise TypeError(f"layer: must be the name of a module, found {name!r}")
        module = self.network("layers")
        modules: dict[str, nn.Module] = dict(module.named_modules())
        if name not in modules or name == "":
            names = [known for known in modules if known]
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
            said = (
                f"the nearest are {', '.join(map(repr, near))}"
                if near
                else f"it has {', '.join(map(repr, names[:12]))}"
            )
            raise ValueError(f"layer: the network has no module named {name!r}; {said}")
        return modules[name]

    def network(self, purpose: str) -> nn.Module:
        """The torch module.

        Raises
        ------
        TypeError
            If the model is none.
        """
        if self.module is None:
            raise TypeError(
                f"model: {purpose} need a torch module, and this is "
                f"{type(self.predictor.model).__name__}; methods without gradients work: "
                "occlusion, lime, kernel_shap, shapley_sampling, prediction_difference, rise"
            )
        return self.module

    @contextmanager
    def tapped(self, layer: str, change: Callable[[Tensor], Tensor] | None = None) -> Iterator[list[Tensor]]:
        """Collects what leaves a layer, call by call; ``change`` may put something else in its place."""
        seen: list[Tensor] = []

        def leaving(_: nn.Module, __: Any, output: Any) -> Any:
            if not isinstance(output, Tensor):
                raise TypeError(
                    f"layer: {layer!r} gives {type(output).__name__}, not one tensor; choose a layer "
                    "inside or behind it"
                )
            if change is None:
                seen.append(output)
                return None
            seen.append(change(output))
            # A copy goes on, so that an in-place successor leaves what was seen alone.
            return seen[-1].clone()

        handle = self.layer(layer).register_forward_hook(leaving)
        try:
            yield seen
        finally:
            handle.remove()


def _needs_graph(outputs: Tensor) -> None:
    """Refuse outputs that no gradient comes back from."""
    if not outputs.requires_grad:
        raise ValueError(
            "model: no gradient comes back from its outputs: its forward works under torch.no_grad(), or "
            "detaches, or is not differentiable. Let gradients pass, or use a method without gradients: "
            "occlusion, lime, kernel_shap, shapley_sampling, prediction_difference, rise"
        )
