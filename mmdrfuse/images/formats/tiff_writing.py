"""Writing TIFF by tifffile, in one strip or in tiles, with the picture's metadata.

TIFF revision 6.0, Adobe, 1992; CIPA DC-008, Exif 2.32; tifffile, https://github.com/cgohlke/tifffile.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, SupportsFloat

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from mmdrfuse.images.metadata import profile
from mmdrfuse.images.picture import GeoTags, Metadata

_MAX_CLASSIC = 1 << 31
"""Bytes of values above which a file is written as BigTIFF. Classic offsets end at 4 GiB, and tags need room too."""

_Directory = TiffImagePlugin.ImageFileDirectory_v2

_DIRECTORIES = {ExifTags.IFD.Exif: 34664, ExifTags.IFD.GPSInfo: 34852}
"""Tags that point to a directory of their own, which tifffile does not write → the unused tag that stands in for each
until `_append` adds the directory."""

_ICC = 34675
_ASCII, _LONG, _UNDEFINED = 2, 4, 7
_UNITS = (1, 2, 3)
"""Units of the resolution: none, inch and centimetre."""
_RESOLUTION = ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit


def encode(image: NDArray[Any], metadata: Metadata) -> bytes:
    """Return a picture as the content of a TIFF file, uncompressed, in one strip.

    Args:
        image: H×W or H×W×3; uint8, uint16 or float32.
        metadata: What to carry over; the geographic tags only into a picture of the same size.
    """
    exif = Image.Exif()
    exif.load(metadata.exif)
    icc = profile(metadata, image)
    tags: GeoTags = ((_ICC, _UNDEFINED, len(icc), icc, True),) if icc else ()
    if metadata.geo_shape == image.shape[:2]:
        tags += metadata.geo
    file = io.BytesIO()
    write(file, image, image.shape, image.dtype, tags=tags, exif=exif)
    return file.getvalue()


def write(
    file: Path | BinaryIO,
    data: NDArray[Any] | Iterator[NDArray[Any]],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    tags: GeoTags = (),
    exif: Image.Exif | None = None,
    tile: int | None = None,
) -> None:
    """Write a picture, or tiles as an iterator yields them.

    Args:
        file: The target.
        data: The picture; with ``tile``, its tiles row by row, which are compressed without loss.
        shape: H×W or H×W×3, of the whole; with more planes than three, the others are no colours.
        dtype: uint8, uint16 or float32.
        tags: Written as they are.
        exif: Further tags, with the directories of Exif and GPS.
        tile: Side of the tiles; None for one strip.
    """
    import tifffile

    directories = _directories(exif)
    resolution, unit = _resolution(exif)
    placeholders = tuple((_DIRECTORIES[tag], _LONG, 1, 0, True) for tag in directories)
    layout: dict[str, Any] = {"rowsperstrip": shape[0]}
    if len(shape) == 3 and shape[2] > 3:
        layout["extrasamples"] = ("unspecified",) * (shape[2] - 3)  # otherwise the fourth plane would be opacity
    if tile:
        layout = {"tile": (tile, tile), "compression": "adobe_deflate", "compressionargs": {"level": 1},
                   "predictor": dtype.kind == "u", "maxworkers": 1}  # fmt: skip
    big = int(np.prod(shape)) * dtype.itemsize > _MAX_CLASSIC
    with tifffile.TiffWriter(file, bigtiff=big, byteorder="<") as writer:
        writer.write(
            data, shape=shape, dtype=dtype, photometric="rgb" if len(shape) == 3 else "minisblack",
            resolution=resolution, resolutionunit=unit, extratags=(*tags, *_text(exif), *placeholders),
            metadata=None, software=False, **layout,
        )  # fmt: skip
    if directories:
        _append(file, directories)


def _text(exif: Image.Exif | None) -> GeoTags:
    """Return the tags of the first directory that are text."""
    texts = {} if exif is None else {tag: value for tag, value in exif.items() if isinstance(value, str)}
    return tuple((tag, _ASCII, 0, value.encode(), True) for tag, value in texts.items())


def _resolution(exif: Image.Exif | None) -> tuple[tuple[float, float] | None, int | None]:
    """Return the pixels per unit of length and the unit, if all three are valid."""
    *lengths, unit = [exif.get(tag) if exif else None for tag in _RESOLUTION]
    across, down = (float(length) if isinstance(length, SupportsFloat) else 0.0 for length in lengths)
    if unit not in _UNITS or not (0 < across < math.inf and 0 < down < math.inf):
        return None, None
    return (across, down), unit


def _directories(exif: Image.Exif | None) -> dict[ExifTags.IFD, _Directory]:
    """Return the directories of Exif and GPS; a directory with a value that cannot be written is left out."""
    directories = {}
    for tag in _DIRECTORIES if exif else ():
        directory = _Directory(b"II*\0\x08\0\0\0")
        try:
            for inner, value in exif.get_ifd(tag).items() if exif else ():
                directory[inner] = value
            directory.tobytes(0)
        except Exception:  # damaged metadata, of any kind, does not spoil the picture
            continue
        if len(directory):
            directories[tag] = directory
    return directories


def _append(file: Path | BinaryIO, directories: dict[ExifTags.IFD, _Directory]) -> None:
    """Add directories at the end of a written file, and make the tags that stand in for them point to them."""
    import tifffile

    if not isinstance(file, Path):
        file.seek(0)
    with tifffile.TiffFile(file, mode="r+") as written:
        handle = written.filehandle
        tags = written.pages.first.tags
        for tag, directory in directories.items():
            placeholder = tags[_DIRECTORIES[tag]]
            end = handle.seek(0, io.SEEK_END)
            handle.write(directory.tobytes(end))
            placeholder.overwrite(end)
            handle.seek(placeholder.offset)
            handle.write(int(tag).to_bytes(2, "little"))
