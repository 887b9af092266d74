"""Tones: a gain and an offset of the luminance, after a picture is fused and without a change of its colour.

A detector that was trained on photos finds more in pictures of low contrast with a lifted black.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError
from mmdrfuse.images.values.colour import is_gray, luminance, recolour

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_OFFSET = r"(-?(?:\d+\.?\d*|\.\d+))"
_JOINT = "+tone:"


@dataclass(frozen=True, order=True)
class Tone:
    """``gain``·Y + ``offset`` of a luminance Y, on a scale of 0 to 255."""

    gain: float = 1.0
    offset: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Tone":
        """Read ``GAIN,OFFSET``, such as ``0.7,60``.

        Raises:
            InputError: The text is something else, or the gain is not above 0.
        """
        match = re.fullmatch(rf"{_NUMBER},{_OFFSET}", text)
        if not match or not float(match[1]) > 0:
            raise InputError(f"tone {text!r}: needs a gain above 0 and an offset in levels of 0 to 255, such as 0.7,60")
        return cls(float(match[1]), float(match[2]))

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.gain:g},{self.offset:g}"

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture in this tone: H×W or H×W×3, with its colour."""
        if self == Tone():
            return picture
        levels = np.clip(np.rint(self.gain * np.arange(256) + self.offset), 0, 255).astype(np.uint8)
        if is_gray(picture):
            gray: NDArray[np.uint8] = levels[picture]
            return gray
        luma = luminance(picture)
        toned: NDArray[Any] = recolour(levels[luma], picture, luma)
        return toned

    def limits(self, low: float, high: float) -> tuple[float, float]:
        """Return the values that become black and white in this tone.

        Args:
            low: The value that becomes black without it.
            high: The value that becomes white without it.
        """
        width = (high - low) / self.gain
        start = low - self.offset / 255 * width
        return start, start + width


DETECTOR = Tone(0.7, 60.0)
"""The tone for detectors: docs/detect.md says for which it was measured, and what it brought."""


def split_tone(policy: str) -> tuple[str, Tone]:
    """Split a range policy into that of the limits and the tone after it.

    Raises:
        InputError: The tone is none.

    Example:
        >>> split_tone("minmax+tone:0.7,60")
        ('minmax', Tone(gain=0.7, offset=60.0))
    """
    if policy == "detector":
        return "clip", DETECTOR
    name, joint, tone = f"+{policy}".rpartition(_JOINT) if policy.startswith("tone:") else policy.rpartition(_JOINT)
    if not joint:
        return policy, Tone()
    return name or "clip", Tone.parse(tone)


def toned_over(own: str, asked: str) -> str:
    """Return the policy that is asked for; a tone alone goes over the policy of the weights.

    Args:
        own: The policy of the weights.
        asked: The policy asked for.

    Raises:
        InputError: The tone is none.

    Example:
        >>> toned_over("minmax", "detector")
        'minmax+tone:0.7,60'
    """
    if asked != "detector" and not asked.startswith("tone:"):
        return asked
    return f"{split_tone(own)[0]}{_JOINT}{split_tone(asked)[1]}"
