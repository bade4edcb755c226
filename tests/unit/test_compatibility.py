"""What people bring works, or is refused in words whose cure then works; the lines are those of the table."""

from importlib import import_module

import pytest
from situations import judge
from situations.classical import CLASSICAL
from situations.networks import NETWORKS
from situations.samples import SAMPLES

SITUATIONS = {s.name: s for s in [*NETWORKS, *SAMPLES, *CLASSICAL]}


@pytest.mark.feature("F11")
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_people_bring_works_or_names_its_cure(name, tmp_path):
    situation = SITUATIONS[name]
    outcome = judge(situation, tmp_path)
    assert outcome.verdict == ("refused with the cure" if situation.says else "works"), outcome.why


def test_every_situation_of_the_table_has_a_name_of_its_own():
    every = [*NETWORKS, *SAMPLES, *CLASSICAL, *import_module("situations.frameworks").FRAMEWORKS]
    names = [situation.name for situation in every]
    assert len(set(names)) == len(names) >= 60
    assert all(situation.needs for situation in every[len(SITUATIONS) :])
