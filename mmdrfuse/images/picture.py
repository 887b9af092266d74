"""What comes out of a picture file: its values, and what is carried over into the fused picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.errors import InputError

GeoTags = tuple[tuple[int, int, int, Any, bool], ...]
"""Tags of a TIFF as tifffile takes them for writing: code, type, count, value, and whether on the first page alone."""

Side = Literal["infrared", "visible"]
"""What a picture is read for: a file of a thermal camera holds both sides."""


@dataclass(frozen=True)
class Metadata:
    """What a file says about its picture, as far as it stays true of a picture made from it."""

    exif: bytes = b""
    """A block of EXIF as JPEG holds it, from ``Exif`` and two zeros on: camera, time, place (GPS), author. Orientation,
    sizes, thumbnail and the makers' own notes are left out."""
    icc: bytes = b""
    """The ICC profile of the colours."""
    geo: GeoTags = ()
    """Where on earth the picture is, as GeoTIFF says it."""
    geo_shape: tuple[int, ...] = ()
    """Height and width of the pictures for which ``geo`` is true."""


@dataclass(frozen=True)
class Picture:
    """A picture as it is stored in its file."""

    image: NDArray[Any]
    """H×W (grey) or H×W×3 (RGB); uint8, uint16 or float32, turned as the file says it is to be looked at."""
    metadata: Metadata = Metadata()
    """What to carry over."""
    sha256: str = ""
    """Of the very bytes that were decoded, in hexadecimal; empty for what came from no file."""


def open_file(path: Path) -> BinaryIO:
    """Open a picture's file; what is no file, such as a named pipe, is refused before it could make the caller wait.

    Raises:
        InputError: It is missing, cannot be read, or is a folder, pipe, device or socket.
    """
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a pipe, device or socket"
            raise InputError(f"{path}: is {kind}, not a file; name the file of a picture")
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error to raise when a picture file could not be opened or read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file")
    return InputError(f"{path}: cannot be read ({error.strerror or error}); check the path and its permissions")


def chosen(page: int | None, count: int, name: str, what: str) -> int:
    """Check which of several pictures in a file is meant, and count it from 0.

    A file with a single one has nothing to choose, whatever the number.

    Raises:
        InputError: None is chosen, or one that there is not.
    """
    if count == 1:
        return 0
    if page is None or not 1 <= page <= count:
        given = "none was chosen" if page is None else f"there is no {page}"
        raise InputError(f"{name}: holds {count} {what} and {given}", cure="page")
    return page - 1


def narrowed(image: NDArray[Any], name: str, side: Side | None) -> NDArray[Any]:
    """Return integers with a sign or of 32 bits as numbers of 8 or 16 bits, where all of them are such numbers.

    Raises:
        InputError: Some are not: nothing says what of them is black and white.
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


def refuse_size(width: int, height: int, name: str) -> None:
    """Refuse a picture that cannot be held at once, by what its header says, before anything of it is decoded.

    Raises:
        InputError: It has more than twice the pixels that Pillow warns of, at which it refuses pictures itself.
    """
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or width * height):
        raise InputError(
            f"{name}: {width}x{height} are too many pixels to be held at once; cut it into parts, or store it as a "
            "tiled TIFF"
        )
