"""Networks as people write them: every map is right, or refused with a reason that inspection announces."""

import contextlib

import numpy as np
import pytest
import torch
from saliency_models import Functional, Softened, Written, pictures, seeded
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.utils.checkpoint import checkpoint

from dvi_widget.saliency import METHODS, attribute, inspect_model, receptive_field

RULES = ["deep_lift", "guided_backprop", "deconvolution", "guided_grad_cam", "lrp", "deep_taylor"]


def middle(behind, **modules):
    """A network with whatever a test puts behind its first convolution."""

    def forward(m, x):
        return m.linear(behind(m, F.relu(m.conv1(x))).mean((2, 3)))

    return seeded(Written(forward, **modules))


def values(model, method, x=None, **options):
    return attribute(model, pictures() if x is None else x, 1, method, **options).values


def assert_refused(model, methods, reason):
    told = inspect_model(model, pictures())
    for method in METHODS:
        if method in methods:
            assert reason in told.methods[method]
            with pytest.raises(ValueError, match=f"method must support the model; got {method}"):
                values(model, method)
        else:
            assert reason not in told.methods[method]


@pytest.mark.parametrize("method", RULES)
def test_rules_reach_into_checkpointed_blocks(method):
    plain = middle(lambda m, x: F.relu(m.conv2(x)))
    block = middle(lambda m, x: checkpoint(lambda y: F.relu(m.conv2(y)), x, use_reentrant=False))
    np.testing.assert_allclose(values(block, method), values(plain, method), rtol=1e-4, atol=1e-5)


def test_blocks_that_torch_cannot_send_chosen_gradients_through_are_refused():
    model = middle(lambda m, x: checkpoint(lambda y: F.relu(m.conv2(y)), x, use_reentrant=True))
    with_gradients = [name for name, method in METHODS.items() if "gradients" in method.needs]
    assert_refused(model, with_gradients, "torch.utils.checkpoint")


class OwnReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x > 0)


@torch.jit.script
def scripted_relu(x):
    return torch.relu(x)


@pytest.mark.parametrize("function", [OwnReLU.apply, scripted_relu], ids=["own", "scripted"])
def test_rules_refuse_functions_that_they_cannot_see(function):
    assert_refused(middle(lambda m, x: function(m.conv2(x))), RULES, "into which rules cannot see")


def test_a_network_that_mixes_its_batch_is_refused_by_every_method():
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    model = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=norm)
    assert_refused(model, METHODS, "mixes the pictures of a batch, by batch_norm in norm (BatchNorm2d)")
    centred = middle(lambda m, x: F.relu(m.conv2(x) - x.mean(0)))
    assert_refused(centred, METHODS, "mixes the pictures of a batch, somewhere in its forward")


def test_what_torch_cannot_differentiate_is_still_asked_for_its_logits():
    overwritten = middle(lambda m, x: torch.sigmoid(m.conv2(x)).mul_(2))
    parts = middle(lambda m, x: torch.cat([part.relu_() for part in m.conv2(x).chunk(2, 1)], 1))
    with_gradients = [name for name, method in METHODS.items() if "gradients" in method.needs]
    for model in (overwritten, parts):
        assert_refused(model, with_gradients, "Write that operation without the underscore")
        assert np.isfinite(values(model, "occlusion")).all()


def test_an_activation_that_was_replaced_is_noticed():
    model = middle(lambda m, x: m.act(m.conv2(x)))
    model.act = F.relu
    values(model, "guided_backprop")
    model.act = F.gelu
    assert_refused(
        model, ["guided_backprop", "deconvolution", "guided_grad_cam", "lrp", "deep_taylor"], "gelu"
    )


def scaled_in_place(m, x):
    z = m.conv2(x)
    z.sub_(0.1).div_(2)
    return F.relu(m.norm(z))


def relu_on_a_view(m, x):
    z = m.conv2(x)
    z.permute(0, 2, 3, 1).relu_()
    return z * 2


