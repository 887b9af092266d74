"""Names of files, as the system resolves them."""

import os
from pathlib import Path


def real(path: Path) -> Path:
    """Return where a path leads, through all symbolic links.

    Unlike `Path.resolve` of Python before 3.13, it raises nothing where links lead round in a circle: such a path
    stays as it is, and whoever opens it gets an error of the system that says so.
    """
    return Path(os.path.realpath(path))
