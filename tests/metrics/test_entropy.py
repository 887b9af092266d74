import math

import numpy as np
import pytest
from skimage.measure import shannon_entropy

from mmdrfuse.metrics.entropy import cross_entropy, entropy
from mmdrfuse.metrics.shared.triple import Triple


def test_entropy_is_skimages(triple):
    assert entropy(triple) == pytest.approx(shannon_entropy(triple.fused), rel=1e-12)


def test_levels_between_two_count_for_the_nearest_halves_up():
    image = np.array([[0.4, 0.5, 1.4, 1.5]])  # levels 0, 1, 1, 2
    assert entropy(Triple(image, image, image)) == 1.5


def test_cross_entropy_counts_levels_of_both_images():
    # a: levels 0, 1 with 1/4, 3/4; fused: 0, 2 with 1/2 each: only level 0 counts; b is like the fused image
    a, fused = np.array([[0.0, 1.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 2.0, 2.0]])
    assert cross_entropy(Triple(fused, a, fused)) == pytest.approx(0.5 * 0.25 * math.log2(0.25 / 0.5))


def test_cross_entropy_of_equal_histograms_is_zero(triple):
    turned = Triple(triple.a, triple.a[::-1], triple.a[:, ::-1])
    assert cross_entropy(turned) == 0.0
