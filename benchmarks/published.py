"""A student's training step as the published flow is described, plainly: the reference of `training.py`.

Written from the description of the method, not from its program: each patch is a PNG of its own, read with Pillow when
it is needed; the teacher runs with gradients; scores are computed sample by sample, the memories' too, and every
decision and every logged number is waited for with ``.item()``; the two memories are float64 arrays of NumPy.
The losses are those of the recipe ``paper`` without features.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

DETAIL = torch.tensor([[1.0, 1.0, 1.0], [1.0, -8.0, 1.0], [1.0, 1.0, 1.0]])[None, None] / 8
PREWITT = torch.tensor([[1.0, 0.0, -1.0]] * 3)[None, None] / 3


class Published:
    """Train a student the published way.

    Args:
        folder: Where ``ir`` and ``vi`` hold the patches, ``0.png`` and so on.
        shape: Number of patches, height and width.
        student: The network to train.
        teacher: Whom it learns from, if anybody.
        rate: Adam's.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, ...], student: nn.Module, teacher: nn.Module | None, rate: float
    ) -> None:
        self.folder, self.student, self.teacher = folder, student, teacher
        self.optimiser = torch.optim.Adam(student.parameters(), lr=rate)
        count, height, width = shape
        self.memories = [np.zeros((count, 1, height, width)) for _ in range(2)]

    def step(self, indices: NDArray[np.int64], *, first_visit: bool) -> dict[str, float]:
        """Run a step; return the values to log."""
        infrared, visible = self.read(indices)
        fused, feature = self.student(infrared, visible)
        brighter = torch.maximum(infrared, visible)
        terms = {
            "intensity": (fused - brighter).abs().mean(),
            "gradient": gradient(fused, brighter),
            **self.refresh(indices, fused, infrared, visible, first_visit=first_visit),
        }
        total = terms["intensity"] + 0.1 * terms["gradient"] + 10 * terms["structure"] + 10 * terms["detail"]
        if self.teacher is not None:
            terms["distillation"] = distillation((fused, feature), self.teacher(infrared, visible))
            total = total + 5 * terms["distillation"]
        self.optimiser.zero_grad()
        total.backward()  # also through the teacher, whose gradients nobody uses
        self.optimiser.step()
        return {name: float(term.item()) for name, term in {**terms, "total": total}.items()}

    def read(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Read a batch from its files."""
        sides = [[self._picture(side, int(index)) for index in indices] for side in ("ir", "vi")]
        return torch.stack(sides[0]), torch.stack(sides[1])

    def _picture(self, side: str, index: int) -> Tensor:
        with Image.open(self.folder / side / f"{index}.png") as picture:
            return torch.from_numpy(np.array(picture)[None].astype(np.float32) / 255)

    def refresh(
        self, indices: NDArray[np.int64], fused: Tensor, infrared: Tensor, visible: Tensor, *, first_visit: bool
    ) -> dict[str, Tensor]:
        """Compare with both memories, batch against batch; return the gaps times the distances."""
        terms: dict[str, Tensor] = {}
        for memory, name, score in zip(self.memories, ("structure", "detail"), (ssim, gmsd), strict=True):
            terms[name] = torch.zeros(())
            label = torch.from_numpy(memory[indices]).float()
            gap = 0.0
            if not first_visit:
                gap = mean(score, label, infrared, visible) - mean(score, fused, infrared, visible)
                gap = gap if score is ssim else -gap
            if first_visit or gap < 0:
                memory[indices] = fused.detach().numpy()
            else:
                distance = (fused - label).abs().mean() if score is ssim else gradient(fused, label)
                terms[name] = gap * distance
        return terms


@torch.no_grad()
def mean(score: Callable[[Tensor, Tensor], Tensor], images: Tensor, infrared: Tensor, visible: Tensor) -> float:
    """Return the batch's mean of a score, summed over both sources."""
    total = 0.0
    for sample, *sources in zip(images.split(1), infrared.split(1), visible.split(1), strict=True):
        for source in sources:
            total += score(sample, source).item()
    return total / len(images)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Compare two images of (1, 1, H, W) with a window of two dimensions."""
    offsets = torch.arange(11.0) - 5
    line = torch.exp(offsets**2 / (-2 * 1.5**2))
    window = torch.outer(line, line)[None, None] / line.sum() ** 2
    mu_a, mu_b = conv2d(a, window), conv2d(b, window)
    sigma_a = conv2d(a * a, window) - mu_a**2
    sigma_b = conv2d(b * b, window) - mu_b**2
    sigma_ab = conv2d(a * b, window) - mu_a * mu_b
    above = (2 * mu_a * mu_b + 0.01**2) * (2 * sigma_ab + 0.03**2)
    return (above / ((mu_a**2 + mu_b**2 + 0.01**2) * (sigma_a + sigma_b + 0.03**2))).mean()


def gmsd(a: Tensor, b: Tensor) -> Tensor:
    """Compare the gradients of two images of (1, 1, H, W)."""
    magnitudes = []
    for image in (a, b):
        half = avg_pool2d(image * 255, 2)
        across, down = conv2d(half, PREWITT), conv2d(half, PREWITT.transpose(2, 3))
        magnitudes.append((across**2 + down**2).sqrt())
    one, two = magnitudes
    return ((2 * one * two + 170) / (one**2 + two**2 + 170)).std()


def gradient(fused: Tensor, target: Tensor) -> Tensor:
    """Compare the detail of two batches."""
    return (conv2d(fused, DETAIL, padding=1) - conv2d(target, DETAIL, padding=1)).pow(2).mean()


def distillation(student: Any, teacher: Any) -> Tensor:
    """Compare the maps of both networks, scaled over the batch."""
    distance = torch.zeros(())
    for ours, theirs in zip(student, teacher, strict=True):
        s, t = ours.sum(dim=1), theirs.sum(dim=1)
        distance = distance + (s / s.norm() - t / t.norm()).pow(2).sum()
    return distance / 2
