"""Preservation of a source's edges after Xydeas and Petrovic, shared by Qabf, QG, Nabf, Labf.

At each pixel the gradient of the fused image is compared with the source's in strength (`G`) and in direction (`D`).
Two sigmoids turn the comparison into a share `Q` of the source's edge that is preserved.
"""

import math
from typing import NamedTuple

from mmdrfuse.metrics.shared.elementary import exponential, steepness
from mmdrfuse.system.compiling import compiled


class Sigmoid(NamedTuple):
    """The curve ``gain / (1 + exp(-slope (value - centre)))``."""

    gain: float
    slope: float
    centre: float


class Curves(NamedTuple):
    """The sigmoids of strength and of direction."""

    strength: Sigmoid
    direction: Sigmoid


@compiled()
def ratio(x: float, y: float) -> float:
    """Compute ``G = min(x, y) / max(x, y)`` of two strengths; 1 where both are 0, NaN where one is NaN."""
    # not `min` and `max`: numba's drop a NaN
    smaller = x if x < y else y
    larger = y if x < y else x
    return 1.0 if x == y else smaller / larger


@compiled(fastmath={"contract"})
def turn(across: float, down: float, other_across: float, other_down: float) -> float:
    """Compute the difference of the angles of two gradients, 0..pi.

    An angle is in (-pi/2, pi/2], and pi/2 wherever the x-derivative is 0, also where there is no gradient.
    """
    down = 1.0 if across == 0.0 else down
    other_down = 1.0 if other_across == 0.0 else other_down
    along = across * other_across + down * other_down
    aside = across * other_down - down * other_across
    angle = steepness(abs(aside), abs(along))
    # half a turn of either gradient changes the sign of `along` but not its angle
    obtuse = (along < 0.0) ^ (across < 0.0) ^ (other_across < 0.0)
    return math.pi - angle if obtuse else angle


@compiled()
def parallelism(angle: float) -> float:
    """Compute ``D = (2/pi) | angle - pi/2 |``, how parallel two gradients are whose angles differ so much: 0..1."""
    return abs(angle - math.pi / 2.0) * (2.0 / math.pi)


@compiled(fastmath={"contract"})
def preserved(strength: float, direction: float, curves: Curves) -> float:
    """Compute ``Q``, the product of both sigmoids.

    Args:
        strength: G.
        direction: D.
        curves: The sigmoids.
    """
    rise = 1.0 + exponential(-curves.strength.slope * (strength - curves.strength.centre))
    turned = 1.0 + exponential(-curves.direction.slope * (direction - curves.direction.centre))
    return curves.strength.gain * curves.direction.gain / (rise * turned)
