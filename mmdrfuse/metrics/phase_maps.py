"""Phase congruency of an image, and its moments over the directions.

At an edge or a corner the waves of all scales are in phase, whatever the contrast. Kovesi's measure says how much, and
its moments over the directions distinguish edges (largest) from corners (smallest).
"""

import math

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.log_gabor import ANGLES, SCALES, Filters, Indices, Responses, filter_columns, spectrum_of
from mmdrfuse.metrics.shared.elementary import exponential_of_eight
from mmdrfuse.metrics.shared.fourier import Plan, Sequences, inverse, plan
from mmdrfuse.metrics.shared.triple import StoredGray, Vector
from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import LANES, add, load, store, transpose

Maps = npt.NDArray[np.float64]
"""(3, H, W): phase congruency, its largest and its smallest moment."""

Sums = npt.NDArray[np.float64]
"""(fields, bands, 5, W', 8): sums over the directions, in the order of `Responses`."""

_ENERGY, _AMPLITUDE, _XX, _YY, _XY = range(5)

# noise: mean plus two standard deviations of a Rayleigh distribution, lowered by an empirical factor
_NOISE = (math.sqrt(math.pi / 2.0) + 2.0 * math.sqrt(2.0 - math.pi / 2.0)) / 1.7
# weight of a response by how many scales it spreads over
_SPREAD_CENTRE = 0.5
_SPREAD_SLOPE = 10.0
_TINY = 1e-4

_SMALLEST = 1e-300
"""Keeps 0/0 away where nothing else does."""

_LEADING = 46
"""Bits of a float that the first count for the median leaves out."""


def feature_maps(image: StoredGray, filters: Filters, *, published: bool) -> Maps:
    """Return phase congruency and its moments.

    Args:
        image: (H, W), values 0..255.
        filters: For images of this size.
        published: With the mixed moment and the division of the program of Liu et al.; see `qp`.
    """
    sums = _sums(image, filters, 0.0 if published else _TINY)
    maps = np.empty((3, *image.shape))
    _moments(sums, 0.5 if published else 2.0, maps)
    return maps


