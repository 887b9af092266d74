"""Fidelity: the scores by which the field judges a fused image, as functions that can be climbed.

Of one image each is the metric of its name under the protocol ``cddfuse``, here in float32. SCD: Aslantas, Bendes, AEU
2015. VIF: Sheikh, Bovik, IEEE TIP 2006. Qabf: Xydeas, Petrovic, Electronics Letters 2000. SSIM: Wang et al., IEEE TIP
2004.

The scores trade against each other: ``max(I, V)`` is strong in VIF and Qabf, which ask for copies, and weak in SCD and
CC, which ask for a share of both. So the goals are multiples of what the maximum scores on the same patch, some above
and some below 1. As ratios they also ask for little where a patch without texture has scores that say little.
"""

import math
from functools import lru_cache
from typing import get_args

import torch
from torch import Tensor
from torch.nn.functional import conv2d, softplus

from mmdrfuse.errors import SizeError
from mmdrfuse.recipes.recipe import Score

NAMES: tuple[Score, ...] = get_args(Score)
"""The scores, in the order of all tensors here; the more the better."""

GOALS = (1.12, 1.15, 0.90, 0.90, 0.96, 1.05)
"""What each score shall reach, as a multiple of the maximum's: between a copy of the brighter source and a mix."""

LEAST = 0.2
"""Scores of the maximum count as at least this."""

SOFT, STEEP = 0.04, 10.0
"""Shortfalls bend over this width around 0, and their squares count so many times."""

SMALLEST = 41
"""Pixels on a side that the four scales of VIF need."""

SCALES = (17, 9, 5, 3)
"""Sides of VIF's windows, from the finest scale to the coarsest; a fifth of each is its sigma."""

NOISE = 2.0
"""Variance of the eye's noise in VIF, in levels squared."""

TINY = 1e-3
"""Levels squared below which a window, a slope or an image counts as flat; far below what whole levels give."""

WINDOW = 7
"""Side of SSIM's window, which is uniform."""

MIDDLE = 128.0
"""Grey that SSIM's moments are taken around: float32 keeps a small variance of large numbers badly."""

C1, C2 = (0.01 * 255) ** 2, 0.0036
"""SSIM's stabilisers in levels squared; the second is what the programs of ``cddfuse`` use."""

STRENGTH, DIRECTION = (0.9994, 15.0, 0.5), (0.9879, 22.0, 0.8)
"""Qabf's two sigmoids: gain, slope, centre (Hong's program of 2007)."""


def fidelity(fused: Tensor, infrared: Tensor, visible: Tensor, goals: Tensor) -> Tensor:
    """Give how far the scores fall short of their goals, added over the six; see `shortfall`.

    Args:
        fused: (N, 1, H, W), in [0, 1] and beyond, sides of at least `SMALLEST`; clipped and rounded as when written.
        infrared: The same shape, in [0, 1]; no gradient reaches it.
        visible: The same.
        goals: (N, 6), of `goals`.

    Returns:
        (N,), positive, about 0.2 where every score just reaches its goal.

    Raises:
        SizeError: The images are too small for VIF.
    """
    return shortfall(scores(levels(fused), infrared * 255, visible * 255) / goals - 1).sum(dim=1)


def shortfall(ahead: Tensor) -> Tensor:
    """Give ``s + 10·s²``, ``s = 0.04·softplus(-d / 0.04)``: what goes beyond a goal earns nothing.

    Args:
        ahead: Any shape: d, how far a score is beyond its goal, as a share of it.

    Returns:
        The same shape, positive.
    """
    short = SOFT * softplus(-ahead / SOFT)
    return short + STEEP * short.square()


@torch.no_grad()
def goals(infrared: Tensor, visible: Tensor) -> Tensor:
    """Give the goals of each sample: `GOALS` times the scores of the sources' maximum.

    Args:
        infrared: (N, 1, H, W), in [0, 1], sides of at least `SMALLEST`.
        visible: The same shape.

    Returns:
        (N, 6), positive.

    Raises:
        SizeError: The images are too small for VIF.
    """
    reached = scores(levels(torch.maximum(infrared, visible)), infrared * 255, visible * 255)
    return reached.clamp(min=LEAST) * reached.new_tensor(GOALS)


