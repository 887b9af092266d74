"""Reading and writing picture files: every common format through Pillow, and what Pillow cannot do through others.

16 bits of colour in PNG: `mmdrfuse.images.formats.png16`. TIFF: `mmdrfuse.images.formats.tiff`. Thermal cameras' files:
`mmdrfuse.images.formats.flir`. DICOM and NIfTI: `mmdrfuse.images.formats.medical`. PNG is written by
`mmdrfuse.images.formats.png`.
"""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mmdrfuse.errors import InputError, OutputError, reading
from mmdrfuse.images.formats import dicom, flir, medical, png, tiff, tiff_writing
from mmdrfuse.images.formats import png16 as deep
from mmdrfuse.images.metadata import described, profile, upright, with_chunks
from mmdrfuse.images.picture import Metadata, Picture, Side, chosen, narrowed, open_file, unreadable
from mmdrfuse.system.atomic import writing

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, of pictures that are read and written."""
QUALITY = {".jpg": 95, ".jpeg": 95, ".webp": 95}
"""The formats that lose something, and how little they do unless told otherwise (1 to 100)."""

_ENDINGS = (*SUFFIXES, *medical.SUFFIXES)
_NOTHING = Metadata()
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"RIFF", b"GIF8", b"II", b"MM")
"""Of files in the known formats: what begins so and cannot be read is damaged."""
_STILL = frozenset({"MPO"})
"""Formats whose further pictures, such as previews and depths, are no frames."""
_EIGHT_BIT_ONLY = frozenset({".jpg", ".jpeg", ".bmp", ".webp"})


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture; hidden files (``._x.jpg`` of macOS) are none.

    Scanners write DICOM files without an ending, or number them where an ending would be: such files, and no others,
    are looked into.
    """
    name = path.name.lower()
    if name.startswith("."):
        return False
    return name.endswith(_ENDINGS) or dicom.is_unnamed(path)


def stem(path: Path) -> str:
    """Return a file's name without the ending of a picture: ``a`` of ``a.nii.gz``, and all of DICOM's ``1.2.840.1``."""
    name = path.name
    known = [ending for ending in _ENDINGS if name.lower().endswith(ending)]
    if known:
        return name[: -max(map(len, known))]
    return name if dicom.is_numbered(path) else path.stem


def read(path: Path, *, side: Side | None = None, page: int | None = None, wide: bool = False) -> NDArray[Any]:
    """Read a picture's values: `load` without what is known about them."""
    return load(path, side=side, page=page, wide=wide).image


def load(path: Path, *, side: Side | None = None, page: int | None = None, wide: bool = False) -> Picture:
    """Read a picture file.

    Args:
        path: The file.
        side: As in `decode`.
        page: As in `decode`.
        wide: As in `decode`.

    Raises:
        InputError: The file is missing, or as in `decode`.
        MissingExtraError: It is of a kind that needs an optional package.
    """
    try:
        with open_file(path) as file:
            content = file.read()
    except OSError as error:
        raise unreadable(path, error) from error
    return decode(content, str(path), side=side, page=page, wide=wide)


def decode(
    content: bytes, name: str, *, side: Side | None = None, page: int | None = None, wide: bool = False
) -> Picture:
    """Read a picture as it is stored, of the kind that its content says, whatever it is called.

    EXIF orientation is applied, palettes are expanded and transparency is dropped: what is stored under it counts.
    16 bits stay 16 bits, in grey and in colour.

    Args:
        content: The file.
        name: What to call it in messages.
        side: Which side of a thermal camera's file is wanted: the temperatures or the photo. Otherwise, and in all
            other files, it is the picture that everybody sees.
        page: Which page of a TIFF, slice of a volume or frame of an animation (WebP, PNG, GIF), from 1 on; files with
            a single one take no notice. An animation is its first frame where none is chosen.
        wide: Whether the values of a TIFF that have no black and white of their own, with a sign or of 32 bits, are
            given as they are, as float32, for a caller who knows their range. Otherwise they are taken where all of
            them fit into 8 or 16 bits, and refused elsewhere.

    Returns:
        H×W or H×W×3, uint8, uint16 or float32 (floating-point TIFF), its metadata, and the hash of ``content``.

    Raises:
        InputError: The file is truncated, too large or no picture, or it is not clear which of several it is to be.
        MissingExtraError: It is of a kind that needs an optional package.
    """
    with reading(name):
        picture = _decoded(content, name, side, page, wide)
    return replace(picture, sha256=hashlib.sha256(content).hexdigest())


