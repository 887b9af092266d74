"""Loops over the pixels of integer colour pictures, compiled by `mmdrfuse.system.native`; arrays come as addresses."""

from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from mmdrfuse.system.compiling import entry

Address = Any

_BLOCK = 4096
"""Pixels that are looked at before the first difference ends the search."""

_RED, _GREEN, _BLUE, _HALF = np.float32(0.299), np.float32(0.587), np.float32(0.114), np.float32(0.5)


@entry()
def find_colour(count: int, image_at: Address, found_at: Address) -> None:
    """Set ``found`` to whether the channels differ in any of ``count`` pixels."""
    image, found = carray(image_at, (count, 3)), carray(found_at, (1,))
    for start in range(0, count, _BLOCK):
        differing = np.uint8(0)
        for x in range(start, min(start + _BLOCK, count)):
            differing |= np.uint8((image[x, 0] != image[x, 1]) | (image[x, 1] != image[x, 2]))
        if differing:
            found[0] = 1
            break


@entry()
def weigh(count: int, image_at: Address, luma_at: Address) -> None:
    """Fill ``luma`` with 0.299 R + 0.587 G + 0.114 B, rounded; where the channels are equal, that is their value."""
    image, luma = carray(image_at, (count, 3)), carray(luma_at, (count,))
    for x in range(count):
        weighted = _RED * np.float32(image[x, 0]) + _GREEN * np.float32(image[x, 1]) + _BLUE * np.float32(image[x, 2])
        luma[x] = np.int32(weighted + _HALF)


@entry()
def move(count: int, top: int, fused_at: Address, coloured_at: Address, luma_at: Address, moved_at: Address) -> None:
    """Fill ``moved`` with the coloured pixels plus what the fused luminance has more than theirs, within 0..top."""
    fused, luma = carray(fused_at, (count,)), carray(luma_at, (count,))
    coloured, moved = carray(coloured_at, (count, 3)), carray(moved_at, (count, 3))
    highest = np.int32(top)
    for x in range(count):
        change = np.int32(fused[x]) - np.int32(luma[x])
        for channel in range(3):
            moved[x, channel] = min(max(np.int32(coloured[x, channel]) + change, np.int32(0)), highest)
