"""Where training gets its patches from, and in which order it walks through them."""

from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdrfuse.errors import SizeError

Indices = NDArray[np.int64]

FLIPS = ((), (-1,), (-2,), (-2, -1))
"""What a network may see a batch mirrored along: nothing, its rows, its columns, both."""

SMALLEST = 16
"""Pixels on a side that a patch needs: VGG-19 halves it four times, and SSIM's window is 11 wide."""


class Patches(Protocol):
    """Registered pairs of patches, all of one size; `mmdrfuse.datasets.PatchFile` is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number, height and width."""
        ...

    @property
    def fingerprint(self) -> str:
        """What tells these patches from others; a resumed run insists on it."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indices: Indices) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give infrared and visible, uint8 or uint16, (B, h, w), in the order of the indices."""
        ...


class Batch(NamedTuple):
    """What one step learns from."""

    indices: Indices
    """(B,), the patches' positions among this process's."""
    positions: Tensor
    """The same, on the device."""
    infrared: Tensor
    """(B, 1, h, w), in [0, 1], as they stand in the file."""
    visible: Tensor


def check(patches: Patches) -> None:
    """Refuse patches that the losses cannot be computed on.

    Raises:
        SizeError: There are none, or they are smaller than `SMALLEST` on a side.
    """
    count, height, width = patches.shape
    if count < 1 or min(height, width) < SMALLEST:
        raise SizeError(
            f"{count} patches of {width}x{height} pixels: training needs at least one, and {SMALLEST} pixels on each "
            "side",
            cure="patch",
        )


def load(patches: Patches, indices: Indices, *, device: torch.device) -> Batch:
    """Bring a batch to the device, as stored; floating point is made of it there."""
    sources = patches.batch(indices)
    infrared, visible = (
        torch.from_numpy(source).to(device)[:, None].float().div(np.iinfo(source.dtype).max) for source in sources
    )
    return Batch(indices, torch.from_numpy(indices).to(device), infrared, visible)


def draw(step: int, *, count: int, batch: int, seed: int, flips: bool) -> tuple[Indices, tuple[int, ...]]:
    """Choose the patches of a step and their mirroring: a pure function, so that nothing need be saved.

    Every epoch visits every patch once, in an order of its own; the last batch may be smaller.

    Departs from the paper: a patch keeps its place in the batch, ``index mod batch``, and each place goes through its
    patches in a random order. So processes that share out the places see the same patches in every epoch, and
    together the batches of a single process; patches of one place never meet in a batch.

    Args:
        step: Steps since the start of the run.
        count: Patches there are.
        batch: Patches a step.
        seed: Of the run.
        flips: Whether to mirror at all.

    Returns:
        The patches' indices, and the axes to mirror along.
    """
    epoch, row = divmod(step, -(-count // batch))
    choice = int(np.random.default_rng([seed, 1, step]).integers(len(FLIPS))) if flips else 0
    return _order(epoch, count, batch, seed)[row * batch : (row + 1) * batch], FLIPS[choice]


@lru_cache(maxsize=1)
def _order(epoch: int, count: int, batch: int, seed: int) -> Indices:
    """Lay the patches out in rows of a batch each and shuffle every column by itself; the short row stays the last."""
    keys = np.random.default_rng([seed, 0, epoch]).random((-(-count // batch), batch))
    keys.flat[count:] = 1  # what is not there comes last; the others are below 1
    return (keys.argsort(axis=0) * batch + np.arange(batch)).ravel()[:count]


class Share:
    """Every so-manieth patch as patches of their own: what one of several processes has to know of.

    A batch that is too short for all processes leaves some without a patch; these see a stand-in, the last of the
    share, which belongs to another process and counts nothing.

    Args:
        patches: All of them.
        first: The first one's index.
        every: The distance from one to the next.
    """

    def __init__(self, patches: Patches, *, first: int = 0, every: int = 1) -> None:
        self.patches, self.first, self.every = patches, first, every
        self.own = len(range(first, len(patches), every))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number, height and width."""
        return len(self), *self.patches.shape[1:]

    @property
    def fingerprint(self) -> str:
        """That of all patches."""
        return self.patches.fingerprint

    def __len__(self) -> int:
        return self.own + (self.every > 1)

    def among(self, indices: Indices) -> tuple[Indices, float]:
        """Give which of a batch's patches belong to the share, by their positions in it, and how much of it that is."""
        own = indices[indices % self.every == self.first] // self.every
        return (own, len(own) / len(indices)) if len(own) else (np.array([self.own]), 0.0)

    def batch(self, indices: Indices) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give infrared and visible of the share's patches, (B, h, w)."""
        return self.patches.batch((indices * self.every + self.first) % len(self.patches))


def describe(patches: Patches) -> dict[str, Any]:
    """Tell for a model card how many patches there are, how large, and which."""
    count, height, width = patches.shape
    return {"patches": count, "height": height, "width": width, "fingerprint": patches.fingerprint}
