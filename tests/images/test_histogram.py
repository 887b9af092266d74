"""Percentiles of many images from counts."""

import numpy as np
import pytest

from mmdrfuse.images import Histogram


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


def test_what_lies_beyond_an_end_is_counted_at_it():
    histogram = Histogram(0, 1)
    histogram.add(histogram.count(np.array([-5.0, 7.0])))
    assert (histogram.percentile(0), histogram.percentile(100)) == (0, 1)


def test_one_value_is_all_percentiles():
    histogram = Histogram(2.5, 2.5)
    histogram.add(histogram.count(np.full((3, 3), 2.5)))
    assert histogram.percentile(1) == histogram.percentile(99) == 2.5
