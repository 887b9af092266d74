"""Previews: evenly spaced examples, with the sources, the network's output and the maximum."""

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.pipeline import Pair
from mmdrfuse.training.watch import previews


@pytest.mark.parametrize(("count", "chosen"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (9, [0, 2, 4, 6])])
def test_a_few_examples_are_chosen_over_all(toy, count, chosen):
    patches = toy(count)
    examples = previews.of_patches(patches)
    assert [example()[0].tolist() for example in examples] == [patches.infrared[index].tolist() for index in chosen]


def test_a_row_shows_both_sources_the_networks_picture_and_the_maximum(toy):
    patches = toy(1, side=24)
    sheet = previews.preview(previews.of_patches(patches), BASELINES["mean"], title="mean")
    row = sheet[22 + 120 :: 240 + 6][0]  # the middle of the only row
    means = [row[6 + place * 246 :][:240].mean() for place in range(4)]
    infrared, visible, fused, maximum = means
    assert sheet.shape == (22 + 246, 4 * 246 + 6, 3)
    assert fused == pytest.approx((infrared + visible) / 2, abs=3)
    assert maximum >= max(infrared, visible)


def test_pairs_are_read_when_they_are_drawn_in_their_colours_and_at_any_depth(tmp_path):
    pair = Pair("x", tmp_path / "ir.png", tmp_path / "vi.png")
    examples = previews.of_pairs([pair])
    images.write(pair.infrared, np.full((20, 30), 65535 // 4, np.uint16))
    colour = np.zeros((20, 30, 3), np.uint8)
    colour[..., 0] = 200
    images.write(pair.visible, colour)
    sheet = previews.preview(examples, BASELINES["max"], title="max")
    middle = sheet[22 + 120, [6 + 180 + place * 366 for place in range(4)]].astype(int)
    assert middle[0].tolist() == [64, 64, 64]
    assert middle[1].tolist() == [200, 0, 0]
    assert (middle[2] == middle[3]).all()
    assert middle[2][0] > middle[2][2]
