"""The compiled loops over pixels against NumPy by their formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdrfuse.images import is_gray, luminance, recolour

kinds = st.sampled_from([np.uint8, np.uint16])
sides = st.tuples(st.integers(1, 7), st.integers(1, 40))
pictures = st.tuples(kinds, sides).flatmap(lambda made: arrays(made[0], (*made[1], 3)))


@settings(deadline=None)
@given(pictures)
def test_luminance_is_the_weighted_sum_to_half_a_level(image):
    exact = image.astype(np.float64) @ [0.299, 0.587, 0.114]
    luma = luminance(image)
    assert (luma.dtype, luma.shape) == (image.dtype, image.shape[:2])
    assert np.abs(luma - exact).max() <= 0.5 + 1e-7 * np.iinfo(image.dtype).max


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_luminance_of_every_grey_is_itself(kind):
    grey = np.arange(np.iinfo(kind).max + 1).astype(kind).reshape(16, -1)
    np.testing.assert_array_equal(luminance(np.repeat(grey[..., None], 3, axis=2)), grey)


@settings(deadline=None)
@given(pictures, st.integers(0, 9))
def test_recolouring_adds_the_change_of_luminance_within_the_range(image, seed):
    top = np.iinfo(image.dtype).max
    fused = np.random.default_rng(seed).integers(0, top + 1, image.shape[:2]).astype(image.dtype)
    luma = luminance(image)
    expected = np.clip(image + (fused.astype(np.int64) - luma)[..., None], 0, top)
    np.testing.assert_array_equal(recolour(fused, image, luma), expected)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(("pixel", "channel"), [(0, 0), (4095, 2), (4096, 1), (9999, 0)])
def test_one_differing_value_anywhere_is_colour(kind, pixel, channel, rng):
    image = np.repeat(rng.integers(1, 200, (100, 100, 1)), 3, axis=2).astype(kind)
    assert is_gray(image)
    image.reshape(-1, 3)[pixel, channel] -= 1
    assert not is_gray(image)


def test_strided_views_are_read_correctly(rng):
    image = rng.integers(0, 256, (9, 14, 3)).astype(np.uint8)[:, ::2]
    np.testing.assert_array_equal(luminance(image), luminance(image.copy()))
