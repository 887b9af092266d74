"""What IVIF_ZOO's program computes in single precision, whose rounding decides its scores; for `zoo` alone.

The program runs in PyTorch, and so do these: the same steps give the same rounding. The library is imported when such a
score is asked for, and by nothing else of the metrics.

References:
    As `mmdrfuse.metrics.zoo`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mmdrfuse.metrics.shared.triple import Triple

if TYPE_CHECKING:
    from torch import Tensor

_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Powers of the five scales of MS-SSIM (Wang, Simoncelli, Bovik, Asilomar 2003)."""

_C1 = (0.01 * 255.0) ** 2
_C2 = (0.03 * 255.0) ** 2
"""Constants of SSIM for 0..255; the program applies them to 255 times that."""

_TINY = 1e-10


def cross_entropy(t: Triple) -> float:
    """Compute the binary cross entropy between the sigmoids of the fused levels and of the sources' levels, mean.

    Levels above 16 saturate, so it counts dark pixels and the rounding of single precision. It is no cross entropy of
    gray levels.

    Args:
        t: Images 0..255.

    Returns:
        0 to 16.2, lower is better.
    """
    import torch

    fused, a, b = (torch.sigmoid(image) for image in _tensors(t))
    low = 1e-7
    expected = torch.clamp((a + b) / 2.0, low, 1.0 - low)
    return float(torch.nn.functional.binary_cross_entropy(torch.clamp(fused, low, 1.0 - low), expected))


def ssim(t: Triple) -> float:
    """Compute SSIM on 255 times the levels in single precision, whose rounding decides flat regions.

    Args:
        t: Images 0..255, at least 11×11.

    Returns:
        -2..2, higher is better.
    """
    fused, a, b = (image * 255.0 for image in _tensors(t))
    return sum(float(_similarity(source, fused)[0]) for source in (a, b))


def ms_ssim(t: Triple) -> float:
    """Compute MS-SSIM as `ssim`; a side of odd length gets a row or column of black before it is halved.

    Args:
        t: Images 0..255, at least 161×161.

    Returns:
        0..2, higher is better.
    """
    fused, a, b = (image * 255.0 for image in _tensors(t))
    return sum(_product_of_scales(source, fused) for source in (a, b))


def vif(t: Triple) -> float:
    """Compute VIF in single precision with windows that lie half a pixel off their centres, black beyond the border.

    Args:
        t: Images 0..255.

    Returns:
        0 upwards, higher is better; 2 to 47 % above VIF. NaN where a source is black.
    """
    fused, a, b = _tensors(t)
    return sum(_fidelity(source, fused) for source in (a, b))


def _tensors(t: Triple) -> list[Tensor]:
    import torch

    return [torch.from_numpy(image.astype(np.float32))[None, None] for image in t.images]


def _similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    # mean similarity, and its mean structure term
    import torch

    offsets = torch.arange(11, dtype=torch.float32) - 5
    taps = torch.exp(-(offsets**2) / (2 * 1.5**2))
    taps = taps / taps.sum()

    def mean(image: Tensor) -> Tensor:
        down = torch.nn.functional.conv2d(image, taps.view(1, 1, -1, 1))
        return torch.nn.functional.conv2d(down, taps.view(1, 1, 1, -1))

    mu_x = mean(x)
    mu_y = mean(y)
    var_x = mean(x * x) - mu_x**2
    var_y = mean(y * y) - mu_y**2
    cov = mean(x * y) - mu_x * mu_y
    structure = (2 * cov + _C2) / (var_x + var_y + _C2)
    similarity = (2 * (mu_x * mu_y) + _C1) / (mu_x**2 + mu_y**2 + _C1) * structure
    return similarity.mean(), structure.mean()


def _product_of_scales(x: Tensor, y: Tensor) -> float:
    import torch

    terms = []
    for _ in _SCALE_WEIGHTS[:-1]:
        terms.append(_similarity(x, y)[1])
        padding = [side % 2 for side in x.shape[2:]]
        x, y = (torch.nn.functional.avg_pool2d(image, 2, padding=padding) for image in (x, y))
    terms.append(_similarity(x, y)[0])
    return float(torch.prod(torch.relu(torch.stack(terms)) ** torch.tensor(_SCALE_WEIGHTS)))


def _fidelity(x: Tensor, y: Tensor) -> float:
    import torch

    through = direct = torch.zeros(())
    for scale, size in enumerate((17, 9, 5, 3)):
        window = _off_centre_window(size)

        def mean(image: Tensor, window: Tensor = window, size: int = size) -> Tensor:
            return torch.nn.functional.conv2d(image, window, padding=size // 2)

        if scale:
            x, y = (mean(image)[:, :, ::2, ::2] for image in (x, y))
        mu_x = mean(x)
        mu_y = mean(y)
        var_x = torch.clamp(mean(x * x) - mu_x * mu_x, min=0)
        var_y = torch.clamp(mean(y * y) - mu_y * mu_y, min=0)
        cov = mean(x * y) - mu_x * mu_y

        gain = cov / (var_x + _TINY)
        noise = var_y - gain * cov
        flat_x = var_x < _TINY
        flat_y = var_y < _TINY
        gain = gain.masked_fill(flat_x | flat_y, 0.0)
        noise = torch.where(flat_x, var_y, noise).masked_fill(flat_y, 0.0)
        noise = torch.clamp(torch.where(gain < 0.0, var_y, noise), min=_TINY)
        gain = torch.clamp(gain, min=0.0)
        var_x = var_x.masked_fill(flat_x, 0.0)
        through = through + torch.log10(1 + gain**2 * var_x / (noise + 2.0)).sum()
        direct = direct + torch.log10(1 + var_x / 2.0).sum()
    return float(through / direct)


def _off_centre_window(size: int) -> Tensor:
    import torch

    offsets = torch.linspace(math.floor(-size / 2), size // 2, size)
    window = torch.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * (size / 5) ** 2))
    return (window / window.sum()).view(1, 1, size, size)
