"""Other exposures of a pair: what they change, what they keep."""

import numpy as np
import pytest

from mmdrfuse.datasets.exposures import BRIGHTEST, DARKEST, expose


@pytest.fixture
def pair():
    generator = np.random.default_rng(3)
    return tuple(generator.integers(40, 200, (24, 32)).astype(np.uint8) for _ in range(2))


def test_the_same_seed_gives_the_same_and_another_seed_something_else(pair):
    first, again, other = (expose(*pair, seed=seed) for seed in ("a 1", "a 1", "a 2"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_range_is_spread_between_the_stated_levels_and_order_is_kept(pair):
    for seed in map(str, range(20)):
        _, visible = expose(*pair, seed=seed)
        assert DARKEST[0] <= visible.min() <= DARKEST[1]
        assert BRIGHTEST[0] <= visible.max() <= BRIGHTEST[1]
        assert (np.diff(visible.ravel()[np.argsort(pair[1], axis=None)].astype(int)) >= 0).all()


def test_about_half_of_the_infrared_sides_change_their_polarity(pair):
    signs = [np.corrcoef(expose(*pair, seed=str(seed))[0].ravel(), pair[0].ravel())[0, 1] for seed in range(60)]
    assert 15 < sum(sign < 0 for sign in signs) < 45
    assert min(map(abs, signs)) > 0.7


def test_a_constant_side_stays_constant(pair):
    infrared, _ = expose(np.full((8, 8), 9, np.uint8), pair[1][:8, :8], seed="x")
    assert len(np.unique(infrared)) == 1