def filled_piece_by_piece(m, x):
    z = torch.zeros_like(x)
    z[:, :2], z[:, 2:] = x[:, :2], x[:, 2:] / 2
    return F.relu(m.conv2(z))


WRITTEN_OVER = {
    "numbers": (scaled_in_place, lambda m, x: F.relu(m.norm((m.conv2(x) - 0.1) / 2))),
    "view": (relu_on_a_view, lambda m, x: F.relu(m.conv2(x)) * 2),
    "pieces": (
        filled_piece_by_piece,
        lambda m, x: F.relu(m.conv2(torch.cat([x[:, :2], x[:, 2:] / 2], 1))),
    ),
    "mask": (lambda m, x: (z := m.conv2(x)).mul_(z > 0), lambda m, x: F.relu(m.conv2(x))),
    "sum": (
        lambda m, x: F.relu(m.norm(m.conv2(x)).add_(x)),
        lambda m, x: F.relu(m.norm(m.conv2(x)) + x),
    ),
    "dropout": (
        lambda m, x: F.relu(m.norm(F.dropout2d(m.conv2(x), 0.5, training=False, inplace=True))),
        lambda m, x: F.relu(m.norm(m.conv2(x))),
    ),
}


@pytest.mark.parametrize("method", [*RULES, "gradient"])
@pytest.mark.parametrize("name", WRITTEN_OVER)
def test_a_network_that_overwrites_is_explained_as_one_that_does_not(name, method):
    overwriting, plain = (middle(behind, norm=nn.BatchNorm2d(4)) for behind in WRITTEN_OVER[name])
    np.testing.assert_allclose(values(overwriting, method), values(plain, method), rtol=1e-4, atol=1e-5)


def test_masks_that_are_no_relus_are_refused_by_rules():
    for behind in (
        lambda m, x: (z := m.conv2(x)) * (z > 1),
        lambda m, x: torch.where((z := m.conv2(x)) > 0, z, 0.1 * z),
        lambda m, x: (z := m.conv2(x)) * (z.detach() > 0),
        lambda m, x: (z := m.conv2(x)).gather(1, z.argsort(1)),
    ):
        assert_refused(middle(behind), RULES, "Use integrated_gradients")


def test_a_mask_of_what_was_overwritten_since_is_no_relu():
    def behind(m, x):
        z = m.conv2(x)
        positive = z > 0
        z -= 1
        return z * positive

    assert_refused(middle(behind), RULES, "mul in the model's own forward")


def test_dividing_by_a_function_of_the_picture_is_no_scaling():
    model = middle(lambda m, x: 1 / (1 + F.relu(m.conv2(x))))
    assert attribute(model, pictures(), 1, "deep_lift").error.max() < 1e-3
    assert_refused(model, ["lrp", "deep_taylor"], "no rule for div")
    quotient = middle(lambda m, x: x / (1 + m.conv2(x).square()))
    assert_refused(quotient, RULES, "div in the model's own forward")


def test_a_hook_that_copies_a_convolution_s_output_changes_no_map():
    model = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=nn.BatchNorm2d(4))
    before = {method: values(model, method) for method in ("lrp", "deep_taylor")}
    model.conv2.register_forward_hook(lambda module, given, output: output.clone())
    for method, expected in before.items():
        np.testing.assert_array_equal(values(model, method), expected)


def by_hand(m, z):
    mean, variance, w, b = (t[:, None, None] for t in (m.mean, m.variance, m.w, m.b))
    return (z - mean) / torch.sqrt(variance + 1e-5) * w + b


def by_hand_in_place(m, z):
    mean, variance, w, b = (t.view(1, -1, 1, 1) for t in (m.mean, m.variance, m.w, m.b))
    z.sub_(mean)
    z *= w * (variance + 1e-5).rsqrt()
    z += b
    return z


