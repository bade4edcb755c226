"""What the maps of a drawn network must be: computed operation by operation, by dense matrices and by loops.

Nothing here calls the product. Every method is written as its paper says, on the graph of `networks.plain`
operations in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from networks import ACTIVATIONS, NORMS, Graph, Node, Written, plain, written
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

WEIGHTED = {"conv", "transposed", "linear"}
_DENSE = WEIGHTED | {"avg_pool", "adaptive_avg", "mean"}
_AFFINE = {"half": (0.5, 0.0), "negative": (-1.0, 0.0), "shift": (1.0, 0.3)}
_PASSED = {"relu", "tanh", "half", "negative", "shift"}


class Oracle:
    """The values of all nodes for pictures x [n, C, H, W], and what backward passes send to them."""

    def __init__(self, model: Written, x: Tensor) -> None:
        self.graph: Graph = model.graph
        self.nodes: list[Node] = model.graph.nodes
        self.weights = [model.weights(i) for i in range(len(self.nodes))]
        self.x = x.double()
        self.values = self.run(self.x)

    def run(self, x: Tensor) -> list[Tensor]:
        """Return the values of all nodes."""
        values = [x]
        for i, node in enumerate(self.nodes[1:], 1):
            values.append(plain(node, self.weights[i], *(values[j] for j in node.inputs)))
        return values

    @property
    def logits(self) -> Tensor:
        return self.values[-1]

    def backward(self, send: Any, sent: Tensor, stop: int = 0) -> Tensor:
        """Return what reaches a node if `send(i, what arrives) -> one part per input` from the last node."""
        arrived: dict[int, Tensor] = {len(self.nodes) - 1: sent}
        for i in range(len(self.nodes) - 1, stop, -1):
            if i not in arrived:
                continue
            for j, part in send(i, arrived.pop(i)):
                arrived[j] = arrived[j] + part if j in arrived else part
        return arrived.get(stop, torch.zeros_like(self.values[stop]))

    def seed(self, target: Tensor) -> Tensor:
        """Return one for the target class of each picture, zero for the others."""
        return F.one_hot(target, self.logits.shape[1]).double()

    def local(self, i: int, sent: Tensor) -> list[tuple[int, Tensor]]:
        """Return the gradient of one node with respect to its inputs."""
        node = self.nodes[i]
        leaves = [self.values[j].detach().requires_grad_() for j in node.inputs]
        if node.op == "relu" and node.style != "module":  # each has its own derivative at zero
            y = written(node, leaves[0].clone())
        else:
            y = plain(node, self.weights[i], *leaves)
        return list(zip(node.inputs, torch.autograd.grad(y, leaves, sent), strict=True))

    # Gradients and what replaces them in ReLUs.

    def gradient(self, target: Tensor, stop: int = 0) -> Tensor:
        return self.backward(self.local, self.seed(target), stop)

    def guided(self, target: Tensor) -> Tensor:
        def send(i: int, g: Tensor) -> list[tuple[int, Tensor]]:
            if self.nodes[i].op != "relu":
                return self.local(i, g)
            (j,) = self.nodes[i].inputs
            return [(j, g.clamp(min=0) * (self.values[j] > 0))]

        return self.backward(send, self.seed(target))

    def deconvolution(self, target: Tensor) -> Tensor:
        def send(i: int, g: Tensor) -> list[tuple[int, Tensor]]:
            if self.nodes[i].op != "relu":
                return self.local(i, g)
            return [(self.nodes[i].inputs[0], g.clamp(min=0))]

        return self.backward(send, self.seed(target))

    def grad_cam(self, target: Tensor, layer: int, *, relu: bool = True) -> Tensor:
        a, g = self.values[layer], self.gradient(target, layer)
        cam = (g.mean((2, 3), keepdim=True) * a).sum(1, keepdim=True)
        cam = cam.clamp(min=0) if relu else cam
        return F.interpolate(cam, self.x.shape[2:], mode="bilinear", align_corners=False)[:, 0]

    def grad_cam_plus_plus(self, target: Tensor, layer: int) -> Tensor:
        a, g = self.values[layer], self.gradient(target, layer)
        below = 2 * g**2 + a.sum((2, 3), keepdim=True) * g**3
        alpha = torch.where(below == 0, 0.0, g**2 / torch.where(below == 0, 1.0, below))
        weights = (alpha * g.clamp(min=0)).sum((2, 3), keepdim=True)
        cam = (weights * a).sum(1, keepdim=True).clamp(min=0)
        return F.interpolate(cam, self.x.shape[2:], mode="bilinear", align_corners=False)[:, 0]

    def rollout(self) -> Tensor:
        """Multiply ½ A + ½ I of all layers of attention, and take what the class token gets of each patch."""
        tokens = next(node.shape[0] for node in self.nodes if node.op == "attention")
        through = torch.eye(tokens, dtype=torch.float64).expand(len(self.x), -1, -1)
        for i, node in enumerate(self.nodes):
            if node.op == "attention":
                w, x = self.weights[i], self.values[node.inputs[0]]
                q, k, _ = (x @ w["in_proj_weight"].T + w["in_proj_bias"]).chunk(3, 2)
                heads = zip(q.chunk(node.options["heads"], 2), k.chunk(node.options["heads"], 2), strict=True)
                each = [(a @ b.transpose(1, 2) / a.shape[2] ** 0.5).softmax(2) for a, b in heads]
                through = (sum(each) / len(each) + torch.eye(tokens)).double() @ through / 2
        height, width = next(node.shape for node in self.nodes if node.op == "conv")[1:]
        patches = through[:, 0, 1:].view(-1, 1, height, width)
        return F.interpolate(patches, self.x.shape[2:], mode="bilinear", align_corners=False)[:, 0]

    def logit(self, x: Tensor, target: Tensor) -> Tensor:
        return self.run(x)[-1].gather(1, target[:, None])[:, 0]

    def slope(self, x: Tensor, target: Tensor) -> Tensor:
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(self.logit(leaf, target).sum(), leaf)[0]

    def integrated(self, target: Tensor, reference: Tensor, steps: int = 1500) -> Tensor:
        """Integrate by the midpoint rule in t, α = t³: dense near the baseline, where norms change fast."""
        t = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
        total = torch.zeros_like(self.x)
        for part in torch.split(t, 500):
            for k in range(len(self.x)):
                way = reference[k] + (part**3)[:, None, None, None] * (self.x[k] - reference[k])
                slopes = self.slope(way, target[k].expand(len(part)))
                total[k] += ((3 * part**2)[:, None, None, None] * slopes).sum(0) / steps
        return total * (self.x - reference)

    # DeepLIFT.

    def deep_lift(self, target: Tensor, reference: Tensor) -> Tensor:
        theirs = self.run(reference)

        def send(i: int, m: Tensor) -> list[tuple[int, Tensor]]:
            node, (j, *_) = self.nodes[i], self.nodes[i].inputs
            dx, dy = self.values[j] - theirs[j], self.values[i] - theirs[i]
            if node.op == "relu" or node.op in ACTIVATIONS:
                ((_, slope),) = self.local(i, torch.ones_like(m))
                near = dx.abs() < 1e-10
                return [(j, m * torch.where(near, slope, dy / torch.where(near, 1.0, dx)))]
            if node.op == "max_pool":
                return [(j, self._pooled(node, m, self.values[j], theirs[j]))]
            return self.local(i, m)

        return self.backward(send, self.seed(target)) * (self.x - reference)

    @staticmethod
    def _pooled(node: Node, m: Tensor, x: Tensor, x0: Tensor) -> Tensor:
        """Hand each window's Δy to its two maxima (Shrikumar et al. 2017, §3.5), window by window."""
        size, stride, p = (node.options.get(name, 0) for name in ("size", "stride", "padding"))
        x, x0 = (F.pad(maps, (p, p, p, p), value=-torch.inf) for maps in (x, x0))
        given, slope = torch.zeros_like(x), torch.zeros_like(x)
        for n, c, r, s in torch.cartesian_prod(*(torch.arange(k) for k in m.shape)).tolist():
            rows, columns = slice(r * stride, r * stride + size), slice(s * stride, s * stride + size)
            here, there = x[n, c, rows, columns], x0[n, c, rows, columns]
            top = torch.maximum(here.max(), there.max())
            mine = divmod(int(here.argmax()), here.shape[1])
            their = divmod(int(there.argmax()), there.shape[1])
            place = (n, c, rows.start + mine[0], columns.start + mine[1])
            other = (n, c, rows.start + their[0], columns.start + their[1])
            given[place] += m[n, c, r, s] * (top - there.max())
            given[other] += m[n, c, r, s] * (here.max() - top)
            slope[place] += m[n, c, r, s]
        dx = x - x0
        near = dx.abs() < 1e-10
        multipliers = torch.where(near, slope, given / torch.where(near, 1.0, dx))
        return multipliers[..., p : x.shape[2] - p, p : x.shape[3] - p]

    # Relevance.

    def matrix(self, i: int, j: int) -> tuple[Tensor, Tensor]:
        """Return a linear node as a dense matrix [outputs, inputs], and its bias [outputs]."""
        shape = self.values[j].shape[1:]
        basis = torch.eye(shape.numel(), dtype=torch.float64).view(-1, *shape)
        zero = plain(self.nodes[i], self.weights[i], torch.zeros(1, *shape, dtype=torch.float64))
        columns = plain(self.nodes[i], self.weights[i], basis) - zero
        return columns.flatten(1).T, zero.flatten()

    def relevance(self, target: Tensor, rule: str, epsilon: float) -> Tensor:
        """Propagate the target's logit by "epsilon", "epsilon_plus", "alpha_beta", "w_square" or "taylor"."""
        z = self.logits.gather(1, target[:, None])
        positive = rule in {"epsilon_plus", "taylor"}

        def send(i: int, r: Tensor) -> list[tuple[int, Tensor]]:
            node, (j, *others) = self.nodes[i], self.nodes[i].inputs
            if node.op in _DENSE:
                return [(j, self._dense(i, r, *self.matrix(i, j), rule, epsilon))]
            if node.op == "batch_norm" and (layer := self._layer_before(j)):
                w = self.weights[i]
                channels = torch.arange(w["weight"].numel()).view(-1, *[1] * (r.ndim - 2)).expand(r.shape[1:])
                scale = (w["weight"] / (w["running_var"] + 1e-5).sqrt())[channels.flatten()]
                shift = (w["bias"] - w["running_mean"] * w["weight"] / (w["running_var"] + 1e-5).sqrt())[
                    channels.flatten()
                ]
                (entering,) = self.nodes[layer].inputs
                weight, bias = self.matrix(layer, entering)
                for k in range(layer + 1, i):
                    if self._layer_before(k) == layer and self._leads_to(k, j):
                        factor, constant = _AFFINE[self.nodes[k].op]
                        weight, bias = weight * factor, bias * factor + constant
                merged = weight * scale[:, None], bias * scale + shift
                return [(entering, self._dense(layer, r, *merged, rule, epsilon))]
            if node.op in _PASSED or node.op == "batch_norm":
                return [(j, r)]
            if node.op in {"add", "sub"}:
                a, b = self.values[j], self.values[others[0]] * (1 if node.op == "add" else -1)
                if positive:
                    a, b = a.clamp(min=0), b.clamp(min=0)
                total = _stabilized(a + b, epsilon)
                return [(j, r * a / total), (others[0], r * b / total)]
            assert node.op in {"cat", "flatten", "max_pool", "adaptive_max", "amax"}, node.op
            return self.local(i, r)

        return self.backward(send, self.seed(target) * z)

    def _dense(self, i: int, r: Tensor, weight: Tensor, bias: Tensor, rule: str, epsilon: float) -> Tensor:
        """Propagate through one dense matrix."""
        node = self.nodes[i]
        (j,) = node.inputs
        x, r = self.values[j].flatten(1), r.flatten(1)
        if rule == "epsilon" or (rule == "epsilon_plus" and node.op in {"linear", "mean"}):
            s = r / _stabilized(x @ weight.T + bias, epsilon)
            return (x * (s @ weight)).view_as(self.values[j])
        if rule == "w_square":
            square = weight**2 if node.op in WEIGHTED else weight  # equal shares either way, but for ε
            return (r / (square.sum(1) + epsilon) @ square).view_as(self.values[j])
        plus, minus = weight.clamp(min=0), weight.clamp(max=0)
        if rule == "alpha_beta":
            up, down = x.clamp(min=0), x.clamp(max=0)
            s = 2 * r / (up @ plus.T + down @ minus.T + epsilon)
            t = -r / _stabilized(up @ minus.T + down @ plus.T, epsilon)
            given = up * (s @ plus) + down * (s @ minus) + up * (t @ minus) + down * (t @ plus)
            return given.view_as(self.values[j])
        if rule == "taylor" and node.op in WEIGHTED and not self._behind_weights(j):
            maps = self.values[j]
            within = (2, 3) if maps.ndim == 4 else (1,)
            low = maps.amin(within, keepdim=True).expand_as(maps).flatten(1)
            high = maps.amax(within, keepdim=True).expand_as(maps).flatten(1)
            s = r / ((x @ weight.T - low @ plus.T - high @ minus.T).clamp(min=0) + epsilon)
            return (x * (s @ weight) - low * (s @ plus) - high * (s @ minus)).view_as(maps)
        up, down = x.clamp(min=0), x.clamp(max=0)
        s = r / (up @ plus.T + down @ minus.T + epsilon)
        return (up * (s @ plus) + down * (s @ minus)).view_as(self.values[j])

    def _layer_before(self, i: int) -> int:
        """Return the layer with weights that a node is, but for numbers added and multiplied; 0 for none."""
        while self.nodes[i].op in _AFFINE:
            (i,) = self.nodes[i].inputs
        return i if self.nodes[i].op in WEIGHTED else 0

    def _leads_to(self, i: int, j: int) -> bool:
        """Tell whether node j is node i, but for numbers added and multiplied."""
        while j > i:
            (j,) = self.nodes[j].inputs
        return i == j

    def _behind_weights(self, i: int) -> bool:
        return self.nodes[i].op in WEIGHTED or any(map(self._behind_weights, self.nodes[i].inputs))

    def has(self, *ops: str) -> bool:
        return any(node.op in ops for node in self.nodes)


