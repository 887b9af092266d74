"""Values in and out of [0, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from mmdrfuse.errors import InputError, UnknownNameError
from mmdrfuse.images import from_unit, limits, to_unit


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_way_to_unit_and_back(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)[None]
    np.testing.assert_array_equal(from_unit(to_unit(levels), 0, 1, dtype), levels)


def test_clip_rounds_and_cuts():
    output = np.array([[-0.5, 0.0019, 0.5, 0.999, 1.0]], np.float32)
    assert from_unit(output, *limits(output, "clip"), np.uint8).tolist() == [[0, 0, 128, 255, 255]]


@given(arrays(np.uint8, (4, 5), unique=True))
def test_minmax_reaches_black_and_white(levels):
    output = to_unit(levels) / 3
    stretched = from_unit(output, *limits(output, "minmax"), np.uint8)
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_constant_output_under_minmax_is_black():
    output = np.full((2, 2), 0.4, np.float32)
    assert from_unit(output, *limits(output, "minmax"), np.uint8).max() == 0


def test_unknown_policy_is_answered_with_a_near_miss():
    with pytest.raises(UnknownNameError, match="did you mean minmax"):
        limits(np.zeros((2, 2), np.float32), "min-max")


@pytest.mark.parametrize(
    ("image", "message"),
    [(np.zeros((2, 2), np.int32), "not int32"), (np.array([[0.0, 255.0]]), r"not 0\.\.255"),
     (np.array([[0.0, np.nan]]), "must lie in")],
)  # fmt: skip
def test_other_types_and_ranges_are_refused(image, message):
    with pytest.raises(InputError, match=message):
        to_unit(image)
