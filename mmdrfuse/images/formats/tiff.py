"""Reading the pages of TIFF files, whole or in rectangles.

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
from mmdrfuse.images.formats.tiff_layout import YCBCR, is_picture, read_layout
from mmdrfuse.images.formats.tiff_segments import decode_segment
from mmdrfuse.images.metadata import from_exif, upright
from mmdrfuse.images.picture import GeoTags, Metadata, Picture, Side, narrowed, page_index, refuse_oversized

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first bytes of TIFF and BigTIFF files, in either byte order."""

_UNCOMPRESSED_BYTES = 1 << 18
"""Bytes of uncompressed rows that are read at a time."""
_MAX_CACHE = 1 << 26
"""Bytes of decoded tiles or strips in a reader's cache: neighbouring blocks share those at their borders."""
_BLOCK_ROWS = 512
"""Rows of pixels in a block: the cache covers the tiles or strips of so many."""
_MAX_SEGMENT = 1 << 28
"""Bytes that one tile or strip may have when a rectangle is read."""
_ICC = 34675
_UPRIGHT = 1

GEO = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)
"""Tags of GeoTIFF and GDAL, which say where on earth the picture is."""


def open_tiff(file: BinaryIO) -> "TiffFile":
    """Open a TIFF, and keep tifffile's remarks about its tags from the screen."""
    import tifffile  # here, because it takes 20 ms that other formats need not pay

    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return tifffile.TiffFile(file)


def picture_pages(file: "TiffFile") -> list[Any]:
    """Return the pages that are pictures of their own: neither smaller copies of others nor masks."""
    pages: list[Any] = list(file.pages)
    return [page for page in pages if is_picture(page)] or pages


