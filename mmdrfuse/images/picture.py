"""What comes out of a picture file: its values, and what is carried over into the fused picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from mmdrfuse.errors import InputError

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


@dataclass(frozen=True)
class Picture:
    """A picture as it is stored in its file."""

    image: NDArray[Any]
    """H×W (grey) or H×W×3 (RGB); uint8, uint16 or float32, turned as the file says it is to be looked at."""
    metadata: Metadata = Metadata()
    """What to carry over."""
    sha256: str = ""
    """Of the very bytes that were decoded, in hexadecimal; empty for what came from no file."""


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
