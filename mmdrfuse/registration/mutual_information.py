"""Slices of one head from two machines: a shift and a turn, by mutual information.

CT, PET and SPECT show few of the edges that MRI shows, but each tissue has its own values on both sides: the joint
histogram is narrowest where the slices lie right (Mattes et al., "PET-CT image registration in the chest using
free-form deformations", IEEE TMI 2003). SimpleITK searches (the extra ``medical``).

Any two heads have their outline in common. So a matrix is believed by what the tissues within both heads tell of each
other, and by how soon that is lost beside it: a wrong slice tells little, and loses little.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.errors import MissingExtraError
from mmdrfuse.registration.evidence import Sides
from mmdrfuse.registration.fields import FLAT, Picture, scaled
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import (
    Matrix,
    centre,
    corners,
    from_corners,
    similarity_about,
    translation,
)

if TYPE_CHECKING:
    from SimpleITK import Euler2DTransform, Image, ImageRegistrationMethod

EXTRA = "medical"
"""The extra that brings SimpleITK."""
LONG = 256
"""Pixels of the longer side at which slices are looked at: confidences of other sizes would not compare."""
BORDER = 16
"""Black pixels that are put around: heads may reach the border, and their outline says much."""
TURNS = (-4.0, 0.0, 4.0)
"""Degrees at which the search starts, each with no shift and with both heads' centres on each other."""
FOLLOWED = 3
"""Ends of the coarse search that are followed more closely, and the best of them to the end."""
BINS = 32
"""Of each side's values in the joint histogram of the whole slices."""
TISSUES = 16
"""The same, within both heads."""
BACKGROUND = 0.04
"""Value up to which a pixel is background, of pictures in [0, 1]."""
BESIDE = 4.0
"""Pixels by which a matrix is displaced to see how soon the information is lost."""
NEEDED = 4.5
"""Confidence from which a matrix is believed (`benchmarks/align_medical.py --half tune`)."""


def installed() -> bool:
    """Return whether SimpleITK can be imported."""
    return find_spec("SimpleITK") is not None


def require() -> None:
    """Refuse to go on without SimpleITK.

    Raises:
        MissingExtraError: It is not installed.
    """
    if not installed():
        raise MissingExtraError("SimpleITK", EXTRA, "registration by mutual information")


def rigid(pair: Sides) -> tuple[Matrix, float]:
    """Find the shift and the turn that take one slice onto another, and how far they are to be believed.

    Slices of different sizes are taken for pictures of one width.

    Args:
        pair: CT, PET or SPECT as the infrared, and MRI as the visible.

    Returns:
        The matrix from infrared to visible pixels, and its confidence: 100 · √(shared · lost). ``shared`` is the
        normalised mutual information within both heads, ``lost`` the share of the whole information that is gone
        `BESIDE` pixels away, in the direction in which least of it goes.

    Raises:
        MissingExtraError: SimpleITK is not installed.
    """
    require()
    if min(pair.infrared.std(), pair.visible.std()) <= FLAT:
        return np.eye(3), 0.0
    fixed, after = _sized(pair.visible)
    moving, before = _sized(pair.infrared)
    onto = similarity_about(fixed.shape[1] / moving.shape[1], 0.0, centre(moving.shape), centre(fixed.shape))
    moving = warped(moving, onto, *fixed.shape)
    search = _Search(np.pad(moving, BORDER), np.pad(fixed, BORDER))
    found = search.best()
    if found is None:
        return np.linalg.inv(after) @ onto @ before, 0.0
    inner = translation(-BORDER, -BORDER) @ search.matrix(found) @ translation(BORDER, BORDER)
    return np.linalg.inv(after) @ inner @ onto @ before, search.confidence(found)


