"""Dynamic refresh over three epochs on pictures whose scores can be worked out by hand: stored, worse, better.

Equations of Deng et al. 2024: s = SSIM(F,I) + SSIM(F,V), g = GMSD(F,I) + GMSD(F,V); a memory m that is better than F
asks for 10 |s_m - s| mean |m - F| and 10 |g_m - g| mean (∇F - ∇m)², the perceptual parts left out (no features).
"""

import numpy as np
import pytest
import torch

from mmdrfuse.losses.backbones import backbone
from mmdrfuse.models.student import Output
from mmdrfuse.recipes import Weights
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.patches import Batch
from mmdrfuse.training.supervision import Supervision

SIDE = 16


def flat(values):
    """Pictures of one grey each."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, SIDE, SIDE)


def steps(heights):
    """Pictures of 0.2 on the left half, and of so much more on the right half."""
    return 0.2 + flat(heights) * (torch.arange(SIDE) >= SIDE // 2)


@pytest.fixture
def visits(small, tmp_path):
    """Return a function that runs three epochs of outputs; it returns the terms, totals and labels."""

    def show(source, outputs, decision, term):
        weights = Weights(**{"intensity": 1.0, "gradient": 0, "perception": 0, "structure": 0, "detail": 0, term: 10.0})
        recipe = small(refresh=decision, weights=weights)
        memory = RefreshMemory((2, SIDE, SIDE), dtype=torch.float32, device=torch.device("cpu"), folder=tmp_path)
        supervision = Supervision(recipe, features=backbone("none"), memory=memory, frozen={})
        batch = Batch(np.arange(2), torch.arange(2), source, source)
        rows = []
        for epoch, fused in enumerate(outputs):
            terms = supervision(batch, Output(fused, fused), first_visit=epoch == 0)
            label = memory.labels(batch.positions)[("structure", "detail").index(term)]
            rows.append((terms[term].item(), terms["total"].item(), label[:, 0, 0, -1].tolist()))
        return [np.array(column) for column in zip(*rows, strict=True)]

    return show


@pytest.mark.parametrize(
    ("decision", "terms", "labels"),
    [
        # Second visit: patch 1 falls behind by 1.951231 - 1.600128 = 0.351103 and is |0.4 - 0.25| = 0.15 off its label,
        # patch 2 gets better: (0.351103 · 0.15 + 0) / 2. Third: patch 1 gets better, patch 2 falls behind its new
        # memory by 1.764775 - 1.600128 = 0.164647 and is |0.3 - 0.25| = 0.05 from it: (0 + 0.164647 · 0.05) / 2.
        ("sample", [0, 0.02633276, 0.00411618], [[0.4, 0.25], [0.4, 0.3], [0.5, 0.3]]),
        # The means are 1.775680, 1.682452, 1.800064: the second visit falls behind by 0.093228 as a whole, and is
        # (0.15 + 0.05) / 2 = 0.1 from the labels; the third replaces both, though patch 2 is no better than at first.
        ("batch", [0, 0.00932281, 0], [[0.4, 0.25], [0.4, 0.25], [0.5, 0.25]]),
    ],
)
def test_structure_by_hand(visits, decision, terms, labels):
    """Of flat pictures f against 0.5, SSIM is (2·0.5·f + 0.0001) / (f² + 0.25 + 0.0001), and s is twice that.

    s(0.4) = 1.951231, s(0.25) = 1.600128, s(0.3) = 1.764775, s(0.5) = 2.
    """
    outputs = [flat([0.4, 0.25]), flat([0.25, 0.3]), flat([0.5, 0.25])]
    losses, totals, stored = visits(flat([0.5, 0.5]), outputs, decision, "structure")
    np.testing.assert_allclose(losses, terms, rtol=2e-4)  # SSIM of flat pictures subtracts equals, in single precision
    np.testing.assert_allclose(stored, labels, atol=1e-7)
    intensity = [(0.1 + 0.25) / 2, (0.25 + 0.2) / 2, (0 + 0.25) / 2]  # mean |F - 0.5|, which counts once
    np.testing.assert_allclose(totals, np.array(intensity) + 10 * np.array(terms), rtol=2e-4)


K = 594 / 16384
"""Mean square of ∇ of a step of height 1: see `test_detail_by_hand`."""


@pytest.mark.parametrize(
    ("decision", "terms", "heights"),
    [
        # Second visit: patch 1 falls behind by 0.188769, with a label 0.2 higher; patch 2 gets better. Third: patch 1
        # falls behind by 0.037851, with the label 0.1 higher; patch 2 is what it was, and weighs nothing.
        ("sample", [0, 0.188769 * 0.2**2 * K / 2, 0.0378515 * 0.1**2 * K / 2], [[0.4, 0.2], [0.4, 0.3], [0.4, 0.3]]),
        # The means are 0.094384, 0.113310, 0.037851: the second visit falls behind by 0.018926 as a whole, and the
        # third replaces both, though patch 1 was better at first.
        ("batch", [0, 0.0189258 * (0.2**2 + 0.1**2) / 2 * K, 0], [[0.4, 0.2], [0.4, 0.2], [0.3, 0.3]]),
    ],
)
def test_detail_by_hand(visits, decision, terms, heights):
    """Of steps of height e at the place of the source's, of height 0.4, GMSD follows from two values.

    At half size, 8×8, Prewitt's filter fits 6×6 times; it finds the slopes e and 0.4 in 2 of 6 columns. With
    c = 170/255², the similarity is (2·0.4·e + c) / (0.16 + e² + c) there and 1 elsewhere: 0.960414 for e = 0.3,
    0.802581 for e = 0.2. Twelve of 36 values differ from 1 by 1 - σ: the deviation is (1 - σ) √(36 · 1/3 · 2/3 / 35) =
    0.478091 (1 - σ). g is twice that: g(0.4) = 0, g(0.3) = 0.037851, g(0.2) = 0.188769; lower is better.

    ∇ of a step of height 1, zero beyond the border, in eighths: in each of 14 rows 3, -3 at the step and -3 at the
    right border; in the first and the last row 2, -5 at the step, -3 six times, -5 in the corner. The squares' sum is
    14·27 + 2·108 = 594 sixty-fourths; the mean over 256 pixels 594/16384.
    """
    outputs = [steps([0.4, 0.2]), steps([0.2, 0.3]), steps([0.3, 0.3])]
    losses, _, stored = visits(steps([0.4, 0.4]), outputs, decision, "detail")
    np.testing.assert_allclose(losses, terms, rtol=2e-5, atol=1e-10)
    np.testing.assert_allclose(stored, 0.2 + np.array(heights), atol=1e-7)
