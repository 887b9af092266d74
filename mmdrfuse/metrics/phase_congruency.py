"""Q_P: how well the fused image keeps the sources' features, found by phase congruency.

At an edge or a corner the waves of all scales are in phase, whatever the contrast. Kovesi's measure says how much, and
its moments over the directions distinguish edges (largest) from corners (smallest). Q_P compares these three maps.
"""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import scipy.fft

from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.filters import smooth
from mmdrfuse.metrics.shared.triple import GrayImage, Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps
from mmdrfuse.system.compiling import compiled

Responses = npt.NDArray[np.complex128]
"""(4, H, W): responses to the filters of one direction, even part real and odd part imaginary, finest scale first."""

Maps = npt.NDArray[np.float64]
"""(N, H, W)."""

# Kovesi's phasecong2: log-Gabor filters over scales and directions, wavelengths in pixels
_SCALES = 4
_DIRECTIONS = 6
_SHORTEST_WAVE = 3.0
_SCALE_STEP = 2.1
_BANDWIDTH = 0.55
_DIRECTION_SPREAD = math.pi / _DIRECTIONS / 1.2
# the low-pass filter that cuts the corners of the frequency plane
_CUT = 0.45
_CUT_POWER = 30
# noise: mean plus two standard deviations of a Rayleigh distribution, lowered by an empirical factor
_NOISE = (math.sqrt(math.pi / 2.0) + 2.0 * math.sqrt(2.0 - math.pi / 2.0)) / 1.7
# weight of a response by how many scales it spreads over
_SPREAD_CENTRE = 0.5
_SPREAD_SLOPE = 10.0
_TINY = 1e-4

# Zhao et al. 2007: congruency from which a pixel is a feature; windows of the correlations
_FEATURE = 0.1
_TAPS = gaussian_taps(11, 1.5)

# rows of what `_accumulate` sums over the directions
_ENERGY, _AMPLITUDE, _XX, _YY, _XY = range(5)


def qp(t: Triple, *, published: bool = False) -> float:
    """Compute the product of the mean local correlations of phase congruency and its largest and smallest moment.

    Each is compared with the first source, with the second, and with the source of higher congruency at each pixel; the
    best of the three counts, averaged over the pixels where a source's congruency exceeds 0.1. Correlations are taken
    over Gaussian windows of 11×11 pixels, sigma 1.5, nothing beyond the border.

    Args:
        t: Images 0..255, at least 3×3.
        published: Compute as the program of Liu et al. does, errors included: frequencies of odd sides are stretched
            and their low-pass filter is off by one; the mixed moment is a quarter of what it should be; the sources'
            maps are blanked outside their features but the fused image's is not; 0/0 is NaN. The Nyquist frequency,
            which has no direction, is included, so flips change the score.

    Returns:
        Up to 1, higher is better; 1 where the fused image equals both sources and where these have no features. Beware:
        the constant that keeps 0/0 away makes the correlation 1 where the fused image's maps are flat, so an image
        without any structure scores near 1 as well.

    References:
        Zhao, Laganière, Liu, "Performance assessment of combinative pixel-level image fusion based on an absolute
        feature measurement", Int. J. Innovative Computing, Information and Control, 2007. Kovesi, "Phase congruency
        detects corners and edges", DICTA 2003.
    """
    maps_f, maps_a, maps_b = _feature_maps(t.images, published)
    maps_best = np.where(maps_a[0] > maps_b[0], maps_a, maps_b)
    candidates = [(maps, maps[0] > _FEATURE) for maps in (maps_a, maps_b, maps_best)]
    _, best_features = candidates[-1]
    count = np.count_nonzero(best_features)
    if not count:
        return math.nan if published else 1.0

    score = 1.0
    for kind, map_f in enumerate(maps_f):
        local_f = _mean_and_variance(map_f)
        correlations = []
        for maps, features in candidates:
            source = maps[kind] * features if published else maps[kind]
            correlations.append(features * _correlation(source, map_f, local_f))
        score *= float(np.max(correlations, axis=0).sum()) / count
    return score


def _feature_maps(images: Sequence[GrayImage], published: bool) -> list[Maps]:
    # phase congruency, its largest and its smallest moment, (3, H, W) for each image
    filters = _Filters(images[0].shape, published)
    return [_moments(_summed(image, filters, published), 0.5 if published else 2.0) for image in images]


