"""The scores by which the field judges a fused image, as functions with gradients.

Of one image each is the metric of its name under the protocol ``cddfuse``, here in float32. SCD: Aslantas, Bendes, AEU
2015. VIF: Sheikh, Bovik, IEEE TIP 2006. Qabf: Xydeas, Petrovic, Electronics Letters 2000. SSIM: Wang et al., IEEE TIP
2004.

Everything that depends on the sources alone is computed once for each pair (`Sources`), since training scores the same
pairs again and again.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn.functional import pad

from mmdrfuse.errors import SizeError
from mmdrfuse.losses.windows import filtered, gaussian, moments, uniform
from mmdrfuse.recipes.recipe import Score

NAMES: tuple[Score, ...] = get_args(Score)
"""The scores, in the order of all tensors here; the more the better."""

VIF_SIDE = 41
"""Pixels on a side that the four scales of VIF need."""

SCALES = (17, 9, 5, 3)
"""Sides of VIF's windows, from the finest scale to the coarsest."""

NOISE = 2.0
"""Variance of the eye's noise in VIF, in levels squared."""

TINY = 1e-3
"""Levels squared below which a window, a slope or an image counts as flat; far below what whole levels give."""

WINDOW = uniform(7)
"""SSIM's."""

MIDDLE = 128.0
"""Gray level that SSIM's moments are taken around: float32 keeps a small variance of large numbers badly."""

C1 = (0.01 * 255) ** 2
C2 = 0.0036
"""SSIM's stabilisers in levels squared; the second is what the programs of ``cddfuse`` use."""

STRENGTH = (0.9994, 15.0, 0.5)
DIRECTION = (0.9879, 22.0, 0.8)
"""Qabf's two sigmoids: gain, slope, centre (Hong's program of 2007)."""


class _Scale(NamedTuple):
    """Both sources at one scale of VIF, each (N, 2, h, w)."""

    images: Tensor
    mean: Tensor
    variance: Tensor
    inverse: Tensor
    """Of the variance; 0 where a window is flat."""


