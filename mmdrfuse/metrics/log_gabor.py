"""Kovesi's log-Gabor filters of four scales and six directions, applied in the frequency domain.

Half of the inverse transform is done here: down the columns, eight at a time. So a response is written and read once
between the two halves, and its filter is never stored.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from mmdrfuse.metrics.shared.elementary import exponential_of_eight
from mmdrfuse.metrics.shared.fourier import Complex, Plan, Sequences, inverse, roots_of_unity
from mmdrfuse.metrics.shared.triple import GrayImage, StoredGray, Vector
from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import LANES, add, load, store, transpose

Responses = npt.NDArray[np.float64]
"""(..., bands, scales, 2, W', 8): even and odd parts of responses. A band has eight rows, and holds their values column
by column; W' is W up to the next multiple of 8. What is beyond the image means nothing."""

HalfSpectrum = npt.NDArray[np.float64]
"""(2, H, U): real and imaginary part of the frequencies across from 0 up; U is W // 2 + 1 up to a multiple of 8."""

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

_NO_RADIUS = -100.0
"""Stands for the logarithm of 0, where no filter lets anything through."""


class Filters(NamedTuple):
    """The frequency plane: maps over its quadrant, whose columns are those of `HalfSpectrum`."""

    width: int
    """W."""

    log_radius: GrayImage
    """(H // 2 + 1, U): logarithm of the radius in cycles per pixel."""

    direction: GrayImage
    """(H // 2 + 1, U): 0..pi/2."""

    low_pass: Complex
    """(2, H // 2 + 1, U): 0..1, of the frequencies to the right and to the left."""

    rows: Indices
    """(H,): row of each frequency down in `log_radius` and `direction`."""

    low_rows: Indices
    """(H,): the same in `low_pass`."""

    turns: Complex
    """(2, H): powers of the H-th root of unity."""

    noise_ratios: Vector
    """(6,): power of white noise in all scales together against that in the finest, for each direction."""


def make_filters(shape: tuple[int, int], published: bool) -> Filters:
    """Return the filters for images of one size.

    Args:
        shape: (H, W).
        published: With the frequencies of the program of Liu et al.; see `qp`.
    """
    height, width = shape
    (v, rows, low_rows), (u, _, low_columns) = (_frequencies(side, published) for side in shape)
    with np.errstate(divide="ignore"):
        log_radius = np.log(np.hypot(u, v[:, None]))
    log_radius[0, 0] = _NO_RADIUS
    direction = np.arctan2(v[:, None], np.broadcast_to(u, log_radius.shape))

    low_v, low_u = (np.arange(side // 2 + 1) / side for side in shape)
    low_pass = 1.0 / (1.0 + (np.hypot(low_u, low_v[:, None]) / _CUT) ** _CUT_POWER)
    if not published:
        low_pass[(low_u == 0.5) | (low_v[:, None] == 0.5)] = 0.0
    right = np.arange(width // 2 + 1)
    sides = np.stack([low_pass[:, low_columns[right]], low_pass[:, low_columns[-right % width]]])

    filters = Filters(
        width=width,
        log_radius=_padded(log_radius),
        direction=_padded(direction),
        low_pass=_padded(sides),
        rows=rows,
        low_rows=low_rows,
        turns=roots_of_unity(height),
        noise_ratios=np.empty(0),
    )
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


def spectrum_of(image: StoredGray) -> HalfSpectrum:
    """Return the spectrum of an image, divided by its number of pixels."""
    transform = scipy.fft.rfft2(image.astype(np.float64), norm="forward")
    height, columns = transform.shape
    spectrum = np.zeros((2, height, -(-columns // LANES) * LANES))
    spectrum[0, :, :columns] = transform.real
    spectrum[1, :, :columns] = transform.imag
    return spectrum


def _padded(planes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # to whole groups of columns
    missing = -planes.shape[-1] % LANES
    return np.pad(planes, [(0, 0)] * (planes.ndim - 1) + [(0, missing)])


@compiled()
def filter_columns(
    spectrum: HalfSpectrum, filters: Filters, angle: float, field: int, down: Plan, finest: Responses, coarse: Responses
) -> None:
    """Filter an image at all scales of one direction, and transform the result down the columns.

    Args:
        spectrum: Of the image.
        filters: For images of this size.
        angle: The direction, one of `ANGLES`.
        field: Which rows `coarse` has: all if there is only one field; else the even (0) or the odd ones (1).
        down: Plan of the transforms of one field's columns.
        finest: Result of the finest scale for all fields, (fields, bands, 1, 2, W', 8); only written with field 0.
        coarse: Result of the other scales, (bands, 3, 2, W', 8).
    """
    _, height, columns = spectrum.shape
    half = filters.log_radius.shape[0]
    fields = finest.shape[0]
    first_scale = 0 if field == 0 else 1
    radial = np.empty((SCALES, half, LANES))
    angular = np.empty((height, LANES))
    filtered = np.empty((2, height, LANES))
    folded = np.zeros((2, coarse.shape[0] * LANES, LANES))
    work = np.empty((4, down.twiddles.shape[1], LANES))
    for block in range(columns // LANES):
        for scale in range(first_scale, SCALES):
            for v in range(half):
                radius = load(filters.log_radius, v * (columns // LANES) + block)
                store(radial[scale], v, _radial(radius, scale))
        for side in range(2):
            _fit(filters, block, side, angle, angular)
            for scale in range(first_scale, SCALES):
                _filter(spectrum, block, side, radial[scale], filters.rows, angular, filtered)
                for n in range(0 if scale == 0 else field, fields if scale == 0 else field + 1):
                    _fold(filtered, filters.turns, n, fields, folded)
                    inverse(down, folded[0], folded[1], work)
                    if scale == 0:
                        _to_bands(folded, filters.width, block, side, finest[n], 0)
                    else:
                        _to_bands(folded, filters.width, block, side, coarse, scale - 1)


@compiled()
def _fit(filters: Filters, block: int, side: int, angle: float, angular: Sequences) -> None:
    # how well the frequencies of eight columns to the right (side 0) or to the left fit an angle, within the low-pass
    # filter
    height = filters.rows.size
    half, columns = filters.direction.shape
    groups = columns // LANES
    for v in range(height):
        direction = load(filters.direction, filters.rows[v] * groups + block)
        if side:
            direction = math.pi - direction
        # directions are counted upwards, frequencies downwards
        turn = abs(direction * (1.0 if v >= (height + 1) // 2 else -1.0) - angle)
        turn = min(turn, 2.0 * math.pi - turn) / _DIRECTION_SPREAD
        low_pass = load(filters.low_pass, (side * half + filters.low_rows[v]) * groups + block)
        store(angular, v, exponential_of_eight(turn * turn * -0.5) * low_pass)


@compiled()
def _filter(
    spectrum: HalfSpectrum,
    block: int,
    side: int,
    radial: Sequences,
    rows: Indices,
    angular: Sequences,
    filtered: Complex,
) -> None:
    _, height, columns = spectrum.shape
    groups = columns // LANES
    sign = -1.0 if side else 1.0
    for v in range(height):
        # a real image's frequencies to the left are conjugates of those opposite to them
        row = (height - v if v else 0) if side else v
        transfer = load(radial, rows[v]) * load(angular, v)
        store(filtered, v, load(spectrum, row * groups + block) * transfer)
        store(filtered, height + v, load(spectrum, (height + row) * groups + block) * (transfer * sign))


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
def _to_bands(columns: Complex, width: int, block: int, side: int, responses: Responses, scale: int) -> None:
    # the frequencies 0 up to below the half are to the right; those to the left begin at the end
    first = block * LANES
    if side:
        start, step = width - first, -1
        lanes = (0 if block else 1, min(LANES, width // 2 + 1 - first))
    else:
        start, step = first, 1
        lanes = (0, min(LANES, (width + 1) // 2 - first))
    bands, scales, _, padded_width, _ = responses.shape
    for band in range(bands):
        for part in range(2):
            group = ((band * scales + scale) * 2 + part) * padded_width + start
            transpose(columns[part], band * LANES, responses, group, step, lanes)


@compiled()
def _noise_ratio(filters: Filters, angle: float) -> float:
    # power of the noise in all scales together against that in the finest; the former is the sum of squares of the
    # real part of the impulse response, by Parseval from the even part of the transfer function
    right = np.empty((filters.rows.size, LANES))
    left = np.empty((filters.rows.size, LANES))
    weights = np.empty((2, LANES))
    sums = np.zeros((2, LANES))
    for block in range(filters.direction.shape[1] // LANES):
        _fit(filters, block, 0, angle, right)
        _fit(filters, block, 1, angle, left)
        for lane in range(LANES):
            # half of the plane, which counts for both; but a column 0, or one at half a cycle, has its own opposites
            u = 2 * (block * LANES + lane)
            weights[0, lane] = 1.0 if u == 0 else 2.0 if u < filters.width else 0.0
            weights[1, lane] = 1.0 if u == filters.width else 0.0
        _add_noise(filters, block, right, left, load(weights, 0), sums)
        _add_noise(filters, block, left, left, load(weights, 1), sums)
    return float(sums[0].sum() / sums[1].sum())


@compiled()
def _add_noise(
    filters: Filters, block: int, angular: Sequences, opposite: Sequences, weight: float, sums: Sequences
) -> None:
    height = filters.rows.size
    groups = filters.direction.shape[1] // LANES
    for v in range(height):
        here = load(angular, v)
        there = load(opposite, height - v if v else 0)
        radius = load(filters.log_radius, filters.rows[v] * groups + block)
        finest = _radial(radius, 0)
        total = finest
        for scale in range(1, SCALES):
            total += _radial(radius, scale)
        even = total * (here + there) * 0.5
        add(sums, 0, weight * even * even)
        add(sums, 1, weight * finest * finest * (here * here + there * there) * 0.5)
