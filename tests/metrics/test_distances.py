import math

import numpy as np
import pytest
from skimage.metrics import mean_squared_error as skimage_mse
from skimage.metrics import peak_signal_noise_ratio

from mmdrfuse.metrics.distances import (
    correlation,
    mean_squared_error,
    norm_per_pixel,
    norm_to_noise,
    root_mean_squared_error,
    signal_to_noise,
    sum_of_correlations_of_differences,
)
from mmdrfuse.metrics.shared.triple import Triple


def test_squared_error_is_skimages_averaged_over_the_sources(triple):
    expected = np.mean([skimage_mse(source, triple.fused) for source in (triple.a, triple.b)])
    assert mean_squared_error(triple) == pytest.approx(expected, rel=1e-13)
    assert mean_squared_error(triple, peak=1.0) == pytest.approx(expected / 65025.0, rel=1e-13)
    assert root_mean_squared_error(triple) == pytest.approx(math.sqrt(expected), rel=1e-13)


def test_noise_ratio_is_skimages_for_one_source(triple):
    alone = Triple(triple.fused, triple.a, triple.a)
    expected = peak_signal_noise_ratio(triple.a, triple.fused, data_range=255)
    assert signal_to_noise(alone) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("options", "shift"), [({"peak": 1.0}, 20 * math.log10(255)), ({"fused_peak": True}, None)])
def test_peaks_of_published_programs_shift_the_noise_ratio(triple, options, shift):
    shift = 20 * math.log10(triple.fused.max() / 255) if shift is None else shift
    assert signal_to_noise(triple, **options) == pytest.approx(signal_to_noise(triple) + shift, rel=1e-12)


def test_vifbs_norms_are_divided_by_the_number_of_pixels():
    fused, a, b = np.zeros((2, 8)), np.full((2, 8), 3.0), np.full((2, 8), 5.0)
    # norms 12 and 20 over twice 16 pixels
    assert norm_per_pixel(Triple(fused, a, b)) == 1.0
    assert norm_to_noise(Triple(fused, a, b)) == pytest.approx(20 * math.log10(255))


def test_no_error_is_an_infinite_ratio():
    image = np.eye(4)
    assert signal_to_noise(Triple(image, image, image)) == math.inf
    assert norm_to_noise(Triple(image, image, image)) == math.inf
    assert signal_to_noise(Triple(0 * image, image, image), fused_peak=True) == -math.inf


def test_correlations_are_numpys(triple):
    f, a, b = (image.ravel() for image in triple.images)

    def r(x, y):
        return np.corrcoef(x, y)[0, 1]

    assert correlation(triple) == pytest.approx((r(a, f) + r(b, f)) / 2, rel=1e-12)
    assert sum_of_correlations_of_differences(triple) == pytest.approx(r(f - b, a) + r(f - a, b), rel=1e-12)


def test_correlation_ignores_gain_and_offset(triple):
    shifted = Triple(0.5 * triple.fused + 20.0, triple.a, triple.b)
    assert correlation(shifted) == pytest.approx(correlation(triple), rel=1e-12)


@pytest.mark.parametrize(("b", "expected"), [("flat", 0.5), ("varying", 0.0)])
def test_two_constants_correlate_fully_and_a_constant_with_nothing_else(triple, b, expected):
    flat = np.full_like(triple.a, 9.0)
    sources = (triple.a, flat if b == "flat" else triple.b)
    assert correlation(Triple(flat, *sources)) == expected
