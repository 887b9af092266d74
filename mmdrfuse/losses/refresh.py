"""Dynamic refresh: if an output is worse than the best earlier one of its sample, the earlier one is its label.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.4, https://arxiv.org/abs/2408.15641.
"""

import torch
from torch import Tensor

from mmdrfuse.losses.content import Maps, gradient, intensity, perception
from mmdrfuse.recipes.recipe import Decision

SHALLOW = 3
"""Number of shallow maps, which the loss of detail compares; structure compares the deeper ones."""


def compare_with_best(quality: Tensor, best: Tensor, *, decision: Decision) -> tuple[Tensor, Tensor]:
    """Compare scores with the best earlier ones: which are better, and how much worse the others are.

    Args:
        quality: (2, N), scores of this visit; higher is better.
        best: (2, N), scores of the stored outputs; ``-inf`` without one.
        decision: Whether samples are compared one by one or by the batch's mean.

    Returns:
        Two tensors (2, N): whether the output replaces the stored one, and the gap, which is 0 if it does and
        ``best - quality`` if it does not.

    References:
        MMDRFuse (Deng et al. 2024), dynamic refresh and adaptive adjust.
    """
    if decision == "batch":
        quality = quality.mean(dim=1, keepdim=True).expand_as(quality)
        best = best.mean(dim=1, keepdim=True).expand_as(best)
    better = quality > best
    gap = torch.where(better, 0.0, best - quality)
    return better, gap


def structure(fused: Tensor, label: Tensor, fused_maps: Maps, label_maps: Maps) -> Tensor:
    """Compute the distance from the label in values and deep features.

    ``L_s = 1/2 Σ_{k=4,5} mean (φ_k(m) - φ_k(F))² + mean |m - F|``

    Args:
        fused: (N, 1, H, W), in [0, 1].
        label: The stored output that was best in SSIM, the same shape.
        fused_maps: All maps of the fused images.
        label_maps: All maps of the labels.

    Returns:
        (N,), non-negative.

    References:
        MMDRFuse (Deng et al. 2024), refresh by structure.
    """
    return perception(fused_maps[SHALLOW:], label_maps[SHALLOW:]) + intensity(fused, label)


def detail(fused: Tensor, label: Tensor, fused_maps: Maps, label_maps: Maps) -> Tensor:
    """Compute the distance from the label in detail and shallow features.

    ``L_g = 1/3 Σ_{k=1,2,3} mean (φ_k(m) - φ_k(F))² + mean (∇F - ∇m)²``

    Args:
        fused: (N, 1, H, W), in [0, 1].
        label: The stored output that was best in GMSD, the same shape.
        fused_maps: The maps of the fused images.
        label_maps: At least the `SHALLOW` first maps of the labels.

    Returns:
        (N,), non-negative.

    References:
        MMDRFuse (Deng et al. 2024), refresh by gradients.
    """
    return perception(fused_maps[:SHALLOW], label_maps[:SHALLOW]) + gradient(fused, label)
