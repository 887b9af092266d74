"""DICOM files before SimpleITK reads them: recognise them, and refuse what SimpleITK reads wrong or cannot survive.

References:
    DICOM PS3.5 (elements, transfer syntaxes), PS3.3, C.7.6.3 (photometric interpretation), https://dicom.nema.org.
"""

import re
import struct
from pathlib import Path

from mmdrfuse.errors import InputError

PHOTOMETRIC, SIGNED = "0028|0004", "0028|0103"
_ALLOCATED = "0028|0100"

_IMPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_RLE = "1.2.840.10008.1.2.5"
_JPEG = ("1.2.840.10008.1.2.4.5", "1.2.840.10008.1.2.4.70")
_JPEG_2000 = ("1.2.840.10008.1.2.4.9", "1.2.840.10008.1.2.4.20")
"""Prefixes of the transfer syntaxes of JPEG, and of JPEG 2000 with its high-throughput form."""
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR"})
"""Photometric interpretations that SimpleITK converts to red, green and blue."""

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length has four bytes, after two reserved ones: PS3.5, 7.1.2."""
_PIXELS, _ITEM, _END = (0x7FE0, 0x0010), (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNKNOWN = 0xFFFFFFFF
"""The length of elements that end with a delimiter."""


def is_numbered(path: Path) -> bool:
    """Return whether a name has a number in place of an ending, as in ``IM.0001`` and ``1.2.840.113619.2``."""
    return re.fullmatch(r"\.\d+", path.suffix, re.ASCII) is not None


def is_unnamed(path: Path) -> bool:
    """Return whether a file without an ending, or with a number in its place, is DICOM by its first 132 bytes.

    Other files are not opened. A DICOMDIR, which lists the files of a medium, does not count.
    """
    if (path.suffix and not is_numbered(path)) or path.name.upper() == "DICOMDIR":
        return False
    try:
        if not path.is_file():  # opening a named pipe would wait for its other end
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def checked(content: bytes) -> bytes:
    """Check the lengths of a file's elements, and return the file up to the end of its pixels.

    SimpleITK allocates whatever length it reads, up to four gigabytes, even in damaged data and behind the pixels.

    Raises:
        ValueError: An element is longer than the file.
    """
    syntax = _transfer_syntax(content)
    if syntax == _DEFLATED:
        return content
    position = 132
    pixels = False  # whether the element of the pixels has begun
    while position + 8 <= len(content):
        meta = content[position : position + 2] == b"\2\0"
        order = ">" if syntax == _BIG_ENDIAN and not meta else "<"
        tag = struct.unpack_from(f"{order}2H", content, position)
        head, length, nested = _extent(content, position, order, explicit=meta or syntax != _IMPLICIT)
        if pixels and tag == _END:
            return content[: position + head]
        if pixels and tag != _ITEM:
            raise ValueError("its pixels are not in fragments that follow each other")

        position += head
        left = len(content) - position
        if length > left and length != _UNKNOWN:
            raise ValueError(f"element ({tag[0]:04x},{tag[1]:04x}) claims {length} bytes, {left} follow")
        if tag == _PIXELS and length != _UNKNOWN:
            return content[: position + length]
        pixels = pixels or tag == _PIXELS
        enters = nested or length == _UNKNOWN or (tag == _ITEM and not pixels)  # its elements follow
        position += 0 if enters else length
    return content


def _extent(content: bytes, position: int, order: str, *, explicit: bool) -> tuple[int, int, bool]:
    """Return the bytes before an element's value, the value's length, and whether it is a sequence of items."""
    kind = content[position + 4 : position + 6]
    if explicit and kind in _LONG:
        (length,) = struct.unpack(f"{order}I", content[position + 8 : position + 12].ljust(4, b"\0"))
        return 12, length, kind == b"SQ"
    if explicit and kind.isalpha() and kind.isupper():
        (length,) = struct.unpack_from(f"{order}H", content, position + 6)
        return 8, length, False
    (length,) = struct.unpack_from(f"{order}I", content, position + 4)  # items have no value representation either
    return 8, length, False


def check_colours(content: bytes, tags: dict[str, str], name: str) -> None:
    """Refuse the kinds of colour DICOM that SimpleITK reads wrong, without an error.

    Args:
        content: The file.
        tags: Its elements under SimpleITK's names, such as ``0028|0004``.
        name: What to call the file in messages.

    Raises:
        InputError: The file is of such a kind.
    """
    photometric = tags.get(PHOTOMETRIC, "")
    syntax = _transfer_syntax(content)
    sixteen_bit = int(tags.get(_ALLOCATED, "8")) > 8
    reasons = {
        f"its photometric interpretation is {photometric or 'missing'}": photometric not in _COLOURS,
        f"{photometric} without JPEG 2000": photometric in {"YBR_ICT", "YBR_RCT"} and not syntax.startswith(_JPEG_2000),
        "colours of 16 bits in RLE": sixteen_bit and syntax == _RLE,
        "a palette with indices of 16 bits": sixteen_bit and photometric == "PALETTE COLOR",
        "signed colours": tags.get(SIGNED) == "1",
        f"its photometric interpretation is {photometric}, its JPEG says otherwise": _contradicts(content, photometric),
    }
    for reason, applies in reasons.items():
        if applies:
            raise InputError(f"{name}: cannot read the colours of this DICOM file ({reason}); save it as a PNG")


def _transfer_syntax(content: bytes) -> str:
    """Read the transfer syntax, tag (0002,0010), which every file stores in explicit little endian."""
    start = content.find(b"\x02\x00\x10\x00UI", 132)
    if start < 0:
        return ""
    (length,) = struct.unpack_from("<H", content, start + 6)
    return content[start + 8 : start + 8 + length].rstrip(b"\0 ").decode("ascii", "replace")


def _contradicts(content: bytes, photometric: str) -> bool:
    """Return whether the first JPEG inside has other colours than the file declares: SimpleITK believes the file."""
    start = content.find(b"\xff\xd8\xff", 132)
    if start < 0 or not _transfer_syntax(content).startswith(_JPEG):
        return False
    head = content[start : content.find(b"\xff\xda", start)]
    adobe = head.find(b"\xff\xee\0\x0eAdobe")
    if adobe >= 0:
        return (head[adobe + 15] == 0) != (photometric == "RGB")
    return b"JFIF\0" in head[:16] and photometric == "RGB"
