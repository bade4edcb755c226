"""Attributions of drawn networks: right, or refused with a reason that `inspect_model` announced."""

import warnings

import judging
import pytest
import torch


@pytest.fixture(scope="module")
def tally():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield judging.judge(range(40))
    torch.set_num_threads(threads)


def test_nothing_is_raw_and_nothing_silently_wrong(tally):
    assert not tally.stories


@pytest.mark.parametrize("method", ["deep_lift", "guided_backprop", "lrp epsilon", "deep_taylor"])
def test_rules_are_right_on_most_networks_not_only_refused(tally, method):
    assert tally.counts[method]["right"] > tally.counts[method]["refused"]


def test_every_method_was_tried_on_every_network(tally):
    assert {name.split()[0] for name in tally.counts} == {*judging.METHODS, judging.FIELDS}
    assert all(counts.total() >= 40 for counts in tally.counts.values())
