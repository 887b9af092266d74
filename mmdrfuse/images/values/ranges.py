"""Value ranges: stored values to [0, 1], and the network's output back to integers.

How the output is mapped decides the contrast of the picture and every score, so it is always an explicit
choice with a name, and the limits that were used are recorded.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse.errors import InputError, UnknownNameError

Range = Literal["clip", "minmax", "percentile", "fixed"]
RANGES: tuple[str, ...] = get_args(Range)
"""``clip``: [0, 1] as it is, the rest clipped. ``minmax``: every image stretched to its own extremes, as the
authors' program saves it; it flatters contrast scores, and neighbouring frames of a video flicker. ``percentile``:
from the 1st to the 99th percentile of a whole set or sequence. ``fixed:LO,HI``: from LO to HI."""

PERCENTILES = 1.0, 99.0
"""What ``percentile`` makes black and white."""
ROBUST = 0.1, 99.9
"""The same for infrared deeper than 8 bits, unless told otherwise: dead pixels do not count, small hot things do."""

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True)
class Levels:
    """Which stored values of the infrared become 0 and 1: the values themselves, or percentiles of a whole set."""

    low: float
    high: float
    percent: bool = False
    """``low`` and ``high`` are percentiles."""
    skip_eight_bit: bool = False
    """8-bit images are left as they are."""

    @classmethod
    def parse(cls, text: str) -> "Levels":
        """Read ``auto``, ``pLO..pHI`` (percentiles) or ``LO..HI`` (stored values).

        Raises:
            InputError: It is none of them, or LO is not below HI.
        """
        if text == "auto":
            return cls(*ROBUST, percent=True, skip_eight_bit=True)
        found = re.fullmatch(rf"(p?){_NUMBER}\.\.(p?){_NUMBER}", text)
        if found and found[1] == found[3]:
            levels = cls(float(found[2]), float(found[4]), percent=bool(found[1]))
            if levels.low < levels.high and (not levels.percent or 0 <= levels.low < levels.high <= 100):
                return levels
        raise InputError(
            f"infrared range {text!r} is none of auto, percentiles such as p1..p99, values such as 7000..9500 "
            "(the lower first)"
        )


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
    refuse_no_numbers(image)
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):
        raise InputError(f"float images must lie in [0, 1], not {low:.6g}..{high:.6g}; scale them first")
    return image.astype(np.float32, copy=False)


def refuse_no_numbers(image: NDArray[Any]) -> None:
    """Refuse an image with values that are no numbers, or infinite: nothing says what they should look like.

    Raises:
        InputError: There are some, as in dead pixels, or where there was nothing to measure.
    """
    odd = 0 if image.dtype.kind != "f" else image.size - int(np.count_nonzero(np.isfinite(image)))
    if odd:
        undefined = int(np.count_nonzero(np.isnan(image)))
        kinds = "infinite" if not undefined else "NaN" if undefined == odd else "NaN or infinite"
        raise InputError(
            f"{odd} of {image.size} values are no numbers ({kinds}); replace them first, such as by their neighbours"
        )


def stretch(image: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Scale stored values to [0, 1] so that ``low`` becomes 0 and ``high`` 1, and what lies beyond is cut.

    Args:
        image: Any shape and type of number.
        low: In the image's own values.
        high: The same, not below ``low``; where they are equal, everything becomes 0.

    Raises:
        InputError: There are values that are no numbers, or infinite.
    """
    refuse_no_numbers(image)
    gain = 1 / (high - low) if high > low else 0.0
    return np.clip((image.astype(np.float64) - low) * gain, 0, 1).astype(np.float32)


def constant_limits(policy: str) -> tuple[float, float] | None:
    """Give the limits of a policy that needs no look at an image; None for those that do.

    Raises:
        UnknownNameError: No such policy.
        InputError: ``fixed`` without two numbers, the lower first.
    """
    name, _, values = policy.partition(":")
    if name == "fixed":
        found = re.fullmatch(rf"{_NUMBER},{_NUMBER}", values)
        if not found or not float(found[1]) < float(found[2]):
            raise InputError(
                f"range {policy!r}: fixed needs the network's values that become black and white, "
                "the lower first, such as fixed:0.05,0.9"
            )
        return float(found[1]), float(found[2])
    if policy not in RANGES:
        raise UnknownNameError("range", policy, RANGES)
    return (0.0, 1.0) if policy == "clip" else None


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


def converted(image: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Give a stored image's values on another type's scale; itself where it has that type.

    Args:
        image: Any shape; uint8, uint16, or float in [0, 1].
        dtype: uint8, uint16, or a float type for [0, 1].

    Raises:
        InputError: As in `to_unit`.
    """
    return image if image.dtype == dtype else from_unit(to_unit(image), 0, 1, dtype)
