"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from mmdrfuse.errors import DiskFullError, OutputError

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
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # it has taken its name, or its folder was never made
            temporary.unlink()


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace what exists: the one place that decides and words it.

    Raises:
        OutputError: ``path`` exists and may not be replaced.
    """
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path}: exists already", cure="overwrite")


def unwritable(path: Path, error: OSError) -> OutputError:
    """Give the error to raise when ``path`` could not be written: a `DiskFullError` where that is why."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: the disk is full ({error.strerror}); make room, then go on with what is left")
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")
