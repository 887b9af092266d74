"""Running a network on whole pictures: a compiled kernel for the student, torch for everything else.

Both take and return float32 planes. `fuse_stored` takes and returns stored values, which the kernel converts in the
same pass. `mmdrfuse.images` handles colour.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse.errors import MMDRFuseError, UnknownNameError, WeightsError
from mmdrfuse.models import Checkpoint

Plane = NDArray[np.float32]
"""One channel of a picture, (H, W)."""

Engine = Callable[[Plane, Plane], Plane]
"""(infrared, visible) → fused, each H×W float32; sources in [0, 1], result in (-1, 1). An engine can be pickled."""

Kind = Literal["auto", "cpu", "torch"]
KINDS: tuple[str, ...] = get_args(Kind)
"""``cpu`` runs students without torch, ``torch`` runs any network on any device, and ``auto`` chooses between them."""

__all__ = ["KINDS", "Engine", "Kind", "Plane", "fuse_stored", "make"]


def make(checkpoint: Checkpoint, *, kind: str = "auto", device: str = "cpu", threads: int = 1) -> Engine:
    """Return the function that fuses two planes with a checkpoint's network.

    Args:
        checkpoint: The weights.
        kind: One of `KINDS`; ``auto`` is ``cpu`` for a student on the CPU and ``torch`` otherwise.
        device: A torch device for ``torch``.
        threads: Number of threads for ``cpu``; torch has its own setting.

    Raises:
        UnknownNameError: There is no such kind.
        MMDRFuseError: ``cpu`` is combined with another device, or the device does not exist here.
        WeightsError: ``cpu`` is combined with another network than the student.
    """
    if kind not in KINDS:
        raise UnknownNameError("engine", kind, KINDS)
    if kind == "cpu" and device != "cpu":
        raise MMDRFuseError(f"the cpu engine cannot run on device {device!r}", cure="engine")
    student = checkpoint.network == "student"
    if kind == "cpu" and not student:
        raise WeightsError(
            f"{checkpoint.name} is a {checkpoint.network}, which the cpu engine cannot run", cure="engine"
        )
    if kind == "torch" or not student or device != "cpu":
        from mmdrfuse.engine.torch_engine import TorchEngine

        return TorchEngine(checkpoint, device)
    from mmdrfuse.engine.cpu import StudentEngine

    return StudentEngine(checkpoint.arrays, threads)


def fuse_stored(
    engine: Engine,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    low: float = 0,
    high: float = 1,
    dtype: DTypeLike = np.uint8,
) -> NDArray[Any]:
    """Fuse two planes of stored values to one of stored values, between given limits of the output.

    The values equal ``from_unit(engine(to_unit(infrared), to_unit(visible)), low, high, dtype)`` to the bit. The kernel
    computes integers without a float picture in between.

    Args:
        engine: Any engine.
        infrared: H×W; uint8, uint16, or float in [0, 1].
        visible: The same; it may have another dtype.
        low: The network's value that becomes black.
        high: The network's value that becomes white.
        dtype: Of the result: uint8, uint16, or a float type for [0, 1].

    Raises:
        SizeError: The sizes differ, or a side is shorter than 2.
        InputError: A source has another dtype, or floats outside [0, 1].
    """
    from mmdrfuse.engine.cpu import StudentEngine
    from mmdrfuse.images.values.ranges import from_unit, to_unit

    if isinstance(engine, StudentEngine) and np.dtype(dtype).kind == "u":
        return engine.fuse_stored(infrared, visible, low=low, high=high, dtype=dtype)
    return from_unit(engine(to_unit(infrared), to_unit(visible)), low, high, dtype)
