"""TIFF files larger than memory: read in blocks, written tile by tile.

TIFF revision 6.0, Adobe, 1992; BigTIFF, https://www.awaresystems.be/imaging/tiff/bigtiff.html;
tifffile, https://github.com/cgohlke/tifffile.
"""

import hashlib
import itertools
import os
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images.picture import unreadable
from mmdrfuse.images.tiff import DAMAGED

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

TILE = 512
"""Side of the tiles that are written."""
BLOCK = 8 * TILE
"""Width of the blocks that are worked on; they are as high as one tile, so that tiles come out in the file's order."""

SUFFIXES = frozenset({".tif", ".tiff"})

_CACHE = 1 << 26
"""Bytes of decoded tiles or strips that a reader keeps: blocks share those at their borders."""
_HASHED = 1 << 20
"""Bytes that are hashed at a time."""
_LARGEST = 1 << 28
"""Bytes of one tile or strip that are decoded at a time at most."""
_CLASSIC = 1 << 31
"""Bytes of values from which a file is written as BigTIFF: classic offsets end at 4 GiB."""
_REDUCED, _MASK = 1, 4
"""Bits of the tag NewSubfileType."""
_MINISBLACK, _RGB, _CONTIGUOUS, _UPRIGHT, _ORIENTATION = 1, 2, 1, 1, 274

_CARRIED = (
    270, 271, 272, 305, 306, 315, 33432,  # description, camera, date, author, copyright
    34675,  # ICC profile
    33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113,  # GeoTIFF: where on earth it is
)  # fmt: skip
"""Tags that stay true of a picture made from this one."""


class Shape(NamedTuple):
    """What a TIFF's first page says of its picture."""

    height: int
    width: int
    channels: int
    """1 for grey, 3 for RGB."""
    dtype: "np.dtype[Any]"
    tiled: bool
    """Whether the file has tiles; otherwise it has strips of rows."""


def shape(path: Path) -> Shape | None:
    """Give the shape of a picture that can be read in blocks; None for every other file.

    That is a TIFF's only page, upright, in 8 or 16 bits of grey or RGB, or floating-point grey; smaller copies of it
    and masks, which follow as pages of their own, do not count.
    """
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return None
    import tifffile  # 20 ms that other formats need not pay

    try:
        with tifffile.TiffFile(path) as file:
            return _shape(file)
    except (*DAMAGED, ValueError):
        return None


