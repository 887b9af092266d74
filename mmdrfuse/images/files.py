"""Reading and writing picture files.

Pillow reads and writes the common formats. `mmdrfuse.images.formats` has a module for each of the others: ``png16``
reads PNG with 16 bits of colour, ``png`` writes PNG, ``tiff`` and ``tiff_writing`` read and write TIFF, ``flir`` reads
thermal cameras' files, ``medical`` reads DICOM and NIfTI.
"""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from mmdrfuse.errors import InputError, OutputError, reading
from mmdrfuse.images.formats import dicom, flir, medical, png, png16, tiff, tiff_writing
from mmdrfuse.images.metadata import profile, read_metadata, upright, with_chunks
from mmdrfuse.images.picture import Metadata, Picture, Side, narrowed, open_file, page_index, read_error
from mmdrfuse.images.pillow import open_picture
from mmdrfuse.system.atomic import writing

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, of the pictures that are read and written."""
QUALITY = {".jpg": 95, ".jpeg": 95, ".webp": 95}
"""The lossy formats → their default quality (1 to 100)."""

_ENDINGS = (*SUFFIXES, *medical.SUFFIXES)
_NO_METADATA = Metadata()
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"RIFF", b"GIF8", b"II", b"MM")
"""The first bytes of files in the supported formats: a file that begins so and cannot be read is damaged."""
_NOT_ANIMATED = frozenset({"MPO"})
"""Formats whose further pictures are not frames, but previews or depths."""
_JPEG = frozenset({"JPEG", "MPO"})
_TIFF = frozenset({".tif", ".tiff"})


def is_picture(path: Path) -> bool:
    """Return whether a file's name is that of a picture; hidden files (``._x.jpg`` of macOS) are none.

    Scanners write DICOM files without an ending, or with a number in its place. Only such files are opened.
    """
    name = path.name.lower()
    if name.startswith("."):
        return False
    return name.endswith(_ENDINGS) or dicom.is_unnamed(path)


def stem(path: Path) -> str:
    """Return a file's name without its ending: ``a`` of ``a.nii.gz``, but all of ``1.2.840.1``, which is DICOM's."""
    name = path.name
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name if dicom.is_numbered(path) else path.stem


def read(path: str | Path, *, side: Side | None = None, page: int | None = None, wide: bool = False) -> NDArray[Any]:
    """Read a picture's values: `load` without the metadata."""
    path = Path(path)
    return load(path, side=side, page=page, wide=wide).image


def load(
    path: str | Path, *, side: Side | None = None, page: int | None = None, wide: bool = False, gray: bool = False
) -> Picture:
    """Read a picture file.

    Args:
        path: The file.
        side: As in `decode`.
        page: As in `decode`.
        wide: As in `decode`.
        gray: As in `decode`.

    Raises:
        InputError: The file is missing, or as in `decode`.
        MissingExtraError: The format needs an optional package.
    """
    path = Path(path)
    try:
        with open_file(path) as file:
            content = file.read()
    except OSError as error:
        raise read_error(path, error) from error
    return decode(content, str(path), side=side, page=page, wide=wide, gray=gray)


def decode(
    content: bytes,
    name: str,
    *,
    side: Side | None = None,
    page: int | None = None,
    wide: bool = False,
    gray: bool = False,
) -> Picture:
    """Decode a picture as it is stored. The content decides the format, not the file's name.

    The EXIF orientation is applied and palettes are expanded. Transparency is dropped, and the colours under it stay.
    16 bits stay 16 bits, in grey and in colour.

    Args:
        content: The file.
        name: What to call the file in messages.
        side: Which side of a thermal camera's file to decode: the temperatures or the photo. If None, and for all other
            files, the picture that every viewer shows.
        page: Which page of a TIFF, slice of a volume or frame of an animation (WebP, PNG, GIF), from 1 on. It has no
            effect on files with a single picture. None selects the first frame of an animation.
        wide: Whether a TIFF's signed or 32-bit integers, whose type does not say what is black and white, are returned
            unchanged, as float32, for a caller who knows their range. Otherwise they are converted to 8 or 16 bits if
            all of them fit, and refused if not.
        gray: Whether the luminance is enough. JPEG comes without colour then, in a third of the time; files of other
            formats come as they are.

    Returns:
        H×W or H×W×3, uint8, uint16 or float32 (floating-point TIFF), its metadata, and the hash of ``content``.

    Raises:
        InputError: The file is truncated, too large or no picture, or it holds several and none is chosen.
        MissingExtraError: The format needs an optional package.
    """
    with reading(name):
        picture = _decoded(content, name, side, page, wide, gray)
    return replace(picture, sha256=hashlib.sha256(content).hexdigest())


