"""Fidelity: how far the scores by which the field judges a fused image fall short of what they shall reach.

The scores (`mmdrfuse.losses.scores`) trade against each other: ``max(I, V)`` is strong in VIF and Qabf, which ask for
copies, and weak in SCD and CC, which ask for a share of both. So the goals are multiples of what the maximum scores on
the same patch, some above and some below 1. As ratios they also ask for little where a patch without texture has scores
that say little.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mmdrfuse.losses.scores import NAMES, scores

__all__ = ["GOALS", "NAMES", "Policy", "fidelity", "goals", "levels", "scores", "shortfall"]

Policy = Literal["clip", "minmax"]
"""How values become levels: [0, 1] as it is, or every image stretched to its own extremes."""

GOALS = (1.12, 1.15, 0.90, 0.90, 0.96, 1.05)
"""What each score should reach, as a multiple of the maximum's: between a copy of the brighter source and a mix."""

LEAST = 0.2
"""Scores of the maximum count as at least this."""

SOFT = 0.04
"""Width around 0 over which a shortfall bends."""

STEEP = 10.0
"""Weight of the square of a shortfall."""

FLAT = 1e-6
"""Least distance of two values that are stretched to black and white."""


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


def shortfall(margin: Tensor, *, soft: float = SOFT, steep: float = STEEP) -> Tensor:
    """Compute ``s + steep·s²``, ``s = soft·softplus(-d / soft)``: to go beyond a goal earns nothing.

    Args:
        margin: Any shape: d, how far a score is beyond its goal, as a share of it.
        soft: Width around 0 over which a shortfall bends.
        steep: Weight of the square of a shortfall.

    Returns:
        The same shape, positive.
    """
    short = soft * softplus(-margin / soft)
    return short + steep * short.square()


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


def levels(fused: Tensor, policy: Policy = "clip") -> Tensor:
    """Return levels 0..255 as in a written picture, clipped and rounded.

    Gradients pass where nothing is clipped, straight through the rounding, and through the smallest and the largest
    pixel where these become black and white.

    Args:
        fused: (N, 1, H, W), in [0, 1] and beyond.
        policy: What becomes black and white.

    Returns:
        The same shape, whole numbers.
    """
    if policy == "minmax":
        low, high = fused.amin(dim=(1, 2, 3), keepdim=True), fused.amax(dim=(1, 2, 3), keepdim=True)
        fused = (fused - low) / (high - low).clamp(min=FLAT)
    scaled = (fused * 255).clamp(0, 255)
    return scaled + (scaled.round() - scaled).detach()
