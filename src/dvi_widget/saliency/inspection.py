"""Inspection of a model by one forward pass: its layers, and the attribution methods right for it."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from dvi_widget.subject import Outputs

from .attention import without_rollout
from .gradients import means_vanish, token_grid
from .methods import METHODS, Method
from .network import WITHOUT_GRADIENTS, InPlaceError, Network, explained
from .rules import Kind, ModuleCall, SeenCall, Trace, TracedCall, places

__all__ = ["Inspection", "inspect_model", "inspected"]

_COLUMNS = ["name", "type", "shape", "units", "calls", "convolution"]
_SAME = 1e-3  # share of the largest logit by which two passes may differ, on a device that sums in any order
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Inspection:
    """A model as one forward pass shows it.

    Attributes
    ----------
    layers : pandas.DataFrame
        One row per module that ran, in order: name, type, shape (of its output, without the batch), units
        (channels or entries), calls, convolution (bool).
    methods : dict of str to str
        For each method why it is wrong for this model; empty where it is right.
    remarks : list of str
        Sentences worth reading before believing a map.
    last_convolution : str or None
        The default layer of methods that weight a layer's maps.
    classes : int
        Number of classes.
    picture : tuple of int
        Shape of one picture.
    tokens : list of str
        Layers of a transformer that return a token for each patch, whose maps can be weighted too.
    seen : frozenset of SeenCall
        The calls that the inspection rests on.
    """

    layers: pd.DataFrame
    methods: dict[str, str]
    remarks: list[str]
    last_convolution: str | None
    classes: int
    picture: tuple[int, ...] = field(repr=False)
    tokens: list[str] = field(default_factory=list, repr=False)
    seen: frozenset[SeenCall] = field(default=frozenset(), repr=False)

    def __str__(self) -> str:
        supported = [name for name, reason in self.methods.items() if not reason]
        lines = [*self.remarks, f"Supported: {', '.join(supported)}."]
        reasons: dict[str, list[str]] = {}
        for name, reason in self.methods.items():
            if reason:
                reasons.setdefault(reason, []).append(name)
        lines += [f"Not supported: {', '.join(names)}. {reason}" for reason, names in reasons.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the sentences, then the layers."""
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in str(self).splitlines())
        return f"<ul>{lines}</ul>{self.layers.to_html(index=False)}"

    def table(self) -> list[dict[str, Any]]:
        """Return the method table for this model as plain values.

        Returns
        -------
        list of dict
            `Method.describe` of each method, with ``unsupported``: why the method is wrong for the model, or
            an empty text. Layer parameters have the model's layers with maps as choices, and the last
            convolution as default.
        """
        with_maps = [row["name"] for row in self.layers.to_dict("records") if len(row["shape"]) == 3]
        with_maps += self.tokens
        entries = []
        for name, method in METHODS.items():
            entry = method.describe() | {"unsupported": self.methods[name]}
            for parameter in entry["parameters"]:
                if parameter["kind"] == "layer":
                    parameter.update(choices=with_maps, default=self.last_convolution)
            entries.append(entry)
        return entries


def inspect_model(model: Any, x: ArrayLike | Tensor, *, outputs: Outputs | None = None) -> Inspection:
    """Say what a model is made of and which attribution methods are right for it, after one pass through it.

    Parameters
    ----------
    model
        A torch module, or any classifier that `attribute` takes.
    x : array or tensor [N, C, H, W] or [C, H, W]
        Pictures as the model takes them; the first one is used.
    outputs
        As for `attribute`.

    Returns
    -------
    Inspection
        Print it for sentences; ``methods[name]`` is empty, or the reason against the method.

    Raises
    ------
    TypeError, ValueError
        As for `attribute`.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.SiLU(), torch.nn.Flatten(),
    ...                             torch.nn.Linear(144, 2))
    >>> told = inspect_model(model, torch.zeros(1, 1, 8, 8))
    >>> told.methods["integrated_gradients"]
    ''
    >>> told.methods["guided_backprop"]
    'Guided backpropagation is defined for ReLUs, and the model has silu in 1 (SiLU). Use \
integrated_gradients, or train with ReLUs.'
    """
    net = Network(model, outputs)
    picture = net.pictures(x)[:1]
    training = net.module is not None and any(module.training for module in net.module.modules())
    with net.lent():
        inspection = inspected(net, picture)
    if training:
        inspection.remarks.append(
            "The model is in training mode. Maps are made in evaluation mode; its mode is restored."
        )
    return inspection


