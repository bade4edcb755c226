"""A torch classifier split as c = g∘f: representations f and head g."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from .inputs import arguments, count, each
from .lending import evaluating, home
from .outputs import LogitWatch, Outputs, outputs_tensor
from .predictor import Predictor, as_numpy

_PROBE_ROWS = 8  # samples on which the split is found and checked
_MAX_LISTED_LAYERS = 60  # in an error


@dataclass
class _Split:
    """A place at which a network is split: a call of a module, and one side of it.

    Attributes
    ----------
    name, module
        The module.
    call
        Which of the module's calls in a forward pass, from 1.
    side
        Whether the representation is what enters the module or what leaves it.
    shape
        Shape of the representation of one sample.
    head
        What follows the split: one linear layer, with log-softmax or without, or more of the network.
    one_dummy
        Whether one dummy sample can stand for all when the head is run.
    tokens
        Whether the linear layer classifies every token of a sample, of which one is then chosen.
    label
        As for `Subject`.
    """

    name: str
    module: nn.Module
    call: int
    side: Literal["input", "output"]
    shape: tuple[int, ...]
    head: Literal["linear", "log_softmax", "network"] = "network"
    one_dummy: bool = True
    tokens: bool = False
    label: tuple[int, int] | None = None


class Subject(Predictor):
    """A torch classifier split as c = g∘f: representations f, head g (§4.1 of the DeepVisualInsight paper).

    By default the network is split at the linear layer that runs last, or of several heads at the one that
    returns the logits: its input is the representation; the layer and all that follows is the head. ``layer``
    names another module: then its *output* is the representation (flattened to one row per sample), and the
    rest of the network is the head. Naming the last linear layer is the same as the default.

    A head that is not one linear layer is run by sending zeros through the network and replacing the output
    of the split module by the representation. That is sound only if nothing bypasses the split; this is
    checked on the first samples, and a network that fails is refused.

    The network is left as it was: evaluation mode only while in use (each submodule's own mode is restored);
    weights, buffers, gradients and the random state unchanged; no graph kept.

    Parameters
    ----------
    model
        A module from one tensor ``[n, ...]`` to one tensor ``[n, C]``.
    layer
        Name of the module to split at, as in ``model.named_modules()``; None for the last linear layer.
    outputs, batch_size
        As for `Predictor`.
    label
        ``(c, size)``: the model returns `size` labels that do not exclude each other, of which c is studied,
        as two classes, absent and present: its logit z stands for [0, z].

    Raises
    ------
    TypeError
        If ``model`` is not a torch module.
    ValueError
        If the network cannot be split; the message lists its layers and says how to choose one. Errors that
        depend on the order of execution are raised with the first samples.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    >>> subject = Subject(network)
    >>> h, z = subject.features_and_logits(torch.rand(5, 1, 8, 8))
    >>> h.shape, z.shape
    ((5, 16), (5, 10))
    >>> subject.head(torch.from_numpy(h)).shape  # the same logits, differentiable in h
    torch.Size([5, 10])
    """

    model: nn.Module

    def __init__(
        self,
        model: nn.Module,
        *,
        layer: str | None = None,
        outputs: Outputs | None = None,
        batch_size: int = 128,
        label: tuple[int, int] | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(
                f"model must be a torch module; got {type(model).__name__}. For predictions alone, "
                "as_predictor takes any classifier."
            )
        super().__init__(model, outputs=outputs, batch_size=batch_size)
        self._label = label
        if (kind := _opaque(self.model)) is not None:
            raise ValueError(
                f"model must be made of torch modules whose calls can be watched; got one of {kind}. Pass "
                "the torch module it was made from, or record what it returns with dvi.ArrayRecorder."
            )
        # A network that is itself one linear layer has the name "".
        names = [n for n, module in self.model.named_modules() if n or isinstance(module, nn.Linear)]
        if layer is not None and layer not in names:
            raise ValueError(f"layer must be a module of the network; got {layer!r}. {self._advice()}")
        if layer is None and not any(isinstance(module, nn.Linear) for module in self.model.modules()):
            raise ValueError(f"model must have an nn.Linear to split at; got none. {self._advice()}")
        self._requested = layer
        self._split: _Split | None = None

    @property
    def layer(self) -> str:
        """Name of the module the network is split at.

        Raises
        ------
        RuntimeError
            Before the network has run, as the split depends on the order of execution.
        """
        return self._known_split().name

    @property
    def side(self) -> Literal["input", "output"]:
        """Which side of `layer` the representation is taken on."""
        return self._known_split().side

    @property
    def head_kind(self) -> Literal["linear", "log_softmax", "network"]:
        """Kind of head: one linear layer, one followed by log-softmax, or more of the network."""
        return self._known_split().head

    @property
    def linear_head(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Weight ``[C, h]`` and bias ``[C]`` (float32 copies) if the head is one linear layer, else None."""
        return self.linear_layer if self.head_kind == "linear" else None

    @property
    def linear_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """As `linear_head`, but also if log-softmax follows the linear layer."""
        if self.head_kind == "network":
            return None
        weight, bias = _weights(self._known_split())
        return as_numpy(weight).copy(), as_numpy(bias).copy()

    def features(self, inputs: ArrayLike | Tensor) -> NDArray[np.float32]:
        """Compute representations f(s), float32 ``[n, h]``; see `features_and_logits`."""
        return self.features_and_logits(inputs)[0]

    def features_and_logits(
        self, inputs: ArrayLike | Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Compute representations and logits in one pass.

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
            As for `Predictor.predict`; also if the network cannot be split, with a list of its layers.
        """
        features, logits = [], []
        with self._borrowed():
            for batch in self._batches(inputs):
                split = self._split or self._find_split(each(lambda part: part[:_PROBE_ROWS], batch))
                with _tapped(split) as seen:
                    z = self._logits(batch)
                features.append(as_numpy(_chosen(split, seen[0], z).reshape(len(z), -1)))
                logits.append(as_numpy(z))
        return np.concatenate(features), np.concatenate(logits)

    def head(self, x: Tensor) -> Tensor:
        """Compute logits g(x), differentiable in ``x`` but not in the weights.

        Parameters
        ----------
        x : tensor [n, h]
            Representations, on any device, of any floating dtype.

        Returns
        -------
        tensor [n, C]
            On the device and of the dtype of ``x``.

        Raises
        ------
        ValueError
            If ``x`` is not ``[n, h]``.
        RuntimeError
            Before the network has run, as the split is then unknown.
        """
        split = self._known_split()
        width = int(np.prod(split.shape))
        if x.ndim != 2 or x.shape[1] != width:
            raise ValueError(f"x must be representations [n, {width}]; got shape {tuple(x.shape)}.")
        device, dtype = home(self.model)
        moved = x.to(device, dtype)
        if split.head == "network":
            return torch.cat([self._rest(split, part) for part in torch.split(moved, self.batch_size)]).to(x)
        weight, bias = _weights(split)
        z = nn.functional.linear(moved, weight, bias)
        return (z if split.head == "linear" else z.log_softmax(1)).to(x)

    def check_split(self) -> None:
        """Check that the module the network is split at is still the one that was found.

        Raises
        ------
        ValueError
            If another module has taken its place.
        """
        split = self._known_split()
        if dict(self.model.named_modules()).get(split.name) is not split.module:
            raise ValueError(f"layer {split.name!r} is no longer the module it was")

    def _known_split(self) -> _Split:
        if self._split is None:
            raise RuntimeError(
                "The split is known once the network has run: call features or features_and_logits first."
            )
        return self._split

    def _find_split(self, probe: Any) -> _Split:
        """Split the network at the requested or the last linear layer, and check that nothing bypasses it."""
        inputs, n = self._tensors(probe), count(probe)
        last, ran = self._order_of_execution(probe)
        name = last if self._requested is None else self._requested
        if name is None:
            raise ValueError(f"model must call one of its linear layers; got none called. {self._advice()}")
        if name not in ran:
            raise ValueError(
                f"layer must run in a forward pass; got {name!r}, which does not run. {self._advice()}"
            )
        side: Literal["input", "output"] = "input" if name == last else "output"
        split = _Split(name, self.model.get_submodule(name), ran.count(name), side, (), label=self._label)
        with _tapped(split) as seen:
            z = self._logits(probe)
        x = seen[0] if seen else None
        if not isinstance(x, Tensor) or x.ndim < 2 or len(x) != n or not x.is_floating_point():
            raise ValueError(
                f"layer must have one tensor with a row per sample as its {side}; got {name!r}, which has "
                f"{_kind(x)}. {self._advice()}"
            )
        if not (x.isfinite().all() and z.isfinite().all()):
            raise ValueError(
                "model must return finite numbers; got NaN or infinity in the representations or logits of "
                "the first samples. Did training diverge, or are the inputs out of scale?"
            )
        split.tokens = side == "input" and x.ndim == 3 and _picks_tokens(split, x, z)
        x = _chosen(split, x, z)
        split.shape = tuple(x.shape[1:])
        # Numbers that index something, or mask it, must stay valid.
        self._dummy = each(lambda t: torch.zeros_like(t[:1]) if t.is_floating_point() else t[:1], inputs)
        split.head = self._kind_of_head(split, x, z)
        self._split = split
        return split

    def _order_of_execution(self, probe: Any) -> tuple[str | None, list[str]]:
        """Return the name of the last linear layer, and those of all modules in the order of their calls.

        Of several heads, the last is the one whose output the network returns as its logits.
        """
        linear: list[tuple[str, Any]] = []
        ran: list[str] = []

        def noting(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, _: Any, output: Any) -> None:
                ran.append(name)
                if isinstance(module, nn.Linear):
                    linear.append((name, output))

            return hook

        handles = [module.register_forward_hook(noting(name)) for name, module in self.model.named_modules()]
        try:
            returned = self._outputs(probe)
        finally:
            for handle in handles:
                handle.remove()
        logits, _ = outputs_tensor(returned, count(probe))
        heads = [name for name, output in linear if _is_view(output, logits)] or [name for name, _ in linear]
        return (heads[-1] if heads else None), ran

    def _kind_of_head(
        self, split: _Split, x: Tensor, z: Tensor
    ) -> Literal["linear", "log_softmax", "network"]:
        """Find out what follows the split; raise if the outputs depend on more than what passes it."""
        if split.side == "input" and x.ndim == 2 and split.call == 1:
            weight, bias = _weights(split)
            plain = nn.functional.linear(x, weight, bias)
            if _same(plain, z):
                return "linear"
            if _same(plain.log_softmax(1), z):
                return "log_softmax"
        failure = None
        # One dummy for all samples is cheaper, but fails if the batch size is fixed before the split.
        for split.one_dummy in (True, False):
            try:
                if _same(self._rest(split, x.reshape(len(x), -1)), z):
                    return "network"
            except (RuntimeError, ValueError) as error:  # noqa: PERF203 - two turns
                failure = error
        raise ValueError(
            f"layer must be one through which everything passes; got {split.name!r}, but the outputs depend "
            f"on more than its {split.side}. {self._advice()}"
        ) from failure

    def _rest(self, split: _Split, x: Tensor) -> Tensor:
        """Run the network behind the split: a pass over zeros in which x takes its place at the split."""
        rows = 1 if split.one_dummy else len(x)
        args, kwargs = arguments(each(lambda t: t.repeat(rows, *(1,) * (t.ndim - 1)), self._dummy))
        weights = {name: weight.detach() for name, weight in self.model.named_parameters()}
        replaced = _tapped(split, x.reshape(len(x), *split.shape))
        with evaluating(self.model), LogitWatch() as watch, replaced:
            outputs = torch.func.functional_call(self.model, weights, args, kwargs)
        return self.as_logits(outputs, len(x), watch)

    def _advice(self) -> str:
        """List the network's layers and say how to choose one."""
        lines = [f"  {name} ({type(module).__name__})" for name, module in self.model.named_modules() if name]
        if len(lines) > _MAX_LISTED_LAYERS:
            lines = [
                *lines[: _MAX_LISTED_LAYERS // 2],
                f"  … {len(lines) - _MAX_LISTED_LAYERS} more …",
                *lines[-_MAX_LISTED_LAYERS // 2 :],
            ]
        listed = "\n".join(lines) if lines else "  (none: a single module)"
        return (
            "Choose with layer=<name> a module whose output is the representation and through which "
            f"everything passes, such as the last pooling or flattening. Its layers:\n{listed}"
        )


@contextmanager
def _tapped(split: _Split, replacement: Tensor | None = None) -> Iterator[list[Any]]:
    """Collect what passes the split, or put something else in its place."""
    seen: list[Any] = []
    calls = 0

    def at_split() -> bool:
        nonlocal calls
        calls += 1
        return calls == split.call

    def entering(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not at_split():
            return None
        seen.append(_copied(args[0] if args else kwargs.get("input")))
        return None if replacement is None else ((replacement.clone(),), {})

    def leaving(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        if not at_split():
            return None
        seen.append(_copied(output))
        return None if replacement is None else replacement.clone()

    if split.side == "input":
        handle = split.module.register_forward_pre_hook(entering, with_kwargs=True)
    else:
        handle = split.module.register_forward_hook(leaving)
    try:
        yield seen
    finally:
        handle.remove()


def _opaque(model: nn.Module) -> str | None:
    """Return what made a network whose parts are no modules of torch; None if they are."""
    if isinstance(model, torch.jit.ScriptModule):
        return "TorchScript"
    # On its torch backend, a network of Keras is a module with weights and no modules inside.
    packages = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    return "Keras" if "keras" in packages else None


def _is_view(a: Any, b: Tensor) -> bool:
    """Whether two tensors are the same numbers in memory, in whatever shape."""
    return isinstance(a, Tensor) and a.numel() == b.numel() and a.data_ptr() == b.data_ptr()


def _copied(value: Any) -> Any:
    """Copy what passes the split, as the next module may work in place."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def _picks_tokens(split: _Split, x: Tensor, z: Tensor) -> bool:
    """Whether the logits are those of one token each, of all that the linear layer classifies."""
    return _same(nn.functional.linear(_chosen_token(split, x, z), *_weights(split)), z)


def _chosen(split: _Split, x: Tensor, z: Tensor) -> Tensor:
    """Return what passed the split; of tokens that were all classified, those that the logits are of."""
    return _chosen_token(split, x, z) if split.tokens else x


def _chosen_token(split: _Split, x: Tensor, z: Tensor) -> Tensor:
    """Return the token [n, d] of each sample's tokens [n, t, d] whose logits are nearest to the outputs."""
    every = nn.functional.linear(x, *_weights(split))  # [n, t, C]
    nearest = (every - z.to(every)[:, None]).abs().sum(2).argmin(1) if every.shape[2] == z.shape[1] else 0
    return x[torch.arange(len(x), device=x.device), nearest]


def _weights(split: _Split) -> tuple[Tensor, Tensor]:
    """Return the detached weight [C, h] and bias [C] of the linear layer at the split.

    A layer with one output z stands for the logits [0, z].
    """
    assert isinstance(split.module, nn.Linear)
    with torch.no_grad(), evaluating(split.module):  # in training, a weight under spectral norm differs
        weight: Tensor = split.module.weight.detach()
        bias = weight.new_zeros(len(weight)) if split.module.bias is None else split.module.bias.detach()
    if split.label is not None:
        rows = slice(split.label[0], split.label[0] + 1)
        weight, bias = weight[rows], bias[rows]
    if len(weight) == 1:
        weight, bias = torch.cat([torch.zeros_like(weight), weight]), torch.cat([bias.new_zeros(1), bias])
    return weight, bias


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two sets of logits are equal up to the precision of their dtype."""
    if a.shape != b.shape:
        return False
    tolerance = 1e-3 if b.dtype in (torch.float32, torch.float64) else 3e-2
    a, b = a.double(), b.double()
    return bool(((a - b).abs() <= tolerance * (1 + b.abs().amax(1, keepdim=True))).all())


def _kind(value: Any) -> str:
    """Describe a value in an error."""
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
