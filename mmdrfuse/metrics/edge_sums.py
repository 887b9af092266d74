"""Sums over the edges of a triple for Qabf, QG, Nabf and Labf, in one pass over its rows."""

import math

import numpy as np

from mmdrfuse.metrics.shared.edges import Curves, Sigmoid, parallelism, preserved, ratio, turn
from mmdrfuse.metrics.shared.gradients import Rows, length, load_rows, sobel_at
from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled, summing

HONG = Curves(Sigmoid(0.9994, 15.0, 0.5), Sigmoid(0.9879, 22.0, 0.8))
"""Hong's program of 2007, after Xydeas and Petrovic 2000."""

KUMAR = Curves(Sigmoid(0.9999, 19.0, 0.5), Sigmoid(0.9995, 22.0, 0.5))
"""Petrovic and Xydeas 2005 in Kumar's program of 2013, which takes the root of the product."""

LIU = Curves(Sigmoid(1.0, 10.0, 0.5), Sigmoid(1.0, 20.0, 0.75))
"""Liu et al. 2012."""

FAINT = 2.0
"""Kumar: gradients below it (Sobel over 8) hardly count."""

NEARLY_ZERO = 1e-5
"""Liu: what stands for a derivative or a gradient of 0."""


@compiled()
def add_kept(
    fused: GrayImage, a: GrayImage, b: GrayImage, border: int, wrapped: bool, tie_gain: float, sums: Vector
) -> None:
    """Sum the edges of both sources, and what the fused image preserves of them.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        border: What lies beyond the border.
        wrapped: Take angles half a turn apart for one direction.
        tie_gain: What a gradient is multiplied with to replace G where both are equally strong; 0 keeps 1.
        sums: Result, (3,), added to: what is preserved with the constants of Hong, with Liu's, and all edges.
    """
    rows = np.empty((9, fused.shape[1] + 2))
    for y in range(fused.shape[0]):
        _load_rows(fused, a, b, y, border, rows)
        for n, part in enumerate(_kept(rows, wrapped, tie_gain)):
            sums[n] += part


@compiled()
def add_edges(
    fused: GrayImage, a: GrayImage, b: GrayImage, border: int, directed: bool, faint: float, sums: Vector
) -> None:
    """Sum Kumar's weights of the edges.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        border: What lies beyond the border.
        directed: G = 0 where a source has no gradient, and D as if a missing gradient pointed up.
        faint: The weight of a faint gradient.
        sums: Result, (3,), added to: of the edges that are preserved, lost and added.
    """
    rows = np.empty((9, fused.shape[1] + 2))
    for y in range(fused.shape[0]):
        _load_rows(fused, a, b, y, border, rows)
        for n, part in enumerate(_edges(rows, directed, faint)):
            sums[n] += part


@compiled()
def sum_of_ratios(fused: GrayImage, a: GrayImage, b: GrayImage, border: int) -> float:
    """Return the sum over the pixels of the share of both sources' edges that is preserved, as Liu's program has it."""
    rows = np.empty((9, fused.shape[1] + 2))
    total = 0.0
    for y in range(fused.shape[0]):
        _load_rows(fused, a, b, y, border, rows)
        total += _ratios(rows)
    return total


@compiled()
def _load_rows(fused: GrayImage, a: GrayImage, b: GrayImage, y: int, border: int, rows: Rows) -> None:
    # three rows of each image around one
    for first, image in ((0, fused), (3, a), (6, b)):
        load_rows(image, y, border, rows, first)


@summing
def _kept(rows: Rows, wrapped: bool, tie_gain: float) -> tuple[float, float, float]:
    # sums of both sources' edges that are preserved, with the constants of Hong and with Liu's, and of all their edges
    by_hong = by_liu = total = 0.0
    for x in range(rows.shape[1] - 2):
        f_across, f_down = sobel_at(rows, 0, x)
        g_f = length(f_across, f_down)
        for first in (3, 6):
            across, down = sobel_at(rows, first, x)
            g = length(across, down)
            strength = ratio(g_f, g)
            strength = tie_gain * g_f if tie_gain != 0.0 and g == g_f else strength
            angle = turn(f_across, f_down, across, down)
            direction = parallelism(angle) if strength != 0.0 else 0.0
            direction = direction if wrapped else 1.0 - angle / (math.pi / 2.0)
            by_hong += preserved(strength, direction, HONG) * g
            by_liu += preserved(strength, direction, LIU) * g
            total += g
    return by_hong, by_liu, total


@summing
def _edges(rows: Rows, directed: bool, faint: float) -> tuple[float, float, float]:
    # weights of the edges that are preserved, lost and added
    kept = lost = added = 0.0
    for x in range(rows.shape[1] - 2):
        f_across, f_down = sobel_at(rows, 0, x)
        g_f = length(f_across, f_down)
        strongest = missed = weights = 0.0
        for first in (3, 6):
            across, down = sobel_at(rows, first, x)
            g = length(across, down)
            strength = ratio(g_f, g)
            direction = parallelism(turn(f_across, f_down, across, down))
            direction = direction if directed or strength != 0.0 else 0.0
            strength = 0.0 if directed and g == 0.0 else strength
            scaled = g / 8.0
            weight = scaled * math.sqrt(scaled) if scaled >= FAINT else faint
            missed += (1.0 - math.sqrt(preserved(strength, direction, KUMAR))) * weight
            weights += weight
            strongest = max(strongest, g)

        stronger = g_f > strongest
        added += missed if stronger else 0.0
        lost += 0.0 if stronger else missed
        kept += weights - missed
    return kept, lost, added


@summing
def _ratios(rows: Rows) -> float:
    # sum of the pixels' shares, with a small number for derivatives and gradients of 0
    total = 0.0
    for x in range(rows.shape[1] - 2):
        f_across, f_down = sobel_at(rows, 0, x)
        length_f = length(f_across, f_down)
        g_f = _nonzero(length_f)
        kept = weights = 0.0
        for first in (3, 6):
            across, down = sobel_at(rows, first, x)
            length_x = length(across, down)
            g = _nonzero(length_x)
            # which one is stronger is decided before zeros are replaced
            strength = g_f / g if length_x > length_f else g / g_f
            # the sign of the other derivative decides the side of 0: here both are as by correlation
            angle = turn(_nonzero(-f_across), -f_down, _nonzero(-across), -down)
            kept += preserved(strength, parallelism(angle), LIU) * g
            weights += g
        total += kept / weights
    return total


@compiled()
def _nonzero(value: float) -> float:
    return NEARLY_ZERO if value == 0.0 else value
