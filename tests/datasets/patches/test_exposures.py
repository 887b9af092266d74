"""Other exposures of a pair: what they change, what they keep."""

import numpy as np
import pytest

from mmdrfuse.datasets.patches.exposures import LIGHTS, expose


@pytest.fixture
def pair():
    generator = np.random.default_rng(3)
    return tuple(generator.integers(40, 200, (24, 32)).astype(np.uint8) for _ in range(2))


def test_the_same_seed_gives_the_same_and_another_seed_something_else(pair):
    first, again, other = (expose(*pair, light="haze", seed=seed) for seed in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_range_is_spread_between_the_stated_levels_and_order_is_kept(pair):
    curve = LIGHTS["haze"].visible
    for seed in map(str, range(20)):
        _, visible = expose(*pair, light="haze", seed=seed)
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


def test_only_the_night_is_noisy():
    flat = np.full((64, 64), 9, np.uint8)
    hazy, night = (expose(flat, flat, light=light, seed="x")[1] for light in ("haze", "night"))
    assert hazy.std() == 0
    assert 0.5 < night.std() < 3  # two levels, of which black may cut off half
