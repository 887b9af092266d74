"""Value ranges: stored integers to [0, 1], and the network's output back to integers.

How the output is mapped decides the contrast of the picture and every score, so it is always an explicit
choice with a name, and the limits that were used are recorded.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse.errors import InputError, UnknownNameError

Range = Literal["clip", "minmax"]
RANGES: tuple[str, ...] = get_args(Range)
"""``clip``: [0, 1] as it is, the rest clipped. ``minmax``: every image stretched to its own extremes, as the
authors' program saves it; it flatters contrast scores, and neighbouring frames of a video flicker."""


def to_unit(image: NDArray[Any]) -> NDArray[np.float32]:
    """Scale a stored image to [0, 1]: integers by their type's maximum, floats as they are.

    Raises:
        InputError: A dtype other than uint8, uint16 or float, or floats outside [0, 1].
    """
    if image.dtype in (np.uint8, np.uint16):
        scaled: NDArray[np.float32] = np.multiply(image, np.float32(1 / np.iinfo(image.dtype).max), dtype=np.float32)
        return scaled
    if image.dtype.kind != "f":
        raise InputError(f"images must be uint8, uint16 or float in [0, 1], not {image.dtype}; convert them first")
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise InputError(f"float images must lie in [0, 1], not {low:.6g}..{high:.6g}; scale them first")
    return image.astype(np.float32, copy=False)


def limits(output: NDArray[np.float32], policy: str) -> tuple[float, float]:
    """Give the values of the network's output that become black and white.

    Raises:
        UnknownNameError: No such policy.
    """
    if policy == "clip":
        return 0.0, 1.0
    if policy == "minmax":
        return float(output.min()), float(output.max())
    raise UnknownNameError("range", policy, RANGES)


def from_unit(output: NDArray[np.float32], low: float, high: float, dtype: DTypeLike) -> NDArray[Any]:
    """Map ``low``..``high`` to the range of ``dtype``, rounded and clipped; a constant image under ``minmax`` is black.

    Args:
        output: H×W, any values.
        low: What becomes black.
        high: What becomes white.
        dtype: uint8, uint16, or a float type for [0, 1].
    """
    kind = np.dtype(dtype)
    top = 1 if kind.kind == "f" else np.iinfo(kind).max
    gain = top / (high - low) if high > low else 0.0
    scaled = (output - np.float32(low)) * np.float32(gain)
    if kind.kind == "u":
        np.rint(scaled, out=scaled)
    return np.clip(scaled, 0, top, out=scaled).astype(kind, copy=False)
