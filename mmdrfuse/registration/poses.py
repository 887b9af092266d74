"""The coarse search: every view, every rotation and every shift of the infrared, by correlation of small fields.

The infrared's field is correlated with the visible's by FFT, normalised by the energy of what overlaps (Padfield,
"Masked object registration in the Fourier domain", IEEE TIP 2012). Of several pairs of one rig the surfaces add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from mmdrfuse.registration.fields import (
    Field,
    Picture,
    detailed,
    orientation_field,
    placed_field,
    scaled,
    warped_field,
)
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import Matrix, centre, corners, distance, similarity_about, transformed

LONG = 128
"""Pixels of the visible's longer side in this search."""
VIEW = 0.42, 1.25
"""Widths of the infrared's view, as a share of the visible's, that are tried by default."""
STEP = 0.05
"""Between the logarithms of two views."""
ROTATION, TURN = 6.0, 2.0
"""Largest rotation that is tried, and the step, degrees."""
OVERLAP = 0.6
"""Share of the smaller of the two pictures that must overlap."""
TRUST = 0.25
"""Power of the overlap by which correlations are multiplied: small overlaps reach high ones by chance."""
SHIFT = 0.35
"""Largest shift between the centres, as a share of the visible's sides."""
SURROUNDINGS, DETAIL = 5.0, 8.0
"""See `orientation_field` and `detailed`."""

APART = 0.03
"""Share of the visible's longer side by which the corners of different poses differ."""
SIMILAR_VIEW, SIMILAR_PLACE = (0.84, 1.2), 0.1
"""What counts as the same view of both cameras: its width, and the largest shift as a share of the longer side."""


@dataclass(frozen=True)
class Pose:
    """A place of the infrared in the visible."""

    matrix: Matrix
    """From infrared to visible pixels."""
    similar: bool
    """Whether both cameras have about the same view."""


