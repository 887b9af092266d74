"""Decoding one segment (strip or tile) of a TIFF, from its bytes in the file to its samples.

zlib undoes Deflate. Pillow's libtiff undoes the compressions that it knows: the segment is wrapped as a small TIFF
file of its own. tifffile undoes all others, for which it needs imagecodecs.

TIFF revision 6.0, Adobe, 1992; TIFF technical note 3 (predictor of floating point), Adobe, 2005.
"""

import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin
from PIL.ExifTags import Base

from mmdrfuse.errors import MissingExtraError
from mmdrfuse.images.formats.tiff_layout import RGB, SEPARATED, YCBCR, Layout

if TYPE_CHECKING:
    from tifffile import TiffPage

NONE, _JPEG = 1, 7
_DEFLATE = (8, 32946)
_FAX = (2, 3, 4)
_BYTE_COMPRESSIONS = (5, 32773, 34925, 50000)
"""LZW, PackBits, LZMA and ZSTD: compressions of bytes, whatever the bytes mean."""

_HORIZONTAL, _FLOATING = 2, 3
"""Values of the tag Predictor."""

_FAX_OPTIONS, _FILL_ORDER = (292, 293), 266
_JPEG_TABLES, _PREDICTOR, _EXTRA_SAMPLES = 347, 317, 338
_YCBCR_TAGS = (529, 530, 531, 532)
_UNDEFINED = 7
"""The type of the tag JPEGTables."""


