"""Previews: a few pictures that the network fuses, beside their sources and their maximum."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.engine import Engine
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.training.patches import Patches

ROWS = 4
"""Examples in a sheet."""

Example = Callable[[], tuple[NDArray[Any], NDArray[Any]]]
"""Reads infrared and visible, as stored, when the preview is drawn."""


def preview(examples: Sequence[Example], engine: Engine, *, title: str) -> NDArray[np.uint8]:
    """Return a sheet with one row for each example: infrared, visible, the network's output, and the maximum of both.

    Args:
        examples: What to fuse.
        engine: The network.
        title: Title of its column.

    Returns:
        H×W×3 uint8.

    Raises:
        InputError: A picture cannot be used.
        SizeError: The sizes of a pair differ.
    """
    fusers = Fuser(engine), Fuser(BASELINES["max"])

    def row(example: Example) -> list[NDArray[np.uint8]]:
        sources = example()
        pictures = (*sources, *(fuser(*sources).image for fuser in fusers))
        return [images.converted(picture, np.uint8) for picture in pictures]

    return images.sheet(map(row, examples), ["infrared", "visible", title, "max"])


def of_pairs(pairs: Sequence[Pair]) -> list[Example]:
    """Return examples of pairs, evenly spaced over all of them."""
    return [pairs[index].sources for index in _evenly_spaced(len(pairs))]


def of_patches(patches: Patches) -> list[Example]:
    """Return examples of patches, evenly spaced over all of them."""
    return [partial(_patch, patches, index) for index in _evenly_spaced(len(patches))]


def _patch(patches: Patches, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
    infrared, visible = patches.batch(np.array([index]))
    return infrared[0], visible[0]


def _evenly_spaced(count: int) -> list[int]:
    rows = min(count, ROWS)
    return [index * count // rows for index in range(rows)]
