import numpy as np
import pytest
from scipy.signal import convolve2d

from mmdrfuse.metrics.shared.filters import FrequencyFilter, cycles, smooth, spectrum, stretch255, stretched
from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps


def test_smoothing_is_the_two_dimensional_convolution(rng):
    image, taps = rng.uniform(0, 255, (19, 26)), gaussian_taps(7, 1.5)
    expected = convolve2d(image, np.outer(taps, taps), mode="valid")
    np.testing.assert_allclose(smooth(image, taps), expected, rtol=1e-12)


def test_stretching_spreads_the_range_and_rounds_halves_up():
    # by hand: 20 is an eighth of the way from 10 to 90, 31.875; 50 is half way, 127.5
    assert stretch255(np.array([[10.0, 20.0, 50.0, 90.0]])).tolist() == [[0.0, 32.0, 128.0, 255.0]]


def test_a_constant_image_cannot_be_stretched_unless_it_is_black():
    assert np.isnan(stretch255(np.full((2, 3), 7.0))).all()
    assert (stretch255(np.zeros((2, 3))) == 0.0).all()


def test_a_triple_is_stretched_once_image_by_image():
    t = Triple(*np.array([[[10.0, 50.0, 90.0]], [[0.0, 0.0, 0.0]], [[7.0, 9.0, 9.0]]]))
    assert [image.tolist() for image in stretched(t).images] == [[[0, 128, 255]], [[0, 0, 0]], [[0, 255, 255]]]
    assert stretched(t) is stretched(t)


@pytest.mark.parametrize("shape", [(12, 16), (13, 15), (1, 5)])
def test_a_spectrum_is_filtered_at_all_its_frequencies(rng, shape):
    images = rng.uniform(0, 255, (3, *shape))
    down, across = (np.fft.fftfreq(side, 1 / side) for side in shape)
    expected = np.fft.ifft2(np.fft.fft2(images) / (1 + down[:, None] ** 2 + 3 * across**2)).real
    t = Triple(*images)
    down, across = cycles(shape)
    filtered = FrequencyFilter(1 / (1 + down**2 + 3 * across**2), shape)
    for name, image in zip(("fused", "a", "b"), expected, strict=True):
        np.testing.assert_allclose(filtered(spectrum(t, name)), image, atol=1e-11)
