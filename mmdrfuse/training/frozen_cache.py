"""What never changes in a run: said once of every patch, then read from a file in the run's folder.

The patches stay the same and stand in the file's orientation, and the teacher and the backbone are frozen:
what they say of a patch need not be computed again in every epoch.
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

Ask = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
"""From infrared and visible, (B, 1, h, w), to some maps, (B, C_k, h_k, w_k) each, without gradient."""


class Kept:
    """Ask a frozen function about a batch; with a file, once only.

    Answers after the first are rounded to the file's type.

    Args:
        ask: What is asked; it says the same of a patch in every batch.
        shape: Number of patches, height and width.
        dtype: ``float16`` or ``float32``, of the file.
        device: Where the batches are.
    """

    def __init__(self, ask: Ask, shape: tuple[int, ...], *, dtype: str, device: torch.device) -> None:
        self.ask, self.dtype = ask, dtype
        black = torch.zeros((1, 1, *shape[1:]), device=device)
        self.maps = [maps.permute(0, 2, 3, 1).shape[1:] for maps in ask(black, black)]
        self.shape = shape[0], sum(maps.numel() for maps in self.maps)
        self.rows: NDArray[np.generic] | None = None

    @property
    def size(self) -> int:
        """Bytes that the file takes."""
        return self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize

    def open(self, path: Path, *, resume: bool) -> None:
        """Keep what is said in a file; it is mapped, not read.

        Args:
            path: The file.
            resume: Whether it is there from the run's first part.

        Raises:
            OutputError: There is no room for the file.
            TrainingError: The file should be there and is not, or has another size.
        """
        self.rows = mapped(path, self.shape, self.dtype, resume=resume)

    def __call__(self, batch: Batch, *, first_visit: bool) -> tuple[Tensor, ...]:
        """Give the maps of a batch.

        Args:
            batch: The patches.
            first_visit: Whether nothing is kept yet of these patches.
        """
        if self.rows is None:
            return self.ask(batch.infrared, batch.visible)
        if first_visit:
            said = self.ask(batch.infrared, batch.visible)
            rows = [maps.permute(0, 2, 3, 1).flatten(1) for maps in said]  # channels last, as convolutions give them
            self.rows[batch.indices] = torch.cat(rows, dim=1).to(getattr(torch, self.dtype)).cpu().numpy()
            return said
        return self._split(torch.from_numpy(self.rows[batch.indices]).to(batch.infrared.device).float())

    def _split(self, rows: Tensor) -> tuple[Tensor, ...]:
        parts = torch.split(rows, [maps.numel() for maps in self.maps], dim=1)
        return tuple(part.view(-1, *maps).permute(0, 3, 1, 2) for part, maps in zip(parts, self.maps, strict=True))


def mapped(path: Path, shape: tuple[int, ...], dtype: str, *, resume: bool) -> NDArray[Any]:
    """Map a file as an array that is read and changed in place; its room is claimed before.

    Args:
        path: The file.
        shape: Of the array.
        dtype: Its type's name.
        resume: Whether the file is there from the run's first part.

    Raises:
        OutputError: There is no room for the file.
        TrainingError: The file should be there and is not, or has another size.
    """
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if not resume:
        reserve(path, size)
    elif not path.is_file() or path.stat().st_size != size:
        raise TrainingError(f"{path}: what was kept of the run's first part is gone", cure="anew")
    try:
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)
    except OSError as error:
        raise write_error(path, error) from error


def reserve(path: Path, size: int) -> None:
    """Make a file of so many bytes and claim its room now: a full disk would otherwise kill the process later.

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
            path.unlink()  # what was claimed is missing elsewhere
        raise write_error(path, error).at(f"{size / 1e6:,.1f} MB are needed") from error
