"""Value ranges: stored values to [0, 1], and the network's output back to integers.

The mapping of the output decides the contrast of the picture and every score. So it is always an explicit choice with
a name, and the limits that it used are recorded.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse.errors import InputError, UnknownNameError
from mmdrfuse.images.values.tones import split_tone

Range = Literal["clip", "minmax", "percentile", "fixed"]
RANGES: tuple[str, ...] = get_args(Range)
"""``clip``: from 0 to 1. ``minmax``: every image from its own minimum to its own maximum, as in the authors' program;
this flatters contrast scores, and makes a video flicker. ``percentile``: from the 1st to the 99th percentile of a whole
set or sequence. ``fixed:LO,HI``: from LO to HI. Values outside are clipped. Each may be followed by
``+tone:GAIN,OFFSET``, as in `mmdrfuse.images.values.tones`."""

_TONES = ("tone:GAIN,OFFSET", "detector")

PERCENTILES = 1.0, 99.0
"""The percentiles that ``percentile`` makes black and white."""
ROBUST = 0.1, 99.9
"""The default percentiles for infrared with more than 8 bits: dead pixels do not count, small hot objects do."""

_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True)
class Levels:
    """The stored values of the infrared that become 0 and 1: the values themselves, or percentiles of a whole set."""

    low: float
    high: float
    percent: bool = False
    """Whether ``low`` and ``high`` are percentiles."""
    skip_eight_bit: bool = False
    """Whether 8-bit images stay as they are."""

    @classmethod
    def parse(cls, text: str) -> "Levels":
        """Read ``auto``, ``pLO..pHI`` (percentiles) or ``LO..HI`` (stored values).

        Raises:
            InputError: The text is none of them, or LO is not below HI.
        """
        if text == "auto":
            return cls(*ROBUST, percent=True, skip_eight_bit=True)
        match = re.fullmatch(rf"(p?){_NUMBER}\.\.(p?){_NUMBER}", text)
        if match and match[1] == match[3]:
            levels = cls(float(match[2]), float(match[4]), percent=bool(match[1]))
            within = not levels.percent or (levels.low >= 0 and levels.high <= 100)
            if within and levels.low < levels.high:
                return levels
        raise InputError(
            f"infrared range {text!r} is none of auto, percentiles such as p1..p99, values such as 7000..9500 "
            "(the lower first)"
        )


def to_unit(image: NDArray[Any]) -> NDArray[np.float32]:
    """Scale a stored image to [0, 1]: integers by their type's maximum, floats as they are.

    Raises:
        InputError: The dtype is not uint8, uint16 or float, or floats lie outside [0, 1].
    """
    if image.dtype in (np.uint8, np.uint16):
        gain = np.float32(1 / np.iinfo(image.dtype).max)
        scaled: NDArray[np.float32] = np.multiply(image, gain, dtype=np.float32)
        return scaled
    if image.dtype.kind != "f":
        raise InputError(f"images must be uint8, uint16 or float in [0, 1], not {image.dtype}; convert them first")
    refuse_nonfinite(image)
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):
        raise InputError(f"float images must lie in [0, 1], not {low:.6g}..{high:.6g}; scale them first")
    return image.astype(np.float32, copy=False)


def refuse_nonfinite(image: NDArray[Any]) -> None:
    """Refuse an image with values that are NaN or infinite, because nothing says what they should look like.

    Raises:
        InputError: There are such values, as for dead pixels, or where there was nothing to measure.
    """
    if image.dtype.kind != "f":
        return
    nonfinite = image.size - int(np.count_nonzero(np.isfinite(image)))
    if not nonfinite:
        return

    undefined = int(np.count_nonzero(np.isnan(image)))
    kinds = {0: "infinite", nonfinite: "NaN"}.get(undefined, "NaN or infinite")
    raise InputError(
        f"{nonfinite} of {image.size} values are no numbers ({kinds}); replace them first, such as by their neighbours"
    )


def stretch(image: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Scale stored values to [0, 1]: ``low`` becomes 0, ``high`` becomes 1, and values beyond them are clipped.

    Args:
        image: Any shape and type of number.
        low: In the image's own values.
        high: The same, not below ``low``; if they are equal, everything becomes 0.

    Raises:
        InputError: There are values that are NaN or infinite.
    """
    refuse_nonfinite(image)
    gain = 1 / (high - low) if high > low else 0.0
    scaled = (image.astype(np.float64) - low) * gain
    return np.clip(scaled, 0, 1).astype(np.float32)


def constant_limits(policy: str) -> tuple[float, float] | None:
    """Return the limits of a policy that does not depend on the image; None for other policies.

    Raises:
        UnknownNameError: No such policy.
        InputError: ``fixed`` without two numbers, the lower first; or a tone that is none.
    """
    base, tone = split_tone(str(policy))
    limits = _base_limits(base)
    return tone.limits(*limits) if limits else None


def _base_limits(policy: str) -> tuple[float, float] | None:
    name, _, values = policy.partition(":")
    if name == "fixed":
        match = re.fullmatch(rf"{_NUMBER},{_NUMBER}", values)
        if not match or not float(match[1]) < float(match[2]):
            raise InputError(
                f"range {policy!r}: fixed needs the network's values that become black and white, "
                "the lower first, such as fixed:0.05,0.9"
            )
        return float(match[1]), float(match[2])
    if policy not in RANGES:
        raise UnknownNameError("range", policy, (*RANGES, *_TONES))
    return (0.0, 1.0) if policy == "clip" else None


def from_unit(output: NDArray[np.float32], low: float, high: float, dtype: DTypeLike) -> NDArray[Any]:
    """Map ``low``..``high`` to the range of ``dtype``, rounded and clipped; a constant image under ``minmax`` is black.

    Args:
        output: H×W, any values.
        low: The value that becomes black.
        high: The value that becomes white.
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
    """Convert a stored image's values to another type's scale; return the image itself if it has that type.

    Args:
        image: Any shape; uint8, uint16, or float in [0, 1].
        dtype: uint8, uint16, or a float type for [0, 1].

    Raises:
        InputError: As in `to_unit`.
    """
    return image if image.dtype == dtype else from_unit(to_unit(image), 0, 1, dtype)
