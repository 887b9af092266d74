"""What stands and moves in the made-up street."""

import numpy as np
import pytest

from mmdrfuse.datasets.scenes import actors
from mmdrfuse.datasets.scenes.street import Camera, Noise, empty_street

CAMERA = Camera(height=240, width=320, focal=260.0, centre=160.0, horizon=88.0, eye=3.0)


@pytest.fixture
def noise(rng):
    return Noise.of(rng)


@pytest.fixture
def street(noise, rng):
    return empty_street(CAMERA, noise, rng)


@pytest.mark.parametrize("z", [8.0, 15.0, 30.0])
def test_a_persons_box_fits_the_pixels_and_the_height(street, noise, rng, z):
    x0, y0, x1, y1 = actors.person(street, CAMERA, noise, rng, x=0.5, z=z, owner=4)
    rows, columns = np.nonzero(street.owner == 4)
    assert (x0, y0, x1, y1) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert 1.5 < (y1 - y0) * z / CAMERA.focal < 2.1
    assert abs(y1 - (CAMERA.horizon + CAMERA.focal * CAMERA.eye / z)) < 4


def test_a_person_is_warmer_than_anything_in_the_empty_street(street, noise, rng):
    before = street.heat.max()
    actors.person(street, CAMERA, noise, rng, x=0.0, z=9.0, owner=1)
    assert np.median(street.heat[street.owner == 1]) > before


def test_somebody_outside_the_picture_has_no_box(street, noise, rng):
    assert actors.person(street, CAMERA, noise, rng, x=-7.0, z=4.0, owner=1) is None
    assert not street.owner.any()


@pytest.mark.parametrize(("oncoming", "x"), [(True, -1.9), (False, 1.9), (True, 0.0)])
def test_a_driven_car_is_warmer_than_a_parked_one_and_lit(noise, oncoming, x):
    heats, lights = [], []
    for warm in (0.1, 1.0):
        rng = np.random.default_rng(5)
        street = empty_street(CAMERA, noise, rng)
        before = street.z.copy()
        actors.car(street, CAMERA, rng, x=x, z=12.0, oncoming=oncoming, warm=warm)
        car = before != street.z
        heats.append(street.heat[car].mean())
        lights.append(street.emission[car].max())
    assert heats[1] > heats[0] + 0.05
    assert lights[0] == 0
    assert lights[1] > 2


def test_a_car_stands_in_front_of_what_is_behind_it(street, noise, rng):
    actors.person(street, CAMERA, noise, rng, x=1.9, z=15.0, owner=1)
    seen = np.count_nonzero(street.owner)
    actors.car(street, CAMERA, rng, x=1.9, z=10.0, oncoming=False, warm=1.0)
    assert np.count_nonzero(street.owner) < 0.5 * seen


def test_a_lamp_shines_and_stays_cool(street):
    actors.lamp(street, CAMERA, x=4.4, z=14.0, light=(20.0, 15.0, 9.0))
    bright = street.emission[..., 0] > 15
    assert bright.any()
    assert street.heat[bright].max() < 0.4
    assert np.argwhere(bright)[:, 0].max() < CAMERA.horizon


def test_a_tree_is_painted_above_its_trunk(street, noise, rng):
    before = street.z.copy()
    actors.tree(street, CAMERA, noise, rng, x=-4.8, z=14.0)
    tree = before != street.z
    assert tree.sum() > 300
    assert tree[: int(CAMERA.horizon)].sum() > 3 * tree[int(CAMERA.horizon) :].sum()
