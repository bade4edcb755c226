"""Random networks in the ways people write them: one graph of operations, each written in a style of its own.

`drawn(seed)` draws a graph. `Written` runs it as a person would have written it: modules, functions, methods,
in place, by other names. `plain` computes one operation without any of that, for the oracles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

CLASSES = 3


def _assigned(x: Tensor) -> Tensor:
    x[x < 0] = 0
    return x


def _added(a: Tensor, b: Tensor) -> Tensor:
    a += b
    return a


RELUS = {
    "function": F.relu,
    "torch": torch.relu,
    "method": lambda x: x.relu(),
    "clamp": lambda x: x.clamp(min=0),
    "clip": lambda x: torch.clip(x, 0),
    "clip by name": lambda x: x.clip(min=0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "maximum": lambda x: torch.maximum(x, torch.zeros((), dtype=x.dtype)),
    "maximum of zero": lambda x: torch.maximum(torch.zeros_like(x), x),
    "max": lambda x: torch.max(torch.zeros((), dtype=x.dtype), x),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where not": lambda x: torch.where(x <= 0, torch.zeros_like(x), x),
    "mask": lambda x: x * (x > 0),
    "float mask": lambda x: (x > 0).to(x.dtype) * x,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "leaky": lambda x: F.leaky_relu(x, 0.0),
    "half of the sum": lambda x: (x + x.abs()) / 2,
}
RELUS_IN_PLACE = {
    "function in place": lambda x: F.relu(x, inplace=True),
    "method in place": lambda x: x.relu_(),
    "clamp_": lambda x: x.clamp_(min=0),
    "module in place": nn.ReLU(inplace=True),
    "assigned": _assigned,
}
ACTIVATIONS = {
    "silu": F.silu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "hardswish": F.hardswish,
    "relu6": F.relu6,
}
SUMS = {
    "operator": lambda a, b: a + b,
    "torch": torch.add,
    "sum": lambda a, b: sum([a, b]),
    "stack": lambda a, b: torch.stack([a, b]).sum(0),
}
SUMS_IN_PLACE = {"add_": lambda a, b: a.add_(b), "+=": _added}
DIFFERENCES = {"operator": lambda a, b: a - b, "alpha": lambda a, b: torch.add(a, b, alpha=-1)}
DIFFERENCES_IN_PLACE = {"sub_": lambda a, b: a.sub_(b)}
# Operations whose backward pass needs what they returned: torch itself forbids to overwrite that.
SAVE_THEIR_OUTPUT = {"relu", "tanh", "sigmoid", "elu", "leaky_relu", "amax", "response_norm"}
NORMS = {"batch_norm", "group_norm", "layer_norm", "instance_norm", "response_norm"}


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    Attributes
    ----------
    op : str
    inputs : tuple of int
        Earlier nodes; 0 is the picture.
    shape : tuple of int
        Of its output, batch excluded.
    options : dict
    style : str
        How it is written.
    """

    op: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    style: str = "module"


@dataclass(frozen=True)
class Graph:
    """A network: its operations, the dtype that it is written in, and its seed."""

    nodes: list[Node]
    dtype: torch.dtype
    seed: int
    simple: bool  # whether every rule is defined for all of its operations

    def __str__(self) -> str:
        steps = [f"{i}:{n.op}{list(n.inputs)}({n.style})" for i, n in enumerate(self.nodes)]
        return f"seed {self.seed}, {self.dtype}: " + " ".join(steps)