class PageReader:
    """Reads any rectangle of a page, and decodes only the tiles or strips that it covers; for one thread.

    Args:
        page: Of an open file.
        name: What to call the file in messages.
        wide: Whether to return values without a black and white of their own (signed, or of 32 bits) as float32.
        max_segment: Bytes that a single strip or tile may have.

    Raises:
        InputError: The page cannot be turned into grey or RGB, or its tiles or strips are too large.
    """

    def __init__(self, page: "TiffPage", name: str, *, wide: bool = False, max_segment: int = _MAX_SEGMENT) -> None:
        self.page, self.name = page, name
        self.layout = layout = read_layout(page, name)
        self.dtype = layout.dtype if wide or layout.has_range else layout.stored
        if page.is_tiled:
            self.rows, self.columns = page.tilelength, page.tilewidth
        else:
            self.rows, self.columns = min(int(page.rowsperstrip), layout.height), layout.width
        if min(self.rows, self.columns) < 1:
            raise InputError(f"{name}: its tiles or strips have no size; replace or remove it")

        self.planar = page.planarconfig == 2 and layout.samples > 1
        self.uncompressed = (
            not page.is_tiled and not self.planar and page.is_contiguous and page.predictor == 1
            and page.fillorder == 1 and layout.photometric != YCBCR
        )  # fmt: skip
        if self.uncompressed:  # the rows follow each other, so any number of them can be read at once
            row_bytes = layout.width * layout.samples * layout.stored.itemsize
            self.rows = max(1, _UNCOMPRESSED_BYTES // row_bytes)
        self.across = -(-layout.width // self.columns)
        self.down = -(-layout.height // self.rows)

        size = self.rows * self.columns * max(layout.samples * layout.stored.itemsize, layout.channels)
        if size > max_segment:
            raise InputError(
                f"{name}: its compressed parts of {self.columns}x{self.rows} pixels can only be read as a whole, "
                f"which takes {size >> 20} MiB each; save it in smaller tiles"
            )
        self.cache: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        # One row of blocks, and one row of tiles above and below it: the next row of blocks uses the last ones again.
        self.capacity = max(1, min(_MAX_CACHE // size, (_BLOCK_ROWS // self.rows + 2) * self.across))

    def block(self, top: int, bottom: int, left: int, right: int) -> NDArray[Any]:
        """Return the rectangle from (top, left) to (bottom, right), exclusive, H×W or H×W×3.

        Raises:
            Exception: Of any kind: the file is damaged there.
            MissingExtraError: Its compression needs imagecodecs.
        """
        result = np.empty((bottom - top, right - left, self.layout.channels), self.dtype)
        for row in range(top // self.rows, (bottom - 1) // self.rows + 1):
            for column in range(left // self.columns, (right - 1) // self.columns + 1):
                pixels = self._cached_pixels(row, column)
                y, x = row * self.rows, column * self.columns
                ys = slice(max(top, y), min(bottom, y + self.rows))
                xs = slice(max(left, x), min(right, x + self.columns))
                source = pixels[ys.start - y : ys.stop - y, xs.start - x : xs.stop - x]
                result[ys.start - top : ys.stop - top, xs.start - left : xs.stop - left] = source
        return result if self.layout.channels == 3 else result[..., 0]

    def _cached_pixels(self, row: int, column: int) -> NDArray[Any]:
        """Return the pixels of a tile or strip from the cache, or decode them."""
        position = row, column
        if position in self.cache:
            self.cache.move_to_end(position)
            return self.cache[position]

        pixels = self._pixels(self._samples(row, column))
        self.cache[position] = pixels
        if len(self.cache) > self.capacity:
            self.cache.popitem(last=False)
        return pixels

    def _pixels(self, samples: NDArray[Any]) -> NDArray[Any]:
        if self.dtype != self.layout.dtype:  # `narrowed` looks at the stored values afterwards
            return samples[..., : self.layout.channels]
        pixels = self.layout.pixels(samples)
        return pixels if pixels.ndim == 3 else pixels[..., None]

    def _samples(self, row: int, column: int) -> NDArray[Any]:
        layout = self.layout
        height = self.rows if self.page.is_tiled else min(self.rows, layout.height - row * self.rows)
        if self.uncompressed:
            row_bytes = layout.width * layout.samples * layout.stored.itemsize
            data = self._bytes(self.page.dataoffsets[0] + row * self.rows * row_bytes, height * row_bytes)
            stored = layout.stored.newbyteorder(self.page.parent.byteorder)
            return np.frombuffer(data, stored).reshape(height, layout.width, layout.samples).astype(layout.stored)

        index = row * self.across + column
        if not self.planar:
            return self._segment(index, (height, self.columns, layout.samples))
        shape = height, self.columns, 1
        plane_segments = self.across * self.down
        planes = [self._segment(index + plane_segments * sample, shape) for sample in range(layout.samples)]
        return np.concatenate(planes, axis=2)

    def _segment(self, index: int, shape: tuple[int, int, int]) -> NDArray[Any]:
        length = self.page.databytecounts[index]
        if not length:  # a sparse file leaves out its empty segments
            return np.full(shape, self.page.nodata, self.layout.stored)
        data = self._bytes(self.page.dataoffsets[index], length)
        segment: NDArray[Any] = decode_segment(data, index, self.page, self.layout, shape, self.name)
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
        page: Which page, from 1 on; a file with a single page needs no number. Masks and smaller copies do not count.
        side: As in `mmdrfuse.images.load`.
        wide: As in `mmdrfuse.images.load`.

    Returns:
        H×W or H×W×3; uint8, uint16 or float32; 2 to 7 and 9 to 15 bits on the scale of 8 and 16.

    Raises:
        InputError: The file holds several pages and none is chosen, or the page cannot be turned into grey or RGB.
        MissingExtraError: Its compression needs imagecodecs.
        Exception: Of any kind: the file is damaged.
    """
    with open_tiff(io.BytesIO(content)) as file:
        pages = picture_pages(file)
        selected = pages[page_index(page, len(pages), name, "pages")]
        refuse_oversized(selected.imagewidth, selected.imagelength, name)
        # A page in one piece: at most 2 × MAX_IMAGE_PIXELS of four samples of 8 bytes each.
        max_segment = 8 * 4 * 2 * (Image.MAX_IMAGE_PIXELS or _MAX_SEGMENT)
        reader = PageReader(selected, name, wide=wide, max_segment=max_segment)
        image = reader.block(0, selected.imagelength, 0, selected.imagewidth)
        metadata, orientation = _metadata(content, file, selected)
        if not wide and not reader.layout.has_range:
            image = narrowed(image, name, side)
    return Picture(np.ascontiguousarray(upright(image, orientation)), metadata)


def tags(page: Any, codes: Iterable[int]) -> GeoTags:  # noqa: ANN401
    """Return those of the given tags that a page has, as tifffile takes them for writing."""
    present = [page.tags[code] for code in codes if code in page.tags]
    return tuple((tag.code, int(tag.dtype), tag.count, _writable(tag.value), True) for tag in present)


def _metadata(content: bytes, file: "TiffFile", page: Any) -> tuple[Metadata, int]:  # noqa: ANN401
    """Return the metadata to carry over, and the page's orientation; a turned picture loses its geographic tags."""
    exif = Image.Exif()
    exif.bigtiff, exif.endian = file.is_bigtiff, file.byteorder
    try:
        exif.load_from_fp(io.BytesIO(content), page.offset)
    except Exception:  # damaged metadata does not spoil the picture
        exif = Image.Exif()
    icc = page.tags.valueof(_ICC)
    metadata, orientation = from_exif(exif, icc if isinstance(icc, bytes) else b"")
    if orientation == _UPRIGHT:
        metadata = replace(metadata, geo=tags(page, GEO))
    shape = (page.imagelength, page.imagewidth) if metadata.geo else ()
    return replace(metadata, geo_shape=shape), orientation


def _writable(value: Any) -> Any:  # noqa: ANN401
    """Return text as bytes: tifffile reads text that is not ASCII, but does not write it."""
    return value.encode() if isinstance(value, str) else value
