"""Attribution methods that follow gradients, or a rule in their place, from a class's logit to the pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from .network import Network, Target
from .rules import LRP_RULES, Deconvolution, DeepTaylor, GuidedBackprop, Relevance, Rescale

Report = Callable[[float], None]

_TOTAL_SAMPLES = 16  # noisy baselines whose mean logit gradient SHAP's maps are checked against
_CANCELLED = 1000  # roundings up to which a mean over maps counts as zero
_MAX_EXTRA_TOKENS = 8  # class, distillation and register tokens of a transformer
_BATCH_ROWS = 64  # pictures per forward and backward pass of the methods that average gradients


class Attributions(NamedTuple):
    """The result of a method.

    Attributes
    ----------
    maps : tensor [n, H, W]
    totals : tensor [n] or None
        What each map sums to by the method's completeness; None if the method has none.
    missed : tensor [n] or None
        How far each map may be off that could not be made better, as part of its total; zero for all others,
        None if the method makes a map in one go.
    """

    maps: Tensor
    totals: Tensor | None = None
    missed: Tensor | None = None


def part_of(report: Report, done: float, weight: float, total: float) -> Report:
    """Return a report for one part of the work: it reports (done + weight·share) / total."""
    return lambda share: report((done + weight * share) / total)


def filled(x: Tensor, fill: Any) -> Tensor:
    """Return what takes the place of missing pixels, shaped like x [n, C, H, W].

    Parameters
    ----------
    x : tensor [n, C, H, W]
    fill
        "mean" is each picture's own mean colour, "zero" is zero, "blur" is the picture without detail; a
        number, a colour [C] or a picture [C, H, W] is used as it is. The result never depends on the other
        pictures of the batch.

    Raises
    ------
    ValueError
        If `fill` is none of these.
    """
    if isinstance(fill, str):
        if fill == "mean":
            return x.mean((2, 3), keepdim=True).expand_as(x)
        if fill == "zero":
            return torch.zeros_like(x)
        if fill == "blur":
            return _blurred(x)
        raise ValueError(
            "baseline must be 'mean', 'zero', 'blur', a number, a colour [C] or a picture [C, H, W]; got "
            f"{fill!r}."
        )
    value = torch.as_tensor(fill, dtype=x.dtype, device=x.device)
    if value.ndim == 1 and len(value) == x.shape[1]:
        value = value[:, None, None]
    if value.ndim not in (0, 3) or any(
        a not in (1, b) for a, b in zip(value.shape, x.shape[1:], strict=False)
    ):
        raise ValueError(
            f"baseline must be a number, a colour [C] or a picture [C, H, W] for pictures "
            f"{tuple(x.shape[1:])}; got shape {tuple(value.shape)}."
        )
    return value.expand_as(x)


def _blurred(x: Tensor) -> Tensor:
    """Blur three times by a box of about a quarter of the side, which is nearly a Gaussian."""
    sides = [max(1, side // 8) for side in x.shape[2:]]
    pad, kernel = [sides[1], sides[1], sides[0], sides[0]], [2 * side + 1 for side in sides]
    for _ in range(3):
        x = F.avg_pool2d(F.pad(x, pad, mode="replicate"), kernel, stride=1)
    return x


def gradient(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return ∂z_t/∂x (Simonyan et al. 2014)."""
    values = net.gradient(x, target)
    report(1)
    return Attributions(values.sum(1))


def input_x_gradient(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return x · ∂z_t/∂x (Shrikumar et al. 2016)."""
    values = net.gradient(x, target)
    report(1)
    return Attributions((x * values).sum(1))


def smoothgrad(
    net: Network, x: Tensor, target: Target, report: Report, *, samples: int, noise: float, seed: int
) -> Attributions:
    """Return the mean gradient over noisy copies, σ being a share of the range (Smilkov et al. 2017, §3)."""
    generator = torch.Generator("cpu").manual_seed(seed)
    # The same noise for every picture: a map must not depend on the others of the call.
    unit = torch.randn(samples, *x.shape[1:], generator=generator, dtype=torch.float32, device="cpu").to(x)
    sigma = noise * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))
    total = torch.zeros_like(x)
    for done, (i, part) in enumerate(_parts(len(x), unit), 1):
        noisy = x[i] + sigma[i] * part
        total[i] += net.gradient(noisy, target.of(i, len(part))).sum(0)
        report(done * len(part) / (len(x) * samples))
    return Attributions((total / samples).sum(1))


def _parts(n: int, samples: Tensor) -> list[tuple[int, Tensor]]:
    """Pair every picture with every batch of samples."""
    return [(i, part) for i in range(n) for part in torch.split(samples, _BATCH_ROWS)]


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
) -> Attributions:
    """Return E[(x − b) · ∂z_t(b + α(x − b))/∂x] over α in [0, 1] and noisy baselines b.

    Lundberg and Lee 2017. Complete on average: a map sums to z_t(x) less the mean z_t(b).
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    unit = torch.randn(samples, *x.shape[1:], generator=generator, dtype=torch.float32, device="cpu").to(x)
    # One α in each of as many equal strata: the same expectation, less variance.
    alpha = (
        torch.arange(samples, device="cpu")
        + torch.rand(samples, generator=generator, dtype=torch.float32, device="cpu")
    ) / samples
    alpha = alpha[torch.randperm(samples, generator=generator, device="cpu")].to(x)[:, None, None, None]
    sigma = noise * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))
    reference = filled(x, baseline)
    total, expected = torch.zeros_like(x), target.score(net.logits(x))
    few = min(samples, _TOTAL_SAMPLES)
    for i in range(len(x)):
        for begin in range(0, samples, _BATCH_ROWS):
            rows = slice(begin, begin + _BATCH_ROWS)
            b = reference[i] + sigma[i] * unit[rows]
            same = target.of(i, len(b))
            slope = net.gradient(b + alpha[rows] * (x[i] - b), same)
            total[i] += ((x[i] - b) * slope).sum(0) / samples
            report((i + begin / samples) / len(x))
        noisy = reference[i] + sigma[i] * unit[:few]
        expected[i] -= target.of(i, few).score(net.logits(noisy)).mean()
    report(1)
    return Attributions(total.sum(1), expected)


