"""The made-up street: seeded, registered, and with what each camera should see."""

import json

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import find_pairs, scene, write_scenes
from mmdrfuse.errors import SizeError

SEEDS = range(6)


@pytest.fixture(scope="module")
def made():
    return [scene(seed) for seed in SEEDS]


@pytest.mark.slow
def test_a_seed_gives_the_same_scene_and_another_seed_another(made):
    again = scene(0)
    np.testing.assert_array_equal(again.infrared, made[0].infrared)
    np.testing.assert_array_equal(again.visible, made[0].visible)
    assert again.boxes == made[0].boxes
    assert (made[1].infrared != made[0].infrared).mean() > 0.5


def test_no_other_random_numbers_are_drawn():
    np.random.seed(3)  # noqa: NPY002
    first = scene(5, height=64, width=80)
    np.random.seed(4)  # noqa: NPY002
    np.testing.assert_array_equal(scene(5, height=64, width=80).visible, first.visible)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 333), (301, 97), (480, 640)])
def test_any_size_can_be_made(height, width):
    result = scene(11, height=height, width=width)
    assert (result.infrared.shape, result.infrared.dtype) == ((height, width), np.uint8)
    assert (result.visible.shape, result.visible.dtype) == ((height, width, 3), np.uint8)


def test_a_scene_too_small_to_show_anything_is_refused():
    with pytest.raises(SizeError, match="a scene of 63x480 pixels is too small: use at least 64"):
        scene(0, width=63)


def test_boxes_lie_in_the_picture_and_are_upright(made):
    boxes = np.array([box for one in made for box in one.boxes])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2] <= 640).all()
    assert (boxes[:, 3] <= 480).all()
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    inside = boxes[:, 2] < 640
    assert (height[inside] > 1.2 * width[inside]).all()
    assert len(boxes) >= 4 * len(made)


def contrast(grey, box):
    """Brightest tenth inside a box against the median of a ring around it."""
    x0, y0, x1, y1 = box
    ring = grey[max(0, y0 - 6) : y1 + 6, max(0, x0 - 8) : x1 + 8]
    return float(np.percentile(grey[y0:y1, x0:x1], 90)) - float(np.median(ring))


def test_people_stand_out_in_infrared_more_than_in_the_visible(made):
    pairs = [(one.infrared, images.luminance(one.visible), box) for one in made for box in one.boxes]
    infrared, visible = np.array([[contrast(left, box), contrast(right, box)] for left, right, box in pairs]).T
    assert infrared.min() > 40
    assert np.median(infrared) > 1.5 * np.median(visible)
    assert (infrared > visible).mean() > 0.75


def test_the_visible_picture_is_a_night_with_lights(made):
    for one in made:
        grey = images.luminance(one.visible)
        assert np.median(grey) < 110
        assert np.percentile(grey, 99.9) > 190
        assert np.ptp(one.visible.astype(int), axis=-1).max() > 60


def test_the_visible_picture_holds_texture_that_infrared_lacks(made):
    for one in made:
        road = np.s_[360:, 100:540]
        steps = [
            np.abs(np.diff(g[road].astype(float), axis=0)).mean() for g in (images.luminance(one.visible), one.infrared)
        ]
        assert steps[0] > 2 * steps[1]


def test_both_cameras_see_the_same_edges(made):
    for one in made:
        sky = [image.astype(float)[:140, 40:600] for image in (one.infrared, images.luminance(one.visible))]
        edges = [np.abs(np.diff(image, axis=1)) for image in sky]
        here = np.corrcoef(edges[0].ravel(), edges[1].ravel())[0, 1]
        moved = np.corrcoef(edges[0][:, 9:].ravel(), edges[1][:, :-9].ravel())[0, 1]
        assert here > moved + 0.02


def test_written_scenes_are_a_set_with_boxes(tmp_path):
    files = write_scenes(tmp_path, 2, 7, height=64, width=96)
    layout, pairing = find_pairs(tmp_path)
    assert [pair.infrared for pair in pairing.pairs] == files
    assert (layout.name, [pair.name for pair in pairing.pairs]) == ("folders", ["street_0000", "street_0001"])
    second = scene(8, height=64, width=96)
    np.testing.assert_array_equal(images.read(pairing.pairs[1].visible), second.visible)
    labelled = json.loads((tmp_path / "boxes.json").read_text())["pictures"]["street_0001"]
    assert (labelled["width"], labelled["height"]) == (96, 64)
    assert [tuple(box) for box in labelled["boxes"]] == second.boxes
