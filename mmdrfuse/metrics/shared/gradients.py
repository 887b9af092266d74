"""Sobel gradients of the three images, and how two gradients are compared."""

import math
from typing import Literal, NamedTuple

import numpy as np

from mmdrfuse.metrics.shared.triple import GrayImage, ImageName, Triple, Vector, once
from mmdrfuse.system.compiling import compiled

Border = Literal["zero", "edge", "reflect"]
"""Values beyond the border: black, the border pixel repeated, or the image mirrored without repeating it."""


class Gradient(NamedTuple):
    """Gradient of an image in polar form, (H, W) each."""

    magnitude: GrayImage
    angle: GrayImage
    """In (-pi/2, pi/2], pi/2 wherever the x-derivative is 0."""


@once
def gradient(t: Triple, name: ImageName, *, border: Border, peak: float = 255.0) -> Gradient:
    """Return the Sobel gradient of one of a triple's images, the kernel undivided.

    Args:
        t: Images 0..255.
        name: Which image.
        border: What lies beyond the border.
        peak: The value that 255 stands for: 1 for images in 0..1.
    """
    image = t.image(name)
    if peak != 255.0:
        image = image / 255.0 * peak

    magnitude = np.empty_like(image)
    tangent = np.empty_like(image)
    _polar(_padded(image, border), magnitude, tangent)
    return Gradient(magnitude, np.arctan(tangent, out=tangent))


def sobel_magnitude(image: GrayImage, *, border: Border) -> GrayImage:
    """Return the magnitude of the Sobel gradient, (H, W), the kernel undivided."""
    across, down = sobel(image, border=border)
    return np.sqrt(across**2 + down**2)


def sobel(image: GrayImage, *, border: Border) -> tuple[GrayImage, GrayImage]:
    """Return the horizontal and the vertical Sobel derivative, the latter positive towards the top.

    The terms are added column by column, as MATLAB's convolution does. On whole numbers any order gives the same
    sums; on fractions it decides the last bit, and with it whether two gradients are equal.

    Args:
        image: (H, W).
        border: What lies beyond the border.

    Returns:
        Two arrays (H, W).
    """
    across = np.empty_like(image)
    down = np.empty_like(image)
    _derivatives(_padded(image, border), across, down)
    return across, down


def prewitt_magnitude(image: GrayImage) -> GrayImage:
    """Return the magnitude of the Prewitt gradient, (H, W), the kernel undivided, black beyond the border."""
    magnitude = np.empty_like(image)
    _prewitt(_padded(image, "zero"), magnitude)
    return magnitude


def parallelism(x: Gradient, y: Gradient) -> GrayImage:
    """Return how parallel two gradients are, ``(2/pi) | |angle_x - angle_y| - pi/2 |``: 0..1, (H, W)."""
    result = x.angle - y.angle
    # in place: these maps are large, and each step is cheaper than the memory for its result
    np.abs(result, out=result)
    result -= np.pi / 2
    np.abs(result, out=result)
    result /= np.pi / 2
    return result


def _padded(image: GrayImage, border: Border) -> GrayImage:
    mode: Literal["constant", "edge", "reflect"] = "constant" if border == "zero" else border
    return np.pad(image, 1, mode=mode)


@compiled()
def _derivatives(padded: GrayImage, across: GrayImage, down: GrayImage) -> None:
    # results are filled in, not made here: NumPy gets large arrays from the system several times as fast as numba does
    for y in range(across.shape[0]):
        _sobel_row(padded[y], padded[y + 1], padded[y + 2], across[y], down[y])


@compiled(error_model="numpy")
def _polar(padded: GrayImage, magnitude: GrayImage, tangent: GrayImage) -> None:
    height, width = magnitude.shape
    across = np.empty(width)
    down = np.empty(width)
    for y in range(height):
        _sobel_row(padded[y], padded[y + 1], padded[y + 2], across, down)
        for x in range(width):
            magnitude[y, x] = math.sqrt(across[x] * across[x] + down[x] * down[x])
            tangent[y, x] = down[x] / across[x] if across[x] != 0.0 else math.inf


@compiled()
def _prewitt(padded: GrayImage, magnitude: GrayImage) -> None:
    height, width = magnitude.shape
    for y in range(height):
        above = padded[y]
        here = padded[y + 1]
        below = padded[y + 2]
        for x in range(width):
            across = above[x] + here[x] + below[x] - above[x + 2] - here[x + 2] - below[x + 2]
            down = above[x] + above[x + 1] + above[x + 2] - below[x] - below[x + 1] - below[x + 2]
            magnitude[y, x] = math.sqrt(across * across + down * down)


@compiled()
def _sobel_row(above: Vector, here: Vector, below: Vector, across: Vector, down: Vector) -> None:
    for x in range(across.size):
        across[x] = -below[x + 2] - 2.0 * here[x + 2] - above[x + 2] + below[x] + 2.0 * here[x] + above[x]
        down[x] = below[x + 2] - above[x + 2] + 2.0 * below[x + 1] - 2.0 * above[x + 1] + below[x] - above[x]
