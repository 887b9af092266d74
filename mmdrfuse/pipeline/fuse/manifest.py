"""Read and write the manifest: one JSON line for every fused picture, with its sources and how it was made.

`folder.fuse_pairs` appends to it, `resume` and `mmdrfuse.pipeline.score` read it. Lines are only ever appended; where a
picture was made again, its last line counts. The file is JSON in ASCII: other letters of a name, and bytes of a name
that are no UTF-8, are escaped.
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from mmdrfuse.errors import ManifestError, MMDRFuseError, OutputError
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse.json_fields import from_json
from mmdrfuse.system.atomic import write_error, writing
from mmdrfuse.system.paths import real

NAME = "manifest.jsonl"
"""The file's name, in the folder of the fused pictures."""

LONGEST = 1 << 20
"""Bytes that a line may have; an entry has about a thousand."""


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
    """From opening the sources to the finished file; their sum exceeds the run's where pairs are fused side by side."""
    finished: str = ""
    """Date and time when the file was complete, UTC."""
    infrared_size: tuple[int, ...] = ()
    """Width and height as stored."""
    visible_size: tuple[int, ...] = ()
    bits: int = 8
    """Of each value of the picture: 8, 16, or 32 for floating point."""
    coloring: str = "auto"
    """The colour mode: one of `mmdrfuse.images.COLORS`."""
    quality: int | None = None
    """The chosen quality of a lossy format; None for its default."""
    preparation: Preparation = field(default_factory=Preparation)
    """How the sources were prepared before they were fused."""
    nbytes: int = 0
    """Size of the picture's file; 0 in entries of earlier versions."""
    selection: str = ""
    """The weights that were chosen by what the sources show, and the numbers; empty where they were named."""

    def pair(self, folder: Path) -> Pair:
        """Return the sources as absolute paths, given the manifest's ``folder``; equal files give equal pairs."""
        # Paths in the manifest start at the real folder, which may have been named by a symbolic link.
        infrared = Path(os.path.normpath(real(folder) / self.infrared))
        visible = Path(os.path.normpath(real(folder) / self.visible))
        name = str(Path(self.fused).with_suffix(""))
        return Pair(name, real(infrared), real(visible), self.preparation)


class Append(Protocol):
    """A function that adds one entry to a manifest."""

    def __call__(self, entry: Entry) -> None:
        """Write the entry to the file before returning."""


def read(folder: Path) -> list[Entry]:
    """Read the manifest of a folder of fused pictures; return its entries in the order of the pictures' names.

    Raises:
        ManifestError: It is missing, or a line is not an entry.
    """
    path = folder / NAME
    if not path.is_file():
        raise ManifestError(f"{folder}: holds no {NAME}; name a folder that fused pictures went to", cure="sources")
    last: dict[str, Entry] = {}
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            entry = _parse(line, f"{path}:{number}")
            last[entry.fused] = entry
    return sorted(last.values(), key=lambda entry: entry.fused)


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
        read(folder)


def relative(path: Path, folder: Path) -> str:
    """Return a file's path relative to a folder, with ``/``; absolute where it is on another drive.

    Symbolic links on the way are resolved; the file's own name is kept, even if it is a symbolic link.
    """
    place = real(path.parent) / path.name
    try:
        return Path(os.path.relpath(place, real(folder))).as_posix()
    except ValueError:
        return place.as_posix()


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines, but not a last one without an end: a crash cut it off, and its picture may not exist."""
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST):
                if line.endswith(b"\n") or len(line) == LONGEST or _is_entry(line):
                    yield line
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or error})") from error


def _parse(line: bytes, where: str) -> Entry:
    try:
        if len(line) == LONGEST:
            raise ValueError(f"longer than {LONGEST} bytes")
        return from_json(Entry, _nested(json.loads(line.decode("utf-8"))))
    except (MMDRFuseError, ValueError, TypeError, RecursionError) as error:
        reason = "saved in another encoding than UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ManifestError(
            f"{where}: not an entry of a manifest ({reason}); correct or remove the line, or the file, and fuse again"
        ) from error


def _is_entry(line: bytes) -> bool:
    """Return whether a last line without an end is whole: some editors leave the end out."""
    try:
        _parse(line, "")
    except ManifestError:
        return False
    return True


def _nested(values: Any) -> Any:  # noqa: ANN401 - whatever a line holds
    """Put the preparation's fields into an object of their own; earlier versions wrote them beside the others."""
    if not isinstance(values, dict) or "preparation" in values:
        return values
    names = [entry.name for entry in fields(Preparation)]
    return values | {"preparation": {name: values[name] for name in names if name in values}}


def _end_last_line(path: Path) -> None:
    """Remove a last line that a crash cut off, so that the next entry starts a line of its own."""
    if path.is_file() and (data := path.read_bytes()) and not data.endswith(b"\n"):
        start = data.rfind(b"\n") + 1
        if _is_entry(data[start:]):
            with path.open("ab") as file:
                file.write(b"\n")
        else:
            os.truncate(path, start)
