import numpy as np
import pytest

from mmdrfuse.metrics.shared.elementary import exponential, steepness


def test_the_exponential_is_numpys(rng):
    numbers = np.concatenate([rng.uniform(-708, 709, 500), rng.uniform(-20, 20, 500), [0.0]])
    np.testing.assert_allclose([exponential(x) for x in numbers], np.exp(numbers), rtol=5e-16)


def test_far_below_the_exponential_is_next_to_nothing():
    assert 0.0 <= exponential(-1e6) < 1e-300


def test_steepness_is_the_arctangent_of_a_ratio(rng):
    rise, run = rng.exponential(size=(2, 500)) ** 4
    np.testing.assert_allclose(
        [steepness(*each) for each in zip(rise, run, strict=True)], np.arctan2(rise, run), rtol=1e-15, atol=1e-15
    )


@pytest.mark.parametrize(("rise", "run", "expected"), [(0.0, 0.0, 0.0), (3.0, 0.0, np.pi / 2), (0.0, 3.0, 0.0)])
def test_steepness_has_its_ends(rise, run, expected):
    assert steepness(rise, run) == expected
