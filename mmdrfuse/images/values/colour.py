"""Luminance and colour: the network fuses Y of ITU-R BT.601 (JPEG's YCbCr, full range)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.system.native import function

BT601 = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in Y: ITU-R BT.601, as JFIF uses them."""

COLORS = ("auto", "hue", "gray")
"""How a source's colour gets into the fused picture: by YCbCr, with its hue unchanged at the ends of the range, or not
at all."""

_COMPILED = (np.uint8, np.uint16)


def is_gray(image: NDArray[Any]) -> bool:
    """Return whether an image holds no colour: it has one channel, or three that are equal everywhere."""
    if image.ndim == 2:
        return True
    if image.dtype in _COMPILED:
        has_colour = np.zeros(1, np.uint8)
        _run_kernel("find_colour", image.size // 3, image, has_colour)
        return not has_colour[0]
    red, green, blue = np.moveaxis(image, -1, 0)
    return np.array_equal(red, green) and np.array_equal(green, blue)


def luminance(image: NDArray[Any]) -> NDArray[Any]:
    """Compute Y = 0.299 R + 0.587 G + 0.114 B, rounded for integers; grey is returned unchanged.

    Args:
        image: H×W or H×W×3, any range.

    Returns:
        H×W of the same dtype.
    """
    if image.ndim == 2:
        return image
    if image.dtype in _COMPILED:
        luma = np.empty(image.shape[:2], image.dtype)
        _run_kernel("compute_luminance", luma.size, image, luma)
        return luma
    if is_gray(image):
        return np.ascontiguousarray(image[..., 0])
    weighted: NDArray[np.float32] = image @ BT601
    return np.rint(weighted).astype(image.dtype) if image.dtype.kind == "u" else weighted.astype(image.dtype)


def recolour(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], *, color: str = "ycbcr") -> NDArray[Any]:
    """Combine a fused luminance with the colour of one of its sources.

    Let c be a channel of the source, l its luminance and y the fused luminance. ``ycbcr`` replaces Y in YCbCr and
    converts back. This adds the change of Y to R, G and B alike, so the result is y + (c - l), without rounded chroma.
    Values outside the range are clipped, which changes hue and luminance: a lamp loses light and turns green.

    ``hue`` computes y + s (c - l), with the largest s of at most 1 for which no channel leaves the range. Shifting and
    scaling the three channels alike preserves the hue (Naik and Murthy). The luminance is y everywhere, because that of
    c - l is 0. Colours fade only where ``ycbcr`` would clip them.

    Args:
        fused: H×W, the new Y.
        coloured: H×W×3 of the same dtype and size.
        luma: H×W, the `luminance` of ``coloured``.
        color: ``ycbcr`` or ``hue``.

    Returns:
        H×W×3 of the same dtype.

    References:
        S. K. Naik, C. A. Murthy, "Hue-Preserving Color Image Enhancement Without Gamut Problem", IEEE Transactions on
        Image Processing 12 (12), 2003, https://doi.org/10.1109/TIP.2003.819231.
    """
    top = 1 if fused.dtype.kind == "f" else int(np.iinfo(fused.dtype).max)
    result = _shifted(fused, coloured, luma, top)
    if color == "hue":
        clipped = ((result == 0) | (result == top)).any(axis=2)  # or exactly at an end of the range
        result[clipped] = _scaled_chroma(fused[clipped], coloured[clipped], luma[clipped], top)
    return result


def _shifted(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], top: int) -> NDArray[Any]:
    """Add the change of luminance to all three channels, and clip."""
    if fused.dtype in _COMPILED and fused.dtype == coloured.dtype == luma.dtype:
        shifted = np.empty(coloured.shape, fused.dtype)
        _run_kernel("shift_luminance", fused.size, top, fused, coloured, luma, shifted)
        return shifted
    change = fused.astype(fused.dtype if top == 1 else np.int32) - luma
    result: NDArray[Any] = np.clip(coloured + change[..., None], 0, top).astype(fused.dtype)
    return result


def _scaled_chroma(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], top: int) -> NDArray[np.float64]:
    """Add as much of the chroma to the luminance of each of N pixels as fits into 0..top."""
    y = fused.astype(np.float64)
    chroma = coloured.astype(np.float64) - luma[:, None]
    scale = np.ones_like(y)
    for room, excess in ((top - y, chroma.max(axis=1)), (y, -chroma.min(axis=1))):
        fitting = np.divide(room, excess, out=np.ones_like(y), where=excess > 0)
        scale = np.minimum(scale, fitting)
    # Clipped, because rounding of the float operations may still leave the range.
    result: NDArray[np.float64] = np.clip(y[:, None] + scale[:, None] * chroma, 0, top)
    return result if top == 1 else np.rint(result)


def _run_kernel(name: str, *arguments: NDArray[Any] | int) -> None:
    """Call a function of `mmdrfuse.images.values.pixels` with numbers and the addresses of arrays."""
    types: list[str] = []
    values: list[int] = []
    arrays: list[NDArray[Any]] = []  # an array must outlive the call that has its address
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            arrays.append(np.ascontiguousarray(argument))
            types.append(f"{argument.dtype}*")
            values.append(arrays[-1].ctypes.data)
        else:
            types.append("int64")
            values.append(argument)
    function("mmdrfuse.images.values.pixels", name, *types)(*values)
