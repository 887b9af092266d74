"""Edge transfer: Qabf, Nabf, Labf and QG, readings of one idea by Xydeas and Petrovic.

At each pixel the gradient of the fused image is compared with each source's in strength (`G`) and direction (`D`). Two
sigmoids turn the comparison into a share `Q` of the source's edge that is kept, and the source's own strength says how
much that pixel matters.
"""

from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.gradients import Edges, edges, sobel
from mmdrfuse.metrics.shared.triple import Plane, Triple, once


class Sigmoid(NamedTuple):
    """The curve ``gain / (1 + exp(-slope (value - centre)))``."""

    gain: float
    slope: float
    centre: float


# For strength and direction: Hong 2007 after Xydeas and Petrovic 2000; Petrovic and Xydeas 2005 in Kumar's program of
# 2013, which takes the root of the product; Liu et al. 2012
HONG = (Sigmoid(0.9994, 15.0, 0.5), Sigmoid(0.9879, 22.0, 0.8))
KUMAR = (Sigmoid(0.9999, 19.0, 0.5), Sigmoid(0.9995, 22.0, 0.5))
LIU = (Sigmoid(1.0, 10.0, 0.5), Sigmoid(1.0, 20.0, 0.75))
# Kumar: gradients below 2 (Sobel over 8) hardly count
FAINT, FAINT_WEIGHT = 2.0, 0.001
# Liu: what stands for a derivative or a gradient of 0
NEARLY_ZERO = 1e-5
# Rows that are worked on together, so that what a dozen array operations pass on stays in the processor's cache
STRIP = 64


class Balance(NamedTuple):
    """Where the sources' edges went, as shares of their sum, which is 1."""

    kept: float
    lost: float
    added: float


def qabf(t: Triple, *, wrapped: bool = True, tie_gain: float = 0.0, peak: float = 255.0) -> float:
    """Share of the sources' edges that the fused image keeps, ``sum(Q_a g_a + Q_b g_b) / sum(g_a + g_b)``.

    Gradients by Sobel with black beyond the border; ``G = min(g_f, g_x) / max(g_f, g_x)``;
    ``D = (2/pi) | |angle_x - angle_f| - pi/2 |``;
    ``Q = 0.9994 / (1 + exp(-15 (G - 0.5))) * 0.9879 / (1 + exp(-22 (D - 0.8)))``.
    Where the fused image has no gradient it has no direction either, and D is 0.

    Args:
        t: Images 0..255.
        wrapped: Take angles half a turn apart for one direction. Otherwise ``D = 1 - |angle_x - angle_f| / (pi/2)``,
            down to -1, with the angle pi/2 where there is no gradient: an error of published programs.
        tie_gain: Where both gradients are equally strong, G is this times that strength: an error of published
            programs. 0 for the right answer, 1.
        peak: The value that 255 stands for, which matters together with `tie_gain`.

    Returns:
        0..0.9748; the upper end where the fused image equals both sources, or neither source has an edge.

    References:
        Xydeas, Petrovic, "Objective image fusion performance measure", Electronics Letters, 2000. Constants: Hong's
        program of 2007.
    """
    return _kept_share(t, HONG, wrapped, tie_gain, peak)


def qg(t: Triple, *, per_pixel: bool = False) -> float:
    """Share of the sources' edges that the fused image keeps, with the constants of Liu et al.

    As `qabf`, with ``Q = 1 / (1 + exp(-10 (G - 0.5))) * 1 / (1 + exp(-20 (D - 0.75)))``.

    Args:
        t: Images 0..255.
        per_pixel: Give the mean over the pixels of ``(Q_a g_a + Q_b g_b) / (g_a + g_b)``, with 1e-5 for derivatives
            and gradients of 0, as Liu's program does, not the ratio of the sums, as the papers say.

    Returns:
        0..0.9867; the upper end where the fused image equals both sources, or neither source has an edge.

    References:
        Xydeas, Petrovic, "Objective image fusion performance measure", Electronics Letters, 2000. Constants: Liu,
        Blasch, Xue, Zhao, Laganière, Wu, "Objective assessment of multiresolution image fusion algorithms for context
        enhancement in night vision", IEEE Trans. PAMI, 2012.
    """
    if not per_pixel:
        return _kept_share(t, LIU, True, 0.0, 255.0)
    fused = _mended_edges(t.fused)
    share_a, weight_a = _mended_share(_mended_edges(t.a), fused)
    share_b, weight_b = _mended_share(_mended_edges(t.b), fused)
    return float(np.mean((share_a * weight_a + share_b * weight_b) / (weight_a + weight_b)))


def nabf(t: Triple, *, directed: bool = False, fused: Literal["fused", "a"] = "fused") -> float:
    """Edges that the fused image has and neither source has as strong: Kumar's share of artefacts.

    The sum of ``(1 - Q_a) w_a + (1 - Q_b) w_b`` where ``g_f > max(g_a, g_b)``, over the sum of all weights. Gradients
    by Sobel over 8, the image mirrored beyond its border; ``w = g^1.5`` from g = 2 up, 0.001 below; G and D as for
    `qabf`, but both 0 where one image has no gradient and both 1 where neither has;
    ``Q = sqrt(0.9999 / (1 + exp(-19 (G - 0.5))) * 0.9995 / (1 + exp(-22 (D - 0.5))))``.

    Args:
        t: Images 0..255.
        directed: G = 0 where either image has no gradient, and D as if that gradient pointed up, as Kumar's program
            has it. The score then changes a little when the images are transposed.
        fused: Which image to score as the fused one, the other two being its sources. ``"a"`` is an error of a
            published program, which hands its images over in the wrong order.

    Returns:
        0..1, lower is better; about 0 where the fused image equals both sources.

    References:
        Petrovic, Xydeas, "Objective image fusion performance characterisation", ICCV, 2005. Shreyamsha Kumar,
        "Multifocus and multispectral image fusion based on pixel significance using discrete cosine harmonic wavelet
        transform", Signal, Image and Video Processing, 2013.
    """
    return _balance(t, directed, fused).added


