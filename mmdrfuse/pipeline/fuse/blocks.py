"""Fuse a pair of TIFFs of any size into a tiled TIFF, block by block, with the same pixels as in one piece.

`folder` takes a `BlockwisePair` where `fits_blocks` allows it, and a `whole.WholePair` otherwise.

A fused pixel depends on the 5×5 pixels around it, so a block is fused with two more pixels on every side that has
neighbours, and they are cut off again. Memory holds a few blocks whatever the pictures' size.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import MMDRFuseError, SizeError
from mmdrfuse.images import Side, is_gray, luminance
from mmdrfuse.images.formats import tiff_blocks
from mmdrfuse.images.formats.tiff_blocks import BLOCK, TILE, BlockReader
from mmdrfuse.pair import Pair, Prepared
from mmdrfuse.pipeline.fuse.fuser import Fuser, deeper, fuse_part, part_output
from mmdrfuse.pipeline.fuse.info import FusedInfo, SourceInfo
from mmdrfuse.system.atomic import writing
from mmdrfuse.system.prefetch import prefetch

HUGE = 50_000_000
"""Pixels from which a pair is fused in blocks wherever its files allow it; tiled files always are."""

HALO = 2
"""Pixels that the student sees to each side: two convolutions of 3×3."""

BUFFERED_BLOCKS = 2
"""Blocks that may wait before each thread."""

SAMPLES = 64
"""Blocks of a pair by which the weights are chosen, at most."""

Readers = tuple[BlockReader, BlockReader]
"""Readers of the infrared and of the visible side."""
Sides = tuple[NDArray[Any], NDArray[Any]]
"""A block of the infrared and of the visible side, H×W or H×W×3."""


@dataclass(frozen=True)
class _Block:
    """A rectangle of a picture, and the larger one that is read for it."""

    top: int
    bottom: int
    left: int
    right: int
    height: int
    width: int

    def with_halo(self) -> tuple[int, int, int, int]:
        """Return top, bottom, left and right of what is read: the halo ends at the picture's edges."""
        return (
            max(0, self.top - HALO), min(self.height, self.bottom + HALO),
            max(0, self.left - HALO), min(self.width, self.right + HALO),
        )  # fmt: skip

    def without_halo(self, fused: NDArray[Any]) -> NDArray[Any]:
        """Return the rectangle's part of an array that was computed for the larger one."""
        outer_top, _, outer_left, _ = self.with_halo()
        return fused[self.top - outer_top : self.bottom - outer_top, self.left - outer_left : self.right - outer_left]


def fits_blocks(pair: Pair, target: Path) -> bool:
    """Return whether a pair is fused in blocks: from TIFF to TIFF, and it is huge, or a side is tiled.

    Pictures whose sizes differ, and preparations that move pixels, need one piece. Small files that cannot be read in
    blocks are read in one piece too, where more decoders can help.
    """
    if target.suffix.lower() not in tiff_blocks.SUFFIXES or not pair.preparation.pointwise:
        return False
    infrared = _infrared_shape(pair)
    visible = tiff_blocks.read_shape(pair.visible)
    if infrared is None or visible is None:
        return False
    if infrared[:2] != visible[:2] or min(infrared[:2]) < 2:
        return False
    if infrared.height * infrared.width >= HUGE:
        return True
    return (infrared.tiled or visible.tiled) and _readable(pair)


