"""TIFF files: one way to read pages, whole or in rectangles, and one way to write them, whole or in tiles.

TIFF revision 6.0, Adobe, 1992; BigTIFF, https://www.awaresystems.be/imaging/tiff/bigtiff.html;
tifffile, https://github.com/cgohlke/tifffile.
"""

import io
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.errors import InputError
from mmdrfuse.images.formats.tiff_layout import YCBCR, is_picture, layout
from mmdrfuse.images.formats.tiff_segments import decoded
from mmdrfuse.images.metadata import metadata, upright
from mmdrfuse.images.picture import GeoTags, Metadata, Picture, Side, chosen, narrowed, refuse_size

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Beginnings of TIFF and BigTIFF files, in either order of bytes."""

ROWS = 1 << 18
"""Bytes of uncompressed rows that are read at a time."""
_CACHE = 1 << 26
"""Bytes of decoded tiles or strips that a reader keeps at most: blocks share those at their borders."""
_SHARED = 512
"""Rows of pixels in which what was decoded is used again."""
_LARGEST = 1 << 28
"""Bytes of one tile or strip that are decoded at a time at most, for a rectangle."""
_ICC = 34675
_UPRIGHT = 1

GEO = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
"""Tags of GeoTIFF and GDAL: where on earth the picture is."""


def opened(file: BinaryIO) -> "TiffFile":
    """Open a TIFF; what tifffile has to remark about its tags is kept from the screen."""
    import tifffile  # 20 ms that other formats need not pay

    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return tifffile.TiffFile(file)


def pictures(file: "TiffFile") -> list[Any]:
    """Return the pages that are pictures: smaller copies and masks, which follow some, are none."""
    pages: list[Any] = list(file.pages)
    return [page for page in pages if is_picture(page)] or pages


class PageReader:
    """Reads any rectangle of a page, decoding no more of it than needed; for one thread.

    Args:
        page: Of an open file.
        name: What to call the file in messages.
        wide: Whether values that have no black and white of their own, with a sign or of 32 bits, are given as float32.
        largest: Bytes that a single strip or tile may have.

    Raises:
        InputError: It holds nothing that can be turned into grey or RGB, or its parts are too large.
    """

    def __init__(self, page: "TiffPage", name: str, *, wide: bool = False, largest: int = _LARGEST) -> None:
        self.page, self.name = page, name
        self.layout = found = layout(page, name)
        self.dtype = found.dtype if wide or found.ranged else found.stored
        self.rows, self.columns = (
            (page.tilelength, page.tilewidth)
            if page.is_tiled
            else (min(int(page.rowsperstrip), found.height), found.width)
        )
        if min(self.rows, self.columns) < 1:
            raise InputError(f"{name}: its parts have no size; replace or remove it")
        self.separate = page.planarconfig == 2 and found.samples > 1
        row_bytes = found.width * found.samples * found.stored.itemsize
        self.plain = (
            not page.is_tiled and not self.separate and page.is_contiguous and page.predictor == 1
            and page.fillorder == 1 and found.photometric != YCBCR
        )  # fmt: skip
        if self.plain:  # bare rows: cut as suits us
            self.rows = max(1, ROWS // row_bytes)
        self.across, self.down = -(-found.width // self.columns), -(-found.height // self.rows)
        size = self.rows * self.columns * max(found.samples * found.stored.itemsize, found.channels)
        if size > largest:
            raise InputError(
                f"{name}: its compressed parts of {self.columns}x{self.rows} pixels can only be read as a whole, "
                f"which takes {size >> 20} MiB each; save it in smaller tiles"
            )
        self.kept: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        # What lies side by side within the height of a block: the next row of blocks begins where this one ends.
        self.capacity = max(1, min(_CACHE // size, (_SHARED // self.rows + 2) * self.across))

    def block(self, top: int, bottom: int, left: int, right: int) -> NDArray[Any]:
        """Return the rectangle from (top, left) to (bottom, right), exclusive, H×W or H×W×3.

        Raises:
            Exception: Of any kind: it is damaged there.
            MissingExtraError: Its compression needs imagecodecs.
        """
        result = np.empty((bottom - top, right - left, self.layout.channels), self.dtype)
        for row in range(top // self.rows, (bottom - 1) // self.rows + 1):
            for column in range(left // self.columns, (right - 1) // self.columns + 1):
                part, y, x = self._part(row, column), row * self.rows, column * self.columns
                ys = slice(max(top, y), min(bottom, y + self.rows))
                xs = slice(max(left, x), min(right, x + self.columns))
                source = part[ys.start - y : ys.stop - y, xs.start - x : xs.stop - x]
                result[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left] = source
        return result if self.layout.channels == 3 else result[..., 0]

    def _part(self, row: int, column: int) -> NDArray[Any]:
        """Return the pixels of a tile or strip, decoded now or kept from before."""
        place = row, column
        if place in self.kept:
            self.kept.move_to_end(place)
            return self.kept[place]

        part = self._pixels(self._samples(row, column))
        self.kept[place] = part
        if len(self.kept) > self.capacity:
            self.kept.popitem(last=False)
        return part

    def _pixels(self, samples: NDArray[Any]) -> NDArray[Any]:
        if self.dtype != self.layout.dtype:  # left as stored, to be looked at
            return samples[..., : self.layout.channels]
        pixels = self.layout.pixels(samples)
        return pixels if pixels.ndim == 3 else pixels[..., None]

    def _samples(self, row: int, column: int) -> NDArray[Any]:
        found = self.layout
        height = self.rows if self.page.is_tiled else min(self.rows, found.height - row * self.rows)
        if self.plain:
            line = found.width * found.samples * found.stored.itemsize
            data = self._bytes(self.page.dataoffsets[0] + row * self.rows * line, height * line)
            stored = found.stored.newbyteorder(self.page.parent.byteorder)
            return np.frombuffer(data, stored).reshape(height, found.width, found.samples).astype(found.stored)

        index = row * self.across + column
        if not self.separate:
            return self._segment(index, (height, self.columns, found.samples))
        shape, plane = (height, self.columns, 1), self.across * self.down
        return np.concatenate([self._segment(index + plane * sample, shape) for sample in range(found.samples)], axis=2)

    def _segment(self, index: int, shape: tuple[int, int, int]) -> NDArray[Any]:
        length = self.page.databytecounts[index]
        if not length:  # a sparse file leaves out what is empty
            return np.full(shape, self.page.nodata, self.layout.stored)
        data = self._bytes(self.page.dataoffsets[index], length)
        segment: NDArray[Any] = decoded(data, index, self.page, self.layout, shape, self.name)
        return segment

    def _bytes(self, offset: int, length: int) -> bytes:
        handle = self.page.parent.filehandle
        if not 0 < length <= handle.size - offset:
            raise ValueError("the file ends before its pixels do")
        handle.seek(offset)
        data: bytes = handle.read(length)
        return data


def decode(content: bytes, name: str, page: int | None, *, side: Side | None = None, wide: bool = False) -> Picture:
    """Read a page of a TIFF; transparency is dropped, double precision becomes single.

    Args:
        content: The file.
        name: What to call it in messages.
        page: Which page, from 1 on; a file with a single one needs no number. Masks and smaller copies do not count.
        side: As in `mmdrfuse.images.load`.
        wide: As in `mmdrfuse.images.load`.

    Returns:
        H×W or H×W×3; uint8, uint16 or float32; 2 to 7 and 9 to 15 bits on the scale of 8 and 16.

    Raises:
        InputError: It holds several pages and none is chosen, or what cannot be turned into grey or RGB.
        MissingExtraError: It is compressed in a way that needs imagecodecs.
        Exception: Of any kind: it is damaged.
    """
    with opened(io.BytesIO(content)) as file:
        pages = pictures(file)
        found = pages[chosen(page, len(pages), name, "pages")]
        refuse_size(found.imagewidth, found.imagelength, name)
        reader = PageReader(found, name, wide=wide, largest=8 * 4 * 2 * (Image.MAX_IMAGE_PIXELS or _LARGEST))
        image = reader.block(0, found.imagelength, 0, found.imagewidth)
        known, orientation = _metadata(content, file, found)
        if not wide and not reader.layout.ranged:
            image = narrowed(image, name, side)
    return Picture(np.ascontiguousarray(upright(image, orientation)), known)


def is_eight_bit(content: bytes) -> bool:
    """Tell, without decoding it, whether all pictures of a TIFF have 8 bits.

    Raises:
        Exception: Of any kind: it is damaged, or holds what is no picture.
    """
    with opened(io.BytesIO(content)) as file:
        return all(layout(page, "TIFF").dtype == np.uint8 for page in pictures(file))


def tags(page: Any, codes: Iterable[int]) -> GeoTags:  # noqa: ANN401
    """Return some of a page's tags, those that are there, as tifffile takes them for writing."""
    found = (page.tags.get(code) for code in codes)
    return tuple((tag.code, int(tag.dtype), tag.count, _writable(tag.value), True) for tag in found if tag is not None)


def _metadata(content: bytes, file: "TiffFile", page: Any) -> tuple[Metadata, int]:  # noqa: ANN401
    """Return what is to be carried over, and the page's orientation; a picture that is turned loses its place."""
    exif = Image.Exif()
    exif.bigtiff, exif.endian = file.is_bigtiff, file.byteorder
    try:
        exif.load_from_fp(io.BytesIO(content), page.offset)
    except Exception:  # damage to what is about the picture does not spoil the picture
        exif = Image.Exif()
    icc = page.tags.valueof(_ICC)
    known, orientation = metadata(exif, icc if isinstance(icc, bytes) else b"")
    if orientation == _UPRIGHT:
        known = replace(known, geo=tags(page, GEO))
    shape = (page.imagelength, page.imagewidth) if known.geo else ()
    return replace(known, geo_shape=shape), orientation


def _writable(value: Any) -> Any:  # noqa: ANN401
    """Give text as bytes: tifffile reads, but does not write, what is not ASCII."""
    return value.encode() if isinstance(value, str) else value
