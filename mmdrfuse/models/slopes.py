"""Back-propagation of many quantities at once, from a student's picture to its 113 weights.

Autograd runs a backward pass for every quantity, and torch is slow at convolutions of single channels. Here the maps
that all quantities share are computed once, and each of the 3×3 positions of a kernel is one product of matrices or one
shifted multiply-add.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from mmdrfuse.models.student import Student

POSITIONS = tuple((row, column) for row in range(3) for column in range(3))
"""Row and column of each value of a kernel."""


@torch.no_grad()
def pull_back(student: Student, infrared: Tensor, visible: Tensor, slopes: Tensor) -> Tensor:
    """Compute derivatives with respect to a student's weights from those with respect to its picture.

    Args:
        student: The network.
        infrared: (1, 1, H, W), in [0, 1].
        visible: The same shape.
        slopes: (K, H, W): derivatives of K quantities by each pixel of ``student(infrared, visible).fused``.

    Returns:
        (K, 113), in the order of ``student.parameters()``.
    """
    picture, hidden = student(infrared, visible)
    before_tanh = slopes * (1 - picture[0].square())
    of_weight2 = _kernel_derivatives(before_tanh, hidden)
    of_bias2 = before_tanh.sum(dim=(1, 2))[:, None]

    before_relu = _unreflected(_map_derivatives(before_tanh, student.conv2.weight[0])) * (hidden[0, :, None] > 0)
    sources = torch.cat([infrared, visible], dim=1)
    products = _kernel_derivatives(before_relu.flatten(0, 1), sources)
    of_weight1 = products.reshape(*before_relu.shape[:2], -1).transpose(0, 1).flatten(1)
    of_bias1 = before_relu.sum(dim=(2, 3)).T
    return torch.cat([of_weight1, of_bias1, of_weight2, of_bias2], dim=1)


def _kernel_derivatives(slopes: Tensor, maps: Tensor) -> Tensor:
    """Compute derivatives of a 3×3 kernel over reflected maps: slopes (K, H, W), maps (1, C, H, W) → (K, 9·C)."""
    count, height, width = slopes.shape
    padded = pad(maps, (1, 1, 1, 1), mode="reflect")[0]
    flat = slopes.reshape(count, -1)
    products = [flat @ padded[:, i : i + height, j : j + width].reshape(len(padded), -1).T for i, j in POSITIONS]
    return torch.stack(products, dim=2).reshape(count, -1)


def _map_derivatives(slopes: Tensor, kernels: Tensor) -> Tensor:
    """Compute derivatives of padded maps: slopes (K, H, W), kernels (C, 3, 3) → (C, K, H + 2, W + 2)."""
    count, height, width = slopes.shape
    result = slopes.new_zeros(len(kernels), count, height + 2, width + 2)
    for map_, kernel in zip(result, kernels, strict=True):
        for i, j in POSITIONS:
            map_[:, i : i + height, j : j + width].add_(slopes, alpha=float(kernel[i, j]))
    return result


def _unreflected(padded: Tensor) -> Tensor:
    """Add the derivatives of a reflected border to those of the pixels that it repeats: the adjoint of the padding."""
    for axis in (-2, -1):
        inner = padded.narrow(axis, 1, padded.shape[axis] - 2).clone()
        inner.select(axis, 1).add_(padded.select(axis, 0))
        inner.select(axis, -2).add_(padded.select(axis, -1))
        padded = inner
    return padded
