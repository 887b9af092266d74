"""Save finished pairs beside the file of patches, so that a run that was interrupted can be resumed.

A hidden file ``.NAME.partial`` beside the file only ever grows: it has a record for the plan, then one for each
finished pair, with its compressed patches. Each record has its length and a checksum, so a run may be killed at any
byte: the next run drops the incomplete record, and reuses those before it. Every run writes the HDF5 file anew, from
the records and from newly cut pairs, and renames it when it is complete.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mmdrfuse.datasets.patches.cut import Cut, Outcome
from mmdrfuse.datasets.patches.deflate import unpack
from mmdrfuse.datasets.patches.file import INDEX
from mmdrfuse.datasets.patches.write import PackedPatches
from mmdrfuse.errors import OutputError
from mmdrfuse.system.atomic import refuse_existing, system_error, write_error

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_MAGIC = b"mmdr"
_HEADER = struct.Struct("<4sqQII")
"""Magic number, number of the item, length and checksum of the content, and a checksum of these four."""
_PLAN = -1
"""The first record, which holds the plan, has this in place of an item's number."""
_LONGEST_NAME = 255


@contextmanager
def partial_file(out: Path, *, overwrite: bool) -> Iterator["PartialFile"]:
    """Yield a file to write, which is renamed to ``out`` if the block succeeds.

    If the block fails, or the process is stopped, ``out`` stays as it was, and the next run reuses the finished pairs.

    Args:
        out: The file to write; its folder is made if it is missing.
        overwrite: Replace an existing file.

    Raises:
        OutputError: The file exists and may not be replaced, cannot be written, or another run is writing it.
        DiskFullError: There is no room for it.
    """
    if out.is_dir():
        raise OutputError(f"{out}: is a folder; name the file to write")
    refuse_existing(out, overwrite=overwrite)
    partial = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = PartialFile(_hidden_path(out, "partial"), _hidden_path(out, "unfinished"))
        yield partial
        partial.target.replace(out)
        partial.resumable = False
    except Exception as error:
        refusal = system_error(error, out)  # it recognises h5py's errors, too
        if refusal is None:
            raise
        raise write_error(out, refusal) from error
    finally:
        if partial is not None:
            partial.close()


class Place(NamedTuple):
    """The place of a record's content in the file, and its checksum."""

    start: int
    length: int
    checksum: int


