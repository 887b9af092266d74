"""PNG files, written fast: every row as its difference to the row above, then run lengths and Huffman codes.

Pillow tries five filters a row and searches for repeats, which photographs have few of. On pictures of LLVIP this takes
a third of the time of Pillow's fastest setting, for a file of the same size.

PNG Specification, third edition, W3C, 2025, https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    data = deflate.compress(_filtered(image).data) + deflate.flush()
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _filtered(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Give each row as bytes, most significant first, less those of the row above, behind the filter's number."""
    rows = image.astype(image.dtype.newbyteorder(">"), copy=False).reshape(len(image), -1).view(np.uint8)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
