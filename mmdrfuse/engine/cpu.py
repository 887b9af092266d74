"""The CPU engine: threads run the compiled kernel on bands of rows, without torch."""

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse.engine import Plane
from mmdrfuse.errors import SizeError
from mmdrfuse.images.values.ranges import to_unit
from mmdrfuse.system.threads import run_in_threads

_MIN_ROWS = 16
"""Minimal height of a band: for fewer rows, threads and the band's borders cost more than they save."""

_BANDS_PER_THREAD = 4
"""More bands balance the load better, but each computes two rows that its neighbours compute too."""


class StudentEngine:
    """A student, ready to run on pictures.

    The result does not depend on ``threads``: every pixel is computed by the same operations.

    Args:
        arrays: ``conv1.weight`` (4, 2, 3, 3), ``conv1.bias`` (4,), ``conv2.weight`` (1, 4, 3, 3),
            ``conv2.bias`` (1,), as in `mmdrfuse.models.Checkpoint.arrays`.
        threads: Number of threads, which compute one band each at a time.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], threads: int = 1) -> None:
        self.w1 = np.ascontiguousarray(arrays["conv1.weight"])
        self.b1 = np.ascontiguousarray(arrays["conv1.bias"])
        self.w2 = np.ascontiguousarray(arrays["conv2.weight"])
        self.b2 = np.ascontiguousarray(arrays["conv2.bias"])
        self.threads = threads

    def __call__(self, infrared: Plane, visible: Plane) -> Plane:
        """Fuse two planes, each H×W float32 in [0, 1].

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
        """
        return self._run(infrared, visible, np.dtype(np.float32), (0, 1, 0))

    def fuse_stored(
        self, infrared: NDArray[Any], visible: NDArray[Any], *, low: float, high: float, dtype: DTypeLike
    ) -> NDArray[Any]:
        """Fuse planes of stored values to integers in one pass; see `mmdrfuse.engine.fuse_stored`.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A source has another dtype, or floats outside [0, 1].
        """
        integer = np.dtype(dtype)
        top = np.iinfo(integer).max
        gain = top / (high - low) if high > low else 0
        return self._run(_readable(infrared), _readable(visible), integer, (low, gain, top))

    def _run(
        self, infrared: NDArray[Any], visible: NDArray[Any], dtype: np.dtype[Any], mapping: tuple[float, float, float]
    ) -> NDArray[Any]:
        from mmdrfuse.system.native import function

        _check(infrared, visible)
        i = np.ascontiguousarray(infrared)
        v = np.ascontiguousarray(visible)
        fused = np.empty(i.shape, dtype)
        fuse_rows = function(
            "mmdrfuse.engine.kernel", "fuse_rows", f"{i.dtype}*", "float32", f"{v.dtype}*", "float32",
            "float32*", "float32*", "float32*", "float32", f"{dtype}*", "float32", "float32", "float32",
            "float32*", "float32*", "float32*", "int64", "int64", "int64", "int64",
        )  # fmt: skip
        bands, threads = _bands(len(fused), self.threads)

        def work() -> None:
            rows = np.empty((19, fused.shape[1] + 2), np.float32)  # 6 for sources, 12 for the hidden map, 1 for sums
            for first, last in iter(bands.get, None):
                fuse_rows(
                    i.ctypes.data, _gain(i), v.ctypes.data, _gain(v), self.w1.ctypes.data, self.b1.ctypes.data,
                    self.w2.ctypes.data, self.b2[0], fused.ctypes.data, *mapping, rows[:6].ctypes.data,
                    rows[6:18].ctypes.data, rows[18:].ctypes.data, *fused.shape, first, last,
                )  # fmt: skip

        run_in_threads(work, threads)
        return fused


def _readable(plane: NDArray[Any]) -> NDArray[Any]:
    """Return values of a type that the kernel reads: uint8 and uint16 as they are, others as float32 in [0, 1]."""
    return plane if plane.dtype in (np.uint8, np.uint16) else to_unit(plane)


def _gain(plane: NDArray[Any]) -> float:
    return 1 / np.iinfo(plane.dtype).max if plane.dtype.kind == "u" else 1


def _bands(rows: int, threads: int) -> tuple[SimpleQueue[tuple[int, int] | None], int]:
    """Divide the rows into bands, in a queue from which each thread takes its next: a busy processor delays no other.

    Returns:
        The bands, with one end mark (None) for each thread, and the number of threads that pays off.
    """
    threads = max(1, min(threads, rows // _MIN_ROWS))
    count = 1 if threads == 1 else min(_BANDS_PER_THREAD * threads, rows // _MIN_ROWS)
    bands: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
    for band in range(count):
        bands.put((rows * band // count, rows * (band + 1) // count))
    for _ in range(threads):
        bands.put(None)
    return bands, threads


def _check(infrared: NDArray[Any], visible: NDArray[Any]) -> None:
    if infrared.shape != visible.shape or infrared.ndim != 2:
        raise SizeError(f"infrared is {infrared.shape} and visible {visible.shape}: both must be planes of one size")
    if min(infrared.shape) < 2:
        height, width = infrared.shape
        raise SizeError(f"images of {width}x{height} pixels are too small: both sides must be at least 2")
