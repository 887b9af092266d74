"""The three standard streams, which may be closed, full, broken off, or unable to encode a file's name."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from mmdrfuse.errors import OutputError

_ERRORS = "mmdrfuse-names"


def prepare_streams() -> None:
    """Open closed streams on nothing, and let the output streams encode any name of a file."""
    _open_closed_streams()
    codecs.register_error(_ERRORS, _as_bytes_or_marks)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


@contextmanager
def flushed_stdout() -> Iterator[None]:
    """Flush standard output at the end of the block, so that a full disk becomes an error and no silent loss.

    Raises:
        OutputError: Standard output cannot be written: the disk is full, or the like.
        BrokenPipeError: Nobody reads it any more.
    """
    try:
        yield
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            discard_stdout()
            raise
        except OSError as error:
            discard_stdout()
            raise OutputError(f"standard output: cannot be written ({error.strerror})") from error


def _open_closed_streams() -> None:
    """Open the null device for each closed standard stream.

    Otherwise the next file to be opened would get the stream's number, and with it whatever is printed there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the system gives the lowest free number


def discard_stdout() -> None:
    """Send what is left in standard output's buffer nowhere: at exit, Python would try to write it again and fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _as_bytes_or_marks(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode names that are not UTF-8 as their own bytes, and what the stream cannot encode as a question mark."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("replace")(error)
