"""A picture as it comes out of its file: the values, and the metadata for the fused picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.errors import InputError

GeoTags = tuple[tuple[int, int, int, Any, bool], ...]
"""Tags of a TIFF as tifffile takes them for writing: code, type, count, value, and whether for the first page only."""

Side = Literal["infrared", "visible"]
"""Which side of a pair a picture is read for: a thermal camera's file holds both."""


@dataclass(frozen=True)
class Metadata:
    """The metadata of a picture that stay true of a picture made from it."""

    exif: bytes = b""
    """A block of EXIF as JPEG holds it, from ``Exif`` and two zeros on: camera, time, place (GPS), author. Orientation,
    sizes, thumbnail and the makers' own notes are left out."""
    icc: bytes = b""
    """The ICC profile of the colours."""
    geo: GeoTags = ()
    """The tags of GeoTIFF, which say where on earth the picture is."""
    geo_shape: tuple[int, ...] = ()
    """Height and width of the pictures for which ``geo`` holds."""


@dataclass(frozen=True)
class Picture:
    """A picture as it is stored in its file."""

    image: NDArray[Any]
    """H×W (grey) or H×W×3 (RGB); uint8, uint16 or float32; upright, as the EXIF orientation has it."""
    metadata: Metadata = Metadata()
    """For the fused picture."""
    sha256: str = ""
    """Hash of the very bytes that were decoded, in hexadecimal; empty for a picture that came from no file."""


def open_file(path: Path) -> BinaryIO:
    """Open a picture's file. A named pipe is refused, because opening it would wait for its other end.

    Raises:
        InputError: The file is missing or cannot be read, or it is a folder, pipe, device or socket.
    """
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a pipe, device or socket"
            raise InputError(f"{path}: is {kind}, not a file; name the file of a picture")
        return path.open("rb")
    except OSError as error:
        raise read_error(path, error) from error
    except ValueError as error:  # NUL, or half a character
        raise InputError(f"{str(path)!r}: no file can have this name") from error


def read_error(path: Path, error: OSError) -> InputError:
    """Return the error to raise when a picture file could not be opened or read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file")
    return InputError(f"{path}: cannot be read ({error.strerror or error}); check the path and its permissions")


def page_index(page: int | None, count: int, name: str, what: str) -> int:
    """Return the index, from 0 on, of the picture that ``page`` names in a file with several pictures.

    In a file with a single picture, ``page`` has no effect.

    Args:
        page: The chosen page, from 1 on; None for none.
        count: How many the file holds.
        name: What to call the file in messages.
        what: What the pictures are called in such a file, such as ``"pages"``.

    Raises:
        InputError: No page is chosen, or the file has none, or not this one.
    """
    if count == 1:
        return 0
    if count < 1:
        raise InputError(f"{name}: holds no {what}; replace or remove it")
    if page is None or not 1 <= page <= count:
        reason = "none was chosen" if page is None else f"there is no {page}"
        raise InputError(f"{name}: holds {count} {what} and {reason}", cure="page")
    return page - 1


def narrowed(image: NDArray[Any], name: str, side: Side | None) -> NDArray[Any]:
    """Convert signed or 32-bit integers to uint8 or uint16, if all values fit.

    Raises:
        InputError: Some values do not fit, so that nothing says which of them are black and white.
    """
    low, high = int(image.min()), int(image.max())
    bits = 8 if image.dtype.itemsize == 1 else 16
    if low < 0 or high >= 1 << bits:
        raise InputError(
            f"{name}: holds {image.dtype} values {low}..{high}, of which nothing says what is black and white"
            + ("" if side == "infrared" else "; scale them to 8 or 16 bits without sign"),
            cure="infrared_range" if side == "infrared" else None,
        )
    return image.astype(f"u{bits // 8}")


def refuse_oversized(width: int, height: int, name: str) -> None:
    """Refuse a picture that is too large for the memory, from its header's size, before it is decoded.

    The limit is Pillow's own, for the formats that Pillow does not decode.

    Raises:
        InputError: It has more than twice the pixels of ``Image.MAX_IMAGE_PIXELS``.
    """
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or width * height):
        raise InputError(
            f"{name}: {width}x{height} are too many pixels to be held at once; cut it into parts, or store it as a "
            "tiled TIFF"
        )
