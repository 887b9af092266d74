"""Other methods that find the matrix from infrared to visible pixels, as their libraries' users would run them.

All assume about the same view: none of them searches the views. ECC starts at five shifts, as it reaches few pixels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from two_cameras import stretched

from mmdrfuse.registration import estimate
from mmdrfuse.registration.fields import blurred, normalised, scaled
from mmdrfuse.registration.projective import Matrix, corners, from_corners, scaling

Image = NDArray[Any]

SHIFTS = ((0, 0), (-0.04, 0), (0.04, 0), (0, -0.04), (0, 0.04))
"""Where ECC and mutual information start, shares of the width."""
SMALL = 256
"""Pixels of the longer side at which ECC chooses between its starts."""


def phase_correlation(moving: Image, fixed: Image) -> Matrix:
    """Correlate the phases of the pictures' gradients (scikit-image)."""
    from skimage.registration import phase_cross_correlation

    moving, stretch = _same_size(moving, fixed)
    (down, across), *_ = phase_cross_correlation(_gradient(fixed), _gradient(moving), upsample_factor=10)
    return np.array([[1, 0, across], [0, 1, down], [0, 0, 1.0]]) @ stretch


def ecc(moving: Image, fixed: Image) -> Matrix:
    """Maximise the enhanced correlation coefficient of the gradients, from a turn to a homography (OpenCV)."""
    import cv2

    cv2.setNumThreads(1)
    moving, stretch = _same_size(moving, fixed)
    share = min(1.0, SMALL / max(fixed.shape))
    small = [_gradient(scaled(normalised(side), share)[0], 1.5) for side in (fixed, moving)]
    best, found = -1.0, np.eye(3)
    for x, y in SHIFTS:
        start = np.array([[1, 0, -x * small[0].shape[1]], [0, 1, -y * small[0].shape[1]]], np.float32)
        try:
            _, start = cv2.findTransformECC(*small, start, cv2.MOTION_EUCLIDEAN, (3, 40, 1e-4), None, 9)
            height, start = cv2.findTransformECC(*small, start, cv2.MOTION_AFFINE, (3, 40, 1e-5), None, 5)
        except cv2.error:  # it has left the picture
            continue
        if height > best:
            best, found = height, np.vstack([start, [0, 0, 1]]).astype(np.float64)
    grow = scaling(fixed.shape[1] / small[0].shape[1], fixed.shape[0] / small[0].shape[0])
    found = grow @ found @ np.linalg.inv(grow)  # from visible to infrared pixels
    sides = [_gradient(side, 1.5) for side in (fixed, moving)]
    try:
        _, fine = cv2.findTransformECC(*sides, found.astype(np.float32), cv2.MOTION_HOMOGRAPHY, (3, 40, 1e-5), None, 5)
        found = fine.astype(np.float64)
    except cv2.error:
        pass
    return np.linalg.inv(found) @ stretch


def mutual_information(moving: Image, fixed: Image) -> Matrix:
    """Maximise Mattes mutual information over similarities, from coarse to fine (SimpleITK)."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    moving, stretch = _same_size(moving, fixed)
    images = [SimpleITK.GetImageFromArray(normalised(side)) for side in (fixed, moving)]
    best, found = np.inf, np.eye(3)
    for x, y in SHIFTS:
        start = SimpleITK.Similarity2DTransform()
        start.SetCenter([(fixed.shape[1] - 1) / 2, (fixed.shape[0] - 1) / 2])
        start.SetTranslation([x * fixed.shape[1], y * fixed.shape[1]])
        method = SimpleITK.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(32)
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(0.15, 3)
        method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.02, 60)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetShrinkFactorsPerLevel([4, 2])
        method.SetSmoothingSigmasPerLevel([2, 1])
        method.SetInitialTransform(start, inPlace=False)
        method.SetInterpolator(SimpleITK.sitkLinear)
        try:
            back = method.Execute(*images)  # from visible to infrared pixels
        except RuntimeError:  # the two no longer overlap
            continue
        if method.GetMetricValue() < best:
            points = corners(fixed.shape)
            there = np.array([back.TransformPoint(point.tolist()) for point in points])
            best, found = method.GetMetricValue(), from_corners(there, points)
    return found @ stretch


def ours(moving: Image, fixed: Image) -> Matrix | None:
    """Estimate as `mmdrfuse align` does, whether it is accepted or not."""
    return estimate(moving, fixed).matrix


METHODS: dict[str, Callable[[Image, Image], Matrix | None]] = {
    "align": ours, "ECC": ecc, "phase correlation": phase_correlation, "mutual information": mutual_information,
}  # fmt: skip


def _same_size(moving: Image, fixed: Image) -> tuple[Image, Matrix]:
    """Stretch the infrared to the visible's size; return it and the matrix that does so."""
    if moving.shape == fixed.shape:
        return moving, np.eye(3)
    ratio = scaling(fixed.shape[1] / moving.shape[1], fixed.shape[0] / moving.shape[0])
    return stretched(moving, fixed.shape), ratio


def _gradient(picture: Image, scale: float = 1.0) -> NDArray[np.float32]:
    """Return the strength of edges relative to their surroundings."""
    size = ndimage.gaussian_gradient_magnitude(normalised(picture), scale, output=np.float32)
    return size / (size + 0.7 * blurred(size, 8) + 0.01)
