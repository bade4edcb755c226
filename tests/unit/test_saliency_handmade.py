"""Networks of unusual kinds: their maps are those of plain networks that compute the same, or refused."""

import numpy as np
import pytest
import torch
from saliency_models import Written, pictures, seeded
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from dvi_widget.saliency import METHODS, attribute, inspect_model

QUICK = {
    "smoothgrad": {"samples": 2},
    "gradient_shap": {"samples": 2},
    "prediction_difference": {"samples": 1},
    "lime": {"samples": 12},
    "kernel_shap": {"samples": 16},
    "shapley_sampling": {"permutations": 1},
    "rise": {"masks": 8},
    "lrp": {"epsilon": 1e-3},
}


def network(forward, **modules):
    return seeded(Written(forward, **modules)).double()


def first(m, x):
    return F.relu(m.conv1(x))


def head(m, x):
    return m.linear(x.mean((2, 3)))


def plain():
    return network(lambda m, x: head(m, F.relu(m.conv2(first(m, x)))))


def parametrised(norm):
    model, twin = plain(), plain()
    norm(model.conv2)
    model.eval()
    with torch.no_grad():
        twin.conv2.weight.copy_(model.conv2.weight)
    return model, twin


def shared():
    model = network(lambda m, x: head(m, F.relu(m.conv2(F.relu(m.conv2(first(m, x)))))))
    twin = network(
        lambda m, x: head(m, F.relu(m.conv3(F.relu(m.conv2(first(m, x)))))),
        conv3=nn.Conv2d(4, 4, 3, padding=1),
    )
    twin.load_state_dict(
        model.state_dict() | {"conv3.weight": model.conv2.weight, "conv3.bias": model.conv2.bias}
    )
    return model, twin


def recurrent():
    def rows(m, x):
        return first(m, x).permute(0, 2, 1, 3).flatten(2)

    def unrolled(m, x):
        r, h = m.rnn, torch.zeros(len(x), 4, dtype=x.dtype)
        for row in rows(m, x).unbind(1):
            h = F.relu(
                F.linear(row, r.weight_ih_l0, r.bias_ih_l0) + F.linear(h, r.weight_hh_l0, r.bias_hh_l0)
            )
        return m.linear(h)

    def rnn():
        return nn.RNN(32, 4, batch_first=True, nonlinearity="relu")

    return network(lambda m, x: m.linear(m.rnn(rows(m, x))[0][:, -1]), rnn=rnn()), network(
        unrolled, rnn=rnn()
    )


def shuffled():
    def by_hand(m, x):
        blocks = F.relu(m.conv2(first(m, x))).view(len(x), 1, 2, 2, 8, 8)
        return m.wide(blocks.permute(0, 1, 4, 2, 5, 3).flatten(1))

    def written(m, x):
        return m.wide(F.pixel_shuffle(F.relu(m.conv2(first(m, x))), 2).flatten(1))

    return network(written, wide=nn.Linear(256, 3)), network(by_hand, wide=nn.Linear(256, 3))


def gated(m, x):
    z = m.conv2(first(m, x))
    return head(m, z * torch.sigmoid(z))


class Counting(Written):
    """Keeps statistics in evaluation mode too."""

    def __init__(self) -> None:
        super().__init__(None)
        self.register_buffer("average", torch.zeros(4))

    def forward(self, x):
        y = self.conv2(first(self, x))
        self.average.mul_(0.9).add_(0.1 * y.detach().mean((0, 2, 3)))
        return head(self, F.relu(y))


class Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (ctx.saved_tensors[0] > 0)


