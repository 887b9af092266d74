"""From stored pixels to the gray levels a protocol sees.

The four rules agree wherever red, green and blue are equal and differ by at most one level elsewhere. Levels of uint8
stay uint8; an image that is stored with one channel passes through each of them unchanged.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, StoredGray

StoredImage = npt.NDArray[np.uint8] | npt.NDArray[np.floating]
"""(H, W) or (H, W, 3), values 0..255, as in a file or from a caller."""

BT601 = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of ITU-R BT.601, as printed in the standard."""

MATLAB = (0.298936021293775, 0.587043074451121, 0.114020904255103)
"""The same as MATLAB's rgb2gray derives them from the inverse of NTSC's matrix."""


def _one_channel_passes(rule: Callable[[StoredImage], GrayImage]) -> Callable[[StoredImage], StoredGray]:
    @wraps(rule)
    def gray(image: StoredImage) -> StoredGray:
        if image.ndim == 2:
            return image
        levels = rule(image)
        return levels.astype(np.uint8) if image.dtype == np.uint8 else levels

    return gray


@_one_channel_passes
def rounded_luma(image: StoredImage) -> GrayImage:
    """Return the gray level by BT.601 in double precision, rounded to the nearest level (halves to even).

    Args:
        image: (H, W) or (H, W, 3), values 0..255.

    Returns:
        (H, W), values 0..255; whole numbers unless `image` has one channel and fractions.
    """
    red, green, blue = _channels(image)
    return np.rint(BT601[0] * red + BT601[1] * green + BT601[2] * blue)


@_one_channel_passes
def single_luma(image: StoredImage) -> GrayImage:
    """Return the gray level by BT.601 in single precision as OpenCV computes it for float images, halves to even.

    The order of the additions decides whether a sum that ends in .5 is rounded up or down: green first, then blue and
    red each by a fused multiply-add, which is a float64 sum rounded to float32. All 2^24 colours agree with OpenCV's.

    Args:
        image: (H, W) or (H, W, 3), values 0..255.

    Returns:
        (H, W), values 0..255.
    """
    red, green, blue = _channels(image)
    weights = np.array(BT601, np.float32).astype(np.float64)
    luma = _to_single(weights[1] * green)
    luma = _to_single(luma + weights[2] * blue)
    return np.rint(_to_single(luma + weights[0] * red))


@_one_channel_passes
def matlab_luma(image: StoredImage) -> GrayImage:
    """Return the gray level that MATLAB's ``rgb2gray`` gives for 8-bit images, rounded halves up.

    Args:
        image: (H, W) or (H, W, 3), values 0..255.

    Returns:
        (H, W), values 0..255.
    """
    red, green, blue = _channels(image)
    return np.floor(MATLAB[0] * red + MATLAB[1] * green + MATLAB[2] * blue + 0.5)


@_one_channel_passes
def pillow_luma(image: StoredImage) -> GrayImage:
    """Return the gray level by BT.601 in 16-bit fractions as Pillow's mode ``L`` has it, rounded halves up.

    Args:
        image: (H, W, 3), values 0..255.

    Returns:
        (H, W), values 0..255.
    """
    red, green, blue = _channels(image)
    return np.floor((19595.0 * red + 38470.0 * green + 7471.0 * blue + 32768.0) / 65536.0)


def _channels(image: StoredImage) -> tuple[GrayImage, GrayImage, GrayImage]:
    red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
    return red, green, blue


def _to_single(values: GrayImage) -> GrayImage:
    return values.astype(np.float32).astype(np.float64)
