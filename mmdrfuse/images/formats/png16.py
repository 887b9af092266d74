"""Decoding PNG files with 16 bits of colour, of which Pillow returns only the upper 8.

Pillow undoes compression, filters and interlacing, and then takes the upper byte of every value. If the bytes are
declared in the other order, it takes the lower one. So two passes return all 16 bits.

PNG Specification, third edition, W3C, 2025, https://www.w3.org/TR/png-3/.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.images.formats.png import SIGNATURE
from mmdrfuse.images.pillow import open_picture

_MODES = {2: "RGB", 6: "RGBA"}
_GRAY_ALPHA = 4
_DEPTH_AND_COLOUR = slice(24, 26)
"""Position of the bit depth and the colour type, in IHDR, which is the first chunk."""


def is_png16(content: bytes) -> bool:
    """Return whether a file is a PNG with several channels of 16 bits each."""
    depth, colour = content[_DEPTH_AND_COLOUR] if len(content) > 33 else (0, 0)
    return content.startswith(SIGNATURE) and depth == 16 and colour in {*_MODES, _GRAY_ALPHA}


def decode(content: bytes) -> NDArray[np.uint16]:
    """Decode a PNG for which `is_png16` holds; transparency is dropped.

    Returns:
        H×W or H×W×3.

    Raises:
        OSError: The file is damaged.
    """
    mode = _MODES.get(content[_DEPTH_AND_COLOUR][1])
    if mode is None:
        gray_alpha = _bytes(_as_rgba(content), "RGBA")  # the upper and lower bytes of grey, then those of alpha
        return _joined(gray_alpha[..., 0], gray_alpha[..., 1])
    upper = _bytes(content, f"{mode};16B")[..., :3]
    lower = _bytes(content, f"{mode};16L")[..., :3]
    return _joined(upper, lower)


def _bytes(content: bytes, layout: str) -> NDArray[np.uint8]:
    with open_picture(io.BytesIO(content)) as image:
        image.tile = [tile._replace(args=layout) for tile in image.tile]
        return np.asarray(image)


def _as_rgba(content: bytes) -> bytes:
    """Declare grey and alpha of 16 bits as four channels of 8 bits: bytes, order and filters are the same."""
    header = bytearray(content[12:29])
    header[12:14] = 8, 6
    return content[:12] + bytes(header) + struct.pack(">I", zlib.crc32(header)) + content[33:]


def _joined(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> NDArray[np.uint16]:
    joined: NDArray[np.uint16] = np.bitwise_or(upper.astype(np.uint16) << 8, lower, dtype=np.uint16)
    return joined
