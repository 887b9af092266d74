"""Preservation of a source's edges after Xydeas and Petrovic, shared by Qabf, QG, Nabf, Labf.

At each pixel the gradient of the fused image is compared with the source's in strength (`G`) and in direction (`D`).
Two sigmoids turn the comparison into a share `Q` of the source's edge that is preserved.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.shared.gradients import Gradient, parallelism
from mmdrfuse.metrics.shared.triple import GrayImage

STRIP = 64
"""Rows in one strip, so that the intermediate arrays of a dozen operations fit in the processor's cache."""


class Sigmoid(NamedTuple):
    """The curve ``gain / (1 + exp(-slope (value - centre)))``."""

    gain: float
    slope: float
    centre: float


class Curves(NamedTuple):
    """The sigmoids of strength and of direction."""

    strength: Sigmoid
    direction: Sigmoid


def strips(*gradients: Gradient) -> Iterator[tuple[Gradient, ...]]:
    """Yield the same rows of several gradients, `STRIP` at a time."""
    height = gradients[0].magnitude.shape[0]
    for first in range(0, height, STRIP):
        rows = slice(first, first + STRIP)
        yield tuple(Gradient(magnitude[rows], angle[rows]) for magnitude, angle in gradients)


def agreement(fused: Gradient, source: Gradient) -> tuple[GrayImage, GrayImage]:
    """Compute ``G = min(g_f, g_x) / max(g_f, g_x)`` and ``D``, how parallel the gradients are.

    Args:
        fused: Gradient of the fused image.
        source: Gradient of the source.

    Returns:
        G and D, 0..1: both 0 where one image has no gradient, hence no direction, and both 1 where neither has.
    """
    stronger = np.maximum(fused.magnitude, source.magnitude)
    strength = np.minimum(fused.magnitude, source.magnitude)
    np.divide(strength, stronger, out=strength, where=stronger > 0.0)
    strength[stronger == 0.0] = 1.0

    direction = parallelism(fused, source)
    direction[strength == 0.0] = 0.0
    return strength, direction


def preserved(strength: GrayImage, direction: GrayImage, curves: Curves) -> GrayImage:
    """Compute ``Q``, the product of both sigmoids.

    Args:
        strength: G.
        direction: D, the same shape.
        curves: The sigmoids.

    Returns:
        Q, the same shape.
    """
    denominator = 1.0 + np.exp(-curves.strength.slope * (strength - curves.strength.centre))
    denominator *= 1.0 + np.exp(-curves.direction.slope * (direction - curves.direction.centre))
    return curves.strength.gain * curves.direction.gain / denominator