class PartialFile:
    """An unfinished file of patches, and the records of its finished pairs.

    Args:
        path: The file of the records.
        target: The temporary name of the file of patches.

    Raises:
        OutputError: Another run is writing it.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self.target = path, target
        self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        _lock(self._file, path)
        self._plan, self.finished, self._end = _scan(self._file)
        self.resumable = bool(self.finished)
        """Whether the records stay for another run if this one fails."""
        target.unlink(missing_ok=True)  # a run that was killed left it

    def begin(self, plan: str) -> bool:
        """Reuse the records if their plan is the same; drop them if not.

        Returns:
            Whether finished pairs of another plan were dropped.

        Raises:
            OSError: The file cannot be written.
        """
        dropped = bool(self.finished) and self._plan != plan
        if self._plan != plan:
            self.finished = {}
            self.resumable = False
            self._end = 0
        self._file.truncate(self._end)  # drops an incomplete record at the end
        if self._plan != plan:
            self._append(_PLAN, plan.encode())
        return dropped

    def save(self, number: int, outcome: Outcome) -> None:
        """Write an item's patches to its record, if they are not there yet.

        Raises:
            OSError: They could not be written.
        """
        content = encode(outcome)
        place = self.finished.get(number)
        if place is None or (place.length, place.checksum) != (len(content), zlib.crc32(content)):
            self.finished[number] = self._append(number, content)
        self.resumable |= bool(outcome.cuts)

    def close(self) -> None:
        """Close the records; remove the temporary file, and the records if they are not for another run."""
        self._file.close()
        for path in (self.target, *([] if self.resumable else [self.path])):
            with suppress(OSError):  # it was renamed
                path.unlink()

    def _append(self, number: int, content: bytes) -> Place:
        place = Place(self._end + _HEADER.size, len(content), zlib.crc32(content))
        rest = memoryview(_header(number, place) + content)
        self._file.seek(self._end)
        try:
            while rest:  # an unbuffered file may write only a part
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise
        self._end = place.start + place.length
        return place


def load(path: Path, place: Place, patch: int, dtype: np.dtype[Any]) -> Outcome | None:
    """Return the patches of an item that an interrupted run finished; None if they are damaged.

    Args:
        path: The file of the records.
        place: The record.
        patch: Height and width of a patch.
        dtype: Type of the patches.
    """
    with path.open("rb") as file:
        file.seek(place.start)
        content = file.read(place.length)
    return decode(content, patch, dtype) if zlib.crc32(content) == place.checksum else None


def _header(number: int, place: Place) -> bytes:
    unchecked = _HEADER.pack(_MAGIC, number, place.length, place.checksum, 0)
    return _HEADER.pack(_MAGIC, number, place.length, place.checksum, zlib.crc32(unchecked))


def _scan(file: BinaryIO) -> tuple[str | None, dict[int, Place], int]:
    """Return the plan, the places of the items' records, and the end of the last complete record."""
    size = os.fstat(file.fileno()).st_size
    end = 0
    plan: str | None = None
    finished: dict[int, Place] = {}
    while end + _HEADER.size <= size:
        file.seek(end)
        header = file.read(_HEADER.size)
        _, number, length, checksum, _ = _HEADER.unpack(header)
        place = Place(end + _HEADER.size, length, checksum)
        if header != _header(number, place) or place.start + length > size or (plan is None) != (number == _PLAN):
            break
        if number == _PLAN:
            content = file.read(length)
            if zlib.crc32(content) != checksum:
                break
            plan = content.decode()
        else:
            finished[number] = place  # a later record of an item replaces an earlier one
        end = place.start + length
    return plan, finished, end


def encode(outcome: Outcome) -> bytes:
    """Convert an outcome to bytes: a head in JSON, then the index, sizes and compressed patches of each cut."""
    head = {
        "flat": outcome.flat,
        "cuts": [{"source": cut.source, "count": len(cut.patches.index)} for cut in outcome.cuts],
    }
    text = json.dumps(head, sort_keys=True).encode("ascii")
    parts = [struct.pack("<I", len(text)), text]
    for cut in outcome.cuts:
        chunks = [chunk for side in cut.patches.packed for chunk in side]
        parts += [cut.patches.index.tobytes(), np.array([len(chunk) for chunk in chunks], "<u4").tobytes(), *chunks]
    return b"".join(parts)


def decode(content: bytes, patch: int, dtype: np.dtype[Any]) -> Outcome:
    """Convert bytes, whose checksum was right, back to the outcome."""
    (length,) = struct.unpack_from("<I", content)
    head = json.loads(content[4 : 4 + length])
    place = 4 + length
    cuts = []
    for entry in head["cuts"]:
        count = entry["count"]
        index = np.frombuffer(content, INDEX, count, place)
        place += index.nbytes
        sizes = np.frombuffer(content, "<u4", 2 * count, place)
        ends = place + sizes.nbytes + np.cumsum(sizes, dtype=np.int64)
        chunks = [content[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
        place = int(ends[-1])
        packed = chunks[:count], chunks[count:]
        infrared, visible = (
            np.frombuffer(b"".join(map(unpack, side)), dtype).reshape(-1, patch, patch) for side in packed
        )
        cuts.append(Cut(PackedPatches(infrared, visible, index, packed), entry["source"]))
    return Outcome(cuts, head["flat"])


def _hidden_path(out: Path, kind: str) -> Path:
    """Return the hidden file beside ``out``; every run finds the same name."""
    name = f".{out.name}.{kind}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{sha256(os.fsencode(out.name)).hexdigest()[:32]}.{kind}"
    return out.with_name(name)


def _lock(file: Any, path: Path) -> None:  # noqa: ANN401
    """Lock a file against other runs until it is closed, if the system can."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutputError(f"{path}: another run is writing it; wait until it ends, or choose another name") from None
    except OSError:
        return  # a file system without locks