class Search:
    """One pair's correlation at any view and rotation.

    Args:
        infrared: As `normalised` returns it.
        visible: The same.
    """

    def __init__(self, infrared: Picture, visible: Picture) -> None:
        self.infrared = infrared
        self.width = visible.shape[1]
        small, self.shrink = scaled(visible, min(1.0, LONG / max(visible.shape)))
        self.shape = small.shape
        field = detailed(orientation_field(small, surroundings=SURROUNDINGS), DETAIL)

        height, width = self.shape
        self.grid = fft.next_fast_len(height * 3 // 2, real=True), fft.next_fast_len(width * 3 // 2, real=True)
        self.field = field
        self.spectrum = fft.fft2(field, self.grid)
        self.energy = fft.rfft2(np.abs(field) ** 2, self.grid)
        self.cover = fft.rfft2(np.ones(self.shape, np.float32), self.grid)
        self.latest: tuple[float, Field, Matrix] | None = None

    def correlation(self, view: float, rotation: float) -> tuple[NDArray[np.float32], Matrix]:
        """Correlate at every shift; 0 where the shift is too large or the overlap too small.

        Args:
            view: Width of the infrared's view as a share of the visible's.
            rotation: Radians.

        Returns:
            The correlation by shift, on a torus, and the matrix at shift 0, from infrared to small visible pixels.
        """
        field, shrink = self._small_field(view)
        scale = view * self.shape[1] / field.shape[1]
        size = (
            min(self.grid[0], int(np.ceil(field.shape[0] * scale * 1.12))),
            min(self.grid[1], int(np.ceil(field.shape[1] * scale * 1.12))),
        )
        matrix = similarity_about(scale, rotation, centre(field.shape), centre(size))
        moving = warped_field(field, matrix, size, rotation)
        mask = warped(np.ones(field.shape, np.float32), matrix, *size)

        surface = self._normalised(moving, mask)
        surface[~self._allowed(size)] = 0
        return surface, matrix @ shrink

    def correlation_at(self, matrix: Matrix) -> float:
        """Correlate under one matrix from infrared to visible pixels, which may also shear and tilt."""
        moving, mask = placed_field(self.infrared, self.shrink @ matrix, self.shape, surroundings=SURROUNDINGS)
        moving = np.where(mask, detailed(moving, DETAIL), 0)
        energy = float((np.abs(self.field[mask]) ** 2).sum()) * float((np.abs(moving) ** 2).sum())
        agreement = float((moving.conj() * self.field).real.sum())
        return float(agreement / np.sqrt(max(energy, 1e-6)) * mask.mean() ** TRUST)

    def _small_field(self, view: float) -> tuple[Field, Matrix]:
        """Return the infrared's field at a view's size; one view is used with every rotation."""
        if self.latest is None or self.latest[0] != view:
            scale = view * self.shape[1] / self.infrared.shape[1]
            small, shrink = scaled(self.infrared, scale) if scale < 1 else (self.infrared, np.eye(3))
            field = detailed(orientation_field(small, surroundings=SURROUNDINGS), DETAIL)
            self.latest = view, field, shrink
        return self.latest[1:]

    def _normalised(self, moving: Field, mask: Picture) -> NDArray[np.float32]:
        agreement = fft.ifft2(fft.fft2(moving, self.grid).conj() * self.spectrum).real
        mask_spectrum = fft.rfft2(mask, self.grid).conj()
        moving_spectrum = fft.rfft2(np.abs(moving) ** 2, self.grid).conj()
        fixed_energy = fft.irfft2(mask_spectrum * self.energy, self.grid)
        moving_energy = fft.irfft2(moving_spectrum * self.cover, self.grid)
        overlap = fft.irfft2(mask_spectrum * self.cover, self.grid)

        area = self.shape[0] * self.shape[1]
        energy = np.sqrt(np.maximum(fixed_energy, 1e-3) * np.maximum(moving_energy, 1e-3))
        trust = (np.maximum(overlap, 0) / area) ** TRUST
        enough = overlap > OVERLAP * min(float(mask.sum()), area)
        surface: NDArray[np.float32] = np.where(enough, agreement / energy * trust, 0).astype(np.float32)
        return surface

    def _allowed(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Return for every shift whether the centres stay near each other."""
        near = []
        for axis in (0, 1):
            shift = signed(np.arange(self.grid[axis]), self.grid[axis])
            off = shift + (size[axis] - 1) / 2 - (self.shape[axis] - 1) / 2
            near.append(np.abs(off) <= SHIFT * self.shape[axis])
        allowed: NDArray[np.bool_] = near[0][:, None] & near[1][None]
        return allowed


@dataclass(frozen=True)
class Landscape:
    """How well the pairs of one rig agree under all poses, and at which best.

    Args:
        searches: Of the pairs.
        poses: The best first.
        mean: Of the correlation over all poses and shifts.
        spread: Its standard deviation.
    """

    searches: Sequence[Search]
    poses: tuple[Pose, ...]
    mean: float
    spread: float

    def height(self, matrix: Matrix) -> float:
        """Return the correlation under a matrix, in standard deviations over all poses and shifts."""
        total = sum(one.correlation_at(matrix) for one in self.searches)
        return (total - self.mean) / self.spread


def search(
    searches: Sequence[Search], view: tuple[float, float] = VIEW, rotation: float = ROTATION
) -> Landscape | None:
    """Correlate the pairs of one rig at all poses; None if they have no edges.

    Args:
        searches: Of pairs with equal sizes; their correlations are added.
        view: Narrowest and widest view of the infrared.
        rotation: Largest rotation, degrees.
    """
    views = np.exp(np.arange(np.log(view[0]), np.log(view[1]) + STEP / 2, STEP))
    turns = np.deg2rad(np.arange(-rotation, rotation + TURN / 2, TURN)) if rotation else np.zeros(1)
    first = searches[0]
    back = np.linalg.inv(first.shrink)

    peaks: list[tuple[float, Matrix, float]] = []
    sample: list[NDArray[np.float32]] = []
    for share, turn in product(views, turns):
        total, matrix = first.correlation(share, turn)
        for other in searches[1:]:
            total = total + other.correlation(share, turn)[0]
        sample.append(total[total != 0][::7])
        for score, shift in _peaks(total):
            peaks.append((score, back @ shift @ matrix, share))

    values = np.concatenate(sample) if sample else np.zeros(0, np.float32)
    spread = float(values.std()) if values.size else 0.0
    if not spread:
        return None
    longer, middle = max(first.shape) * back[0, 0], centre(first.shape) * back[0, 0]
    poses = []
    for _, matrix, share in sorted(peaks, key=lambda one: -one[0]):
        off = transformed(matrix, corners(first.infrared.shape)).mean(axis=0) - middle
        similar = SIMILAR_VIEW[0] < share < SIMILAR_VIEW[1] and bool(np.abs(off).max() < SIMILAR_PLACE * longer)
        poses.append(Pose(matrix, similar))
    return Landscape(searches, tuple(poses), float(values.mean()), spread)


def distinct(poses: Sequence[Pose], infrared: tuple[int, ...], visible: tuple[int, ...], count: int) -> list[Pose]:
    """Return the best poses that differ from each other, and the best ones of a similar view.

    Most rigs have similar views: a faint peak there is worth a look beside strong ones elsewhere.

    Args:
        poses: The best first.
        infrared: Shape of the infrared.
        visible: Shape of the visible.
        count: How many of each.
    """
    chosen: list[Pose] = []
    for group in (poses, [pose for pose in poses if pose.similar][:count]):
        room = len(chosen) + count
        for pose in group:
            if len(chosen) < room and all(far_apart(pose.matrix, one.matrix, infrared, visible) for one in chosen):
                chosen.append(pose)
    return chosen


def far_apart(one: Matrix, other: Matrix, infrared: tuple[int, ...], visible: tuple[int, ...]) -> bool:
    """Return whether two matrices take the infrared's corners to clearly different places."""
    return distance(one, other, infrared) > APART * max(visible[:2])


def signed(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the shifts that places on a torus stand for: the upper half is negative."""
    return (index + size // 2) % size - size // 2


def _peaks(surface: NDArray[np.float32]) -> list[tuple[float, Matrix]]:
    """Return the two highest places that are apart, as shifts."""
    remaining = surface.copy()
    peaks = []
    for _ in range(2):
        y, x = np.unravel_index(int(remaining.argmax()), remaining.shape)
        score = float(remaining[y, x])
        if score <= 0:
            break
        shift = np.eye(3)
        shift[0, 2] = signed(np.array(x), surface.shape[1])
        shift[1, 2] = signed(np.array(y), surface.shape[0])
        peaks.append((score, shift))
        remaining[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5] = 0
    return peaks
