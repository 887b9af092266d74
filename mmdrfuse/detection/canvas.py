"""The picture as a network takes it: on a canvas of the network's size, and the boxes back in the picture's pixels."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.detection.detections import Picture

Fit = Literal["centre", "corner", "stretch"]
"""How a picture gets onto the canvas: scaled as a whole with equal margins, or with margins at the right and below
alone, or stretched to fill it."""

MARGIN = 114
"""Grey level of the margins."""


@dataclass(frozen=True)
class Canvas:
    """A picture on the network's canvas, and the way back."""

    pixels: NDArray[np.uint8]
    """Height×width×3 of the canvas, RGB."""
    scale: tuple[float, float]
    """Pixels of the canvas for a pixel of the picture, along x and y."""
    offset: tuple[int, int]
    """Left and upper margin, in pixels of the canvas."""

    @classmethod
    def of(cls, picture: Picture, size: tuple[int, int], fit: Fit) -> "Canvas":
        """Put a picture onto a canvas.

        Args:
            picture: H×W×3.
            size: Width and height of the canvas.
            fit: How.
        """
        width, height = size
        rows, columns = picture.shape[:2]
        if fit == "stretch":
            return cls(_resized(picture, width, height), (width / columns, height / rows), (0, 0))
        scale = min(width / columns, height / rows)
        inner = max(1, min(width, round(columns * scale))), max(1, min(height, round(rows * scale)))
        left, top = (0, 0) if fit == "corner" else ((width - inner[0]) // 2, (height - inner[1]) // 2)
        pixels = np.full((height, width, 3), MARGIN, np.uint8)
        pixels[top : top + inner[1], left : left + inner[0]] = _resized(picture, *inner)
        return cls(pixels, (scale, scale), (left, top))

    def back(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return boxes on the canvas, N×4, in pixels of the picture."""
        moved: NDArray[np.float64] = (boxes - np.array(self.offset * 2)) / np.array(self.scale * 2)
        return moved

    def tensor(self, *, bgr: bool, divisor: float, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
        """Return the canvas as a network takes it: 1×3×height×width.

        Args:
            bgr: Whether the channels are blue, green, red.
            divisor: What the levels, 0 to 255, are divided by.
            dtype: Of the result.
        """
        channels = self.pixels[..., ::-1] if bgr else self.pixels
        values = np.moveaxis(channels, -1, 0)[None].astype(np.float32)
        if divisor != 1:
            values /= divisor
        return np.ascontiguousarray(values, dtype)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
