"""Labelled boxes follow their pictures: resized, cropped, warped, or of some classes alone."""

import numpy as np
import pytest

from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.errors import InputError
from mmdrfuse.registration.geometry import warped

BOX = [4, 6, 12, 20]


def picture(*boxes, size=(32, 24), classes=None):
    return LabelledPicture.of(boxes, classes or [0] * len(boxes), size=size)


def test_relative_boxes_become_pixels():
    relative = picture([0.25, 0.5, 0.75, 1], size=(1, 1)).resized(32, 24)
    assert (relative.width, relative.height) == (32, 24)
    assert relative.boxes.tolist() == [[8, 12, 24, 24]]


def test_boxes_of_unknown_size_stay():
    assert picture(BOX, size=(None, None)).resized(64, 48).boxes.tolist() == [BOX]


def test_boxes_outside_are_clipped_and_counted():
    clipped, changed = picture(BOX, [-4, 0, 8, 8], [40, 0, 50, 8]).clipped()
    assert changed == 2
    assert clipped.boxes.tolist() == [BOX, [0, 0, 8, 8]]


@pytest.mark.parametrize(
    "matrix", [[1, 0, 3, 0, 1, -2, 0, 0, 1], [1.5, 0, 1, 0, 0.5, 2, 0, 0, 1], [-1, 0, -3, 0, -1, 2, 0, 0, -1]]
)
def test_box_follows_the_pixels_of_a_warped_picture(matrix):
    image = np.zeros((24, 32), np.float32)
    image[6:20, 4:12] = 1
    rows, columns = np.nonzero(warped(image, tuple(matrix), 24, 40) >= 0.5)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    box = picture(BOX).warped(matrix, 40, 24).boxes[0]
    np.testing.assert_allclose(box, expected, atol=0.5)


def test_box_of_which_little_is_left_is_ignored():
    left = picture(BOX, [10, 6, 22, 20], [0, 0, 2, 2]).cropped(10, 0, 20, 24)
    assert left.boxes.tolist() == [[0, 6, 2, 20], [0, 6, 12, 20]]
    assert left.ignored.tolist() == [False, False]
    assert picture(BOX).cropped(11, 0, 20, 24).ignored.tolist() == [True]


def test_box_behind_the_camera_is_left_out():
    assert len(picture(BOX).warped([1, 0, 0, 0, 1, 0, 0.1, 0, -0.8], 32, 24)) == 0


def labels(**pictures):
    return Labels(("People", "Car", "pedestrian"), pictures, "made", "")


def test_classes_are_chosen_by_any_of_their_names():
    chosen = labels(a=picture(BOX, BOX, BOX, classes=[0, 1, 2]), b=picture()).only(["human"])
    assert chosen.classes == ("person",)
    assert chosen.pictures["a"].classes.tolist() == [0, 0]
    assert len(chosen.pictures["b"]) == 0
    assert labels(a=picture(BOX, classes=[2])).only(["car", "person"]).pictures["a"].classes.tolist() == [1]


def test_unknown_class_is_named_with_those_that_exist():
    with pytest.raises(InputError, match=r"bus.*People, Car, pedestrian"):
        labels().only(["bus"])
