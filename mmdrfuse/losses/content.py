"""Content losses: the fused image follows the brighter source, in value, in detail and in features.

Every function returns one value per sample; the loss of a batch is their mean. Deng et al.: "MMDRFuse",
ACM Multimedia 2024, section 3.3, https://arxiv.org/abs/2408.15641.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

Maps = Sequence[Tensor]
"""Feature maps of one batch, from shallow to deep, each (N, C_k, H_k, W_k)."""


def intensity(fused: Tensor, target: Tensor) -> Tensor:
    """Compute the distance of the values from the target's, ``mean |F - M|``.

    Args:
        fused: (N, 1, H, W), in [0, 1].
        target: The same shape: ``max(I, V)``, or an output of the refresh memory.

    Returns:
        (N,), non-negative, 0 where the two agree.

    References:
        MMDRFuse (Deng et al. 2024), intensity loss.
    """
    return per_sample((fused - target).abs())


def gradient(fused: Tensor, target: Tensor) -> Tensor:
    """Compute the distance of the detail from the target's, ``mean (∇F - ∇M)²``, with `laplacian` for ∇.

    Args:
        fused: (N, 1, H, W), in [0, 1].
        target: The same shape: ``max(I, V)``, or an output of the refresh memory.

    Returns:
        (N,), non-negative, 0 where the two differ by less than an edge.

    References:
        MMDRFuse (Deng et al. 2024), gradient loss.
    """
    return mean_square(laplacian(fused - target))  # ∇ is linear, so one filter is enough


def perception(fused: Maps, target: Maps) -> Tensor:
    """Compute the distance of the features from the target's, ``1/K Σ_k mean (φ_k(F) - target_k)²``.

    Args:
        fused: K maps of the fused images.
        target: K maps of the same shapes; for the sources, `stronger` of theirs.

    Returns:
        (N,), non-negative. Without maps (backbone ``none``), a scalar zero on the CPU, which can be added to tensors
        on any device, but not stacked with those of another device.

    References:
        MMDRFuse (Deng et al. 2024), perception loss.
    """
    if not fused:
        return torch.zeros(1)[0]
    distances = [mean_square(f - t) for f, t in zip(fused, target, strict=True)]
    return torch.stack(distances).mean(dim=0)


def stronger(a: Maps, b: Maps) -> tuple[Tensor, ...]:
    """Return the larger of two sources' features, value by value."""
    return tuple(torch.maximum(f, g) for f, g in zip(a, b, strict=True))


def laplacian(image: Tensor) -> Tensor:
    """Compute the mean of the eight neighbours less the centre, zero beyond the border: the ∇ of the paper.

    The mean m of the 3×3 window is (8·neighbours + centre)/9, so ∇x = 9/8·(m - x): no kernel is needed.

    Args:
        image: (N, 1, H, W).

    Returns:
        The same shape.
    """
    return (avg_pool2d(image, 3, stride=1, padding=1) - image) * 1.125


def per_sample(values: Tensor) -> Tensor:
    """Return the mean over everything but the first axis, (N, ...) to (N,)."""
    return values.flatten(1).mean(dim=1)


def mean_square(values: Tensor) -> Tensor:
    """Return the mean square over everything but the first axis, (N, ...) to (N,).

    It uses the norm, whose derivative is one pass: on five feature maps this takes a third of the time of square and
    mean.
    """
    length: Tensor = torch.linalg.vector_norm(values, dim=tuple(range(1, values.ndim)))
    return length.square() / values[0].numel()
