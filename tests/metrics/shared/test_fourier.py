import numpy as np
import pytest
import scipy.fft

from mmdrfuse.metrics.shared.fourier import inverse, plan

# every radix and their products, prime factors on both sides of the largest radix, and large primes
LENGTHS = (*range(1, 70), 74, 450, 505, 512, 640, 768, 1021, 1024, 1280, 2048, 2 * 1021)


@pytest.mark.parametrize("length", LENGTHS)
def test_eight_sequences_are_transformed_as_scipy_does(length, rng):
    real, imaginary = rng.normal(size=(2, length, 8))
    expected = scipy.fft.ifft(real + 1j * imaginary, axis=0) * length
    transforms = plan(length)
    inverse(transforms, real, imaginary, np.full((4, transforms.twiddles.shape[1], 8), np.nan))
    np.testing.assert_allclose(real + 1j * imaginary, expected, rtol=0, atol=3e-15 * abs(expected).max())


def test_rows_beyond_the_length_are_left_alone(rng):
    real, imaginary = rng.normal(size=(2, 43, 8))
    before = real[37:].copy(), imaginary[37:].copy()
    transforms = plan(37)
    inverse(transforms, real, imaginary, np.empty((4, transforms.twiddles.shape[1], 8)))
    np.testing.assert_array_equal((real[37:], imaginary[37:]), before)
