"""Colour is kept where there is some, and grey is grey however it is stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdrfuse.images import is_gray, luminance, recolour

coloured = arrays(np.uint8, (3, 4, 3))


@pytest.mark.parametrize(
    ("rgb", "y"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255), ((10, 20, 30), 18)]
)
def test_luminance_is_bt601(rgb, y):
    # 0.299·255 = 76.2, 0.587·255 = 149.7, 0.114·255 = 29.1, by hand
    assert luminance(np.array([[rgb]], np.uint8)).item() == y


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_in_three_channels_is_grey_and_passes_exactly(dtype):
    grey = np.arange(12).reshape(3, 4).astype(dtype)
    stored = np.repeat(grey[..., None], 3, axis=2)
    assert is_gray(stored)
    np.testing.assert_array_equal(luminance(stored), grey)


@given(coloured)
def test_giving_an_image_its_own_luminance_changes_nothing(image):
    np.testing.assert_array_equal(recolour(luminance(image), image, luminance(image)), image)


@given(coloured, st.integers(-40, 40))
def test_new_luminance_is_reached_and_chroma_kept_where_nothing_clips(image, change):
    image = image // 2 + 64
    fused = (luminance(image).astype(int) + change).astype(np.uint8)
    result = recolour(fused, image, luminance(image)).astype(int)
    assert np.abs(luminance(result.astype(np.uint8)).astype(int) - fused).max() <= 1
    np.testing.assert_array_equal(result[..., 0] - result[..., 2], image[..., 0].astype(int) - image[..., 2])


def test_values_outside_the_range_are_clipped():
    image = np.array([[[250, 10, 10]]], np.uint8)
    assert recolour(np.array([[200]], np.uint8), image, luminance(image)).tolist() == [[[255, 128, 128]]]


def test_float_colour_stays_float():
    image = np.array([[[0.5, 0.25, 0.0]]], np.float32)
    result = recolour(luminance(image) + np.float32(0.1), image, luminance(image))
    np.testing.assert_allclose(result, image + 0.1, atol=1e-6)