def write(
    path: Path,
    image: NDArray[Any],
    *,
    overwrite: bool = True,
    quality: int | None = None,
    known: Metadata = _NOTHING,
) -> None:
    """Write a picture in the format that the file name's ending says; it appears whole or not at all.

    Args:
        path: The file; its folder is made if missing.
        image: As in `encode`.
        overwrite: Whether an existing file may be replaced.
        quality: As in `encode`.
        known: As in `encode`.

    Raises:
        OutputError: As in `encode`, or the place cannot be written.
    """
    content = encode(image, path.suffix, quality=quality, known=known, name=str(path))
    with writing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def encode(
    image: NDArray[Any], suffix: str, *, quality: int | None = None, known: Metadata = _NOTHING, name: str = "picture"
) -> bytes:
    """Give a picture as the content of a file.

    Args:
        image: H×W or H×W×3; uint8, uint16 for PNG and TIFF, float32 for TIFF.
        suffix: The format as a file name ending: one of `SUFFIXES`.
        quality: 1 to 100, for the formats in `QUALITY`.
        known: What to carry over. A profile for RGB is left out of grey pictures; BMP holds none of it.
        name: What to call the file in messages.

    Raises:
        OutputError: The ending is unknown, or the format cannot hold the values or has no such quality.
    """
    suffix = suffix.lower()
    check_format(suffix, quality, name)
    tiffs = suffix in {".tif", ".tiff"}
    if not (image.dtype == np.uint8 or (image.dtype == np.uint16 and suffix not in _EIGHT_BIT_ONLY)
            or (image.dtype == np.float32 and tiffs)):  # fmt: skip
        kind = "grey" if image.ndim == 2 else "colour"
        raise OutputError(
            f"{name}: {suffix} cannot hold {image.dtype} {kind}; 16 bits fit .png and .tif, floating point .tif"
        )
    if suffix == ".png":
        return with_chunks(png.encode(image), known, image)
    if tiffs:
        return tiff_writing.encode(image, known)
    try:
        return _by_pillow(image, suffix, quality, known)
    except (OSError, ValueError) as error:
        raise OutputError(f"{name}: {suffix} cannot hold this picture ({error}); use .png or .tif") from error


def check_format(suffix: str, quality: int | None, name: str = "picture") -> None:
    """Refuse a format that cannot be written, or a quality that it does not have.

    Raises:
        OutputError: One of the two.
    """
    if suffix not in SUFFIXES:
        raise OutputError(
            f"{name}: cannot write {suffix or 'a file without ending'}; use one of {', '.join(sorted(SUFFIXES))}"
        )
    if quality is not None and (suffix not in QUALITY or not 1 <= quality <= 100):
        raise OutputError(f"{name}: no quality {quality} in {suffix}; {', '.join(sorted(QUALITY))} have 1 to 100")


def _by_pillow(image: NDArray[Any], suffix: str, quality: int | None, known: Metadata) -> bytes:
    options: dict[str, Any] = {"quality": quality or QUALITY[suffix]} if suffix in QUALITY else {}
    icc = profile(known, image)
    if known.exif:
        options["exif"] = known.exif
    if icc:
        options["icc_profile"] = icc
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, {".bmp": "BMP", ".webp": "WEBP"}.get(suffix, "JPEG"), **options)
    return buffer.getvalue()


def _decoded(content: bytes, name: str, side: Side | None, page: int | None, wide: bool) -> Picture:
    if medical.ending(content):
        return Picture(medical.decode(content, name, page))
    if content[:4] in tiff.MAGIC:
        return tiff.decode(content, name, page, side=side, wide=wide)
    if content.startswith(png.SIGNATURE):
        content = png.sound(content)
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _picture(image, content, name, side, page)
    except UnidentifiedImageError:
        if content.startswith(_BEGINNINGS):
            raise InputError(f"{name}: damaged or unreadable picture; replace or remove it") from None
        known = ", ".join(sorted({*SUFFIXES, *medical.SUFFIXES}))
        raise InputError(f"{name}: not a picture in a known format ({known})") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{name}: too many pixels to be held at once; cut it into parts, or store it as a tiled TIFF"
        ) from None


def _picture(image: Image.Image, content: bytes, name: str, side: Side | None, page: int | None) -> Picture:
    """Read the picture that Pillow has opened, or the frame that is asked for."""
    if side and flir.is_radiometric(content):
        # Both sides lie as the picture made from them does, and are turned with it.
        values = flir.decode(content, name, side)
    elif _seek(image, name, page) == 0 and deep.is_deep(content):
        values = deep.decode(content)
    else:
        values = _values(image, name)
    known, orientation = described(image)
    return Picture(np.ascontiguousarray(upright(values, orientation)), known)


def _seek(image: Image.Image, name: str, page: int | None) -> int:
    """Go to a frame of an animation, the first where none is asked for, and return its place in the file."""
    if image.format in _STILL or page is None:
        return 0
    ahead = int(image.info.get("default_image", False))  # what is shown where animations are not
    frames = getattr(image, "n_frames", 1) - ahead
    index = chosen(page, frames, name, "frames")
    if frames > 1:
        image.seek(index + ahead)
    return image.tell()


def _values(image: Image.Image, name: str) -> NDArray[Any]:
    if image.mode in {"L", "RGB", "I;16", "I;16L", "F"}:
        return np.asarray(image)
    if image.mode in {"I", "I;16B"}:
        return narrowed(np.asarray(image.convert("I")), name, None)
    if image.mode in {"1", "LA"}:
        return np.asarray(image.convert("L"))
    if image.mode == "P":  # Pillow wants transparency kept before it may be dropped
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))
