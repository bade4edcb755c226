"""Attribution methods that follow gradients, or what stands in their place, from a class to the pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from .network import Network, Target
from .rules import PositiveGradient, Relevance, Rescale

Report = Callable[[float], None]
# Maps [n, H, W], and what each should sum to [n] where the method has a law of completeness.
Answer = tuple[Tensor, "Tensor | None"]

_LAW_SAMPLES = 16  # noisy baselines whose mean logit gradient SHAP's sum is held against
_STEPS_AT_ONCE = 64  # pictures per forward and backward pass of the methods that average gradients


def filled(x: Tensor, fill: Any) -> Tensor:
    """What stands for missing pixels, like x [n, C, H, W].

    "mean" is each picture's own mean colour, "zero" is zero, "blur" the picture without detail; a number, a
    colour [C] or a picture [C, H, W] stands for itself. It never depends on the other pictures of the batch.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(fill, str):
        if fill == "mean":
            return x.mean((2, 3), keepdim=True).expand_as(x)
        if fill == "zero":
            return torch.zeros_like(x)
        if fill == "blur":
            return _blurred(x)
        raise ValueError(
            f"baseline: {fill!r} is none of 'mean', 'zero', 'blur', a number, a colour [C], a picture "
            "[C, H, W]"
        )
    value = torch.as_tensor(fill, dtype=x.dtype, device=x.device)
    if value.ndim == 1 and len(value) == x.shape[1]:
        value = value[:, None, None]
    if value.ndim not in (0, 3) or any(
        a not in (1, b) for a, b in zip(value.shape, x.shape[1:], strict=False)
    ):
        raise ValueError(
            f"baseline: shape {tuple(value.shape)} fits no picture {tuple(x.shape[1:])}; pass a number, "
            "[C] or [C, H, W]"
        )
    return value.expand_as(x)


def _blurred(x: Tensor) -> Tensor:
    """Three box blurs of about a quarter of the side: nearly a Gaussian."""
    sides = [max(1, side // 8) for side in x.shape[2:]]
    pad, kernel = [sides[1], sides[1], sides[0], sides[0]], [2 * side + 1 for side in sides]
    for _ in range(3):
        x = F.avg_pool2d(F.pad(x, pad, mode="replicate"), kernel, stride=1)
    return x


def gradient(net: Network, x: Tensor, target: Target, report: Report) -> Answer:
    """∂z_t/∂x, summed over channels (Simonyan et al. 2014)."""
    from captum.attr import Saliency  # noqa: PLC0415 - captum loads matplotlib

    scores = Saliency(lambda part: target.score(net.differentiable(part)))
    values = scores.attribute(x.requires_grad_(), abs=False)
    report(1)
    return values.sum(1), None


def input_x_gradient(net: Network, x: Tensor, target: Target, report: Report) -> Answer:
    """X · ∂z_t/∂x."""
    from captum.attr import InputXGradient  # noqa: PLC0415

    scores = InputXGradient(lambda part: target.score(net.differentiable(part)))
    values = scores.attribute(x.requires_grad_())
    report(1)
    return values.detach().sum(1), None


def smoothgrad(
    net: Network, x: Tensor, target: Target, report: Report, *, samples: int, noise: float, seed: int
) -> Answer:
    """Mean gradient over noisy copies; σ is a share of the picture's range (Smilkov et al. 2017, §3)."""
    generator = torch.Generator().manual_seed(seed)
    # The same noise for every picture: a map must not depend on what else was asked for.
    unit = torch.randn(samples, *x.shape[1:], generator=generator).to(x)
    sigma = noise * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))
    total = torch.zeros_like(x)
    for done, (i, part) in enumerate(_parts(len(x), unit), 1):
        noisy = x[i] + sigma[i] * part
        total[i] += net.gradient(noisy, Target(target.classes[i].expand(len(part)))).sum(0)
        report(done * len(part) / (len(x) * samples))
    return (total / samples).sum(1), None


def _parts(n: int, samples: Tensor) -> list[tuple[int, Tensor]]:
    """Every picture with every batch of samples."""
    return [(i, part) for i in range(n) for part in torch.split(samples, _STEPS_AT_ONCE)]