def inspected(net: Network, picture: Tensor) -> Inspection:
    """Inspect a network that is already lent, on one picture [1, C, H, W]."""
    if net.module is None:
        return _without_network(net, picture)
    seen = _observed(net, picture)
    layers = _layers(net.module, seen.modules, seen.rows)
    convolutions = layers.loc[layers["convolution"], "name"]
    last = None if convolutions.empty else str(convolutions.iloc[-1])
    tokens = _token_layers(layers, last, picture)
    if last is not None and not tokens and seen.differentiable and not seen.flaw:
        last = _weighable(net, picture, layers, last, seen.calls)
    methods = {name: _objection(method, seen, last, tokens) for name, method in METHODS.items()}
    for name, method in METHODS.items():
        if "attention" in method.needs and not methods[name]:
            methods[name] = without_rollout(net, picture)
    return Inspection(
        layers,
        methods,
        _remarks(net, seen.calls, seen.modules),
        None if tokens else last,
        seen.classes,
        tuple(picture.shape[1:]),
        tokens,
        frozenset(net.seen),
    )


@dataclass(frozen=True)
class _Observation:
    """What one pass through a network shows, forward and back.

    Attributes
    ----------
    calls, modules : list
        Of the functions, and of the modules, that ran.
    classes : int
    differentiable : bool
    flaw : str
        Why torch's own backward pass fails, and the way out; empty if it does not.
    hidden : str
        What runs out of sight of rules; empty if nothing does.
    mixing : str
        Where pictures of a batch mix; empty if they do not.
    repeats : bool
        Whether the same pictures get the same logits again.
    rows : int
        How many pictures were passed.
    """

    calls: list[TracedCall]
    modules: list[ModuleCall]
    classes: int
    differentiable: bool
    flaw: str
    hidden: str
    mixing: str
    repeats: bool
    rows: int


def _observed(net: Network, picture: Tensor) -> _Observation:
    """Send a picture and its mirror image through a network, and the first one's logits back."""
    assert net.module is not None
    flaw, mixes = "", False
    try:
        trace, leaf, z = _traced(net, picture)
    except InPlaceError as error:
        # It may still be asked for logits.
        flaw, trace, leaf = str(error), Trace(net.module), picture
        with torch.no_grad():
            z = net.scores(picture, trace)
    if z.requires_grad:
        try:
            torch.autograd.backward(z[0].sum(), inputs=[leaf])
        except RuntimeError as error:
            flaw = str(explained(error) or f"model must be differentiable; got {error}.")
        # Exact, for nothing but zeros comes back to rows that do not matter; 0 · ∞ is no number.
        mixes = leaf.grad is not None and bool(leaf.grad[1:].nan_to_num().any())
    with torch.no_grad():
        again = net.scores(leaf.detach(), Trace(net.module))  # in the same precision
    scale = float(z.detach().abs().max())
    repeats = torch.allclose(again, z.detach(), rtol=_SAME, atol=_SAME * scale, equal_nan=True)
    calls = trace.calls
    # The logits before these are explained.
    if calls and (calls[-1].kind is Kind.SOFTMAX or calls[-1].name == net.predictor.outputs):
        calls = calls[:-1]
    hidden = ""
    if any(isinstance(module, torch.jit.ScriptModule) for module in net.module.modules()):
        hidden = (
            "The model is compiled by TorchScript, whose functions take no rules. Pass the module it was "
            "compiled from"
        )
    elif trace.mapped:
        hidden = (
            "The model maps functions over pictures (torch.vmap), into which rules cannot see. Call them "
            "with the whole batch"
        )
    elif trace.unseen:
        hidden = (
            f"The model calls functions that are not torch's own ({', '.join(dict.fromkeys(trace.unseen))}), "
            "into which rules cannot see. Write them with torch's functions"
        )
    norms = [call for call in calls if call.name == "batch_norm" and call.kind is Kind.NORM]
    mixing = "" if not mixes else f", by {places(norms)}" if norms else ", somewhere in its forward"
    return _Observation(
        calls, trace.modules, z.shape[1], z.requires_grad, flaw, hidden, mixing, repeats, len(z)
    )


