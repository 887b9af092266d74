"""Feature mutual information, FMI, of a feature map of the fused image and of each source, window by window.

In each 3×3 window a feature map, scaled to 0..1 and to a sum of 1, counts as the distribution of a position 1..9. Of
the joint distributions that two such maps allow, one is taken: between independence and the Fréchet bound towards
which the maps' correlation points, as far as the correlation goes.
"""

from functools import partial
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.fft

from mmdrfuse.errors import UnknownNameError
from mmdrfuse.metrics.fmi_information import mean_information
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.gradients import sobel
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector
from mmdrfuse.system.compiling import compiled

Feature = Literal["pixel", "gradient", "edge", "dct", "wavelet"]

Halves = npt.NDArray[np.float64]
"""(2, N, W)."""

_STRONG = 4.0
"""Squared strength over its mean from which Sobel's edges are strong."""

_SLACK = 100.0 * float(np.finfo(np.float64).eps)
"""Difference of strength within which an edge has both directions."""


def fmi(t: Triple, *, feature: Feature = "pixel") -> float:
    """Compute the mean over all 3×3 windows and both sources of ``2 I(x, f) / (H(x) + H(f))``.

    It is 1 for two windows that are equal or both flat, and 0 where one of them is flat. Positions are counted down
    the columns, left to right, and the distance between positions enters: flips and transposition change the score, a
    turn by 180 degrees does not for ``"pixel"``.

    Args:
        t: Images 0..255, at least 3×3.
        feature: Map that windows are cut from: the image itself; its derivative along the rows; Sobel's thinned edges,
            0 or 1; the cosine transform of the whole image; one level of the discrete Meyer wavelet, 62 taps, its four
            bands side by side.

    Returns:
        0..1, higher is better; 1 where the fused image equals both sources and where all three are constant.

    Raises:
        UnknownNameError: If there is no such feature.

    References:
        Haghighat, Aghagolzadeh, Seyedarabi, "A non-reference image fusion metric based on mutual information of image
        features", Computers and Electrical Engineering, 2011. Haghighat, Razian, "Fast-FMI: non-reference image
        fusion metric", AICT 2014.
    """
    maps = (np.ascontiguousarray(_features(image, feature)) for image in t.images)
    return float(mean_information(*maps))


def _features(image: GrayImage, feature: Feature) -> GrayImage:
    match feature:
        case "pixel":
            return image
        case "gradient":
            return np.asarray(np.gradient(image, axis=1))
        case "edge":
            return _edges(image)
        case "dct":
            return np.asarray(scipy.fft.dctn(image, norm="ortho"))
        case "wavelet":
            return _wavelet_bands(image)
    raise UnknownNameError("feature", feature, get_args(Feature))


def _edges(image: GrayImage) -> GrayImage:
    # strong pixels that no neighbour across the edge exceeds; the border counts as weaker than everything
    across, down = (np.abs(derivative) / 8.0 for derivative in sobel(image, border="edge"))
    strength = across**2 + down**2
    padded = np.pad(strength, 1, constant_values=-1.0)
    left = padded[1:-1, :-2]
    right = padded[1:-1, 2:]
    above = padded[:-2, 1:-1]
    below = padded[2:, 1:-1]

    ridge_across = (across >= down - _SLACK) & (left <= strength) & (strength > right)
    ridge_down = (down >= across - _SLACK) & (above <= strength) & (strength > below)
    edges: npt.NDArray[np.bool_] = (strength > _STRONG * strength.mean()) & (ridge_across | ridge_down)
    return edges.astype(np.float64)


def _wavelet_bands(image: GrayImage) -> GrayImage:
    # above, those smooth along the rows: first smooth down the columns too, then of details; below, those of details
    return np.block([list(_halves(half.T)) for half in _halves(image.T)])


def _halves(image: GrayImage) -> GrayImage:
    """Return the smooth and the detailed half of each column, (2, N, W): ``pywt.dwt(image, "dmey", axis=0)``."""
    import pywt  # here, because only this feature needs it

    filters = np.ascontiguousarray(np.array(pywt.Wavelet("dmey").filter_bank[:2])[:, ::-1])
    taps = filters.shape[1]
    padded = np.ascontiguousarray(np.pad(image, ((taps - 2, taps - 1), (0, 0)), "symmetric"))
    halves = np.zeros((2, (len(image) + taps - 1) // 2, image.shape[1]))
    _filter_columns(padded, filters, halves)
    return halves


@compiled()
def _filter_columns(padded: GrayImage, filters: GrayImage, halves: Halves) -> None:
    # a product of matrices would be as fast, but its last digits depend on the number of BLAS's threads
    for y in range(halves.shape[1]):
        for tap in range(0, filters.shape[1], 2):
            _add_rows(
                padded[2 * y + tap], padded[2 * y + tap + 1], filters[:, tap : tap + 2], halves[0, y], halves[1, y]
            )


@compiled(fastmath={"contract"})
def _add_rows(row: Vector, following: Vector, taps: GrayImage, smooth: Vector, detailed: Vector) -> None:
    smooth_1, smooth_2, detailed_1, detailed_2 = taps[0, 0], taps[0, 1], taps[1, 0], taps[1, 1]
    for x in range(row.size):
        smooth[x] += smooth_1 * row[x] + smooth_2 * following[x]
        detailed[x] += detailed_1 * row[x] + detailed_2 * following[x]


ROWS = (
    Metric(
        name="FMI_pixel",
        title="feature mutual information of pixels",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(fmi, smallest=3),
            "tang": Rule(partial(fmi, feature="edge"), "edges, not pixels", bug=True, smallest=3),
        },
    ),
    Metric(
        name="FMI_dct",
        title="feature mutual information of cosine transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols=same("standard tang", Rule(partial(fmi, feature="dct"), smallest=3)),
    ),
    Metric(
        name="FMI_w",
        title="feature mutual information of wavelet transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(partial(fmi, feature="wavelet"), smallest=3),
            "tang": Rule(
                partial(fmi, feature="wavelet"),
                "62 taps of the Meyer wavelet; MATLAB has 102, its numbers differ",
                smallest=3,
            ),
        },
    ),
)
