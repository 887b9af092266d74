"""Edge preservation: Qabf, QG, and Kumar's Nabf and Labf, which also count the edges that are added and lost.

All four compare gradients pixel by pixel, see `mmdrfuse.metrics.shared.edges`; the source's own strength says how much
a pixel matters.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.edges import Curves, Sigmoid, parallelism, preserved, ratio, turn
from mmdrfuse.metrics.shared.gradients import REFLECT, ZERO, Rows, length, load_rows, sobel_at
from mmdrfuse.metrics.shared.triple import SOURCES, GrayImage, ImageName, Triple, Vector, once
from mmdrfuse.system.compiling import compiled, summing

HONG = Curves(Sigmoid(0.9994, 15.0, 0.5), Sigmoid(0.9879, 22.0, 0.8))
"""Hong's program of 2007, after Xydeas and Petrovic 2000."""

KUMAR = Curves(Sigmoid(0.9999, 19.0, 0.5), Sigmoid(0.9995, 22.0, 0.5))
"""Petrovic and Xydeas 2005 in Kumar's program of 2013, which takes the root of the product."""

LIU = Curves(Sigmoid(1.0, 10.0, 0.5), Sigmoid(1.0, 20.0, 0.75))
"""Liu et al. 2012."""

FAINT = 2.0
FAINT_WEIGHT = 0.001
"""Kumar: gradients below `FAINT` (Sobel over 8) hardly count."""

NEARLY_ZERO = 1e-5
"""Liu: what stands for a derivative or a gradient of 0."""


class EdgeShares(NamedTuple):
    """Shares of the edges of all images, of sum 1."""

    preserved: float
    lost: float
    added: float


def qabf(t: Triple, *, wrapped: bool = True, tie_gain: float = 0.0, peak: float = 255.0) -> float:
    """Compute the share of the sources' edges that the fused image keeps, ``sum(Q_a g_a + Q_b g_b) / sum(g_a + g_b)``.

    Gradients by Sobel with black beyond the border; ``G = min(g_f, g_x) / max(g_f, g_x)``;
    ``D = (2/pi) | |angle_x - angle_f| - pi/2 |``;
    ``Q = 0.9994 / (1 + exp(-15 (G - 0.5))) * 0.9879 / (1 + exp(-22 (D - 0.8)))``.
    Where the fused image has no gradient it has no direction either, and D is 0.

    Args:
        t: Images 0..255.
        wrapped: Take angles half a turn apart for one direction. Otherwise ``D = 1 - |angle_x - angle_f| / (pi/2)``,
            down to -1, with the angle pi/2 where there is no gradient: an error of published programs.
        tie_gain: Where both gradients are equally strong, G is this times that strength: an error of published
            programs. The correct value is 1.
        peak: The value that 255 stands for, which matters together with `tie_gain`.

    Returns:
        0..0.9748, higher is better; the upper end where the fused image equals both sources, or neither source has an
        edge.

    References:
        Xydeas, Petrovic, "Objective image fusion performance measure", Electronics Letters, 2000. Constants: Hong's
        program of 2007.
    """
    share, _ = _kept_shares(t, wrapped, tie_gain, peak)
    return share


def qg(t: Triple, *, per_pixel: bool = False) -> float:
    """Compute the share of the sources' edges that the fused image keeps, with the constants of Liu et al.

    As `qabf`, with ``Q = 1 / (1 + exp(-10 (G - 0.5))) * 1 / (1 + exp(-20 (D - 0.75)))``.

    Args:
        t: Images 0..255.
        per_pixel: Return the mean over the pixels of ``(Q_a g_a + Q_b g_b) / (g_a + g_b)``, with 1e-5 for derivatives
            and gradients of 0, as Liu's program does, not the ratio of the sums, as the papers say.

    Returns:
        0..0.9867, higher is better; the upper end where the fused image equals both sources, or neither source has an
        edge.

    References:
        Xydeas, Petrovic, "Objective image fusion performance measure", Electronics Letters, 2000. Constants: Liu,
        Blasch, Xue, Zhao, Laganière, Wu, "Objective assessment of multiresolution image fusion algorithms for context
        enhancement in night vision", IEEE Trans. PAMI, 2012.
    """
    if not per_pixel:
        _, share = _kept_shares(t, True, 0.0, 255.0)
        return share
    return _sum_of_ratios(*t.images, LIU) / t.fused.size


def nabf(t: Triple, *, directed: bool = False, fused: ImageName = "fused", faint_weight: float = FAINT_WEIGHT) -> float:
    """Compute the share of edges that the fused image has and neither source has as strong: Kumar's artefacts.

    The sum of ``(1 - Q_a) w_a + (1 - Q_b) w_b`` where ``g_f > max(g_a, g_b)``, over the sum of all weights. Gradients
    by Sobel over 8, the image mirrored beyond its border; ``w = g^1.5`` from g = 2 up, 0.001 below; G and D as for
    `qabf`, but both 0 where one image has no gradient and both 1 where neither has;
    ``Q = sqrt(0.9999 / (1 + exp(-19 (G - 0.5))) * 0.9995 / (1 + exp(-22 (D - 0.5))))``.

    Args:
        t: Images 0..255.
        directed: G = 0 where either image has no gradient, and D as if that gradient pointed up, as Kumar's program
            has it. The score then changes a little when the images are transposed.
        fused: Which image to score as the fused one, the other two being its sources. Anything but the fused image is
            an error of a published program, which takes its images in the wrong order.
        faint_weight: w below g = 2.

    Returns:
        0..1, lower is better; about 0 where the fused image equals both sources; NaN where no gradient counts.

    References:
        Petrovic, Xydeas, "Objective image fusion performance characterisation", ICCV, 2005. Shreyamsha Kumar,
        "Multifocus and multispectral image fusion based on pixel significance using discrete cosine harmonic wavelet
        transform", Signal, Image and Video Processing, 2013.
    """
    return _edge_shares(t, directed, fused, faint_weight).added