class BlockReader:
    """Reads any rectangle of a TIFF's first page, decoding no more of it than needed; for one thread.

    The file is opened once: whatever takes its name meanwhile, the blocks and `sha256` are of what was opened.

    Args:
        path: A file that `shape` knows.

    Raises:
        InputError: It is none, or it cannot be read in parts.
    """

    def __init__(self, path: Path) -> None:
        import tifffile

        self.path = path
        try:
            self.opened = path.open("rb")
        except OSError as error:
            raise unreadable(path, error) from error
        self.stamp = self._stamp()
        try:
            self.file = tifffile.TiffFile(self.opened)
            found = _shape(self.file)
        except (*DAMAGED, ValueError):
            found = None
        if found is None:
            self.opened.close()
            raise InputError(f"{path}: cannot be read in blocks; give an upright TIFF of grey or RGB, 8 or 16 bits")
        self.shape = found
        self.page: TiffPage = self.file.pages.first
        self.rows, self.columns = (
            (self.page.tilelength, self.page.tilewidth)
            if found.tiled
            else (min(int(self.page.rowsperstrip), found.height), found.width)
        )
        self.row_bytes = found.width * found.channels * found.dtype.itemsize
        self.plain = not found.tiled and self.page.is_contiguous and self.page.samplesperpixel == found.channels
        if self.plain:  # bare rows: cut as suits us
            self.rows = max(1, TILE * TILE // self.row_bytes)
        size = self.rows * self.columns * found.channels * found.dtype.itemsize
        if size > _LARGEST:
            self.opened.close()
            raise InputError(
                f"{path}: its compressed strips of {self.columns}x{self.rows} pixels can only be read as a whole, "
                f"which takes {size >> 20} MiB each; save it in tiles"
            )
        self.kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self.capacity = max(1, _CACHE // size)

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
        """Give the rectangle from (top, left) to (bottom, right), exclusive, H×W or H×W×3.

        Raises:
            InputError: The file is damaged there.
            MissingExtraError: Its compression needs imagecodecs.
        """
        found = self.shape
        result = np.empty((bottom - top, right - left, found.channels), found.dtype)
        across = -(-found.width // self.columns)
        for row in range(top // self.rows, (bottom - 1) // self.rows + 1):
            for column in range(left // self.columns, (right - 1) // self.columns + 1):
                part, y, x = self._segment(row * across + column), row * self.rows, column * self.columns
                ys = slice(max(top, y), min(bottom, y + self.rows))
                xs = slice(max(left, x), min(right, x + self.columns))
                source = part[ys.start - y : ys.stop - y, xs.start - x : xs.stop - x]
                result[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left] = source
        return result if found.channels == 3 else result[..., 0]

    def tags(self) -> list[tuple[int, int, int, Any, bool]]:
        """Give what the file says that stays true of a picture made from it, as tifffile takes it."""
        tags = (self.page.tags.get(code) for code in _CARRIED)
        return [(tag.code, int(tag.dtype), tag.count, _writable(tag.value), True) for tag in tags if tag is not None]

    def _segment(self, index: int) -> NDArray[Any]:
        """Decode a tile or strip, or find it among those decoded last."""
        if index in self.kept:
            self.kept.move_to_end(index)
            return self.kept[index]
        try:
            part = self._rows(index) if self.plain else self._decoded(index)
        except (*DAMAGED, ValueError) as error:
            if "imagecodecs" in str(error):
                raise MissingExtraError("imagecodecs", "tiff", "a TIFF compressed like this") from None
            raise InputError(f"{self.path}: part {index} cannot be decoded ({error}); replace the file") from error
        self.kept[index] = part
        if len(self.kept) > self.capacity:
            self.kept.popitem(last=False)
        return part

    def _rows(self, index: int) -> NDArray[Any]:
        first = index * self.rows
        count = min(self.rows, self.shape.height - first)
        data = self._bytes(self.page.dataoffsets[0] + first * self.row_bytes, count * self.row_bytes)
        stored = self.shape.dtype.newbyteorder(self.file.byteorder)
        return np.frombuffer(data, stored).reshape(count, self.shape.width, self.shape.channels)

    def _decoded(self, index: int) -> NDArray[Any]:
        samples = self.page.samplesperpixel
        length = self.page.databytecounts[index]
        if not length:  # a sparse file leaves out what is empty
            return np.zeros((self.rows, self.columns, self.shape.channels), self.shape.dtype)
        data = self._bytes(self.page.dataoffsets[index], length)
        part = self.page.decode(data, index, jpegtables=self.page.jpegtables)[0]
        if part is None:
            raise ValueError("it is empty")
        decoded: NDArray[Any] = part[0, ..., :3] if samples >= 3 else part[0, ..., :1]
        return decoded.astype(self.shape.dtype, copy=False)

    def _bytes(self, offset: int, length: int) -> bytes:
        self.file.filehandle.seek(offset)
        data = self.file.filehandle.read(length)
        if len(data) < length:
            raise ValueError("the file ends before it")
        return data


def write_tiles(
    path: Path, tiles: Iterator[NDArray[Any]], made: Shape, tags: list[tuple[int, int, int, Any, bool]]
) -> None:
    """Write tiles of `TILE`×`TILE`, row by row, as a losslessly compressed TIFF.

    Args:
        path: The file.
        tiles: H×W or H×W×3 each; those at the right and at the bottom may be smaller.
        made: The picture's shape.
        tags: As `BlockReader.tags` gives them.
    """
    import tifffile

    size = (made.height, made.width) if made.channels == 1 else (made.height, made.width, 3)
    big = made.height * made.width * made.channels * made.dtype.itemsize > _CLASSIC
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        writer.write(
            tiles, shape=size, dtype=made.dtype, tile=(TILE, TILE),
            photometric="minisblack" if made.channels == 1 else "rgb",
            compression="adobe_deflate", compressionargs={"level": 1}, predictor=made.dtype.kind == "u",
            extratags=tags, metadata=None, software=False, maxworkers=1,
        )  # fmt: skip


def _writable(value: Any) -> Any:  # noqa: ANN401
    """Give text as bytes: tifffile reads, but does not write, what is not ASCII."""
    return value.encode() if isinstance(value, str) else value


def _shape(file: "TiffFile") -> Shape | None:
    """See `shape`."""
    further: Iterator[Any] = itertools.islice(file.pages, 1, None)
    alone = all(page.subfiletype & (_REDUCED | _MASK) for page in further)
    return _page_shape(file.pages.first) if alone else None


def _page_shape(page: Any) -> Shape | None:  # noqa: ANN401
    dtype, samples = page.dtype, page.samplesperpixel
    orientation = page.tags.get(_ORIENTATION)
    colour = {_MINISBLACK: 1, _RGB: 3}.get(int(page.photometric))
    segment = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip,)
    kinds = ("uint8", "uint16", "float32") if colour == 1 else ("uint8", "uint16")
    fits = (
        colour is not None and dtype is not None and dtype.name in kinds and samples >= colour
        and (samples == 1 or page.planarconfig == _CONTIGUOUS) and page.imagedepth == 1
        and (orientation is None or orientation.value == _UPRIGHT)
        and min(page.imagelength, page.imagewidth, *segment) > 0
    )  # fmt: skip
    if not fits or page.bitspersample != 8 * dtype.itemsize:
        return None
    native = dtype.newbyteorder("=")
    return Shape(page.imagelength, page.imagewidth, colour or 1, native, bool(page.is_tiled))
