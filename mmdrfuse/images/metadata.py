"""EXIF, GPS and colour profiles, out of one file and into another."""

import zlib
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from PIL import ExifTags, Image

from mmdrfuse.images.formats.png import chunk
from mmdrfuse.images.picture import Metadata

_KEPT = (
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.XResolution,
    ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit, ExifTags.Base.Software, ExifTags.Base.DateTime,
    ExifTags.Base.Artist, ExifTags.Base.Copyright,
)  # fmt: skip
"""Of a TIFF or EXIF directory, what is about the scene; the rest is about how this very file is laid out."""

_STALE = (
    ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.Base.ComponentsConfiguration,
    ExifTags.IFD.Interop, ExifTags.IFD.MakerNote,
)  # fmt: skip
"""Of the EXIF directory, what the fused picture makes untrue, and notes that break when they are moved."""

_SPACES = {b"RGB ": 3, b"GRAY": 2}
"""The colour space in an ICC profile's header, and the dimensions of the arrays it describes."""


def described(image: Image.Image) -> tuple[Metadata, int]:
    """Collect what an opened file says about its picture: `metadata` of its EXIF and its ICC profile."""
    try:
        exif = image.getexif()
    except Exception:  # damage to what is about the picture does not spoil the picture
        exif = Image.Exif()
    return metadata(exif, image.info.get("icc_profile") or b"")


def metadata(exif: Image.Exif, icc: bytes) -> tuple[Metadata, int]:
    """Collect what is to be carried over, and the EXIF orientation (1 to 8).

    Damaged EXIF counts as none: the picture itself may be sound.
    """
    try:
        return Metadata(_carried(exif), icc), exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # of any kind, as damage has it
        return Metadata(b"", icc), 1


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a picture as its EXIF orientation says it is to be looked at.

    References:
        CIPA DC-008, Exif 2.32, tag 0x0112.
    """
    turn = _TURNS.get(orientation)
    return turn(image) if turn else image


def profile(known: Metadata, image: NDArray[Any]) -> bytes:
    """Give the ICC profile if it is one for such a picture: a grey picture cannot carry one for RGB."""
    return known.icc if _SPACES.get(known.icc[16:20]) == image.ndim else b""


def with_chunks(png: bytes, known: Metadata, image: NDArray[Any]) -> bytes:
    """Add the metadata to a PNG file: iCCP and eXIf, right behind the header (PNG, third edition, 11.3)."""
    icc = profile(known, image)
    extra = chunk(b"iCCP", b"ICC\0\0" + zlib.compress(icc)) if icc else b""
    if known.exif:
        extra += chunk(b"eXIf", known.exif[6:])
    header = 8 + 12 + 13
    return png[:header] + extra + png[header:] if extra else png


def _carried(exif: Image.Exif) -> bytes:
    """Copy what stays true into a block of its own; nothing is nothing, not an empty block."""
    kept = Image.Exif()
    kept.update({tag: exif[tag] for tag in _KEPT if tag in exif})
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        inner = {tag: value for tag, value in exif.get_ifd(directory).items() if tag not in _STALE}
        if inner:
            kept[directory] = inner
    return kept.tobytes() if len(kept) else b""


_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}
