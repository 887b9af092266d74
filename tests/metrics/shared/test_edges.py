import numpy as np
import pytest

from mmdrfuse.metrics.edge_sums import HONG
from mmdrfuse.metrics.shared.edges import parallelism, preserved, ratio, turn


@pytest.mark.parametrize(("x", "y", "expected"), [(3.0, 3.0, 1.0), (2.0, 8.0, 0.25), (8.0, 2.0, 0.25), (0.0, 3.0, 0.0)])
def test_strengths_are_compared_by_the_stronger_one(x, y, expected):
    assert ratio(x, y) == expected


def test_two_pixels_without_gradient_are_equally_strong():
    assert ratio(0.0, 0.0) == 1.0


def test_nothing_is_as_strong_as_nan():
    assert np.isnan([ratio(np.nan, 2.0), ratio(2.0, np.nan), ratio(0.0, np.nan), ratio(np.nan, np.nan)]).all()


@pytest.mark.parametrize(
    ("one", "other", "angle"),
    [
        ((3.0, 1.0), (6.0, 2.0), 0.0),
        ((3.0, 1.0), (-6.0, -2.0), 0.0),
        ((2.0, 2.0), (5.0, 0.0), np.pi / 4),
        ((0.0, -2.0), (5.0, 0.0), np.pi / 2),
        ((0.0, 0.0), (5.0, 0.0), np.pi / 2),
        ((0.0, 0.0), (0.0, -5.0), 0.0),
        ((1e-9, -1.0), (1e-9, 1.0), np.pi),
    ],
)
def test_an_angle_is_of_lines_that_rise_to_the_right(one, other, angle):
    assert turn(*one, *other) == pytest.approx(angle, abs=1e-8)
    assert turn(*other, *one) == pytest.approx(angle, abs=1e-8)


def test_turns_are_differences_of_arctangents(rng):
    across, down, other_across, other_down = rng.normal(size=(4, 200))
    expected = abs(np.arctan(down / across) - np.arctan(other_down / other_across))
    found = [turn(*each) for each in zip(across, down, other_across, other_down, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_allclose([parallelism(angle) for angle in found], abs(2 / np.pi * expected - 1), atol=1e-14)


def test_an_edge_half_preserved_has_half_of_either_sigmoids_gain():
    # by hand: at its centre a sigmoid has half its gain
    assert preserved(0.5, 0.8, HONG) == pytest.approx(0.9994 / 2 * 0.9879 / 2, rel=1e-12)