class Simple(nn.Module):
    """A plain network that TorchScript compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


def scripted():
    twin = seeded(Simple()).double()
    return torch.jit.script(twin), twin


def script_inside():
    compiled, twin = scripted()
    return network(lambda m, x: m.inner(x), inner=compiled), twin  # both have the same weights, drawn anew


def mapped(m, x):
    def convolved(one):
        return F.conv2d(one[None], m.conv2.weight, m.conv2.bias, padding=1)[0]

    return head(m, F.relu(torch.vmap(convolved)(first(m, x))))


def shifted():
    model = plain()
    model.register_forward_pre_hook(lambda _, given: ((given[0] - 0.1) / 0.5,))
    return model, network(lambda m, x: head(m, F.relu(m.conv2(first(m, (x - 0.1) / 0.5)))))


def behind_norm(written):
    return network(written, norm=nn.BatchNorm2d(4))


KINDS = {
    "shared weights": shared,
    "functional norm": lambda: (
        behind_norm(
            lambda m, x: head(
                m,
                F.relu(
                    F.batch_norm(
                        m.conv2(first(m, x)),
                        m.norm.running_mean,
                        m.norm.running_var,
                        m.norm.weight,
                        m.norm.bias,
                    )
                ),
            )
        ),
        behind_norm(lambda m, x: head(m, F.relu(m.norm(m.conv2(first(m, x)))))),
    ),
    "flat and back": lambda: (
        network(
            lambda m, x: head(m, F.relu(m.conv2(first(m, m.there(x))))),
            there=nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 8, 8))),
        ),
        plain(),
    ),
    "recurrent": recurrent,
    "complex": lambda: (
        network(
            lambda m, x: head(
                m,
                F.relu(
                    m.conv2(
                        torch.view_as_real(torch.complex(*m.conv1(x).chunk(2, 1)))
                        .permute(0, 4, 1, 2, 3)
                        .flatten(1, 2)
                    )
                ),
            )
        ),
        network(lambda m, x: head(m, F.relu(m.conv2(m.conv1(x))))),
    ),
    "gated linear unit": lambda: (
        network(lambda m, x: head(m, F.glu(m.conv2(first(m, x)).repeat(1, 2, 1, 1), 1))),
        network(gated),
    ),
    "pixel shuffle": shuffled,
    "channel shuffle": lambda: (
        network(lambda m, x: head(m, F.relu(m.mix(m.conv2(first(m, x))))), mix=nn.ChannelShuffle(2)),
        network(lambda m, x: head(m, F.relu(m.conv2(first(m, x))[:, [0, 2, 1, 3]]))),
    ),
    "weight norm": lambda: parametrised(nn.utils.parametrizations.weight_norm),
    "spectral norm": lambda: parametrised(nn.utils.parametrizations.spectral_norm),
    "dropout in training mode": lambda: (
        network(lambda m, x: head(m, m.drop(F.relu(m.conv2(first(m, x))))), drop=nn.Dropout(0.5)).train(),
        plain(),
    ),
    "statistics kept": lambda: (seeded(Counting()).double(), plain()),
    "own function": lambda: (
        network(lambda m, x: head(m, Rectified.apply(m.conv2(first(m, x))))),
        plain(),
    ),
    "TorchScript": scripted,
    "TorchScript inside": script_inside,
    "dictionary": lambda: (
        network(lambda m, x: {"aux": x, "logits": head(m, F.relu(m.conv2(first(m, x))))}),
        plain(),
    ),
    "one at a time": lambda: (
        network(lambda m, x: torch.cat([head(m, F.relu(m.conv2(first(m, one[None])))) for one in x])),
        plain(),
    ),
    "hook before": shifted,
}


@pytest.mark.parametrize("kind", KINDS)
def test_unusual_networks_get_the_maps_of_plain_ones_or_none(kind):
    model, twin = KINDS[kind]()
    x = pictures(2).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    told = inspect_model(model, x)
    assert not told.methods["integrated_gradients"]
    for method in METHODS:
        options = QUICK.get(method, {})
        if told.methods[method]:
            with pytest.raises(ValueError, match="method must support the model"):
                attribute(model, x, 1, method, **options)
            continue
        maps = attribute(model, x, 1, method, **options).values
        expected = attribute(twin, x, 1, method, **options).values
        np.testing.assert_allclose(
            maps, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=method
        )
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_functions_mapped_over_pictures_are_refused_by_rules():
    told = inspect_model(network(mapped), pictures(2).double())
    for method in ("deep_lift", "guided_backprop", "deconvolution", "lrp", "deep_taylor"):
        assert "torch.vmap" in told.methods[method]
    assert not told.methods["gradient"]


def test_a_network_that_draws_at_random_has_no_maps():
    model = network(lambda m, x: head(m, F.dropout(F.relu(m.conv2(first(m, x))), 0.5)))
    told = inspect_model(model, pictures(2).double())
    assert all("differently each time" in reason for reason in told.methods.values())


def test_convolutions_of_pieces_of_pictures_are_no_layers_to_weight():
    def pieces(m, x):
        patches = x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        return head(m, F.relu(m.conv2(first(m, patches)))).view(len(x), 4, 3).mean(1)

    model, x = network(pieces), pictures(2).double()
    assert "no convolution" in inspect_model(model, x).methods["grad_cam"]
    with pytest.raises(ValueError, match="layer must have maps of every picture"):
        attribute(model, x, 1, "grad_cam", layer="conv2")