def _sums(image: StoredGray, filters: Filters, floor: float) -> Sums:
    # Where the height is even, even rows come first and then odd ones, so that only half of the coarse responses is in
    # memory at a time. The finest scale is needed as a whole, for the noise.
    spectrum = spectrum_of(image)
    height, width = image.shape
    fields = 2 if height % 2 == 0 else 1
    bands = -(-height // fields // LANES)
    columns = -(-width // LANES) * LANES
    sums = np.zeros((fields, bands, 5, columns, LANES))
    finest = np.empty((fields, bands, 1, 2, columns, LANES))
    coarse = np.empty((bands, SCALES - 1, 2, columns, LANES))
    down, across = plan(height // fields), plan(width)
    for angle, ratio in zip(ANGLES, filters.noise_ratios, strict=True):
        noise = math.nan
        for field in range(fields):
            filter_columns(spectrum, filters, angle, field, down, finest, coarse)
            if field == 0:
                noise = _noise_threshold(finest, across, image.shape, ratio)
            _accumulate(finest[field], coarse, across, noise, angle, floor, sums[field])
    return sums


def _noise_threshold(finest: Responses, across: Plan, shape: tuple[int, int], ratio: float) -> float:
    # from the median of the finest scale's squared amplitudes, which features hardly move; the transform along the rows
    # is done on the way
    counts = np.zeros(1 << (63 - _LEADING), np.int64)
    _count(finest, across, shape, counts)
    reached = np.cumsum(counts)
    middle = [(reached[-1] - 1) // 2, reached[-1] // 2]
    first, last = np.searchsorted(reached, middle, side="right")
    before = reached[first] - counts[first]
    near = np.empty(reached[last] - before)
    _collect(finest, shape, first, last, near)
    median = float(np.sort(near)[np.array(middle) - before].mean())
    return _NOISE * math.sqrt(median / math.log(2.0) * ratio)


@compiled()
def _count(finest: Responses, across: Plan, shape: tuple[int, int], counts: Indices) -> None:
    # transform, and count the squared amplitudes by their leading bits
    fields, bands = finest.shape[:2]
    height, width = shape
    work = np.empty((4, across.twiddles.shape[1], LANES))
    power = np.empty((width, LANES))
    bits = power.view(np.int64)
    for field in range(fields):
        for band in range(bands):
            response = finest[field, band, 0]
            inverse(across, response[0], response[1], work)
            _power(response, power)
            for x in range(width):
                for row in range(min(LANES, height // fields - band * LANES)):
                    counts[bits[x, row] >> _LEADING] += 1


@compiled()
def _collect(finest: Responses, shape: tuple[int, int], first: int, last: int, near: Vector) -> None:
    # the squared amplitudes whose leading bits are in a range
    fields, bands = finest.shape[:2]
    height, width = shape
    power = np.empty((width, LANES))
    bits = power.view(np.int64)
    found = 0
    for field in range(fields):
        for band in range(bands):
            _power(finest[field, band, 0], power)
            for x in range(width):
                for row in range(min(LANES, height // fields - band * LANES)):
                    if first <= bits[x, row] >> _LEADING <= last:
                        near[found] = power[x, row]
                        found += 1


@compiled()
def _power(response: Responses, power: Sequences) -> None:
    width = response.shape[1]
    for x in range(power.shape[0]):
        real, imaginary = load(response, x), load(response, width + x)
        store(power, x, real * real + imaginary * imaginary)


@compiled()
def _accumulate(
    finest: Responses, coarse: Responses, across: Plan, noise: float, angle: float, floor: float, sums: Sums
) -> None:
    # transform along the rows, and add one direction's congruency to the sums
    work = np.empty((4, across.twiddles.shape[1], LANES))
    for band in range(coarse.shape[0]):
        for scale in range(SCALES - 1):
            inverse(across, coarse[band, scale, 0], coarse[band, scale, 1], work)
        _add_congruency(finest[band], coarse[band], across.length, noise, angle, floor, sums[band])


@compiled()
def _add_congruency(
    finest: Responses, coarse: Responses, columns: int, noise: float, angle: float, floor: float, sums: Sums
) -> None:
    # of one band
    width = finest.shape[2]
    cosine, sine = math.cos(angle), math.sin(angle)
    for x in range(columns):
        real, imaginary = load(finest, x), load(finest, width + x)
        even, odd = real, imaginary
        amplitude = largest = math.sqrt(real * real + imaginary * imaginary)
        for scale in range(SCALES - 1):
            real, imaginary = load(coarse, 2 * scale * width + x), load(coarse, (2 * scale + 1) * width + x)
            size = math.sqrt(real * real + imaginary * imaginary)
            even += real
            odd += imaginary
            amplitude += size
            largest = max(largest, size)

        # unit vector of the mean phase
        scaling = 1.0 / (math.sqrt(even * even + odd * odd) + _TINY)
        even *= scaling
        odd *= scaling
        # what is in phase, less what is not and less the noise
        real, imaginary = load(finest, x), load(finest, width + x)
        energy = real * even + imaginary * odd - abs(real * odd - imaginary * even) - noise
        for scale in range(SCALES - 1):
            real, imaginary = load(coarse, 2 * scale * width + x), load(coarse, (2 * scale + 1) * width + x)
            energy += real * even + imaginary * odd - abs(real * odd - imaginary * even)

        scales = amplitude / (largest + _TINY) * (1.0 / SCALES)
        unlikely = 1.0 + exponential_of_eight((_SPREAD_CENTRE - scales) * _SPREAD_SLOPE)
        divisor = max(amplitude + floor, _SMALLEST)
        share = max(energy, 0.0) / (divisor * unlikely)
        squared = share * share
        add(sums, _ENERGY * width + x, share * divisor)
        add(sums, _AMPLITUDE * width + x, amplitude)
        add(sums, _XX * width + x, squared * (cosine * cosine))
        add(sums, _YY * width + x, squared * (sine * sine))
        add(sums, _XY * width + x, squared * (cosine * sine))


@compiled()
def _moments(sums: Sums, mixed: float, maps: Maps) -> None:
    # of eight rows and eight columns at a time
    fields, bands, _, width, _ = sums.shape
    values = np.empty((3, LANES, LANES))
    rows = np.empty((3, LANES, LANES))
    for field in range(fields):
        for band in range(bands):
            total = sums[field, band]
            for first in range(0, width, LANES):
                for k in range(LANES):
                    x = first + k
                    xx = load(total, _XX * width + x)
                    yy = load(total, _YY * width + x)
                    xy = load(total, _XY * width + x) * mixed
                    difference = math.sqrt(xy * xy + (xx - yy) * (xx - yy)) / (len(ANGLES) / 2) + _TINY
                    both = (xx + yy) / (len(ANGLES) / 2)
                    energy = load(total, _ENERGY * width + x)
                    store(values, k, energy / (load(total, _AMPLITUDE * width + x) + _TINY))
                    store(values, LANES + k, (both + difference) / 2.0)
                    store(values, 2 * LANES + k, (both - difference) / 2.0)
                for kind in range(3):
                    transpose(values, kind * LANES, rows, kind * LANES)
                _copy_rows(rows, maps[:, field + fields * LANES * band :: fields, first:])


@compiled()
def _copy_rows(rows: Maps, maps: Maps) -> None:
    # as far as the maps reach
    for kind in range(3):
        for y in range(min(LANES, maps.shape[1])):
            for x in range(min(LANES, maps.shape[2])):
                maps[kind, y, x] = rows[kind, y, x]