def scores(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Score each sample.

    Args:
        fused: (N, 1, H, W), levels 0..255, sides of at least `SMALLEST`.
        a: A source, the same shape; no gradient reaches it.
        b: The other source.

    Returns:
        (N, 6), in the order of `NAMES`.

    Raises:
        SizeError: The images are too small for VIF.
    """
    height, width = fused.shape[-2:]
    if min(height, width) < SMALLEST:
        raise SizeError(
            f"patches of {width}x{height} pixels are too small for the scores of fidelity: {SMALLEST} on each side are "
            "needed; cut larger ones with  mmdrfuse prepare --patch 256, or leave it out with  --weight fidelity=0"
        )
    deviation = _mean((fused - _over(fused)).square()).clamp(min=TINY).sqrt()
    likeness = _correlation(fused - b, a) + _correlation(fused - a, b)
    correlation = (_correlation(fused, a) + _correlation(fused, b)) / 2
    return torch.stack(
        [deviation, likeness, _vif(fused, a, b), _qabf(fused, a, b), _ssim(fused, a, b), correlation], dim=1
    )


def levels(fused: Tensor) -> Tensor:
    """Clip and round to levels 0..255, as a written picture is; the gradient passes where nothing is clipped.

    Args:
        fused: Any shape, in [0, 1] and beyond.
    """
    scaled = (fused * 255).clamp(0, 255)
    return scaled + (scaled.round() - scaled).detach()


def _vif(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``Σ log(1 + g² v_x / (v_n + 2)) / Σ log(1 + v_x / 2)`` over four scales, the two sources' added.

    `g` and `v_n` are the gain and the noise that turn the source's window into the fused image's.
    """
    kept, there = [0.0 * _mean(a)] * 2, [0.0 * _mean(a)] * 2
    for side in SCALES:
        window = _gaussian(side)
        if side != SCALES[0]:
            fused, a, b = (_filtered(image, window, stride=2) for image in (fused, a, b))
        mean, variance = _moments(fused, window)
        for number, source in enumerate((a, b)):
            source_mean, source_variance = _moments(source, window)
            covariance = _filtered(fused * source, window) - mean * source_mean
            gain = (covariance / (source_variance + TINY)).clamp(min=0) * (source_variance > TINY)
            noise = (variance - gain * covariance).clamp(min=0)
            arriving = torch.log1p(gain.square() * source_variance / (noise + NOISE))
            kept[number] = kept[number] + arriving.sum(dim=(1, 2, 3))
            there[number] = there[number] + torch.log1p(source_variance / NOISE).sum(dim=(1, 2, 3))
    return kept[0] / there[0].clamp(min=TINY) + kept[1] / there[1].clamp(min=TINY)


def _qabf(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``Σ (Q_a g_a + Q_b g_b) / Σ (g_a + g_b)``; angles are compared without wrapping around, as the field does."""
    strength, angle = _edges(fused)
    kept = there = 0.0 * _mean(a)
    for source in (a, b):
        source_strength, source_angle = _edges(source)
        ratio = torch.minimum(strength, source_strength) / torch.maximum(strength, source_strength)
        agreement = 1 - (source_angle - angle).abs() / (math.pi / 2)
        kept = kept + _mean(_sigmoid(ratio, *STRENGTH) * _sigmoid(agreement, *DIRECTION) * source_strength)
        there = there + _mean(source_strength)
    return kept / there


def _ssim(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``mean (2 μx μf + C1)(2 cov + C2) / ((μx² + μf² + C1)(vx + vf + C2))``, the two sources' added."""
    window = (1 / WINDOW,) * WINDOW
    fused = fused - MIDDLE
    mean, variance = _moments(fused, window)
    total = 0.0 * _mean(a)
    for source in (a - MIDDLE, b - MIDDLE):
        source_mean, source_variance = _moments(source, window)
        covariance = _filtered(fused * source, window) - mean * source_mean
        x, y = mean + MIDDLE, source_mean + MIDDLE
        luminance = (2 * x * y + C1) / (x.square() + y.square() + C1)
        total = total + _mean(luminance * (2 * covariance + C2) / (variance + source_variance + C2))
    return total


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - _over(x), y - _over(y)
    return _mean(x * y) / (_mean(x.square()) * _mean(y.square())).clamp(min=TINY).sqrt()


def _edges(image: Tensor) -> tuple[Tensor, Tensor]:
    """Give strength and angle, between -π/2 and π/2, of Sobel's gradients, black beyond the border."""
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    slopes = conv2d(image, torch.stack([across, -across.T])[:, None], padding=1)
    x, y = slopes[:, :1], slopes[:, 1:]
    strength = (x.square() + y.square() + TINY).sqrt()
    return strength, torch.atan(y / torch.where(x.abs() < TINY, TINY, x))


def _sigmoid(values: Tensor, gain: float, slope: float, centre: float) -> Tensor:
    return gain * torch.sigmoid(slope * (values - centre))


def _moments(image: Tensor, window: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Give mean and variance in a window at each of its places."""
    mean = _filtered(image, window)
    return mean, (_filtered(image.square(), window) - mean.square()).clamp(min=0)


def _filtered(image: Tensor, window: tuple[float, ...], *, stride: int = 1) -> Tensor:
    """Average with a window, down and across, without padding: two products with matrices.

    On the CPU and for patches, three times as fast as torch's convolutions of a single channel.
    """
    down, across = (_band(size, window, stride, image.dtype, image.device) for size in image.shape[-2:])
    return down.mT @ image @ across


@lru_cache(maxsize=64)
def _band(size: int, window: tuple[float, ...], stride: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Build the matrix (size, places) whose columns hold the window at each of its places."""
    places = torch.arange(0, size - len(window) + 1, stride)
    band = torch.zeros(size, len(places), dtype=dtype)
    for offset, weight in enumerate(window):
        band[places + offset, torch.arange(len(places))] = weight
    return band.to(device)


@lru_cache
def _gaussian(side: int) -> tuple[float, ...]:
    """Weigh a window of this side by a Gaussian, a fifth of it as sigma."""
    weights = [math.exp(-((k - side // 2) ** 2) / (2 * (side / 5) ** 2)) for k in range(side)]
    return tuple(weight / sum(weights) for weight in weights)


def _mean(image: Tensor) -> Tensor:
    return image.mean(dim=(1, 2, 3))


def _over(image: Tensor) -> Tensor:
    return image.mean(dim=(1, 2, 3), keepdim=True)
