import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.metrics.edge_preservation import labf, nabf, qabf, qg
from mmdrfuse.metrics.shared.triple import Triple

HONG = ((0.9994, 15, 0.5), (0.9879, 22, 0.8))
LIU = ((1.0, 10, 0.5), (1.0, 20, 0.75))
KUMAR = ((0.9999, 19, 0.5), (0.9995, 22, 0.5))


def curve(value, gain, slope, centre):
    return gain / (1 + np.exp(-slope * (value - centre)))


def gradient(image, mode="constant"):
    # Sy is minus the transpose of Sx
    across, down = ndimage.sobel(image, axis=1, mode=mode), -ndimage.sobel(image, axis=0, mode=mode)
    upright = across == 0
    return np.hypot(across, down), np.where(upright, np.pi / 2, np.arctan(down / np.where(upright, 1, across)))


def ratio(x, y):
    return np.minimum(x, y) / np.where(np.maximum(x, y) == 0, 1, np.maximum(x, y))


def line_angle(x, y):
    return 2 / np.pi * abs(abs(x - y) - np.pi / 2)


def plain_share(t, curves, tie=None, wrapped=True):
    (g_f, a_f), kept, total = gradient(t.fused), 0.0, 0.0
    for source in (t.a, t.b):
        g_x, a_x = gradient(source)
        strength = np.where(g_x == g_f, 1.0 if tie is None else tie * g_f, ratio(g_x, g_f))
        direction = np.where(g_f > 0, line_angle(a_x, a_f), 0) if wrapped else 1 - abs(a_x - a_f) / (np.pi / 2)
        kept += (curve(strength, *curves[0]) * curve(direction, *curves[1]) * g_x).sum()
        total += g_x.sum()
    return kept / total


@pytest.mark.parametrize(("wrapped", "tie"), [(True, None), (False, 1.0), (False, 255.0)])
def test_the_preserved_share_is_the_ratio_of_the_sums(triple, wrapped, tie):
    got = qabf(triple, wrapped=wrapped, tie_gain=tie or 0.0)
    assert got == pytest.approx(plain_share(triple, HONG, tie, wrapped), rel=1e-12)


def test_qg_has_the_constants_of_liu(triple):
    assert qg(triple) == pytest.approx(plain_share(triple, LIU), rel=1e-12)


def test_ties_lose_their_worth_in_the_unit_range(picture):
    image = picture(40, 44)
    same = Triple(image, image, image)
    assert qabf(same) == pytest.approx(0.9748, abs=1e-4)
    assert qabf(same, tie_gain=1.0) == pytest.approx(0.9753, abs=1e-4)
    assert qabf(same, tie_gain=1.0, peak=1.0) < 0.8


def plain_balance(f, x, z, directed):
    (g_f, a_f), (g_x, a_x), (g_z, a_z) = (gradient(image, "mirror") for image in (f, x, z))
    g_f, lost, added, total = g_f / 8, 0.0, 0.0, 0.0
    stronger = (g_f > g_x / 8) & (g_f > g_z / 8)
    for g, angle in ((g_x / 8, a_x), (g_z / 8, a_z)):
        both, neither = (g > 0) & (g_f > 0), (g == 0) & (g_f == 0) & (not directed)
        strength = np.where(neither, 1, np.where(both, ratio(g, g_f), 0))
        direction = np.where(neither, 1, np.where(both | directed, line_angle(angle, a_f), 0))
        missed = 1 - np.sqrt(curve(strength, *KUMAR[0]) * curve(direction, *KUMAR[1]))
        weight = np.where(g >= 2, g**1.5, 0.001)
        lost, added = lost + (missed * weight)[~stronger].sum(), added + (missed * weight)[stronger].sum()
        total += weight.sum()
    return added / total, lost / total


@pytest.mark.parametrize("directed", [False, True])
def test_artefacts_are_edges_stronger_than_both_sources(triple, directed):
    added, _ = plain_balance(*triple.images, directed)
    assert nabf(triple, directed=directed) == pytest.approx(added, rel=1e-11)


def test_loss_is_in_edges_not_stronger_than_both_sources(triple):
    assert labf(triple) == pytest.approx(plain_balance(*triple.images, False)[1], rel=1e-11)


def test_images_in_the_wrong_order_score_a_source(triple):
    added, _ = plain_balance(triple.a, triple.b, triple.fused, True)
    assert nabf(triple, directed=True, fused="a") == pytest.approx(added, rel=1e-11)


def test_noise_adds_edges_and_blur_loses_them(rng, picture):
    image = picture(48, 52)
    noisy = Triple(np.clip(image + rng.normal(0, 25, image.shape), 0, 255), image, image)
    blurred = Triple(ndimage.gaussian_filter(image, 2), image, image)
    assert nabf(noisy) > 10 * nabf(blurred)
    assert labf(blurred) > 1.5 * labf(noisy)


def test_mean_share_gives_every_pixel_the_same_weight(triple):
    # pixels whose derivatives are all non-zero: there the program's mending plays no part
    slanted = [image + 0.01 * np.add.outer(np.arange(45.0) ** 2, 1.3 * np.arange(52.0) ** 2) for image in triple.images]
    t = Triple(*slanted)
    (g_f, a_f), over, under = gradient(t.fused), 0.0, 0.0
    for source in (t.a, t.b):
        g_x, a_x = gradient(source)
        over = over + g_x * curve(ratio(g_x, g_f), *LIU[0]) * curve(line_angle(a_x, a_f), *LIU[1])
        under = under + g_x
    assert qg(t, per_pixel=True) == pytest.approx((over / under).mean(), rel=1e-9)


@pytest.mark.parametrize(("score", "best"), [(qabf, 0.97480), (qg, 0.98666)])
def test_sources_without_edges_have_none_to_lose(score, best):
    black = np.zeros((12, 14))
    assert score(Triple(np.eye(12, 14) * 90, black, black)) == pytest.approx(best, abs=1e-5)
    assert score(Triple(black, black, black), **({"per_pixel": True} if score is qg else {})) == pytest.approx(
        best, abs=1e-5
    )


def test_rounding_noise_of_a_constant_fused_image_loses_no_edges_by_the_mean_share():
    # as in the program of Liu: 1e-5 for a source's gradient of 0, over less than that
    fused, source = np.full((12, 14), 100.3), np.full((12, 14), 100.0)
    assert qg(Triple(fused, source, source), per_pixel=True) > 0.98
