"""Files that appear whole or not at all."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from mmdrfuse.errors import OutputError


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
    """
    if not overwrite and path.exists():
        raise OutputError(f"{path}: exists already; choose another name, or allow it with --overwrite")
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        mode = temporary.stat().st_mode  # as the user's umask has it; some writers make files that nobody else can read
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):  # it has taken its name, or its folder was never made
            temporary.unlink()
