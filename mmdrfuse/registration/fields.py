"""Orientation fields: what infrared and visible pictures of one scene have in common.

An edge is seen by both cameras, brighter on either side and with any contrast. So each pixel gets the direction of its
edge at double angle, which does not change when bright and dark are exchanged, with a strength that is compared with
its surroundings, which takes contrast out. Fields are complex64, H×W, with magnitudes in [0, 1).

Double angle: Granlund, "In search of a general picture processing operator", CGIP 1978.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.registration.projective import Matrix, scaling

Picture = NDArray[np.float32]
Field = NDArray[np.complex64]

DARKEST, BRIGHTEST = 0.5, 99.5
"""Percentiles that `normalised` makes 0 and 1: dead pixels and lamps do not count."""

NOISE = 0.004
"""Strength of gradient, of pictures in [0, 1], below which an edge is taken for noise."""

FLAT = 1e-4
"""Standard deviation of a normalised picture below which it shows nothing."""


def normalised(picture: NDArray[Any]) -> Picture:
    """Return a picture as grey float32 between 0 and 1; 0 everywhere if it is flat.

    Args:
        picture: H×W or H×W×3, of any range.
    """
    gray = np.asarray(picture, np.float32)
    if gray.ndim == 3:
        gray = gray @ np.array([0.299, 0.587, 0.114], np.float32)

    low, high = np.percentile(gray, [DARKEST, BRIGHTEST])
    if not high > low:
        return np.zeros_like(gray)
    unit: Picture = np.clip((gray - low) / (high - low), 0, 1).astype(np.float32)
    return unit


def orientation_field(picture: Picture, *, surroundings: float = 6.0, smoothing: float = 0.7) -> Field:
    """Compute the orientation field of a picture.

    Args:
        picture: As `normalised` returns it.
        surroundings: Standard deviation of the window that a gradient is compared with, pixels.
        smoothing: Standard deviation of the blur before the gradient, pixels.
    """
    smooth = blurred(picture, smoothing)
    across = ndimage.sobel(smooth, axis=1, mode="nearest") / 8
    down = ndimage.sobel(smooth, axis=0, mode="nearest") / 8

    gradient = (across + 1j * down).astype(np.complex64)
    size = np.abs(gradient)
    local = blurred(size, surroundings)
    strength = size / (size + 0.5 * local + NOISE)

    # Divided as real numbers: the division of complex ones underflows.
    direction = (gradient * (1 / np.maximum(size, 1e-9))) ** 2
    field: Field = (direction * strength**2).astype(np.complex64)
    field[[0, -1]] = 0
    field[:, [0, -1]] = 0
    return field


def detailed(field: Field, scale: float) -> Field:
    """Return a field without its course over more than ``scale`` pixels, such as a sky of even noise."""
    coarse = blurred(field.real, scale) + 1j * blurred(field.imag, scale)
    return (field - coarse).astype(np.complex64)


def blurred(picture: NDArray[Any], scale: float) -> Picture:
    """Blur by a Gaussian of ``scale`` pixels."""
    smooth: Picture = ndimage.gaussian_filter(picture, scale, mode="mirror", truncate=3.0, output=np.float32)
    return smooth


def resized(picture: Picture, scale: float) -> tuple[Picture, Matrix]:
    """Resize by the mean over areas; return the picture and the matrix from its old to its new pixels."""
    from PIL import Image

    height, width = picture.shape
    new_height, new_width = max(8, round(height * scale)), max(8, round(width * scale))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    small = np.array(
        Image.fromarray(picture).resize((new_width, new_height), how)
    )  # a copy: warping needs writable memory
    return small, scaling(new_width / width, new_height / height)


def warped(plane: NDArray[Any], matrix: Matrix, shape: tuple[int, int], *, edge: bool = False) -> Picture:
    """Warp a plane, bilinearly.

    Args:
        plane: H×W.
        matrix: From its pixels to those of the result.
        shape: Of the result, height and width.
        edge: Repeat the border outside of the plane; otherwise it is 0 there.
    """
    from skimage.transform import warp

    inverse = np.linalg.inv(matrix)
    mode = "edge" if edge else "constant"
    result: Picture = warp(
        np.ascontiguousarray(plane, np.float32), inverse, output_shape=shape, order=1, mode=mode, preserve_range=True
    ).astype(np.float32, copy=False)
    return result


def warped_field(field: Field, matrix: Matrix, shape: tuple[int, int], turn: float) -> Field:
    """Warp a field and turn its directions by ``turn`` radians."""
    real, imaginary = warped(field.real, matrix, shape), warped(field.imag, matrix, shape)
    turned: Field = ((real + 1j * imaginary) * np.exp(2j * turn)).astype(np.complex64)
    return turned