def plain(node: Node, weights: dict[str, Tensor], *x: Tensor) -> Tensor:
    """Compute a node's output [n, ...] from its inputs, in one plain way."""
    op, o, w = node.op, node.options, weights
    if op == "conv":
        return F.conv2d(
            x[0], w["weight"], w.get("bias"), o["stride"], o["padding"], o["dilation"], o["groups"]
        )
    if op == "transposed":
        return F.conv_transpose2d(x[0], w["weight"], w.get("bias"), o["stride"], o["padding"], 0, o["groups"])
    if op == "linear":
        return x[0] @ w["weight"].T + w["bias"]
    if op == "relu":
        return x[0].clamp(min=0)
    if op in ACTIVATIONS:
        return ACTIVATIONS[op](x[0])
    if op == "batch_norm":
        shape = (1, -1, *[1] * (x[0].ndim - 2))
        scale = w["weight"] / (w["running_var"] + 1e-5).sqrt()
        return (x[0] - w["running_mean"].view(shape)) * scale.view(shape) + w["bias"].view(shape)
    if op == "group_norm":
        return F.group_norm(x[0], o["groups"], w["weight"], w["bias"])
    if op == "instance_norm":
        return F.instance_norm(x[0], weight=w.get("weight"), bias=w.get("bias"))
    if op == "layer_norm":
        return F.layer_norm(x[0].movedim(1, -1), x[0].shape[1:2], w["weight"], w["bias"]).movedim(-1, 1)
    if op == "response_norm":
        return F.local_response_norm(x[0], 2)
    if op == "max_pool" and node.style == "amax":  # which shares a gradient among equal maxima
        size = o["size"]
        return x[0].unfold(2, size, size).unfold(3, size, size).amax((4, 5))
    if op == "max_pool":
        return F.max_pool2d(x[0], o["size"], o["stride"], o.get("padding", 0))
    if op == "avg_pool":
        return F.avg_pool2d(x[0], o["size"], o["stride"])
    if op == "adaptive_avg":
        return F.adaptive_avg_pool2d(x[0], o["size"])
    if op == "adaptive_max":
        return F.adaptive_max_pool2d(x[0], o["size"])
    if op == "mean":
        return x[0].mean((2, 3))
    if op == "amax":
        return x[0].amax((2, 3))
    if op == "flatten":
        return x[0].flatten(1)
    if op == "negative":
        return -x[0]
    if op == "add":
        return x[0] + x[1]
    if op == "sub":
        return x[0] - x[1]
    if op == "cat":
        return torch.cat(x, 1)
    if op == "half":
        return x[0] * 0.5
    if op == "shift":
        return x[0] + 0.3
    if op == "mul":
        return x[0] * x[1].view(*x[1].shape, *[1] * (x[0].ndim - x[1].ndim))
    if op == "divide":
        return x[0] / (1 + x[1].abs())
    if op == "tokens":
        return x[0].flatten(2).transpose(1, 2)
    if op == "class_token":
        return torch.cat([w["weight"].expand(len(x[0]), -1, -1), x[0]], 1)
    if op == "position":
        return x[0] + w["weight"]
    if op == "layer_scale":
        return x[0] * w["weight"]
    if op == "token_norm":
        return F.layer_norm(x[0], x[0].shape[2:], w["weight"], w["bias"])
    if op == "first":
        return x[0][:, 0]
    assert op == "attention"
    q, k, v = (x[0] @ w["in_proj_weight"].T + w["in_proj_bias"]).chunk(3, 2)
    heads = [part.unflatten(2, (o["heads"], -1)).transpose(1, 2) for part in (q, k, v)]
    weights = (heads[0] @ heads[1].transpose(2, 3) / math.sqrt(heads[0].shape[3])).softmax(3)
    joined = (weights @ heads[2]).transpose(1, 2).flatten(2)
    return joined @ w["out_proj.weight"].T + w["out_proj.bias"]


def written(node: Node, *x: Tensor) -> Tensor:
    """Compute a node's output in its own style."""
    op, style = node.op, node.style
    if op == "relu":
        return (RELUS | RELUS_IN_PLACE)[style](x[0])
    if op in ACTIVATIONS:
        return torch.tanh_(x[0]) if style == "in place" else ACTIVATIONS[op](x[0])
    if op == "add":
        return (SUMS | SUMS_IN_PLACE)[style](*x)
    if op == "sub":
        return (DIFFERENCES | DIFFERENCES_IN_PLACE)[style](*x)
    if op == "half":
        return {"operator": lambda: x[0] * 0.5, "mul_": lambda: x[0].mul_(0.5), "/=": lambda: x[0].div_(2)}[
            style
        ]()
    if op == "shift" and style == "in place":
        return x[0].add_(0.3)
    return plain(node, {}, *x)


