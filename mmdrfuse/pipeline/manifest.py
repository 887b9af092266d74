"""The manifest: one JSON line for every fused picture, saying from what and how it was made.

Lines are only ever appended; where a picture was made again, its last line counts.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from mmdrfuse.atomic import unwritable
from mmdrfuse.errors import ManifestError, OutputError
from mmdrfuse.pipeline.pairs import Pair, Preparation

NAME = "manifest.jsonl"
"""The file's name, in the folder of the fused pictures."""
_TUPLES = ("limits", "infrared_size", "visible_size", "transform", "infrared_range")


@dataclass(frozen=True)
class Entry:
    """How one fused picture was made. Paths are relative to the manifest's folder, with ``/``."""

    fused: str
    infrared: str
    visible: str
    infrared_sha256: str
    visible_sha256: str
    width: int
    height: int
    range: str
    """The range policy."""
    limits: tuple[float, float]
    """The network's values that became black and white."""
    color: bool
    """Whether the picture has colour."""
    weights: str
    weights_sha256: str
    version: str
    """Of this program."""
    seconds: float
    """From opening the sources to the finished file."""
    finished: str = ""
    """When that was: date and time, UTC."""
    infrared_size: tuple[int, ...] = ()
    """Width and height as stored."""
    visible_size: tuple[int, ...] = ()
    bits: int = 8
    """Of each value of the picture: 8, 16, or 32 for floating point."""
    coloring: str = "auto"
    """What was asked for: whose colour, and how it is kept."""
    quality: int | None = None
    """What was asked for of a format that loses some; None for its default."""
    size_policy: str = "error"
    transform: tuple[float, ...] = ()
    """A 3×3 matrix, row by row, that took the infrared onto the visible."""
    infrared_range: tuple[float, ...] = ()
    """The two stored values of the infrared that became 0 and 1; empty for those of its type."""
    page: int = 0
    """Of files that hold several; 0 for none chosen."""
    nbytes: int = 0
    """Size of the picture's file; 0 where it was not noted."""

    def pair(self, folder: Path) -> Pair:
        """Give the sources, found from the manifest's ``folder``; the same files are the same pair everywhere."""
        return Pair(
            str(Path(self.fused).with_suffix("")),
            (folder / self.infrared).resolve(),
            (folder / self.visible).resolve(),
            Preparation(self.size_policy, self.transform, self.infrared_range, self.page),
        )


class Append(Protocol):
    """Add one entry to a manifest."""

    def __call__(self, entry: Entry) -> None:
        """Write the entry through to the file."""


def read(folder: Path) -> list[Entry]:
    """Read the manifest of a folder of fused pictures, in the order of the pictures' names.

    Raises:
        ManifestError: It is missing, or a line is not an entry.
    """
    path = folder / NAME
    if not path.is_file():
        raise ManifestError(
            f"{folder}: holds no {NAME}; name a folder that `mmdrfuse fuse` wrote, or give --ir DIR and --vis DIR"
        )
    text = path.read_text(encoding="utf-8")
    # A line without an end was cut off by a crash: its picture may not exist.
    lines = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
    entries = (_parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1))
    last = {entry.fused: entry for entry in entries}
    return sorted(last.values(), key=lambda entry: entry.fused)


@contextmanager
def appending(folder: Path) -> Iterator[Append]:
    """Open a folder's manifest for adding entries, from any thread; each is written through before the call returns.

    Raises:
        OutputError: The folder cannot be written.
    """
    if folder.is_file():
        raise OutputError(f"{folder}: is a file; name a folder for the pictures and their manifest")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _end_last_line(folder / NAME)
        file = (folder / NAME).open("ab", buffering=0)
    except OSError as error:
        raise unwritable(folder, error) from error
    lock = Lock()
    with file:

        def append(entry: Entry) -> None:
            line = (json.dumps(asdict(entry)) + "\n").encode()
            with lock:
                end = os.fstat(file.fileno()).st_size
                try:
                    if file.write(line) != len(line):  # the disk took a part
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                except OSError as error:
                    os.truncate(folder / NAME, end)
                    raise unwritable(folder / NAME, error) from error

        yield append


def relative(path: Path, folder: Path) -> str:
    """Write a path as seen from a folder, with ``/``; absolute where there is no way (another drive)."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def _parse(line: str, where: str) -> Entry:
    try:
        values: dict[str, Any] = json.loads(line)
        # A later version may say more than this one knows, an earlier one less.
        known = {field.name: values[field.name] for field in fields(Entry) if field.name in values}
        return Entry(**known | {name: tuple(known[name]) for name in _TUPLES if name in known})
    except (json.JSONDecodeError, TypeError) as error:
        raise ManifestError(f"{where}: not an entry of a manifest ({error!r}); fuse again with --overwrite") from error


def _end_last_line(path: Path) -> None:
    """Drop a last line that a crash cut off, so that what is appended starts a line of its own."""
    if path.is_file() and (data := path.read_bytes()) and not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)