class _Search:
    """Two slices of one size, and the search for the transform between them.

    ITK's transforms take places of the fixed picture to those of the moving one.
    """

    def __init__(self, moving: Picture, fixed: Picture) -> None:
        import SimpleITK as sitk

        self.sitk = sitk
        self.moving, self.fixed = moving, fixed
        self.images: list[Image] = [
            sitk.GetImageFromArray(ndimage.gaussian_filter(side, 1).astype(np.float32)) for side in (fixed, moving)
        ]

    def best(self) -> "Euler2DTransform | None":
        """Return the transform with the most mutual information; None where no start leads anywhere.

        Gradients lead from far, but hardly turn; Powell's search along lines turns, and from far leads astray.
        """
        coarse = self._followed(self._starts(), 4, 2.0, _by_gradient)
        middle = self._followed(coarse[:FOLLOWED], 2, 1.0, partial(self._by_lines, step=2.0, tolerance=0.05))
        fine = self._followed(middle[:1], 1, 0.0, partial(self._by_lines, step=0.5, tolerance=0.02))
        return fine[0] if fine else None

    def matrix(self, transform: "Euler2DTransform") -> Matrix:
        """Return the matrix from the moving to the fixed picture."""
        here = corners(self.fixed.shape)
        return from_corners(np.array([transform.TransformPoint(point.tolist()) for point in here]), here)

    def confidence(self, transform: "Euler2DTransform") -> float:
        """Return 100 · √(shared · lost), as `rigid` explains it."""
        here = self._information(transform)
        around = np.arange(8) * math.pi / 4
        beside = [self._information(self._displaced(transform, angle)) for angle in around]
        lost = (here - max(beside)) / here if here > 0 else 0.0
        placed = warped(self.moving, self.matrix(transform), *self.fixed.shape)
        within = (placed > BACKGROUND) & (self.fixed > BACKGROUND)
        return 100 * math.sqrt(max(lost, 0.0) * shared(placed[within], self.fixed[within]))

    def _starts(self) -> "Iterator[Euler2DTransform]":
        apart = _middle(self.moving) - _middle(self.fixed)
        for shift, turn in product((apart, np.zeros(2)), TURNS):
            start = self.sitk.Euler2DTransform()
            start.SetCenter(centre(self.fixed.shape).tolist())
            start.SetTranslation(shift.tolist())
            start.SetAngle(math.radians(turn))
            yield start

    def _followed(
        self,
        starts: "Iterable[Euler2DTransform]",
        shrinking: int,
        blur: float,
        optimised: "Callable[[ImageRegistrationMethod], None]",
    ) -> "list[Euler2DTransform]":
        """Search from each start; return where it ends, the most information first."""
        ends = []
        for start in starts:
            method = self._method(start)
            optimised(method)
            method.SetShrinkFactorsPerLevel([shrinking])
            method.SetSmoothingSigmasPerLevel([blur])
            try:
                method.Execute(*self.images)  # it changes the start
            except RuntimeError:  # the two no longer overlap
                continue
            ends.append((-float(method.GetMetricValue()), start))
        return [end for _, end in sorted(ends, key=lambda end: -end[0])]

    def _by_lines(self, method: "ImageRegistrationMethod", *, step: float, tolerance: float) -> None:
        """Let Powell's method search, with steps in pixels; a turn moves what is a quarter of the width away."""
        method.SetOptimizerAsPowell(6, 12, step, tolerance, 1e-5)
        method.SetOptimizerScales([self.fixed.shape[1] / 4, 1.0, 1.0])

    def _method(self, transform: "Euler2DTransform") -> "ImageRegistrationMethod":
        method = self.sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)  # the same result on all machines
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetInterpolator(self.sitk.sitkLinear)
        method.SetInitialTransform(transform, inPlace=True)
        return method

    def _information(self, transform: "Euler2DTransform") -> float:
        """Return the mutual information of the whole slices; 0 where they do not overlap."""
        try:
            return -float(self._method(transform).MetricEvaluate(*self.images))
        except RuntimeError:
            return 0.0

    def _displaced(self, transform: "Euler2DTransform", angle: float) -> "Euler2DTransform":
        moved = self.sitk.Euler2DTransform(transform)
        right, down = transform.GetTranslation()
        moved.SetTranslation((right + BESIDE * math.cos(angle), down + BESIDE * math.sin(angle)))
        return moved


def _by_gradient(method: "ImageRegistrationMethod") -> None:
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.005, 80)
    method.SetOptimizerScalesFromPhysicalShift()


def shared(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the normalised mutual information of two lists of values: 0 if they tell nothing of each other, up to 1.

    Args:
        one: (N,).
        other: (N,).
    """
    if len(one) < TISSUES**2:
        return 0.0
    counts, *_ = np.histogram2d(one, other, bins=TISSUES)
    joint, first, second = (_entropy(part) for part in (counts, counts.sum(axis=1), counts.sum(axis=0)))
    return 2 * (first + second - joint) / (first + second) if first + second > 0 else 0.0


def _entropy(counts: NDArray[np.float64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _sized(picture: Picture) -> tuple[Picture, Matrix]:
    """Return a slice with the longer side that confidences are measured at, and the matrix to its pixels."""
    scale = LONG / max(picture.shape)
    return (picture, np.eye(3)) if scale == 1 else scaled(picture, scale)


def _middle(picture: Picture) -> NDArray[np.float64]:
    """Return the centre of what is not background, x and y."""
    rows, columns = np.nonzero(picture > BACKGROUND)
    return np.array([columns.mean(), rows.mean()]) if len(rows) else centre(picture.shape)
