"""One file under several names."""

import os
import shutil
from pathlib import Path

from mmdrfuse.system.atomic import write_error


def link(target: Path, source: Path) -> None:
    """Give a file another name: by a hard link, else a relative symbolic link, else a copy, as the file system allows.

    Args:
        target: The new name, which is replaced if it exists; its folder is made if it is missing.
        source: The file.

    Raises:
        OutputError: None of the three can be made.
        DiskFullError: There is no space left on the disk.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            try:
                target.symlink_to(os.path.relpath(source, target.parent))
            except OSError:
                shutil.copyfile(source, target)
    except OSError as error:
        raise write_error(target, error) from error
