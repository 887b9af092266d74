"""The six scores as plain functions of three images: what `mmdrfuse.losses.scores` is timed against.

Nothing of the sources is cached, and windows are products with banded matrices.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from mmdrfuse.losses.scores import C1, C2, DIRECTION, MIDDLE, NAMES, NOISE, SCALES, STRENGTH, TINY

SIDE = 7
"""Of SSIM's window."""


def scores(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Compute the six scores of each sample, (N, 6); images (N, 1, H, W), levels 0..255."""
    by_name = {
        "SD": _standard_deviation(fused),
        "SCD": _correlation(fused - b, a) + _correlation(fused - a, b),
        "VIF": _vif(fused, a, b),
        "Qabf": _qabf(fused, a, b),
        "SSIM": _ssim(fused, a, b),
        "CC": (_correlation(fused, a) + _correlation(fused, b)) / 2,
    }
    return torch.stack([by_name[name] for name in NAMES], dim=1)


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
    preserved_total = total = 0.0 * _mean(a)
    for source in (a, b):
        source_strength, source_angle = _gradient(source)
        ratio = torch.minimum(strength, source_strength) / torch.maximum(strength, source_strength)
        agreement = 1 - (source_angle - angle).abs() / (math.pi / 2)
        preserved = _sigmoid(ratio, *STRENGTH) * _sigmoid(agreement, *DIRECTION)
        preserved_total = preserved_total + _mean(preserved * source_strength)
        total = total + _mean(source_strength)
    return preserved_total / total


def _ssim(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``mean (2 μx μf + C1)(2 cov + C2) / ((μx² + μf² + C1)(vx + vf + C2))``, the sum of both sources'."""
    window = (1 / SIDE,) * SIDE
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