class Written(nn.Module):
    """The network of a graph, as its styles say."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        for i, node in enumerate(graph.nodes):
            module = _module(node, graph)
            if module is not None:
                self.add_module(f"n{i}", module)
        _draw_weights(self, graph.seed)
        self.to(graph.dtype).eval()

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for i, node in enumerate(self.graph.nodes[1:], 1):
            given = [values[j] for j in node.inputs]
            module = getattr(self, f"n{i}", None)
            if module is None:
                values.append(written(node, *given))
            elif node.op == "layer_norm":
                values.append(module(given[0].movedim(1, -1)).movedim(-1, 1))
            elif node.style == "matmul":
                values.append(given[0] @ module.weight.T + module.bias)
            else:
                values.append(module(*given))
        return values[-1]

    def weights(self, i: int) -> dict[str, Tensor]:
        """Return a node's weights and statistics in double precision."""
        module = getattr(self, f"n{i}", None)
        return {} if module is None else {k: v.double() for k, v in module.state_dict().items()}


class Weighted(nn.Module):
    """An operation with one weight that torch has no module for."""

    def __init__(self, node: Node, *shape: int) -> None:
        super().__init__()
        self.node = node
        self.weight = nn.Parameter(torch.empty(shape))

    def forward(self, x: Tensor) -> Tensor:
        return plain(self.node, {"weight": self.weight}, x)


class SelfAttention(nn.MultiheadAttention):
    """Attention of tokens to each other."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, x, x, need_weights=False)[0]


class Tapped(nn.Module):
    """An operation as a module, in its own style."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    def forward(self, *x: Tensor) -> Tensor:
        return written(self.node, *x)


def _module(node: Node, graph: Graph) -> nn.Module | None:
    """Return the module that a node is, None if it is written into the network's own forward."""
    o, shape = node.options, node.shape
    entering = graph.nodes[node.inputs[0]].shape if node.inputs else ()
    if node.op == "conv":
        return nn.Conv2d(
            entering[0],
            shape[0],
            o["kernel"],
            o["stride"],
            o["padding"],
            o["dilation"],
            o["groups"],
            o["bias"],
        )
    if node.op == "transposed":
        return nn.ConvTranspose2d(
            entering[0], shape[0], o["kernel"], o["stride"], o["padding"], 0, o["groups"], o["bias"]
        )
    if node.op == "linear":
        return nn.Linear(entering[-1], shape[-1])
    if node.op == "batch_norm":
        return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
    if node.op == "group_norm":
        return nn.GroupNorm(o["groups"], shape[0])
    if node.op == "layer_norm":
        return nn.LayerNorm(shape[0])
    if node.op == "instance_norm":
        return nn.InstanceNorm2d(shape[0], affine=o["affine"])
    if node.op == "relu" and node.style == "module":
        return nn.ReLU()
    if node.op == "max_pool" and node.style == "module":
        return nn.MaxPool2d(o["size"], o["stride"], o.get("padding", 0))
    if node.op == "token_norm":
        return nn.LayerNorm(shape[1])
    if node.op == "attention":
        return SelfAttention(shape[1], o["heads"], batch_first=True)
    if node.op in {"class_token", "position", "layer_scale"}:
        weight = {"class_token": (1, 1, shape[-1]), "position": shape, "layer_scale": (shape[0], 1, 1)}
        return Weighted(node, *weight[node.op])
    return Tapped(node) if node.op != "input" and o.get("tapped") else None


