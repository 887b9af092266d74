"""Running a network on whole images: a compiled kernel for the student, torch for everything else.

Both take and give float32 planes; value ranges and colour are the business of `mmdrfuse.images`.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import MMDRFuseError, UnknownNameError, WeightsError
from mmdrfuse.models import Checkpoint

Plane = NDArray[np.float32]
Engine = Callable[[Plane, Plane], Plane]
"""(infrared, visible) → fused, each H×W float32; sources in [0, 1], result in (-1, 1). Can be sent to processes."""

Kind = Literal["auto", "cpu", "torch"]
KINDS: tuple[str, ...] = get_args(Kind)
"""``cpu`` runs students without torch, ``torch`` any network on any device, ``auto`` takes what fits."""

__all__ = ["KINDS", "Engine", "Kind", "Plane", "make"]


def make(checkpoint: Checkpoint, *, kind: str = "auto", device: str = "cpu", threads: int = 1) -> Engine:
    """Make the function that fuses two planes with a checkpoint's network.

    Args:
        checkpoint: The weights.
        kind: One of `KINDS`; ``auto`` is ``cpu`` for a student on the CPU and ``torch`` otherwise.
        device: A torch device for ``torch``.
        threads: Bands of rows that ``cpu`` works on at a time; torch has its own setting.

    Raises:
        UnknownNameError: No such kind.
        MMDRFuseError: The CPU kernel is asked to run elsewhere, or the device does not exist here.
        WeightsError: The CPU kernel is asked to run another network than the student.
    """
    if kind not in KINDS:
        raise UnknownNameError("engine", kind, KINDS)
    if kind == "cpu" and device != "cpu":
        raise MMDRFuseError(f"the cpu engine cannot run on device {device!r}; use --engine torch, or --device cpu")
    student = checkpoint.network == "student"
    if kind == "cpu" and not student:
        raise WeightsError(
            f"{checkpoint.name} is a {checkpoint.network}, which the cpu engine cannot run; use --engine torch"
        )
    if kind == "torch" or not student or device != "cpu":
        from mmdrfuse.engine.reference import TorchEngine

        return TorchEngine(checkpoint, device)
    from mmdrfuse.engine.cpu import StudentEngine

    return StudentEngine(checkpoint.arrays, threads)
