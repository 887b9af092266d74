"""Other exposures of a pair: what they change, what they keep."""

import numpy as np
import pytest

from mmdrfuse.datasets.exposures import LIGHTS, expose


@pytest.fixture
def pair():
    generator = np.random.default_rng(3)
    return tuple(generator.integers(40, 200, (24, 32)).astype(np.uint8) for _ in range(2))


def test_the_same_seed_gives_the_same_and_another_seed_something_else(pair):
    first, again, other = (expose(*pair, light="haze", seed=seed) for seed in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("light", LIGHTS)
def test_the_range_is_spread_between_the_stated_levels_and_order_is_kept(pair, light):
    curve = LIGHTS[light][1]
    for seed in map(str, range(20)):
        _, visible = expose(*pair, light=light, seed=seed)
        assert round(curve.darkest[0]) <= visible.min() <= round(curve.darkest[1])
        assert round(curve.brightest[0]) <= visible.max() <= round(curve.brightest[1])
        assert (np.diff(visible.ravel()[np.argsort(pair[1], axis=None)].astype(int)) >= 0).all()


def test_some_thermal_cameras_show_warm_things_dark_but_none_at_night(pair):
    signs = {
        light: [
            np.corrcoef(expose(*pair, light=light, seed=str(seed))[0].ravel(), pair[0].ravel())[0, 1]
            for seed in range(300)
        ]
        for light in LIGHTS
    }
    assert 90 < sum(sign < 0 for sign in signs["haze"]) < 150
    assert min(signs["night"]) > 0.5


def test_a_constant_side_stays_constant(pair):
    infrared, _ = expose(np.full((8, 8), 9, np.uint8), pair[1][:8, :8], light="night", seed="x")
    assert len(np.unique(infrared)) == 1
