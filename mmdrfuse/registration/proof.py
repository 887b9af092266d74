"""A picture that proves a matrix to the eye: edges over each other and a checkerboard, before and after."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.images import sheet
from mmdrfuse.registration.fields import normalised
from mmdrfuse.registration.geometry import warped

HEIGHT = 420
"""Pixels of each of the four pictures."""
SQUARES = 10
"""Of the checkerboard, across."""

Bytes = NDArray[np.uint8]


def proof(infrared: NDArray[Any], visible: NDArray[Any], matrix: NDArray[np.float64]) -> Bytes:
    """Lay out edges (infrared red, visible cyan, both white) and a checkerboard, before and after.

    Before, the infrared is stretched to the visible's size, as if both cameras saw the same.

    Args:
        infrared: H×W or H×W×3.
        visible: The same; it may have another size.
        matrix: 3×3, from infrared to visible pixels.

    Returns:
        H×W×3.
    """
    fixed = normalised(visible)
    moving = normalised(infrared)
    shape = fixed.shape[0], fixed.shape[1]
    stretching = np.diag([shape[1] / moving.shape[1], shape[0] / moving.shape[0], 1.0])
    before = warped(moving, stretching, *shape, edge=True)
    after = warped(moving, matrix, *shape, edge=True)
    everywhere = np.ones(shape, bool)
    inside = warped(np.ones_like(moving), matrix, *shape) > 0.99
    rows = [
        [_edges(before, fixed, everywhere), _edges(after, fixed, inside)],
        [checkerboard(before, fixed, everywhere), checkerboard(after, fixed, inside)],
    ]
    return sheet(rows, ["before", "after"], height=HEIGHT)


def _edges(infrared: NDArray[np.float32], visible: NDArray[np.float32], inside: NDArray[np.bool_]) -> Bytes:
    red, cyan = (_strength(side) for side in (infrared, visible))
    red[~ndimage.binary_erosion(inside, iterations=3, border_value=1)] = 0
    return np.stack([red, cyan, cyan], axis=-1)


def _strength(picture: NDArray[np.float32]) -> Bytes:
    """Return where edges are, at a scale that survives the shrinking to `HEIGHT`."""
    scale = max(1.0, picture.shape[0] / HEIGHT)
    smooth = ndimage.gaussian_filter(picture, 0.7 * scale)
    strength = np.hypot(ndimage.sobel(smooth, axis=0), ndimage.sobel(smooth, axis=1))
    white = max(float(np.percentile(strength, 97)), 1e-6)
    edges: Bytes = np.rint(255 * np.clip(strength / white, 0, 1)).astype(np.uint8)
    return edges


def checkerboard(infrared: NDArray[np.float32], visible: NDArray[np.float32], inside: NDArray[np.bool_]) -> Bytes:
    """Return a checkerboard of two pictures, whose lines go on from square to square where they are aligned.

    Args:
        infrared: H×W, as `mmdrfuse.registration.fields.normalised` returns it.
        visible: The same.
        inside: H×W, where the infrared is known; elsewhere the visible is shown.
    """
    height, width = visible.shape
    side = max(1, width // SQUARES)
    odd = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2 == 1
    checkerboard: Bytes = np.rint(255 * np.where(odd & inside, infrared, visible)).astype(np.uint8)
    return checkerboard
