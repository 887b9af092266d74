import numpy as np
import pytest
import scipy.stats

from mmdrfuse.metrics.shared.histograms import histogram, joint_histogram, level_information, shannon_entropy


def test_histograms_are_numpys(triple):
    edges = np.arange(-0.5, 256.0)
    np.testing.assert_array_equal(histogram(triple, "a"), np.histogram(triple.a, edges)[0])
    expected, *_ = np.histogram2d(triple.a.ravel(), triple.fused.ravel(), edges)
    np.testing.assert_array_equal(joint_histogram(triple, "a", "fused"), expected)


def test_entropy_is_scipys_of_any_weights(rng):
    weights = rng.integers(0, 5, 40)
    assert shannon_entropy(weights) == pytest.approx(scipy.stats.entropy(weights, base=2), rel=1e-12)


def test_one_level_has_zero_bits_of_positive_sign():
    assert str(shannon_entropy(np.array([0, 7]))) == "0.0"


def test_information_is_the_divergence_from_independence(triple):
    joint = joint_histogram(triple, "a", "b") / triple.a.size
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    expected = scipy.stats.entropy(joint.ravel(), independent.ravel(), base=2)
    assert level_information(triple, "a", "b") == pytest.approx(expected, rel=1e-9)
