"""SSIM and GMSD against scikit-image and the equation in NumPy; `test_oracle.py` has the authors' values."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from skimage.metrics import structural_similarity

from mmdrfuse.errors import SizeError
from mmdrfuse.losses.similarity import gmsd, quality, ssim

SCORES = {"ssim": ssim, "gmsd": gmsd}


def gmsd_by_definition(a, b):
    """Xue et al. 2014 in NumPy, on the 0–255 scale."""

    def magnitude(image):
        half = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean(axis=(1, 3)) * 255
        prewitt = np.array([[1, 0, -1]] * 3) / 3
        return np.hypot(correlate(half, prewitt), correlate(half, prewitt.T))[1:-1, 1:-1]

    m_a, m_b = magnitude(a), magnitude(b)
    return np.std((2 * m_a * m_b + 170) / (m_a**2 + m_b**2 + 170), ddof=1)


def test_ssim_is_that_of_scikit_image_inside_the_border(rng):
    a, b = rng.random((2, 20, 31))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    full = structural_similarity(a, b, full=True, **options)[1][5:-5, 5:-5]
    ours = ssim(torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None])
    assert ours.item() == pytest.approx(full.mean(), abs=1e-12)


def test_gmsd_is_that_of_the_equation(rng):
    a, b = rng.random((2, 20, 32))
    ours = gmsd(torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None])
    assert ours.item() == pytest.approx(gmsd_by_definition(a, b), rel=1e-9)


def test_scores_of_black_against_white_by_hand():
    black, white = torch.zeros(1, 1, 16, 16, dtype=torch.float64), torch.ones(1, 1, 16, 16, dtype=torch.float64)
    assert ssim(black, white).item() == pytest.approx(1e-4 / 1.0001)
    assert gmsd(black, white).item() == 0


@pytest.mark.parametrize(("score", "best"), [(ssim, 1.0), (gmsd, 0.0)])
def test_equal_images_score_best_and_order_does_not_matter(images, score, best):
    torch.testing.assert_close(score(images(0), images(0)), torch.full((2,), best, dtype=torch.float64))
    torch.testing.assert_close(score(images(0), images(1)), score(images(1), images(0)))


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("axes", [(-1,), (-2,), (-2, -1)])
def test_scores_do_not_change_when_both_images_are_mirrored(images, score, axes):
    one, two = images(0), images(1)
    torch.testing.assert_close(score(one.flip(axes), two.flip(axes)), score(one, two))


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_several_images_at_once_give_the_mean_of_each(images, score):
    one, two, three = images(0), images(1), images(2)
    both = score(one, torch.cat([two, three], dim=1))
    torch.testing.assert_close(both, (score(one, two) + score(one, three)) / 2)


@pytest.mark.parametrize("side", [17, 19])
def test_gmsd_ignores_the_last_row_and_column_of_odd_sides(images, side):
    one, two = images(0, side=side), images(1, side=side)
    torch.testing.assert_close(gmsd(one, two), gmsd(one[..., :-1, :-1], two[..., :-1, :-1]))


def test_quality_adds_both_sources_and_negates_gmsd(images):
    fused, infrared, visible = images(0), images(1), images(2)
    structure, detail = quality(fused, infrared, visible)
    torch.testing.assert_close(structure, ssim(fused, infrared) + ssim(fused, visible))
    torch.testing.assert_close(detail, -gmsd(fused, infrared) - gmsd(fused, visible))


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_gradients_are_those_of_the_equation(images, score):
    fused, source = images(0, count=1).requires_grad_(), images(1, count=1)
    assert torch.autograd.gradcheck(lambda x: score(x, source), fused)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_gradients_are_finite_on_constant_images(score):
    fused = torch.full((1, 1, 16, 16), 0.5, requires_grad=True)
    score(fused, torch.full((1, 1, 16, 16), 0.5)).sum().backward()
    assert torch.isfinite(fused.grad).all()


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_images_smaller_than_the_window_are_refused(score):
    small = torch.zeros(1, 1, 10, 30)
    with pytest.raises(SizeError, match=r"30x10 pixels are smaller than SSIM's 11x11 window"):
        score(small, small)
