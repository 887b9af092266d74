"""A pair of pictures to score a student's fusion of, again and again, with the way back to its weights."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mmdrfuse.losses.fidelity import Policy, levels
from mmdrfuse.losses.scores import Sources
from mmdrfuse.models.slopes import pull_back
from mmdrfuse.models.student import Student

BYTES = 100
"""Bytes that are held of a pair, for each of its pixels."""


@dataclass
class ScoredPair:
    """A pair, and what scoring needs to know of it."""

    infrared: Tensor
    """(1, 1, H, W), in [0, 1], sides of at least 41."""
    visible: Tensor
    """The same shape."""
    keep: bool = True
    """Whether to keep what is computed of the sources: `BYTES` a pixel, and a fifth less work."""

    @cached_property
    def _kept(self) -> Sources:
        return self._computed()

    def _computed(self) -> Sources:
        return Sources.of(self.infrared * 255, self.visible * 255)

    @property
    def sources(self) -> Sources:
        """The sources, ready to score against.

        Raises:
            SizeError: They are too small for VIF.
        """
        return self._kept if self.keep else self._computed()

    def scores(self, picture: Tensor, policy: Policy) -> Tensor:
        """Score a picture of the pair.

        Args:
            picture: (1, 1, H, W), in [0, 1] and beyond; gradients reach it.
            policy: What becomes black and white.

        Returns:
            (6,).
        """
        return self.sources.scores(levels(picture, policy))[0]

    def slopes(self, student: Student, policy: Policy) -> tuple[Tensor, Tensor]:
        """Score a student's picture, with the derivatives of every score to every weight.

        Returns:
            The scores (6,), and their derivatives (6, 113), in the order of ``student.parameters()``.
        """
        with torch.no_grad():
            picture = student(self.infrared, self.visible).fused
        picture.requires_grad_()
        seen = levels(picture, policy)
        reached, slopes = self.sources.slopes(seen)
        rows = [torch.autograd.grad(seen, picture, one[None, None], retain_graph=True)[0][0, 0] for one in slopes[0]]
        return reached[0], pull_back(student, self.infrared, self.visible, torch.stack(rows))
