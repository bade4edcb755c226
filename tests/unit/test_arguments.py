"""Checks of arguments: what passes comes back in its plain type, and all else is named."""

from pathlib import Path

import numpy as np
import pytest

from dvi_widget.arguments import check_number, check_path, check_whole


def test_what_fits_comes_back_in_its_plain_type():
    assert type(check_whole("n", np.int64(3), 1, 3)) is int
    assert type(check_number("share", np.float32(0.5), 0, 1)) is float
    assert check_number("share", 1, 0, 1) == 1.0
    assert check_path("folder", "a/b") == Path("a/b")


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1], np.nan, 0, 4])
def test_what_is_no_whole_number_in_the_range_is_named(value):
    with pytest.raises(ValueError, match=r"^n: must be a whole number in 1\.\.3; found "):
        check_whole("n", value, 1, 3)


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (1.5, 0, 1, r"a number in \[0, 1\]; found 1.5"),
        (-1, 0, np.inf, "0 or more; found -1"),
        (np.nan, 0, 1, "found nan"),
        (np.inf, -np.inf, np.inf, "a finite number; found inf"),
        (True, 0, 1, "found True"),
        ("x" * 1000, 0, 1, r"found 'xxx.*\.\.\.x"),
    ],
)
def test_what_is_no_number_in_the_range_is_named_and_cut_short(value, low, high, wanted):
    with pytest.raises(ValueError, match=f"^share: must be .*{wanted}") as raised:
        check_number("share", value, low, high)
    assert len(str(raised.value)) < 100


def test_what_is_no_path_is_named():
    with pytest.raises(TypeError, match=r"^folder: must be a path, as a string or a Path; found 5"):
        check_path("folder", 5)