def _traced(net: Network, picture: Tensor) -> tuple[Trace, Tensor, Tensor]:
    """Return the trace, the leaf and the logits of a picture and its mirror image."""
    assert net.module is not None
    leaf = torch.cat([picture, picture.flip(-1)]).requires_grad_()
    trace = Trace(net.module)
    try:
        return trace, leaf, net.scores(leaf, trace)
    except Exception:  # noqa: BLE001 - it may take one picture at a time; any other error comes again
        leaf, trace = picture.detach().requires_grad_(), Trace(net.module)
        return trace, leaf, net.scores(leaf, trace)


def _weighable(
    net: Network, picture: Tensor, layers: pd.DataFrame, last: str, calls: list[TracedCall]
) -> str | None:
    """Return the last convolution, or the layer behind it from which on mean gradients do not vanish.

    An instance normalisation subtracts each map's mean; mean gradients in front of it are zero.
    """
    if not any(call.kind is Kind.NORM for call in calls):
        return last
    behind = layers.iloc[layers["name"].tolist().index(last) :]
    for row in behind.to_dict("records"):
        if len(row["shape"]) == 3 and not means_vanish(net, picture, row["name"]):
            return str(row["name"])
    return None


def _token_layers(layers: pd.DataFrame, last: str | None, picture: Tensor) -> list[str]:
    """Return the layers of tokens of patches behind the last convolution, which then embeds these patches."""
    rows = layers.to_dict("records")
    names = [row["name"] for row in rows]
    behind = rows[names.index(last) + 1 :] if last is not None else rows
    found = [
        row
        for row in behind
        if len(row["shape"]) == 2 and token_grid(row["shape"][0], picture.shape[2], picture.shape[3])
    ]
    # Channels become the tokens' entries; other flattened maps are no tokens.
    embedded = last is None or any(row["shape"][1] == rows[names.index(last)]["units"] for row in found)
    return [row["name"] for row in found] if embedded else []


def _without_network(net: Network, picture: Tensor) -> Inspection:
    kind = type(net.predictor.model).__name__
    reason = f"The model is a {kind}, not a torch module: it gives no gradients. Use {WITHOUT_GRADIENTS}."
    return Inspection(
        pd.DataFrame(columns=_COLUMNS),
        {name: reason if method.needs else "" for name, method in METHODS.items()},
        [f"The model ({kind}) returns probabilities; their logarithm is explained."],
        None,
        net.scores(picture).shape[1],
        tuple(picture.shape[1:]),
    )


def _layers(module: nn.Module, calls: list[ModuleCall], n: int) -> pd.DataFrame:
    """Tabulate the modules that returned one tensor for n pictures, in the order of their last call.

    A convolution whose maps can be weighted returns one row per picture, or is called for one at a time.
    """
    counts = Counter(call.name for call in calls)
    rows: dict[str, dict[str, Any]] = {}
    for call in calls:
        if call.name == "" or call.shape is None or len(call.shape) < 2:
            continue
        rows.pop(call.name, None)
        shape, by_picture = call.shape[1:], call.shape[0] in {1, n}
        rows[call.name] = {
            "name": call.name,
            "type": call.type,
            "shape": shape,
            "units": shape[0] if len(shape) != 2 else int(np.prod(shape)),
            "calls": counts[call.name],
            "convolution": by_picture
            and isinstance(module.get_submodule(call.name), _CONVOLUTIONS)
            and len(shape) == 3,
        }
    return pd.DataFrame(list(rows.values()), columns=_COLUMNS)


