"""Frames of a sequence, as videos and pipes of raw frames both have them; and sources of raw frames."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MMDRFuseError, reading

PIPE = Path("-")
"""Standard input or output."""

_RAW = re.compile(r"(\d{1,6})x(\d{1,6})@(\d{1,9}(?:\.\d{1,9})?|\d{1,9}/0*[1-9]\d{0,8}):gray8", re.ASCII)


Chroma = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""U and V of 4:2:0, each ⌈H/2⌉×⌈W/2⌉."""


class Frame(NamedTuple):
    """One frame as arrays."""

    time: Fraction
    """Seconds since the stream's first frame."""
    luma: NDArray[Any]
    """H×W, uint8 from black 0 to white 255, or uint16 as stored where there are more than 8 bits."""
    chroma: Chroma | None = None
    """The colour planes; None for grey."""


@dataclass(frozen=True)
class Layout:
    """The properties that all frames of a stream share."""

    width: int
    height: int
    rate: Fraction
    """Frames a second, the average where it varies."""
    count: int | None = None
    """Number of frames, if the file says it; some files say it only roughly."""
    depth: int = 8
    """Bits of the luminance."""
    full_range: bool = True
    """Whether a written file stores 0..255; if not, it stores 16..235, as most videos do."""
    tags: tuple[int, int, int] = (2, 2, 2)
    """Primaries, transfer and matrix, as ISO/IEC 23091-2 numbers them; 2 is unspecified."""
    aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    start: Fraction = Fraction(0)
    """Seconds from the file's beginning, where its sound may begin, to the first frame."""


class Source(Protocol):
    """A stream of frames."""

    @property
    def path(self) -> Path:
        """The file or pipe."""

    @property
    def layout(self) -> Layout:
        """The properties that all frames share."""

    @property
    def repeatable(self) -> bool:
        """Whether `frames` can be called twice."""

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in the order of time."""


@dataclass(frozen=True)
class RawFormat:
    """The format of frames in a pipe: 8-bit grey, rows from the top, nothing between the frames."""

    width: int
    height: int
    rate: Fraction

    @classmethod
    def parse(cls, text: str) -> "RawFormat":
        """Read ``WxH@FPS:gray8``, such as ``640x512@30:gray8`` or ``640x512@30000/1001:gray8``.

        Raises:
            MMDRFuseError: The text is of another form.
        """
        match = _RAW.fullmatch(text)
        sizes = [int(match[1]), int(match[2])] if match else []
        if match is None or min(sizes) < 2 or not Fraction(match[3]):
            raise MMDRFuseError(
                f"raw format {text!r}: expected WxH@FPS:gray8 with sides of at least 2, such as 640x512@30:gray8"
            )
        return cls(sizes[0], sizes[1], Fraction(match[3]))


@dataclass(frozen=True)
class RawSource:
    """Raw frames from a file, a named pipe, or ``-`` for standard input."""

    path: Path
    format: RawFormat

    @property
    def layout(self) -> Layout:
        """The properties that all frames share."""
        size = self.format.width * self.format.height
        count = self.path.stat().st_size // size if self.path.is_file() else None
        return Layout(self.format.width, self.format.height, self.format.rate, count)

    @property
    def repeatable(self) -> bool:
        """Whether this is a file: the frames of a pipe can be read only once."""
        return self.path.is_file()

    def frames(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            InputError: The stream cannot be opened, is empty, or ends within a frame.
        """
        shape = self.format.height, self.format.width
        size = shape[0] * shape[1]
        number = 0
        with _opened(self.path) as file:
            while data := _read(file, size, self.path):
                if len(data) < size:
                    raise InputError(
                        f"{self.path}: ends within frame {number + 1}, after {len(data)} of {size} bytes; "
                        f"are its frames really {shape[1]}x{shape[0]}, one byte a pixel?"
                    )
                yield Frame(number / self.format.rate, np.frombuffer(data, np.uint8).reshape(shape))
                number += 1
        if not number:
            raise InputError(f"{self.path}: holds no frame; is what should feed it running?")


@contextmanager
def raw_writing(file: BinaryIO) -> Iterator[Any]:
    """Yield a function that writes the luminance of a frame to an open file."""

    def write(frame: Frame) -> None:
        file.write(np.ascontiguousarray(frame.luma).data)

    yield write
    file.flush()


def _read(file: BinaryIO, size: int, path: Path) -> bytes:
    """Read a frame; it may be larger than the memory, and the disk may fail in the middle of a file."""
    with reading(path, "stream of raw frames", cure="check the size of its frames, and the disk"):
        return file.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == PIPE:
        if sys.stdin is None or sys.stdin.closed:
            raise InputError(f"{path}: standard input is closed; feed it the frames")
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    with file:
        yield file
