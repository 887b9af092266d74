"""What each part of two pictures says about the matrix: correlation of small patches at every shift.

The infrared is warped by a first matrix, and patches of its field are correlated with the visible's around their
places. No patch decides by itself: most have flat or wrong peaks. Their sum decides, also over the pairs of a rig.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from mmdrfuse.registration.fields import Field, Picture, orientation_field, placed_field, scaled
from mmdrfuse.registration.projective import Matrix, Points, enlargement_of, transformed

GRID = 9, 7
"""Patches across and down."""

FEWEST = 8
"""Patches that a fit needs."""

_FIELDS = 2
"""Fields of each visible picture that are held at a time."""


@dataclass(frozen=True)
class Scale:
    """How closely the pictures are looked at.

    Args:
        size: Longer side of the visible, pixels.
        patch: Side of a patch, pixels.
        reach: Largest shift of a patch, pixels.
        grid: Patches across and down.
    """

    size: int
    patch: int
    reach: int
    grid: tuple[int, int] = GRID


class Sides:
    """One pair of pictures, with the fields of the visible that were asked for last: they do not move.

    Args:
        infrared: As `mmdrfuse.registration.fields.normalised` returns it.
        visible: The same; it may have another size.
    """

    def __init__(self, infrared: Picture, visible: Picture) -> None:
        self.infrared = infrared
        self.visible = visible
        self._fields: dict[tuple[int, float], tuple[Field, Matrix]] = {}

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Height and width of the infrared and of the visible."""
        return self.infrared.shape, self.visible.shape

    def visible_field(self, size: int, smoothing: float) -> tuple[Field, Matrix]:
        """Return the visible's field, and the matrix from its pixels to the field's.

        Args:
            size: Longer side of the field at most, pixels.
            smoothing: As for `orientation_field`.
        """
        key = size, smoothing
        if key not in self._fields:
            small, shrink = shrunk(self.visible, size)
            if len(self._fields) >= _FIELDS:
                del self._fields[next(iter(self._fields))]
            self._fields[key] = orientation_field(small, smoothing=smoothing), shrink
        return self._fields[key]


@dataclass(frozen=True)
class Evidence:
    """Patches and what they prefer.

    Args:
        points: (P, 2), centres of the patches in visible pixels.
        surfaces: (P, 2·reach + 1, 2·reach + 1), normalised correlation by shift, down and across.
        weights: (P,), share of the pairs that have this patch.
        places: (P, 2), column and row of each patch in the grid.
        step: Visible pixels that a shift by one stands for.
    """

    points: NDArray[np.float64]
    surfaces: NDArray[np.float32]
    weights: NDArray[np.float64]
    places: NDArray[np.int64]
    step: float

    def __len__(self) -> int:
        return len(self.points)

    @property
    def reach(self) -> int:
        """Largest shift, in steps."""
        return int(self.surfaces.shape[1]) // 2

    def only(self, chosen: NDArray[np.bool_]) -> "Evidence":
        """Return the evidence of some patches."""
        return Evidence(
            self.points[chosen], self.surfaces[chosen], self.weights[chosen], self.places[chosen], self.step
        )


def shrunk(picture: Picture, size: int) -> tuple[Picture, Matrix]:
    """Return a picture whose longer side is at most ``size``, and the matrix from its old to its new pixels."""
    scale = size / max(picture.shape)
    return scaled(picture, scale) if scale < 1 else (picture, np.eye(3))


def correlate(pairs: Sequence[Sides], matrix: Matrix, scale: Scale) -> Evidence | None:
    """Add up the evidence of pairs of one rig around a matrix.

    Args:
        pairs: Each side of one size.
        matrix: From infrared to visible pixels.
        scale: How closely to look.

    Returns:
        None if fewer than `FEWEST` patches say anything.
    """
    count = scale.grid[0] * scale.grid[1]
    total = np.zeros((count, 2 * scale.reach + 1, 2 * scale.reach + 1), np.float32)
    votes = np.zeros(count)
    points, step = np.zeros((count, 2)), 1.0
    for pair in pairs:
        patches = _patches(pair, matrix, scale)
        if patches is None:
            continue
        points, surfaces, valid, step = patches
        total[valid] += surfaces - surfaces.mean(axis=(1, 2), keepdims=True)
        votes[valid] += 1

    enough = votes >= max(1.0, 0.2 * votes.max())
    if enough.sum() < FEWEST:
        return None
    rows, columns = np.divmod(np.arange(count), scale.grid[0])
    return Evidence(
        points[enough],
        total[enough] / votes[enough, None, None].astype(np.float32),
        votes[enough] / votes.max(),
        np.stack([columns, rows], axis=1)[enough],
        step,
    )