@dataclass(frozen=True)
class Sources:
    """Pairs of sources, ready to score images against; see `Sources.of`."""

    centred: Tensor
    """(N, 2, H, W): levels of both sources, each without its mean."""
    products: Tensor
    """(N, 3), float64: mean products of the centred sources, a·a, b·b and a·b."""
    scales: tuple[_Scale, ...]
    information: Tensor
    """(N, 2): what VIF finds in the sources themselves."""
    strength: Tensor
    """(N, 2, H, W): of the sources' edges."""
    angle: Tensor
    """(N, 2, H, W): of the same."""
    local: tuple[Tensor, Tensor, Tensor]
    """SSIM's: the sources around `MIDDLE`, and mean and variance in windows."""

    @classmethod
    @torch.no_grad()
    def of(cls, a: Tensor, b: Tensor) -> "Sources":
        """Compute once all that scoring needs to know of pairs of sources.

        Args:
            a: (N, 1, H, W), levels 0..255, sides of at least `VIF_SIDE`.
            b: The other sources, the same shape.

        Raises:
            SizeError: The images are too small for VIF.
        """
        height, width = a.shape[-2:]
        if min(height, width) < VIF_SIDE:
            raise SizeError(
                f"patches of {width}x{height} pixels are too small for the scores of fidelity, which need {VIF_SIDE} "
                "on each side; give fidelity the weight 0, or use larger ones",
                cure="patch",
            )
        images = torch.cat([a, b], dim=1)
        centred = images - images.mean(dim=(2, 3), keepdim=True)
        first, second = centred[:, 0], centred[:, 1]
        scales = tuple(_scales(images))
        information = sum(torch.log1p(scale.variance / NOISE).sum(dim=(2, 3)) for scale in scales)
        around = images - MIDDLE
        return cls(
            centred,
            torch.stack([_product(first, first), _product(second, second), _product(first, second)], dim=1),
            scales,
            torch.as_tensor(information).clamp(min=TINY),
            *_edges(images),
            (around, *moments(around, WINDOW)),
        )

    def scores(self, fused: Tensor) -> Tensor:
        """Compute the six scores of each image.

        Args:
            fused: (N, 1, H, W), levels 0..255; gradients reach it.

        Returns:
            (N, 6), in the order of `NAMES`.
        """
        return torch.stack(self._each(fused), dim=1)

    def slopes(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the six scores of each image, and the gradient of each score by itself.

        Args:
            fused: (N, 1, H, W), levels 0..255.

        Returns:
            The scores (N, 6), and their derivatives to each pixel (N, 6, H, W).
        """
        fused = fused.detach().requires_grad_()
        found = self._each(fused)
        shared = len(found) - 1
        slopes = [
            torch.autograd.grad(score.sum(), fused, retain_graph=number < shared)[0]
            for number, score in enumerate(found)
        ]
        return torch.stack(found, dim=1).detach(), torch.cat(slopes, dim=1)

    def _each(self, fused: Tensor) -> list[Tensor]:
        by_name = self._of_products(fused) | {
            "VIF": self._vif(fused),
            "Qabf": self._qabf(fused),
            "SSIM": self._ssim(fused),
        }
        return [by_name[name] for name in NAMES]

    def _of_products(self, fused: Tensor) -> dict[str, Tensor]:
        """Compute SD, SCD and CC, which follow from mean products of centred images.

        SCD correlates ``f - b`` with a and ``f - a`` with b; products of differences are differences of products.
        """
        image = fused[:, 0] - fused.mean(dim=(1, 2, 3))[:, None, None]
        own = _product(image, image)
        with_a, with_b = _product(image, self.centred[:, 0]), _product(image, self.centred[:, 1])
        of_a, of_b, between = self.products.unbind(dim=1)

        without_b = _correlation(with_a - between, own - 2 * with_b + of_b, of_a)
        without_a = _correlation(with_b - between, own - 2 * with_a + of_a, of_b)
        both = _correlation(with_a, own, of_a) + _correlation(with_b, own, of_b)
        found = {"SD": own.clamp(min=TINY).sqrt(), "SCD": without_b + without_a, "CC": both / 2}
        return {name: score.to(fused.dtype) for name, score in found.items()}

    def _vif(self, fused: Tensor) -> Tensor:
        """``Σ log(1 + g² v_x / (v_n + 2)) / Σ log(1 + v_x / 2)`` over four scales, the sum of both sources'.

        `g` and `v_n` are the gain and the noise that turn the source's window into the fused image's.
        """
        total = torch.zeros_like(self.information)
        for side, scale in zip(SCALES, self.scales, strict=True):
            window = gaussian(side)
            if side != SCALES[0]:
                fused = _halved(fused, side)
            mean, variance = moments(fused, window)
            covariance = torch.addcmul(filtered(fused * scale.images, window), mean, scale.mean, value=-1)
            gain = covariance.clamp(min=0) * scale.inverse
            noise = (variance - gain * covariance).clamp(min=0)
            information = torch.log1p(gain.square() * scale.variance / (noise + NOISE))
            total = total + information.sum(dim=(2, 3))
        return (total / self.information).sum(dim=1)

    def _qabf(self, fused: Tensor) -> Tensor:
        """``Σ (Q_a g_a + Q_b g_b) / Σ (g_a + g_b)``; angles are compared without wrapping around, as the field does."""
        strength, angle = _edges(fused)
        ratio = (-(strength.log() - self.strength.log()).abs()).exp()
        agreement = 1 - (self.angle - angle).abs() / (math.pi / 2)
        preserved = _sigmoid(ratio, *STRENGTH) * _sigmoid(agreement, *DIRECTION) * self.strength
        return preserved.sum(dim=(1, 2, 3)) / self.strength.sum(dim=(1, 2, 3))

    def _ssim(self, fused: Tensor) -> Tensor:
        """``mean (2 μx μf + C1)(2 cov + C2) / ((μx² + μf² + C1)(vx + vf + C2))``, the sum of both sources'."""
        images, source_mean, source_variance = self.local
        around = fused - MIDDLE
        mean, variance = moments(around, WINDOW)
        covariance = torch.addcmul(filtered(around * images, WINDOW), mean, source_mean, value=-1)

        x = mean + MIDDLE
        y = source_mean + MIDDLE
        above = (x * (2 * y) + C1) * (2 * covariance + C2)
        below = (x.square() + (y.square() + C1)) * (variance + (source_variance + C2))
        return (above / below).mean(dim=(2, 3)).sum(dim=1)


def scores(fused: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Compute the six scores of each sample; see `Sources`, which is faster where pairs come back.

    Args:
        fused: (N, 1, H, W), levels 0..255, sides of at least `VIF_SIDE`.
        a: A source, the same shape; no gradient reaches it.
        b: The other source.

    Returns:
        (N, 6), in the order of `NAMES`.

    Raises:
        SizeError: The images are too small for VIF.
    """
    return Sources.of(a, b).scores(fused)


def _scales(images: Tensor) -> "list[_Scale]":
    found = []
    for side in SCALES:
        if side != SCALES[0]:
            images = _halved(images, side)
        mean, variance = moments(images, gaussian(side))
        inverse = (variance > TINY) / (variance + TINY)
        found.append(_Scale(images, mean, variance, inverse))
    return found


def _halved(images: Tensor, side: int) -> Tensor:
    return filtered(images, gaussian(side))[..., ::2, ::2].contiguous()


def _edges(images: Tensor) -> tuple[Tensor, Tensor]:
    """Compute strength and angle, between -π/2 and π/2, of Sobel's gradients, black beyond the border."""
    padded = pad(images, (1, 1, 1, 1))
    down = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    across = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    x = down[..., 2:] - down[..., :-2]
    y = across[..., :-2, :] - across[..., 2:, :]
    strength = (x.square() + y.square() + TINY).sqrt()
    return strength, torch.atan(y / torch.where(x.abs() < TINY, TINY, x))


def _correlation(product: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return product / (one * other).clamp(min=TINY).sqrt()


def _sigmoid(values: Tensor, gain: float, slope: float, centre: float) -> Tensor:
    return gain * torch.sigmoid(slope * (values - centre))


def _product(x: Tensor, y: Tensor) -> Tensor:
    """Compute the mean product of each sample, in float64: differences of products shall keep their digits."""
    return (x * y).mean(dim=(1, 2), dtype=torch.float64)
