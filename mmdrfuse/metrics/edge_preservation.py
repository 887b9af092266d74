"""Edge preservation: Qabf, QG, and Kumar's Nabf and Labf, which also count the edges that are added and lost.

All four compare gradients pixel by pixel, see `mmdrfuse.metrics.shared.edges`; the source's own strength says how much
a pixel matters.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.edges import Curves, Sigmoid, agreement, preserved, strips
from mmdrfuse.metrics.shared.gradients import Gradient, gradient, parallelism, sobel
from mmdrfuse.metrics.shared.triple import SOURCES, GrayImage, ImageName, Triple, once

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
    return _kept_share(t, HONG, wrapped, tie_gain, peak)


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
        return _kept_share(t, LIU, True, 0.0, 255.0)

    fused = _gradient_without_zeros(t.fused)
    share_a, weight_a = _share_without_zeros(_gradient_without_zeros(t.a), fused)
    share_b, weight_b = _share_without_zeros(_gradient_without_zeros(t.b), fused)
    return float(np.mean((share_a * weight_a + share_b * weight_b) / (weight_a + weight_b)))


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


def _kept_share(t: Triple, curves: Curves, wrapped: bool, tie_gain: float, peak: float) -> float:
    preserved_sum = total = 0.0
    gradient_fused = gradient(t, "fused", border="zero", peak=peak)
    for name in SOURCES:
        for fused, source in strips(gradient_fused, gradient(t, name, border="zero", peak=peak)):
            strength, direction = agreement(fused, source)
            if not wrapped:
                direction = 1.0 - np.abs(fused.angle - source.angle) / (np.pi / 2)
            if tie_gain:
                np.multiply(fused.magnitude, tie_gain, out=strength, where=fused.magnitude == source.magnitude)
            preserved_sum += float((preserved(strength, direction, curves) * source.magnitude).sum())
            total += float(source.magnitude.sum())
    if total > 0.0:
        return preserved_sum / total
    return float(preserved(np.ones(1), np.ones(1), curves)[0])


@once
def _edge_shares(t: Triple, directed: bool, fused_name: ImageName, faint_weight: float) -> EdgeShares:
    others: tuple[ImageName, ...] = SOURCES if fused_name == "fused" else ("b", "fused")
    gradients = [gradient(t, name, border="reflect") for name in (fused_name, *others)]

    preserved_sum = lost = added = 0.0
    for fused, *sources in strips(*gradients):
        missed = np.zeros_like(fused.magnitude)
        weights = np.zeros_like(fused.magnitude)
        for source in sources:
            weight = _kumar_weight(source, faint_weight)
            missed += (1.0 - np.sqrt(_kumar_quality(fused, source, directed))) * weight
            weights += weight

        stronger = fused.magnitude > np.maximum(sources[0].magnitude, sources[1].magnitude)
        added += float(missed[stronger].sum())
        lost += float(missed[~stronger].sum())
        preserved_sum += float((weights - missed).sum())

    total = preserved_sum + lost + added
    if total == 0.0:
        return EdgeShares(math.nan, math.nan, math.nan)
    return EdgeShares(preserved_sum / total, lost / total, added / total)


def _kumar_quality(fused: Gradient, source: Gradient, directed: bool) -> GrayImage:
    strength, direction = agreement(fused, source)
    if directed:
        strength[source.magnitude == 0.0] = 0.0
        direction = parallelism(fused, source)
    return preserved(strength, direction, KUMAR)


def _kumar_weight(source: Gradient, faint: float) -> GrayImage:
    strength = source.magnitude / 8.0
    return np.where(strength >= FAINT, strength * np.sqrt(strength), faint)


def _gradient_without_zeros(image: GrayImage) -> Gradient:
    # where the x-derivative is replaced, the sign of the other decides the side of 0: here both are as by correlation
    across, down = (-derivative for derivative in sobel(image, border="zero"))
    return Gradient(np.sqrt(across**2 + down**2), np.arctan(down / _without_zeros(across)))


def _share_without_zeros(source: Gradient, fused: Gradient) -> tuple[GrayImage, GrayImage]:
    # share of the source's edge that is preserved, and the source's strength
    g_source = _without_zeros(source.magnitude)
    g_fused = _without_zeros(fused.magnitude)
    strength = np.where(source.magnitude > fused.magnitude, g_fused / g_source, g_source / g_fused)
    return preserved(strength, parallelism(fused, source), LIU), g_source


def _without_zeros(values: GrayImage) -> GrayImage:
    return np.where(values == 0.0, NEARLY_ZERO, values)


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
