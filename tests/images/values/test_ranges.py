"""Values in and out of [0, 1]."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from mmdrfuse.errors import InputError, UnknownNameError
from mmdrfuse.images import Levels, constant_limits, converted, from_unit, limits, stretch, to_unit


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_to_unit_and_from_unit(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)[None]
    np.testing.assert_array_equal(from_unit(to_unit(levels), 0, 1, dtype), levels)


def test_converted_values_have_the_same_relative_level():
    levels = np.array([[0, 1, 254, 255]], np.uint8)
    assert converted(levels, np.uint8) is levels
    assert converted(levels, np.uint16).tolist() == [[0, 257, 254 * 257, 65535]]
    assert converted(np.array([[0.0, 0.25, 1.0]]), np.uint8).tolist() == [[0, 64, 255]]
    np.testing.assert_array_equal(converted(converted(levels, np.float32), np.uint8), levels)


def test_clip_rounds_and_clips():
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


def test_an_unknown_policy_is_named_with_a_near_miss():
    with pytest.raises(UnknownNameError, match="did you mean minmax"):
        limits(np.zeros((2, 2), np.float32), "min-max")


@pytest.mark.parametrize(
    ("image", "message"),
    [(np.zeros((2, 2), np.int32), "not int32"), (np.array([[0.0, 255.0]]), r"not 0\.\.255"),
     ],
)  # fmt: skip
def test_other_types_and_ranges_are_refused(image, message):
    with pytest.raises(InputError, match=message):
        to_unit(image)


@pytest.mark.parametrize(
    ("policy", "known"), [("clip", (0, 1)), ("minmax", None), ("percentile", None), ("fixed:-0.1,9e-1", (-0.1, 0.9))]
)
def test_limits_of_clip_and_fixed_need_no_image(policy, known):
    assert constant_limits(policy) == known


def test_percentile_leaves_out_one_percent_at_each_end():
    output = np.linspace(0, 1, 101, dtype=np.float32)[None]
    assert limits(output, "percentile") == pytest.approx((0.01, 0.99), abs=1.5 / 65535)


@pytest.mark.parametrize("policy", ["fixed", "fixed:1", "fixed:0.9,0.1", "fixed:a,b", "fixed:0,1,2"])
def test_fixed_without_two_numbers_is_an_error(policy):
    with pytest.raises(InputError, match=r"fixed needs the network's values .* such as fixed:0\.05,0\.9"):
        constant_limits(policy)


@pytest.mark.parametrize(
    ("text", "levels"),
    [("auto", Levels(0.1, 99.9, True, True)), ("p1..p99", Levels(1, 99, True)), ("p0.5..p100", Levels(0.5, 100, True)),
     ("7000..9500", Levels(7000, 9500)), ("-20..35.5", Levels(-20, 35.5)), ("1.5e2..3e2", Levels(150, 300))],
)  # fmt: skip
def test_infrared_ranges_are_read(text, levels):
    assert Levels.parse(text) == levels


@pytest.mark.parametrize("text", ["", "p1", "p99..p1", "p1..99", "9..9", "p1..p101", "1..2..3", "p-1..p50", "min"])
def test_an_invalid_infrared_range_is_named_with_valid_examples(text):
    with pytest.raises(InputError, match=r"is none of auto, percentiles such as p1\.\.p99, values"):
        Levels.parse(text)


def test_stretching_is_linear_between_the_limits_and_clips_beyond():
    image = np.array([[6999, 7000, 8000, 9000, 65535]], np.uint16)
    assert stretch(image, 7000, 9000).tolist() == [[0, 0, 0.5, 1, 1]]
    assert not stretch(image, 7000, 7000).any()


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("use", [to_unit, lambda image: stretch(image, 0, 1)])
def test_nan_and_infinity_are_counted_and_refused(odd, use):
    kind = "NaN" if np.isnan(odd) else "infinite"
    with pytest.raises(InputError, match=rf"1 of 3 values are no numbers \({kind}\); replace them"):
        use(np.array([[0.0, odd, 1.0]]))
