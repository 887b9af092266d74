"""Target-background contrast TBC: how far targets stand out from what is around them in the fused image.

The targets are the labelled boxes of a triple that has them, otherwise what is hot in the first source.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.histograms import histogram, levels
from mmdrfuse.metrics.shared.triple import Boxes, Triple

HOTTEST = 99.9
"""Percentile of the first source that counts as its hottest level: a few hot pixels do not decide."""
HALF = 0.5
"""Where between median and hottest level a pixel begins to be hot: at half, as widths of peaks are measured."""
LEAST_AREA = 16
"""Pixels of the smallest hot region, 4×4: smaller ones may be noise."""
MARGIN = 20
"""Pixels by which a ring is wider than its target on each side, as Gao et al. take it."""
DARKEST = 1.0
"""Level that a ring at least counts as, so that a black one gives a finite contrast."""

Mask = NDArray[np.bool_]


class _Target(NamedTuple):
    """A target inside the rectangle around it."""

    rows: slice
    columns: slice
    inside: Mask
    """Which pixels of the rectangle are the target's."""


def target_contrast(t: Triple) -> float:
    """Compute Weber's contrast of targets against what is around them in the fused image, ``mean (T - B) / max(B, 1)``.

    T is the mean level of a target and B that of its ring: the rectangle around it, 20 pixels wider on each side,
    without the pixels of any target. The mean is over the targets, each of which counts once.

    The targets are the boxes of the triple, if it has some. Otherwise they are the regions of 16 pixels or more (with 8
    neighbours) in which the first source is above the middle between its median and its 99.9th percentile. So they
    stay the same with another gain or offset of the infrared, and whatever the fused image is.

    Args:
        t: Images 0..255, the first source being the infrared one.

    Returns:
        -1..255, higher is better; below 0 if targets are darker than their rings, and 0 if nothing is a target with a
        ring, as in a constant infrared image.

    References:
        Weber's contrast: Peli, "Contrast in complex images", J. Optical Society of America A, 1990. The ring: Gao,
        Meng, Yang, Wang, Zhou, Hauptmann, "Infrared patch-image model for small target detection in a single image",
        IEEE Trans. Image Processing, 2013. The rule for what is hot is ours.
    """
    targets = _hot_regions(t) if t.boxes is None else _labelled(t.boxes, t.fused.shape)
    anywhere = np.zeros(t.fused.shape, bool)
    for target in targets:
        anywhere[target.rows, target.columns] |= target.inside

    contrasts = []
    for target in targets:
        ring = _wider(target.rows), _wider(target.columns)
        background = t.fused[ring][~anywhere[ring]]
        if background.size:
            level = float(background.mean())
            inside = float(t.fused[target.rows, target.columns][target.inside].mean())
            contrasts.append((inside - level) / max(level, DARKEST))
    return float(np.mean(contrasts)) if contrasts else 0.0


def _hot_regions(t: Triple) -> list[_Target]:
    from scipy.ndimage import find_objects, label

    median = _percentile(t, 50.0)
    hottest = _percentile(t, HOTTEST)
    numbers, _ = label(t.a > median + HALF * (hottest - median), np.ones((3, 3)))
    targets = []
    for number, (rows, columns) in enumerate(find_objects(numbers), 1):
        inside = numbers[rows, columns] == number
        if np.count_nonzero(inside) >= LEAST_AREA:
            targets.append(_Target(rows, columns, inside))
    return targets


def _percentile(t: Triple, percent: float) -> float:
    # of the first source, as NumPy's: only the pixels of the levels around the place are sorted
    place = percent / 100.0 * (t.a.size - 1)
    ranks = np.array([math.floor(place), math.ceil(place)])
    counts = np.cumsum(histogram(t, "a"))
    lowest, highest = np.searchsorted(counts, ranks, side="right").tolist()
    nearest = levels(t, "a")
    near = t.a[(nearest >= lowest) & (nearest <= highest)]
    ranks -= counts[lowest - 1] if lowest else 0
    low, high = np.partition(near, ranks)[ranks]
    return float(low + (high - low) * (place - math.floor(place)))


def _labelled(boxes: Boxes, shape: tuple[int, ...]) -> list[_Target]:
    # the pixels whose centres are in a box
    targets = []
    for x0, y0, x1, y1 in np.rint(boxes).clip(0, [shape[1], shape[0]] * 2).astype(int):
        if x1 > x0 and y1 > y0:
            targets.append(_Target(slice(y0, y1), slice(x0, x1), np.ones((y1 - y0, x1 - x0), bool)))
    return targets


def _wider(extent: slice) -> slice:
    return slice(max(0, extent.start - MARGIN), extent.stop + MARGIN)


ROWS = (
    Metric(
        name="TBC",
        title="Weber contrast of targets: what is hot in the first source, or labelled",
        higher_is_better=True,
        range=(-1.0, 255.0),
        unit="",
        reference="Peli, JOSA A 1990; ring: Gao et al., IEEE TIP 2013",
        protocols={"standard": Rule(target_contrast)},
        infrared_first=True,
    ),
)
