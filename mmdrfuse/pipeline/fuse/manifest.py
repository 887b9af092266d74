"""Read and write the manifest: one JSON line for every fused picture, with its sources and how it was made.

`folder.fuse_pairs` appends to it, `resume` and `mmdrfuse.pipeline.score` read it as `entries.Entries`. Lines are only
ever appended; where a picture was made again, its last line counts. The file is JSON in ASCII: other letters of a name,
and bytes of a name that are no UTF-8, are escaped.
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from mmdrfuse.errors import OutputError
from mmdrfuse.pipeline.fuse.entries import LONGEST, NAME, Entries, Entry, check_entries, is_entry
from mmdrfuse.system.atomic import write_error, writing
from mmdrfuse.system.paths import real

__all__ = ["LONGEST", "NAME", "Append", "Entries", "Entry", "appending", "check_folder", "read", "relative", "rewrite"]


class Append(Protocol):
    """A function that adds one entry to a manifest."""

    def __call__(self, entry: Entry) -> None:
        """Write the entry to the file before returning."""


def read(folder: Path) -> list[Entry]:
    """Read the manifest of a folder of fused pictures; return its entries in the order of the pictures' names.

    They are all in memory then; `Entries` reads them one by one.

    Raises:
        ManifestError: It is missing, or a line is not an entry.
    """
    return list(Entries(folder))


@contextmanager
def appending(folder: Path) -> Iterator[Append]:
    """Open a folder's manifest for adding entries; make the folder if there is none.

    Raises:
        OutputError: The folder cannot be written.
        ManifestError: The manifest cannot be read, so that nobody could read the new entries either.
    """
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _end_last_line(folder / NAME)
        file = (folder / NAME).open("ab", buffering=0)
    except OSError as error:
        raise write_error(folder, error) from error
    with file:

        def append(entry: Entry) -> None:
            line = (json.dumps(asdict(entry)) + "\n").encode("ascii")
            end = os.fstat(file.fileno()).st_size
            try:
                if file.write(line) != len(line):  # a full disk takes a part of the line
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                os.truncate(folder / NAME, end)
                raise write_error(folder / NAME, error) from error

        yield append


def rewrite(folder: Path, entries: Iterable[Entry]) -> None:
    """Replace a folder's manifest by some entries, in the order of the pictures' names.

    Raises:
        OutputError: It cannot be written.
    """
    lines = [json.dumps(asdict(entry)) + "\n" for entry in sorted(entries, key=lambda entry: entry.fused)]
    with writing(folder / NAME) as temporary:
        temporary.write_text("".join(lines), encoding="ascii")


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot hold pictures and their manifest.

    Raises:
        OutputError: It is no folder, or one that must not be written.
        ManifestError: It has a manifest that cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; name a folder for the pictures and their manifest")
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    try:
        # Permissions alone do not decide it. The file has no name and leaves no trace.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise write_error(folder, error) from error
    if (folder / NAME).is_file():
        check_entries(folder / NAME)


def relative(path: Path, folder: Path) -> str:
    """Return a file's path relative to a folder, with ``/``; absolute where it is on another drive.

    Symbolic links on the way are resolved; the file's own name is kept, even if it is a symbolic link.
    """
    place = real(path.parent) / path.name
    try:
        return Path(os.path.relpath(place, real(folder))).as_posix()
    except ValueError:
        return place.as_posix()


def _end_last_line(path: Path) -> None:
    """Remove a last line that a crash cut off, so that the next entry starts a line of its own."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        tail_start = max(0, file.seek(0, os.SEEK_END) - LONGEST)
        file.seek(tail_start)
        tail = file.read()
        if tail.endswith(b"\n"):
            return
        start = tail.rfind(b"\n") + 1
        if is_entry(tail[start:]):
            file.write(b"\n")
        else:
            file.truncate(tail_start + start)
