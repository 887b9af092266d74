"""A pair of TIFFs of any size to a tiled TIFF, block by block, with the same pixels as in one piece.

A fused pixel depends on the 5×5 pixels around it, so a block is fused with two more pixels on every side that has
neighbours, and they are cut off again. Memory holds a few blocks whatever the pictures' size.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.atomic import writing
from mmdrfuse.errors import SizeError
from mmdrfuse.images import is_gray, known_limits, limits_over, luminance, stretch
from mmdrfuse.images import tiled as tiff
from mmdrfuse.images.tiled import BLOCK, TILE, BlockReader
from mmdrfuse.pipeline.background import background
from mmdrfuse.pipeline.fusion import Fuser, deeper
from mmdrfuse.pipeline.pairs import Pair

HUGE = 50_000_000
"""Pixels from which a pair is fused in blocks wherever its files allow it; tiled files always are."""

HALO = 2
"""Pixels that the student sees to each side: two convolutions of 3×3."""

AHEAD = 2
"""Blocks that may wait before each worker."""


@dataclass(frozen=True)
class Made:
    """How a picture was made."""

    width: int
    height: int
    infrared_size: tuple[int, ...]
    """Width and height as stored."""
    visible_size: tuple[int, ...]
    limits: tuple[float, float]
    """The network's values that became black and white."""
    color: bool
    dtype: np.dtype[Any]
    hashes: tuple[str, str]
    """SHA-256 of the infrared and the visible file, as they were read."""


@dataclass(frozen=True)
class _Block:
    """A rectangle, and the larger one that is read for it."""

    top: int
    bottom: int
    left: int
    right: int
    height: int
    width: int

    def around(self) -> tuple[int, int, int, int]:
        return (
            max(0, self.top - HALO), min(self.height, self.bottom + HALO),
            max(0, self.left - HALO), min(self.width, self.right + HALO),
        )  # fmt: skip

    def inner(self, fused: NDArray[Any]) -> NDArray[Any]:
        """Cut the rectangle out of what was made of the larger one."""
        above, _, before, _ = self.around()
        return fused[self.top - above : self.bottom - above, self.left - before : self.right - before]


def in_blocks(pair: Pair, target: Path) -> bool:
    """Tell whether a pair is to be fused in blocks: TIFF to TIFF, and huge, or a side is tiled.

    Pictures whose sizes differ, or that a matrix moves, are fused in one piece.
    """
    if target.suffix.lower() not in tiff.SUFFIXES or pair.preparation.transform:
        return False
    sides = tiff.shape(pair.infrared), tiff.shape(pair.visible)
    if sides[0] is None or sides[1] is None or sides[0][:2] != sides[1][:2] or min(sides[0][:2]) < 2:
        return False
    return sides[0].height * sides[0].width >= HUGE or sides[0].tiled or sides[1].tiled


