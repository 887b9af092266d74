"""Loops over the pixels of integer colour pictures, compiled by `mmdrfuse.system.native`; arrays come as addresses."""

from typing import Any

import numpy as np
from numba.np.numpy_support import carray

from mmdrfuse.system.compiling import entry

Address = Any

_BLOCK = 4096
"""Pixels between two checks whether a difference was found; a check for each pixel would prevent vectorisation."""

_RED, _GREEN, _BLUE, _HALF = np.float32(0.299), np.float32(0.587), np.float32(0.114), np.float32(0.5)


@entry()
def find_colour(count: int, image_at: Address, has_colour_at: Address) -> None:
    """Set ``has_colour`` to 1 if the channels differ in any of ``count`` pixels."""
    image = carray(image_at, (count, 3))
    has_colour = carray(has_colour_at, (1,))
    for start in range(0, count, _BLOCK):
        differing = np.uint8(0)
        for x in range(start, min(start + _BLOCK, count)):
            differing |= np.uint8((image[x, 0] != image[x, 1]) | (image[x, 1] != image[x, 2]))
        if differing:
            has_colour[0] = 1
            break


@entry()
def compute_luminance(count: int, image_at: Address, luma_at: Address) -> None:
    """Compute ``luma`` = 0.299 R + 0.587 G + 0.114 B, rounded; where the channels are equal, this is their value."""
    image = carray(image_at, (count, 3))
    luma = carray(luma_at, (count,))
    for x in range(count):
        weighted = _RED * np.float32(image[x, 0]) + _GREEN * np.float32(image[x, 1]) + _BLUE * np.float32(image[x, 2])
        luma[x] = np.int32(weighted + _HALF)


@entry()
def shift_luminance(
    count: int, top: int, fused_at: Address, coloured_at: Address, luma_at: Address, shifted_at: Address
) -> None:
    """Compute ``shifted`` = ``coloured`` + (``fused`` - ``luma``) for each channel, clipped to 0..top."""
    fused = carray(fused_at, (count,))
    luma = carray(luma_at, (count,))
    coloured = carray(coloured_at, (count, 3))
    shifted = carray(shifted_at, (count, 3))
    highest = np.int32(top)
    for x in range(count):
        change = np.int32(fused[x]) - np.int32(luma[x])
        for channel in range(3):
            shifted[x, channel] = min(max(np.int32(coloured[x, channel]) + change, np.int32(0)), highest)