def integrated_gradients(
    net: Network, x: Tensor, target: Target, report: Report, *, steps: int, baseline: Any
) -> Answer:
    """∫ (x − x′) · ∂z_t(x′ + α(x − x′))/∂x dα (Sundararajan et al. 2017, Eq. 1).

    Complete: a map sums to z_t(x) − z_t(x′).
    """
    from captum.attr import IntegratedGradients  # noqa: PLC0415

    # In the memory format of the pictures: convolutions are quicker on the one they were given.
    reference = torch.empty_like(x).copy_(filled(x, baseline))
    passes = -(-steps // max(1, _STEPS_AT_ONCE // len(x)))
    done = 0

    def scores(part: Tensor) -> Tensor:
        nonlocal done
        report(min(1, done / passes))
        done += 1
        return net.differentiable(part)

    values = IntegratedGradients(scores).attribute(
        x, reference, target=target.classes, n_steps=steps, internal_batch_size=max(_STEPS_AT_ONCE, len(x))
    )
    report(1)
    return values.sum(1), _effect(net, x, reference, target)


def _effect(net: Network, x: Tensor, reference: Tensor, target: Target) -> Tensor:
    """z_t(x) − z_t(x′)."""
    return target.score(net.logits(x)) - target.score(net.logits(reference))


def gradient_shap(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    samples: int,
    noise: float,
    baseline: Any,
    seed: int,
) -> Answer:
    """E[(x − b) · ∂z_t(b + α(x − b))/∂x] over α in [0, 1] and noisy baselines b (Lundberg and Lee 2017)."""
    generator = torch.Generator().manual_seed(seed)
    unit = torch.randn(samples, *x.shape[1:], generator=generator).to(x)
    # One α in each of as many equal strata: the same expectation, less variance.
    alpha = (torch.arange(samples) + torch.rand(samples, generator=generator)) / samples
    alpha = alpha[torch.randperm(samples, generator=generator)].to(x)[:, None, None, None]
    sigma = noise * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))
    reference = filled(x, baseline)
    total, expected = torch.zeros_like(x), target.score(net.logits(x))
    few = min(samples, _LAW_SAMPLES)
    for i in range(len(x)):
        for begin in range(0, samples, _STEPS_AT_ONCE):
            rows = slice(begin, begin + _STEPS_AT_ONCE)
            b = reference[i] + sigma[i] * unit[rows]
            same = Target(target.classes[i].expand(len(b)))
            slope = net.gradient(b + alpha[rows] * (x[i] - b), same)
            total[i] += ((x[i] - b) * slope).sum(0) / samples
            report((i + begin / samples) / len(x))
        noisy = reference[i] + sigma[i] * unit[:few]
        expected[i] -= Target(target.classes[i].expand(few)).score(net.logits(noisy)).mean()
    report(1)
    return total.sum(1), expected


def deep_lift(net: Network, x: Tensor, target: Target, report: Report, *, baseline: Any) -> Answer:
    """Rescaled multipliers times x − x′ (Shrikumar et al. 2017); complete: sums to z_t(x) − z_t(x′)."""
    reference = filled(x, baseline)
    # One reference for all rides behind the pictures once; references of their own double the batch.
    shared = not isinstance(baseline, str) or baseline == "zero"
    behind = reference[:1] if shared else reference
    leaf = x.detach().requires_grad_()
    z = net.scores(torch.cat([leaf, behind]), Rescale(len(x), len(behind)))
    mine = target.score(z[: len(x)])
    multipliers = net.backward(mine.sum(), leaf)
    report(1)
    theirs = target.score(z[len(x) :].expand(len(x), -1))
    return (multipliers * (x - reference)).sum(1), (mine - theirs).detach()


def guided_backprop(net: Network, x: Tensor, target: Target, report: Report) -> Answer:
    """Gradient through ReLUs that return only what is positive where active (Springenberg et al. 2015)."""
    values = net.gradient(x, target, PositiveGradient(guided=True))
    report(1)
    return values.sum(1), None


