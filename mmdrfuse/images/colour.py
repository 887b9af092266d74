"""Luminance in, colour out: what is fused is Y of ITU-R BT.601 (JPEG's YCbCr, full range)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BT601 = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in Y: ITU-R BT.601, as JFIF uses them."""


def is_gray(image: NDArray[Any]) -> bool:
    """Tell whether an image holds no colour: one channel, or three that are equal everywhere."""
    if image.ndim == 2:
        return True
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all())


def luminance(image: NDArray[Any]) -> NDArray[Any]:
    """Give Y = 0.299 R + 0.587 G + 0.114 B, rounded for integers; grey is passed through exactly.

    Args:
        image: H×W or H×W×3, any range.

    Returns:
        H×W of the same dtype.
    """
    if image.ndim == 2:
        return image
    if is_gray(image):
        return np.ascontiguousarray(image[..., 0])
    weighted: NDArray[np.float32] = image @ BT601
    return np.rint(weighted).astype(image.dtype) if image.dtype.kind == "u" else weighted.astype(image.dtype)


def recolour(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any]) -> NDArray[Any]:
    """Give a fused luminance the colour of one of its sources.

    Replacing Y in YCbCr and converting back adds the change of Y to R, G and B alike, so this is done
    directly, without rounding the chroma in between; what leaves the range is clipped.

    Args:
        fused: H×W, the new Y.
        coloured: H×W×3 of the same dtype and size.
        luma: H×W, its own `luminance`.

    Returns:
        H×W×3 of the same dtype.
    """
    floating = fused.dtype.kind == "f"
    wide, top = (fused.dtype, 1) if floating else (np.dtype(np.int32), np.iinfo(fused.dtype).max)
    change = fused.astype(wide) - luma
    result: NDArray[Any] = np.clip(coloured + change[..., None], 0, top).astype(fused.dtype)
    return result
