import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mmdrfuse.metrics.shared.similarity import FLAT, WANG, SimilarityWindows
from mmdrfuse.metrics.shared.windows import gaussian_taps


def test_the_map_of_similarity_is_skimages_inside_the_border(triple):
    _, expected = structural_similarity(
        triple.a, triple.fused, data_range=255, full=True, gaussian_weights=True, use_sample_covariance=False
    )
    windows = SimilarityWindows(triple, gaussian_taps(11, 1.5), None)
    np.testing.assert_allclose(windows.similarity("fused", "a", WANG), expected[5:-5, 5:-5], rtol=1e-9)


@pytest.mark.parametrize(("tolerance", "undefined"), [(FLAT, True), (None, False)])
def test_rounding_noise_has_no_share_unless_the_tolerance_is_none(triple, tolerance, undefined):
    windows = SimilarityWindows(triple, gaussian_taps(7, 1.5), tolerance)
    noise = np.full((2, 2), 1e-12)
    assert (windows.share(noise, 3.0 * noise, 0.5) == (0.5 if undefined else 0.25)).all()