def by_hand_in_one(m, z):
    scale = (m.w * (m.variance + 1e-5).rsqrt())[:, None, None]
    return torch.add(z * scale, (m.b - m.mean * scale.flatten())[:, None, None])


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("lrp", {"rule": "epsilon"}),
        ("lrp", {"rule": "epsilon_plus"}),
        ("deep_taylor", {}),
        ("deep_lift", {}),
        ("guided_backprop", {}),
        ("gradient", {}),
    ],
)
@pytest.mark.parametrize("way", [by_hand, by_hand_in_place, by_hand_in_one])
def test_a_batch_norm_written_in_arithmetic_is_one(way, method, options):
    module = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=nn.BatchNorm2d(4))
    norm = module.norm
    written = middle(lambda m, x: F.relu(way(m, m.conv2(x))))
    written.load_state_dict({k: v for k, v in module.state_dict().items() if "norm" not in k})
    for name, value in {
        "mean": norm.running_mean,
        "variance": norm.running_var,
        "w": norm.weight,
        "b": norm.bias,
    }.items():
        written.register_buffer(name, value.detach().clone())
    expected = values(module, method, **options)
    np.testing.assert_allclose(values(written, method, **options), expected, rtol=1e-3, atol=1e-5)
    assert np.abs(expected).max() > 1e-3


def test_numbers_for_each_place_are_not_merged_with_a_layer():
    # Relevance passes on through them, so that the sum over the picture is the logit's.
    model = middle(lambda m, x: F.relu(m.conv2(x) * (1 + torch.arange(8.0) / 8)))
    maps = attribute(model, pictures(), 1, "deep_taylor")
    assert not maps.flagged.any()


def test_a_batch_norm_over_tokens_is_not_merged_with_the_layer_of_their_entries():
    class Tokens(nn.Module):
        """As many tokens as entries, so that a wrong axis goes unnoticed."""

        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(2, 64)
            self.norm = nn.BatchNorm1d(64)
            self.linear = nn.Linear(64, 3)

        def forward(self, x):
            tokens = self.embed(x.flatten(2).transpose(1, 2))  # [n, 64 tokens, 64 entries]
            return self.linear(self.norm(tokens).mean(1))

    model = seeded(Tokens())
    torch.manual_seed(0)
    model.norm.running_mean.normal_()
    model.norm.running_var.uniform_(0.5, 2)
    x, epsilon = pictures(1), 0.01
    z = model(x)[:, 1]
    # By hand: ε through the head, the mean and the embedding; the norm passes relevance on.
    entered = x.flatten(2).transpose(1, 2)
    tokens = model.embed(entered)
    normed = model.norm(tokens)
    mean = normed.mean(1)

    def share(contributions, total, relevance):
        return contributions * relevance / (total + torch.where(total < 0, -epsilon, epsilon))

    r = share(mean * model.linear.weight[1], z[:, None], z[:, None])
    r = share(normed / 64, mean[:, None], r[:, None])
    r = sum(
        share(entered * model.embed.weight[j], tokens[..., j, None], r[..., j, None]) for j in range(64)
    ).sum(2)
    np.testing.assert_allclose(
        values(model, "lrp", x, epsilon=epsilon)[0].ravel(), r[0].detach().numpy(), rtol=1e-3, atol=1e-4
    )


def test_grad_cam_goes_behind_a_norm_that_cancels_mean_gradients():
    norm = nn.InstanceNorm2d(4, affine=True)
    model = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=norm)
    told = inspect_model(model, pictures())
    assert told.last_convolution == "norm"
    assert np.abs(values(model, "grad_cam", relu=False)).max() > 1e-3
    for method in ("grad_cam", "guided_grad_cam"):
        with pytest.raises(ValueError, match=r"layer must have gradients that do not cancel; got 'conv2'"):
            values(model, method, layer="conv2")
    batch = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=nn.BatchNorm2d(4))
    assert inspect_model(batch, pictures()).last_convolution == "conv2"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", ["lrp", "deep_taylor", "deep_lift", "guided_backprop"])
