"""A pair of TIFFs of any size to a tiled TIFF, block by block, with the same pixels as in one piece.

A fused pixel depends on the 5×5 pixels around it, so a block is fused with two more pixels on every side that has
neighbours, and they are cut off again. Memory holds a few blocks whatever the pictures' size.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import MMDRFuseError, SizeError
from mmdrfuse.images import Side, is_gray, luminance
from mmdrfuse.images.formats import tiff_blocks
from mmdrfuse.images.formats.tiff_blocks import BLOCK, TILE, BlockReader
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, deeper, fuse_part, part_output
from mmdrfuse.pipeline.fuse.info import FusedInfo, SourceInfo
from mmdrfuse.system.atomic import writing
from mmdrfuse.system.prefetch import prefetch

HUGE = 50_000_000
"""Pixels from which a pair is fused in blocks wherever its files allow it; tiled files always are."""

HALO = 2
"""Pixels that the student sees to each side: two convolutions of 3×3."""

BUFFERED_BLOCKS = 2
"""Blocks that may wait before each worker."""

Readers = tuple[BlockReader, BlockReader]
"""Of the infrared and of the visible side."""
Sides = tuple[NDArray[Any], NDArray[Any]]
"""A block of either, H×W or H×W×3."""


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


def fits_blocks(pair: Pair, target: Path) -> bool:
    """Tell whether a pair is to be fused in blocks: TIFF to TIFF, and huge, or a side is tiled.

    Pictures whose sizes differ, and preparations that move pixels, are for one piece. So are small files that cannot
    be cut, for whatever reason: a whole picture has more ways of being read.
    """
    if target.suffix.lower() not in tiff_blocks.SUFFIXES or not pair.preparation.pointwise:
        return False
    sides = _infrared_shape(pair), tiff_blocks.read_shape(pair.visible)
    if sides[0] is None or sides[1] is None or sides[0][:2] != sides[1][:2] or min(sides[0][:2]) < 2:
        return False
    if sides[0].height * sides[0].width >= HUGE:
        return True
    return (sides[0].tiled or sides[1].tiled) and _readable(pair)


@dataclass(frozen=True)
class BlockwisePair:
    """A pair for which `fits_blocks` holds, in the parts that it is fused in."""

    pair: Pair

    @property
    def name(self) -> str:
        """What to call it."""
        return self.pair.name

    def has_eight_bit_header(self) -> bool:
        """Tell from the header that the infrared has 8 bits."""
        found = _infrared_shape(self.pair)
        return found is not None and found.dtype == np.uint8

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Give the infrared's luminance as it is stored, every pixel once.

        Raises:
            InputError: It cannot be read.
        """
        with _infrared_reader(self.pair) as reader:
            for block in _blocks(reader.shape.height, reader.shape.width):
                yield luminance(reader.block(block.top, block.bottom, block.left, block.right))

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Give what the network makes of the prepared sides, every pixel once, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        with _opened(self.pair) as readers:
            yield from self._outputs(fuser, readers)

    def fuse(self, fuser: Fuser, target: Path, *, write: bool = True) -> FusedInfo:
        """Fuse the pair; the file appears when it is complete, or not at all.

        Limits that depend on the values, and whether there is colour, are found in a pass of their own.

        Args:
            fuser: A student's, whose pixels depend on their neighbours up to `HALO` alone.
            target: The TIFF to write.
            write: False to fuse every block, and to write nothing.

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

            def tiles() -> Iterator[NDArray[Any]]:
                """Give the tiles in the file's order."""
                for block, sources in _read(readers):
                    with self.pair.named():
                        fused = fuse_part(settled, self.pair.preparation, *sources, dtype=dtype, side=side)
                    image = block.inner(fused.image)
                    yield from (image[:, left : left + TILE] for left in range(0, image.shape[1], TILE))

            known = infrared if side == "infrared" else visible
            made = visible.shape._replace(channels=1 if side is None else 3, dtype=dtype, tiled=True)
            with (
                writing(target) if write else nullcontext() as temporary,
                closing(prefetch(tiles(), buffer_size=BUFFERED_BLOCKS * BLOCK // TILE)) as made_tiles,
            ):
                if temporary is None:
                    deque(made_tiles, maxlen=0)
                else:
                    tiff_blocks.write_tiles(temporary, made_tiles, made, known.tags())
                sides = _stored(infrared), _stored(visible)  # where one was changed meanwhile, no file appears
        return FusedInfo(made.width, made.height, limits, side is not None, dtype, *sides)

    def _outputs(self, fuser: Fuser, readers: Readers) -> Iterator[NDArray[np.float32]]:
        for block, sources in _read(readers):
            with self.pair.named():
                output = part_output(fuser, self.pair.preparation, *sources)
            yield block.inner(output)


@contextmanager
def _opened(pair: Pair) -> Iterator[Readers]:
    """Open both sides; when all is read, check that nobody has written into them meanwhile."""
    with _infrared_reader(pair) as infrared, BlockReader(pair.visible) as visible:
        if infrared.shape[:2] != visible.shape[:2]:
            sizes = [f"{reader.shape.width}x{reader.shape.height}" for reader in (infrared, visible)]
            raise SizeError(f"{pair.infrared} is {sizes[0]} and {pair.visible} {sizes[1]} pixels: blocks need one size")
        yield infrared, visible


def _infrared_reader(pair: Pair) -> BlockReader:
    """Open the infrared side; its range is found, so that also values below zero or of 32 bits can be read."""
    return BlockReader(pair.infrared, wide=tiff_blocks.read_shape(pair.infrared) is None)


def _infrared_shape(pair: Pair) -> tiff_blocks.Shape | None:
    return tiff_blocks.read_shape(pair.infrared) or tiff_blocks.read_shape(pair.infrared, wide=True)


def _readable(pair: Pair) -> bool:
    """Tell whether both sides can be read in blocks, by their first pixels."""
    try:
        with _opened(pair) as readers:
            return all(reader.block(0, 1, 0, 1).size for reader in readers)
    except MMDRFuseError:
        return False


def _read(readers: Readers) -> Iterator[tuple[_Block, Sides]]:
    """Read the blocks of both sides, in a thread of its own."""

    def blocks() -> Iterator[tuple[_Block, Sides]]:
        infrared, visible = readers
        for block in _blocks(*visible.shape[:2]):
            yield block, (infrared.block(*block.around()), visible.block(*block.around()))

    with closing(prefetch(blocks(), buffer_size=BUFFERED_BLOCKS)) as ahead:
        yield from ahead


def _blocks(height: int, width: int) -> Iterator[_Block]:
    for top in range(0, height, TILE):
        for left in range(0, width, BLOCK):
            yield _Block(top, min(top + TILE, height), left, min(left + BLOCK, width), height, width)


def _side(fuser: Fuser, infrared: BlockReader, visible: BlockReader) -> Side | None:
    """Return whose colour is kept, as `Fuser.side` does for pictures in one piece."""
    if fuser.color == "gray":
        return None
    if _has_colour(visible):
        return "visible"
    return "infrared" if _has_colour(infrared) else None


def _has_colour(reader: BlockReader) -> bool:
    """Tell whether any block has colour: most pictures that do show it in the first."""
    if reader.shape.channels == 1:
        return False
    blocks = _blocks(reader.shape.height, reader.shape.width)
    return any(not is_gray(reader.block(block.top, block.bottom, block.left, block.right)) for block in blocks)


def _stored(reader: BlockReader) -> SourceInfo:
    sha256 = reader.sha256
    reader.check_unchanged()
    shape = reader.shape
    return SourceInfo(shape.width, shape.height, shape.dtype, shape.channels > 1, sha256)
