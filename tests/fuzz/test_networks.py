"""Attributions of drawn networks and of known architectures: right, or refused as announced."""

import warnings
from pathlib import Path

import architectures
import judging
import pytest
import torch
from networks import Written
from oracles import Oracle

from dvi_widget import saliency

DOCS = Path(__file__).parents[2] / "docs" / "attributions.md"


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tally():
    return judging.judge(range(40))


def test_nothing_is_raw_and_nothing_silently_wrong(tally):
    assert not tally.stories


@pytest.mark.parametrize("method", ["deep_lift", "guided_backprop", "lrp epsilon", "deep_taylor"])
def test_rules_are_right_on_most_networks_not_only_refused(tally, method):
    assert tally.counts[method]["right"] > tally.counts[method]["refused"]


def test_every_method_was_tried_on_every_network(tally):
    assert {name.split()[0] for name in tally.counts} == {*judging.METHODS, judging.FIELDS}
    assert all(counts.total() >= 40 for counts in tally.counts.values())


def test_grad_cam_weights_the_tokens_of_a_transformer():
    graph = architectures.vit()
    model = Written(graph)
    x = torch.randn(2, 3, 16, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    oracle, target = Oracle(model, x), torch.tensor([0, 2])
    layer = next(i for i, node in enumerate(graph.nodes) if node.op == "position")
    tokens, slopes = (maps[:, 1:] for maps in (oracle.values[layer], oracle.gradient(target, layer)))
    cam = torch.einsum("ntd,nd->nt", tokens, slopes.mean(1)).clamp(min=0).view(2, 1, 4, 3)
    expected = torch.nn.functional.interpolate(cam, (16, 12), mode="bilinear", align_corners=False)[:, 0]
    assert expected.any()
    maps = saliency.attribute(model, x, target, "grad_cam", layer=f"n{layer}")
    torch.testing.assert_close(torch.from_numpy(maps.values).double(), expected, rtol=1e-4, atol=1e-6)


def test_the_documentation_shows_what_every_method_does_on_known_architectures():
    tallies = architectures.judged()
    assert not [story for tally in tallies.values() for story in tally.stories]
    assert architectures.table(tallies) in DOCS.read_text(encoding="utf-8")