def deep_lift(net: Network, x: Tensor, target: Target, report: Report, *, baseline: Any) -> Attributions:
    """Return rescaled multipliers times x − x′ (Shrikumar et al. 2017), complete to z_t(x) − z_t(x′)."""
    reference = filled(x, baseline)
    # One reference for all pictures is one row behind them; references of their own double the batch.
    shared = not isinstance(baseline, str) or baseline == "zero"
    behind = reference[:1] if shared else reference
    leaf = x.detach().requires_grad_()
    z = net.scores(torch.cat([leaf, behind]), Rescale(len(x), len(behind)))
    mine = target.score(z[: len(x)])
    multipliers = net.backward(mine.sum(), leaf)
    report(1)
    theirs = target.score(z[len(x) :].expand(len(x), -1))
    return Attributions((multipliers * (x - reference)).sum(1), (mine - theirs).detach())


def guided_backprop(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return the gradient through ReLUs that send back positive values only (Springenberg et al. 2015)."""
    values = net.gradient(x, target, GuidedBackprop())
    report(1)
    return Attributions(values.sum(1))


def deconvolution(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return the gradient through ReLUs that pass all positive gradients (Zeiler and Fergus 2014, §2.1)."""
    values = net.gradient(x, target, Deconvolution())
    report(1)
    return Attributions(values.sum(1))


def grad_cam(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    layer: str,
    relu: bool,
    counterfactual: bool = False,
) -> Attributions:
    """Weight a layer's channels by their mean gradients, and enlarge (Selvaraju et al. 2017, Eq. 1, 2).

    Of a transformer's tokens, those of the patches are taken, laid out as the picture. `counterfactual`
    negates the gradients, for the places that speak for other classes (Eq. 3). Less the logit of another
    class, the map is a contrast in the manner of Contrast-CAM (Prabhushankar et al. 2020), whose loss is a
    cross-entropy instead.
    """
    activations, slopes = _at_layer(net, x, target, layer)
    if _means_vanish(slopes):
        raise ValueError(
            f"layer must have gradients that do not cancel; got {layer!r}, which feeds a normalisation that "
            "subtracts each map's mean. Choose that normalisation, or a layer behind it."
        )
    weights = slopes.mean((2, 3), keepdim=True) * (-1 if counterfactual else 1)
    report(1)
    return Attributions(enlarged((weights * activations).sum(1), x, relu=relu))


def grad_cam_plus_plus(
    net: Network, x: Tensor, target: Target, report: Report, *, layer: str
) -> Attributions:
    """Weight a layer's channels by pixel-wise positive gradients (Chattopadhyay et al. 2018, Eq. 10, 19)."""
    activations, slopes = _at_layer(net, x, target, layer)
    square, cube = slopes**2, slopes**3
    denominator = 2 * square + activations.sum((2, 3), keepdim=True) * cube
    alpha = torch.where(denominator != 0, square / torch.where(denominator != 0, denominator, 1.0), 0.0)
    # The paper's gradient has a factor exp(z), which only scales the whole map and is left out.
    weights = (alpha * slopes.clamp(min=0)).sum((2, 3), keepdim=True)
    report(1)
    return Attributions(enlarged((weights * activations).sum(1), x, relu=True))


def guided_grad_cam(net: Network, x: Tensor, target: Target, report: Report, *, layer: str) -> Attributions:
    """Multiply guided backpropagation by Grad-CAM (Selvaraju et al. 2017, §3.2)."""
    cam = grad_cam(net, x, target, report, layer=layer, relu=True).maps
    guided = guided_backprop(net, x, target, report).maps
    return Attributions(cam * guided)


def _at_layer(net: Network, x: Tensor, target: Target, layer: str) -> tuple[Tensor, Tensor]:
    """Return a layer's maps and the target logit's gradient there, [n, channels, h, w] both."""

    def leaf(output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)
        return output.detach().requires_grad_()

    # No graph below the layer: gradients are switched on as the forward pass reaches it.
    with torch.no_grad(), net.tapped(layer, leaf) as seen:
        z = net.scores(x)
        if not seen:
            raise ValueError(f"layer must run in a forward pass; got {layer!r}, which does not.")
        mine = target.score(z).sum()
        if len(x) > 1 and len(seen[-1]) == 1:  # the network takes its pictures one at a time
            each = [_at_layer(net, x[i : i + 1], target.of(slice(i, i + 1)), layer) for i in range(len(x))]
            return torch.cat([maps for maps, _ in each]), torch.cat([slopes for _, slopes in each])
        slopes = net.backward(mine, seen[-1])
    maps = seen[-1].detach()
    if len(maps) != len(x):
        raise ValueError(
            f"layer must have maps of every picture; got {layer!r} with {len(maps)} for {len(x)}. Choose a "
            "layer that takes whole pictures, not pieces of them."
        )
    if slopes.ndim == 3:
        grid = token_grid(slopes.shape[1], x.shape[2], x.shape[3])
        if grid is not None:
            maps, slopes = (_tokens_as_maps(tokens, grid) for tokens in (maps, slopes))
            if not bool(slopes.any()):
                raise ValueError(
                    f"layer must have tokens of the picture that the outputs depend on; got {layer!r}, of "
                    "which they see the class token alone. Choose an earlier one, such as the first "
                    "normalisation of the last block."
                )
    if slopes.ndim != 4:
        raise ValueError(
            f"layer must have maps [n, channels, h, w], or tokens [n, t, channels] of a grid of patches; got "
            f"{layer!r} with {tuple(slopes.shape)}. Choose a convolution, a block of them, or a "
            "normalisation in a transformer's block."
        )
    return maps, slopes


def means_vanish(net: Network, picture: Tensor, layer: str) -> bool:
    """Tell whether the mean gradients of a layer's maps are nothing but rounding, for any class."""
    _, slopes = _at_layer(net, picture.clone(), Target(None), layer)
    return _means_vanish(slopes)


def _means_vanish(slopes: Tensor) -> bool:
    """Tell whether all maps' means are zero up to rounding though the maps [n, channels, h, w] are not."""
    if slopes.shape[2:].numel() == 1:
        return False
    sizes, means = slopes.abs().mean((1, 2, 3)), slopes.mean((2, 3)).abs().amax(1)
    vanishing = means <= _CANCELLED * torch.finfo(slopes.dtype).eps * sizes
    return bool(vanishing.all() and sizes.any())


def token_grid(tokens: int, height: int, width: int) -> tuple[int, int] | None:
    """Return rows and columns of the patches among a transformer's tokens; None if they form no grid.

    Class and register tokens come first. The grid has the proportions of the picture.
    """
    for extra in range(min(_MAX_EXTRA_TOKENS, tokens - 1) + 1):
        rows = math.isqrt((tokens - extra) * height // width)
        if rows and (tokens - extra) % rows == 0:
            columns = (tokens - extra) // rows
            if rows * width == columns * height and columns * rows > 1:
                return rows, columns
    return None


def _tokens_as_maps(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Lay tokens [n, t, d] out as maps [n, d, rows, columns], without those that are no patches."""
    patches = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]
    return patches.transpose(1, 2).reshape(len(patches), -1, *grid)


def enlarged(maps: Tensor, x: Tensor, *, relu: bool) -> Tensor:
    """Enlarge a layer's maps [n, h, w] to the size of the pictures."""
    maps = maps.clamp(min=0) if relu else maps
    return F.interpolate(maps[:, None], x.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def lrp(
    net: Network, x: Tensor, target: Target, report: Report, *, rule: str, epsilon: float
) -> Attributions:
    """Return relevance by a rule of `LRP_RULES` (Bach et al. 2015)."""
    maps = _relevance(net, x, target, LRP_RULES[rule](epsilon), report).maps
    return Attributions(maps)


def deep_taylor(net: Network, x: Tensor, target: Target, report: Report) -> Attributions:
    """Return deep Taylor relevance (Montavon et al. 2017, §4), complete to z_t."""
    return _relevance(net, x, target, DeepTaylor(), report)


def _relevance(net: Network, x: Tensor, target: Target, rule: Relevance, report: Report) -> Attributions:
    """Send the target logit z_t back to the pixels as relevance."""
    leaf = x.detach().requires_grad_()
    z = net.scores(leaf, rule)
    values = net.backward(target.relevance(z).sum(), leaf)
    report(1)
    return Attributions(values.sum(1), target.score(z.detach()))
