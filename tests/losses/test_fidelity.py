"""Fidelity: its scores are the suite's own metrics, its goals are multiples of the maximum's, its gradient is true."""

import numpy as np
import pytest
import torch

from mmdrfuse import images, metrics
from mmdrfuse.datasets import scene
from mmdrfuse.errors import SizeError
from mmdrfuse.losses import fidelity


def of_metrics(fused, a, b):
    found = metrics.evaluate(fused, a, b, metrics=fidelity.NAMES, protocol="cddfuse")
    return [found[name] for name in fidelity.NAMES]


def tensor(image, dtype=torch.float32):
    return torch.from_numpy(np.ascontiguousarray(image)).to(dtype)[None, None]


@pytest.fixture(scope="module")
def pair():
    made = scene(5, height=96, width=120)
    return made.infrared, images.luminance(made.visible)


MIXES = {
    "max": np.maximum,
    "mean": lambda a, b: ((a.astype(int) + b) // 2).astype(np.uint8),
    "infrared": lambda a, b: a,
    "stretched": lambda a, b: np.clip(np.rint(1.25 * (0.7 * np.maximum(a, b) + 0.15 * (a + 0.0 + b)) - 20), 0, 255),
}


@pytest.mark.parametrize("mix", MIXES)
def test_each_score_is_the_metric_of_its_name(pair, mix):
    fused = MIXES[mix](*pair).astype(np.uint8)
    found = fidelity.scores(*(tensor(image) for image in (fused, *pair)))[0]
    np.testing.assert_allclose(found, of_metrics(fused, *pair), rtol=3e-3)


def test_a_batch_gives_each_sample_its_own_scores(pair):
    a, b = (tensor(image) for image in pair)
    both = fidelity.scores(torch.cat([a, b]), torch.cat([a, a]), torch.cat([b, b]))
    torch.testing.assert_close(both, torch.cat([fidelity.scores(a, a, b), fidelity.scores(b, a, b)]))


def test_the_goals_are_multiples_of_the_maximums_scores(pair):
    found = fidelity.goals(*(tensor(image) / 255 for image in pair))[0]
    np.testing.assert_allclose(found, np.multiply(of_metrics(np.maximum(*pair), *pair), fidelity.GOALS), rtol=3e-3)


def test_a_score_beyond_its_goal_earns_almost_nothing_and_one_short_of_it_costs(pair):
    a, b = (tensor(image) / 255 for image in pair)
    reached = fidelity.scores((torch.maximum(a, b) * 255).round(), a * 255, b * 255)
    at = {factor: float(fidelity.fidelity(torch.maximum(a, b), a, b, reached * factor)) for factor in (0.5, 1, 2)}
    assert at[0.5] < 1e-6
    assert at[1] == pytest.approx(6 * (0.04 * np.log(2) + 10 * (0.04 * np.log(2)) ** 2), rel=1e-4)
    assert at[2] == pytest.approx(6 * (0.5 + 10 * 0.25), rel=1e-4)


def test_the_gradient_is_that_of_the_scores(images):
    fused, a, b = (images(seed, count=1, side=41) * 200 + 20 for seed in range(3))
    assert torch.autograd.gradcheck(lambda x: fidelity.scores(x, a, b), fused.requires_grad_(), fast_mode=True)


def test_following_the_gradient_raises_what_falls_short(pair):
    a, b = (tensor(image) / 255 for image in pair)
    goals, fused = fidelity.goals(a, b), ((a + b) / 2).requires_grad_()
    before = fidelity.fidelity(fused, a, b, goals)
    before.backward()
    step = 0.01 * fused.grad.sign()
    assert fidelity.fidelity(fused.detach() - step, a, b, goals) < before < fidelity.fidelity(fused + step, a, b, goals)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_have_finite_scores_and_gradients(level):
    flat = torch.full((1, 1, 48, 48), level)
    fused = flat.clone().requires_grad_()
    loss = fidelity.fidelity(fused, flat, flat, fidelity.goals(flat, flat))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert fused.grad.isfinite().all()


def test_patches_that_are_too_small_for_vif_are_refused():
    small = torch.zeros(1, 1, 40, 64)
    with pytest.raises(SizeError, match=r"patches of 64x40 pixels .* need 41 on each side") as caught:
        fidelity.scores(small, small, small)
    assert caught.value.cure == "patch"
