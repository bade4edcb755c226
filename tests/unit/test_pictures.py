"""Pictures of samples: uint8 [n, C, H, W] from bytes, unit floats and other floats."""

import numpy as np
import pytest
import torch

from dvi_widget.pictures import as_pictures


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (np.array([[[3, 255]]], np.uint8), [[[[3, 255]]]]),
        (np.array([[[0.0, 0.5, 1.0]]]), [[[[0, 128, 255]]]]),
        (torch.tensor([[[[0.2]]]], dtype=torch.bfloat16), [[[[51]]]]),
    ],
)
def test_bytes_and_unit_floats_become_pictures(given, wanted):
    pictures = as_pictures(given)
    assert pictures.dtype == np.uint8
    assert pictures.tolist() == wanted


def test_other_floats_are_rescaled_by_one_minimum_and_maximum():
    given = np.array([[[-1.0, 1.0]], [[3.0, 0.0]]])
    with pytest.warns(UserWarning, match=r"pictures: values lie in \[-1, 3\]"):
        pictures = as_pictures(given, "pictures")
    np.testing.assert_allclose(pictures[:, 0], (given + 1) * 63.75, atol=0.5)


def test_pictures_all_of_one_value_can_be_shown():
    with pytest.warns(UserWarning, match="values lie in"):
        assert as_pictures(np.full((2, 3, 3), 7.0)).shape == (2, 1, 3, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((2, 2, 4, 4)), "C of 1 or 3"),
        (np.zeros((2, 4, 4, 3)), r"pictures\.transpose\(0, 3, 1, 2\)"),
        (np.zeros((4, 4)), "pictures must be uint8 or floats"),
        (np.zeros((2, 4, 4), bool), "got bool"),
        (np.zeros((0, 4, 4)), r"got float64 \(0, 4, 4\)"),
        (np.full((2, 4, 4), np.inf), "NaN or infinity in row 0"),
    ],
)
def test_what_is_no_pictures_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        as_pictures(given, "pictures")
