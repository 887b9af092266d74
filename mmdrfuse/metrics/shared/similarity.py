"""Maps of structural similarity between any two images of a triple, with the window statistics that weigh them."""

import numpy as np

from mmdrfuse.metrics.shared.filters import divide, smooth
from mmdrfuse.metrics.shared.triple import GrayImage, ImageName, Triple, Vector

FLAT = 1e-9 * 255.0**2
"""Variance below which a window is flat: whole numbers give at least 0.001 in 7×7 pixels."""

WANG = ((0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2)
"""C1 and C2 of Wang et al. 2004."""

BARE = (2e-16, 2e-16)
"""C1 and C2 of Liu et al. 2012 for Q_C and Q_Y: just enough to avoid 0/0."""


class SimilarityWindows:
    """Statistics of every window of a triple's images, computed at the first access.

    Args:
        t: Images 0..255.
        taps: One side of the separable window, (n,).
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise.
    """

    def __init__(self, t: Triple, taps: Vector, flat_tolerance: float | None) -> None:
        # not the triple itself: it may keep these windows in its cache, and a cycle would outlive it
        self.images: dict[ImageName, GrayImage] = {"fused": t.fused, "a": t.a, "b": t.b}
        self.taps = taps
        self.flat_tolerance = flat_tolerance
        self.means: dict[ImageName, GrayImage] = {}
        self.covariances: dict[tuple[ImageName, ImageName], GrayImage] = {}

    def mean(self, x: ImageName) -> GrayImage:
        """Return the weighted mean."""
        if x not in self.means:
            self.means[x] = smooth(self.images[x], self.taps, border="valid")
        return self.means[x]

    def covariance(self, x: ImageName, y: ImageName) -> GrayImage:
        """Return the biased covariance, 0 in flat windows."""
        if (x, y) not in self.covariances:
            moment = smooth(self.images[x] * self.images[y], self.taps, border="valid")
            self.covariances[x, y] = self._flattened(moment - self.mean(x) * self.mean(y))
        return self.covariances[x, y]

    def share(self, one: GrayImage, other: GrayImage, undefined: float) -> GrayImage:
        """Return ``one / (one + other)``, `undefined` where that is 0/0."""
        return divide(one, self._flattened(one + other), undefined=undefined)

    def similarity(self, x: ImageName, y: ImageName, constants: tuple[float, float]) -> GrayImage:
        """Return the structural similarity of two images."""
        c1, c2 = constants
        mu_x = self.mean(x)
        mu_y = self.mean(y)
        luminance = (2.0 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
        structure = (2.0 * self.covariance(x, y) + c2) / (self.covariance(x, x) + self.covariance(y, y) + c2)
        return luminance * structure

    def _flattened(self, values: GrayImage) -> GrayImage:
        if self.flat_tolerance is not None:
            values[np.abs(values) <= self.flat_tolerance] = 0.0
        return values
