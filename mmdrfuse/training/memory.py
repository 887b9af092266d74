"""The refresh memory: for every patch, the run's own best outputs so far.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.4, https://arxiv.org/abs/2408.15641.
"""

import torch
from torch import Tensor

from mmdrfuse.losses.refresh import Decision, relapse

SCORES = 2
"""Structure (SSIM) and detail (GMSD): each remembers an output of its own."""


class Memory:
    """Remember two outputs a patch, best in structure and best in detail, with their scores.

    It costs ``2·N·h·w`` bytes as uint8, twice that as float16. Values beyond [0, 1] are cut off when they
    are remembered as uint8. Nothing here waits for the device.

    Departs from the paper: the scores are kept as they were when the output was remembered, so that
    rounding the images does not move them.

    Args:
        shape: Number of patches, height and width.
        dtype: ``torch.uint8``, or a floating type.
        device: Where it lives.
    """

    def __init__(self, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device) -> None:
        self.images = torch.zeros((SCORES, *shape), dtype=dtype, device=device)
        self.scores = torch.full((SCORES, shape[0]), -torch.inf, device=device)

    def labels(self, positions: Tensor) -> Tensor:
        """Give what is remembered of some patches, zero where nothing is.

        Args:
            positions: (B,), the patches' positions.

        Returns:
            (2, B, 1, h, w), float32: the best in structure, and the best in detail.
        """
        images = self.images[:, positions, None].float()
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
        old = self.images[:, positions]
        self.images[:, positions] = torch.where(better[..., None, None], outputs.to(old.dtype), old)
        self.scores[:, positions] = torch.where(better, quality, best)
        return gaps

    def state_dict(self) -> dict[str, Tensor]:
        """Give all that a resumed run needs."""
        return {"images": self.images, "scores": self.scores}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take a state back, in place."""
        self.images.copy_(state["images"])
        self.scores.copy_(state["scores"])
