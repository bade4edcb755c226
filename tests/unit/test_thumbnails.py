"""Thumbnails: what a person sees of a sample, small but true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dvi_widget.widget.thumbnails import fitted, thumbnails

pictures = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 40)),
)


@given(pictures)
def test_a_picture_that_fits_is_given_as_it_is(images):
    rows = np.arange(len(images))[::-1]
    for size in (None, 40, 64):
        small = thumbnails(images, rows, size)
        np.testing.assert_array_equal(small, images[rows].transpose(0, 2, 3, 1))


@given(pictures, st.integers(1, 39))
def test_a_smaller_picture_keeps_mean_range_and_aspect(images, size):
    small = thumbnails(images, range(len(images)), size)
    height, width = images.shape[2:]
    h, w = small.shape[1:3]
    assert max(h, w) == min(size, max(height, width))
    assert h <= height
    assert w <= width
    assert abs(h * width - w * height) <= max(height, width)  # aspect, to the nearest pixel
    means = images.mean(axis=(2, 3))
    np.testing.assert_allclose(small.mean(axis=(1, 2)), means, atol=0.51)
    lows, highs = images.min(axis=(2, 3)), images.max(axis=(2, 3))
    assert (small >= lows[:, None, None]).all()
    assert (small <= highs[:, None, None]).all()


def test_halving_averages_blocks_of_four():
    images = np.arange(3 * 8 * 6, dtype=np.uint8).reshape(1, 3, 8, 6)
    blocks = images.reshape(1, 3, 4, 2, 3, 2).astype(float).mean(axis=(3, 5))
    np.testing.assert_array_equal(thumbnails(images, [0], 4), np.rint(blocks).transpose(0, 2, 3, 1))


def test_a_fractional_scale_weighs_pixels_by_the_area_they_share():
    # 3 → 2: the middle column belongs to both halves.
    images = np.array([[[[0, 90, 240]] * 3]], np.uint8)
    expected = [(0 + 90 / 2) / 1.5, (90 / 2 + 240) / 1.5]
    np.testing.assert_array_equal(thumbnails(images, [0], 2)[0, :, :, 0], [expected] * 2)


def test_the_order_asked_for_is_the_order_given_and_none_gives_none(tmp_path):
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (50, 1, 4, 4))
    images[:] = np.arange(50)[:, None, None, None]
    assert thumbnails(images, [7, 3, 7], 2)[:, 0, 0, 0].tolist() == [7, 3, 7]
    assert thumbnails(images, [], 2).shape == (0, 2, 2, 1)
    assert thumbnails(images, [], None).shape == (0, 4, 4, 1)


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [(8, 8, 32, (8, 8)), (100, 50, 32, (32, 16)), (1, 1000, 32, (1, 32)), (10, 10, None, (10, 10))],
)
def test_sizes_fit_the_square(height, width, size, expected):
    assert fitted(height, width, size) == expected
