"""Colour is kept where there is some, and grey is grey however it is stored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.images import is_gray, luminance, recolour
from mmdrfuse.pipeline.fuse.fuser import Fuser

coloured = arrays(np.uint8, (3, 4, 3))
patient = settings(deadline=None)
"""The first call of all compiles."""


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


@patient
@given(coloured)
def test_recolouring_with_its_own_luminance_changes_nothing(image):
    np.testing.assert_array_equal(recolour(luminance(image), image, luminance(image)), image)


@patient
@given(coloured, st.integers(-40, 40))
def test_luminance_is_new_and_chroma_unchanged_where_nothing_clips(image, change):
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


def angle(image):
    """The angle of (Cb, Cr), and how far it is from grey: ITU-R BT.601 by its definition."""
    rgb = image.astype(float)
    y = rgb @ [0.299, 0.587, 0.114]
    cb, cr = (rgb[..., 2] - y) / 1.772, (rgb[..., 0] - y) / 1.402
    return np.arctan2(cr, cb), np.hypot(cb, cr)


@pytest.mark.parametrize("color", ["ycbcr", "hue"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@patient
@given(data=st.data())
def test_both_methods_leave_an_image_with_its_own_luminance_unchanged(data, color, dtype):
    image = data.draw(arrays(dtype, (3, 4, 3)))
    again = recolour(luminance(image), image, luminance(image), color=color)
    assert np.abs(again.astype(int) - image).max() <= 1


@patient
@given(arrays(np.uint8, (3, 4, 3)), arrays(np.uint8, (3, 4)))
def test_hue_reaches_the_new_luminance_everywhere(image, fused):
    result = recolour(fused, image, luminance(image), color="hue")
    assert np.abs(luminance(result).astype(int) - fused).max() <= 1


@patient
@given(arrays(np.uint16, (3, 4, 3)), arrays(np.uint16, (3, 4)))
def test_hue_keeps_the_angle_of_the_colour(image, fused):
    result = recolour(fused, image, luminance(image), color="hue")
    (before, chroma), (after, left) = angle(image), angle(result)
    turned = np.abs((after - before + np.pi) % (2 * np.pi) - np.pi)
    # Rounding moves a colour by up to 1.5 levels: an angle, where there is much colour left.
    assert (turned * left <= 3)[(left > 20) & (chroma > 20)].all()
    assert (left <= chroma + 2).all()


@patient
@given(arrays(np.uint8, (3, 4, 3)), arrays(np.uint8, (3, 4)))
def test_hue_departs_from_ycbcr_only_where_that_would_clip(image, fused):
    hue, plain = (recolour(fused, image, luminance(image), color=color) for color in ("hue", "ycbcr"))
    free = image.astype(int) + (fused.astype(int) - luminance(image))[..., None]
    inside = ((free >= 0) & (free <= 255)).all(axis=2)
    np.testing.assert_array_equal(hue[inside], plain[inside])


@pytest.mark.parametrize("color", ["auto", "hue"])
@patient
@given(image=arrays(np.uint8, (5, 6, 3), elements=st.integers(96, 160)))
def test_fusing_a_picture_with_itself_keeps_its_chroma(image, color):
    fuser = Fuser(make(models.read("ivif"), threads=1), color=color)
    image[0, 0] = 100, 120, 140
    fused = fuser(image, image).image.astype(int)
    for channel in (0, 2):  # Cr and Cb are R - Y and B - Y, divided by 1.402 and 1.772
        before, after = (picture[..., channel] - picture @ [0.299, 0.587, 0.114] for picture in (image, fused))
        assert np.abs(after - before).max() <= 1.402


def test_bright_lamp_keeps_light_and_hue_by_hue_and_loses_both_by_ycbcr():
    lamp = np.array([[[250, 200, 60]]], np.uint8)  # Y = 199
    fused = np.array([[235]], np.uint8)
    # c - l = (51, 1, -139); room above is 20, so s = 20/51: 235 + s (51, 1, -139) = (255, 235.4, 180.5)
    assert recolour(fused, lamp, luminance(lamp), color="hue").tolist() == [[[255, 235, 180]]]
    assert recolour(fused, lamp, luminance(lamp)).tolist() == [[[255, 236, 96]]]  # Y = 226 instead of 235


def test_float_hue_stays_within_the_range():
    image = np.array([[[0.9, 0.2, 0.1]]], np.float32)
    result = recolour(np.array([[0.8]], np.float32), image, luminance(image), color="hue")
    assert result.dtype == np.float32
    assert result.max() == pytest.approx(1)
    assert luminance(result).item() == pytest.approx(0.8, abs=1e-6)
