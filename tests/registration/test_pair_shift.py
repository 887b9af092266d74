"""The shift of one pair after its rig's matrix."""

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import scene
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.pair_shift import pair_shift
from mmdrfuse.registration.projective import translation
from mmdrfuse.registration.residuals import CLEAR


@pytest.fixture(scope="module")
def sides():
    """A registered pair of 320×240 pixels."""
    one = scene(3)
    return images.luminance(one.infrared)[::2, ::2].copy(), one.visible[::2, ::2].copy()


def displaced(infrared, right, down):
    """Sample the infrared so that the true matrix is the rig's, and then this shift."""
    onto = translation(3 + right, 2 + down)
    return warped(infrared, tuple(np.linalg.inv(onto).ravel()), *infrared.shape)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (4.5, -2.25), (-5.5, 1)])
def test_a_known_shift_is_found_to_half_a_pixel(sides, right, down):
    found = pair_shift(displaced(sides[0], right, down), sides[1], translation(3, 2))
    assert (found.right, found.down) == pytest.approx((right, down), abs=0.5)
    assert found.evidence > CLEAR


@pytest.mark.parametrize("case", ["flat", "noise", "too far"])
def test_a_pair_that_shows_no_small_shift_stays(sides, rng, case):
    infrared = {
        "flat": np.full((240, 320), 9, np.uint8), "noise": rng.integers(0, 255, (240, 320), np.uint8),
        "too far": displaced(sides[0], 12, 0),
    }[case]  # fmt: skip
    found = pair_shift(infrared, sides[1], translation(3, 2))
    assert (found.right, found.down) == (0, 0)


def test_pictures_of_other_sizes_are_moved_in_visible_pixels(sides):
    small = displaced(sides[0], 4, -2)[::2, ::2]
    found = pair_shift(small, sides[1], translation(3, 2) @ np.diag([2, 2, 1.0]))
    assert (found.right, found.down) == pytest.approx((4, -2), abs=0.75)
