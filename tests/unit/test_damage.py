"""A run that was damaged in any way is read as it was, or refused in a sentence that names the file."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
import folders


@pytest.mark.feature("F14")
@pytest.mark.parametrize("seed", range(2))
def test_no_damage_is_answered_with_other_data_or_an_error_of_python(seed):
    counts, defects = folders.fuzz(60, seed=100 + seed)
    assert defects == []
    assert counts["clear"] > counts["right"] > 0


def test_no_damaged_autoencoder_is_loaded_or_answered_with_an_error_of_python():
    counts, defects = folders.fuzz(40, seed=100, autoencoder=True)
    assert defects == []
    assert counts["clear"] > 0
