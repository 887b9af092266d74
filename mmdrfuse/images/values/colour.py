"""Luminance in, colour out: what is fused is Y of ITU-R BT.601 (JPEG's YCbCr, full range)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.system.native import function

BT601 = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in Y: ITU-R BT.601, as JFIF uses them."""

COLORS = ("auto", "hue", "gray")
"""What becomes of a source's colour: kept by YCbCr, kept without harm at the border of the range, or left out."""

_COMPILED = (np.uint8, np.uint16)


def is_gray(image: NDArray[Any]) -> bool:
    """Tell whether an image holds no colour: one channel, or three that are equal everywhere."""
    if image.ndim == 2:
        return True
    if image.dtype in _COMPILED:
        found = np.zeros(1, np.uint8)
        _each_pixel("find_colour", image.size // 3, image, found)
        return not found[0]
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
    if image.dtype in _COMPILED:
        luma = np.empty(image.shape[:2], image.dtype)
        _each_pixel("weigh", luma.size, image, luma)
        return luma
    if is_gray(image):
        return np.ascontiguousarray(image[..., 0])
    weighted: NDArray[np.float32] = image @ BT601
    return np.rint(weighted).astype(image.dtype) if image.dtype.kind == "u" else weighted.astype(image.dtype)


def recolour(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], *, color: str = "ycbcr") -> NDArray[Any]:
    """Give a fused luminance the colour of one of its sources.

    Replacing Y in YCbCr and converting back adds the change of Y to R, G and B alike: with c the colour, l its
    luminance and y the new one, y + (c - l), without rounding the chroma in between. What leaves the range is clipped,
    which changes hue and luminance there: a lamp loses light and drifts to green. ``hue`` gives y + s (c - l) instead,
    with the largest s of at most 1 that stays within the range. Shifting and scaling all three channels alike keeps the
    hue (Naik and Murthy), and as c - l has no luminance, that is y everywhere: colours fade at the border of the range,
    and there alone.

    Args:
        fused: H×W, the new Y.
        coloured: H×W×3 of the same dtype and size.
        luma: H×W, its own `luminance`.
        color: ``ycbcr`` or ``hue``.

    Returns:
        H×W×3 of the same dtype.

    References:
        S. K. Naik, C. A. Murthy, "Hue-Preserving Color Image Enhancement Without Gamut Problem", IEEE Transactions on
        Image Processing 12 (12), 2003, https://doi.org/10.1109/TIP.2003.819231.
    """
    top = 1 if fused.dtype.kind == "f" else int(np.iinfo(fused.dtype).max)
    moved = _moved(fused, coloured, luma, top)
    if color == "hue":
        border = ((moved == 0) | (moved == top)).any(axis=2)  # where something may have been clipped
        moved[border] = _faded(fused[border], coloured[border], luma[border], top)
    return moved


def _moved(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], top: int) -> NDArray[Any]:
    """Add the change of luminance to all three channels, and clip."""
    if fused.dtype in _COMPILED and fused.dtype == coloured.dtype == luma.dtype:
        moved = np.empty(coloured.shape, fused.dtype)
        _each_pixel("move", fused.size, top, fused, coloured, luma, moved)
        return moved
    change = fused.astype(fused.dtype if top == 1 else np.int32) - luma
    result: NDArray[Any] = np.clip(coloured + change[..., None], 0, top).astype(fused.dtype)
    return result


def _faded(fused: NDArray[Any], coloured: NDArray[Any], luma: NDArray[Any], top: int) -> NDArray[np.float64]:
    """Add chroma to the new luminance, of each of N pixels as much as fits between black and white."""
    new = fused.astype(np.float64)
    chroma = coloured.astype(np.float64) - luma[:, None]
    scale = np.ones_like(new)
    for room, needed in ((top - new, chroma.max(axis=1)), (new, -chroma.min(axis=1))):
        np.minimum(scale, np.divide(room, needed, out=np.ones_like(new), where=needed > 0), out=scale)
    faded: NDArray[np.float64] = np.clip(new[:, None] + scale[:, None] * chroma, 0, top)
    return faded if top == 1 else np.rint(faded)


def _each_pixel(name: str, *arguments: NDArray[Any] | int) -> None:
    """Call a loop of `mmdrfuse.images.values.pixels` with numbers and the addresses of pictures."""
    kept = [np.ascontiguousarray(given) if isinstance(given, np.ndarray) else given for given in arguments]
    types = [f"{given.dtype}*" if isinstance(given, np.ndarray) else "int64" for given in kept]
    function("mmdrfuse.images.values.pixels", name, *types)(
        *(given.ctypes.data if isinstance(given, np.ndarray) else given for given in kept)
    )
