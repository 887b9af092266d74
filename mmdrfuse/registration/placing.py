"""Where the infrared lies in the visible: what both cameras see, and how the rest joins it without a seam."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError
from mmdrfuse.registration.geometry import Matrix, Size

Outside = Literal["visible", "crop", "black"]
OUTSIDES: tuple[str, ...] = get_args(Outside)
"""What becomes of the visible picture where the infrared camera does not see. ``visible``: it stays, with a soft seam.
``crop``: the result is the largest rectangle that both see. ``black``: the infrared counts as black there, which
darkens the result."""

SEAM = 8
"""Pixels over which the fused picture fades into the visible one."""
INSET = 2
"""Pixels inside of the infrared's border that the network does not fuse free of what lies beyond."""
_ROWS = 600
"""Rows whose ends are tried for the largest rectangle."""

Window = tuple[int, int, int, int]
"""Top, bottom, left and right of a rectangle, the ends excluded."""


@dataclass(frozen=True)
class Placement:
    """The infrared in one visible picture.

    Args:
        coverage: H×W of the visible, float32: 1 where the fused picture is to be seen, 0 where the visible one, and
            between within the seam; None where the infrared is everywhere.
        window: Largest rectangle that both cameras see; it begins at even pixels, as the planes of videos need it.
    """

    coverage: NDArray[np.float32] | None
    window: Window


@lru_cache(maxsize=4)
def placement(matrix: Matrix, infrared: Size, visible: Size) -> Placement:
    """Find what both cameras see; a rig's pictures share it.

    Args:
        matrix: Nine numbers, row by row, from infrared to visible pixels.
        infrared: Height and width.
        visible: Height and width.

    Raises:
        InputError: The infrared lies outside of the visible.
    """
    inside = seen(matrix, infrared, visible)
    if not inside.any():
        raise InputError("the matrix takes the infrared to where the visible picture is not; check it, and its sizes")
    return Placement(None if inside.all() else _coverage(matrix, infrared, inside), _window(inside))


def seen(matrix: Matrix, infrared: Size, visible: Size) -> NDArray[np.bool_]:
    """Return which pixels of the visible the infrared camera sees.

    Args:
        matrix: Nine numbers, row by row, from infrared to visible pixels.
        infrared: Height and width.
        visible: Height and width.
    """
    forward = np.reshape(matrix, (3, 3))
    height, width = infrared
    centre = (width - 1) / 2, (height - 1) / 2, 1
    # As `warped` has it: w > 0 before the camera.
    backward = np.linalg.inv(forward) * np.sign(forward[2] @ centre)
    x = np.arange(visible[1])
    y = np.arange(visible[0])[:, None]
    w = backward[2, 0] * x + backward[2, 1] * y + backward[2, 2]
    inside: NDArray[np.bool_] = w > 0
    # A hundredth of a pixel is rounding.
    for row, longest in zip(backward[:2], (width - 1, height - 1), strict=True):
        place = row[0] * x + row[1] * y + row[2]
        inside &= (place >= -0.01 * w) & (place <= (longest + 0.01) * w)
    return inside


def _coverage(matrix: Matrix, infrared: Size, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much of the fused picture is to be seen, by the distance from the four sides of the infrared."""
    height, width = infrared
    corners = np.array([[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1], [1] * 4])
    x, y, w = np.reshape(matrix, (3, 3)) @ corners
    if w.min() * w.max() > 0:
        distance = _distance(np.stack([x / w, y / w], axis=1), inside.shape)
    else:  # a corner is behind the camera, so the sides are not where the corners say
        from scipy import ndimage

        distance = np.asarray(ndimage.distance_transform_edt(inside), np.float32) - 1
    coverage: NDArray[np.float32] = np.clip((distance - INSET + 1) / SEAM, 0, 1).astype(np.float32)
    coverage[~inside] = 0
    coverage.flags.writeable = False  # it is shared
    return coverage


def _distance(corners: NDArray[np.float64], shape: Size) -> NDArray[np.float32]:
    """Return the distance of each pixel from the nearest side of a quadrangle that cuts the picture."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    sides = np.roll(corners, -1, axis=0) - corners
    orientation = np.sign(sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0])
    nearest: NDArray[np.float32] = np.full(shape, np.inf, np.float32)
    for (x, y), (across, down) in zip(corners, sides, strict=True):
        normal = orientation * np.array([-down, across]) / np.hypot(across, down)
        distance = normal[0] * (columns - x) + normal[1] * (rows - y)
        if distance[[0, 0, -1, -1], [0, -1, 0, -1]].min() < -0.01:  # otherwise the picture ends before this side
            np.minimum(nearest, distance, out=nearest)
    return nearest


def _window(inside: NDArray[np.bool_]) -> Window:
    """Find the largest rectangle within a convex region: its first and its last row bind its sides."""
    rows = np.nonzero(inside.any(axis=1))[0]
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _ROWS).round().astype(int))]
    left = inside[rows].argmax(axis=1)
    right = inside.shape[1] - inside[rows, ::-1].argmax(axis=1)
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = rows - rows[:, None] + 1
    first, last = np.unravel_index(int(np.argmax(np.where(height > 0, height * np.maximum(width, 0), 0))), height.shape)
    start = int(max(left[first], left[last]))
    end = int(min(right[first], right[last]))
    top, bottom = int(rows[first]), int(rows[last]) + 1
    return top + top % 2, bottom, start + start % 2, end
