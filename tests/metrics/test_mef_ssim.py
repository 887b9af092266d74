import numpy as np
import pytest

from mmdrfuse.metrics.mef_ssim import mef_ssim
from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps

EPS = np.finfo(float).eps
GAUSSIAN = np.outer(gaussian_taps(11, 1.5), gaussian_taps(11, 1.5))


def patch_score(f, x, y):
    patches = [patch - patch.mean() for patch in (x, y)]
    norms = [np.linalg.norm(patch) for patch in patches]
    strength = [norm + 0.001 for norm in norms]
    alike = (np.linalg.norm(patches[0] + patches[1]) + EPS) / (sum(norms) + EPS)
    power = min(np.tan(np.pi / 2 * (alike if alike <= 1 else 1 - EPS)), 10)
    weights = [(s / 11) ** power + EPS for s in strength]
    wish = sum(w / sum(weights) * patch / s for w, patch, s in zip(weights, patches, strength, strict=True))
    if np.linalg.norm(wish) > 0:
        wish = wish / np.linalg.norm(wish) * max(strength)

    def cov(u, v):
        return (GAUSSIAN * u * v).sum() - (GAUSSIAN * u).sum() * (GAUSSIAN * v).sum()

    return (2 * cov(wish, f) + 7.65**2) / (cov(wish, wish) + cov(f, f) + 7.65**2)


def shrunk(image):
    right = np.concatenate([image[:, 1:], image[:, -1:]], axis=1)
    wide = image + right
    return ((wide + np.concatenate([wide[1:], wide[-1:]])) / 4)[::2, ::2]


def plain(t):
    score, images = 1.0, t.images
    for weight in (0.0448, 0.2856, 0.3001):
        height, width = images[0].shape
        windows = [np.s_[y : y + 11, x : x + 11] for y in range(height - 10) for x in range(width - 10)]
        mean = np.mean([patch_score(*(image[window] for image in images)) for window in windows])
        score *= mean ** (weight / (0.0448 + 0.2856 + 0.3001))
        images = [shrunk(image) for image in images]
    return score


def test_score_is_that_of_every_patch_by_itself(triple):
    assert mef_ssim(triple) == pytest.approx(plain(triple), rel=1e-9)


def test_flat_patches_of_both_sources_are_best_represented_by_a_flat_one(picture):
    flat, image = np.full((44, 45), 90.0), picture(44, 45)
    assert mef_ssim(Triple(flat, flat, flat)) == 1.0
    assert mef_ssim(Triple(image, flat, flat)) < 0.9
