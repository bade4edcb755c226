"""What a model is made of, and which attribution methods are right for it: read off one forward pass."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from .methods import METHODS, Method
from .network import Network
from .rules import ACTIVATIONS, LINEAR, MAX_POOLS, ROUTES, SCALES, SILENT, SOFTMAXES, SUMS, Call, Trace

__all__ = ["Inspection", "inspect_model"]

_WITHOUT_GRADIENTS = "occlusion, prediction_difference, lime, kernel_shap, shapley_sampling or rise"
_PLAIN = frozenset({*LINEAR, *SILENT, "batch_norm"})


@dataclass(frozen=True)
class Inspection:
    """What one forward pass told about a model.

    Attributes
    ----------
    layers : pandas.DataFrame
        One row per module that ran, in order: name, type, shape of what left it without the batch, units
        (channels or entries), calls, convolution (bool).
    methods : dict
        Name of each method → why this model does not support it; an empty text where it does.
    remarks : list of str
        Plain sentences on what was found.
    last_convolution : str or None
        The default of methods that ask for a layer.
    classes : int
    """

    layers: pd.DataFrame
    methods: dict[str, str]
    remarks: list[str]
    last_convolution: str | None
    classes: int
    picture: tuple[int, ...] = field(repr=False)

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
        """The sentences, then the layers."""
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in str(self).splitlines())
        return f"<ul>{lines}</ul>{self.layers.to_html(index=False)}"

    def table(self) -> list[dict[str, Any]]:
        """The method table as this model has it, in plain values, each entry with ``unsupported``.

        ``unsupported`` is the reason against the method, or empty. Layer parameters have the model's layers
        with maps as their choices, and the last convolution as their default.
        """
        with_maps = [row["name"] for row in self.layers.to_dict("records") if len(row["shape"]) == 3]
        entries = []
        for name, method in METHODS.items():
            entry = method.describe() | {"unsupported": self.methods[name]}
            for parameter in entry["parameters"]:
                if parameter["kind"] == "layer":
                    parameter.update(choices=with_maps, default=self.last_convolution)
            entries.append(entry)
        return entries


def inspect_model(model: Any, x: ArrayLike | Tensor) -> Inspection:
    """Say what a model is made of and which attribution methods it supports, after one forward pass.

    Parameters
    ----------
    model
        A torch module or any classifier that `attribute` takes.
    x : array or tensor [N, C, H, W] or [C, H, W]
        Pictures as the model takes them; the first one is used.

    Returns
    -------
    Inspection
        Print it for plain sentences; ``methods[name]`` is an empty text, or the reason against the method.

    Raises
    ------
    TypeError, ValueError
        If the model or the pictures are not what `attribute` takes.

    Examples
    --------
    >>> print(dvi.inspect_model(model, pictures))  # doctest: +SKIP
    """
    net = Network(model)
    picture = net.pictures(x)[:1]
    training = net.module is not None and any(module.training for module in net.module.modules())
    with net.lent():
        told = inspected(net, picture)
    if training:
        told.remarks.append(
            "The model is in training mode. Maps are made in evaluation mode; its mode comes back."
        )
    return told


def inspected(net: Network, picture: Tensor) -> Inspection:
    """`inspect_model` for a network already in evaluation mode."""
    if net.module is None:
        return _without_network(net, picture)
    leaf = picture.detach().requires_grad_()
    trace = Trace(net.module)
    z = net.scores(leaf, trace)
    calls = trace.calls
    if calls and calls[-1].name in SOFTMAXES:
        calls = calls[:-1]
    layers = _layers(net.module, trace)
    convolutions = layers.loc[layers["convolution"], "name"]
    last = None if convolutions.empty else str(convolutions.iloc[-1])
    scripted = any(isinstance(module, torch.jit.ScriptModule) for module in net.module.modules())
    reasons = _Reasons(z.requires_grad, scripted, calls, last)
    return Inspection(
        layers,
        {name: reasons.against(method) for name, method in METHODS.items()},
        _remarks(net, trace, calls),
        last,
        z.shape[1],
        tuple(picture.shape[1:]),
    )


def _without_network(net: Network, picture: Tensor) -> Inspection:
    kind = type(net.predictor.model).__name__
    reason = f"The model is no torch module but {kind}: it gives no gradients. Use {_WITHOUT_GRADIENTS}."
    return Inspection(
        pd.DataFrame(columns=["name", "type", "shape", "units", "calls", "convolution"]),
        {name: reason if method.needs else "" for name, method in METHODS.items()},
        [f"The model ({kind}) answers with probabilities; their logarithm is explained."],
        None,
        net.scores(picture).shape[1],
        tuple(picture.shape[1:]),
    )


def _layers(module: nn.Module, trace: Trace) -> pd.DataFrame:
    """The modules that ran and gave one tensor, in the order of their last call."""
    counts = Counter(call.name for call in trace.modules)
    rows: dict[str, dict[str, Any]] = {}
    for call in trace.modules:
        if call.name == "" or call.shape is None or len(call.shape) < 2:
            continue
        rows.pop(call.name, None)
        shape = call.shape[1:]
        rows[call.name] = {
            "name": call.name,
            "type": call.kind,
            "shape": shape,
            "units": shape[0] if len(shape) != 2 else int(np.prod(shape)),
            "calls": counts[call.name],
            "convolution": isinstance(module.get_submodule(call.name), (nn.Conv1d, nn.Conv2d, nn.Conv3d))
            and len(shape) == 3,
        }
    return pd.DataFrame(
        list(rows.values()), columns=["name", "type", "shape", "units", "calls", "convolution"]
    )


@dataclass(frozen=True)
class _Reasons:
    """Why a method would be wrong for a model."""

    differentiable: bool
    scripted: bool
    calls: list[Call]
    last_convolution: str | None

    def against(self, method: Method) -> str:
        """One sentence with the culprits and the way out; empty if there is none."""
        if "gradients" in method.needs and not self.differentiable:
            return (
                "No gradient comes back from the model: its forward works under torch.no_grad(), or "
                "detaches. "
                f"Let gradients pass, or use {_WITHOUT_GRADIENTS}."
            )
        if self.scripted and method.needs & {"relu", "deep_lift", "lrp"}:
            return (
                "The model is compiled by TorchScript, so that its functions cannot be given rules of "
                "their own. Pass the "
                "module it was compiled from, or use integrated_gradients."
            )
        if "maps" in method.needs and self.last_convolution is None:
            return (
                "The model has no convolution whose maps could be weighted. Name a layer with maps, or use "
                "integrated_gradients."
            )
        if "relu" in method.needs:
            return self._relu(method)
        if "deep_lift" in method.needs:
            return self._rules("DeepLIFT", [call for call in self.calls if not _deep_lift(call)])
        if "lrp" in method.needs:
            return self._rules("Relevance propagation", [call for call in self.calls if not _lrp(call)])
        return ""

    def _relu(self, method: Method) -> str:
        others = [call for call in self.calls if call.name in ACTIVATIONS and not call.relu]
        if others:
            return (
                f"{method.label} is defined for ReLUs, and the model has {_named(others)}. "
                "Use integrated_gradients, or train with ReLUs."
            )
        if not any(call.relu for call in self.calls):
            return (
                f"{method.label} changes how ReLUs send gradients back, and the model has none: "
                "the plain gradient is the same."
            )
        return ""

    def _rules(self, who: str, without: list[Call]) -> str:
        if not without:
            return ""
        return (
            f"{who} has no rule for {_named(without)}. Use integrated_gradients, or replace these functions."
        )


def _deep_lift(call: Call) -> bool:
    """Whether DeepLIFT is exact there: linear, an elementwise activation, or a max pooling by windows."""
    name = call.name
    if name in SCALES | LINEAR | {"matmul", "mm", "bmm", "einsum", "batch_norm"}:
        return call.operands == 1
    if name in {"max", "amax"} and not call.relu:
        return False
    return (
        call.relu
        or name in ACTIVATIONS | SUMS | ROUTES | SILENT
        or (name in MAX_POOLS and not name.startswith("adaptive"))
    )


def _lrp(call: Call) -> bool:
    """Whether relevance propagation has a rule there."""
    name = call.name
    if name in SCALES | _PLAIN:
        return call.operands == 1
    return call.relu or name in {"tanh", *SUMS, *ROUTES, *MAX_POOLS, "max", "amax"}


def _named(calls: Iterable[Call]) -> str:
    """Functions with the modules that call them: "sigmoid in gate.act (Sigmoid) and 2 more places"."""
    places: dict[str, list[str]] = {}
    for call in calls:
        where = f"{call.module} ({call.kind})" if call.module else "the model's own forward"
        places.setdefault(call.name, [])
        if where not in places[call.name]:
            places[call.name].append(where)
    said = []
    for name, found in places.items():
        more = f" and {len(found) - 3} more places" if len(found) > 3 else ""
        said.append(f"{name} in {', '.join(found[:3])}{more}")
    return "; ".join(said)


def _remarks(net: Network, trace: Trace, calls: list[Call]) -> list[str]:
    """What is worth knowing before believing a map."""
    assert net.module is not None
    relus = [call for call in calls if call.relu]
    functional = [call for call in relus if call.kind != "ReLU"]
    others = [call for call in calls if call.name in ACTIVATIONS and not call.relu]
    called = Counter(call.name for call in trace.modules)
    reused = [name for name, count in called.items() if count > 1 and name]
    weighty = [name for name in reused if any(True for _ in net.module.get_submodule(name).parameters())]
    remarks = [
        f"{len(relus)} ReLU calls, {len(functional)} of them functions rather than modules; the rules "
        "here reach them all."
        if relus
        else "The model has no ReLU."
    ]
    overwriting = sum(call.in_place for call in relus)
    if overwriting:
        remarks.append(f"{overwriting} ReLUs work in place; they are handled as the others.")
    if relus and not others and not any("max_pool" in call.name for call in calls):
        remarks.append(
            "There is no max pooling, so deconvolution gives the same map for every picture: it depends on "
            "the class alone."
        )
    if others:
        remarks.append(f"Activations other than ReLU: {_named(others)}.")
    if reused:
        remarks.append(
            f"Used more than once in a pass: {', '.join(reused)}. A layer's maps and filters are those "
            "of its last use." + (f" With weights of their own: {', '.join(weighty)}." if weighty else "")
        )
    if not net.predictor.gives_logits:
        remarks.append("The model gives probabilities; what is explained is the logit before them.")
    return remarks
