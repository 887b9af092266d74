"""The entries of a manifest: one JSON line for each fused picture, read as a stream.

`Entries` remembers where the last line of each picture is, some 100 bytes each, and reads the lines when their turn
comes. A million lines take 6 s and 170 MB, or 270 MB where several runs have mixed them (``make bench-cluster``).
"""

import json
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, overload

import msgspec

from mmdrfuse.errors import ManifestError, MMDRFuseError
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse.json_fields import from_json
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


class Entries(Sequence[Entry]):
    """The entries of a folder's manifest, in the order of the pictures' names; of each picture the last one.

    Args:
        folder: The folder of the fused pictures.

    Raises:
        ManifestError: The manifest is missing, or a line is not an entry.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        if not self._path.is_file():
            raise ManifestError(f"{folder}: holds no {NAME}; name a folder that fused pictures went to", cure="sources")
        names: list[str] = []
        offsets = array("q")
        for offset, entry in _scan(self._path):
            names.append(entry.fused)
            offsets.append(offset)
        if any(this >= after for this, after in pairwise(names)):  # a single run has them in order
            order = sorted(range(len(names)), key=names.__getitem__)
            # Of equal names, which follow each other in the order of their lines, the last one counts.
            last = [this for this, after in pairwise(order) if names[this] != names[after]] + order[-1:]
            names = [names[number] for number in last]
            offsets = array("q", [offsets[number] for number in last])
        self._names = names
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Entry]:
        for entry in self.find(self._names):
            assert entry is not None
            yield entry

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        names = self._names[index] if isinstance(index, slice) else [self._names[index]]
        found = [entry for entry in self.find(names) if entry is not None]
        return found if isinstance(index, slice) else found[0]

    def find(self, names: Iterable[str]) -> Iterator[Entry | None]:
        """Yield the entry of each picture, or None where there is none.

        Args:
            names: Of pictures, as in `Entry.fused`; taken lazily.

        Raises:
            ManifestError: The file has changed since.
        """
        with _opened(self._path) as file:
            place = 0
            for name in names:
                number = bisect_left(self._names, name)
                if number == len(self._names) or self._names[number] != name:
                    yield None
                    continue
                offset = self._offsets[number]
                if offset != place:
                    file.seek(offset)
                line = file.readline(LONGEST)
                place = offset + len(line)
                entry = _parse(line, f"{self._path}, at byte {offset}")
                if entry.fused != name:
                    raise ManifestError(f"{self._path}: was changed while it was read; run the command again")
                yield entry


def check_entries(path: Path) -> None:
    """Read a whole manifest, unless this process has read it before and it is still the same.

    Raises:
        ManifestError: A line is not an entry.
    """
    if _whole.get(path) != _status(path):
        for _ in _scan(path):
            pass


_whole: dict[Path, tuple[int, ...]] = {}
"""Manifests that this process has read to their ends, and how they were then."""


def _status(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _scan(path: Path) -> Iterator[tuple[int, Entry]]:
    """Yield all entries with the places of their lines, and note that the file is whole."""
    before = _status(path)
    offset = 0
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield offset, _parse(line, f"{path}:{number}")
        offset += len(line)
    _whole[path] = before


def is_entry(line: bytes) -> bool:
    """Return whether a last line without an end is whole: some editors leave the end out."""
    try:
        _parse(line, "")
    except ManifestError:
        return False
    return True


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or error})") from error


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines, but not a last one without an end: a crash cut it off, and its picture may not exist."""
    try:
        with _opened(path) as file:
            while line := file.readline(LONGEST):
                if line.endswith(b"\n") or len(line) == LONGEST or is_entry(line):
                    yield line
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or error})") from error


@lru_cache(maxsize=1)
def _decoder() -> "msgspec.json.Decoder[Entry]":
    return msgspec.json.Decoder(Entry)


def _parse(line: bytes, where: str) -> Entry:
    # The decoder takes an eighth of the time, and refuses all that `from_json` refuses but names with NUL. It also
    # refuses bytes that are no UTF-8, and passes over the fields of earlier versions.
    if b'"preparation"' in line and b"\\u0000" not in line and len(line) < LONGEST:
        try:
            return _decoder().decode(line)
        except (MMDRFuseError, msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return _parse_slowly(line, where)


def _parse_slowly(line: bytes, where: str) -> Entry:
    """Parse an unusual line, or say what is wrong with it."""
    try:
        if len(line) == LONGEST:
            raise ValueError(f"longer than {LONGEST} bytes")
        return from_json(Entry, _nested(json.loads(line.decode("utf-8"))))
    except (MMDRFuseError, ValueError, TypeError, RecursionError) as error:
        reason = "saved in another encoding than UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ManifestError(
            f"{where}: not an entry of a manifest ({reason}); correct or remove the line, or the file, and fuse again"
        ) from error


def _nested(values: Any) -> Any:  # noqa: ANN401 - whatever a line holds
    """Put the preparation's fields into an object of their own; earlier versions wrote them beside the others."""
    if not isinstance(values, dict) or "preparation" in values:
        return values
    names = [entry.name for entry in fields(Preparation)]
    return values | {"preparation": {name: values[name] for name in names if name in values}}
