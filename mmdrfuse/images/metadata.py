"""EXIF, GPS and colour profiles, out of one file and into another."""

import zlib
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from PIL import ExifTags, Image

from mmdrfuse.images.formats.png import chunk
from mmdrfuse.images.picture import Metadata

_SCENE_TAGS = (
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.XResolution,
    ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit, ExifTags.Base.Software, ExifTags.Base.DateTime,
    ExifTags.Base.Artist, ExifTags.Base.Copyright,
)  # fmt: skip
"""Tags of a TIFF or EXIF directory about the scene; the others are about the layout of this very file."""

_STALE_TAGS = (
    ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.Base.ComponentsConfiguration,
    ExifTags.IFD.Interop, ExifTags.IFD.MakerNote,
)  # fmt: skip
"""Tags of the EXIF directory that are untrue of a fused picture, and makers' notes, which break when they are moved."""

_SPACES = {b"RGB ": 3, b"GRAY": 2}
"""The colour space in an ICC profile's header, and the dimensions of the arrays it describes."""


def read_metadata(image: Image.Image) -> tuple[Metadata, int]:
    """Read the metadata of a file that Pillow has opened, and its EXIF orientation (1 to 8)."""
    try:
        exif = image.getexif()
    except Exception:  # damaged metadata does not spoil the picture
        exif = Image.Exif()
    return from_exif(exif, image.info.get("icc_profile") or b"")


def from_exif(exif: Image.Exif, icc: bytes) -> tuple[Metadata, int]:
    """Return the metadata to carry over, and the EXIF orientation (1 to 8).

    Damaged EXIF counts as none, because the picture itself may be sound.
    """
    try:
        return Metadata(_copied(exif), icc), exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # damage can raise anything
        return Metadata(b"", icc), 1


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a picture upright, as its EXIF orientation has it.

    References:
        CIPA DC-008, Exif 2.32, tag 0x0112.
    """
    turn = _TURNS.get(orientation)
    return image if turn is None else turn(image)


def profile(metadata: Metadata, image: NDArray[Any]) -> bytes:
    """Return the ICC profile if it fits the picture, else nothing: a grey picture cannot carry a profile for RGB."""
    return metadata.icc if _SPACES.get(metadata.icc[16:20]) == image.ndim else b""


def with_chunks(png: bytes, metadata: Metadata, image: NDArray[Any]) -> bytes:
    """Add the metadata to a PNG file: iCCP and eXIf, right behind the header (PNG, third edition, 11.3)."""
    icc = profile(metadata, image)
    extra = chunk(b"iCCP", b"ICC\0\0" + zlib.compress(icc)) if icc else b""
    if metadata.exif:
        extra += chunk(b"eXIf", metadata.exif[6:])
    header = 8 + 12 + 13
    return png[:header] + extra + png[header:] if extra else png


def _copied(exif: Image.Exif) -> bytes:
    """Copy the tags that stay true into an EXIF block of its own; empty where there are none."""
    copied = Image.Exif()
    copied.update({tag: exif[tag] for tag in _SCENE_TAGS if tag in exif})
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        inner = {tag: value for tag, value in exif.get_ifd(directory).items() if tag not in _STALE_TAGS}
        if inner:
            copied[directory] = inner
    return copied.tobytes() if len(copied) else b""


_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}