def sampled(surfaces: NDArray[np.float32], shifts: Points) -> NDArray[np.float64]:
    """Return the height of each surface at its own shift, bilinearly; beyond the border the border's.

    Args:
        surfaces: (P, 2·reach + 1, 2·reach + 1).
        shifts: (P, 2), across and down, steps from the middle.
    """
    reach = surfaces.shape[1] // 2
    across, down = np.clip(shifts + reach, 0, 2 * reach).T
    places = np.stack([np.arange(len(surfaces), dtype=np.float64), down, across])
    heights: NDArray[np.float64] = ndimage.map_coordinates(surfaces, places, order=1, output=np.float64)
    return heights


def _patches(
    pair: Sides, matrix: Matrix, scale: Scale
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.bool_], float] | None:
    """Correlate one pair's patches.

    Returns:
        Points of the whole grid, (G, 2), in visible pixels; the surfaces of the valid ones; which are valid; the step.
    """
    fixed, moving, mask, shrink = _fields(pair, matrix, scale)
    size = mask.shape
    rows, columns = np.nonzero(mask)
    if len(rows) < 100:
        return None

    half, reach = scale.patch // 2, scale.reach
    margin = 0.6 * half
    across = np.rint(np.linspace(columns.min() + margin, columns.max() - margin, scale.grid[0])).astype(int)
    down = np.rint(np.linspace(rows.min() + margin, rows.max() - margin, scale.grid[1])).astype(int)
    centres = np.array([(x, y) for y in down for x in across])
    within = (centres >= 0).all(axis=1) & (centres[:, 0] < size[1]) & (centres[:, 1] < size[0])

    window = np.sqrt(np.outer(np.hanning(2 * half + 1), np.hanning(2 * half + 1))).astype(np.float32)
    pieces = _cut(moving, centres, half) * window
    energy = (np.abs(pieces) ** 2).sum(axis=(1, 2))
    valid = within & (energy > 1e-2 * float(window.sum()))
    if valid.sum() < 1:
        return None
    surfaces = _correlated(pieces[valid], _cut(fixed, centres[valid], half + reach), window, energy[valid], reach)

    back = np.linalg.inv(shrink).astype(np.float64)
    return transformed(back, centres.astype(np.float64)), surfaces, valid, float(back[0, 0])


def _fields(pair: Sides, matrix: Matrix, scale: Scale) -> tuple[Field, Field, NDArray[np.bool_], Matrix]:
    """Return both fields on the shrunk visible's grid, where the infrared's is valid, and the shrinking's matrix."""
    shrink_by = min(1.0, scale.size / max(pair.visible.shape))
    enlargement = shrink_by * enlargement_of(matrix)
    # An enlarged infrared has no finer edges, so the visible shall have none. Rounded, so that fields are used again.
    smoothing = round(max(0.7, 0.5 * enlargement), 1)
    fixed, shrink = pair.visible_field(scale.size, smoothing)
    size = fixed.shape[0], fixed.shape[1]

    moving, mask = placed_field(pair.infrared, shrink @ matrix, size, smoothing=smoothing)
    return fixed, np.where(mask, moving, 0).astype(np.complex64), mask, shrink


def _cut(field: Field, centres: NDArray[np.int64], half: int) -> Field:
    """Cut squares of 2·half + 1 about centres; outside of the field they are 0."""
    padded = np.pad(field, half)
    offsets = np.arange(2 * half + 1)
    rows = np.clip(centres[:, 1, None] + offsets, 0, padded.shape[0] - 1)
    columns = np.clip(centres[:, 0, None] + offsets, 0, padded.shape[1] - 1)
    cut: Field = padded[rows[:, :, None], columns[:, None, :]]
    return cut


def _correlated(
    pieces: Field, around: Field, window: Picture, energy: NDArray[np.float32], reach: int
) -> NDArray[np.float32]:
    """Correlate patches, (P, s, s), with the squares around them, normalised by the energy that they meet."""
    side = fft.next_fast_len(around.shape[1])
    size = (side, side)
    shifts = slice(0, 2 * reach + 1)
    spectrum = fft.fft2(pieces, size).conj() * fft.fft2(around, size)
    agreement = fft.ifft2(spectrum).real[:, shifts, shifts]
    weighed = fft.rfft2(window, size).conj() * fft.rfft2(np.abs(around) ** 2, size)
    met = fft.irfft2(weighed, size)[:, shifts, shifts]

    floor = 0.05 * np.median(met, axis=(1, 2), keepdims=True) + 1e-4
    surfaces: NDArray[np.float32] = agreement / np.sqrt(energy[:, None, None] * np.maximum(met, floor))
    return surfaces
