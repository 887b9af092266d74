"""How pictures lie on each other: displaced by a known shift, in other contrasts, and on real pairs."""

import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse import images
from mmdrfuse.datasets import find_pairs
from mmdrfuse.datasets.checks.alignment import MAX_SIDE, MIN_SIDE, Alignment, align, common_shift, downsampled


@pytest.fixture
def scene(rng):
    """Make a smooth random picture of 480×640, from which others are cut."""
    return (ndimage.gaussian_filter(rng.random((480, 640)), 4) * 2550).astype(np.float32)


def cut(scene, down=0, right=0):
    return np.ascontiguousarray(scene[50 + down : 250 + down, 60 + right : 300 + right])


@pytest.mark.parametrize(("down", "right"), [(0, 0), (5, -3), (-12, 20), (20, 0)])
def test_a_known_shift_is_found_in_its_direction(scene, down, right):
    found = align(cut(scene), cut(scene, -down, -right))
    assert found.shift == pytest.approx((right, down), abs=0.1)
    assert found.off == (max(abs(down), abs(right)) > 2)


@pytest.mark.parametrize("change", [lambda v: 255 - v, np.sqrt, lambda v: v**2 / 255, lambda v: v * 0.1 + 7])
def test_contrast_and_its_sign_do_not_matter(scene, change):
    assert align(cut(scene), change(cut(scene, 0, 9))).shift == pytest.approx((-9, 0), abs=0.2)


def test_the_score_of_a_picture_with_itself_is_one(scene):
    found = align(cut(scene), cut(scene))
    assert found.score == pytest.approx(1, abs=1e-3)
    assert not found.off


def test_pictures_of_different_scenes_are_not_called_off(scene, rng):
    other = (ndimage.gaussian_filter(rng.random((200, 240)), 4) * 2550).astype(np.float32)
    assert not align(cut(scene), other).off


def test_a_pair_that_lies_right_in_nearly_half_of_it_is_not_called_off(scene):
    visible = np.hstack([cut(scene)[:, :115], cut(scene, 0, 9)[:, 115:]])  # as by parallax
    found = align(cut(scene), visible)
    assert found.shift == pytest.approx((-9, 0), abs=0.2)
    assert not found.off


@pytest.mark.parametrize("flat", [np.zeros, np.ones])
def test_nothing_is_said_of_flat_or_tiny_pictures(scene, flat):
    assert align(cut(scene), flat((200, 240), np.float32)) is None
    tiny = np.ascontiguousarray(scene[: MIN_SIDE - 1, :90])
    assert align(tiny, tiny) is None


def test_a_shift_is_given_in_pixels_of_the_large_pictures(scene):
    assert align(cut(scene), cut(scene, 0, 4), factor=5).shift == pytest.approx((-20, 0), abs=0.5)


@pytest.mark.parametrize("shape", [(480, 640), (100, 80), (257, 30), (1024, 1280)])
def test_shrinking_takes_means_over_squares(rng, shape):
    luma = rng.integers(0, 256, shape, dtype=np.uint8)
    small, factor = downsampled(luma)
    assert max(small.shape) <= MAX_SIDE
    assert factor == -(-max(shape) // MAX_SIDE)
    assert small[-1, -1] == pytest.approx(
        luma[(small.shape[0] - 1) * factor :, (small.shape[1] - 1) * factor :][:factor, :factor].mean(), abs=1e-3
    )


def lumas(shared, folder):
    for pair in find_pairs(shared / "data" / folder)[1].pairs[::6]:
        yield tuple(images.luminance(images.read(path)) for path in (pair.infrared, pair.visible))


def off(infrared, visible):
    (small, factor), (other, _) = downsampled(infrared), downsampled(visible)
    return align(small, other, factor=factor).off


@pytest.mark.parametrize("folder", ["LLVIP", "RoadScene", "TNO", "VIFB"])
def test_registered_pairs_are_not_called_off(shared, folder):
    assert not any(off(*pair) for pair in lumas(shared, folder))


def test_most_pairs_that_were_displaced_by_12_pixels_are_called_off(shared):
    found = [off(infrared[:, 12:], visible[:, :-12]) for infrared, visible in lumas(shared, "RoadScene")]
    assert np.mean(found) >= 0.8  # measured: 0.89 of all 171


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([(3, -4)] * 6, (3, -4)), ([(3, -4)] * 4, None), ([(3, -4), (-3, 4)] * 4, None), ([(0.5, 0.5)] * 9, None),
        ([(3, -4)] * 5 + [None] * 9, None), ([], None),
    ],
)  # fmt: skip
def test_a_shift_is_common_if_most_pairs_have_it(shifts, expected):
    assert common_shift([shift and Alignment(0.2, shift, 9.0, False) for shift in shifts]) == expected
