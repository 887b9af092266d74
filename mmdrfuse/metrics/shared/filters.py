"""Steps on one whole image that several families of metrics share."""

from typing import Literal

import numpy as np
import scipy.fft
from scipy.ndimage import correlate1d

from mmdrfuse.metrics.shared.triple import Plane, Triple, once


def stretch255(plane: Plane) -> Plane:
    """Spread an image's own range over 0..255 and round to the nearest level, halves up.

    Args:
        plane: (H, W), values 0..255.

    Returns:
        Whole numbers 0..255, (H, W). A black image stays black; any other constant image becomes NaN, as in the
        programs that stretch.
    """
    low, high = plane.min(), plane.max()
    if low == high:
        return np.zeros_like(plane) if high == 0.0 else np.full_like(plane, np.nan)
    stretched: Plane = np.floor((plane - low) / (high - low) * 255.0 + 0.5)
    return stretched


@once
def stretched(t: Triple) -> Triple:
    """The triple of the three images, each stretched by `stretch255`."""
    return Triple(*(stretch255(image) for image in t.images))


def smooth(plane: Plane, taps: Plane, *, border: Literal["valid", "zero"]) -> Plane:
    """Filter rows and columns with the same symmetric taps.

    Args:
        plane: (H, W).
        taps: (n,), n odd, symmetric.
        border: ``"valid"`` keeps windows inside the image, ``"zero"`` puts black beyond its border.

    Returns:
        (H-n+1, W-n+1) for ``"valid"``, (H, W) for ``"zero"``.
    """
    out = correlate1d(correlate1d(plane, taps, axis=0, mode="constant"), taps, axis=1, mode="constant")
    margin = taps.size // 2 if border == "valid" else 0
    return out[margin : out.shape[0] - margin, margin : out.shape[1] - margin]


def cycles_per_image(shape: tuple[int, int]) -> Plane:
    """Radial frequency of each coefficient of a real image's Fourier transform, in whole cycles per image side.

    Args:
        shape: Height and width of the image.

    Returns:
        (H, W // 2 + 1), laid out as `scipy.fft.rfft2` lays out its result.
    """
    height, width = shape
    return np.hypot(scipy.fft.fftfreq(height, 1.0 / height)[:, None], scipy.fft.rfftfreq(width, 1.0 / width))


def filter_frequencies(plane: Plane, transfer: Plane) -> Plane:
    """Multiply an image's spectrum with a transfer function of `cycles_per_image`.

    Args:
        plane: (H, W).
        transfer: (H, W // 2 + 1), real.

    Returns:
        (H, W); the image counts as periodic.
    """
    return scipy.fft.irfft2(scipy.fft.rfft2(plane) * transfer, plane.shape)
