"""Kovesi's log-Gabor filters of four scales and six directions, applied in the frequency domain.

Half of the inverse transform is done here: down the columns, eight at a time. So a response is written and read once
between the two halves, and its filter is never stored.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.elementary import exponential_of_eight
from mmdrfuse.metrics.shared.filters import Spectrum
from mmdrfuse.metrics.shared.fourier import Complex, Plan, Sequences, inverse, roots_of_unity
from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import LANES, add, load, store, transpose

Responses = npt.NDArray[np.float64]
"""(..., bands, scales, 2, W', 8): even and odd parts of responses. A band has eight rows, and holds their values column
by column; W' is W up to the next multiple of 8. What is beyond the image means nothing."""

Indices = npt.NDArray[np.int64]
"""(N,)."""

# phasecong2 of Kovesi: wavelengths in pixels, directions in radians
SCALES = 4
ANGLES = tuple(k * math.pi / 6 for k in range(6))
_SHORTEST_WAVE = 3.0
_SCALE_STEP = 2.1
_BANDWIDTH = 0.55
_DIRECTION_SPREAD = math.pi / 6 / 1.2
# the low-pass filter that cuts the corners of the frequency plane
_CUT = 0.45
_CUT_POWER = 30

# planes of the quadrant's part that eight columns need
_LOG_RADIUS, _DIRECTION, _LOW_PASS = range(3)

_NO_RADIUS = -100.0
"""Stands for the logarithm of 0, where no filter lets anything through."""


class Filters(NamedTuple):
    """The frequency plane: maps over its quadrant, and where each frequency finds its values there."""

    log_radius: GrayImage
    """Logarithm of the radius in cycles per pixel."""

    direction: GrayImage
    """0..pi/2."""

    low_pass: GrayImage
    """0..1."""

    rows: Indices
    """(H,): row of each frequency down in `log_radius` and `direction`."""

    columns: Indices
    """(W,): the same across."""

    low_rows: Indices
    """(H,): row of each frequency in `low_pass`."""

    low_columns: Indices
    """(W,): the same across."""

    turns: Complex
    """(2, H): powers of the H-th root of unity."""

    noise_ratios: Vector
    """(6,): power of white noise in all scales together against that in the finest, for each direction."""


def make_filters(shape: tuple[int, int], published: bool) -> Filters:
    """Return the filters for images of one size."""
    (v, rows, low_rows), (u, columns, low_columns) = (_frequencies(side, published) for side in shape)
    with np.errstate(divide="ignore"):
        log_radius = np.log(np.hypot(u, v[:, None]))
    log_radius[0, 0] = _NO_RADIUS
    direction = np.arctan2(v[:, None], np.broadcast_to(u, log_radius.shape))
    low_v, low_u = (np.arange(side // 2 + 1) / side for side in shape)
    low_pass = 1.0 / (1.0 + (np.hypot(low_u, low_v[:, None]) / _CUT) ** _CUT_POWER)
    if not published:
        low_pass[(low_u == 0.5) | (low_v[:, None] == 0.5)] = 0.0
    turns = roots_of_unity(shape[0])
    filters = Filters(log_radius, direction, low_pass, rows, columns, low_rows, low_columns, turns, np.empty(0))
    return filters._replace(noise_ratios=np.array([_noise_ratio(filters, angle) for angle in ANGLES]))


def _frequencies(side: int, published: bool) -> tuple[Vector, Indices, Indices]:
    # cycles per pixel of the quadrant, and which of them each frequency has, for the log-Gabor and for the low-pass
    # filter
    index = np.arange(side)
    place = np.minimum(index, side - index)
    cycles = np.arange(side // 2 + 1) / side
    if published and side % 2:
        return cycles * side / (side - 1), place, np.roll(place, -1)
    return cycles, place, place


@compiled()
def filter_columns(
    spectrum: Spectrum, filters: Filters, angle: float, field: int, down: Plan, finest: Responses, coarse: Responses
) -> None:
    """Filter an image at all scales of one direction, and transform the result down the columns.

    Args:
        spectrum: Of the image, divided by its number of pixels.
        filters: For images of this size.
        angle: The direction, one of `ANGLES`.
        field: Which rows `coarse` has: all if there is only one field; else the even (0) or the odd ones (1).
        down: Plan of the transforms of one field's columns.
        finest: Result of the finest scale for all fields, (fields, bands, 1, 2, W', 8); only written with field 0.
        coarse: Result of the other scales, (bands, 3, 2, W', 8).
    """
    height = filters.rows.size
    half = filters.log_radius.shape[0]
    fields = finest.shape[0]
    columns = np.empty((2, height, LANES))
    filtered = np.empty((2, height, LANES))
    folded = np.zeros((2, coarse.shape[0] * LANES, LANES))
    angular = np.empty((height, LANES))
    quadrant = np.empty((3, half, LANES))
    radial = np.empty((half, LANES))
    work = np.empty((4, down.twiddles.shape[1], LANES))
    for first in range(0, filters.columns.size, LANES):
        _spectrum_columns(spectrum, first, filters.columns.size, columns)
        _angular_columns(filters, first, 1, angle, quadrant, angular)
        for scale in range(0 if field == 0 else 1, SCALES):
            for v in range(half):
                store(radial, v, _radial(load(quadrant, v), scale))
            for v in range(height):
                transfer = load(radial, filters.rows[v]) * load(angular, v)
                store(filtered, v, load(columns, v) * transfer)
                store(filtered, height + v, load(columns, height + v) * transfer)
            for n in range(0 if scale == 0 else field, fields if scale == 0 else field + 1):
                _fold(filtered, filters.turns, n, fields, folded)
                inverse(down, folded[0], folded[1], work)
                if scale == 0:
                    _to_bands(folded, first, finest[n], 0)
                else:
                    _to_bands(folded, first, coarse, scale - 1)


@compiled()
def _spectrum_columns(spectrum: Spectrum, first: int, width: int, columns: Complex) -> None:
    # eight columns of a real image's spectrum, of which one half is given
    height, half = spectrum.shape
    for lane in range(LANES):
        u = (first + lane) % width
        if u < half:
            for v in range(height):
                columns[0, v, lane] = spectrum[v, u].real
                columns[1, v, lane] = spectrum[v, u].imag
        else:
            for v in range(height):
                columns[0, v, lane] = spectrum[-v, width - u].real
                columns[1, v, lane] = -spectrum[-v, width - u].imag


@compiled()
def _angular_columns(
    filters: Filters, first: int, step: int, angle: float, quadrant: GrayImage, angular: Sequences
) -> None:
    # how well the frequencies of eight columns fit an angle, within the low-pass filter; and their radii on the way
    height, width = filters.rows.size, filters.columns.size
    for lane in range(LANES):
        u = (first + step * lane) % width
        left = u >= (width + 1) // 2
        column = filters.columns[u]
        low_column = filters.low_columns[u]
        for v in range(quadrant.shape[1]):
            direction = filters.direction[v, column]
            quadrant[_LOG_RADIUS, v, lane] = filters.log_radius[v, column]
            quadrant[_DIRECTION, v, lane] = math.pi - direction if left else direction
            quadrant[_LOW_PASS, v, lane] = filters.low_pass[v, low_column]

    for v in range(height):
        # directions are counted upwards, frequencies downwards
        upwards = load(quadrant[_DIRECTION], filters.rows[v]) * (1.0 if v >= (height + 1) // 2 else -1.0)
        turn = abs(upwards - angle)
        turn = min(turn, 2.0 * math.pi - turn) / _DIRECTION_SPREAD
        store(angular, v, exponential_of_eight(turn * turn * -0.5) * load(quadrant[_LOW_PASS], filters.low_rows[v]))


@compiled()
def _fold(filtered: Complex, turns: Complex, field: int, fields: int, folded: Complex) -> None:
    # what has the field's rows as its inverse transform: the first step of a transform by decimation in frequency
    height = filtered.shape[1]
    rows = height // fields
    sign = -1.0 if field else 1.0
    for v in range(rows):
        real, imaginary = load(filtered, v), load(filtered, height + v)
        if fields == 2:
            real += load(filtered, v + rows) * sign
            imaginary += load(filtered, height + v + rows) * sign
        cosine, sine = turns[0, field * v], turns[1, field * v]
        store(folded[0], v, real * cosine - imaginary * sine)
        store(folded[1], v, real * sine + imaginary * cosine)


@compiled()
def _radial(log_radius: float, scale: int) -> float:
    wave = math.log(_SHORTEST_WAVE) + scale * math.log(_SCALE_STEP)
    octaves = (log_radius + wave) / math.log(_BANDWIDTH)
    return exponential_of_eight(octaves * octaves * -0.5)


@compiled()
def _to_bands(columns: Complex, first: int, responses: Responses, scale: int) -> None:
    bands, scales, _, width, _ = responses.shape
    for band in range(bands):
        for part in range(2):
            group = ((band * scales + scale) * 2 + part) * width + first
            transpose(columns[part], band * LANES, responses, group)


@compiled()
def _noise_ratio(filters: Filters, angle: float) -> float:
    # power of the noise in all scales together against that in the finest; the former is the sum of squares of the
    # real part of the impulse response, by Parseval from the even part of the transfer function
    height, width = filters.rows.size, filters.columns.size
    angular = np.empty((height, LANES))
    opposite = np.empty((height, LANES))
    quadrant = np.empty((3, filters.log_radius.shape[0], LANES))
    weights = np.empty((1, LANES))
    sums = np.zeros((2, LANES))
    for first in range(0, width // 2 + 1, LANES):
        _angular_columns(filters, first, 1, angle, quadrant, angular)
        _angular_columns(filters, -first, -1, angle, quadrant, opposite)
        for lane in range(LANES):
            # columns beyond the half count with their opposites
            u = first + lane
            weights[0, lane] = 0.0 if 2 * u > width else 1.0 if 2 * u % width == 0 else 2.0

        for v in range(height):
            here = load(angular, v)
            there = load(opposite, -v % height)
            radius = load(quadrant, filters.rows[v])
            finest = _radial(radius, 0)
            total = finest
            for scale in range(1, SCALES):
                total += _radial(radius, scale)
            even = total * (here + there) * 0.5
            weight = load(weights, 0)
            add(sums, 0, weight * even * even)
            add(sums, 1, weight * finest * finest * (here * here + there * there) * 0.5)
    return float(sums[0].sum() / sums[1].sum())
