"""Averages in windows of a few pixels, with their gradients, fast on a processor: for the losses.

A window is separable and symmetric, so a row of taps says all: each tap is one shifted multiply-add over the whole
image, once down and once across. The gradient of such a filter is the same filter over the gradient, with a border of
zeros. For single channels this is many times as fast as torch's convolutions. An accelerator waits for each call, so
there each side is one product.
"""

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

Taps = tuple[float, ...]
"""The weights of a window along one side: an odd number, symmetric."""


def filtered(images: Tensor, taps: Taps) -> Tensor:
    """Return the weighted averages of all windows that lie within the images.

    Args:
        images: (…, H, W), each side at least as long as the window.
        taps: The window, n weights.

    Returns:
        (…, H - n + 1, W - n + 1).
    """
    result: Tensor = _Filter.apply(images, taps)  # type: ignore[no-untyped-call]
    return result


def moments(images: Tensor, taps: Taps) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every window, as `filtered` averages; the variance is at least 0."""
    mean = filtered(images, taps)
    variance = torch.addcmul(filtered(images.square(), taps), mean, mean, value=-1).clamp(min=0)
    return mean, variance


@lru_cache
def gaussian(side: int) -> Taps:
    """Return the taps of a Gaussian window, a fifth of its side as sigma."""
    weights = [math.exp(-((k - side // 2) ** 2) / (2 * (side / 5) ** 2)) for k in range(side)]
    return tuple(weight / sum(weights) for weight in weights)


def uniform(side: int) -> Taps:
    """Return the taps of a window that weighs all its pixels alike."""
    return (1 / side,) * side


class _Filter(torch.autograd.Function):
    """`filtered`, for autograd."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, taps: Taps) -> Tensor:  # noqa: ANN401
        ctx.taps = taps
        return _both_ways(images, taps)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:  # noqa: ANN401
        border = len(ctx.taps) - 1
        return filtered(pad(gradients[0], (border,) * 4), ctx.taps), None


def _both_ways(images: Tensor, taps: Taps) -> Tensor:
    return _along(_along(images, taps, -2), taps, -1)


def _along(images: Tensor, taps: Taps, axis: int) -> Tensor:
    if images.device.type != "cpu":
        return product_along(images, taps, axis)
    places = images.shape[axis] - len(taps) + 1
    total = images.narrow(axis, 0, places) * taps[0]
    for offset, weight in enumerate(taps[1:], start=1):
        total.add_(images.narrow(axis, offset, places), alpha=weight)
    return total


def product_along(images: Tensor, taps: Taps, axis: int) -> Tensor:
    """Return weighted averages along one axis as one product: fewer calls, and more memory."""
    return images.unfold(axis, len(taps), 1) @ _on_device(taps, images.dtype, images.device)


@lru_cache
def _on_device(taps: Taps, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(taps, dtype=dtype, device=device)
