"""Fidelity: the scores by which the field judges a fused image, as functions with gradients.

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
"""What each score should reach, as a multiple of the maximum's: between a copy of the brighter source and a mix."""

LEAST = 0.2
"""Scores of the maximum count as at least this."""

SOFT = 0.04
"""Width around 0 over which a shortfall bends."""

STEEP = 10.0
"""Weight of the square of a shortfall."""

VIF_SIDE = 41
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
"""Gray level that SSIM's moments are taken around: float32 keeps a small variance of large numbers badly."""

C1 = (0.01 * 255) ** 2
C2 = 0.0036
"""SSIM's stabilisers in levels squared; the second is what the programs of ``cddfuse`` use."""

STRENGTH = (0.9994, 15.0, 0.5)
DIRECTION = (0.9879, 22.0, 0.8)
"""Qabf's two sigmoids: gain, slope, centre (Hong's program of 2007)."""


def fidelity(fused: Tensor, infrared: Tensor, visible: Tensor, goals: Tensor) -> Tensor:
    """Compute how far the six scores fall short of their goals, in sum; see `shortfall`.

    Args:
        fused: (N, 1, H, W), in [0, 1] and beyond, sides of at least `VIF_SIDE`; clipped and rounded as when written.
        infrared: The same shape, in [0, 1]; no gradient reaches it.
        visible: The same.
        goals: (N, 6), of `goals`.

    Returns:
        (N,), positive, about 0.2 where every score just reaches its goal.

    Raises:
        SizeError: The images are too small for VIF.
    """
    reached = scores(levels(fused), infrared * 255, visible * 255)
    return shortfall(reached / goals - 1).sum(dim=1)


def shortfall(margin: Tensor) -> Tensor:
    """Compute ``s + 10·s²``, ``s = 0.04·softplus(-d / 0.04)``: to go beyond a goal earns nothing.

    Args:
        margin: Any shape: d, how far a score is beyond its goal, as a share of it.

    Returns:
        The same shape, positive.
    """
    short = SOFT * softplus(-margin / SOFT)
    return short + STEEP * short.square()


