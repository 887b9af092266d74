"""What a student's weights do to its picture: many gradients at once, from the picture back to the 113 numbers.

Autograd walks back once for every gradient, and torch is slow at convolutions of single channels. Here the maps that
all gradients need are made once, and each of the 3×3 places of a kernel is one product of matrices, or one shifted
multiply-add.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from mmdrfuse.models.student import Student

PLACES = tuple((row, column) for row in range(3) for column in range(3))
"""Of a kernel."""


@torch.no_grad()
def pull_back(student: Student, infrared: Tensor, visible: Tensor, slopes: Tensor) -> Tensor:
    """Turn derivatives to a student's picture into derivatives to its weights.

    Args:
        student: Whose picture it is.
        infrared: (1, 1, H, W), in [0, 1].
        visible: The same shape.
        slopes: (K, H, W): derivatives of K quantities to each pixel of ``student(infrared, visible).fused``.

    Returns:
        (K, 113), in the order of ``student.parameters()``.
    """
    picture, hidden = student(infrared, visible)
    before_tanh = slopes * (1 - picture[0].square())
    of_weight2 = _met(before_tanh, hidden)
    of_bias2 = before_tanh.sum(dim=(1, 2))[:, None]

    before_relu = _unreflected(_spread(before_tanh, student.conv2.weight[0])) * (hidden[0, :, None] > 0)
    sources = torch.cat([infrared, visible], dim=1)
    met = _met(before_relu.flatten(0, 1), sources)
    of_weight1 = met.reshape(*before_relu.shape[:2], -1).transpose(0, 1).flatten(1)
    of_bias1 = before_relu.sum(dim=(2, 3)).T
    return torch.cat([of_weight1, of_bias1, of_weight2, of_bias2], dim=1)


def _met(slopes: Tensor, maps: Tensor) -> Tensor:
    """Give the derivatives to a 3×3 kernel over reflected maps: slopes (K, H, W), maps (1, C, H, W) → (K, 9·C)."""
    count, height, width = slopes.shape
    padded = pad(maps, (1, 1, 1, 1), mode="reflect")[0]
    flat = slopes.reshape(count, -1)
    met = [flat @ padded[:, i : i + height, j : j + width].reshape(len(padded), -1).T for i, j in PLACES]
    return torch.stack(met, dim=2).reshape(count, -1)


def _spread(slopes: Tensor, kernels: Tensor) -> Tensor:
    """Give the derivatives to padded maps: slopes (K, H, W), kernels (C, 3, 3) → (C, K, H + 2, W + 2)."""
    count, height, width = slopes.shape
    spread = slopes.new_zeros(len(kernels), count, height + 2, width + 2)
    for map_, kernel in zip(spread, kernels, strict=True):
        for i, j in PLACES:
            map_[:, i : i + height, j : j + width].add_(slopes, alpha=float(kernel[i, j]))
    return spread


def _unreflected(padded: Tensor) -> Tensor:
    """Add what reached a reflected border of one pixel to the pixels that it shows; the adjoint of that padding."""
    for axis in (-2, -1):
        inner = padded.narrow(axis, 1, padded.shape[axis] - 2).clone()
        inner.select(axis, 1).add_(padded.select(axis, 0))
        inner.select(axis, -2).add_(padded.select(axis, -1))
        padded = inner
    return padded
