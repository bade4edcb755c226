"""Every method on drawn networks against its oracle: right, refused, raw or silently wrong.

    python tests/fuzz/judging.py 400

A refusal that `inspect_model` did not announce counts as raw, and so does the refusal of a network for which
every rule is defined.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from networks import Graph, Written, drawn, plain
from oracles import Oracle, fields, refusable
from torch import Tensor, nn

from dvi_widget import saliency

METHODS = list(saliency.METHODS)
FIELDS = "receptive_field"
VERDICTS = ("right", "refused", "raw", "flagged", "wrong")
_SAMPLES = 8
_CHEAP: dict[str, dict[str, Any]] = {
    "smoothgrad": {"samples": _SAMPLES},
    "gradient_shap": {"samples": _SAMPLES},
    "occlusion": {"patch": 3},
    "prediction_difference": {"samples": 2},
    "lime": {"samples": 24},
    "kernel_shap": {"samples": 32},
    "shapley_sampling": {"permutations": 2},
    "rise": {"masks": 24, "cells": 3},
    "lrp": {"epsilon": 1e-2},
}
# Share of the largest value of a map that it may be off: of rounding, and of an integral.
_ROUNDING = {torch.float64: 1e-5, torch.float32: 1e-2}
_INTEGRAL = 0.04
_REFUSAL = re.compile(r"(model|method|layer) must ")


class Plain(nn.Module):
    """A network without any style: for methods that only ask for logits."""

    def __init__(self, model: Written) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros((), dtype=model.graph.dtype))
        self._nodes = model.graph.nodes
        self._weights = [
            {name: w.to(model.graph.dtype) for name, w in model.weights(i).items()}
            for i in range(len(self._nodes))
        ]

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for node, weights in zip(self._nodes[1:], self._weights[1:], strict=True):
            values.append(plain(node, weights, *(values[j] for j in node.inputs)))
        return values[-1]


@dataclass
class Tally:
    """Verdicts by method, and what was wrong with which network."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)  # of the last refusal of each method

    def note(self, method: str, verdict: str, story: str, graph: Graph) -> None:
        self.counts.setdefault(method, Counter())[verdict] += 1
        if verdict in {"raw", "wrong"}:
            self.stories.append(f"{verdict}: {method}: {story} in {graph}")
        elif verdict == "refused":
            self.reasons[method] = story

    def table(self) -> str:
        lines = [f"| method | tried | {' | '.join(VERDICTS)} |", "|" + " --- |" * (len(VERDICTS) + 2)]
        for method, counts in self.counts.items():
            cells = [str(counts[verdict]) for verdict in VERDICTS]
            lines.append(f"| {method} | {counts.total()} | {' | '.join(cells)} |")
        return "\n".join(lines)


def judge(seeds: Iterable[int]) -> Tally:
    """Try every method and two receptive fields on each network."""
    tally = Tally()
    for seed in seeds:
        judge_graph(drawn(seed), tally)
    return tally


def judge_graph(graph: Graph, tally: Tally) -> None:
    """Try every method and two receptive fields on one network."""
    model = Written(graph)
    generator = torch.Generator().manual_seed(graph.seed)
    x = torch.randn(2, *graph.nodes[0].shape, generator=generator).to(graph.dtype)
    oracle = Oracle(model, x)
    target = torch.tensor([graph.seed % 3, (graph.seed + 1) % 3])
    told = saliency.inspect_model(model, x)
    with torch.no_grad():
        assert torch.allclose(model(x.clone()).double(), oracle.logits, rtol=1e-3, atol=1e-4), str(graph)
    for method in METHODS:
        options = dict(_CHEAP.get(method, {}))
        for rule in saliency.rules.LRP_RULES if method == "lrp" else ("",):
            chosen = options | ({"rule": rule} if rule else {})
            verdict, story = _verdict(model, oracle, x, target, method, told, chosen)
            tally.note(f"{method} {rule}".strip(), verdict, story, graph)
    for layer in _layers(graph):
        verdict, story = _field_verdict(model, x, layer)
        tally.note(FIELDS, verdict, f"of n{layer}: {story}", graph)


def _verdict(
    model: Written,
    oracle: Oracle,
    x: Tensor,
    target: Tensor,
    method: str,
    told: saliency.Inspection,
    options: dict[str, Any],
) -> tuple[str, str]:
    try:
        maps = saliency.attribute(model, x, target, method, report=lambda _: None, **options)
    except Exception as error:  # noqa: BLE001 - which error it is, is the question
        announced = isinstance(error, ValueError) and _REFUSAL.match(str(error)) and told.methods[method]
        if announced and refusable(model.graph, method):
            return "refused", str(error)
        return "raw", f"{type(error).__name__}: {error}"
    if told.methods[method]:
        return "raw", f"inspection says {told.methods[method]!r}, and a map was made"
    expected = _expected(model, oracle, x, target, method, told, options)
    values = torch.from_numpy(maps.values).double()
    tolerance = _ROUNDING[model.graph.dtype]
    if method == "integrated_gradients":
        tolerance = max(tolerance, _INTEGRAL)
    least = 1e-6
    if not saliency.METHODS[method].needs:  # differences of logits are no more exact than these
        rounding = 8 * torch.finfo(model.graph.dtype).eps * float(oracle.logits.abs().max())
        least = max(least, rounding / tolerance)
    off = float((values - expected).abs().max() / expected.abs().max().clamp(min=least))
    if off <= tolerance:
        return "right", ""
    return ("flagged" if maps.flagged.any() else "wrong"), f"off by {off:.2g}"