@torch.no_grad()
def goals(infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute the goals of each sample: `GOALS` times the scores of the sources' maximum.

    Args:
        infrared: (N, 1, H, W), in [0, 1], sides of at least `VIF_SIDE`.
        visible: The same shape.

    Returns:
        (N, 6), positive.

    Raises:
        SizeError: The images are too small for VIF.
    """
    reached = scores(levels(torch.maximum(infrared, visible)), infrared * 255, visible * 255)
    return reached.clamp(min=LEAST) * reached.new_tensor(GOALS)


def scores(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Compute the six scores of each sample.

    Args:
        fused: (N, 1, H, W), levels 0..255, sides of at least `VIF_SIDE`.
        a: A source, the same shape; no gradient reaches it.
        b: The other source.

    Returns:
        (N, 6), in the order of `NAMES`.

    Raises:
        SizeError: The images are too small for VIF.
    """
    height, width = fused.shape[-2:]
    if min(height, width) < VIF_SIDE:
        raise SizeError(
            f"patches of {width}x{height} pixels are too small for the scores of fidelity, which need {VIF_SIDE} on "
            "each side; give fidelity the weight 0, or use larger ones",
            cure="patch",
        )
    by_name = {
        "SD": _standard_deviation(fused),
        "SCD": _correlation(fused - b, a) + _correlation(fused - a, b),
        "VIF": _vif(fused, a, b),
        "Qabf": _qabf(fused, a, b),
        "SSIM": _ssim(fused, a, b),
        "CC": (_correlation(fused, a) + _correlation(fused, b)) / 2,
    }
    return torch.stack([by_name[name] for name in NAMES], dim=1)


def levels(fused: Tensor) -> Tensor:
    """Return levels 0..255, clipped and rounded as in a written picture; gradients pass where nothing is clipped.

    Args:
        fused: Any shape, in [0, 1] and beyond.

    Returns:
        The same shape, whole numbers.
    """
    scaled = (fused * 255).clamp(0, 255)
    return scaled + (scaled.round() - scaled).detach()


def _standard_deviation(fused: Tensor) -> Tensor:
    return _mean((fused - _mean_level(fused)).square()).clamp(min=TINY).sqrt()


def _vif(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``Σ log(1 + g² v_x / (v_n + 2)) / Σ log(1 + v_x / 2)`` over four scales, the sum of both sources'.

    `g` and `v_n` are the gain and the noise that turn the source's window into the fused image's.
    """
    zero = 0.0 * _mean(a)
    through = [zero, zero]
    direct = [zero, zero]
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

            information = torch.log1p(gain.square() * source_variance / (noise + NOISE))
            through[number] = through[number] + information.sum(dim=(1, 2, 3))
            direct[number] = direct[number] + torch.log1p(source_variance / NOISE).sum(dim=(1, 2, 3))
    return through[0] / direct[0].clamp(min=TINY) + through[1] / direct[1].clamp(min=TINY)


def _qabf(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``Σ (Q_a g_a + Q_b g_b) / Σ (g_a + g_b)``; angles are compared without wrapping around, as the field does."""
    strength, angle = _gradient(fused)
    kept = total = 0.0 * _mean(a)
    for source in (a, b):
        source_strength, source_angle = _gradient(source)
        ratio = torch.minimum(strength, source_strength) / torch.maximum(strength, source_strength)
        agreement = 1 - (source_angle - angle).abs() / (math.pi / 2)
        preserved = _sigmoid(ratio, *STRENGTH) * _sigmoid(agreement, *DIRECTION)
        kept = kept + _mean(preserved * source_strength)
        total = total + _mean(source_strength)
    return kept / total


def _ssim(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``mean (2 μx μf + C1)(2 cov + C2) / ((μx² + μf² + C1)(vx + vf + C2))``, the sum of both sources'."""
    window = (1 / WINDOW,) * WINDOW
    fused = fused - MIDDLE
    mean, variance = _moments(fused, window)
    total = 0.0 * _mean(a)
    for source in (a - MIDDLE, b - MIDDLE):
        source_mean, source_variance = _moments(source, window)
        covariance = _filtered(fused * source, window) - mean * source_mean

        x = mean + MIDDLE
        y = source_mean + MIDDLE
        luminance = (2 * x * y + C1) / (x.square() + y.square() + C1)
        structure = (2 * covariance + C2) / (variance + source_variance + C2)
        total = total + _mean(luminance * structure)
    return total


def _correlation(x: Tensor, y: Tensor) -> Tensor:
    x = x - _mean_level(x)
    y = y - _mean_level(y)
    return _mean(x * y) / (_mean(x.square()) * _mean(y.square())).clamp(min=TINY).sqrt()


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """Compute strength and angle, between -π/2 and π/2, of Sobel's gradients, black beyond the border."""
    across = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    slopes = conv2d(image, torch.stack([across, -across.T])[:, None], padding=1)
    x, y = slopes[:, :1], slopes[:, 1:]
    strength = (x.square() + y.square() + TINY).sqrt()
    return strength, torch.atan(y / torch.where(x.abs() < TINY, TINY, x))


def _sigmoid(values: Tensor, gain: float, slope: float, centre: float) -> Tensor:
    return gain * torch.sigmoid(slope * (values - centre))


def _moments(image: Tensor, window: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Compute mean and variance in a window at each of its places."""
    mean = _filtered(image, window)
    variance = (_filtered(image.square(), window) - mean.square()).clamp(min=0)
    return mean, variance


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
    """Return the weights of a Gaussian window of this side, a fifth of it as sigma."""
    weights = [math.exp(-((k - side // 2) ** 2) / (2 * (side / 5) ** 2)) for k in range(side)]
    return tuple(weight / sum(weights) for weight in weights)


def _mean(image: Tensor) -> Tensor:
    return image.mean(dim=(1, 2, 3))


def _mean_level(image: Tensor) -> Tensor:
    # of each sample, in a shape that its pixels can be compared with
    return image.mean(dim=(1, 2, 3), keepdim=True)
