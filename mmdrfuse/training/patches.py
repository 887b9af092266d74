"""The patches of a training: their interface, their batches and their order."""

from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdrfuse.errors import SizeError

Indices = NDArray[np.int64]

FLIPS = ((), (-1,), (-2,), (-2, -1))
"""The axes along which a batch may be mirrored: none, columns, rows, or both."""

MIN_PATCH = 16
"""Smallest side of a patch in pixels: VGG-19 halves it four times, and SSIM's window is 11 wide."""


class Patches(Protocol):
    """Registered pairs of patches, all of one size; `mmdrfuse.datasets.PatchFile` is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number, height and width."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of the patches; a resumed run checks that it is the same."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Indices) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return infrared and visible, uint8 or uint16, (B, h, w), in the order of the indices."""
        ...


class Batch(NamedTuple):
    """The patches of one step."""

    indices: Indices
    """(B,), positions among the patches of this process."""
    positions: Tensor
    """The same, on the device."""
    infrared: Tensor
    """(B, 1, h, w), in [0, 1], in the orientation of the file."""
    visible: Tensor
    """(B, 1, h, w), in [0, 1], in the orientation of the file."""


def check(patches: Patches) -> None:
    """Refuse patches that the losses cannot be computed on.

    Raises:
        SizeError: There are none, or they are smaller than `MIN_PATCH` on a side.
    """
    count, height, width = patches.shape
    if count < 1 or min(height, width) < MIN_PATCH:
        raise SizeError(
            f"{count} patches of {width}x{height} pixels: training needs at least one, and {MIN_PATCH} pixels on each "
            "side",
            cure="patch",
        )


def load_batch(patches: Patches, indices: Indices, *, device: torch.device) -> Batch:
    """Return a batch on the device; it moves there as integers, which are smaller, and becomes float32 there.

    Args:
        patches: Where the batch comes from.
        indices: Positions of its patches.
        device: Where the batch goes.
    """
    infrared, visible = (_to_unit(source, device) for source in patches.batch(indices))
    return Batch(indices, torch.from_numpy(indices).to(device), infrared, visible)


def _to_unit(values: NDArray[Any], device: torch.device) -> Tensor:
    """Return (B, h, w) integers as (B, 1, h, w) in [0, 1]."""
    return torch.from_numpy(values).to(device)[:, None].float().div(np.iinfo(values.dtype).max)


def draw_batch(step: int, *, count: int, batch: int, seed: int, flips: bool) -> tuple[Indices, tuple[int, ...]]:
    """Draw the patches of a step and their mirroring; the result depends on the arguments alone, so no state is saved.

    Every epoch visits every patch once, in an order of its own; the last batch may be smaller.

    Departs from the paper: a patch always has the same position in its batch, ``index mod batch``, and the patches of
    one position come in a random order. So each of several processes, which own some positions each, sees the same
    patches in every epoch, and together they see the batches of a single process. Two patches of one position are
    never in the same batch.

    Args:
        step: Number of the step, from 0.
        count: Number of patches.
        batch: Patches a step.
        seed: Seed of the run.
        flips: Whether to mirror at all.

    Returns:
        The patches' indices, and the axes to mirror along.
    """
    epoch, row = divmod(step, -(-count // batch))
    indices = _order(epoch, count, batch, seed)[row * batch : (row + 1) * batch]
    if not flips:
        return indices, ()
    return indices, FLIPS[np.random.default_rng([seed, 1, step]).integers(len(FLIPS))]


@lru_cache(maxsize=1)
def _order(epoch: int, count: int, batch: int, seed: int) -> Indices:
    """Arrange the patches in rows, one batch each, and shuffle every column by itself; a short row stays last."""
    keys = np.random.default_rng([seed, 0, epoch]).random((-(-count // batch), batch))
    keys.flat[count:] = 1  # the empty cells sort last, since the random keys are below 1
    return (keys.argsort(axis=0) * batch + np.arange(batch)).ravel()[:count]


class Shard:
    """The patches of one of several processes: every Nth patch, N being the number of processes.

    If a batch has fewer patches than there are processes, some processes get a placeholder, the last patch of the
    shard, which belongs to another process and has no weight.

    Args:
        patches: The patches of all processes.
        rank: Number of this process, and index of its first patch.
        processes: Number of processes.
    """

    def __init__(self, patches: Patches, *, rank: int = 0, processes: int = 1) -> None:
        self.patches = patches
        self.rank = rank
        self.processes = processes
        self.own = len(range(rank, len(patches), processes))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number, height and width."""
        return len(self), *self.patches.shape[1:]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of all patches."""
        return self.patches.fingerprint

    def __len__(self) -> int:
        return self.own + (self.processes > 1)

    def local(self, indices: Indices) -> tuple[Indices, float]:
        """Return the positions within the shard of a batch's patches, and the fraction of the batch that they are.

        Args:
            indices: The batch of all processes.
        """
        own = indices[indices % self.processes == self.rank] // self.processes
        if len(own) == 0:
            return np.array([self.own]), 0.0  # the placeholder
        return own, len(own) / len(indices)

    def batch(self, indices: Indices) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return infrared and visible of the shard's patches, (B, h, w)."""
        return self.patches.batch((indices * self.processes + self.rank) % len(self.patches))


def describe(patches: Patches) -> dict[str, Any]:
    """Return number, size and fingerprint of the patches, for a model card."""
    count, height, width = patches.shape
    return {"patches": count, "height": height, "width": width, "fingerprint": patches.fingerprint}