def deconvolution(net: Network, x: Tensor, target: Target, report: Report) -> Answer:
    """Gradient through ReLUs that send back whatever is positive (Zeiler and Fergus 2014, §2.1)."""
    values = net.gradient(x, target, PositiveGradient(guided=False))
    report(1)
    return values.sum(1), None


def grad_cam(net: Network, x: Tensor, target: Target, report: Report, *, layer: str, relu: bool) -> Answer:
    """A layer's channels by their mean gradients, enlarged (Selvaraju et al. 2017, Eq. 1 and 2)."""
    activations, slopes = _at_layer(net, x, target, layer)
    weights = slopes.mean((2, 3), keepdim=True)
    report(1)
    return _enlarged((weights * activations).sum(1), x, relu=relu), None


def grad_cam_plus_plus(net: Network, x: Tensor, target: Target, report: Report, *, layer: str) -> Answer:
    """A layer's channels by their weighted positive gradients (Chattopadhyay et al. 2018, Eq. 10 and 19)."""
    activations, slopes = _at_layer(net, x, target, layer)
    square, cube = slopes**2, slopes**3
    denominator = 2 * square + activations.sum((2, 3), keepdim=True) * cube
    alpha = torch.where(denominator != 0, square / torch.where(denominator != 0, denominator, 1.0), 0.0)
    # exp(z), which the paper has as a factor of the gradient, scales a whole map and is left out.
    weights = (alpha * slopes.clamp(min=0)).sum((2, 3), keepdim=True)
    report(1)
    return _enlarged((weights * activations).sum(1), x, relu=True), None


def guided_grad_cam(net: Network, x: Tensor, target: Target, report: Report, *, layer: str) -> Answer:
    """Guided backpropagation times Grad-CAM (Selvaraju et al. 2017, §3.2)."""
    cam, _ = grad_cam(net, x, target, report, layer=layer, relu=True)
    guided, _ = guided_backprop(net, x, target, report)
    return cam * guided, None


def _at_layer(net: Network, x: Tensor, target: Target, layer: str) -> tuple[Tensor, Tensor]:
    """What leaves a layer, and the target logit's gradient there: the backward pass ends at the layer."""

    def leaf(output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)
        return output.detach().requires_grad_()

    # No graph is kept below the layer; gradients are switched on as the pass reaches it.
    with torch.no_grad(), net.tapped(layer, leaf) as seen:
        z = net.scores(x)
        if not seen:
            raise ValueError(f"layer: {layer!r} does not run in a forward pass; choose one that does")
        slopes = net.backward(target.score(z).sum(), seen[-1])
    if slopes.ndim != 4:
        raise ValueError(
            f"layer: {layer!r} gives {tuple(slopes.shape)}, not maps [n, channels, h, w]; choose a "
            "convolution, or a block of them"
        )
    return seen[-1].detach(), slopes


def _enlarged(maps: Tensor, x: Tensor, *, relu: bool) -> Tensor:
    """Maps of a layer at the size of the pictures."""
    maps = maps.clamp(min=0) if relu else maps
    return F.interpolate(maps[:, None], x.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def lrp(net: Network, x: Tensor, target: Target, report: Report, *, rule: str, epsilon: float) -> Answer:
    """Relevance by the ε rule, or z⁺ in convolutions and ε behind (Bach et al. 2015, Eq. 58 and 60)."""
    mode = Relevance(epsilon=epsilon, plus="none" if rule == "epsilon" else "convolutions")
    values, _ = _relevance(net, x, target, mode, report)
    return values, None


def deep_taylor(net: Network, x: Tensor, target: Target, report: Report) -> Answer:
    """Deep Taylor decomposition: z^B in the first layer, z⁺ in all others (Montavon et al. 2017, §4)."""
    return _relevance(net, x, target, Relevance(epsilon=1e-9, plus="all", taylor=True), report)


def _relevance(
    net: Network, x: Tensor, target: Target, mode: Relevance, report: Report
) -> tuple[Tensor, Tensor]:
    """Relevance z_t sent from the target logit to the pixels, and z_t."""
    leaf = x.detach().requires_grad_()
    z = target.score(net.scores(leaf, mode))
    values = net.backward((z * z.detach()).sum(), leaf)
    report(1)
    return values.sum(1), z.detach()
