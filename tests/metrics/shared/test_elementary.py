import numpy as np
import pytest

from mmdrfuse.metrics.shared.elementary import exponential, exponential_of_eight, steepness
from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import load, store


@compiled()
def _exponentials(x, out):
    for n in range(x.shape[0]):
        store(out, n, exponential_of_eight(load(x, n)))


def test_the_exponential_is_numpys(rng):
    numbers = np.concatenate([rng.uniform(-708, 709, 500), rng.uniform(-20, 20, 500), [0.0]])
    np.testing.assert_allclose([exponential(x) for x in numbers], np.exp(numbers), rtol=5e-16)


def test_far_below_the_exponential_is_next_to_nothing():
    assert 0.0 <= exponential(-1e6) < 1e-300


@pytest.mark.parametrize(
    ("low", "high", "relative", "absolute"), [(-10.0, 10.0, 2e-14, 0.0), (-9000.0, -10.0, 0.0, 1e-16)]
)
def test_the_exponential_of_eight_is_as_exact_as_its_docstring_says(low, high, relative, absolute):
    x = np.linspace(low, high, 8000).reshape(-1, 8)
    out = np.empty_like(x)
    _exponentials(x, out)
    np.testing.assert_allclose(out, np.exp(x), rtol=relative, atol=absolute)


def test_steepness_is_the_arctangent_of_a_ratio(rng):
    rise, run = rng.exponential(size=(2, 500)) ** 4
    np.testing.assert_allclose(
        [steepness(*each) for each in zip(rise, run, strict=True)], np.arctan2(rise, run), rtol=1e-15, atol=1e-15
    )


@pytest.mark.parametrize(("rise", "run", "expected"), [(0.0, 0.0, 0.0), (3.0, 0.0, np.pi / 2), (0.0, 3.0, 0.0)])
def test_steepness_has_its_ends(rise, run, expected):
    assert steepness(rise, run) == expected
