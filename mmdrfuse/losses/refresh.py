"""Dynamic refresh: where an output is worse than the best earlier one of its sample, that one becomes its label.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.4, https://arxiv.org/abs/2408.15641.
"""

import torch
from torch import Tensor

from mmdrfuse.losses.content import Maps, gradient, intensity, perception
from mmdrfuse.recipes.recipe import Decision

SHALLOW = 3
"""Number of shallow maps, which serve detail; the deeper ones serve structure."""


def relapse(quality: Tensor, best: Tensor, *, decision: Decision) -> tuple[Tensor, Tensor]:
    """Compare scores with the best earlier ones: which are better, and by how much the others are worse.

    Args:
        quality: (2, N), scores of this visit, the higher the better.
        best: (2, N), scores of what is remembered; ``-inf`` where nothing is.
        decision: Whether samples are compared one by one or by the batch's mean.

    Returns:
        Two arrays (2, N): whether the memory is to be refreshed, and the gap, ``best - quality`` where it
        is not and 0 where it is.

    References:
        MMDRFuse (Deng et al. 2024), dynamic refresh and adaptive adjust.
    """
    if decision == "batch":
        quality = quality.mean(dim=1, keepdim=True).expand_as(quality)
        best = best.mean(dim=1, keepdim=True).expand_as(best)
    better = quality > best
    return better, torch.where(better, 0.0, best - quality)


def structure(fused: Tensor, label: Tensor, fused_maps: Maps, label_maps: Maps) -> Tensor:
    """Compute the distance from the label in values and deep features.

    ``L_s = 1/2 Σ_{k=4,5} mean (φ_k(m) - φ_k(F))² + mean |m - F|``

    Args:
        fused: (N, 1, H, W), in [0, 1].
        label: The remembered output that was best in SSIM, the same shape.
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
        label: The remembered output that was best in GMSD, the same shape.
        fused_maps: The maps of the fused images.
        label_maps: At least the `SHALLOW` first maps of the labels.

    Returns:
        (N,), non-negative.

    References:
        MMDRFuse (Deng et al. 2024), refresh by gradients.
    """
    return perception(fused_maps[:SHALLOW], label_maps[:SHALLOW]) + gradient(fused, label)
