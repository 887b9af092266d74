"""How a picture was made, and of what, whether in one piece or in blocks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stored:
    """One side as its file holds it."""

    width: int
    height: int
    dtype: np.dtype[Any]
    color: bool
    """Whether it has three channels."""
    sha256: str
    """Of the file, of the very bytes that were decoded."""

    @classmethod
    def of(cls, image: NDArray[Any], sha256: str) -> "Stored":
        """Describe a picture that was read in one piece."""
        return cls(image.shape[1], image.shape[0], image.dtype, image.ndim == 3, sha256)

    def __str__(self) -> str:
        """Return size, type and colour in words."""
        return f"{self.width}x{self.height} {self.dtype}{' RGB' if self.color else ''}"


@dataclass(frozen=True)
class Made:
    """A fused picture."""

    width: int
    height: int
    limits: tuple[float, float]
    """The network's values that became black and white."""
    color: bool
    """Whether it has colour."""
    dtype: np.dtype[Any]
    infrared: Stored
    visible: Stored
