"""Checks of what is given: what fits comes back in its plain type, all else is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dvi_widget.arrays import (
    as_array,
    as_mask,
    as_matrix,
    as_rows,
    check_finite,
    check_number,
    check_path,
    check_whole,
)


def test_what_fits_comes_back_in_its_plain_type():
    assert type(check_whole("n", np.int64(3), 1, 3)) is int
    assert type(check_number("share", np.float32(0.5), 0, 1)) is float
    assert check_number("share", 1, 0, 1) == 1.0
    assert check_path("folder", "a/b") == Path("a/b")


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1], np.nan, 0, 4])
def test_what_is_no_whole_number_in_the_range_is_named(value):
    with pytest.raises(ValueError, match=r"^n must be a whole number in 1\.\.3; got "):
        check_whole("n", value, 1, 3)


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (1.5, 0, 1, r"a number in \[0, 1\]; got 1.5"),
        (-1, 0, np.inf, "a number of 0 or more; got -1"),
        (np.nan, 0, 1, "got nan"),
        (np.inf, -np.inf, np.inf, "a finite number; got inf"),
        (True, 0, 1, "got True"),
        ("x" * 1000, 0, 1, r"got 'xxx.*\.\.\.x"),
    ],
)
def test_what_is_no_number_in_the_range_is_named_and_cut_short(value, low, high, wanted):
    with pytest.raises(ValueError, match=f"^share must be .*{wanted}") as raised:
        check_number("share", value, low, high)
    assert len(str(raised.value)) < 100


def test_what_is_no_path_is_named():
    with pytest.raises(TypeError, match=r"^folder must be a path, as a string or a Path; got 5"):
        check_path("folder", 5)


MASKS = {
    "list": [True, False, True],
    "numpy": np.array([True, False, True]),
    "torch": torch.tensor([True, False, True]),
    "pandas": pd.Series([True, False, True]),
    "pandas, nullable": pd.Series([True, False, True], dtype="boolean"),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_mask_is_a_mask_in_every_library(mask):
    assert as_rows("rows", mask, 3).tolist() == [0, 2]
    assert as_mask("mask", mask, 3, 5).tolist() == [True, False, True]
    with pytest.raises(ValueError, match=r"^rows must have shape \(4,\) if it is a mask; got shape \(3,\)"):
        as_rows("rows", mask, 4)
    with pytest.raises(ValueError, match=r"^mask must have shape \(4,\) or \(5,\); got shape \(3,\)"):
        as_mask("mask", mask, 4, 5)


MATRICES = {
    "list": [[0, 1], [2, 3]],
    "numpy": np.array([[0, 1], [2, 3]], np.int8),
    "torch": torch.tensor([[0.0, 1.0], [2.0, 3.0]], dtype=torch.bfloat16, requires_grad=True),
    "pandas": pd.DataFrame({"a": [0, 2], "b": [1.0, 3.0]}),
    "list of tensors": [torch.tensor([0.0, 1.0]), torch.tensor([2.0, 3.0])],
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_a_matrix_is_read_from_every_library(matrix):
    read = as_matrix("x", matrix)
    assert read.dtype in (np.float32, np.float64)
    assert read.tolist() == [[0, 1], [2, 3]]


def test_arrays_of_single_and_double_precision_are_not_copied():
    for dtype in (np.float32, np.float64):
        x = np.zeros((2, 3), dtype)
        assert as_matrix("x", x) is x


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: as_array("x", [[1], [1, 2]]), ValueError, "x must be an array whose rows have one shape"),
        (lambda: as_array("x", [None, 1]), TypeError, "x must be an array of numbers; got list"),
        (lambda: as_matrix("x", [1.0]), ValueError, r"x must be a matrix \[n, h\]; got shape \(1,\)"),
        (lambda: as_matrix("x", [[1.0]], 2), ValueError, r"x must be a matrix \[n, 2\]; got shape \(1, 1\)"),
        (lambda: as_matrix("x", [["a"]]), TypeError, "x must hold real numbers; got dtype <U1"),
        (
            lambda: as_matrix("x", [[0], [np.inf]]),
            ValueError,
            "x must be finite; got NaN or infinity in row 1",
        ),
        (lambda: as_rows("rows", [], 3), ValueError, "rows must name at least one of 3 rows"),
        (lambda: as_rows("rows", [0.5], 3), ValueError, "rows must name at least one of 3 rows"),
        (lambda: as_rows("rows", [1, 3], 3), ValueError, r"rows must lie in 0\.\.2; got 3"),
        (lambda: as_rows("rows", [1, -1], 3), ValueError, r"rows must lie in 0\.\.2; got -1"),
        (lambda: as_mask("mask", [0, 1], 2), TypeError, "mask must be a mask, one bool per sample"),
    ],
)
def test_what_does_not_fit_is_named(call, kind, message):
    with pytest.raises(kind, match=f"^{message}"):
        call()


def test_nan_is_found_in_arrays_larger_than_a_block():
    x = np.zeros((5, 2**24), np.float32)
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="x must be finite; got NaN or infinity in row 3"):
        check_finite("x", x)