def write(
    path: str | Path,
    image: NDArray[Any],
    *,
    overwrite: bool = True,
    quality: int | None = None,
    metadata: Metadata = _NO_METADATA,
) -> None:
    """Write a picture in the format of the file name's ending; the file appears whole or not at all.

    Args:
        path: The file; its folder is made if missing.
        image: As in `encode`.
        overwrite: Whether an existing file may be replaced.
        quality: As in `encode`.
        metadata: As in `encode`.

    Raises:
        OutputError: As in `encode`, or the place cannot be written.
    """
    path = Path(path)
    content = encode(image, path.suffix, quality=quality, metadata=metadata, name=str(path))
    with writing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def encode(
    image: NDArray[Any],
    suffix: str,
    *,
    quality: int | None = None,
    metadata: Metadata = _NO_METADATA,
    name: str = "picture",
) -> bytes:
    """Encode a picture as the content of a file.

    Args:
        image: H×W or H×W×3; uint8, uint16 for PNG and TIFF, float32 for TIFF.
        suffix: The format as a file name ending: one of `SUFFIXES`.
        quality: 1 to 100, for the formats in `QUALITY`.
        metadata: What to carry over. Grey pictures do not get a profile for RGB, and BMP holds no metadata.
        name: What to call the file in messages.

    Raises:
        OutputError: The ending is unknown, or the format cannot hold the values or has no such quality.
    """
    suffix = suffix.lower()
    check_format(suffix, quality, name)
    if image.dtype not in _stored_types(suffix):
        kind = "grey" if image.ndim == 2 else "colour"
        raise OutputError(
            f"{name}: {suffix} cannot hold {image.dtype} {kind}; 16 bits fit .png and .tif, floating point .tif"
        )
    if suffix == ".png":
        return with_chunks(png.encode(image), metadata, image)
    if suffix in _TIFF:
        return tiff_writing.encode(image, metadata)
    try:
        return _by_pillow(image, suffix, quality, metadata)
    except (OSError, ValueError) as error:
        raise OutputError(f"{name}: {suffix} cannot hold this picture ({error}); use .png or .tif") from error


def check_format(suffix: str, quality: int | None, name: str = "picture") -> None:
    """Check that a format can be written, and that it has the quality.

    Raises:
        OutputError: One of the two does not hold.
    """
    if suffix not in SUFFIXES:
        raise OutputError(
            f"{name}: cannot write {suffix or 'a file without ending'}; use one of {', '.join(sorted(SUFFIXES))}"
        )
    if quality is not None and (suffix not in QUALITY or not 1 <= quality <= 100):
        raise OutputError(f"{name}: no quality {quality} in {suffix}; {', '.join(sorted(QUALITY))} have 1 to 100")


def _stored_types(suffix: str) -> tuple[type[np.generic], ...]:
    """Return the types that a format can hold."""
    if suffix in _TIFF:
        return np.uint8, np.uint16, np.float32
    return (np.uint8, np.uint16) if suffix == ".png" else (np.uint8,)


def _by_pillow(image: NDArray[Any], suffix: str, quality: int | None, metadata: Metadata) -> bytes:
    options: dict[str, Any] = {"quality": quality or QUALITY[suffix]} if suffix in QUALITY else {}
    icc = profile(metadata, image)
    if metadata.exif:
        options["exif"] = metadata.exif
    if icc:
        options["icc_profile"] = icc
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, {".bmp": "BMP", ".webp": "WEBP"}.get(suffix, "JPEG"), **options)
    return buffer.getvalue()


def _decoded(content: bytes, name: str, side: Side | None, page: int | None, wide: bool, gray: bool) -> Picture:
    if medical.ending(content):
        return Picture(medical.decode(content, name, page))
    if content[:4] in tiff.MAGIC:
        return tiff.decode(content, name, page, side=side, wide=wide)
    if content.startswith(png.SIGNATURE):
        content = png.without_useless_chunks(content)
    try:
        with open_picture(io.BytesIO(content)) as image:
            if gray:
                image.draft("L", image.size)
            return _picture(image, content, name, side, page)
    except UnidentifiedImageError:
        if content.startswith(_SIGNATURES):
            raise InputError(f"{name}: damaged or unreadable picture; replace or remove it") from None
        formats = ", ".join(sorted({*SUFFIXES, *medical.SUFFIXES}))
        raise InputError(f"{name}: not a picture in a known format ({formats})") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{name}: too many pixels to be held at once; cut it into parts, or store it as a tiled TIFF"
        ) from None


def _picture(image: Image.Image, content: bytes, name: str, side: Side | None, page: int | None) -> Picture:
    """Return the picture that Pillow has opened, or the chosen frame of an animation."""
    if side and flir.is_radiometric(content):
        # Both sides lie in the file as the picture that is made of them, and are turned with it.
        values = flir.decode(content, name, side)
    elif _seek(image, name, page) == 0 and png16.is_png16(content):
        values = png16.decode(content)
    else:
        values = _values(image, name)
    metadata, orientation = read_metadata(image)
    return Picture(np.ascontiguousarray(upright(values, orientation)), metadata)


def _seek(image: Image.Image, name: str, page: int | None) -> int:
    """Seek to the chosen frame of an animation, or to the first one, and return its index in the file."""
    if image.format in _NOT_ANIMATED or page is None:
        return 0
    first = int(image.info.get("default_image", False))  # a PNG may begin with a picture that is not in its animation
    frames = getattr(image, "n_frames", 1) - first
    index = page_index(page, frames, name, "frames")
    if frames > 1:
        image.seek(first + index)
    return image.tell()


def _values(image: Image.Image, name: str) -> NDArray[Any]:
    if image.mode in {"L", "RGB", "I;16", "I;16L", "F"}:
        return np.asarray(image)
    if image.mode in {"I", "I;16B"}:
        return narrowed(np.asarray(image.convert("I")), name, None)
    if image.mode in {"1", "LA"}:
        return np.asarray(image.convert("L"))
    if image.mode == "CMYK" and image.format in _JPEG and "adobe" not in image.info:
        # Pillow takes all inks for inverted, as Adobe writes them: without its marker they are not
        image = ImageChops.invert(image)
    if image.mode == "P":  # Pillow warns if a palette's transparency is dropped without this step
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))