def labf(t: Triple) -> float:
    """Compute the share of the sources' edges that the fused image has lost: Kumar's loss.

    As `nabf`, summed where ``g_f <= max(g_a, g_b)``.

    Args:
        t: Images 0..255.

    Returns:
        0..1, lower is better; about 0 where the fused image equals both sources.

    References:
        As `nabf`.
    """
    return _edge_shares(t, False, "fused", FAINT_WEIGHT).lost


@once
def _kept_shares(t: Triple, wrapped: bool, tie_gain: float, peak: float) -> tuple[float, float]:
    # with the constants of Hong, and with Liu's
    fused, a, b = t.images if peak == 255.0 else (image / 255.0 * peak for image in t.images)
    sums = np.zeros(3)
    _add_kept(fused, a, b, wrapped, tie_gain, sums)
    by_hong, by_liu, total = sums.tolist()
    if total > 0.0:
        return by_hong / total, by_liu / total
    return preserved(1.0, 1.0, HONG), preserved(1.0, 1.0, LIU)


@once
def _edge_shares(t: Triple, directed: bool, fused_name: ImageName, faint_weight: float) -> EdgeShares:
    first, second = SOURCES if fused_name == "fused" else ("b", "fused")
    sums = np.zeros(3)
    _add_edges(t.image(fused_name), t.image(first), t.image(second), directed, faint_weight, sums)
    total = float(sums.sum())
    if total == 0.0:
        return EdgeShares(math.nan, math.nan, math.nan)
    return EdgeShares._make((sums / total).tolist())


@compiled()
def _add_kept(fused: GrayImage, a: GrayImage, b: GrayImage, wrapped: bool, tie_gain: float, sums: Vector) -> None:
    rows = np.empty((9, fused.shape[1] + 2))
    for y in range(fused.shape[0]):
        for first, image in ((0, fused), (3, a), (6, b)):
            load_rows(image, y, ZERO, rows, first)
        for n, part in enumerate(_kept(rows, wrapped, tie_gain)):
            sums[n] += part


@compiled()
def _add_edges(fused: GrayImage, a: GrayImage, b: GrayImage, directed: bool, faint: float, sums: Vector) -> None:
    rows = np.empty((9, fused.shape[1] + 2))
    for y in range(fused.shape[0]):
        for first, image in ((0, fused), (3, a), (6, b)):
            load_rows(image, y, REFLECT, rows, first)
        for n, part in enumerate(_edges(rows, directed, faint)):
            sums[n] += part


@compiled()
def _sum_of_ratios(fused: GrayImage, a: GrayImage, b: GrayImage, curves: Curves) -> float:
    rows = np.empty((9, fused.shape[1] + 2))
    total = 0.0
    for y in range(fused.shape[0]):
        for first, image in ((0, fused), (3, a), (6, b)):
            load_rows(image, y, ZERO, rows, first)
        total += _ratios(rows, curves)
    return total


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
def _ratios(rows: Rows, curves: Curves) -> float:
    # sum of the pixels' shares, with a small number for derivatives and gradients of 0
    total = 0.0
    for x in range(rows.shape[1] - 2):
        f_across, f_down = sobel_at(rows, 0, x)
        g_f = _nonzero(length(f_across, f_down))
        kept = weights = 0.0
        for first in (3, 6):
            across, down = sobel_at(rows, first, x)
            g = _nonzero(length(across, down))
            # the sign of the other derivative decides the side of 0: here both are as by correlation
            angle = turn(_nonzero(-f_across), -f_down, _nonzero(-across), -down)
            kept += preserved(ratio(g_f, g), parallelism(angle), curves) * g
            weights += g
        total += kept / weights
    return total


@compiled()
def _nonzero(value: float) -> float:
    return NEARLY_ZERO if value == 0.0 else value


_UNWRAPPED = "no wrap-around of angles; where gradients tie, the gradient counts as their ratio"

ROWS = (
    Metric(
        name="Qabf",
        title="share of the sources' edges preserved",
        higher_is_better=True,
        range=(0.0, 0.975),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000",
        protocols={
            "standard": Rule(qabf),
            **same("cddfuse tang zoo", Rule(partial(qabf, wrapped=False, tie_gain=1.0), _UNWRAPPED, bug=True)),
            "vifb": Rule(partial(qabf, wrapped=False, tie_gain=255.0), _UNWRAPPED, bug=True),
            "tang-table": Rule(
                partial(qabf, wrapped=False, tie_gain=1.0, peak=1.0), "as tang, on images in 0..1", bug=True
            ),
        },
    ),
    Metric(
        name="Nabf",
        title="share of edges that no source has",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={
            "standard": Rule(nabf),
            "tang": Rule(
                partial(nabf, directed=True, fused="a"),
                "scores the first source, with the fused image as one of its sources",
                bug=True,
            ),
            "zoo": Rule(partial(nabf, directed=True, faint_weight=0.0), "faint gradients do not count"),
        },
    ),
    Metric(
        name="Nabf_std_order",
        title="Nabf by the program of tang, its images in the right order",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={"tang": Rule(partial(nabf, directed=True))},
    ),
    Metric(
        name="Labf",
        title="share of the sources' edges lost",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={"standard": Rule(labf)},
    ),
    Metric(
        name="QG",
        title="share of the sources' edges preserved, constants of Liu",
        higher_is_better=True,
        range=(0.0, 0.987),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000; Liu et al., IEEE TPAMI 2012",
        protocols={"standard": Rule(qg), "liu": Rule(partial(qg, per_pixel=True), "mean of the ratios of the pixels")},
    ),
)
