"""Statistics of the fused image alone: its spread SD, and its detail by SF, AG and EI."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.gradients import EDGE, Border, Rows, code, length, load_rows, sobel_at
from mmdrfuse.metrics.shared.moments import moments, scatter
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector, once
from mmdrfuse.system.compiling import compiled, summing


def standard_deviation(t: Triple, *, saturated: bool = False) -> float:
    """Compute the spread of the fused image's levels, ``sqrt(mean((f - mean f)^2))``.

    Args:
        t: Images 0..255.
        saturated: Compute in 8-bit integers that stop at 0 and 255: differences below 0 become 0, squares above 255
            become 255. An error of one published table, for its protocol only.

    Returns:
        0 (constant) to 127.5.

    References:
        Rao, "In-fibre Bragg grating sensors", Measurement Science and Technology, 1997.
    """
    if saturated:
        difference = np.clip(np.floor(t.fused - t.fused.mean() + 0.5), 0.0, 255.0)
        return float(np.sqrt(np.minimum(difference**2, 255.0).mean()))
    return math.sqrt(scatter(moments(t).f, t.fused.size) / t.fused.size)


def spatial_frequency(t: Triple, *, per_pixel: bool = False, peak: float = 255.0) -> float:
    """Compute the size of the fused image's first differences, ``sqrt(mean dx^2 + mean dy^2)``.

    Args:
        t: Images 0..255, at least 2×2.
        per_pixel: Divide both sums by the number of pixels instead of the number of differences.
        peak: The value that 255 stands for: 1 for images in 0..1.

    Returns:
        0 (constant) to ``sqrt(2) * peak``.

    References:
        Eskicioglu, Fisher, "Image quality measures and their performance", IEEE Trans. Communications, 1995.
    """
    detail = _detail(t)
    height, width = t.fused.shape
    count_across, count_down = (
        (t.fused.size, t.fused.size) if per_pixel else (height * (width - 1), (height - 1) * width)
    )
    return math.sqrt(detail.across / count_across + detail.down / count_down) * peak / 255.0


def average_gradient(t: Triple, *, inner_count: bool = False) -> float:
    """Compute the mean slope of the fused image, ``mean sqrt((gx^2 + gy^2) / 2)``, from central differences.

    Args:
        t: Images 0..255, at least 2×2.
        inner_count: Divide the sum by ``(H - 1)(W - 1)`` instead of the number of pixels.

    Returns:
        0 (constant) to 255.

    References:
        Cui, Feng, Xu, Li, Chen, "Detail preserved fusion of visible and infrared images using regional saliency
        extraction and multi-scale image decomposition", Optics Communications, 2015.
    """
    count: int = t.fused[1:, 1:].size if inner_count else t.fused.size
    return _detail(t).slopes / count


def edge_intensity(t: Triple, *, border: Border = "edge") -> float:
    """Compute the mean Sobel magnitude of the fused image, ``mean sqrt(sx^2 + sy^2)``.

    The kernel is not divided.

    Args:
        t: Images 0..255.
        border: What lies beyond the border: by default the pixels at the edge, repeated.

    Returns:
        0 (constant) to about 1442.

    References:
        Rajalingam, Priya, "Hybrid multimodality medical image fusion technique for feature enhancement in medical
        diagnosis", Int. J. Engineering Science Invention, 2018.
    """
    return _sum_of_edges(t.fused, code(border)) / t.fused.size


class _Detail(NamedTuple):
    """Sums over the fused image: of its squared first differences along rows and columns, and of its slopes."""

    across: float
    down: float
    slopes: float


@once
def _detail(t: Triple) -> _Detail:
    sums = np.zeros(3)
    _add_detail(t.fused, EDGE, sums)
    return _Detail._make(sums.tolist())


@compiled()
def _add_detail(image: GrayImage, border: int, sums: Vector) -> None:
    height, width = image.shape
    rows = np.empty((3, width + 2))
    # slopes are differences of pixels two apart, but of neighbours at the border
    scales = np.full(width, 0.5)
    scales[0] = scales[-1] = 1.0
    for y in range(height):
        load_rows(image, y, border, rows, 0)
        for n, part in enumerate(_row_detail(rows, scales, 0.5 if 0 < y < height - 1 else 1.0)):
            sums[n] += part


@compiled()
def _sum_of_edges(image: GrayImage, border: int) -> float:
    rows = np.empty((3, image.shape[1] + 2))
    total = 0.0
    for y in range(image.shape[0]):
        load_rows(image, y, border, rows, 0)
        total += _row_edges(rows)
    return total


@summing
def _row_detail(rows: Rows, scales_across: Vector, scale_down: float) -> tuple[float, float, float]:
    across = down = slopes = 0.0
    for x in range(scales_across.size):
        across += (rows[1, x + 2] - rows[1, x + 1]) ** 2
        down += (rows[2, x + 1] - rows[1, x + 1]) ** 2
        slope_across = scales_across[x] * (rows[1, x + 2] - rows[1, x])
        slope_down = scale_down * (rows[2, x + 1] - rows[0, x + 1])
        slopes += math.sqrt((slope_across**2 + slope_down**2) / 2.0)
    return across, down, slopes


@summing
def _row_edges(rows: Rows) -> float:
    total = 0.0
    for x in range(rows.shape[1] - 2):
        across, down = sobel_at(rows, 0, x)
        total += length(across, down)
    return total


_AG_INNER = partial(average_gradient, inner_count=True)
_INNER = "sum over (H-1)(W-1), not mean"

ROWS = (
    Metric(
        name="SD",
        title="standard deviation of the fused image",
        higher_is_better=True,
        range=(0.0, 127.5),
        unit="level",
        reference="Rao, Meas. Sci. Technol. 1997",
        protocols={
            **same("standard cddfuse tang zoo", Rule(standard_deviation)),
            "vifb": Rule(standard_deviation, program_name="Variance"),
            "tang-table": Rule(
                partial(standard_deviation, saturated=True), "in 8-bit arithmetic that stops at 0 and 255", bug=True
            ),
        },
    ),
    Metric(
        name="SF",
        title="spatial frequency: size of first differences",
        higher_is_better=True,
        range=(0.0, 360.63),
        unit="level",
        reference="Eskicioglu, Fisher, IEEE Trans. Commun. 1995",
        protocols={
            **same("standard cddfuse tang zoo", Rule(spatial_frequency, smallest=2)),
            "vifb": Rule(
                partial(spatial_frequency, per_pixel=True),
                "sums over pixels, not differences; channels side by side as one image",
                bug=True,
                smallest=2,
                side_by_side=True,
                program_name="Spatial_frequency",
            ),
            "tang-table": Rule(partial(spatial_frequency, peak=1.0), "images in 0..1", smallest=2),
        },
    ),
    Metric(
        name="AG",
        title="average gradient of the fused image",
        higher_is_better=True,
        range=(0.0, 255.0),
        unit="level",
        reference="Cui et al., Opt. Commun. 2015",
        protocols={
            **same("standard cddfuse zoo", Rule(average_gradient, smallest=2)),
            "vifb": Rule(_AG_INNER, _INNER, smallest=2, program_name="Avg_gradient"),
            **same("tang tang-table", Rule(_AG_INNER, _INNER, smallest=2)),
        },
    ),
    Metric(
        name="EI",
        title="edge intensity: mean Sobel magnitude of the fused image",
        higher_is_better=True,
        range=(0.0, 1443.0),
        unit="level",
        reference="Rajalingam, Priya, IJESI 2018",
        protocols={
            "standard": Rule(edge_intensity),
            "vifb": Rule(edge_intensity, program_name="Edge_intensity"),
            "zoo": Rule(partial(edge_intensity, border="zero"), "black beyond the border"),
        },
    ),
)
