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
from mmdrfuse.images.picture import GeoTags, open_file, read_error

TILE = 512
"""Side of the tiles that are written."""
BLOCK = 8 * TILE
"""Width of the blocks that are fused. They are as high as one tile, so that the tiles come out in the file's order."""

SUFFIXES = frozenset({".tif", ".tiff"})

_HASH_BYTES = 1 << 20
"""Bytes that are hashed at a time."""
_UPRIGHT, _ORIENTATION = 1, 274

_COPIED_TAGS = (
    270, 271, 272, 305, 306, 315, 33432,  # description, camera, date, author, copyright
    34675,  # ICC profile
    *tiff.GEO,
)  # fmt: skip
"""Tags that stay true of a picture made from this one."""


class Shape(NamedTuple):
    """The shape and type of a TIFF's picture."""

    height: int
    width: int
    channels: int
    """1 for grey, 3 for RGB."""
    dtype: "np.dtype[Any]"
    tiled: bool
    """Whether the file has tiles; otherwise it has strips of rows."""


def read_shape(path: Path, *, wide: bool = False) -> Shape | None:
    """Return the shape of a picture that can be read in blocks; None for every other file.

    Such a file is a TIFF with one picture, which is upright. Smaller copies and masks, which are pages of their own,
    do not count. Blocks have the same values as the picture that `mmdrfuse.images.load` reads in one piece.

    Args:
        path: Any file.
        wide: As in `mmdrfuse.images.load`. Without it, None is returned for signed values and those of 32 bits.
    """
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    try:
        with BlockReader(path, wide=wide) as reader:
            return reader.shape
    except InputError:
        return None


class BlockReader:
    """Reads any rectangle of a TIFF's picture, and decodes only the tiles or strips that it covers; for one thread.

    The file is opened once. If another file takes its name meanwhile, blocks and `sha256` are still those of the opened
    file.

    Args:
        path: A file for which `read_shape` returns a shape.
        wide: As in `read_shape`.

    Raises:
        InputError: The file is no such TIFF.
    """

    def __init__(self, path: Path, *, wide: bool = False) -> None:
        self.path = path
        self.opened = open_file(path)
        self.stamp = self._stamp()
        try:
            with reading(path):
                self.file = tiff.open_tiff(self.opened)
                self.reader = self._reader(wide)
        except BaseException:
            self.opened.close()
            raise
        layout = self.reader.layout
        self.shape = Shape(layout.height, layout.width, layout.channels, self.reader.dtype, self.reader.page.is_tiled)

    def __enter__(self) -> "BlockReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.opened.close()

    @cached_property
    def sha256(self) -> str:
        """Hash of the open file, in hexadecimal. `check_unchanged` makes sure that the blocks are of the same bytes.

        Raises:
            InputError: The file cannot be read.
        """
        digest = hashlib.sha256()
        try:
            self.opened.seek(0)
            while part := self.opened.read(_HASH_BYTES):
                digest.update(part)
        except OSError as error:
            raise read_error(self.path, error) from error
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """Check that nobody has written into the file since it was opened; call this after the last block.

        Raises:
            InputError: Its size or modification time has changed, so that blocks and hash may be of different bytes.
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
            return self.reader.block(top, bottom, left, right)

    def tags(self) -> GeoTags:
        """Return the tags that stay true of a picture made from this one, as tifffile takes them for writing."""
        return tiff.tags(self.reader.page, _COPIED_TAGS)

    def _reader(self, wide: bool) -> PageReader:
        pages = tiff.picture_pages(self.file)
        reader = PageReader(pages[0], str(self.path), wide=wide)
        turned = pages[0].tags.valueof(_ORIENTATION, _UPRIGHT) != _UPRIGHT
        if len(pages) > 1 or turned or not (wide or reader.layout.has_range):
            single = "a turned picture" if turned else "wide integers"
            what = f"{len(pages)} pages" if len(pages) > 1 else single
            raise InputError(f"{self.path}: holds {what}, which cannot be read in blocks")
        return reader


def write_tiles(path: Path, tiles: Iterator[NDArray[Any]], shape: Shape, tags: GeoTags) -> None:
    """Write tiles of `TILE`×`TILE`, row by row, as a losslessly compressed TIFF.

    Args:
        path: The file.
        tiles: H×W or H×W×3 each; those at the right and at the bottom may be smaller.
        shape: Of the whole picture.
        tags: As `BlockReader.tags` returns them.
    """
    size = (shape.height, shape.width) if shape.channels == 1 else (shape.height, shape.width, 3)
    tiff_writing.write(path, tiles, size, shape.dtype, tags=tags, tile=TILE)
