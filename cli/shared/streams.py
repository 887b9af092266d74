"""The three standard streams, which may be closed, full, broken off, or unable to say what a file is called."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from mmdrfuse.errors import OutputError

_ERRORS = "mmdrfuse-names"


def ready() -> None:
    """Make the standard streams fit for whatever is read and said."""
    _occupy()
    codecs.register_error(_ERRORS, _as_bytes_or_marks)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


@contextmanager
def delivered() -> Iterator[None]:
    """See to it that what the block said on standard output has left before the program says that all is well.

    Raises:
        OutputError: It could not: the disk is full, or the like.
        BrokenPipeError: Nobody reads it any more.
    """
    try:
        yield
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            give_up()
            raise
        except OSError as error:
            give_up()
            raise OutputError(f"standard output: cannot be written ({error.strerror})") from error


def _occupy() -> None:
    """Give the numbers of closed streams to nothing: the next file to be opened would get them, and what others say."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def give_up() -> None:
    """Let what is left to say go nowhere; at its end Python would try again, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _as_bytes_or_marks(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write names that are not UTF-8 as the bytes they are, and what a terminal has no sign for as a question mark."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("replace")(error)
