"""Sheets of pictures side by side."""

import numpy as np

from mmdrfuse.images import sheet


def test_a_sheet_holds_every_picture_at_its_height():
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 255
    made = sheet([[np.full((20, 30), 7, np.uint8), red]] * 2, ["grey", "red"], height=40)
    assert made.shape == (22 + 2 * 46, 2 * 60 + 3 * 6, 3)
    pictures = made[22:]
    assert (pictures == (255, 0, 0)).all(axis=2).sum() == 2 * 40 * 60
    assert (pictures == (7, 7, 7)).all(axis=2).sum() == 2 * 40 * 60
