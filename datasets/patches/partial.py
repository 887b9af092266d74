"""What a run that is stopped leaves of a file of patches, for the next run to go on from.

Beside the file lies a hidden one, ``.NAME.partial``, that only ever grows: a record for the plan, then one for each
pair that is finished, with its compressed patches. Each record tells its length and a checksum, so it does not matter
at which byte a run is killed: the record that was cut off is thrown away, and those before it are taken over. The HDF5
file itself is written anew by every run, from the records and from what is cut, and takes its name when it is whole.
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
"""Magic, number of the item, length and checksum of what follows, and a checksum of these four."""
_PLAN = -1
"""Stands for the number of an item in the first record."""
_LONGEST_NAME = 255


@contextmanager
def partial_file(out: Path, *, overwrite: bool) -> Iterator["PartialFile"]:
    """Give the place to write a file to, which takes the name ``out`` when the block ends well.

    When the block fails, or the process is stopped, ``out`` is as it was, and what was finished stays for the next run.

    Args:
        out: The file to write; its folder is made if it is missing.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: The file exists and may not be replaced, cannot be written, or is being written by another run.
        DiskFullError: There is no room for it.
    """
    if out.is_dir():
        raise OutputError(f"{out}: is a folder; name the file to write")
    refuse_existing(out, overwrite=overwrite)
    partial = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = PartialFile(_hidden(out, "partial"), _hidden(out, "unfinished"))
        yield partial
        partial.target.replace(out)
        partial.worth = False
    except Exception as error:
        refusal = system_error(error, out)  # h5py's errors too
        if refusal is None:
            raise
        raise write_error(out, refusal) from error
    finally:
        if partial is not None:
            partial.close()


class _Place(NamedTuple):
    """Where a record lies in the file."""

    start: int
    length: int
    checksum: int


class PartialFile:
    """A file under way, and the records of what is finished.

    Args:
        path: Where the records are.
        target: Where the file is to be written.

    Raises:
        OutputError: Another run is writing it.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self.target = path, target
        self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        _lock(self._file, path)
        self._plan, self.finished, self._end = _scanned(self._file)
        self.worth = bool(self.finished)
        """Whether the records are worth keeping where the run fails."""
        target.unlink(missing_ok=True)  # a killed run's

    def begin(self, plan: str) -> bool:
        """Take over what a run with the same plan had finished; tell whether another plan's was thrown away.

        Raises:
            OSError: The file cannot be written.
        """
        other = bool(self.finished) and self._plan != plan
        if self._plan != plan:
            self.finished, self.worth, self._end = {}, False, 0
        self._file.truncate(self._end)  # what was cut off
        if self._plan != plan:
            self._append(_PLAN, plan.encode())
        return other

    def recall(self, number: int, patch: int, dtype: np.dtype[Any]) -> Outcome | None:
        """Give what an item gave in the run that was stopped; None if it was not finished, or is damaged."""
        place = self.finished.get(number)
        if place is None:
            return None
        with self.path.open("rb") as file:
            file.seek(place.start)
            content = file.read(place.length)
        return _decoded(content, patch, dtype) if zlib.crc32(content) == place.checksum else None

    def keep(self, number: int, outcome: Outcome) -> None:
        """Note that an item is finished, with its patches.

        Raises:
            OSError: They could not be written.
        """
        content, known = _encoded(outcome), self.finished.get(number)
        if known is None or (known.length, known.checksum) != (len(content), zlib.crc32(content)):
            self.finished[number] = self._append(number, content)
        self.worth |= bool(outcome.cuts)

    def close(self) -> None:
        """Close and remove what nobody goes on from."""
        self._file.close()
        for path in (self.target, *([] if self.worth else [self.path])):
            with suppress(OSError):  # it has taken its name
                path.unlink()

    def _append(self, number: int, content: bytes) -> _Place:
        place = _Place(self._end + _HEADER.size, len(content), zlib.crc32(content))
        left = memoryview(_header(number, place) + content)
        self._file.seek(self._end)
        try:
            while left:  # the system may take a part
                left = left[self._file.write(left) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise
        self._end = place.start + place.length
        return place


def _header(number: int, place: _Place) -> bytes:
    unchecked = _HEADER.pack(_MAGIC, number, place.length, place.checksum, 0)
    return _HEADER.pack(_MAGIC, number, place.length, place.checksum, zlib.crc32(unchecked))


def _scanned(file: BinaryIO) -> tuple[str | None, dict[int, _Place], int]:
    """Return the plan, where the records of items lie, and where the last whole record ends."""
    size, end = os.fstat(file.fileno()).st_size, 0
    plan: str | None = None
    finished: dict[int, _Place] = {}
    while end + _HEADER.size <= size:
        file.seek(end)
        header = file.read(_HEADER.size)
        _, number, length, checksum, _ = _HEADER.unpack(header)
        place = _Place(end + _HEADER.size, length, checksum)
        if header != _header(number, place) or place.start + length > size or (plan is None) != (number == _PLAN):
            break
        if number == _PLAN:
            content = file.read(length)
            if zlib.crc32(content) != checksum:
                break
            plan = content.decode()
        else:
            finished[number] = place  # the last word counts
        end = place.start + length
    return plan, finished, end


def _encoded(outcome: Outcome) -> bytes:
    """Lay an outcome out as bytes: what can be text, then each cut's index, sizes and compressed patches."""
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


def _decoded(content: bytes, patch: int, dtype: np.dtype[Any]) -> Outcome:
    """Turn bytes whose checksum was right into the outcome again."""
    (length,) = struct.unpack_from("<I", content)
    head, place = json.loads(content[4 : 4 + length]), 4 + length
    cuts = []
    for told in head["cuts"]:
        count = told["count"]
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
        cuts.append(Cut(PackedPatches(infrared, visible, index, packed), told["source"]))
    return Outcome(cuts, head["flat"])


def _hidden(out: Path, kind: str) -> Path:
    """Return the name of a file beside another that belongs to it; the same in every run."""
    name = f".{out.name}.{kind}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{sha256(os.fsencode(out.name)).hexdigest()[:32]}.{kind}"
    return out.with_name(name)


def _lock(file: Any, path: Path) -> None:  # noqa: ANN401
    """Keep other runs away from a file until it is closed, where the system can."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutputError(f"{path}: another run is writing it; wait for its end, or choose another name") from None
    except OSError:
        return  # a file system without locks