def test_rules_compute_in_single_precision_on_half_a_network(method, dtype):
    model = seeded(Functional()).to(dtype)
    single = seeded(Functional()).to(dtype).float()
    x = pictures().to(dtype)
    expected = values(single, method, x.float())
    np.testing.assert_allclose(
        values(model, method, x), expected, rtol=0.02, atol=0.02 * np.abs(expected).max()
    )


class Plane(nn.Module):
    """Logits that sum to one and are positive for the first picture alone."""

    def __init__(self, x) -> None:
        super().__init__()
        self.linear = nn.Linear(x[0].numel(), 3)
        row = x[0].flatten() / x[0].norm()
        with torch.no_grad():
            self.linear.weight.sub_(torch.outer(self.linear.weight @ row, row))
            self.linear.bias.copy_(torch.tensor([0.2, 0.3, 0.5]))

    def forward(self, x):
        return self.linear(x.flatten(1))


def test_one_picture_whose_logits_sum_to_one_does_not_decide_that_they_are_probabilities():
    x = pictures()
    model = Plane(x)
    assert torch.allclose(model(x[:1]).sum(), torch.ones(()), atol=1e-5)
    alone = values(model, "gradient", x[:1])
    np.testing.assert_array_equal(alone[0], values(model, "gradient", x)[0])
    np.testing.assert_allclose(alone[0], model.linear.weight[1].detach().view(2, 8, 8).sum(0), atol=1e-6)


def test_what_outputs_are_can_be_said():
    soft = Softened(seeded(Functional()))
    taken_as_logits = values(soft, "gradient", outputs="logits")
    with pytest.warns(UserWarning, match="probabilities"):
        before = values(soft, "gradient")
    assert np.abs(before).max() > 2 * np.abs(taken_as_logits).max()
    assert "probabilities" not in str(inspect_model(soft, pictures(), outputs="logits"))


class Wide(nn.Module):
    """A layer that sees a row of the picture through whatever stands in between."""

    def __init__(self, between) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 1)
        self.between = between
        self.seen = nn.Conv2d(4, 4, (3, 1), padding=(1, 0))
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.seen(self.between(self.conv(x))).mean((2, 3)))


