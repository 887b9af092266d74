import numpy as np
import pytest
from scipy.signal import convolve2d

from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps
from mmdrfuse.metrics.vif import vif, viff

E = 1e-10


def scales(source, fused, ceiling=np.inf):
    """Gain, noise and source variance at each scale, by two-dimensional convolution."""
    for size in (17, 9, 5, 3):
        window = np.outer(gaussian_taps(size, size / 5), gaussian_taps(size, size / 5))

        def mean(image, window=window):
            return convolve2d(image, window, mode="valid")

        if size < 17:
            source, fused, ceiling = mean(source)[::2, ::2], mean(fused)[::2, ::2], np.inf
        products = (np.minimum(x * y, ceiling) for x, y in ((source, source), (fused, fused), (source, fused)))
        v1, v2, cov = (mean(product) for product in products)
        v1 = np.maximum(v1 - mean(source) ** 2, 0)
        v2 = np.maximum(v2 - mean(fused) ** 2, 0)
        cov -= mean(source) * mean(fused)
        g = cov / (v1 + E)
        t = v2 - g * cov
        g, t, v1 = np.where(v1 < E, 0, g), np.where(v1 < E, v2, t), np.where(v1 < E, 0, v1)
        g, t = np.where(v2 < E, 0, g), np.where(v2 < E, 0, t)
        t, g = np.where(g < 0, v2, t), np.maximum(g, 0)
        yield g, np.maximum(t, E), v1


def plain_vif(source, fused, ceiling=np.inf):
    through = direct = 0.0
    for g, t, v in scales(source, fused, ceiling):
        through += np.log10(1 + g * g * v / (t + 2)).sum()
        direct += np.log10(1 + v / 2).sum()
    return through / direct


def plain_viff(t):
    score, noise = 0.0, 0.005 * 255**2
    for weight, one, two in zip((1, 0, 0.15, 1), scales(t.a, t.fused), scales(t.b, t.fused), strict=True):
        first = (one[0] < two[0]) | ((one[0] == two[0]) & (one[2] < two[2]))
        g, n, v = (np.where(first, x, y) for x, y in zip(one, two, strict=True))
        through, direct = np.log10(1 + g * g * v / (n + noise)), np.log10(1 + v / noise)
        score += weight / 2.15 * (through + E).sum() / (direct + E).sum()
    return score


@pytest.mark.parametrize("saturated", [False, True])
def test_fidelity_is_the_sum_over_the_sources(triple, saturated):
    ceiling = 255.0 if saturated else np.inf
    expected = plain_vif(triple.a, triple.fused, ceiling) + plain_vif(triple.b, triple.fused, ceiling)
    assert vif(triple, saturated=saturated) == pytest.approx(expected, rel=1e-11)


def test_fidelity_for_fusion_follows_the_source_that_is_followed_less(triple):
    assert viff(triple) == pytest.approx(plain_viff(triple), rel=1e-11)


def test_ties_of_gain_do_not_depend_on_the_order_of_the_sources(picture):
    a, b = picture(49, 57), picture(49, 57)
    negative = 255.0 - np.rint((a + b) / 2)  # followed by neither: both gains are 0 nearly everywhere
    assert viff(Triple(negative, a, b)) == pytest.approx(viff(Triple(negative, b, a)), rel=1e-13)
    assert viff(Triple(negative, a, b)) == pytest.approx(plain_viff(Triple(negative, a, b)), rel=1e-11)


def test_more_contrast_than_the_sources_is_more_than_perfect(picture):
    image = 60.0 + picture(49, 57) / 4
    assert vif(Triple(2 * image, image, image)) > 2.0
    assert vif(Triple(image, image, image)) == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("level", [0.0, 93.0, 253.0, 254.7])
def test_a_constant_source_has_nothing_to_lose(picture, level):
    flat, image = np.full((41, 43), level), picture(41, 43)
    assert vif(Triple(image, flat, flat)) == 2.0
    assert viff(Triple(image, flat, flat)) == 1.0
    assert vif(Triple(flat, flat, image)) == 1.0
