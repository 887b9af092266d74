"""PNG files, written fast: every row as its difference to the row above, deflated by ISA-L.

Pillow tries five filters a row and searches long for repeats, which photographs have few of. A colour picture of LLVIP
takes 7 ms here, 237 ms by Pillow's default for a file of nine tenths the size. Where ISA-L is missing, zlib's run
lengths and Huffman codes stand in: 25 ms, the same pixels, a file 3 % larger.

PNG Specification, third edition, W3C, 2025, https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from isal import isal_zlib
except ImportError:  # it has no build for every processor
    isal_zlib = None  # type: ignore[assignment]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
"""The filter that subtracts the row above."""


def encode(image: NDArray[Any]) -> bytes:
    """Give a picture as the content of a PNG file.

    Args:
        image: H×W or H×W×3, uint8 or uint16.
    """
    height, width = image.shape[:2]
    depth, colour = 8 * image.dtype.itemsize, 0 if image.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = _deflated(_filtered(image))
    return _SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _deflated(filtered: NDArray[np.uint8]) -> bytes:
    if isal_zlib is not None:
        fast: bytes = isal_zlib.compress(filtered.data, 1)
        return fast
    deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return deflate.compress(filtered.data) + deflate.flush()


def _filtered(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Give each row as bytes, most significant first, less those of the row above, behind the filter's number."""
    rows = np.ascontiguousarray(image, image.dtype.newbyteorder(">")).reshape(len(image), -1).view(np.uint8)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def chunk(kind: bytes, content: bytes) -> bytes:
    """Give one chunk of a PNG file: its length, kind, content and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
