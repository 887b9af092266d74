"""The geometry that both cameras of the made-up street share."""

import numpy as np
import pytest

from mmdrfuse.datasets.scenes.street import FAR, ROAD, WALKWAY, Buffers, Camera, Noise, empty_street

CAMERA = Camera(height=120, width=160, focal=130.0, centre=80.0, horizon=44.0, eye=3.0)


@pytest.fixture
def street(rng):
    return empty_street(CAMERA, Noise.of(rng), rng)


def test_a_pixel_sees_the_place_that_projects_onto_it(street):
    rows, columns = np.mgrid[:120, :160] + 0.5
    np.testing.assert_allclose(CAMERA.centre + CAMERA.focal * street.x / street.z, columns, atol=1e-3)
    np.testing.assert_allclose(CAMERA.horizon + CAMERA.focal * (CAMERA.eye - street.y) / street.z, rows, atol=1e-3)


def test_every_place_lies_on_the_ground_a_wall_or_the_end(street):
    on = [np.abs(street.y) < 1e-3, np.abs(np.abs(street.x) - WALKWAY) < 1e-3, np.abs(street.z - FAR) < 1e-3]
    assert np.logical_or.reduce(on).all()
    assert street.y.min() > -1e-3
    assert np.abs(street.x).max() < WALKWAY + 1e-3


def test_the_road_is_warmer_than_the_walkway_and_the_sky_is_coldest(street):
    ground, far = (street.y < 0.01) & (street.z < 40), street.z >= FAR
    road, walkway = ground & (np.abs(street.x) < ROAD), ground & (np.abs(street.x) > ROAD + 0.3)
    assert street.heat[road].mean() > street.heat[walkway].mean() > street.heat[far & (street.y > 9)].max()


def test_albedo_and_heat_stay_in_their_ranges(street):
    assert 0 <= street.albedo.min() <= street.albedo.max() < 1
    assert 0 <= street.heat.min() <= street.heat.max() < 0.6
    assert street.emission.min() >= 0


def test_a_window_covers_what_it_is_asked_for_and_ends_at_the_picture():
    rows, columns = CAMERA.window(-0.5, 0.5, 0.0, 1.8, 10.0)
    assert columns.start <= 80 - 6.5 < 80 + 6.5 <= columns.stop
    assert rows.start <= 44 + 130 * 0.12 < 44 + 130 * 0.3 <= rows.stop
    assert CAMERA.window(-99, 99, -99, 99, 1.0) == (slice(0, 120), slice(0, 160))
    rows, columns = CAMERA.window(50, 60, 0, 1, 5.0)
    assert columns.start == columns.stop == 160


def test_painting_covers_in_proportion_and_moves_what_is_solid():
    flat = np.zeros((4, 4), np.float32)
    colours = np.zeros((4, 4, 3), np.float32)
    buffers = Buffers(flat.copy(), flat.copy(), flat + 9, colours, colours.copy(), flat.copy(), flat.astype(np.int16))
    cover = np.array([[0.25, 1.0]], np.float32)
    buffers.paint((slice(1, 2), slice(0, 2)), cover, (1.0, 2.0, 5.0), albedo=(0.4, 0.8, 0.0), heat=0.5, owner=3)
    assert buffers.heat[1].tolist() == [0.125, 0.5, 0, 0]
    np.testing.assert_allclose(buffers.albedo[1, 0], [0.1, 0.2, 0.0], rtol=1e-6)
    assert buffers.z[1].tolist() == [9, 5, 9, 9]
    assert buffers.owner[1].tolist() == [0, 3, 0, 0]


def test_smooth_noise_meets_the_grain_at_whole_numbers_and_repeats(rng):
    noise = Noise.of(rng)
    a, b = (np.array([[0.0, 3.0, 255.0]], np.float32), np.array([[7.0, 0.0, 250.0]], np.float32))
    np.testing.assert_array_equal(noise.smooth(a, b), noise.grain(a, b))
    np.testing.assert_array_equal(noise.grain(a - 256, b + 512), noise.grain(a, b))
    between = noise.smooth(a + 0.5, b)
    np.testing.assert_allclose(between, (noise.grain(a, b) + noise.grain(a + 1, b)) / 2, rtol=1e-5, atol=1e-6)