def _summed(image: GrayImage, filters: "_Filters", published: bool) -> Maps:
    # the sums over the directions, (5, H, W), of one image: those of all three at once would take much memory
    sums = np.zeros((5, *image.shape))
    spectrum = scipy.fft.fft2(image)
    responses = np.empty((_SCALES, *image.shape), np.complex128)
    floor = 0.0 if published else _TINY
    for k in range(_DIRECTIONS):
        angle = k * math.pi / _DIRECTIONS
        angular = filters.angular(angle)
        _multiply(spectrum, filters.radial, angular, responses)
        responses = scipy.fft.ifft2(responses, overwrite_x=True)

        noise = _noise_threshold(responses[0], _noise_ratio(filters.radial, angular))
        _accumulate(responses, noise, math.cos(angle), math.sin(angle), floor, sums)
    return sums


def _noise_threshold(finest: npt.NDArray[np.complex128], ratio: float) -> float:
    # from the median of the finest scale's squared amplitudes, which features hardly move
    power = _median(finest.real**2 + finest.imag**2) / math.log(2.0)
    return _NOISE * math.sqrt(power * ratio)


def _median(values: GrayImage) -> float:
    # of values that are not negative: only those that share the median's leading bits are sorted
    bits = values.reshape(-1).view(np.int64)
    leading = (bits >> 46).astype(np.int32)
    counts = np.cumsum(np.bincount(leading))
    middle = [(bits.size - 1) // 2, bits.size // 2]
    first, last = np.searchsorted(counts, middle, side="right")
    near = np.sort(values.reshape(-1)[(leading >= first) & (leading <= last)])
    before = counts[first - 1] if first else 0
    return float(near[np.array(middle) - before].mean())


class _Filters:
    """Transfer functions in the layout of the Fourier transform: of each scale, and of a direction."""

    def __init__(self, shape: tuple[int, int], published: bool) -> None:
        (v, low_v), (u, low_u) = (_frequencies(side, published) for side in shape)
        v = v[:, None]
        low_v = low_v[:, None]
        low_pass = 1.0 / (1.0 + (np.hypot(low_u, low_v) / _CUT) ** _CUT_POWER)
        if not published:
            low_pass[(np.abs(u) == 0.5) | (np.abs(v) == 0.5)] = 0.0
        self.radial = _radial(np.hypot(u, v), low_pass)
        self.direction = np.arctan2(-v, u)

    def angular(self, angle: float) -> GrayImage:
        """Return how well each frequency's direction fits an angle, (H, W), 0..1."""
        turn = self.direction - angle
        np.add(turn, 2.0 * math.pi, out=turn, where=turn < -math.pi)
        turn /= _DIRECTION_SPREAD
        np.square(turn, out=turn)
        turn /= -2.0
        return np.exp(turn, out=turn)


def _radial(radius: GrayImage, low_pass: GrayImage) -> Maps:
    # log-Gabor of each scale, (4, H, W), finest first; nothing at frequency 0, whose logarithm does not exist
    radius[0, 0] = 1.0
    scales = np.empty((_SCALES, *radius.shape))
    for scale in range(_SCALES):
        wave = _SHORTEST_WAVE * _SCALE_STEP**scale
        octaves = np.log(radius * wave) / math.log(_BANDWIDTH)
        scales[scale] = np.exp(-(octaves**2) / 2.0) * low_pass
        scales[scale, 0, 0] = 0.0
    return scales


def _frequencies(side: int, published: bool) -> tuple[GrayImage, GrayImage]:
    # for the log-Gabor and for the low-pass filter, cycles per pixel
    cycles = scipy.fft.fftfreq(side)
    if published and side % 2:
        return cycles * side / (side - 1), np.roll(cycles, -1)
    return cycles, cycles


@compiled()
def _multiply(
    spectrum: npt.NDArray[np.complex128], radial: Maps, angular: GrayImage, responses: npt.NDArray[np.complex128]
) -> None:
    height, width = spectrum.shape
    for y in range(height):
        for scale in range(_SCALES):
            for x in range(width):
                transfer = radial[scale, y, x] * angular[y, x]
                response = spectrum[y, x]
                responses[scale, y, x] = complex(response.real * transfer, response.imag * transfer)


@compiled()
def _noise_ratio(radial: Maps, angular: GrayImage) -> float:
    # power of the noise in all scales together against that in the finest; the former is the sum of squares of the
    # real part of the impulse response, by Parseval from the even part of the transfer function
    height, width = angular.shape
    together = finest = 0.0
    for y in range(height):
        for x in range(width):
            total = mirrored = 0.0
            for scale in range(_SCALES):
                total += radial[scale, y, x] * angular[y, x]
                mirrored += radial[scale, -y, -x] * angular[-y, -x]
            together += (total + mirrored) ** 2
            finest += (radial[0, y, x] * angular[y, x]) ** 2
    return together / 4.0 / finest


@compiled(error_model="numpy")
def _accumulate(responses: Responses, noise: float, cosine: float, sine: float, floor: float, image_sums: Maps) -> None:
    # add one direction's congruency to the sums, (5, H, W); loops without branches first, which processors do eightfold
    _, height, width = image_sums.shape
    even = np.empty(width)
    odd = np.empty(width)
    amplitude = np.empty(width)
    largest = np.empty(width)
    energy = np.empty(width)
    for y in range(height):
        even[:] = 0.0
        odd[:] = 0.0
        amplitude[:] = 0.0
        largest[:] = 0.0
        for scale in range(_SCALES):
            row = responses[scale, y]
            for x in range(width):
                response = row[x]
                even[x] += response.real
                odd[x] += response.imag
                size = math.sqrt(response.real * response.real + response.imag * response.imag)
                amplitude[x] += size
                largest[x] = max(largest[x], size)

        # unit vector of the mean phase
        for x in range(width):
            length = math.sqrt(even[x] * even[x] + odd[x] * odd[x]) + _TINY
            even[x] /= length
            odd[x] /= length

        # what is in phase, less what is not and less the noise
        energy[:] = -noise
        for scale in range(_SCALES):
            row = responses[scale, y]
            for x in range(width):
                response = row[x]
                energy[x] += response.real * even[x] + response.imag * odd[x]
                energy[x] -= abs(response.real * odd[x] - response.imag * even[x])

        for x in range(width):
            image_sums[_AMPLITUDE, y, x] += amplitude[x]
            if energy[x] > 0.0:
                spread = amplitude[x] / (largest[x] + _TINY) / _SCALES
                weighted = energy[x] / (1.0 + math.exp(_SPREAD_SLOPE * (_SPREAD_CENTRE - spread)))
                squared = (weighted / (amplitude[x] + floor)) ** 2
                image_sums[_ENERGY, y, x] += weighted
                image_sums[_XX, y, x] += squared * cosine**2
                image_sums[_YY, y, x] += squared * sine**2
                image_sums[_XY, y, x] += squared * cosine * sine


def _moments(image_sums: Maps, mixed: float) -> Maps:
    energy, amplitude, xx, yy, xy = image_sums
    congruency = energy / (amplitude + _TINY)
    difference = np.sqrt((mixed * xy) ** 2 + (xx - yy) ** 2) / (_DIRECTIONS / 2) + _TINY
    total = (xx + yy) / (_DIRECTIONS / 2)
    return np.stack([congruency, (total + difference) / 2.0, (total - difference) / 2.0])


def _mean_and_variance(image: GrayImage) -> tuple[GrayImage, GrayImage]:
    mean = smooth(image, _TAPS, border="zero")
    return mean, smooth(image**2, _TAPS, border="zero") - mean**2


def _correlation(source: GrayImage, fused: GrayImage, local_f: tuple[GrayImage, GrayImage]) -> GrayImage:
    mean_s, var_s = _mean_and_variance(source)
    mean_f, var_f = local_f
    covariance = smooth(source * fused, _TAPS, border="zero") - mean_s * mean_f
    return (covariance + _TINY) / (np.sqrt(np.abs(var_s * var_f)) + _TINY)


ROWS = (
    Metric(
        name="QP",
        title="phase congruency preserved",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Zhao, Laganière, Liu, IJICIC 2007",
        protocols={
            "standard": Rule(qp, smallest=3),
            "liu": Rule(partial(qp, published=True), "grids, moments and masks of its program", bug=True, smallest=3),
        },
    ),
)