def labf(t: Triple) -> float:
    """Edges of the sources that the fused image has lost: Kumar's share of loss.

    As `nabf`, summed where ``g_f <= max(g_a, g_b)``.

    Args:
        t: Images 0..255.

    Returns:
        0..1, lower is better; about 0 where the fused image equals both sources.

    References:
        As `nabf`.
    """
    return _balance(t, False, "fused").lost


def _kept_share(t: Triple, curves: tuple[Sigmoid, Sigmoid], wrapped: bool, tie_gain: float, peak: float) -> float:
    kept = total = 0.0
    for name in ("a", "b"):
        for fused, source in _strips(*(edges(t, image, border="zero", peak=peak) for image in ("fused", name))):
            strength, direction = _agreement(fused, source)
            if not wrapped:
                direction = 1.0 - np.abs(fused.angle - source.angle) / (np.pi / 2)
            if tie_gain:
                np.multiply(fused.magnitude, tie_gain, out=strength, where=fused.magnitude == source.magnitude)
            kept += float((_quality(strength, direction, curves) * source.magnitude).sum())
            total += float(source.magnitude.sum())
    return kept / total if total > 0.0 else float(_quality(np.ones(1), np.ones(1), curves)[0])


@once
def _balance(t: Triple, directed: bool, fused: str) -> Balance:
    sources = ("a", "b") if fused == "fused" else ("b", "fused")
    kept = lost = added = 0.0
    for result, *originals in _strips(*(edges(t, name, border="reflect") for name in (fused, *sources))):
        missed, weights = np.zeros_like(result.magnitude), np.zeros_like(result.magnitude)
        for source in originals:
            strength, direction = _agreement(result, source)
            if directed:
                strength[source.magnitude == 0.0] = 0.0
                direction = _parallelism(result, source)
            strong = source.magnitude / 8.0
            weight = np.where(strong >= FAINT, strong * np.sqrt(strong), FAINT_WEIGHT)
            missed += (1.0 - np.sqrt(_quality(strength, direction, KUMAR))) * weight
            weights += weight
        stronger = result.magnitude > np.maximum(originals[0].magnitude, originals[1].magnitude)
        added += float(missed[stronger].sum())
        lost += float(missed[~stronger].sum())
        kept += float((weights - missed).sum())
    total = kept + lost + added
    return Balance(kept / total, lost / total, added / total)


def _strips(*gradients: Edges) -> Iterator[tuple[Edges, ...]]:
    for first in range(0, gradients[0].magnitude.shape[0], STRIP):
        rows = slice(first, first + STRIP)
        yield tuple(Edges(magnitude[rows], angle[rows]) for magnitude, angle in gradients)


def _agreement(fused: Edges, source: Edges) -> tuple[Plane, Plane]:
    # G and D, both 0 where one image has no gradient, hence no direction, and 1 where neither has
    strongest = np.maximum(fused.magnitude, source.magnitude)
    strength = np.minimum(fused.magnitude, source.magnitude)
    np.divide(strength, strongest, out=strength, where=strongest > 0.0)
    strength[strongest == 0.0] = 1.0
    direction = _parallelism(fused, source)
    direction[strength == 0.0] = 0.0
    return strength, direction


def _parallelism(fused: Edges, source: Edges) -> Plane:
    turned = fused.angle - source.angle
    np.abs(turned, out=turned)
    turned -= np.pi / 2
    np.abs(turned, out=turned)
    turned /= np.pi / 2
    return turned


def _quality(strength: Plane, direction: Plane, curves: tuple[Sigmoid, Sigmoid]) -> Plane:
    of_strength, of_direction = curves
    under = 1.0 + np.exp(-of_strength.slope * (strength - of_strength.centre))
    under *= 1.0 + np.exp(-of_direction.slope * (direction - of_direction.centre))
    return of_strength.gain * of_direction.gain / under


def _mended_edges(image: Plane) -> Edges:
    # the signs of both derivatives decide on which side of 0 the mended ones fall: here as by correlation
    across, down = (-derivative for derivative in sobel(image, border="zero"))
    return Edges(np.sqrt(across**2 + down**2), np.arctan(down / _mended(across)))


def _mended_share(source: Edges, fused: Edges) -> tuple[Plane, Plane]:
    # share of the source's edge that is kept, and the source's mended gradient
    g_x, g_f = _mended(source.magnitude), _mended(fused.magnitude)
    strength = np.where(source.magnitude > fused.magnitude, g_f / g_x, g_x / g_f)
    return _quality(strength, _parallelism(fused, source), LIU), g_x


def _mended(values: Plane) -> Plane:
    return np.where(values == 0.0, NEARLY_ZERO, values)


_UNWRAPPED = "no wrap-around of angles; where gradients tie, the gradient counts as their ratio"

ROWS = (
    Metric(
        name="Qabf",
        title="share of the sources' edges kept",
        higher_is_better=True,
        range=(0.0, 0.975),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000",
        protocols={
            "standard": Rule(qabf),
            **same("cddfuse tang", Rule(partial(qabf, wrapped=False, tie_gain=1.0), _UNWRAPPED, bug=True)),
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
        title="share of the sources' edges kept, constants of Liu",
        higher_is_better=True,
        range=(0.0, 0.987),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000; Liu et al., IEEE TPAMI 2012",
        protocols={"standard": Rule(qg), "liu": Rule(partial(qg, per_pixel=True), "mean of the ratios of the pixels")},
    ),
)
