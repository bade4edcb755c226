"""Attribution methods that change pictures and compare the logits: for any classifier."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from .gradients import Attributions, Report, filled, part_of
from .network import Network, Target

_BATCH_ROWS = 128  # changed pictures per forward pass


def regions(size: tuple[int, int], patch: int) -> Tensor:
    """Number the squares of side ``patch``, the last of a row or column cut off: int64 [H, W]."""
    rows, columns = (torch.arange(side, device="cpu") // patch for side in size)
    return rows[:, None] * (int(columns[-1]) + 1) + columns


def occlusion(
    net: Network, x: Tensor, target: Target, report: Report, *, patch: int, stride: int, baseline: Any
) -> Attributions:
    """Cover each square and return how far the logit falls (Zeiler and Fergus 2014, §4.2).

    A pixel's value is the mean over the squares that cover it.
    """
    from captum.attr import Occlusion  # noqa: PLC0415 - captum loads matplotlib

    channels, height, width = x.shape[1:]
    patch = min(patch, height, width)
    across = [math.ceil((side - patch) / stride) + 1 for side in (height, width)]
    passes, done = -(-across[0] * across[1] // max(1, _BATCH_ROWS // len(x))), 0

    def scores(part: Tensor) -> Tensor:
        nonlocal done
        report(min(1, done / passes))
        done += 1
        return net.scores(part)

    drops = Occlusion(scores).attribute(
        x,
        sliding_window_shapes=(channels, patch, patch),
        strides=(channels, min(stride, patch), min(stride, patch)),
        baselines=torch.empty_like(x).copy_(filled(x, baseline)),
        target=target.classes,
        perturbations_per_eval=max(1, _BATCH_ROWS // len(x)),
    )
    report(1)
    # A square covers all channels at once; each of them holds its effect.
    return Attributions(drops[:, 0])


def prediction_difference(
    net: Network, x: Tensor, target: Target, report: Report, *, patch: int, samples: int, seed: int
) -> Attributions:
    """Return each square's weight of evidence, the log₂ odds of the class with it less those without it.

    Robnik-Šikonja and Kononenko 2008, Eq. 7. The odds without a square come from mean probabilities over
    other contents of it, cut from random places of the same picture.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    height, width = x.shape[2:]
    patch = min(patch, height, width)
    places = [(r, c) for r in range(0, height, patch) for c in range(0, width, patch)]
    sources = [
        (
            torch.randint(height - patch + 1, (samples,), generator=generator, device="cpu").tolist(),
            torch.randint(width - patch + 1, (samples,), generator=generator, device="cpu").tolist(),
        )
        for _ in places
    ]
    values = torch.zeros(len(x), height, width, dtype=x.dtype, device=x.device)
    per_pass = max(1, _BATCH_ROWS // samples)
    for i, picture in enumerate(x):
        whole = _evidence(net.logits(picture[None]), target.classes[i])
        for begin in range(0, len(places), per_pass):
            chosen = places[begin : begin + per_pass]
            changed = picture.repeat(len(chosen) * samples, 1, 1, 1)
            for j, (r, c) in enumerate(chosen):
                h, w = min(patch, height - r), min(patch, width - c)
                for s, (top, left) in enumerate(zip(*sources[begin + j], strict=True)):
                    changed[j * samples + s, :, r : r + h, c : c + w] = picture[
                        :, top : top + h, left : left + w
                    ]
            log_p = net.logits(changed).log_softmax(1).view(len(chosen), samples, -1)
            without = _evidence(log_p.logsumexp(1) - math.log(samples), target.classes[i])
            for (r, c), weight in zip(chosen, whole - without, strict=True):
                values[i, r : r + patch, c : c + patch] = weight
            report((i + min(1, (begin + per_pass) / len(places))) / len(x))
    return Attributions(values)


def _evidence(logits: Tensor, target: Tensor) -> Tensor:
    """Return the log₂ odds of a class, exact even where its probability is nearly one: [n]."""
    others = logits.clone()
    others[:, target] = -torch.inf
    return (logits[:, target] - others.logsumexp(1)) / math.log(2)


def rise(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    masks: int,
    cells: int,
    keep: float,
    baseline: Any,
    seed: int,
) -> Attributions:
    """Return how far the logit rises when a random soft mask shows a pixel (Petsiuk et al. 2018, Eq. 5, 6).

    The mean logit over all masks is subtracted, so that a pixel without effect gets zero.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    height, width = x.shape[2:]
    cell = [math.ceil(side / cells) for side in (height, width)]
    coarse = (
        torch.rand(masks, 1, cells + 1, cells + 1, generator=generator, dtype=torch.float32, device="cpu")
        < keep
    ).to(x.dtype)
    fine = F.interpolate(coarse, [(cells + 1) * side for side in cell], mode="bilinear", align_corners=False)
    shifts = torch.stack(
        [torch.randint(side, (masks,), generator=generator, device="cpu") for side in cell], 1
    ).tolist()
    seen = torch.stack(
        [mask[:, r : r + height, c : c + width] for mask, (r, c) in zip(fine, shifts, strict=True)]
    )
    seen = seen.to(x)
    reference = filled(x, baseline)
    values = torch.zeros(len(x), height, width, dtype=x.dtype, device=x.device)
    for i, picture in enumerate(x):
        answers = []
        for begin in range(0, masks, _BATCH_ROWS):
            part = seen[begin : begin + _BATCH_ROWS]
            answers.append(net.logits(part * picture + (1 - part) * reference[i])[:, target.classes[i]])
            report((i + min(1, (begin + _BATCH_ROWS) / masks)) / len(x))
        z = torch.cat(answers)
        values[i] = torch.einsum("m,mhw->hw", z - z.mean(), seen[:, 0]) / (masks * keep)
    return Attributions(values)


def lime(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    patch: int,
    samples: int,
    width: float,
    baseline: Any,
    seed: int,
) -> Attributions:
    """Fit the logit by a linear model of which squares are visible (Ribeiro et al. 2016, §3.4, Alg. 1)."""
    where = regions((x.shape[2], x.shape[3]), patch)
    k = int(where.max()) + 1
    generator = torch.Generator("cpu").manual_seed(seed)
    visible = torch.rand(samples, k, generator=generator, dtype=torch.float32, device="cpu") < 0.5
    visible[0] = True
    # Cosine distance from the picture with all squares visible.
    distance = 1 - (visible.sum(1) / k).sqrt()
    weights = torch.exp(-((distance / width) ** 2))
    z = visible.double()
    design = (
        torch.cat([z, torch.ones(samples, 1, dtype=torch.float64, device="cpu")], 1) * weights.sqrt()[:, None]
    )
    # Ridge with penalty one on the squares and none on the intercept, as in the paper's experiments.
    penalty = torch.eye(k + 1, dtype=torch.float64, device="cpu")
    penalty[k, k] = 0
    normal = design.T @ design + penalty
    values = []
    for i in range(len(x)):
        answers = _logits_of_coalitions(
            net, x[i : i + 1], target.classes[i], visible, where, baseline, part_of(report, i, 1, len(x))
        )
        effects = torch.linalg.solve(normal, design.T @ (answers.cpu().double() * weights.sqrt()))[:k]
        values.append(_spread(effects, where))
    return Attributions(torch.stack(values).to(x))


def kernel_shap(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    patch: int,
    samples: int,
    baseline: Any,
    seed: int,
) -> Attributions:
    """Return Shapley values of squares by weighted least squares (Lundberg and Lee 2017, Thm 2).

    Complete by constraint. Coalitions come from the Shapley kernel, in pairs with their complements.
    """
    where = regions((x.shape[2], x.shape[3]), patch)
    k = int(where.max()) + 1
    generator = torch.Generator("cpu").manual_seed(seed)
    drawn = _shapley_coalitions(k, samples, generator)
    visible = torch.cat(
        [
            torch.zeros(1, k, dtype=torch.bool, device="cpu"),
            torch.ones(1, k, dtype=torch.bool, device="cpu"),
            drawn,
        ]
    )
    values, expected = [], []
    for i in range(len(x)):
        answers = _logits_of_coalitions(
            net, x[i : i + 1], target.classes[i], visible, where, baseline, part_of(report, i, 1, len(x))
        )
        empty, whole, inner = answers[0].item(), answers[1].item(), answers[2:].cpu().double()
        z = drawn.double()
        if k == 1:
            effects = torch.tensor([whole - empty], dtype=torch.float64, device="cpu")
        else:
            # The constraint Σφ = z(x) − z(x′) eliminates the last square.
            design = z[:, :-1] - z[:, -1:]
            wanted = inner - empty - z[:, -1] * (whole - empty)
            head = torch.linalg.lstsq(design, wanted[:, None], driver="gelsd").solution[:, 0]
            effects = torch.cat([head, (whole - empty - head.sum())[None]])
        values.append(_spread(effects, where))
        expected.append(whole - empty)
    return Attributions(torch.stack(values).to(x), torch.tensor(expected, dtype=x.dtype, device=x.device))


def _shapley_coalitions(k: int, samples: int, generator: torch.Generator) -> Tensor:
    """Draw coalitions from the Shapley kernel, each followed by its complement: bool [samples, k]."""
    if k == 1:
        return torch.zeros(0, 1, dtype=torch.bool, device="cpu")
    sizes = torch.arange(1, k, dtype=torch.float64, device="cpu")
    drawn = (
        torch.multinomial(
            1 / (sizes * (k - sizes)), (samples + 1) // 2, replacement=True, generator=generator
        )
        + 1
    )
    order = (
        torch.rand(len(drawn), k, generator=generator, dtype=torch.float32, device="cpu")
        .argsort(1)
        .argsort(1)
    )
    half = order < drawn[:, None]
    return torch.stack([half, ~half], 1).reshape(-1, k)[:samples]


def shapley_sampling(
    net: Network,
    x: Tensor,
    target: Target,
    report: Report,
    *,
    patch: int,
    permutations: int,
    baseline: Any,
    seed: int,
) -> Attributions:
    """Return Shapley values of squares: the mean effect of adding one, over random orders and their reverses.

    Štrumbelj and Kononenko 2010, Alg. 1. Complete: the effects of each order sum to z_t(x) − z_t(x′).
    """
    where = regions((x.shape[2], x.shape[3]), patch)
    k = int(where.max()) + 1
    generator = torch.Generator("cpu").manual_seed(seed)
    half = [torch.randperm(k, generator=generator, device="cpu") for _ in range((permutations + 1) // 2)]
    orders = torch.stack([order for pair in half for order in (pair, pair.flip(0))])[:permutations]
    rank = orders.argsort(1)  # place of each square in each order
    visible = torch.stack([rank < size for size in range(k + 1)], 1)  # [permutations, k + 1, k]
    values, expected = [], []
    for i in range(len(x)):
        answers = _logits_of_coalitions(
            net,
            x[i : i + 1],
            target.classes[i],
            visible.flatten(0, 1),
            where,
            baseline,
            part_of(report, i, 1, len(x)),
        )
        steps = answers.cpu().double().view(len(orders), k + 1).diff(dim=1)
        values.append(_spread(steps.gather(1, rank).mean(0), where))
        expected.append(float(steps[0].sum()))
    return Attributions(torch.stack(values).to(x), torch.tensor(expected, dtype=x.dtype, device=x.device))


def _logits_of_coalitions(
    net: Network,
    picture: Tensor,
    target: Tensor,
    visible: Tensor,
    where: Tensor,
    baseline: Any,
    report: Report,
) -> Tensor:
    """Return the target logits of one picture with only some squares visible: [samples]."""
    reference = filled(picture, baseline)
    answers = []
    for begin in range(0, len(visible), _BATCH_ROWS):
        part = visible[begin : begin + _BATCH_ROWS][:, where][:, None].to(picture.device)
        answers.append(net.logits(torch.where(part, picture, reference))[:, target])
        report(min(1, (begin + _BATCH_ROWS) / len(visible)))
    return torch.cat(answers)


def _spread(effects: Tensor, where: Tensor) -> Tensor:
    """Share each square's effect evenly among its pixels, so that a map sums to all effects: [H, W]."""
    return (effects / torch.bincount(where.flatten()))[where]


__all__ = ["kernel_shap", "lime", "occlusion", "prediction_difference", "regions", "rise", "shapley_sampling"]
