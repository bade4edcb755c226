"""Measure attribution methods on ResNet-20: cost beside captum's, error, likeness, removal curves."""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import captum.attr as c
import numpy as np
import torch
from numpy.typing import NDArray
from resnet20 import Block, Normalised, ResNet20, normalised, pictures, trained
from torch import Tensor, nn

from dvi_widget import saliency
from dvi_widget.deepvid import VAE, LinearStudent, Neighbors

EAGER_REPEATS = 5
_INTEGRAL_STEPS = 1500  # of the integral that others are compared with
_INTEGRAL_REPEATS = 3
_INTEGRAL_ROWS = 64  # pictures per pass of integrals


class ModuleBlock(Block):
    """A block whose ReLUs are modules, one for each call, as captum's rules need them."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__(entering, leaving, stride)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's maps."""
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.stride > 1:
            missing = (y.shape[1] - x.shape[1]) // 2
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, missing, missing))
        entered: Tensor = self.relu2(y + x)
        return entered


class ModuleResNet20(ResNet20):
    """The same network, made of such blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        for layer in (self.layer1, self.layer2, self.layer3):
            for i, block in enumerate(layer):
                assert isinstance(block, Block)
                layer[i] = ModuleBlock(block.conv1.in_channels, block.conv1.out_channels, block.stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, 10]."""
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def twin(model: ResNet20) -> ModuleResNet20:
    """Return the network with module ReLUs and the same weights."""
    other = ModuleResNet20()
    other.load_state_dict(model.state_dict())
    return other.eval()


def captums(model: nn.Module, last: nn.Module, x: Tensor, target: Tensor) -> dict[str, Callable[[], Any]]:
    """Return captum's way to each map of pictures x, on a network whose ReLUs are modules.

    `last` is the layer of the network whose maps Grad-CAM weights.
    """
    zero = torch.zeros_like(x)
    mean = x.mean((2, 3), keepdim=True).expand_as(x)
    size = (x.shape[2], x.shape[3])
    marked = copy.deepcopy(model)  # captum's LRP leaves marks on modules
    squares = saliency.perturbations.regions(size, 4)[None, None]

    def enlarged(maps: Tensor) -> Any:
        return c.LayerAttribution.interpolate(maps, size, "bilinear")

    def one_by_one(f: Callable[[Tensor, Tensor, int], Tensor]) -> Tensor:
        return torch.cat([f(x[i : i + 1], mean[i : i + 1], int(target[i])) for i in range(len(x))])

    return {
        "gradient": lambda: c.Saliency(model).attribute(x, target, abs=False),
        "input_x_gradient": lambda: c.InputXGradient(model).attribute(x, target),
        "smoothgrad": lambda: c.NoiseTunnel(c.Saliency(model)).attribute(
            x, nt_samples=32, nt_samples_batch_size=1, stdevs=0.5, target=target, abs=False
        ),
        "integrated_gradients": lambda: c.IntegratedGradients(model).attribute(
            x, zero, target, n_steps=64, internal_batch_size=64
        ),
        "deep_lift": lambda: c.DeepLift(model).attribute(x, zero, target),
        "gradient_shap": lambda: torch.cat(
            [
                c.GradientShap(model).attribute(
                    x[i : i + 1], zero[:1], n_samples=128, stdevs=0.2, target=int(target[i])
                )
                for i in range(len(x))
            ]
        ),
        "guided_backprop": lambda: c.GuidedBackprop(model).attribute(x, target),
        "deconvolution": lambda: c.Deconvolution(model).attribute(x, target),
        "grad_cam": lambda: enlarged(
            c.LayerGradCam(model, last).attribute(x, target, relu_attributions=True)
        ),
        "guided_grad_cam": lambda: c.GuidedGradCam(model, last).attribute(
            x, target, interpolate_mode="bilinear"
        ),
        "lrp": lambda: c.LRP(marked).attribute(x, target),
        "occlusion": lambda: one_by_one(
            lambda one, base, t: c.Occlusion(model).attribute(
                one, (x.shape[1], 4, 4), (x.shape[1], 2, 2), base, t, perturbations_per_eval=128
            )
        ),
        "lime": lambda: one_by_one(
            lambda one, base, t: c.Lime(model).attribute(
                one, base, t, feature_mask=squares, n_samples=512, perturbations_per_eval=128
            )
        ),
        "kernel_shap": lambda: one_by_one(
            lambda one, base, t: c.KernelShap(model).attribute(
                one, base, t, feature_mask=squares, n_samples=512, perturbations_per_eval=128
            )
        ),
        "shapley_sampling": lambda: one_by_one(
            lambda one, base, t: c.ShapleyValueSampling(model).attribute(
                one, base, t, feature_mask=squares, n_samples=8, perturbations_per_eval=128
            )
        ),
    }


