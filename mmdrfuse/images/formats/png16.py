"""PNG files with 16 bits of colour, of which Pillow gives only the upper 8.

Pillow undoes compression, filters and interlacing, and then picks the upper byte of every value. Told that the bytes
stand the other way round, it picks the lower one: two passes give all 16 bits.

PNG Specification, third edition, W3C, 2025, https://www.w3.org/TR/png-3/.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.images.formats.png import SIGNATURE

_MODES = {2: "RGB", 6: "RGBA"}
_GRAY_ALPHA = 4
_DEPTH = slice(24, 26)
"""Where a file holds its depth and colour type, the first chunk being IHDR."""


def is_deep(content: bytes) -> bool:
    """Tell whether a file is a PNG with 16 bits a channel and more than one channel."""
    depth, colour = content[_DEPTH] if len(content) > 33 else (0, 0)
    return content.startswith(SIGNATURE) and depth == 16 and colour in {*_MODES, _GRAY_ALPHA}


def decode(content: bytes) -> NDArray[np.uint16]:
    """Give the values of a PNG for which `is_deep` holds; transparency is dropped.

    Returns:
        H×W or H×W×3.

    Raises:
        OSError: The file is damaged, as Pillow finds it.
    """
    mode = _MODES.get(content[_DEPTH][1])
    if mode is None:
        both = _bytes(_as_rgba(content), "RGBA")
        return _joined(both[..., 0], both[..., 1])
    return _joined(_bytes(content, f"{mode};16B")[..., :3], _bytes(content, f"{mode};16L")[..., :3])


def _bytes(content: bytes, layout: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        image.tile = [tile._replace(args=layout) for tile in image.tile]
        return np.asarray(image)


def _as_rgba(content: bytes) -> bytes:
    """Declare grey and alpha of 16 bits as four channels of 8: the same bytes in the same order, filters included."""
    header = bytearray(content[12:29])
    header[12:14] = 8, 6
    return content[:12] + bytes(header) + struct.pack(">I", zlib.crc32(header)) + content[33:]


def _joined(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> NDArray[np.uint16]:
    joined: NDArray[np.uint16] = np.bitwise_or(upper.astype(np.uint16) << 8, lower, dtype=np.uint16)
    return joined
