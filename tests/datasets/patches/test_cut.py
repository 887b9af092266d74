"""Cutting one pair: depth, smaller copies, what is flat."""

import numpy as np
import pytest
from PIL import Image

from mmdrfuse import images
from mmdrfuse.datasets.patches.cut import Item, cut, downscaled, read_luminances
from mmdrfuse.datasets.patches.options import Cutting
from mmdrfuse.pair import Pair


def item(folder, infrared, visible, **others):
    images.write(folder / "ir/a.tif", infrared)
    images.write(folder / "vi/a.tif", visible)
    return Item(0, folder, "folders", Pair("a", folder / "ir/a.tif", folder / "vi/a.tif"), **others)


@pytest.mark.parametrize(("scale", "factor"), [(0.5, 2), (0.25, 4), (0.2, 5)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_smaller_copy_has_the_means_of_blocks(rng, scale, factor, dtype):
    image = rng.integers(0, np.iinfo(dtype).max, (41, 63), dtype, endpoint=True)
    high, wide = 41 // factor, 63 // factor
    blocks = image[: high * factor, : wide * factor].reshape(high, factor, wide, factor)
    np.testing.assert_array_equal(downscaled(image, scale), np.rint(blocks.mean(axis=(1, 3))))


def test_a_pixel_of_any_copy_is_the_mean_of_the_area_it_covers(rng):
    image = rng.integers(0, 256, (30, 40), np.uint8)
    fine = np.asarray(Image.fromarray(image).resize((400, 300), Image.Resampling.NEAREST), float)
    expected = np.rint(fine[:299, :390].reshape(23, 13, 30, 13).mean(axis=(1, 3)))  # 1 / 13 of ten pixels each
    np.testing.assert_array_equal(downscaled(image, 10 / 13), expected)


def test_full_size_is_the_picture_itself(rng):
    image = rng.integers(0, 256, (30, 40), np.uint8)
    assert downscaled(image, 1) is image


@pytest.mark.parametrize(
    ("stored", "dtype", "read"),
    [
        (np.array([[0, 7, 255]], np.uint8), np.uint16, [[0, 7 * 257, 65535]]),
        (np.array([[0, 300, 65535]], np.uint16), np.uint16, [[0, 300, 65535]]),
        (np.array([[0, 128, 129, 65535]], np.uint16), np.uint8, [[0, 0, 1, 255]]),
        (np.array([[0, 0.5, 1]], np.float32), np.uint16, [[0, 32768, 65535]]),
    ],
)
def test_either_depth_is_made_of_the_other(tmp_path, stored, dtype, read):
    images.write(tmp_path / "a.tif", stored)
    found, _ = read_luminances(Pair("a", tmp_path / "a.tif", tmp_path / "a.tif"), dtype)
    assert (found.dtype, found.tolist()) == (dtype, read)


def test_only_what_is_constant_on_both_sides_is_dropped_by_default(tmp_path):
    infrared, visible = np.zeros((16, 64), np.uint8), np.full((16, 64), 9, np.uint8)
    infrared[3, 20], visible[5, 40] = 1, 8
    made = cut(item(tmp_path, infrared, visible), Cutting(patch=16), np.uint8)
    assert made.flat == 2
    assert made.cuts[0].patches.index["x"].tolist() == [16, 32]
    assert made.cuts[0].source["patches"] == 2


@pytest.mark.parametrize(("dtype", "level"), [(np.uint8, 1), (np.uint16, 257)])
@pytest.mark.parametrize(("least", "kept"), [(1.49, 2), (1.5, 1), (3.5, 0)])
def test_too_little_gradient_is_flat_and_one_side_is_enough_to_stay(tmp_path, dtype, level, least, kept):
    ramp = np.arange(16) * 3 * level  # along the row 3 levels, down the column none: 1.5 in the mean
    steep = np.arange(16) * 7 * level
    infrared = np.tile(np.concatenate([ramp, 0 * ramp]), (16, 1)).astype(dtype)
    visible = np.tile(np.concatenate([0 * ramp, steep]), (16, 1)).astype(dtype)
    made = cut(item(tmp_path, infrared, visible), Cutting(patch=16, min_gradient=least), dtype)
    assert sum(len(one.patches.index) for one in made.cuts) == kept
    assert made.flat == 2 - kept


def test_what_was_drawn_is_counted_over_exposures_then_scales_then_the_grid(tmp_path, rng):
    sides = [rng.integers(0, 256, (32, 32), np.uint8) for _ in range(2)]
    how = Cutting(patch=16, scales=(1.0, 0.5), exposures=1)  # 4 and 1 patches, twice
    every = cut(item(tmp_path, *sides), how, np.uint8)
    drawn = cut(item(tmp_path, *sides, chosen=np.array([1, 4, 8])), how, np.uint8)
    assert [one.patches.index["scale"].tolist() for one in every.cuts] == [[1, 1, 1, 1, 0.5]] * 2
    for one, some, places in zip(every.cuts, drawn.cuts, ([1, 4], [3]), strict=True):
        np.testing.assert_array_equal(some.patches.infrared, one.patches.infrared[places])
        np.testing.assert_array_equal(some.patches.index, one.patches.index[places])
