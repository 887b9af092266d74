"""What both cameras see, and how the rest joins it."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

import mmdrfuse
from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.images import luminance
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.registration.placing import placement, seen

fuse = partial(mmdrfuse.fuse, weights="day", range="clip")
IR, VIS = (48, 64), (96, 128)
INNER = (1.0, 0.0, 30.0, 0.0, 1.0, 20.0, 0.0, 0.0, 1.0)
TURNED = (1.4, -0.3, 30.0, 0.25, 1.5, 2.0, 1e-3, 5e-4, 1.0)
EVERYWHERE = (3.0, 0.0, -10.0, 0.0, 3.0, -10.0, 0.0, 0.0, 1.0)


def test_an_inner_view_is_seen_to_the_pixel():
    inside = seen(INNER, IR, VIS)
    expected = np.zeros(VIS, bool)
    expected[20:68, 30:94] = True
    np.testing.assert_array_equal(inside, expected)
    assert placement(INNER, IR, VIS).window == (20, 68, 30, 94)


def test_the_seam_is_soft_and_begins_inside():
    coverage = placement(INNER, IR, VIS).coverage
    row = coverage[44, 28:45]
    assert (row[:4] == 0).all()  # two outside, two that the network makes of what lies beyond
    assert row[12] == 1
    assert (np.diff(row) >= 0).all()


@pytest.mark.parametrize("matrix", [INNER, TURNED, (-1.0, 0.0, 93.0, 0.0, 1.0, 20.0, 0.0, 0.0, 1.0)])
def test_the_seam_follows_the_distance_from_what_is_not_seen(matrix):
    inside, coverage = seen(matrix, IR, VIS), placement(matrix, IR, VIS).coverage
    distance = ndimage.distance_transform_edt(inside)
    assert (coverage[distance >= 12] == 1).all()
    assert (coverage[distance <= 1] == 0).all()
    assert np.abs(coverage - np.clip((distance - 2) / 8, 0, 1)).max() < 0.2


def test_no_seam_where_the_picture_ends_with_the_infrared():
    shift = (1.0, 0.0, 5.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    coverage = placement(shift, VIS, VIS).coverage
    assert (coverage[:, 20:] == 1).all()
    assert (coverage[:, :5] == 0).all()


def test_a_view_that_is_everywhere_has_no_seam():
    assert placement(EVERYWHERE, IR, VIS).coverage is None


def test_the_largest_rectangle_that_both_see():
    inside = seen(TURNED, IR, VIS)
    top, bottom, left, right = placement(TURNED, IR, VIS).window
    assert inside[top:bottom, left:right].all()
    areas = [
        (b - t) * (r - e)
        for t in range(0, 96, 5) for b in range(t + 5, 97, 5) for e in range(0, 128, 5) for r in range(e + 5, 129, 5)
        if inside[t, e] and inside[t, r - 1] and inside[b - 1, e] and inside[b - 1, r - 1]
    ]  # fmt: skip
    assert (bottom - top) * (right - left) > 0.93 * max(areas)


def test_a_place_out_of_sight_is_refused():
    with pytest.raises(InputError, match="matrix"):
        placement((1.0, 0.0, 500.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), IR, VIS)


@pytest.fixture
def sides(rng):
    return rng.integers(60, 200, IR, np.uint8), rng.integers(60, 200, (*VIS, 3), np.uint8)


def test_outside_the_visible_stays_as_it_is(sides):
    infrared, visible = sides
    fused = fuse(infrared, visible, rig=INNER)
    outside = ~seen(INNER, IR, VIS)
    np.testing.assert_array_equal(fused[outside], visible[outside])
    inner = fuse(infrared, visible[20:68, 30:94])
    np.testing.assert_array_equal(fused[32:56, 42:82], inner[12:36, 12:52])


def test_crop_is_the_common_part_and_black_is_a_black_infrared(sides):
    infrared, visible = sides
    cropped = fuse(infrared, visible, rig=INNER, outside="crop")
    np.testing.assert_array_equal(cropped, fuse(infrared, visible[20:68, 30:94]))
    black = np.zeros(VIS, np.uint8)
    black[20:68, 30:94] = infrared
    np.testing.assert_array_equal(fuse(infrared, visible, rig=INNER, outside="black"), fuse(black, visible))


@pytest.mark.filterwarnings("ignore:weights day")
def test_limits_go_by_what_both_see(sides):
    infrared, visible = sides[0], luminance(sides[1])
    visible[0, 0], visible[0, 1] = 0, 255
    fused = fuse(infrared, visible, rig=INNER, range="minmax")
    checkpoint = models.read("day")
    covered = Fuser(make(checkpoint)).output(infrared, visible[20:68, 30:94])[2:-2, 2:-2]
    expected = fuse(infrared, visible, rig=INNER, range=f"fixed:{covered.min()},{covered.max()}")
    assert np.abs(fused.astype(int) - expected).max() <= 1


def test_wrong_ways_outside_and_sizes_are_refused(sides):
    with pytest.raises(UnknownNameError, match="crop"):
        fuse(*sides, rig=INNER, outside="corp")
    with pytest.raises(InputError):
        Preparation(sizes=(1, 2))
    thin = (1.0, 0.0, 127.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    with pytest.raises(SizeError):
        fuse(*sides, rig=thin, outside="crop")
