import math

import numpy as np
import pytest
from skimage.measure import shannon_entropy

from mmdrfuse.metrics.information import cross_entropy, entropy, mutual_information
from mmdrfuse.metrics.shared.triple import Triple


def joint_entropy(x, y):
    return shannon_entropy(256 * x + y)


def test_entropy_is_skimages(triple):
    assert entropy(triple) == pytest.approx(shannon_entropy(triple.fused), rel=1e-12)


def test_levels_between_two_count_for_the_nearest_halves_up():
    image = np.array([[0.4, 0.5, 1.4, 1.5]])  # levels 0, 1, 1, 2
    assert entropy(Triple(image, image, image)) == 1.5


def test_information_is_what_the_entropies_share(triple):
    f, a, b = triple.images
    expected = sum(shannon_entropy(x) + shannon_entropy(f) - joint_entropy(x, f) for x in (a, b))
    assert mutual_information(triple) == pytest.approx(expected, rel=1e-12)
    assert mutual_information(triple, base=math.e) == pytest.approx(expected * math.log(2), rel=1e-12)


def test_an_image_tells_itself_its_entropy(triple):
    same = Triple(triple.a, triple.a, triple.a)
    assert mutual_information(same) == pytest.approx(2 * entropy(same), rel=1e-12)


def test_merged_levels_are_apart_in_the_marginals_only(rng):
    f, a, b = np.where(rng.random((3, 30, 40)) < 0.5, 254.0, 255.0)
    expected = sum(shannon_entropy(x) + shannon_entropy(f) - 0.0 for x in (a, b))
    assert mutual_information(Triple(f, a, b), joint_levels=255) == pytest.approx(expected, rel=1e-12)


def test_merging_changes_nothing_without_the_highest_level(triple):
    capped = Triple(*(np.minimum(image, 254) for image in triple.images))
    assert mutual_information(capped, joint_levels=255) == pytest.approx(mutual_information(capped), rel=1e-12)


def test_cross_entropy_counts_levels_of_both_images():
    # a: levels 0, 1 with 1/4, 3/4; fused: 0, 2 with 1/2 each: only level 0 counts; b is like the fused image
    a, fused = np.array([[0.0, 1.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 2.0, 2.0]])
    assert cross_entropy(Triple(fused, a, fused)) == pytest.approx(0.5 * 0.25 * math.log2(0.25 / 0.5))


def test_cross_entropy_of_equal_histograms_is_zero(triple):
    turned = Triple(triple.a, triple.a[::-1], triple.a[:, ::-1])
    assert cross_entropy(turned) == 0.0
