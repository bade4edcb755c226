"""Known architectures, small: every method on each, against the same oracles as drawn networks.

    python tests/fuzz/architectures.py

prints the table of docs/attributions.md.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import judging
import torch
from networks import CLASSES, Graph, Node


class _Builder:
    """Writes a graph operation by operation, as torchvision writes its networks: modules, in place."""

    def __init__(self, *picture: int) -> None:
        self.nodes = [Node("input", (), picture)]

    def add(self, op: str, *inputs: int, shape: tuple[int, ...] = (), style: str = "module", **o: Any) -> int:
        self.nodes.append(Node(op, inputs, shape or self.nodes[inputs[0]].shape, o, style))
        return len(self.nodes) - 1

    def channels(self, x: int) -> int:
        return self.nodes[x].shape[0]

    def conv(self, x: int, channels: int, kernel: int = 3, stride: int = 1, **o: Any) -> int:
        o = {"padding": (kernel // 2, kernel // 2), "groups": 1, "bias": False} | o
        sides = [(n + 2 * o["padding"][0] - kernel) // stride + 1 for n in self.nodes[x].shape[1:]]
        o |= {"kernel": (kernel, kernel), "stride": stride, "dilation": 1}
        return self.add("conv", x, shape=(channels, *sides), **o)

    def norm(self, x: int) -> int:
        return self.add("batch_norm", x)

    def relu(self, x: int) -> int:
        return self.add("relu", x, style="module in place", tapped=True)

    def pool(self, x: int, op: str, size: int, stride: int, padding: int = 0) -> int:
        channels, *sides = self.nodes[x].shape
        shape = (channels, *((n + 2 * padding - size) // stride + 1 for n in sides))
        return self.add(op, x, shape=shape, size=size, stride=stride, padding=padding)

    def head(self, x: int, *, squeeze: bool = True) -> Graph:
        if squeeze:
            x = self.add("mean", x, shape=(self.channels(x),))
        self.add("linear", x, shape=(CLASSES,))
        return Graph(self.nodes, torch.float64, 1, simple=False)


def resnet18() -> Graph:
    """Return ResNet-18 (He et al. 2016): `out += identity`, and ReLUs in place."""
    b = _Builder(3, 24, 20)
    x = b.pool(b.relu(b.norm(b.conv(0, 4, 7, 2))), "max_pool", 3, 2, 1)
    for channels, stride in ((4, 1), (4, 1), (6, 2), (6, 1), (8, 2), (8, 1), (8, 1), (8, 1)):
        y = b.norm(b.conv(b.relu(b.norm(b.conv(x, channels, 3, stride))), channels))
        if stride > 1:
            x = b.norm(b.conv(x, channels, 1, stride))
        x = b.relu(b.add("add", y, x, style="+="))
    return b.head(x)


def densenet() -> Graph:
    """Return a DenseNet (Huang et al. 2017): norms of concatenations, before their convolutions."""
    b = _Builder(3, 24, 20)
    x = b.pool(b.relu(b.norm(b.conv(0, 4, 7, 2))), "max_pool", 3, 2, 1)
    for block in range(2):
        for _ in range(3):
            y = b.conv(b.relu(b.norm(b.conv(b.relu(b.norm(x)), 4, 1))), 2)
            x = b.add("cat", x, y, shape=(b.channels(x) + 2, *b.nodes[x].shape[1:]))
        if block == 0:
            x = b.pool(b.conv(b.relu(b.norm(x)), 5, 1), "avg_pool", 2, 2)
    return b.head(b.relu(b.norm(x)))


def mobilenet() -> Graph:
    """Return a MobileNetV2 (Sandler et al. 2018): ReLU6, and one filter for each channel."""
    b = _Builder(3, 16, 12)
    x = b.add("relu6", b.norm(b.conv(0, 4, 3, 2)))
    for channels, stride in ((4, 1), (4, 1), (6, 2), (6, 1)):
        y = b.add("relu6", b.norm(b.conv(x, 2 * b.channels(x), 1)))
        y = b.add("relu6", b.norm(b.conv(y, b.channels(y), 3, stride, groups=b.channels(y))))
        y = b.norm(b.conv(y, channels, 1))
        x = b.add("add", x, y, style="operator") if b.nodes[x].shape == b.nodes[y].shape else y
    return b.head(b.add("relu6", b.norm(b.conv(x, 8, 1))))


def efficientnet() -> Graph:
    """Return an EfficientNet (Tan and Le 2019): SiLU, and gates of whole channels."""
    b = _Builder(3, 16, 12)
    x = b.add("silu", b.norm(b.conv(0, 4, 3, 2)))
    for channels, stride in ((4, 1), (6, 2), (6, 1)):
        y = b.add("silu", b.norm(b.conv(x, 2 * b.channels(x), 1)))
        y = b.add("silu", b.norm(b.conv(y, b.channels(y), 3, stride, groups=b.channels(y))))
        gate = b.add("linear", b.add("mean", y, shape=(b.channels(y),)), shape=(2,))
        gate = b.add("sigmoid", b.add("linear", b.add("silu", gate), shape=(b.channels(y),)))
        y = b.norm(b.conv(b.add("mul", y, gate), channels, 1))
        x = b.add("add", y, x, style="+=") if b.nodes[x].shape == b.nodes[y].shape else y
    return b.head(b.add("silu", b.norm(b.conv(x, 8, 1))))


def convnext() -> Graph:
    """Return a ConvNeXt (Liu et al. 2022): LayerNorm over channels, GELU, and a scale for each layer."""
    b = _Builder(3, 16, 12)
    x = b.add("layer_norm", b.conv(0, 4, 2, 2, padding=(0, 0), bias=True))
    for stage in range(2):
        for _ in range(2):
            y = b.add("layer_norm", b.conv(x, b.channels(x), 3, groups=b.channels(x), bias=True))
            y = b.add("gelu", b.conv(y, 2 * b.channels(x), 1, bias=True))
            y = b.add("layer_scale", b.conv(y, b.channels(x), 1, bias=True))
            x = b.add("add", x, y, style="operator")
        if stage == 0:
            x = b.conv(b.add("layer_norm", x), 6, 2, 2, padding=(0, 0), bias=True)
    return b.head(x)


def vit() -> Graph:
    """Return a vision transformer (Dosovitskiy et al. 2021): patches, a class token, attention."""
    b = _Builder(3, 16, 12)
    x = b.conv(0, 8, 4, 4, padding=(0, 0), bias=True)
    x = b.add("class_token", b.add("tokens", x, shape=(12, 8)), shape=(13, 8))
    x = b.add("position", x)
    for _ in range(2):
        y = b.add("attention", b.add("token_norm", x), heads=2)
        x = b.add("add", x, y, style="operator")
        y = b.add("gelu", b.add("linear", b.add("token_norm", x), shape=(13, 16)))
        x = b.add("add", x, b.add("linear", y, shape=(13, 8)), style="operator")
    return b.head(b.add("first", b.add("token_norm", x), shape=(8,)), squeeze=False)


ARCHITECTURES = {
    "ResNet-18": resnet18,
    "DenseNet": densenet,
    "MobileNetV2": mobilenet,
    "EfficientNet": efficientnet,
    "ConvNeXt": convnext,
    "ViT": vit,
}


def table(tallies: dict[str, judging.Tally]) -> str:
    """Return the verdicts as Markdown, methods by architectures, with the reasons below."""
    reasons: list[str] = []
    lines = [f"| method | {' | '.join(tallies)} |", "|" + " --- |" * (1 + len(tallies))]
    for method in next(iter(tallies.values())).counts:
        cells = []
        for tally in tallies.values():
            counts, reason = tally.counts.get(method), tally.reasons.get(method)
            if reason is not None:
                reason = re.sub(r"\bn\d+ |( in n\d+[^;.]*)", "", reason)
                reason = re.sub(r"^method must support the model; got \w+\. ", "", reason)
                if reason not in reasons:
                    reasons.append(reason)
            note = "" if reason is None else f" ({reasons.index(reason) + 1})"
            cells.append("" if counts is None else "/".join(sorted(+counts)) + note)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{i}. {reason}" for i, reason in enumerate(reasons, 1))])


def judged() -> dict[str, judging.Tally]:
    """Judge every method on every architecture."""
    tallies = {}
    for name, build in ARCHITECTURES.items():
        tallies[name] = judging.Tally()
        judging.judge_graph(build(), tallies[name])
    return tallies


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    verdicts = judged()
    print(table(verdicts))
    for name, tally in verdicts.items():
        for story in tally.stories:
            print(name, story)