def _objection(method: Method, seen: _Observation, last_convolution: str | None, tokens: list[str]) -> str:
    """Return why a method would be wrong for a model, and the way out; empty if it is right."""
    if seen.mixing:
        return (
            f"The model mixes the pictures of a batch{seen.mixing}: a map would depend on the others. Give "
            "BatchNorms running statistics (track_running_stats=True)."
        )
    if not seen.repeats:
        return (
            "The model answers the same picture differently each time: it draws at random, or changes "
            "itself, in evaluation mode too. Pass training=self.training to F.dropout and its like."
        )
    if "attention" in method.needs and not tokens:
        return (
            "The model has no layer of tokens, one for each patch of the picture, that attention could "
            "connect. Use Grad-CAM or integrated_gradients."
        )
    graph = {"gradients", "attention"} & method.needs
    if graph and seen.flaw:
        return seen.flaw
    if graph and not seen.differentiable:
        return (
            "No gradient comes back from the model: its forward runs under torch.no_grad(), or detaches. "
            f"Let gradients pass, or use {WITHOUT_GRADIENTS}."
        )
    if (method.rule is not None or "attention" in method.needs) and seen.hidden:
        return f"{seen.hidden}, or use integrated_gradients."
    if "maps" in method.needs and tokens:
        norms = [name for name in tokens if "norm" in name.rpartition(".")[2].lower()]
        example = norms[-3] if len(norms) > 2 else tokens[-1]
        return (
            "The model is a transformer: its last convolution only cuts the picture into patches. Name a "
            f"layer of their tokens, such as layer={example!r}, or use integrated_gradients."
        )
    if "maps" in method.needs and last_convolution is None:
        return (
            "The model has no convolution whose maps could be weighted. Name a layer with maps, or use "
            "integrated_gradients."
        )
    return "" if method.rule is None else method.rule.objection(seen.calls)


def _remarks(net: Network, calls: list[TracedCall], modules: list[ModuleCall]) -> list[str]:
    """Return what is worth knowing before believing a map."""
    assert net.module is not None
    relus = [call for call in calls if call.kind is Kind.RELU]
    functional = [call for call in relus if call.module_type != "ReLU"]
    others = [call for call in calls if call.kind is Kind.ACTIVATION]
    counts = Counter(call.name for call in modules)
    reused = [name for name, count in counts.items() if count > 1 and name]
    with_weights = [name for name in reused if any(True for _ in net.module.get_submodule(name).parameters())]
    remarks = [
        f"{len(relus)} ReLU calls, {len(functional)} of them functions rather than modules; the rules "
        "reach them all."
        if relus
        else "The model has no ReLU."
    ]
    in_place = sum(call.in_place for call in relus)
    if in_place:
        remarks.append(f"{in_place} ReLUs work in place; they are handled like the others.")
    if relus and not others and not any("max_pool" in call.name for call in calls):
        remarks.append(
            "There is no max pooling, so deconvolution gives the same map for every picture: it depends on "
            "the class alone."
        )
    if others:
        remarks.append(f"Activations other than ReLU: {places(others)}.")
    if reused:
        remarks.append(
            f"Used more than once in a pass: {', '.join(reused)}. A layer's maps and filters are those "
            "of its last use."
            + (f" With weights of their own: {', '.join(with_weights)}." if with_weights else "")
        )
    if net.predictor.outputs != "logits":
        remarks.append("The model returns probabilities; the logit before them is explained.")
    return remarks
