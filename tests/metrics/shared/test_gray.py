import numpy as np
import pytest

from mmdrfuse.metrics.shared.gray import matlab_luma, rounded_luma, single_luma

EVERY = pytest.mark.parametrize("gray", [matlab_luma, rounded_luma, single_luma])


def one_pixel(red, green, blue):
    return np.array([[[red, green, blue]]], np.uint8)


@EVERY
def test_equal_channels_are_that_gray_level(gray):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (gray(np.stack([levels] * 3, axis=-1)) == levels).all()


@EVERY
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_one_channel_passes_unchanged(gray, dtype):
    image = np.array([[0, 7, 255]], dtype)
    assert gray(image) is image


@EVERY
def test_levels_keep_the_type_of_whole_numbers_and_no_other(gray, rng):
    colours = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    assert gray(colours).dtype == np.uint8
    assert gray(colours.astype(np.float32)).dtype == np.float64
    assert (gray(colours) == gray(colours.astype(np.float64))).all()


@EVERY
def test_no_rule_is_more_than_a_level_from_the_exact_sum(gray, rng):
    colours = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert abs(gray(colours) - colours @ np.array([0.299, 0.587, 0.114])).max() <= 0.515


@pytest.mark.parametrize(("red", "green", "blue", "level"), [(0, 110, 52, 71), (0, 198, 169, 136), (7, 88, 182, 75)])
def test_matlab_weighs_with_more_digits_and_rounds_halves_up(red, green, blue, level):
    # by hand from 0.298936 R + 0.587043 G + 0.114021 B: 70.504, 135.504, 74.504; the rounded weights stay below .5
    assert matlab_luma(one_pixel(red, green, blue)) == level
    assert rounded_luma(one_pixel(red, green, blue)) == level - 1


@pytest.mark.parametrize(
    ("red", "green", "blue", "level"),
    [(0, 138, 171, 101), (41, 217, 183, 161), (74, 164, 229, 145), (111, 151, 41, 127), (150, 200, 125, 177)],
)
def test_sums_that_end_in_a_half_round_as_in_opencv(red, green, blue, level):
    # cvtColor of OpenCV 5.0 on float32, then rint; the plain float32 sum is a level off on each of these
    assert single_luma(one_pixel(red, green, blue)) == level
    weights, pixel = np.float32([0.299, 0.587, 0.114]), np.float32([red, green, blue])
    products = weights * pixel
    assert np.rint((products[0] + products[1]) + products[2]) != level
