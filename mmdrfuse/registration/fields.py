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

from mmdrfuse.registration.geometry import resized, warped
from mmdrfuse.registration.projective import Matrix, enlargement_of, scaling

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


def scaled(picture: Picture, scale: float) -> tuple[Picture, Matrix]:
    """Resize both sides by one scale; return the picture and the matrix from its old to its new pixels."""
    height, width = (max(8, round(side * scale)) for side in picture.shape)
    return resized(picture, height, width), scaling(width / picture.shape[1], height / picture.shape[0])


def placed_field(
    picture: Picture, matrix: Matrix, shape: tuple[int, int], *, surroundings: float = 6.0, smoothing: float = 0.7
) -> tuple[Field, NDArray[np.bool_]]:
    """Compute the orientation field of a picture where a matrix places it.

    Args:
        picture: As `normalised` returns it.
        matrix: From its pixels to those of the result.
        shape: Of the result, height and width.
        surroundings: As for `orientation_field`.
        smoothing: The same.

    Returns:
        The field, and where the picture is and the field is not disturbed by its border.
    """
    enlargement = enlargement_of(matrix)
    if enlargement < 0.8:  # warping alone would skip pixels
        picture, ratio = scaled(picture, enlargement)
        matrix = matrix @ np.linalg.inv(ratio)
    field = orientation_field(
        warped(picture, matrix, *shape, edge=True), surroundings=surroundings, smoothing=smoothing
    )
    covered = warped(np.ones(picture.shape, np.float32), matrix, *shape) > 0.99
    return field, ndimage.binary_erosion(covered, np.ones((5, 5), bool))


def warped_field(field: Field, matrix: Matrix, shape: tuple[int, int], turn: float) -> Field:
    """Warp a field and turn its directions by ``turn`` radians."""
    real, imaginary = warped(field.real, matrix, *shape), warped(field.imag, matrix, *shape)
    turned: Field = ((real + 1j * imaginary) * np.exp(2j * turn)).astype(np.complex64)
    return turned
