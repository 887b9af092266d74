"""The six scores by themselves: one gradient for each, and sources that are known beforehand."""

import torch

from mmdrfuse.losses.scores import NAMES, Sources


def test_the_slopes_are_the_gradients_of_each_score(images):
    fused, a, b = (images(seed, count=2, side=44) * 200 + 20 for seed in range(3))
    sources = Sources.of(a, b)
    reached, slopes = sources.slopes(fused)
    torch.testing.assert_close(reached, sources.scores(fused))
    for number in range(len(NAMES)):
        seen = fused.clone().requires_grad_()
        (wanted,) = torch.autograd.grad(sources.scores(seen)[:, number].sum(), seen)
        torch.testing.assert_close(slopes[:, number], wanted[:, 0])


def test_the_slopes_are_finite_differences(images):
    fused, a, b = (images(seed, count=1, side=41) * 200 + 20 for seed in range(3))
    sources, step = Sources.of(a, b), 1e-4
    _, slopes = sources.slopes(fused)
    for row, column in ((0, 0), (20, 7), (40, 40)):
        moved = torch.zeros_like(fused)
        moved[0, 0, row, column] = step
        found = (sources.scores(fused + moved) - sources.scores(fused - moved))[0] / (2 * step)
        torch.testing.assert_close(slopes[0, :, row, column], found, rtol=1e-4, atol=1e-9)
