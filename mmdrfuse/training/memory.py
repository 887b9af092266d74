"""The refresh memory: for every patch, the run's own best outputs so far.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.4, https://arxiv.org/abs/2408.15641.
"""

import math
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.refresh import relapse
from mmdrfuse.recipes.recipe import Decision
from mmdrfuse.system.atomic import writing
from mmdrfuse.training.frozen_cache import mapped

SCORES = 2
"""Structure (SSIM) and detail (GMSD): each remembers an output of its own."""

MAPPED, PARTS = "memory.bin", "memory-[0-9]*.safetensors"
"""Its files: outputs that do not fit in memory, and what saves write, each with its step, as a pattern."""

IN_MEMORY = 2**30
"""Bytes of remembered outputs that stay in memory (the accelerator's, where there is one); more are mapped from a file.

The published 16,000 patches of 128² take 0.52 GB as uint8, half of it, and a save that writes them is done in a
second; 962,000 patches, 31.5 GB, fit on a disk. A mapped memory moves through the host, which waits for an
accelerator once a step.
"""


class Memory:
    """Remember two outputs a patch, best in structure and best in detail, with their scores.

    It costs ``2·N·h·w`` bytes as uint8, twice that as float16: in memory, or in a file beyond `IN_MEMORY`. Values
    beyond [0, 1] are cut off when they are remembered as uint8. In memory, nothing here waits for the device.

    A save writes what is in memory to ``memory-STEP.safetensors``. Outputs in a file are not written again: they are
    changed in place and run ahead of the save, which is safe as long as no patch is seen twice between two saves. A
    step that is done again after a stop finds the same outputs better than the scores of the save, and so does not
    look at their labels (its gap is 0) but overwrites them, even half-written ones, with the same bytes as before;
    and what it finds worse nobody has overwritten.

    Departs from the paper: the scores are kept as they were when the output was remembered, so that
    rounding the images does not move them.

    Args:
        shape: Number of patches, height and width.
        dtype: ``torch.uint8``, or a floating type.
        device: Where the patches come from and the labels are wanted.
        folder: Where its files go.
        resume: Whether they are there from the run's first part.

    Raises:
        OutputError: There is no room for the file.
        TrainingError: The file should be there and is not, or has another size.
    """

    def __init__(
        self, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device, folder: Path, resume: bool = False
    ) -> None:
        self.folder, whole = folder, (SCORES, *shape)
        self.scores = torch.full(whole[:2], -torch.inf, device=device)
        self.mapped = dtype.itemsize * math.prod(whole) > IN_MEMORY
        if self.mapped:
            outputs = mapped(folder / MAPPED, whole, str(dtype).removeprefix("torch."), resume=resume)
            self.images = torch.from_numpy(outputs)
        else:
            self.images = torch.zeros(whole, dtype=dtype, device=device)

    def labels(self, positions: Tensor) -> Tensor:
        """Give what is remembered of some patches, zero where nothing is.

        Args:
            positions: (B,), the patches' positions.

        Returns:
            (2, B, 1, h, w), float32: the best in structure, and the best in detail.
        """
        images = self.images[:, positions.to(self.images.device), None].to(positions.device).float()
        return images / 255 if self.images.dtype == torch.uint8 else images

    def update(self, positions: Tensor, fused: Tensor, quality: Tensor, *, decision: Decision) -> Tensor:
        """Remember the outputs that are better than the past, and say how far the others fell behind.

        Args:
            positions: (B,), the patches' positions, each at most once.
            fused: (B, 1, h, w), the outputs.
            quality: (2, B), their scores, the higher the better.
            decision: Whether patches are judged one by one or by the batch's mean.

        Returns:
            (2, B): the gaps, 0 where the memory was refreshed.
        """
        best = self.scores[:, positions]
        better, gaps = relapse(quality, best, decision=decision)
        outputs = fused.detach()[:, 0]
        if self.images.dtype == torch.uint8:
            outputs = outputs.mul(255).round().clamp(0, 255)
        self._replace(positions, outputs.to(self.images.dtype), better)
        self.scores[:, positions] = torch.where(better, quality, best)
        return gaps

    def _replace(self, positions: Tensor, outputs: Tensor, better: Tensor) -> None:
        """Overwrite what is worse, where the images are."""
        positions, outputs, better = (tensor.to(self.images.device) for tensor in (positions, outputs, better))
        self.images[:, positions] = torch.where(better[..., None, None], outputs, self.images[:, positions])

    def save(self, step: int) -> None:
        """Write what is in memory, beside what the save before this one wrote.

        Raises:
            OutputError: It cannot be written.
        """
        from safetensors.torch import save_file

        with writing(self._part(step)) as temporary:
            save_file(self._in_memory(), temporary)

    def commit(self, step: int) -> None:
        """Rely on the save after so many steps: nobody goes back to earlier ones any more."""
        for old in set(self.folder.glob(PARTS)) - {self._part(step)}:
            with suppress(OSError):  # one that stays costs its room
                old.unlink()

    def restore(self, step: int) -> None:
        """Become again what was saved after so many steps.

        Raises:
            TrainingError: What was saved is gone, or is not of such a memory.
        """
        from safetensors.torch import load_file

        part = self._part(step)
        try:
            saved = load_file(part)
            for name, tensor in self._in_memory().items():
                tensor.copy_(saved[name])
        except Exception as error:  # a damaged file fails with anything
            raise TrainingError(f"{part}: not what the run remembered ({error})", cure="anew") from error

    def _in_memory(self) -> dict[str, Tensor]:
        return {"scores": self.scores} | ({} if self.mapped else {"images": self.images})

    def _part(self, step: int) -> Path:
        return self.folder / f"memory-{step}.safetensors"
