"""What is recorded of a fused picture and its sources, whether it was fused in one piece or in blocks.

`WholePair.fuse` and `BlockwisePair.fuse` return it; `folder` makes a line of the manifest of it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SourceInfo:
    """Size, type and hash of one side, as its file holds it."""

    width: int
    height: int
    dtype: np.dtype[Any]
    color: bool
    """Whether it has three channels."""
    sha256: str
    """Of the file, of the very bytes that were decoded."""

    @classmethod
    def of(cls, image: NDArray[Any], sha256: str) -> "SourceInfo":
        """Describe a picture that was read in one piece."""
        height, width = image.shape[:2]
        return cls(width, height, image.dtype, image.ndim == 3, sha256)

    def __str__(self) -> str:
        """Return size, type and colour in words."""
        return f"{self.width}x{self.height} {self.dtype}{' RGB' if self.color else ''}"


@dataclass(frozen=True)
class FusedInfo:
    """Size, type and output limits of a fused picture, with its sources."""

    width: int
    height: int
    limits: tuple[float, float]
    """The network's values that became black and white."""
    color: bool
    """Whether it has colour."""
    dtype: np.dtype[Any]
    infrared: SourceInfo
    visible: SourceInfo
