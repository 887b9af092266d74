"""Boxes move as the pixels of their side do, whatever the preparation."""

import numpy as np
import pytest

from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.prepared import prepared
from mmdrfuse.pair import Preparation

INFRARED, VISIBLE = (48, 64), (72, 80)
BOX = 20, 14, 44, 34
MATRIX = (1.1, 0, 2, 0.02, 1.2, 5, 0, 0, 1)


@pytest.mark.parametrize("side", ["infrared", "visible"])
@pytest.mark.parametrize(
    "preparation",
    [
        Preparation("fit-ir"),
        Preparation("fit-vis"),
        Preparation("crop-common"),
        Preparation(transform=MATRIX),
        Preparation(transform=MATRIX, outside="crop"),
    ],
    ids=["fit-ir", "fit-vis", "crop-common", "rig", "rig, cut"],
)
def test_boxes_follow_the_pixels_of_their_side(preparation, side):
    pictures = {"infrared": np.zeros(INFRARED, np.float32), "visible": np.zeros(VISIBLE, np.float32)}
    x0, y0, x1, y1 = BOX
    pictures[side][y0:y1, x0:x1] = 1
    shown = getattr(preparation(**pictures), side)
    rows, columns = np.nonzero(shown >= 0.5)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]

    labelled = LabelledPicture.of([BOX], [0], size=pictures[side].shape[::-1])
    moved = prepared(labelled, preparation, INFRARED, VISIBLE, side=side)

    assert (moved.height, moved.width) == shown.shape
    np.testing.assert_allclose(moved.boxes[0], expected, atol=0.8)


def test_side_of_the_labels_is_recognised_by_its_size():
    labelled = LabelledPicture.of([BOX], [0], size=INFRARED[::-1])
    np.testing.assert_allclose(prepared(labelled, Preparation("fit-vis"), INFRARED, VISIBLE).boxes, [BOX])


def test_relative_boxes_become_those_of_the_fused_picture():
    labelled = LabelledPicture.of([[0.25, 0.25, 0.5, 0.75]], [0], size=(1, 1))
    assert prepared(labelled, Preparation(), VISIBLE, VISIBLE).boxes.tolist() == [[20, 18, 40, 54]]
