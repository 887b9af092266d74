"""The masked contrast of Chen and Blum: what the eye sees of a band of frequencies, for Q_CB."""

import math

import numpy as np

from mmdrfuse.metrics.shared.filters import FrequencyFilter, cycles, spectrum
from mmdrfuse.metrics.shared.triple import NAMES, GrayImage, Triple, Vector, forget
from mmdrfuse.metrics.shared.windows import (
    SPAN,
    WINDOW_ROWS,
    Blocks,
    Taps,
    add_columns,
    add_row,
    blocks,
    copy,
    filter_columns,
    filter_row,
)
from mmdrfuse.system.compiling import compiled

# Chen and Blum 2009: sensitivity is a difference of Gaussians, a wide centre and a surround that is taken off
_CENTRE = 15.3870
_SURROUND = 1.3456
_DEPTH = 0.7622
# their two Gaussians reach so many pixels to either side
_REACH = 15
# so many taps from either end are filtered apart
_OUTER = 7
_FINE_SIGMA = 2.0
_COARSE_SIGMA = 4.0
# Z of their masked contrast
_MASKING = 1e-4


def masked_contrasts(t: Triple, scale: float, tiny: float = 0.0) -> list[GrayImage]:
    """Return the masked contrast of each of a triple's images, ``P = C^3 / (C^2 + 1e-4)``.

    ``C = |g2 * x / g4 * x - 1|`` of the visible part x of an image, g2 and g4 Gaussians, black beyond the border.

    Args:
        t: Images in any unit.
        scale: Cycles an image side that make one cycle per degree.
        tiny: What is added to the denominator; where that is 0, the contrast is 0.

    Returns:
        Of the fused image, the first and the second source, (H, W) each, at least 0.
    """
    visible = FrequencyFilter(_band_pass(t.fused.shape, scale), t.fused.shape)
    fine, coarse = (_gaussian(sigma) for sigma in (_FINE_SIGMA, _COARSE_SIGMA))
    space = blocks(4, 2 * _REACH + 1)
    contrasts = []
    for name in NAMES:
        image = visible(spectrum(t, name))
        forget(t, spectrum, name)
        contrast = np.empty(t.fused.shape)
        _mask_contrasts(image, fine, coarse, tiny, space, contrast)
        contrasts.append(contrast)
    return contrasts


def _band_pass(shape: tuple[int, ...], scale: float) -> GrayImage:
    # of Chen and Blum; a Gaussian of the radius is the product of the axes' Gaussians
    down, across = (np.square(axis / scale) for axis in cycles(shape))
    centre, surround = (np.exp(-down / width**2) * np.exp(-across / width**2) for width in (_CENTRE, _SURROUND))
    return centre - _DEPTH * surround


def _gaussian(sigma: float) -> tuple[Taps, Taps]:
    # cut off at `_REACH` without making up for what is lost, as published: the contrast of a flat region is not 0;
    # the outer and the inner taps, because the compiler keeps no more than those in registers
    offsets = np.arange(_REACH, -1, -1)
    taps = (np.exp(-(offsets**2) / (2.0 * sigma**2)) / (math.sqrt(2.0 * math.pi) * sigma)).tolist()
    return tuple(taps[:_OUTER]), tuple(taps[_OUTER:])


@compiled()
def _mask_contrasts(
    visible: GrayImage, fine: tuple[Taps, Taps], coarse: tuple[Taps, Taps], tiny: float, space: Blocks, out: GrayImage
) -> None:
    height, width = visible.shape
    for y in range(0, height, WINDOW_ROWS):
        rows = min(WINDOW_ROWS, height - y)
        filled = slice(0, rows * SPAN)
        for x in range(0, width, SPAN - 2 * _REACH):
            columns = min(SPAN - 2 * _REACH, width - x)
            _load(visible, y - _REACH, x - _REACH, rows + 2 * _REACH, space[2])
            for n, taps in enumerate((fine, coarse)):
                _filter(space[2], taps, space[3, filled], space[n, filled])
            for row in range(rows):
                first = row * SPAN
                last = first + columns
                _mask(space[0, first:last], space[1, first:last], tiny, out[y + row, x : x + columns])


@compiled()
def _load(image: GrayImage, top: int, left: int, rows: int, out: Vector) -> None:
    # rows of a block, black beyond the image's border
    height, width = image.shape
    first = max(-left, 0)
    last = min(SPAN, width - left)
    for row in range(rows):
        line = out[row * SPAN : (row + 1) * SPAN]
        if 0 <= top + row < height:
            line[:first] = 0.0
            copy(image[top + row, left + first : left + last], line[first:])
            line[last:] = 0.0
        else:
            line[:] = 0.0


@compiled()
def _filter(pixels: Vector, taps: tuple[Taps, Taps], filtered: Vector, out: Vector) -> None:
    outer, inner = taps
    filter_columns(pixels[_OUTER * SPAN :], inner, filtered)
    add_columns(pixels, outer, 2 * _REACH, filtered)
    filter_row(filtered[_OUTER:], inner, out[: out.size - 2 * _REACH])
    add_row(filtered, outer, 2 * _REACH, out[: out.size - 2 * _REACH])


@compiled()
def _mask(fine: Vector, coarse: Vector, tiny: float, out: Vector) -> None:
    for x in range(out.size):
        surround = coarse[x] + tiny
        contrast = abs((fine[x] / surround if surround != 0.0 else 1.0) - 1.0)
        out[x] = contrast**3 / (contrast**2 + _MASKING)
