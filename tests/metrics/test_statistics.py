import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.statistics import average_gradient, edge_intensity, spatial_frequency, standard_deviation


def of(image):
    return Triple(image, image, image)


def test_deviation_is_that_of_the_population():
    assert standard_deviation(of(np.array([[0.0, 0.0], [2.0, 6.0]]))) == pytest.approx(np.sqrt(6.0))


def test_saturated_deviation_stops_at_0_and_255():
    # mean 102: differences -102 -> 0, -99 -> 0, 48 -> 2304 -> 255, 153 -> 255
    levels = np.array([[0.0, 3.0], [150.0, 255.0]])
    assert standard_deviation(of(levels), saturated=True) == pytest.approx(np.sqrt(510.0 / 4.0))


@pytest.mark.parametrize("offset", [0.25, 0.75])
def test_saturated_deviation_rounds_differences_halves_up(offset):
    # mean 1.5 + offset of 0 and 3 + 2 offset; the larger difference is 1.75 or 2.25, rounded 2
    levels = np.array([[0.0, 3.0 + 2.0 * offset]])
    assert standard_deviation(of(levels), saturated=True) == pytest.approx(np.sqrt(4.0 / 2.0))


def test_frequency_is_the_root_of_two_mean_squares():
    image = np.array([[0.0, 1.0, 3.0], [4.0, 4.0, 4.0]])
    across, down = (1 + 4 + 0 + 0) / 4, (16 + 9 + 1) / 3
    assert spatial_frequency(of(image)) == pytest.approx(np.sqrt(across + down))
    assert spatial_frequency(of(image), per_pixel=True) == pytest.approx(np.sqrt((5 + 26) / 6))
    assert spatial_frequency(of(image), peak=1.0) == pytest.approx(np.sqrt(across + down) / 255.0)


def test_gradient_takes_central_differences_and_one_sided_ones_at_the_border(picture):
    image = picture(20, 31)
    right, left = np.roll(image, -1, axis=1), np.roll(image, 1, axis=1)
    across = (right - left) / 2
    across[:, 0], across[:, -1] = image[:, 1] - image[:, 0], image[:, -1] - image[:, -2]
    down = ((np.roll(image, -1, axis=0) - np.roll(image, 1, axis=0)) / 2).copy()
    down[0], down[-1] = image[1] - image[0], image[-1] - image[-2]
    slopes = np.sqrt((across**2 + down**2) / 2)
    assert average_gradient(of(image)) == pytest.approx(slopes.mean(), rel=1e-12)
    assert average_gradient(of(image), inner_count=True) == pytest.approx(slopes.sum() / (19 * 30), rel=1e-12)


def test_a_ramp_has_one_slope():
    ramp = np.tile(np.arange(0.0, 60.0, 3.0), (9, 1))
    assert average_gradient(of(ramp)) == pytest.approx(3.0 / np.sqrt(2.0))
    assert edge_intensity(of(ramp)) == pytest.approx(24.0 * 18 / 20 + 12.0 * 2 / 20)


def test_edge_intensity_is_scipys_mean_sobel_magnitude(picture):
    image = picture(25, 33)
    magnitude = np.hypot(*(ndimage.sobel(image, axis=axis, mode="nearest") for axis in (0, 1)))
    assert edge_intensity(of(image)) == pytest.approx(magnitude.mean(), rel=1e-12)
