"""Contrast of targets, against levels that are known because the pictures are painted."""

import numpy as np
import pytest

from mmdrfuse import evaluate
from mmdrfuse.errors import InputError

PLACES = (np.s_[20:30, 30:36], np.s_[70:82, 90:110])


def painted(background, *levels, shape=(100, 160)):
    """Return a flat picture with a target at each of the places."""
    picture = np.full(shape, background, np.uint8)
    for place, level in zip(PLACES, levels, strict=False):
        picture[place] = level
    return picture


def tbc(fused, infrared, **options):
    return evaluate(fused, infrared, painted(40), metrics="TBC", **options)["TBC"]


INFRARED = painted(30, 200, 220)


@pytest.mark.parametrize(
    ("fused", "expected"),
    [
        (painted(100, 150, 150), 0.5),
        (painted(100, 100, 180), 0.4),  # the mean of 0 and 0.8: a small target counts as much as a large one
        (painted(100, 50, 50), -0.5),
        (painted(77, 77, 77), 0.0),
        (painted(0, 255, 255), 255.0),
    ],
)
def test_the_contrast_is_weber_s_in_the_fused_image(fused, expected):
    assert tbc(fused, INFRARED) == pytest.approx(expected)


def test_the_ring_ends_twenty_pixels_beyond_the_target():
    fused = np.full(INFRARED.shape, 10, np.uint8)
    fused[50:102, 70:130] = 100  # 20 pixels around the second target
    fused[PLACES[1]] = 200
    infrared = painted(30, 30, 220)
    assert tbc(fused, infrared) == pytest.approx(1.0)
    fused[50, 70] = 0  # the outermost pixel
    assert tbc(fused, infrared) > 1.0


def test_targets_are_not_background_of_their_neighbours():
    infrared, fused = painted(30), painted(100)
    for place, level in ((np.s_[40:50, 40:50], 150), (np.s_[40:50, 54:64], 250)):
        infrared[place], fused[place] = 220, level
    assert tbc(fused, infrared) == pytest.approx((0.5 + 1.5) / 2)


def test_what_is_hot_does_not_depend_on_the_infrared_s_gain_and_offset(rng):
    infrared = np.clip(INFRARED + rng.normal(0, 4, INFRARED.shape), 0, 255)
    fused = rng.integers(0, 256, INFRARED.shape).astype(np.uint8)
    assert tbc(fused, infrared * 0.4 + 90) == pytest.approx(tbc(fused, infrared))


@pytest.mark.parametrize("infrared", [painted(90), np.pad(np.full((3, 5), 255, np.uint8), ((40, 57), (60, 95)))])
def test_without_a_hot_region_of_sixteen_pixels_the_contrast_is_zero(rng, infrared):
    assert tbc(rng.integers(0, 256, infrared.shape).astype(np.uint8), infrared) == 0.0


def test_boxes_take_the_place_of_what_is_hot():
    fused = painted(100, 150, 100)
    assert tbc(fused, INFRARED, boxes=[[30, 20, 36, 30]]) == pytest.approx(0.5)
    assert tbc(fused, INFRARED, boxes=[]) == 0.0
    # the box may reach beyond the target, and beyond the picture
    assert tbc(fused, INFRARED, boxes=[[30, 20, 42, 30]]) == pytest.approx(0.25)
    assert tbc(fused, INFRARED, boxes=[[-9, -9, 999, 999]]) == 0.0


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[1, 2, 3]], "boxes", [[1, 2, 3, float("nan")]], [[1], [2, 3]]])
def test_boxes_of_another_form_are_refused(boxes):
    with pytest.raises(InputError, match="x0, y0, x1, y1"):
        tbc(INFRARED, INFRARED, boxes=boxes)