def fuse_blocks(fuser: Fuser, pair: Pair, target: Path, *, overwrite: bool = True) -> Made:
    """Fuse a pair for which `in_blocks` holds; the file appears when it is complete, or not at all.

    Limits that depend on the values, and whether there is colour, are found in a pass of their own.

    Args:
        fuser: A student's, whose pixels depend on their neighbours up to `HALO` alone.
        pair: The sources.
        target: The TIFF to write.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
        OutputError: The target exists and may not be replaced, or cannot be written.
    """
    with BlockReader(pair.infrared) as infrared, BlockReader(pair.visible) as visible:
        readers = infrared, visible
        _check_sizes(pair, *readers)
        dtype = deeper(infrared.shape.dtype, visible.shape.dtype)
        coloured = next((side for side in (1, 0) if fuser.color != "gray" and _has_colour(readers[side])), None)
        fuse = _BlockFuser(fuser, pair, readers, coloured)
        limits = fuser.limits or known_limits(fuser.range) or limits_over(fuse.outputs(), fuser.range)
        made = visible.shape._replace(channels=1 if coloured is None else 3, dtype=dtype, tiled=True)

        def fused() -> Iterator[NDArray[Any]]:
            """Give the tiles in the file's order."""
            with closing(background(fuse.sources(), ahead=AHEAD)) as blocks:
                for block, sources in blocks:
                    image = block.inner(fuse(sources, limits, dtype))
                    yield from (image[:, left : left + TILE] for left in range(0, image.shape[1], TILE))

        with (
            writing(target, overwrite=overwrite) as temporary,
            closing(background(fused(), ahead=AHEAD * BLOCK // TILE)) as tiles,
        ):
            tiff.write_tiles(temporary, tiles, made, visible.tags())
            hashes = infrared.sha256, visible.sha256
            infrared.unchanged()
            visible.unchanged()
    size = made.width, made.height
    return Made(*size, size, size, limits, coloured is not None, dtype, hashes)


def is_huge(path: Path) -> bool:
    """Tell whether a picture is to be looked at in blocks, and can be."""
    found = tiff.shape(path)
    return found is not None and found.height * found.width >= HUGE


def blank(path: Path) -> NDArray[Any]:
    """Give an array of a picture's shape and type, that takes no memory and holds nothing of it.

    Raises:
        InputError: The picture cannot be read in blocks.
    """
    with BlockReader(path) as reader:
        size = reader.shape.height, reader.shape.width, *(() if reader.shape.channels == 1 else (3,))
        return np.broadcast_to(np.zeros((), reader.shape.dtype), size)


def luminance_blocks(path: Path) -> Iterator[NDArray[Any]]:
    """Give every pixel's luminance once, block by block.

    Raises:
        InputError: The picture cannot be read in blocks.
    """
    with BlockReader(path) as reader:
        for block in _blocks(reader.shape.height, reader.shape.width):
            yield luminance(reader.block(block.top, block.bottom, block.left, block.right))


def outputs(fuser: Fuser, pair: Pair) -> Iterator[NDArray[np.float32]]:
    """Give what the network makes of a pair for which `in_blocks` holds, before any range, block by block.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
    """
    with BlockReader(pair.infrared) as infrared, BlockReader(pair.visible) as visible:
        _check_sizes(pair, infrared, visible)
        yield from _BlockFuser(fuser, pair, (infrared, visible), None).outputs()


class _BlockFuser:
    """Fuses what was read for a block, whole rectangle to whole rectangle.

    Args:
        fuser: How.
        pair: The sources, and how they are prepared.
        readers: Of infrared and visible.
        coloured: Index of the reader whose colour is kept; None for a grey result.
    """

    def __init__(
        self, fuser: Fuser, pair: Pair, readers: tuple[BlockReader, BlockReader], coloured: int | None
    ) -> None:
        self.fuser, self.pair, self.readers, self.coloured = fuser, pair, readers, coloured

    def sources(self) -> Iterator[tuple[_Block, list[NDArray[Any]]]]:
        """Read the blocks of both sides; only the coloured one keeps its channels, as in one piece."""
        height, width = self.readers[1].shape[:2]
        levels = self.pair.preparation.infrared_range
        for block in _blocks(height, width):
            infrared, visible = (reader.block(*block.around()) for reader in self.readers)
            if levels:
                infrared = stretch(infrared, *levels)
            sources = enumerate((infrared, visible))
            yield block, [source if side == self.coloured else luminance(source) for side, source in sources]

    def __call__(
        self, sources: list[NDArray[Any]], limits: tuple[float, float], dtype: "np.dtype[Any]"
    ) -> NDArray[Any]:
        """Fuse one block's sources to H×W, or to H×W×3 where the picture has colour, be the block itself grey."""
        image = replace(self.fuser, limits=limits)(*sources, dtype=dtype).image
        return image if image.ndim == 3 or self.coloured is None else np.stack([image] * 3, axis=-1)

    def outputs(self) -> Iterator[NDArray[np.float32]]:
        """Give what the network makes of each block."""
        with closing(background(self.sources(), ahead=AHEAD)) as blocks:
            for block, sources in blocks:
                yield block.inner(self.fuser.output(*sources))


def _blocks(height: int, width: int) -> Iterator[_Block]:
    for top in range(0, height, TILE):
        for left in range(0, width, BLOCK):
            yield _Block(top, min(top + TILE, height), left, min(left + BLOCK, width), height, width)


def _has_colour(reader: BlockReader) -> bool:
    """Tell whether any block has colour: most pictures that do show it in the first."""
    if reader.shape.channels == 1:
        return False
    blocks = _blocks(reader.shape.height, reader.shape.width)
    return any(not is_gray(reader.block(block.top, block.bottom, block.left, block.right)) for block in blocks)


def _check_sizes(pair: Pair, infrared: BlockReader, visible: BlockReader) -> None:
    if infrared.shape[:2] != visible.shape[:2]:
        sizes = [f"{reader.shape.width}x{reader.shape.height}" for reader in (infrared, visible)]
        raise SizeError(f"{pair.infrared} is {sizes[0]} and {pair.visible} {sizes[1]} pixels: blocks need one size")