def decode_segment(
    data: bytes, index: int, page: "TiffPage", layout: Layout, shape: tuple[int, int, int], name: str
) -> NDArray[Any]:
    """Return the samples of one strip or tile.

    Args:
        data: The segment's bytes in the file.
        index: Which of the page's segments it is.
        page: The page, whose tags name the compression.
        layout: Of the page.
        shape: Rows, columns and samples of the segment.
        name: What to call the file in messages.

    Returns:
        An array of ``shape``, of the type `Layout.stored`; RGB where the page is YCbCr.

    Raises:
        Exception: Of any kind, such as ValueError: the segment is damaged.
        MissingExtraError: The compression needs imagecodecs.
    """
    rows, columns, samples = shape
    if layout.photometric == YCBCR or page.compression == _JPEG:
        return _by_pillow(data, page, layout, shape, name)
    if page.compression in _FAX:
        options = {code: page.tags.valueof(code) for code in (*_FAX_OPTIONS, _FILL_ORDER)}
        wrapped = _wrapped(data, columns, rows, bits=(1,), compression=page.compression, tags=options)
        return np.asarray(wrapped, np.uint8)[..., None]

    row_bytes = -(-columns * samples * layout.bits // 8)
    word_bytes = columns * samples * layout.stored.itemsize
    if page.fillorder == 2:
        data = _reversed_bits(data)
    if page.compression in _DEFLATE:
        data = zlib.decompressobj().decompress(data, rows * word_bytes)
    elif page.compression in _BYTE_COMPRESSIONS:
        data = np.asarray(_wrapped(data, row_bytes, rows, bits=(8,), compression=page.compression)).tobytes()
    elif page.compression != NONE:
        return _by_tifffile(data, index, page, name).reshape(shape)

    if len(data) >= rows * word_bytes:  # some programs store fewer bits in whole bytes each, against the standard
        row_bytes = word_bytes
    if len(data) < rows * row_bytes:
        raise ValueError(f"part {index} holds {len(data)} bytes of {rows * row_bytes}")
    lines = np.frombuffer(data, np.uint8, rows * row_bytes).reshape(rows, row_bytes)
    return _unpredicted(lines, page, layout, columns, samples).reshape(shape)


def _unpredicted(
    lines: NDArray[np.uint8], page: "TiffPage", layout: Layout, columns: int, samples: int
) -> NDArray[Any]:
    """Unpack rows of bytes to numbers, H×(W·samples), and undo the predictor's differences."""
    stored = layout.stored
    if page.predictor == _FLOATING:
        planes = np.cumsum(lines.reshape(len(lines), -1, samples), axis=1, dtype=np.uint8)
        # Each row holds the first bytes of all its numbers, then the second bytes, and so on.
        planes = planes.reshape(len(lines), stored.itemsize, -1)
        return np.ascontiguousarray(planes.swapaxes(1, 2)).view(stored.newbyteorder(">"))[..., 0].astype(stored)

    if lines.shape[1] == columns * samples * stored.itemsize:
        values = lines.view(stored.newbyteorder(page.parent.byteorder)).astype(stored, copy=False)
    else:
        values = _unpacked(lines, columns * samples, layout.bits, stored)
    if page.predictor == _HORIZONTAL:
        # Unsigned, because the sums wrap around.
        differences = values.view(f"u{stored.itemsize}").reshape(len(lines), -1, samples)
        return np.cumsum(differences, axis=1, dtype=differences.dtype).view(stored)
    if page.predictor != NONE:
        raise ValueError(f"its predictor {page.predictor} is unknown")
    return values


def _unpacked(lines: NDArray[np.uint8], count: int, bits: int, stored: np.dtype[Any]) -> NDArray[Any]:
    """Unpack numbers of any bit depth, which are packed bit by bit in a row, to the type that holds them."""
    unpacked = np.unpackbits(lines, axis=1)[:, : count * bits].reshape(len(lines), count, bits)
    padding = np.zeros((len(lines), count, 8 * stored.itemsize - bits), np.uint8)
    packed = np.packbits(np.concatenate([padding, unpacked], axis=2), axis=2)
    return packed.view(stored.newbyteorder(">"))[..., 0].astype(stored)


def _by_pillow(data: bytes, page: "TiffPage", layout: Layout, shape: tuple[int, int, int], name: str) -> NDArray[Any]:
    """Decode a segment that is a small picture of its own: JPEG, or YCbCr in any compression that Pillow knows."""
    rows, columns, samples = shape
    if page.compression not in (NONE, _JPEG, *_DEFLATE, *_BYTE_COMPRESSIONS) or layout.bits != 8:
        return _by_tifffile(data, index=0, page=page, name=name).reshape(shape)
    compression = int(page.compression)
    if compression == NONE:  # libtiff upsamples the chroma, and Pillow passes only compressed data on to libtiff
        data, compression = zlib.compress(data, 0), _DEFLATE[0]
    photometric = layout.photometric if samples > 1 and layout.photometric in (RGB, SEPARATED, YCBCR) else 1
    if samples not in (1, 3, 4) or (samples == 1) != (layout.samples == 1 or page.planarconfig == 2):
        raise ValueError(f"{samples} channels cannot be decoded")
    tags = {code: page.tags.valueof(code) for code in _YCBCR_TAGS} if photometric == YCBCR else {}
    tags |= {_JPEG_TABLES: page.jpegtables, _PREDICTOR: page.predictor, _FILL_ORDER: page.fillorder}
    if samples == 4 and photometric == RGB:
        tags[_EXTRA_SAMPLES] = 0
    image = _wrapped(
        data, columns, rows, bits=(8,) * samples, compression=compression, photometric=photometric, tags=tags
    )
    return np.asarray(image).reshape(shape)


def _wrapped(
    data: bytes,
    columns: int,
    rows: int,
    *,
    bits: tuple[int, ...],
    compression: int,
    photometric: int = 1,
    tags: dict[int, Any] | None = None,
) -> TiffImagePlugin.TiffImageFile:
    """Decode a segment by Pillow, as the only strip of a TIFF file of its own."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    directory[Base.ImageWidth], directory[Base.ImageLength] = columns, rows
    directory[Base.BitsPerSample], directory[Base.SamplesPerPixel] = bits, len(bits)
    directory[Base.Compression], directory[Base.PhotometricInterpretation] = compression, photometric
    directory[Base.StripOffsets] = 0  # Pillow adds the directory's length
    directory[Base.RowsPerStrip], directory[Base.StripByteCounts] = rows, len(data)
    directory.tagtype[_JPEG_TABLES] = _UNDEFINED
    for code, value in (tags or {}).items():
        if value is not None:
            directory[code] = value
    file = io.BytesIO()
    directory.save(file)
    file.write(data)
    file.seek(0)
    # Not by Image.open, whose limit of pixels does not apply: the page's size was checked before.
    image = TiffImagePlugin.TiffImageFile(file)
    image.load()
    return image


def _by_tifffile(data: bytes, index: int, page: "TiffPage", name: str) -> NDArray[Any]:
    try:
        samples = page.decode(data, index, jpegtables=page.jpegtables)[0]
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        kind = getattr(page.compression, "name", page.compression)
        raise MissingExtraError("imagecodecs", "tiff", f"{name}: a TIFF compressed as {kind}") from None
    if samples is None:
        raise ValueError(f"part {index} is empty")
    return samples


def _reversed_bits(data: bytes) -> bytes:
    swapped = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return np.packbits(swapped).tobytes()
