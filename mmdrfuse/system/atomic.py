"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from mmdrfuse.errors import DiskFullError, MMDRFuseError, OutputError

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}(\.\w*)?")
_NUMBER = re.compile(r"(?:os error|errno =|\[Errno) (\d+)")
"""How Rust's, HDF5's and Python's messages tell the system's number of an error."""
_LEAST_ROOM = 2**20
"""Bytes below which a disk counts as full."""
_LONGEST_SUFFIX = 16
"""Characters of a suffix that a temporary file keeps."""


@contextlib.contextmanager
def writing(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its name when the block ends well.

    The temporary file keeps the suffix, so that writers which look at it still work. When the block
    fails, or the process is interrupted, the temporary file is removed and ``path`` is as it was.

    Args:
        path: The file to write; its folder is made if it is missing.
        overwrite: Whether an existing ``path`` may be replaced.

    Raises:
        OutputError: ``path`` exists and may not be replaced, or its folder cannot be written.
        DiskFullError: There is no room for it.
    """
    refuse_existing(path, overwrite=overwrite)
    # Not built from the name, which may be as long as the file system allows.
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix[-_LONGEST_SUFFIX:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        mode = temporary.stat().st_mode  # as the user's umask has it; some writers make files that nobody else can read
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except Exception as error:
        refusal = system_error(error, path)
        if refusal is None:
            raise
        raise write_error(path, refusal) from error
    finally:
        with contextlib.suppress(OSError):  # it has taken its name, or its folder was never made
            temporary.unlink()


def append(path: Path, text: str) -> None:
    """Add text to the end of a file: all of it, or nothing.

    Raises:
        OutputError: The file cannot be written.
        DiskFullError: There is no room for it.
    """
    try:
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
            raise
    except OSError as error:
        raise write_error(path, error) from error


def clear_abandoned(folder: Path) -> None:
    """Remove temporary files of `writing` that a killed process left; nobody else may be writing there."""
    for path in folder.glob(".[0-9a-f]*"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def system_error(error: BaseException, path: Path) -> OSError | None:
    """Return what the system refused, of whichever library's error told it; None where the system refused nothing.

    h5py, safetensors and torch have errors of their own, with the system's number in their text, or without.

    Args:
        error: What a writer raised.
        path: What was written, to look for room where a library names no reason.
    """
    if isinstance(error, MMDRFuseError):
        return None
    number = getattr(error, "errno", None)
    named = _NUMBER.search(str(error))
    if number is None and named is not None:
        number = int(named[1])
    if number is None and "PytorchStreamWriter" in str(error):
        number = errno.EIO if _room(path) else errno.ENOSPC
    if isinstance(number, int):
        reason = getattr(error, "strerror", None)
        return OSError(number, os.strerror(number) if reason is None or "errno = " in reason else reason)
    return error if isinstance(error, OSError) else None


def _room(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free >= _LEAST_ROOM
    return True


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace what exists: the one place that decides and words it.

    Raises:
        OutputError: ``path`` exists and may not be replaced.
    """
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path}: exists already", cure="overwrite")


def refuse_unwritable(path: Path) -> None:
    """Refuse a place where no file can be written, as far as can be told before the work is done.

    Raises:
        OutputError: It is a folder, lies in none, or in one that cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise OutputError(f"{path}: cannot be written ({folder} is no folder); choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written ({folder} may not be written in); choose another place")


def write_error(path: Path, error: OSError) -> OutputError:
    """Give the error to raise when ``path`` could not be written: a `DiskFullError` where that is why."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: the disk is full ({error.strerror}); make room, then go on with what is left")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")