HERE = [[0, 2], [0, 3], [1, 4], [2, 5], [3, 6], [4, 7], [5, 8], [6, 8]]
EVERYWHERE = [[0, 8]] * 8
BETWEEN = {
    "difference": (lambda x: torch.cat([x[:, :2] - x[:, 2:], x[:, 2:] - x[:, :2]], 1), HERE),
    "both signs": (lambda x: torch.cat([x[:, :2].relu(), (-x[:, :2]).relu()], 1), HERE),
    "cast": (lambda x: x.double().float(), HERE),
    "mask": (lambda x: x * (x > 0.3), HERE),
    "where": (lambda x: torch.where(x > 0, 1.0, 0.0), HERE),
    "assigned": (lambda x: x.clone().masked_fill_(x < 0, 0), HERE),
    "maxout": (lambda x: torch.maximum(x, x.flip(1)), HERE),
    "sorted": (lambda x: x.sort(1).values, HERE),
    "square root": (lambda x: x.clamp(min=1e-3).pow(0.5), HERE),
    "hard sigmoid": (F.hardsigmoid, HERE),
    "enlarged": (lambda x: F.interpolate(F.max_pool2d(x, 1), size=(8, 8), mode="bilinear"), HERE),
    "groups": (nn.GroupNorm(2, 4), EVERYWHERE),
    "instances": (nn.InstanceNorm2d(4), EVERYWHERE),
    "highest": (lambda x: x + x.amax((2, 3), keepdim=True), EVERYWHERE),
    "product": (lambda x: torch.einsum("nchw,rh->ncrw", x, torch.eye(8) + 1), EVERYWHERE),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_a_receptive_field_is_whatever_can_change_a_place(name):
    between, expected = BETWEEN[name]
    rows, columns = receptive_field(Wide(between).eval(), "seen", pictures(1))
    assert rows.tolist() == expected
    if expected is HERE:
        assert columns.tolist() == [[i, i + 1] for i in range(8)]


def test_attention_sees_the_whole_picture_and_half_precision_as_much_as_single():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def between(x):
        tokens = x.flatten(2).transpose(1, 2)
        return attention(tokens, tokens, tokens)[0].transpose(1, 2).view_as(x)

    assert receptive_field(Wide(between).eval(), "seen", pictures(1))[0].tolist() == EVERYWHERE
    half = Wide(torch.relu).half().eval()
    assert receptive_field(half, "seen", pictures(1).half())[0].tolist() == HERE


def test_integrated_gradients_take_as_many_steps_as_completeness_needs():
    # Behind a norm, nearly all of a logit's change happens close to a black baseline.
    model = middle(lambda m, x: F.relu(m.norm(m.conv2(x))), norm=nn.GroupNorm(1, 4))
    with torch.no_grad():
        model.conv1.bias.zero_()
        model.conv2.bias.zero_()
    fixed = attribute(model, 10 * pictures(), 1, steps=64, max_steps=64)
    chosen = attribute(model, 10 * pictures(), 1)
    assert fixed.flagged.all()
    assert not chosen.flagged.any()


def test_integrated_gradients_see_what_cancels_between_pixels():
    # Behind an instance norm, a picture's brightness makes no difference: all gradients along the way sum to
    # nothing, and rise towards the baseline as 1/α, up to where the norm's epsilon counts.
    model = middle(lambda m, x: F.relu(m.conv2(m.norm(x))), norm=nn.InstanceNorm2d(4)).double()
    with torch.no_grad():
        model.conv1.bias.zero_()
    x = 5 * pictures().double()
    t = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000
    expected = torch.zeros(len(x), *x.shape[2:], dtype=torch.float64)
    for i in range(len(x)):
        leaf = ((t**6)[:, None, None, None] * x[i]).requires_grad_()
        (slopes,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
        expected[i] = ((6 * t**5 / len(t))[:, None, None, None] * slopes * x[i]).sum((0, 1))
    maps = attribute(model, x, 1)
    off = np.abs(maps.values - expected.numpy()).max((1, 2)) / expected.abs().amax((1, 2)).numpy()
    assert not maps.flagged.any()
    assert off.max() < 0.05


@pytest.mark.parametrize("fails", [False, True])
def test_weights_need_gradients_after_rules_as_before(fails):
    def forward(net, x):
        if fails and x.shape[-1] == 6:
            raise RuntimeError("no more")
        return net.linear(torch.relu(net.conv1(x)).mean((2, 3)))

    model = seeded(Written(forward))
    model.conv1.bias.requires_grad_(False)
    before = [weight.requires_grad for weight in model.parameters()]
    with contextlib.suppress(RuntimeError):
        attribute(model, pictures(size=6 if fails else 8), 0, "guided_backprop")
    assert [weight.requires_grad for weight in model.parameters()] == before


def test_a_network_is_explained_before_its_softmax_whatever_it_returned_at_first():
    model = seeded(Written(lambda net, x: net.linear(net.conv1(x).mean((2, 3)))))
    first = attribute(model, pictures(), 1, "gradient").values
    inner = model.written
    model.written = lambda net, x: inner(net, x).log_softmax(1)
    np.testing.assert_array_equal(attribute(model, pictures(), 1, "gradient").values, first)
    model.written = lambda net, x: inner(net, x) + 1000  # nothing that a softmax could have returned
    np.testing.assert_array_equal(attribute(model, pictures(), 1, "gradient").values, first)
