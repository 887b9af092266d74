"""Percentiles of many images from counts."""

import numpy as np
import pytest

from mmdrfuse import fuse
from mmdrfuse.engine import make
from mmdrfuse.images import Histogram, from_unit, limits, limits_over
from mmdrfuse.models import read


@pytest.mark.parametrize("percent", [0, 0.1, 1, 37.5, 99, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_percentiles_of_integers_are_those_of_numpy(percent, dtype, rng):
    images = [rng.integers(0, np.iinfo(dtype).max, (9, 11), dtype) for _ in range(4)]
    histogram = Histogram(0, 65535)
    for image in images:
        histogram.add(histogram.count(image))
    assert histogram.percentile(percent) == np.percentile(images, percent, method="inverted_cdf")


def test_percentiles_of_floats_are_right_to_half_a_bin(rng):
    image = rng.normal(300, 5, (50, 60))
    histogram = Histogram(image.min(), image.max())
    histogram.add(histogram.count(image))
    expected = np.percentile(image, [0, 1, 50, 99, 100], method="inverted_cdf")
    found = [histogram.percentile(percent) for percent in (0, 1, 50, 99, 100)]
    np.testing.assert_allclose(found, expected, atol=histogram.step * 0.5001)


def test_values_beyond_an_end_count_as_that_end():
    histogram = Histogram(0, 1)
    histogram.add(histogram.count(np.array([-5.0, 7.0])))
    assert (histogram.percentile(0), histogram.percentile(100)) == (0, 1)


def test_a_single_value_is_every_percentile():
    histogram = Histogram(2.5, 2.5)
    histogram.add(histogram.count(np.full((3, 3), 2.5)))
    assert histogram.percentile(1) == histogram.percentile(99) == 2.5


def by_hand(values, percent):
    """Return the smallest of 65,536 levels from -1 to 2 that at least so many per cent do not exceed."""
    levels = [round((float(value) + 1) / 3 * 65535) for value in values.ravel()]
    shares = {level: 100 * sum(other <= level for other in levels) / len(levels) for level in set(levels)}
    return min(level for level, share in shares.items() if share >= percent) / 65535 * 3 - 1


@pytest.mark.parametrize("split", [1, 3])
def test_percentiles_of_an_output_and_of_its_parts_are_equal(rng, split):
    output = rng.normal(0.4, 0.2, (24, 24)).astype(np.float32)
    expected = by_hand(output, 1), by_hand(output, 99)
    assert limits(output, "percentile") == pytest.approx(expected)
    assert limits_over(np.array_split(output, split), "percentile") == pytest.approx(expected)


def test_fusing_arrays_uses_the_same_percentiles(rng):
    pair = rng.integers(0, 256, (2, 24, 24)).astype(np.uint8)
    output = make(read("scenes"))(*(pair / np.float32(255)))
    expected = from_unit(output, by_hand(output, 1), by_hand(output, 99), np.uint8)
    with pytest.warns(UserWarning, match="made for range minmax, not percentile"):
        fused = fuse(*pair, range="percentile")
    np.testing.assert_array_equal(fused, expected)