def seconds(f: Callable[[], Any]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    f()
    return time.process_time() - start


def cost(model: ResNet20, x: Tensor, names: list[str]) -> None:
    """Print one row per method: CPU milliseconds per picture beside captum's, error and likeness."""
    with torch.no_grad():
        target = model(x).argmax(1)
        forward = min(seconds(lambda: model(x)) for _ in range(EAGER_REPEATS)) / len(x) * 1000
    print(f"One forward pass: {forward:.2f} ms a picture.\n")
    print(
        "| method | ours, ms a picture | captum, ms a picture | ratio | median error | over 5 % | likeness |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in names:
        print(f"| {' | '.join(row(model, x, target, name))} |", flush=True)


def row(model: ResNet20, x: Tensor, target: Tensor, name: str) -> list[str]:
    """Return one method's cells."""
    eager = saliency.METHODS[name].eager
    # Eager methods: all pictures, best of a few runs. Slow ones: eight pictures at a time, in turn, summed.
    parts = [slice(0, len(x))] * EAGER_REPEATS if eager else [slice(i, i + 8) for i in range(0, len(x), 8)]
    total = min if eager else sum
    times: dict[str, list[float]] = {"ours": [], "captum": []}
    maps: list[saliency.Maps] = []
    other = twin(model)
    for turn, part in enumerate(parts):
        theirs = captums(other, other.get_submodule("layer3.2.conv2"), x[part], target[part]).get(name)

        def mine(part: slice = part) -> None:
            maps.append(ours(model, x[part], target[part].numpy(), name))

        runs: dict[str, Callable[[], Any]] = {"ours": mine} | ({} if theirs is None else {"captum": theirs})
        # Ours and captum's take turns in going first, because the first one has a colder cache.
        for who in list(runs) if turn % 2 else reversed(runs):
            times[who].append(seconds(runs[who]))
    a = total(times["ours"]) / len(x) * 1000
    b = total(times["captum"]) / len(x) * 1000 if times["captum"] else None
    cells = [name, f"{a:.2f}", f"{b:.2f}" if b else "none", f"{a / b:.2f}" if b else ""]
    errors = [made.error for made in maps if made.error is not None]
    error = np.concatenate(errors) if errors else None
    cells += ["", ""] if error is None else [f"{np.median(error):.1%}", f"{(error > 0.05).mean():.0%}"]
    few = x if eager else x[:16]
    likeness = ours(model, few, target[: len(few)].numpy(), name, likeness=True).likeness
    assert likeness is not None
    return [*cells, f"{np.nanmean(likeness):+.2f}"]


def integrals(model: ResNet20, x: Tensor) -> None:
    """Print integrated gradients by captum and ours: gradients a picture, cost, and how far maps are off."""
    with torch.no_grad():
        z, zero = model(x), model(torch.zeros_like(x))
    target = z.argmax(1)
    total = (z - zero).gather(1, target[:, None])[:, 0].numpy()
    method = c.IntegratedGradients(model)

    def captums_map(steps: int) -> NDArray[np.float32]:
        values = method.attribute(
            x, torch.zeros_like(x), target, n_steps=steps, internal_batch_size=_INTEGRAL_ROWS
        )
        maps: NDArray[np.float32] = values.detach().sum(1).numpy()
        return maps

    expected = captums_map(_INTEGRAL_STEPS)
    runs: dict[str, Callable[[], Any]] = {
        f"captum, {steps} steps": partial(captums_map, steps) for steps in (64, 128, 256)
    }
    runs["ours, 64 steps"] = lambda: (
        ours(model, x, target.numpy(), "integrated_gradients", max_steps=64).values
    )
    runs["ours"] = lambda: ours(model, x, target.numpy(), "integrated_gradients").values
    columns = "gradients a picture | CPU ms a picture | missed, median | largest | map off, median | largest"
    print(f"| way | {columns} |\n|{' --- |' * 7}")
    for name, run in runs.items():
        rows = 0

        def count(_: Any, given: tuple[Tensor, ...]) -> None:
            nonlocal rows
            rows += len(given[0]) * torch.is_grad_enabled()

        with model.register_forward_pre_hook(count):
            maps = run()
        spent = min(seconds(run) for _ in range(_INTEGRAL_REPEATS))
        missed = np.abs(maps.sum((1, 2)) - total) / np.abs(total)
        off = np.abs(maps - expected).max((1, 2)) / np.abs(expected).max((1, 2))
        cells = [f"{rows / len(x):.0f}", f"{spent / len(x) * 1000:.0f}"]
        cells += [f"{f(values):.1%}" for values in (missed, off) for f in (np.median, np.max)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def curves(model: ResNet20, x: NDArray[np.float32], names: list[str], vae: Path | None) -> None:
    """Print removal and insertion of 200 pixels, faithfulness and sensitivity, one row per method."""
    extra = {} if vae is None else {"DeepVID": deepvid(model, x, VAE.load(vae))}
    told = saliency.compare_methods(model, normalised(x), methods=names, extra=extra, step=10)
    table = told.table().round(3).drop(columns="seconds")
    print(f"| map | {' | '.join(table.columns)} |\n|{' --- |' * (1 + table.shape[1])}")
    for name, values in zip(table.index, table.to_numpy(), strict=True):
        cells = ("" if np.isnan(value) else f"{value:.3f}" for value in values)
        print(f"| {name} | {' | '.join(cells)} |")


def deepvid(model: ResNet20, x: NDArray[np.float32], vae: VAE) -> NDArray[np.float32]:
    """Return weights times each pixel's difference from the mean colour, which removal leaves."""
    teacher, neighbors = Normalised(model).eval(), Neighbors(vae)
    mean = teacher.mean.numpy()
    maps = []
    for picture in x:
        student = LinearStudent().fit(neighbors.sample(picture), teacher)
        with torch.no_grad():
            label = int(teacher(torch.from_numpy(picture[None])).argmax())
        maps.append(student.weighted(picture - mean)[label].sum(0))
    return np.stack(maps)


def ours(model: nn.Module, x: Tensor, target: Any, method: str, **options: Any) -> saliency.Maps:
    """Return our maps."""
    return saliency.attribute(model, x, target, method, report=lambda _: None, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--methods", nargs="*", default=list(saliency.METHODS))
    parser.add_argument("--curves", action="store_true", help="the table of curves instead of the costs")
    parser.add_argument("--integrals", action="store_true", help="only integrated gradients, by their steps")
    parser.add_argument("--vae", type=Path, help="as deepvid.py leaves it: adds DeepVID to the curves")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    x, _ = pictures(options.data, 10)
    chosen = np.random.default_rng(0).permutation(len(x))[: options.pictures]
    model = trained(options.data)
    if options.curves:
        curves(model, x[chosen], options.methods, options.vae)
    elif options.integrals:
        integrals(model, normalised(x[chosen]))
    else:
        cost(model, normalised(x[chosen]), options.methods)


if __name__ == "__main__":
    main()
