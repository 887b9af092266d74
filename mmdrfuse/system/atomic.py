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
"""The system's error number in the messages of Rust, HDF5 and Python."""
_MIN_FREE = 2**20
"""Bytes of free space below which a disk counts as full."""
_MAX_SUFFIX = 16
"""Characters of the suffix that a temporary file has at most."""


@contextlib.contextmanager
def writing(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; when the block succeeds, the temporary file replaces ``path``.

    The temporary file has the same suffix, because some writers choose the format by it. When the block fails, or the
    process is interrupted, the temporary file is removed and ``path`` stays as it was.

    Args:
        path: The file to write; its folder is made if it is missing.
        overwrite: Whether an existing ``path`` may be replaced.

    Raises:
        OutputError: ``path`` exists and may not be replaced, is a folder, pipe or device, or cannot be written.
        DiskFullError: There is no space left on the disk.
    """
    _refuse_folder(path)
    refuse_existing(path, overwrite=overwrite)
    _refuse_device(path)
    # Without the name of ``path``, which may already be as long as the file system allows.
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix[-_MAX_SUFFIX:]}")
    try:
        with _naming_failures(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()
            mode = temporary.stat().st_mode  # of the umask; some writers make files that nobody else can read
            yield temporary
            temporary.chmod(mode)
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # it has replaced ``path``, or its folder could not be made
            temporary.unlink()


@contextlib.contextmanager
def writing_folder(path: Path, *, mark: str, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; when the block succeeds, the temporary folder replaces ``path``.

    Args:
        path: The folder to write.
        mark: Name of a file that the folder gets; only a folder with such a file is ever replaced.
        overwrite: Whether an existing ``path`` with the mark may be replaced.

    Raises:
        OutputError: As in `refuse_foreign`, or the place cannot be written.
        DiskFullError: There is no space left on the disk.
    """
    refuse_foreign(path, mark=mark, overwrite=overwrite)
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    old = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with _naming_failures(path):
            temporary.mkdir(parents=True)
            (temporary / mark).touch()
            yield temporary
            if path.exists():
                path.replace(old)  # a folder cannot replace another one that is not empty
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _naming_failures(path: Path) -> Iterator[None]:
    """Turn a failure of the system in the block into an error that names the path; others pass."""
    try:
        yield
    except Exception as error:
        cause = system_error(error, path)
        if cause is None:
            raise
        raise write_error(path, cause) from error


def refuse_foreign(path: Path, *, mark: str, overwrite: bool) -> None:
    """Refuse to replace an existing folder that may not be replaced, or that has no file called ``mark``.

    Raises:
        OutputError: One of the two.
    """
    refuse_existing(path, overwrite=overwrite)
    if os.path.lexists(path) and not (path / mark).is_file():
        raise OutputError(f"{path}: is not ours to replace, as it holds no {mark}; move it, or choose another place")


def append(path: Path, text: str) -> None:
    """Add text to the end of a file: all of it, or nothing.

    Raises:
        OutputError: The file cannot be written.
        DiskFullError: There is no space left on the disk.
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
    """Remove temporary files of `writing` that a killed process has left; no other process may write there."""
    for path in folder.glob(".[0-9a-f]*"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def system_error(error: BaseException, path: Path) -> OSError | None:
    """Return the error of the operating system behind an exception; None if there is none.

    h5py, safetensors and torch raise exceptions of their own, some with the system's error number in the text.

    Args:
        error: The exception of a writer.
        path: The written file; where torch names no reason, the free space of its disk decides.
    """
    if isinstance(error, MMDRFuseError):
        return None
    number = getattr(error, "errno", None)
    match = _NUMBER.search(str(error))
    if number is None and match is not None:
        number = int(match[1])
    if number is None and "PytorchStreamWriter" in str(error):
        number = errno.EIO if _has_space(path) else errno.ENOSPC
    if isinstance(number, int):
        reason = getattr(error, "strerror", None)
        if reason is None or "errno = " in reason:  # HDF5's text holds a page of its own details
            reason = os.strerror(number)
        return OSError(number, reason)
    return error if isinstance(error, OSError) else None


def _has_space(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free >= _MIN_FREE
    return True


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace an existing file or folder; this is the one place with the rule and the message.

    Raises:
        OutputError: ``path`` exists and may not be replaced.
    """
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path}: exists already", cure="overwrite")


def refuse_unwritable(path: Path) -> None:
    """Check, before the work begins, that a file can be written at ``path``.

    Raises:
        OutputError: ``path`` is a folder, pipe or device, or cannot be made in the nearest folder above it that exists.
    """
    _refuse_folder(path)
    _refuse_device(path)
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise OutputError(f"{path}: cannot be written ({folder} is no folder); choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written ({folder} may not be written in); choose another place")


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")


def _refuse_device(path: Path) -> None:
    """Refuse what is neither file nor folder: a file that takes its name would take ``/dev/null`` from the system."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(f"{path}: is a pipe or device, not a file; name a file")


def write_error(path: Path, error: OSError) -> OutputError:
    """Return the error to raise when ``path`` could not be written; a `DiskFullError` if the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: the disk is full ({error.strerror}); make room, then go on with what is left")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")
