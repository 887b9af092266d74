import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mmdrfuse.metrics.shared.similarity import FLAT, WANG, flattened, share, similarity


def test_the_similarity_of_one_window_is_skimages(rng):
    x, y = rng.uniform(0, 255, (2, 7, 7))
    _, expected = structural_similarity(x, y, data_range=255, full=True, use_sample_covariance=False)
    covariances = np.cov(x.ravel(), y.ravel(), bias=True)
    found = similarity(x.mean(), y.mean(), covariances[0, 0], covariances[1, 1], covariances[0, 1], WANG)
    assert found == pytest.approx(expected[3, 3], rel=1e-12)


@pytest.mark.parametrize(("tolerance", "expected"), [(FLAT, 0.5), (-1.0, 0.25)])
def test_rounding_noise_has_no_share_unless_the_tolerance_is_negative(tolerance, expected):
    assert share(1e-12, 3e-12, tolerance, 0.5) == expected


@pytest.mark.parametrize(("value", "expected"), [(FLAT, 0.0), (-FLAT, 0.0), (2.0 * FLAT, 2.0 * FLAT)])
def test_variances_up_to_the_tolerance_are_flat(value, expected):
    assert flattened(value, FLAT) == expected
