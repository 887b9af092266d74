"""A cache on disk for the outputs of frozen networks: computed once for each patch, then read from the run's folder.

The patches do not change and are never mirrored here, and the teacher and the backbone are frozen. So no epoch after
the first has to compute their outputs again.
"""

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdrfuse.errors import TrainingError
from mmdrfuse.system.atomic import write_error
from mmdrfuse.training.patches import Batch

FrozenFunction = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
"""From infrared and visible, (B, 1, h, w), to some maps, (B, C_k, h_k, w_k) each, without gradient."""


class FrozenCache:
    """Call a frozen function on batches; with an open file, only once for each patch.

    Outputs that come from the file are rounded to the file's type.

    Args:
        function: Computes the outputs; those of a patch do not depend on the rest of the batch.
        shape: Number of patches, height and width.
        dtype: Type of the file, ``float16`` or ``float32``.
        device: Where the batches are.
    """

    def __init__(self, function: FrozenFunction, shape: tuple[int, ...], *, dtype: str, device: torch.device) -> None:
        self.function = function
        self.dtype = dtype
        black = torch.zeros((1, 1, *shape[1:]), device=device)
        self.map_shapes = [maps.permute(0, 2, 3, 1).shape[1:] for maps in function(black, black)]
        self.shape = shape[0], sum(map_shape.numel() for map_shape in self.map_shapes)
        self.rows: NDArray[np.generic] | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize

    def open(self, path: Path, *, resume: bool) -> None:
        """Map the file of the cache; from then on, outputs are cached.

        Args:
            path: The file.
            resume: Whether the file of the run's first part exists.

        Raises:
            OutputError: There is no room for the file.
            TrainingError: The file of the run's first part is missing, or has another size.
        """
        self.rows = map_file(path, self.shape, self.dtype, resume=resume)

    def __call__(self, batch: Batch, *, first_visit: bool) -> tuple[Tensor, ...]:
        """Return the maps of a batch.

        Args:
            batch: The patches.
            first_visit: Whether the cache does not have these patches yet.
        """
        if self.rows is None:
            return self.function(batch.infrared, batch.visible)
        if not first_visit:
            rows = torch.from_numpy(self.rows[batch.indices])
            return self._split(rows.to(batch.infrared.device).float())

        outputs = self.function(batch.infrared, batch.visible)
        # Channels last, the order in memory of what convolutions return.
        flat = torch.cat([maps.permute(0, 2, 3, 1).flatten(1) for maps in outputs], dim=1)
        self.rows[batch.indices] = flat.to(getattr(torch, self.dtype)).cpu().numpy()
        return outputs

    def _split(self, rows: Tensor) -> tuple[Tensor, ...]:
        parts = torch.split(rows, [map_shape.numel() for map_shape in self.map_shapes], dim=1)
        return tuple(
            part.view(-1, *map_shape).permute(0, 3, 1, 2)
            for part, map_shape in zip(parts, self.map_shapes, strict=True)
        )


def map_file(path: Path, shape: tuple[int, ...], dtype: str, *, resume: bool) -> NDArray[Any]:
    """Map a file as an array that is read and changed in place; a new file reserves its room first.

    Args:
        path: The file.
        shape: Shape of the array.
        dtype: Name of its type.
        resume: Whether the file of the run's first part exists.

    Raises:
        OutputError: There is no room for the file.
        TrainingError: The file of the run's first part is missing, or has another size.
    """
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if not resume:
        reserve_file(path, size)
    elif not path.is_file() or path.stat().st_size != size:
        raise TrainingError(f"{path}: this file of the run's first part is missing or has another size", cure="anew")
    try:
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)
    except OSError as error:
        raise write_error(path, error) from error


def reserve_file(path: Path, size: int) -> None:
    """Make a file of a given size and reserve its room now: a disk that fills later would kill the process.

    Args:
        path: The file.
        size: Bytes.

    Raises:
        OutputError: There is no room, or no such folder.
    """
    try:
        with path.open("wb") as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()  # frees the part of the room that was reserved
        raise write_error(path, error).at(f"{size / 1e6:,.1f} MB are needed") from error
