import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.ssim_float32 import ssim_float32


def skimage(t):
    fused, *sources = (image.astype(np.float32) for image in t.images)
    return sum(structural_similarity(fused, source, data_range=2.0) for source in sources)


def test_it_is_skimages_in_single_precision(triple):
    assert ssim_float32(triple) == pytest.approx(skimage(triple), rel=1e-13)


def test_rounding_decides_the_score_of_flat_regions_as_in_skimage(rng):
    # in float64 the two flat halves would score the same
    blocks = np.kron(rng.integers(0, 256, (3, 4, 6)), np.ones((1, 12, 12)))
    t = Triple(*(blocks + rng.integers(0, 2, blocks.shape) * (np.arange(72) > 36)))
    assert ssim_float32(t) == pytest.approx(skimage(t), rel=1e-13)


def test_double_precision_has_another_score(triple):
    fused, *sources = triple.images
    double = sum(structural_similarity(fused, source, data_range=2.0) for source in sources)
    assert abs(ssim_float32(triple) / double - 1) > 1e-8