def _expected(
    model: Written,
    oracle: Oracle,
    x: Tensor,
    target: Tensor,
    method: str,
    told: saliency.Inspection,
    options: dict[str, Any],
) -> Tensor:
    zero = torch.zeros_like(oracle.x)
    ways: dict[str, Callable[[], Tensor]] = {
        "gradient": lambda: oracle.gradient(target),
        "input_x_gradient": lambda: oracle.gradient(target) * oracle.x,
        "smoothgrad": lambda: _smoothed(oracle, x, target),
        "integrated_gradients": lambda: oracle.integrated(target, zero),
        "gradient_shap": lambda: _shap(oracle, x, target),
        "deep_lift": lambda: oracle.deep_lift(target, zero),
        "guided_backprop": lambda: oracle.guided(target),
        "deconvolution": lambda: oracle.deconvolution(target),
        "lrp": lambda: oracle.relevance(target, options["rule"], 1e-2),
        "deep_taylor": lambda: oracle.relevance(target, "taylor", 1e-9),
    }
    if method in ways:
        return ways[method]().sum(1)
    if method == "attention_rollout":
        return oracle.rollout()
    if "cam" in method:
        assert told.last_convolution is not None
        layer = int(told.last_convolution[1:])
        if method == "grad_cam_plus_plus":
            return oracle.grad_cam_plus_plus(target, layer)
        cam = oracle.grad_cam(target, layer)
        return cam * oracle.guided(target).sum(1) if method == "guided_grad_cam" else cam
    if method == "occlusion":
        return _occluded(oracle, target, 3, 2)
    twin = saliency.attribute(Plain(model), x, target, method, report=lambda _: None, **options)
    return torch.from_numpy(twin.values).double()


def _noise(x: Tensor, share: float) -> tuple[torch.Generator, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    unit = torch.randn(_SAMPLES, *x.shape[1:], generator=generator).double()
    return generator, unit, share * (x.amax((1, 2, 3)) - x.amin((1, 2, 3))).double()


def _smoothed(oracle: Oracle, x: Tensor, target: Tensor) -> Tensor:
    _, unit, sigma = _noise(x, 0.15)
    parts = [oracle.slope(oracle.x + sigma[:, None, None, None] * one, target) for one in unit]
    return torch.stack(parts).mean(0)


def _shap(oracle: Oracle, x: Tensor, target: Tensor) -> Tensor:
    generator, unit, sigma = _noise(x, 0.05)
    alpha = (torch.arange(_SAMPLES) + torch.rand(_SAMPLES, generator=generator)) / _SAMPLES
    alpha = alpha[torch.randperm(_SAMPLES, generator=generator)].double()
    parts = []
    for one, a in zip(unit, alpha, strict=True):
        b = sigma[:, None, None, None] * one
        parts.append((oracle.x - b) * oracle.slope(b + a * (oracle.x - b), target))
    return torch.stack(parts).mean(0)


def _occluded(oracle: Oracle, target: Tensor, patch: int, stride: int) -> Tensor:
    whole = oracle.logit(oracle.x, target)
    height, width = oracle.x.shape[2:]
    mean = oracle.x.mean((2, 3), keepdim=True)
    drops, covers = torch.zeros(len(oracle.x), height, width, dtype=torch.float64), torch.zeros(height, width)
    for top in range(0, height - patch + stride, stride):
        for left in range(0, width - patch + stride, stride):
            mask = torch.zeros(height, width, dtype=torch.bool)
            mask[top : top + patch, left : left + patch] = True
            fall = whole - oracle.logit(torch.where(mask, mean, oracle.x), target)
            drops += fall[:, None, None] * mask
            covers += mask
    return drops / covers


def _layers(graph: Graph) -> list[int]:
    """Return two layers with maps whose outputs are a module's: the last, and one in the middle."""
    model = Written(graph)
    # A LayerNorm returns channels last.
    maps = [i for i, node in enumerate(graph.nodes) if len(node.shape) == 3 and node.op != "layer_norm"]
    known = [i for i in maps if hasattr(model, f"n{i}")]
    return sorted({known[-1], known[len(known) // 2]})


def _field_verdict(model: Written, x: Tensor, layer: int) -> tuple[str, str]:
    try:
        rows, columns = saliency.receptive_field(model, f"n{layer}", x)
    except Exception as error:  # noqa: BLE001
        return "raw", f"{type(error).__name__}: {error}"
    expected = fields(model.graph, layer)
    got = [[tuple(ends) for ends in side.tolist()] for side in (rows, columns)]
    if got == [expected.rows, expected.columns]:
        return "right", ""
    return "wrong", f"{got} for {[expected.rows, expected.columns]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", type=int, nargs="?", default=400)
    parser.add_argument("--first", type=int, default=0, help="seed of the first network")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    tally = judge(range(options.first, options.first + options.networks))
    print("\n".join(tally.stories))
    print(tally.table())
    raise SystemExit(bool(tally.stories))


if __name__ == "__main__":
    main()
