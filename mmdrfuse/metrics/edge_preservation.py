"""Edge preservation: Qabf, QG, and Kumar's Nabf and Labf, which also count the edges that are added and lost.

All four compare gradients pixel by pixel, see `mmdrfuse.metrics.shared.edges`; the source's own strength says how much
a pixel matters.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.edge_sums import HONG, LIU, add_edges, add_kept, sum_of_ratios
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.edges import preserved
from mmdrfuse.metrics.shared.gradients import REFLECT, ZERO
from mmdrfuse.metrics.shared.triple import SOURCES, ImageName, Triple, once

FAINT_WEIGHT = 0.001
"""Kumar: what gradients of less than 2 (Sobel over 8) count: hardly anything."""


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
    return sum_of_ratios(*t.images, ZERO) / t.fused.size


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
    add_kept(fused, a, b, ZERO, wrapped, tie_gain, sums)
    by_hong, by_liu, total = sums.tolist()
    if total > 0.0:
        return by_hong / total, by_liu / total
    return preserved(1.0, 1.0, HONG), preserved(1.0, 1.0, LIU)


@once
def _edge_shares(t: Triple, directed: bool, fused_name: ImageName, faint_weight: float) -> EdgeShares:
    first, second = SOURCES if fused_name == "fused" else ("b", "fused")
    sums = np.zeros(3)
    add_edges(t.image(fused_name), t.image(first), t.image(second), REFLECT, directed, faint_weight, sums)
    total = float(sums.sum())
    if total == 0.0:
        return EdgeShares(math.nan, math.nan, math.nan)
    return EdgeShares._make((sums / total).tolist())


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