@dataclass(frozen=True)
class BlockwisePair:
    """A pair of TIFFs for which `fits_blocks` is true, fused block by block."""

    pair: Pair

    @property
    def name(self) -> str:
        """Return the pair's name."""
        return self.pair.name

    def has_eight_bit_header(self) -> bool:
        """Return whether the infrared file's header says that it holds 8 bits."""
        shape = _infrared_shape(self.pair)
        return shape is not None and shape.dtype == np.uint8

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Yield the infrared's luminance block by block as it is stored, every pixel once.

        Raises:
            InputError: It cannot be read.
        """
        with _infrared_reader(self.pair) as reader:
            for block in _blocks(reader.shape.height, reader.shape.width):
                yield luminance(reader.block(block.top, block.bottom, block.left, block.right))

    def samples(self) -> Iterator[Prepared]:
        """Yield prepared blocks from all over the pair, the same ones every time.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        with _opened(self.pair) as (infrared, visible):
            blocks = list(_blocks(*visible.shape[:2]))
            # At random, since every Nth block may always be in the same column.
            for number in sorted(Random(0).sample(range(len(blocks)), min(SAMPLES, len(blocks)))):
                block = blocks[number]
                area = block.top, block.bottom, block.left, block.right
                yield self.pair.prepared(infrared.block(*area), visible.block(*area))

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Yield the network's output for the prepared sides, every pixel once, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        with _opened(self.pair) as readers:
            yield from self._outputs(fuser, readers)

    def fuse(self, fuser: Fuser, target: Path, *, write: bool = True) -> FusedInfo:
        """Fuse the pair; the file appears when it is complete, or not at all.

        A first pass finds limits that depend on the values, and whether there is colour.

        Args:
            fuser: A student's, whose pixels depend on neighbours up to `HALO` pixels away.
            target: The TIFF to write.
            write: False to fuse every block and write nothing.

        Raises:
            InputError: A source cannot be read.
            SizeError: The sources' sizes differ.
            OutputError: The target cannot be written.
        """
        with _opened(self.pair) as readers:
            infrared, visible = readers
            dtype = deeper(infrared.shape.dtype, visible.shape.dtype)
            side = _side(fuser, *readers)
            limits = fuser.limits_of(lambda: self._outputs(fuser, readers))
            settled = replace(fuser, limits=limits, color="gray" if side is None else fuser.color)

            coloured = infrared if side == "infrared" else visible
            shape = visible.shape._replace(channels=1 if side is None else 3, dtype=dtype, tiled=True)
            tiles = self._tiles(settled, readers, dtype, side)
            with (
                writing(target) if write else nullcontext() as temporary,
                closing(prefetch(tiles, buffer_size=BUFFERED_BLOCKS * BLOCK // TILE)) as fused_tiles,
            ):
                if temporary is None:
                    deque(fused_tiles, maxlen=0)  # fuse all, keep none
                else:
                    tiff_blocks.write_tiles(temporary, fused_tiles, shape, coloured.tags())
                sources = _source_info(infrared), _source_info(visible)  # if one has changed meanwhile, no file appears
        return FusedInfo(shape.width, shape.height, limits, side is not None, dtype, *sources)

    def _tiles(self, fuser: Fuser, readers: Readers, dtype: np.dtype[Any], side: Side | None) -> Iterator[NDArray[Any]]:
        """Yield the fused tiles in the file's order: row by row, from left to right."""
        for block, sides in _read(readers):
            with self.pair.named():
                fused = fuse_part(fuser, self.pair.preparation, *sides, dtype=dtype, side=side)
            image = block.without_halo(fused.image)
            for left in range(0, image.shape[1], TILE):
                yield image[:, left : left + TILE]

    def _outputs(self, fuser: Fuser, readers: Readers) -> Iterator[NDArray[np.float32]]:
        for block, sources in _read(readers):
            with self.pair.named():
                output = part_output(fuser, self.pair.preparation, *sources)
            yield block.without_halo(output)


@contextmanager
def _opened(pair: Pair) -> Iterator[Readers]:
    """Open both sides, which must have one size."""
    with _infrared_reader(pair) as infrared, BlockReader(pair.visible) as visible:
        if infrared.shape[:2] != visible.shape[:2]:
            sizes = [f"{reader.shape.width}x{reader.shape.height}" for reader in (infrared, visible)]
            raise SizeError(f"{pair.infrared} is {sizes[0]} and {pair.visible} {sizes[1]} pixels: blocks need one size")
        yield infrared, visible


def _infrared_reader(pair: Pair) -> BlockReader:
    """Open the infrared side; values below zero or of 32 bits are allowed, as a range brings them to 0 and 1."""
    return BlockReader(pair.infrared, wide=tiff_blocks.read_shape(pair.infrared) is None)


def _infrared_shape(pair: Pair) -> tiff_blocks.Shape | None:
    return tiff_blocks.read_shape(pair.infrared) or tiff_blocks.read_shape(pair.infrared, wide=True)


def _readable(pair: Pair) -> bool:
    """Return whether both sides can be read in blocks, by trying their first pixels."""
    try:
        with _opened(pair) as readers:
            return all(reader.block(0, 1, 0, 1).size for reader in readers)
    except MMDRFuseError:
        return False


def _read(readers: Readers) -> Iterator[tuple[_Block, Sides]]:
    """Yield the blocks of both sides with their halos, read in another thread."""

    def blocks() -> Iterator[tuple[_Block, Sides]]:
        infrared, visible = readers
        for block in _blocks(*visible.shape[:2]):
            yield block, (infrared.block(*block.with_halo()), visible.block(*block.with_halo()))

    with closing(prefetch(blocks(), buffer_size=BUFFERED_BLOCKS)) as buffered:
        yield from buffered


def _blocks(height: int, width: int) -> Iterator[_Block]:
    for top in range(0, height, TILE):
        for left in range(0, width, BLOCK):
            yield _Block(top, min(top + TILE, height), left, min(left + BLOCK, width), height, width)


def _side(fuser: Fuser, infrared: BlockReader, visible: BlockReader) -> Side | None:
    """Return the side whose colour is kept, as `Fuser.side` does for pictures in one piece."""
    if fuser.color == "gray":
        return None
    if _has_colour(visible):
        return "visible"
    return "infrared" if _has_colour(infrared) else None


def _has_colour(reader: BlockReader) -> bool:
    """Return whether any block has colour; a coloured picture mostly shows it in the first."""
    if reader.shape.channels == 1:
        return False
    blocks = _blocks(reader.shape.height, reader.shape.width)
    return any(not is_gray(reader.block(block.top, block.bottom, block.left, block.right)) for block in blocks)


def _source_info(reader: BlockReader) -> SourceInfo:
    sha256 = reader.sha256
    reader.check_unchanged()
    shape = reader.shape
    return SourceInfo(shape.width, shape.height, shape.dtype, shape.channels > 1, sha256)
