"""TIFF files larger than memory: read in blocks, written tile by tile."""

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, reading
from mmdrfuse.images.formats import tiff, tiff_writing
from mmdrfuse.images.formats.tiff import PageReader
from mmdrfuse.images.picture import GeoTags, open_file, unreadable

TILE = 512
"""Side of the tiles that are written."""
BLOCK = 8 * TILE
"""Width of the blocks that are worked on; they are as high as one tile, so that tiles come out in the file's order."""

SUFFIXES = frozenset({".tif", ".tiff"})

_HASHED = 1 << 20
"""Bytes that are hashed at a time."""
_UPRIGHT, _ORIENTATION = 1, 274

_CARRIED = (
    270, 271, 272, 305, 306, 315, 33432,  # description, camera, date, author, copyright
    34675,  # ICC profile
    *tiff.GEO,
)  # fmt: skip
"""Tags that stay true of a picture made from this one."""


class Shape(NamedTuple):
    """What a TIFF's picture is."""

    height: int
    width: int
    channels: int
    """1 for grey, 3 for RGB."""
    dtype: "np.dtype[Any]"
    tiled: bool
    """Whether the file has tiles; otherwise it has strips of rows."""


def shape(path: Path, *, wide: bool = False) -> Shape | None:
    """Return the shape of a picture that can be read in blocks; None for every other file.

    That is a TIFF's only picture, upright, of any kind that is read as a whole too, with the same values. Smaller
    copies and masks, which follow as pages of their own, do not count.

    Args:
        path: Any file.
        wide: As in `mmdrfuse.images.load`; otherwise values with a sign or of 32 bits are left to it.
    """
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    try:
        with BlockReader(path, wide=wide) as reader:
            return reader.shape
    except InputError:
        return None


class BlockReader:
    """Reads any rectangle of a TIFF's picture, decoding no more of it than needed; for one thread.

    The file is opened once: whatever takes its name meanwhile, the blocks and `sha256` are of what was opened.

    Args:
        path: A file that `shape` knows.
        wide: As in `shape`.

    Raises:
        InputError: It is none, or it cannot be read in parts.
    """

    def __init__(self, path: Path, *, wide: bool = False) -> None:
        self.path = path
        self.opened = open_file(path)
        self.stamp = self._stamp()
        try:
            with reading(path):
                self.file = tiff.opened(self.opened)
                self.pages = self._reader(wide)
        except BaseException:
            self.opened.close()
            raise
        found = self.pages.layout
        self.shape = Shape(found.height, found.width, found.channels, self.pages.dtype, self.pages.page.is_tiled)

    def __enter__(self) -> "BlockReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.opened.close()

    @cached_property
    def sha256(self) -> str:
        """Hash the file that is open, in hexadecimal; what the blocks are cut from where `unchanged` agrees.

        Raises:
            InputError: It cannot be read.
        """
        digest = hashlib.sha256()
        try:
            self.opened.seek(0)
            while part := self.opened.read(_HASHED):
                digest.update(part)
        except OSError as error:
            raise unreadable(self.path, error) from error
        return digest.hexdigest()

    def unchanged(self) -> None:
        """Check that nobody has written into the file since it was opened; to be called when all is read.

        Raises:
            InputError: Its size or the time of its last change is another: blocks and hash may be of different bytes.
        """
        if self._stamp() != self.stamp:
            raise InputError(f"{self.path}: was changed while it was read; try again when nothing writes to it")

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self.opened.fileno())
        return status.st_size, status.st_mtime_ns

    def block(self, top: int, bottom: int, left: int, right: int) -> NDArray[Any]:
        """Return the rectangle from (top, left) to (bottom, right), exclusive, H×W or H×W×3.

        Raises:
            InputError: The file is damaged there.
            MissingExtraError: Its compression needs imagecodecs.
        """
        with reading(self.path):
            return self.pages.block(top, bottom, left, right)

    def tags(self) -> GeoTags:
        """Return what the file says that stays true of a picture made from it, as tifffile takes it."""
        return tiff.tags(self.pages.page, _CARRIED)

    def _reader(self, wide: bool) -> PageReader:
        pages = tiff.pictures(self.file)
        reader = PageReader(pages[0], str(self.path), wide=wide)
        turned = pages[0].tags.valueof(_ORIENTATION, _UPRIGHT) != _UPRIGHT
        if len(pages) > 1 or turned or not (wide or reader.layout.ranged):
            what = f"{len(pages)} pages" if len(pages) > 1 else "a turned picture" if turned else "wide integers"
            raise InputError(f"{self.path}: holds {what}, which cannot be read in blocks")
        return reader


def write_tiles(path: Path, tiles: Iterator[NDArray[Any]], made: Shape, tags: GeoTags) -> None:
    """Write tiles of `TILE`×`TILE`, row by row, as a losslessly compressed TIFF.

    Args:
        path: The file.
        tiles: H×W or H×W×3 each; those at the right and at the bottom may be smaller.
        made: The picture's shape.
        tags: As `BlockReader.tags` gives them.
    """
    size = (made.height, made.width) if made.channels == 1 else (made.height, made.width, 3)
    tiff_writing.write(path, tiles, size, made.dtype, tags=tags, tile=TILE)
