"""Statistics of the fused image alone: its spread SD, and its detail by SF, AG and EI."""

from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.gradients import Border, sobel_magnitude
from mmdrfuse.metrics.shared.triple import GrayImage, Triple


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
    difference = t.fused - t.fused.mean()
    if saturated:
        difference = np.clip(np.floor(difference + 0.5), 0.0, 255.0)
        return float(np.sqrt(np.minimum(difference**2, 255.0).mean()))
    return float(np.sqrt(np.mean(difference**2)))


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
    across = np.diff(t.fused, axis=1)
    down = np.diff(t.fused, axis=0)
    count_across, count_down = (t.fused.size, t.fused.size) if per_pixel else (across.size, down.size)

    square = (across**2).sum() / count_across + (down**2).sum() / count_down
    return float(np.sqrt(square)) * peak / 255.0


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
    down, across = np.gradient(t.fused)
    slopes: GrayImage = np.sqrt((across**2 + down**2) / 2.0)
    count: int = t.fused[1:, 1:].size if inner_count else t.fused.size
    return float(slopes.sum()) / count


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
    magnitude: GrayImage = sobel_magnitude(t.fused, border=border)
    return float(magnitude.mean())


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
