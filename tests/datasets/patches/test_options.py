"""Options of cutting: what is refused, and where patches lie."""

import numpy as np
import pytest

from mmdrfuse.datasets.patches.options import Cutting, scaled
from mmdrfuse.errors import InputError, SizeError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": 15}, "patch 15 with stride 15: the patch must be at least 16, the stride 1"),
        ({"patch": 16, "stride": 0}, "patch 16 with stride 0: the patch must be at least 16, the stride 1"),
        ({"per_pair": 0}, "per_pair 0: it must be at least 1"),
        ({"exposures": -1}, "exposures -1: it must be at least 0"),
        ({"hold_out": 1}, "hold_out 1: it must be at least 2"),
        ({"max_patches": 0}, "max_patches 0: it must be at least 1"),
        ({"min_gradient": float("nan")}, "min_gradient nan: it must be at least 0"),
        ({"scales": ()}, r"scales \(\): each must be above 0 and at most 1"),
        ({"scales": (1, 2)}, r"scales \(1, 2\): each must be above 0 and at most 1"),
        ({"validation": 1.0}, "validation 1.0: the share must be at least 0 and below 1"),
        ({"weights": (1, 0)}, r"weights \(1, 0\): each must be above 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SizeError, match=message):
        Cutting(**changes)


def test_an_unknown_depth_is_refused():
    with pytest.raises(InputError, match="depth '12': choose one of auto, 8"):
        Cutting(depth="12")


def test_the_grid_begins_in_the_corner_and_stays_within():
    corners = Cutting(patch=16, stride=10).corners(40, 27)
    assert corners.tolist() == [[0, 0], [0, 10], [10, 0], [10, 10], [20, 0], [20, 10]]


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5), (0.3, 0.9)])
def test_as_many_patches_are_counted_as_lie_on_the_grids(scales):
    how = Cutting(patch=16, stride=7, scales=scales, per_pair=20)
    sizes = [(scaled(101, scale), scaled(67, scale)) for scale in scales]
    expected = [min(20, max(0, (h - 16) // 7 + 1) * max(0, (w - 16) // 7 + 1)) for h, w in sizes]
    assert how.blocks(101, 67) == expected


@pytest.mark.parametrize(("length", "scale", "pixels"), [(100, 0.29, 29), (101, 0.5, 50), (7, 1, 7), (3, 0.1, 0)])
def test_a_copy_has_as_many_pixels_as_the_side_holds_whole(length, scale, pixels):
    assert scaled(length, scale) == pixels


def test_the_stride_is_a_patch_unless_said_and_few_patches_lie_in_the_middle():
    assert (Cutting().step, Cutting(stride=5).step) == (128, 5)
    assert np.array_equal(Cutting(per_pair=1).corners(128 * 3, 128)[0], [128, 0])
