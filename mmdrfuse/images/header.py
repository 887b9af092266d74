"""The size of a picture and the type of its values, from its header alone: the one place that looks before decoding."""

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from mmdrfuse.images.files import read
from mmdrfuse.images.formats import flir, png, tiff
from mmdrfuse.images.formats.tiff_layout import read_layout
from mmdrfuse.images.picture import Side, open_file
from mmdrfuse.images.pillow import open_picture

_MIN_PNG = 25
"""Bytes of a PNG file up to its bit depth: the signature, and the beginning of IHDR."""

_JPEG = b"\xff\xd8"

_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"})
"""Pillow's modes that are decoded to 8 bits."""

_ORIENTATION = 274
_UPRIGHT = 1
_FIRST_SIDEWAYS = 5
"""The orientations from this one to 8 exchange height and width."""


class Header(NamedTuple):
    """The size and type of a picture, known before it is decoded."""

    height: int
    """Pixels, upright as EXIF says."""
    width: int
    dtype: "np.dtype[Any]"
    """uint8, uint16 or float32."""


def header(path: Path, *, side: Side | None = None) -> Header:
    """Return the size and type of a picture; decode the picture only if its header does not hold them.

    Args:
        path: Any picture.
        side: As in `mmdrfuse.images.decode`.

    Raises:
        InputError: The file cannot be read.
        MissingExtraError: It is of a kind that needs an optional package.
    """
    undecoded = peek(path, side=side)
    if undecoded is not None:
        return undecoded
    image = read(path, side=side)
    return Header(image.shape[0], image.shape[1], image.dtype)


def peek(path: Path, *, side: Side | None = None) -> Header | None:
    """Return the size and type of a picture from its header alone; None if they are not there, or it is damaged.

    Args:
        path: Any file.
        side: As in `mmdrfuse.images.decode`. The sides of a thermal camera's file are known after decoding only.
    """
    try:
        with open_file(path) as file:
            head = file.read(_MIN_PNG)
            file.seek(0)
            if head.startswith(png.SIGNATURE):
                return _png_header(head, file)
            if head[:4] in tiff.MAGIC:
                return _tiff_header(file)
            jpeg = head.startswith(_JPEG)  # other files, which may be huge, are not read for this
            if side is not None and jpeg and flir.is_radiometric(file.read()):
                return None
            return _pillow_header(file)
    except Exception:  # the decoder meets the same damage, and names it
        return None


def _png_header(head: bytes, file: BinaryIO) -> Header | None:
    if len(head) < _MIN_PNG:
        return None
    width, height = struct.unpack(">II", head[16:24])
    depth = head[24]
    return _upright(height, width, np.dtype(np.uint16 if depth == 16 else np.uint8), _png_orientation(file))


def _png_orientation(file: BinaryIO) -> int:
    """Return the orientation in a PNG's chunk of EXIF, which may stand behind the pixels."""
    file.seek(len(png.SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", start)
        if kind == b"eXIf":
            exif = Image.Exif()
            exif.load(file.read(length))
            return int(exif.get(_ORIENTATION, _UPRIGHT))
        file.seek(length + 4, os.SEEK_CUR)  # with the checksum
    return _UPRIGHT


def _upright(height: int, width: int, dtype: "np.dtype[Any]", orientation: int) -> Header:
    """Return the header of a picture as it is decoded, from its stored size."""
    if orientation >= _FIRST_SIDEWAYS:
        return Header(width, height, dtype)
    return Header(height, width, dtype)


def _tiff_header(file: BinaryIO) -> Header | None:
    """Return the header of a TIFF whose pages are all alike."""
    with tiff.open_tiff(file) as opened:
        headers = {_page_header(page) for page in tiff.picture_pages(opened)}
    return headers.pop() if len(headers) == 1 else None


def _page_header(page: Any) -> Header | None:  # noqa: ANN401
    layout = read_layout(page, "TIFF")
    if not layout.has_range:  # the values decide whether they fit into 8 or 16 bits
        return None
    return _upright(layout.height, layout.width, layout.dtype, page.tags.valueof(_ORIENTATION, _UPRIGHT))


def _pillow_header(file: BinaryIO) -> Header | None:
    file.seek(0)
    with open_picture(file) as image:
        if image.mode not in _EIGHT_BIT_MODES:
            return None
        orientation = int(image.getexif().get(_ORIENTATION, _UPRIGHT))
        return _upright(image.height, image.width, np.dtype(np.uint8), orientation)
