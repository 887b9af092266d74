"""Where training gets its patches from, and in which order it walks through them."""

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdrfuse.errors import SizeError

Indices = NDArray[np.int64]

FLIPS = ((), (-1,), (-2,), (-2, -1))
"""What a batch may be mirrored along: nothing, its rows, its columns, both."""

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

    def batch(self, indices: Indices) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Give infrared and visible, uint8, (B, h, w), in the order of the indices."""
        ...


class Batch(NamedTuple):
    """What one step learns from."""

    indices: Indices
    """(B,), the patches' positions in the file."""
    positions: Tensor
    """The same, on the device."""
    infrared: Tensor
    """(B, 1, h, w), in [0, 1], mirrored."""
    visible: Tensor
    flip: tuple[int, ...]
    """The axes along which the batch is mirrored; mirroring again takes it back."""


def check(patches: Patches) -> None:
    """Refuse patches that the losses cannot be computed on.

    Raises:
        SizeError: There are none, or they are smaller than `SMALLEST` on a side.
    """
    count, height, width = patches.shape
    if count < 1 or min(height, width) < SMALLEST:
        raise SizeError(
            f"{count} patches of {width}x{height} pixels: training needs at least one, and {SMALLEST} pixels on each "
            "side; cut larger ones with  mmdrfuse prepare SRC PATCHES.h5 --patch 128"
        )


def load(patches: Patches, indices: Indices, *, flip: tuple[int, ...], device: torch.device) -> Batch:
    """Bring a batch to the device; only bytes travel."""
    sources = [torch.from_numpy(source).to(device) for source in patches.batch(indices)]
    infrared, visible = (source[:, None].float().div(255).flip(flip) for source in sources)
    return Batch(indices, torch.from_numpy(indices).to(device), infrared, visible, flip)


def draw(step: int, *, count: int, batch: int, seed: int, flips: bool) -> tuple[Indices, tuple[int, ...]]:
    """Choose the patches of a step and their mirroring: a pure function, so that nothing need be saved.

    Every epoch visits every patch once, in an order of its own; the last batch may be smaller.

    Args:
        step: Steps since the start of the run.
        count: Patches there are.
        batch: Patches a step.
        seed: Of the run.
        flips: Whether to mirror at all.

    Returns:
        The patches' indices, and the axes to mirror along.
    """
    epoch, place = divmod(step, -(-count // batch))
    order = np.random.default_rng([seed, 0, epoch]).permutation(count)
    choice = int(np.random.default_rng([seed, 1, step]).integers(len(FLIPS))) if flips else 0
    return order[place * batch : (place + 1) * batch], FLIPS[choice]


def describe(patches: Patches) -> dict[str, Any]:
    """Tell for a model card how many patches there are, how large, and which."""
    count, height, width = patches.shape
    return {"patches": count, "height": height, "width": width, "fingerprint": patches.fingerprint}
