import numpy as np
import pytest
from scipy.signal import convolve2d

from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_B,
    MU_A,
    MU_B,
    MU_F,
    SPAN,
    STATISTICS,
    VAR_A,
    VAR_B,
    VAR_F,
    block_statistics,
    blocks,
    gaussian_taps,
    half,
    halved,
)


def statistics(images, taps, ceiling=np.inf):
    height, width = (side - taps.size + 1 for side in images[0].shape)
    out = np.full((STATISTICS, height, width), np.nan)
    space = blocks()
    y = 0
    while y < height:
        x = rows = 0
        while x < width:
            rows, columns = block_statistics(*images, half(taps), y, x, ceiling, space)
            block = space[:STATISTICS, : rows * SPAN].reshape(STATISTICS, rows, SPAN)
            out[:, y : y + rows, x : x + columns] = block[..., :columns]
            x += columns
        y += rows
    return out


@pytest.mark.parametrize(("size", "ceiling"), [(3, np.inf), (11, np.inf), (17, np.inf), (7, 255.0)])
def test_statistics_are_those_of_the_two_dimensional_window(triple, size, ceiling):
    taps = gaussian_taps(size, size / 5)
    window = np.outer(taps, taps)
    got = statistics(triple.images, taps, ceiling)

    def mean(image):
        return convolve2d(np.minimum(image, ceiling), window, mode="valid")

    f, a, b = triple.images
    means = {name: convolve2d(image, window, mode="valid") for name, image in (("f", f), ("a", a), ("b", b))}
    np.testing.assert_allclose(got[[MU_F, MU_A, MU_B]], list(means.values()), rtol=1e-12)
    for row, x, z, product in (
        (VAR_F, "f", "f", f * f),
        (VAR_A, "a", "a", a * a),
        (VAR_B, "b", "b", b * b),
        (COV_A, "f", "a", f * a),
        (COV_B, "f", "b", f * b),
    ):
        np.testing.assert_allclose(got[row], mean(product) - means[x] * means[z], rtol=1e-9, atol=1e-9)


def test_blocks_cover_an_image_of_several(rng):
    images = rng.uniform(0, 255, (3, 50, 300))
    taps = gaussian_taps(17, 3.4)
    whole = statistics(images, taps)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(statistics(images[:, 5:], taps), whole[:, 5:])
    np.testing.assert_array_equal(statistics(images[..., 9:].copy(), taps), whole[..., 9:])


def test_taps_fall_as_a_gaussian_and_sum_to_one():
    taps = gaussian_taps(5, 2.0)
    assert taps.sum() == pytest.approx(1.0, abs=1e-15)
    assert taps[1] / taps[2] == pytest.approx(np.exp(-1 / 8))
    assert taps[0] / taps[2] == pytest.approx(np.exp(-4 / 8))


def test_halving_takes_means_of_two_by_two_and_drops_odd_lines():
    image = np.array([[1.0, 3.0, 9.0], [5.0, 7.0, 9.0], [9.0, 9.0, 9.0]])
    assert halved(image).tolist() == [[4.0]]