def _stabilized(z: Tensor, epsilon: float) -> Tensor:
    return z + torch.where(z < 0, -epsilon, epsilon)


@dataclass(frozen=True)
class Fields:
    """First and last row, and column, that each place of a layer sees; last exclusive."""

    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]


def fields(graph: Graph, layer: int, draws: int = 16) -> Fields:
    """Return receptive fields by brute force: change every row and column, under many draws of weights."""
    shape = graph.nodes[layer].shape
    height, width = graph.nodes[0].shape[1:]
    seen = [torch.zeros(height, shape[1], dtype=torch.bool), torch.zeros(width, shape[2], dtype=torch.bool)]
    generator = torch.Generator().manual_seed(graph.seed)
    for draw in range(draws):
        model = Written(Graph(graph.nodes, torch.float64, 1000 * graph.seed + draw, graph.simple))
        x = torch.randn(1, *graph.nodes[0].shape, generator=generator, dtype=torch.float64)
        changed = x.repeat(height + width, 1, 1, 1)
        other = 3 * torch.randn(changed.shape, generator=generator, dtype=torch.float64)
        for k in range(height):
            changed[k, :, k] = other[k, :, k]
        for k in range(height, height + width):
            changed[k, :, :, k - height] = other[k, :, :, k - height]
        values = Oracle(model, torch.cat([x, changed])).values[layer]
        differs = (values[1:] - values[:1]).abs() > 1e-11
        seen[0] |= differs[:height].any(1).any(2)
        seen[1] |= differs[height:].any(1).any(1)
    return Fields(*([_ends(line) for line in side.T] for side in seen))


def _ends(line: Tensor) -> tuple[int, int]:
    at = line.nonzero()[:, 0].tolist()
    return (at[0], at[-1] + 1) if at else (0, 0)


def refusable(graph: Graph, method: str) -> bool:
    """Whether a network has operations that a method's rule is not defined for."""
    ops = {node.op if node.op != "token_norm" else "layer_norm" for node in graph.nodes}
    styles = {(node.op, node.style) for node in graph.nodes}
    if method == "attention_rollout":
        return "attention" not in ops
    if method == "deep_lift":
        undefined = {"adaptive_max", "amax", "mul", "divide", "attention"} | NORMS - {"batch_norm"}
        return bool(ops & undefined) or ("max_pool", "amax") in styles
    if method in {"lrp", "deep_taylor"}:
        undefined = (set(ACTIVATIONS) - {"tanh"}) | NORMS - {"batch_norm"} | {"mul", "divide", "attention"}
        return bool(ops & undefined) or bool({("relu", "half of the sum"), ("linear", "matmul")} & styles)
    absolute = ("relu", "half of the sum") in styles or "divide" in ops
    return absolute or bool(ops & set(ACTIVATIONS)) or "relu" not in ops
