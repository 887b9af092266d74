"""Orientation fields: the same for light and dark exchanged, finite for every picture."""

import numpy as np
import pytest

from mmdrfuse.registration.fields import normalised, orientation_field


def test_light_and_dark_exchanged_and_contrast_change_nothing(rng):
    picture = normalised(rng.random((64, 80)))
    field = orientation_field(picture)
    np.testing.assert_allclose(orientation_field(1 - picture), field, atol=1e-4)
    np.testing.assert_allclose(orientation_field(0.5 * picture + 0.2), field, atol=0.05)


@pytest.mark.parametrize("value", [0, 1e-20, 1e-30, 1e-42])
def test_the_faintest_edges_give_numbers(value):
    picture = np.zeros((40, 40), np.float32)
    picture[20:, 10:] = value
    picture[5, 5] = 1
    assert np.isfinite(orientation_field(picture)).all()
