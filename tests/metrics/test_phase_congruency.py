import functools

import numpy as np
import pytest
from scipy.signal import convolve2d

from mmdrfuse.metrics.log_gabor import make_filters
from mmdrfuse.metrics.phase_congruency import qp
from mmdrfuse.metrics.phase_maps import feature_maps
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")


@pytest.fixture
def images(rng):
    """Fused image and sources of 41×52 pixels: overlapping bright boxes in a little noise."""
    a, b = rng.uniform(0, 8, (2, 41, 52))
    a[8:30, 10:25] += 150.0
    b[15:36, 18:44] += 90.0
    return np.maximum(a, b), a, b


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_the_score_agrees_with_the_program_of_liu(oracle, pair):
    values, (triple,) = oracle(pair, "liu")
    assert qp(triple, published=True) == pytest.approx(values["QP"], rel=1e-10)


def _plain_filters(shape, published):
    """Log-Gabor filters of all directions and scales, built around a centred origin."""
    odd = [side % 2 for side in shape]
    y, x = np.meshgrid(*(np.arange(side) - side // 2 for side in shape), indexing="ij")
    v, u = (k / (side - o * published) for k, side, o in zip((y, x), shape, odd, strict=True))
    low = 1.0 / (1.0 + (np.hypot(y / shape[0], x / shape[1]) / 0.45) ** 30)
    low = np.fft.fftshift(low) if published else np.fft.ifftshift(low * (abs(u) < 0.5) * (abs(v) < 0.5))
    radius, direction = np.fft.ifftshift(np.hypot(u, v)), np.fft.ifftshift(np.arctan2(-v, u))
    radius[0, 0] = 1e-9
    for k in range(6):
        turn = abs(np.angle(np.exp(1j * (direction - k * np.pi / 6))))
        angular = np.exp(-(turn**2) / (2 * (np.pi / 6 / 1.2) ** 2))
        scales = (3.0 * 2.1**s for s in range(4))
        yield (
            k * np.pi / 6,
            [np.exp(-(np.log(radius * wave) ** 2) / (2 * np.log(0.55) ** 2)) * low * angular for wave in scales],
        )


def _plain_maps(image, published):
    """Phase congruency and its moments, step by step as the reference is described."""
    energies, amplitudes, per_direction = [], [], []
    for angle, filters in _plain_filters(image.shape, published):
        responses = np.array([np.fft.ifft2(np.fft.fft2(image) * each) for each in filters])
        total = responses.sum(axis=0)
        mean = total / (abs(total) + 1e-4)
        energy = (responses * mean.conj()).real.sum(axis=0) - abs((responses * mean.conj()).imag).sum(axis=0)
        kernels = [np.fft.ifft2(each).real.ravel() * np.sqrt(image.size) for each in filters]
        power = -np.median(abs(responses[0]) ** 2) / np.log(0.5) / (filters[0] ** 2).sum()
        tau = np.sqrt(power * (np.array(kernels) @ np.array(kernels).T).sum())
        noise = (tau * np.sqrt(np.pi / 2) + 2 * tau * np.sqrt(2 - np.pi / 2)) / 1.7
        amplitude = abs(responses).sum(axis=0)
        width = amplitude / (abs(responses).max(axis=0) + 1e-4) / 4
        energies.append(np.maximum(energy - noise, 0) / (1 + np.exp(10 * (0.5 - width))))
        amplitudes.append(amplitude)
        part = energies[-1] / (amplitude + (0 if published else 1e-4))
        per_direction.append(np.stack([part * np.cos(angle), part * np.sin(angle)]))
    (xx, xy), (_, yy) = np.einsum("kiyx,kjyx->ijyx", *[np.array(per_direction)] * 2) / 3
    difference = np.sqrt(((xy / 2) if published else 2 * xy) ** 2 + (xx - yy) ** 2) + 1e-4
    congruency = sum(energies) / (sum(amplitudes) + 1e-4)
    return np.stack([congruency, (xx + yy + difference) / 2, (xx + yy - difference) / 2])


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("crop", [np.s_[:, :], np.s_[:40, :], np.s_[:40, :51], np.s_[8:12, 20:25], np.s_[8:11, 20:23]])
def test_feature_maps_agree_with_the_steps_written_out(published, crop, images):
    images = [image[crop] for image in images]
    filters = make_filters(images[0].shape, published)
    for image in images:
        found = feature_maps(image, filters, published=published)
        np.testing.assert_allclose(found, _plain_maps(image, published), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("published", [False, True])
def test_the_score_is_the_product_of_mean_best_correlations(published, images):
    f, a, b = (_plain_maps(image, published) for image in images)
    best, r = np.where(a[0] > b[0], a, b), np.arange(-5.0, 6.0)
    weights = np.exp(-(r**2 + r[:, None] ** 2) / 4.5)
    local = functools.partial(convolve2d, in2=weights / weights.sum(), mode="same")
    expected = 1.0
    for kind in range(3):
        correlations = []
        for maps in (a, b, best):
            mask = maps[0] > 0.1
            x, y = maps[kind] * (mask if published else 1.0), f[kind]
            spread = np.sqrt(abs((local(x * x) - local(x) ** 2) * (local(y * y) - local(y) ** 2)))
            correlations.append(np.where(mask, (local(x * y) - local(x) * local(y) + 1e-4) / (spread + 1e-4), 0.0))
        expected *= np.max(correlations, axis=0).sum() / (best[0] > 0.1).sum()
    assert qp(Triple(*images), published=published) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("crop", [np.s_[:, :], np.s_[:40, :51]])
def test_neither_order_of_the_sources_nor_orientation_matters(crop, images):
    fused, a, b = (image[crop] for image in images)
    expected = qp(Triple(fused, a, b))
    assert qp(Triple(fused, b, a)) == pytest.approx(expected, rel=1e-12)
    assert qp(Triple(fused.T, a.T, b.T)) == pytest.approx(expected, rel=1e-9)
    assert qp(Triple(fused[:, ::-1], a[:, ::-1], b[:, ::-1])) == pytest.approx(expected, rel=1e-9)


def test_the_published_rule_depends_on_flips(images):
    flipped = (image[:, ::-1] for image in images)
    assert qp(Triple(*flipped), published=True) != pytest.approx(qp(Triple(*images), published=True), rel=1e-5)


def test_an_image_is_its_own_best_fusion_but_not_under_the_published_rule(images):
    _, a, _ = images
    assert qp(Triple(a, a, a)) == pytest.approx(1.0, abs=1e-12)
    assert qp(Triple(a, a, a), published=True) < 0.999


@pytest.mark.parametrize("level", [0.0, 77.0])
def test_sources_without_features_lose_nothing(level, images):
    flat = np.full_like(images[0], level)
    assert qp(Triple(flat, flat, flat)) == 1.0
    assert qp(Triple(images[0], flat, flat)) == 1.0
    assert np.isnan(qp(Triple(flat, flat, flat), published=True))


def test_noise_and_lost_features_lower_the_score(images, rng):
    fused, a, b = images
    assert qp(Triple(np.clip(fused + rng.normal(0, 40, fused.shape), 0, 255), a, b)) < qp(Triple(fused, a, b))
    assert qp(Triple(np.roll(fused, 7, axis=1), a, b)) < 0.5 * qp(Triple(fused, a, b))


def test_contrast_hardly_matters(images):
    fused, a, b = images
    assert qp(Triple(0.5 * fused + 20.0, a, 0.7 * b)) == pytest.approx(qp(Triple(fused, a, b)), rel=1e-3)


def test_a_step_is_congruent_where_it_is():
    step = np.zeros((64, 64))
    step[:, 16:48] = 100.0
    congruency, *_ = feature_maps(step, make_filters(step.shape, published=False), published=False)
    assert congruency[:, [15, 16, 47, 48]].min() > 0.3 > 0.1 > congruency[:, [8, 32, 56]].max()


def test_rounding_noise_in_a_flat_image_is_no_feature(images):
    _, a, b = images
    scores = [qp(Triple(np.full_like(a, level), a, b)) for level in (0.0, 77.7)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)
