"""The teacher's answers: asked for once a patch, then read from a file in the run's folder.

The teacher is frozen and the patches stay the same, so its answers never change; its forward is most of
the time of a student's step.
"""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmdrfuse.errors import OutputError, TrainingError
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.training.patches import Batch

MAPS = 2
"""The picture, and the feature summed over its channels: all that distillation looks at."""


class Answers:
    """Give the frozen teacher's maps of a batch.

    Departs from the paper: the teacher sees each patch unmirrored and its answer is mirrored with the
    patch, and answers after the first are rounded to the file's type.

    Args:
        teacher: The teacher, on its device; it is frozen here: ``eval()``, and no gradient.
        path: The file, ``4·N·h·w`` bytes as float16; it is mapped, not read.
        shape: Number of patches, height and width.
        dtype: ``float16`` or ``float32``.
        resume: Whether the file is there from the run's first part.

    Raises:
        OutputError: There is no room for the file.
        TrainingError: The file should be there and is not, or has another size.
    """

    def __init__(self, teacher: Teacher, path: Path, shape: tuple[int, ...], *, dtype: str, resume: bool) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        count, height, width = shape
        whole = (count, MAPS, height, width)
        size = np.dtype(dtype).itemsize * int(np.prod(whole))
        if not resume:
            _reserve(path, size)
        elif not path.is_file() or path.stat().st_size != size:
            raise TrainingError(f"{path}: the teacher's answers are gone; begin anew with --overwrite")
        self.kept = np.memmap(path, dtype=dtype, mode="r+", shape=whole)

    @torch.no_grad()
    def __call__(self, batch: Batch, *, first_visit: bool) -> tuple[Tensor, Tensor]:
        """Give the picture and the feature's sum, each (B, 1, h, w), mirrored as the batch is.

        Args:
            batch: What the student sees.
            first_visit: Whether the teacher has to be asked.
        """
        if first_visit:
            fused, feature = self.teacher(batch.infrared.flip(batch.flip), batch.visible.flip(batch.flip))
            maps = torch.cat([fused, feature.sum(dim=1, keepdim=True)], dim=1)
            self.kept[batch.indices] = maps.cpu().numpy()
        else:
            maps = torch.from_numpy(self.kept[batch.indices]).to(batch.infrared.device).float()
        maps = maps.flip(batch.flip)
        return maps[:, :1], maps[:, 1:]


def _reserve(path: Path, size: int) -> None:
    """Make the file and claim its room now: a full disk would otherwise kill the process later."""
    try:
        with path.open("wb") as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise OutputError(
            f"{path}: no room for {size / 1e9:.1f} GB of the teacher's answers ({error.strerror})"
        ) from error