def _draw_weights(model: nn.Module, seed: int) -> None:
    """Draw weights that keep a signal's size, and norms that do something, with scales of either sign."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape: Any) -> Tensor:
        return torch.randn(shape, generator=generator)

    for module in model.modules():
        with torch.no_grad():
            for name, tensor in (*module._parameters.items(), *module._buffers.items()):
                if tensor is None or not tensor.is_floating_point():
                    continue
                if name == "running_var":
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
                elif name == "weight" and tensor.ndim > 1:
                    tensor.copy_(normal(tensor.shape) * math.sqrt(1.6 / tensor[0].numel()))
                elif name == "weight":
                    size = 0.6 + torch.rand(tensor.shape, generator=generator)
                    tensor.copy_(normal(tensor.shape).sign() * size)
                else:
                    tensor.copy_(normal(tensor.shape) * 0.3)


class _Draw:
    """Draws a graph, operation by operation."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.simple = bool(self.rng.random() < 0.7)
        height, width = int(self.rng.integers(6, 11)), int(self.rng.integers(6, 11))
        self.nodes = [Node("input", (), (int(self.rng.integers(1, 5)), height, width))]

    def one(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def add(self, op: str, *inputs: int, shape: tuple[int, ...] | None = None, **options: Any) -> int:
        shape = self.nodes[inputs[0]].shape if shape is None else shape
        options["tapped"] = self.chance(0.3)
        self.nodes.append(Node(op, inputs, shape, options))
        return len(self.nodes) - 1

    def conv(self, x: int, channels: int | None = None, *, same: bool = False) -> int:
        entering, height, width = self.nodes[x].shape
        kernel = (self.one(1, 2, 3), self.one(1, 3)) if not same and self.chance(0.3) else (3, 3)
        dilation = 1 if same or min(height, width) < 6 else self.one(1, 1, 2)
        padding = dilation if same or self.chance(0.6) else 0
        padding = (padding if kernel[0] > 1 else 0, padding if kernel[1] > 1 else 0)
        stride = 1 if same or min(height, width) < 6 else self.one(1, 1, 2)
        sides = [
            (side + 2 * p - dilation * (k - 1) - 1) // stride + 1
            for side, k, p in zip((height, width), kernel, padding, strict=True)
        ]
        if min(sides) < 2:
            return self.conv(x, channels, same=True)
        channels = self.one(2, 4, 6) if channels is None else channels
        groups = self.one(*[g for g in (1, 1, 2, entering) if entering % g == 0 and channels % g == 0])
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        return self.add("conv", x, shape=(channels, *sides), groups=groups, bias=self.chance(0.6), **options)

    def norm(self, x: int) -> int:
        channels = self.nodes[x].shape[0]
        op = "batch_norm" if self.simple or self.chance(0.4) else self.one(*sorted(NORMS))
        if channels == 1 and op == "layer_norm":  # a constant
            op = "group_norm"
        groups = 2 if channels % 2 == 0 else 1
        return self.add(op, x, groups=groups, affine=self.chance(0.5))

    def activation(self, x: int) -> int:
        return self.add("relu" if self.simple or self.chance(0.8) else self.one(*ACTIVATIONS), x)

    def block(self, x: int) -> int:
        """Append a few operations that belong together, as architectures have them."""
        kinds = ["conv", "conv", "residual", "preactivation", "concatenation", "pool", "transposed"]
        kinds += ["half", "shift", "difference"] + ([] if self.simple else ["gate", "divide"])
        kind = self.one(*kinds)
        return getattr(self, f"_{kind}")(x)

    def _conv(self, x: int) -> int:
        x = self.conv(x)
        while self.chance(0.25):
            x = self.add(self.one("half", "negative", "shift"), x)
        if self.chance(0.6):
            x = self.norm(x)
        if self.chance(0.15):
            return self.norm(self.activation(x))
        return self.activation(x)

    def _residual(self, x: int) -> int:
        inner = self.activation(self.norm(self.conv(x, same=True)))
        inner = self.conv(inner, self.nodes[x].shape[0], same=True)
        inner = self.norm(inner) if self.chance(0.7) else inner
        shortcut = self.norm(self.conv(x, self.nodes[x].shape[0], same=True)) if self.chance(0.3) else x
        total = self.add("add", *self.one((inner, shortcut), (shortcut, inner)))
        total = self.norm(total) if self.chance(0.25) else total
        return self.activation(total)

    def _preactivation(self, x: int) -> int:
        if x == 0:
            return self._conv(x)
        inner = self.conv(self.activation(self.norm(x)), self.nodes[x].shape[0], same=True)
        return self.add("add", *self.one((inner, x), (x, inner)))

    def _concatenation(self, x: int) -> int:
        if x and self.chance(0.3):  # both signs of the same maps
            return self.activation(self.add("cat", x, self.add("negative", x), shape=self._stacked(x, x)))
        inner = self.activation(self.conv(self.activation(self.norm(x)) if x else x, 2, same=True))
        joined = self.add("cat", x, inner, shape=self._stacked(x, inner))
        return self.activation(self.norm(joined)) if self.chance(0.6) else joined

    def _stacked(self, *x: int) -> tuple[int, ...]:
        return (sum(self.nodes[i].shape[0] for i in x), *self.nodes[x[0]].shape[1:])

    def _pool(self, x: int) -> int:
        channels, height, width = self.nodes[x].shape
        if min(height, width) < 4:
            return self._conv(x)
        op = self.one("max_pool", "max_pool", "avg_pool", "adaptive_avg", "adaptive_max")
        if op.startswith("adaptive"):
            return self.add(op, x, shape=(channels, 2, 3), size=(2, 3))
        stride = self.one(1, 2)
        sides = ((height - 2) // stride + 1, (width - 2) // stride + 1)
        return self.activation(self.add(op, x, shape=(channels, *sides), size=2, stride=stride))

    def _transposed(self, x: int) -> int:
        entering, height, width = self.nodes[x].shape
        stride = 2 if max(height, width) < 5 else 1
        groups = self.one(*[g for g in (1, 2) if entering % g == 0])
        shape = (4, (height - 1) * stride + 1, (width - 1) * stride + 1)
        options = {"kernel": 3, "stride": stride, "padding": 1, "groups": groups, "bias": self.chance(0.6)}
        x = self.add("transposed", x, shape=shape, **options)
        return self.activation(self.norm(x) if self.chance(0.4) else x)

    def _half(self, x: int) -> int:
        return self.add("half", x)

    def _shift(self, x: int) -> int:
        return self.add("shift", x)

    def _difference(self, x: int) -> int:
        return self.add("sub", self.conv(x, self.nodes[x].shape[0], same=True), x)

    def _divide(self, x: int) -> int:
        return self.add("divide", x, self.conv(x, self.nodes[x].shape[0], same=True))

    def _gate(self, x: int) -> int:
        channels = self.nodes[x].shape[0]
        squeezed = self.add("mean", x, shape=(channels,))
        opened = self.add("sigmoid", self.add("linear", squeezed, shape=(channels,)))
        return self.add("mul", x, opened)

    def head(self, x: int) -> int:
        channels, height, width = self.nodes[x].shape
        op = self.one("mean", "mean", "flatten", "flatten", "amax")
        x = self.add(op, x, shape=(channels * height * width if op == "flatten" else channels,))
        if op == "mean" and self.chance(0.3):
            x = self.activation(x)
        if self.chance(0.4):
            x = self.add("linear", x, shape=(8,))
            x = self.activation(self.norm_flat(x))
        return self.add("linear", x, shape=(CLASSES,))

    def norm_flat(self, x: int) -> int:
        return self.add("batch_norm", x) if self.chance(0.5) else x


def drawn(seed: int) -> Graph:
    """Draw a network: half of them of operations that all rules are defined for."""
    draw = _Draw(seed)
    x = 0
    for _ in range(int(draw.rng.integers(2, 6))):
        if len(draw.nodes) < 22:
            x = draw.block(x)
    if not any(node.op == "conv" for node in draw.nodes):
        x = draw._conv(x)
    draw.head(x)
    dtype = torch.float32 if draw.chance(0.3) else torch.float64
    nodes = [_styled(i, draw) for i in range(len(draw.nodes))]
    return Graph(nodes, dtype, seed, draw.simple)


def _styled(i: int, draw: _Draw) -> Node:
    """Choose a node's style: in place where torch's own backward pass allows it."""
    node = draw.nodes[i]
    if not node.inputs:
        return node
    first = node.inputs[0]
    users = [j for j, other in enumerate(draw.nodes) for k in other.inputs if k == first]
    before = draw.nodes[first].op
    views = {"flatten", "input"}
    free = users == [i] and before not in SAVE_THEIR_OUTPUT | views | {"max_pool", "divide", "half"}
    in_place = free and draw.chance(0.6)
    styles: dict[str, tuple[Any, Any]] = {
        "relu": (("module", *RELUS), RELUS_IN_PLACE),
        "add": (SUMS, SUMS_IN_PLACE),
        "sub": (DIFFERENCES, DIFFERENCES_IN_PLACE),
        "half": (("operator",), ("mul_", "/=")),
        "shift": (("operator",), ("in place",)),
        "tanh": (("operator",), ("in place",)),
        "linear": (("module", "module", "matmul"), ()),
    }
    if node.op == "max_pool":
        whole = node.options["stride"] == node.options["size"]
        return replace(node, style=draw.one("module", "function", *(["amax"] if whole else [])))
    if node.op not in styles:
        return node
    apart, within = styles[node.op]
    if draw.simple and node.op == "relu":
        apart = [style for style in apart if style != "half of the sum"]
    if draw.simple and node.op == "linear":
        apart = ("module",)
    return replace(node, style=draw.one(*(within if in_place and within else apart)))
