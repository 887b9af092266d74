import numpy as np
import pytest

from mmdrfuse.metrics.edge_preservation import HONG
from mmdrfuse.metrics.shared.edges import STRIP, agreement, preserved, strips
from mmdrfuse.metrics.shared.gradients import Gradient, parallelism


def gradient(magnitude, angle):
    return Gradient(np.array([[magnitude]]), np.array([[angle]]))


@pytest.mark.parametrize(
    ("fused", "source", "strength", "direction"),
    [
        ((3.0, 0.4), (3.0, 0.4), 1.0, 1.0),
        ((2.0, 0.4), (8.0, 0.4), 0.25, 1.0),
        ((8.0, 0.4), (2.0, 0.4), 0.25, 1.0),
        ((3.0, np.pi / 4), (3.0, 0.0), 1.0, 0.5),
        ((3.0, np.pi / 2), (3.0, 0.0), 1.0, 0.0),
        ((3.0, 1.5), (3.0, 1.5 - np.pi), 1.0, 1.0),
        ((0.0, np.pi / 2), (3.0, np.pi / 2), 0.0, 0.0),
        ((0.0, np.pi / 2), (0.0, np.pi / 2), 1.0, 1.0),
    ],
)
def test_strength_is_a_ratio_and_direction_ignores_half_turns(fused, source, strength, direction):
    found = agreement(gradient(*fused), gradient(*source))
    np.testing.assert_allclose(np.ravel(found), [strength, direction], atol=1e-12)


def test_gradients_are_parallel_in_either_order(rng):
    x, y = (Gradient(np.ones((4, 5)), rng.uniform(-1.5, 1.5, (4, 5))) for _ in range(2))
    np.testing.assert_array_equal(parallelism(x, y), parallelism(y, x))
    np.testing.assert_allclose(parallelism(x, y), abs(2 / np.pi * abs(x.angle - y.angle) - 1), atol=1e-12)


def test_an_edge_half_preserved_has_half_of_either_sigmoids_gain():
    # by hand: at its centre a sigmoid has half its gain
    found = preserved(np.array([0.5]), np.array([0.8]), HONG)
    assert found == pytest.approx(0.9994 / 2 * 0.9879 / 2, rel=1e-12)


def test_strips_are_all_rows_in_order():
    magnitude = np.arange(2.0 * STRIP + 6.0)[:, None]
    parts = [x.magnitude for x, _ in strips(Gradient(magnitude, magnitude), Gradient(magnitude, magnitude))]
    assert [len(part) for part in parts] == [STRIP, STRIP, 6]
    np.testing.assert_array_equal(np.concatenate(parts), magnitude)
