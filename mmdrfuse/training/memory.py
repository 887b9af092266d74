"""The refresh memory: the best earlier outputs of the network for every patch.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.4, https://arxiv.org/abs/2408.15641.
"""

import math
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.refresh import compare_with_best
from mmdrfuse.recipes.recipe import Decision
from mmdrfuse.system.atomic import writing
from mmdrfuse.training.frozen_cache import map_file

SCORES = 2
"""Structure (SSIM) and detail (GMSD); the memory has an output for each."""

MAPPED, PARTS = "memory.bin", "memory-[0-9]*.safetensors"
"""Files of the memory: outputs that are too large for RAM, and the pattern of the saves, one file for each step."""

IN_MEMORY = 2**30
"""Bytes of outputs that stay in RAM (the accelerator's, where there is one); larger memories are mapped from a file.

The published 16,000 patches of 128² take 0.52 GB as uint8, half of this limit, and saving them takes a second. 962,000
patches take 31.5 GB on disk. A mapped memory goes through the host, which then waits for an accelerator once a step.
"""


class RefreshMemory:
    """Store two outputs of each patch, the best in structure and the best in detail, with their scores.

    The memory takes ``2·N·h·w`` bytes as uint8 and twice that as float16. It is in RAM up to `IN_MEMORY` bytes, and in
    a mapped file beyond that. As uint8, values outside [0, 1] are clipped. In RAM, no method waits for the device.

    A save writes the part in RAM to ``memory-STEP.safetensors``. A mapped file is changed in place and is not written
    again, so it can be newer than the last save. This is safe as long as no patch is seen twice between two saves.
    After a stop, the resumed run repeats the steps since the save. Where a repeated output beats the saved score, as it
    did before, its gap is 0: the step ignores the label and overwrites it, even a half-written one, with the same bytes
    as before. Where the output does not beat the saved score, the label was not overwritten.

    Departs from the paper: the scores are those of the outputs before they were rounded, so that rounding does not
    change them.

    Args:
        shape: Number of patches, height and width.
        dtype: ``torch.uint8``, or a floating type.
        device: Where the patches and the labels are.
        folder: Where its files go.
        resume: Whether the files of the run's first part exist.

    Raises:
        OutputError: There is no room for the file.
        TrainingError: The file of the run's first part is missing, or has another size.
    """

    def __init__(
        self, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device, folder: Path, resume: bool = False
    ) -> None:
        self.folder = folder
        full_shape = (SCORES, *shape)
        self.scores = torch.full(full_shape[:2], -torch.inf, device=device)
        self.mapped = dtype.itemsize * math.prod(full_shape) > IN_MEMORY
        if self.mapped:
            outputs = map_file(folder / MAPPED, full_shape, str(dtype).removeprefix("torch."), resume=resume)
            self.images = torch.from_numpy(outputs)
        else:
            self.images = torch.zeros(full_shape, dtype=dtype, device=device)

    def labels(self, positions: Tensor) -> Tensor:
        """Return the stored outputs of some patches, zero where there are none.

        Args:
            positions: (B,), the patches' positions.

        Returns:
            (2, B, 1, h, w), float32: the best in structure, and the best in detail.
        """
        images = self.images[:, positions.to(self.images.device), None].to(positions.device).float()
        return images / 255 if self.images.dtype == torch.uint8 else images

    def update(self, positions: Tensor, fused: Tensor, quality: Tensor, *, decision: Decision) -> Tensor:
        """Store the outputs that are better than the stored ones, and return how much worse the others are.

        Args:
            positions: (B,), the patches' positions, each at most once.
            fused: (B, 1, h, w), the outputs.
            quality: (2, B), their scores; higher is better.
            decision: Whether patches are compared one by one or by the batch's mean.

        Returns:
            (2, B): the gaps, 0 where the memory was refreshed.
        """
        best = self.scores[:, positions]
        better, gaps = compare_with_best(quality, best, decision=decision)
        outputs = fused.detach()[:, 0]
        if self.images.dtype == torch.uint8:
            outputs = outputs.mul(255).round().clamp(0, 255)
        self._replace(positions, outputs.to(self.images.dtype), better)
        self.scores[:, positions] = torch.where(better, quality, best)
        return gaps

    def _replace(self, positions: Tensor, outputs: Tensor, better: Tensor) -> None:
        """Overwrite the worse outputs, on the device of the stored images."""
        positions, outputs, better = (tensor.to(self.images.device) for tensor in (positions, outputs, better))
        self.images[:, positions] = torch.where(better[..., None, None], outputs, self.images[:, positions])

    def save(self, step: int) -> None:
        """Write the part in RAM to a new file; the file of the previous save stays.

        Raises:
            OutputError: It cannot be written.
        """
        from safetensors.torch import save_file

        with writing(self._part(step)) as temporary:
            save_file(self._in_memory(), temporary)

    def commit(self, step: int) -> None:
        """Delete the files of earlier saves: the save after this step is complete in all processes."""
        for old in set(self.folder.glob(PARTS)) - {self._part(step)}:
            with suppress(OSError):  # a file that cannot be deleted only takes room
                old.unlink()

    def restore(self, step: int) -> None:
        """Load what was saved after a number of steps.

        Raises:
            TrainingError: The file is missing or damaged, or is of another memory.
        """
        from safetensors.torch import load_file

        part = self._part(step)
        try:
            saved = load_file(part)
            for name, tensor in self._in_memory().items():
                tensor.copy_(saved[name])
        except Exception as error:  # a damaged file can raise anything
            raise TrainingError(f"{part}: not the saved refresh memory of this run ({error})", cure="anew") from error

    def _in_memory(self) -> dict[str, Tensor]:
        if self.mapped:
            return {"scores": self.scores}
        return {"scores": self.scores, "images": self.images}

    def _part(self, step: int) -> Path:
        return self.folder / f"memory-{step}.safetensors"
