"""A handful of kills at random moments; `make kills` does a hundred."""

import pytest
from kills import kill_fitting, kill_recording


@pytest.mark.feature("F5")
def test_a_killed_recording_loses_no_complete_epoch_and_shows_no_half_one(tmp_path):
    assert kill_recording(tmp_path / "runs", 6) > 0


@pytest.mark.feature("F5")
def test_a_killed_fit_loses_no_finished_map_and_goes_on(tmp_path):
    assert kill_fitting(tmp_path / "run", 4) > 0
