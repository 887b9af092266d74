"""The CPU engine: bands of rows in threads, each through the compiled kernel, without torch."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import Plane
from mmdrfuse.errors import SizeError

_MIN_ROWS = 16
"""Rows under which a band costs more to hand out, and to warm its borders, than to compute."""


class StudentEngine:
    """Run a student given as plain arrays.

    The result does not depend on ``threads``: every pixel is computed by the same operations.

    Args:
        arrays: ``conv1.weight`` (4, 2, 3, 3), ``conv1.bias`` (4,), ``conv2.weight`` (1, 4, 3, 3),
            ``conv2.bias`` (1,), as `mmdrfuse.models.read` gives them.
        threads: Bands that are computed at a time.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], threads: int = 1) -> None:
        weights = [
            np.ascontiguousarray(arrays[f"conv{layer}.{kind}"]) for layer in (1, 2) for kind in ("weight", "bias")
        ]
        self.w1, self.b1, self.w2, self.b2 = weights
        self.threads = threads

    def __call__(self, infrared: Plane, visible: Plane) -> Plane:
        """Fuse two planes, each H×W float32 in [0, 1].

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
        """
        from mmdrfuse.engine.kernel import fuse_rows

        _check(infrared, visible)
        i, v = np.ascontiguousarray(infrared), np.ascontiguousarray(visible)
        fused = np.empty_like(i)

        def band(first: int, last: int) -> None:
            fuse_rows(i, v, self.w1, self.b1, self.w2, self.b2, fused, first, last)

        edges = _edges(len(fused), self.threads)
        if len(edges) == 2:
            band(*edges)
        else:
            with ThreadPoolExecutor(len(edges) - 1) as pool:
                list(pool.map(band, edges[:-1], edges[1:]))
        return fused


def _edges(rows: int, threads: int) -> list[int]:
    count = max(1, min(threads, rows // _MIN_ROWS))
    return [rows * band // count for band in range(count + 1)]


def _check(infrared: Plane, visible: Plane) -> None:
    if infrared.shape != visible.shape or infrared.ndim != 2:
        raise SizeError(f"infrared is {infrared.shape} and visible {visible.shape}: both must be planes of one size")
    if min(infrared.shape) < 2:
        height, width = infrared.shape
        raise SizeError(f"images of {width}x{height} pixels are too small: both sides must be at least 2")
