"""A file of patches while it is written, and what a run that was stopped leaves of it.

The file is written under another name beside its own, as HDF5 writes it, and a journal notes after each pair where its
compressed patches lie. HDF5 that was not closed cannot be opened; but the same patches in the same order land on the
same places, so the next run with the same plan writes the file once more over what is there, from its begin: the
patches of each pair in the journal are taken from where they lie, and everything about the file itself is made anew.
So nothing is kept twice, however large, and it does not matter when, or how often, runs are stopped. A pair's patches
are used only if they have the checksum in the journal.
"""

import base64
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmdrfuse.atomic import unwritable
from mmdrfuse.datasets.cutting import Cut, Outcome
from mmdrfuse.datasets.deflate import unpack
from mmdrfuse.datasets.packing import PackedPatches
from mmdrfuse.datasets.patches import INDEX
from mmdrfuse.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def drafting(out: Path, *, overwrite: bool) -> Iterator["Draft"]:
    """Give a draft that takes the name ``out`` when the block ends well.

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
    if not overwrite and out.exists():
        raise OutputError(f"{out}: exists already; choose another name, or allow it with --overwrite")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Draft(*(out.with_name(f".{out.name}.{kind}") for kind in ("partial", "journal")))
    except OSError as error:
        raise unwritable(out, error) from error
    try:
        yield draft
        draft.close(whole=True)
        draft.path.replace(out)
        draft.journal.unlink()
    except (OSError, RuntimeError) as error:  # h5py raises both
        cause = draft.stream.error or error
        if isinstance(cause, OSError):
            raise unwritable(out, cause) from error
        raise
    finally:
        draft.close()
        if not draft.worth:
            for path in (draft.path, draft.journal):
                with suppress(OSError):  # it has taken its name
                    path.unlink()


class Draft:
    """A file under way.

    Args:
        path: Where it is written.
        journal: Where finished items are noted.

    Raises:
        OutputError: Another run is writing it.
    """

    def __init__(self, path: Path, journal: Path) -> None:
        self.path, self.journal = path, journal
        self.stream = _Stream(path.open("r+b" if path.exists() else "w+b", buffering=0))
        _lock(self.stream.file, path)
        self.plan, self.finished = _journal(journal)
        self.worth = bool(self.finished)
        self._notes: Any = None

    def begin(self, plan: str) -> bool:
        """Take over what a run with the same plan had finished; tell whether another plan's was thrown away."""
        other = bool(self.finished) and self.plan != plan
        if self.plan != plan:
            self.finished, self.worth = {}, False
            self.stream.file.truncate(0)
            self.journal.write_text(json.dumps({"plan": plan}))
        self._notes = self.journal.open("a", encoding="ascii")
        self._notes.write("\n")  # the last line may be torn
        return other

    def recall(self, number: int, patch: int, dtype: np.dtype[Any]) -> Outcome | None:
        """Give what an item gave in the run that was stopped; None if it was not finished, or is damaged."""
        entry = self.finished.get(number)
        if entry is None:
            return None
        cuts = []
        with self.path.open("rb") as file:
            for noted in entry["cuts"]:
                places = _numbers(noted["places"])
                chunks = [_chunk(file, *place) for place in places]
                if _checksum(chunks) != noted["checksum"]:
                    return None
                packed = chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]
                infrared, visible = (
                    np.frombuffer(b"".join(map(unpack, side)), dtype).reshape(-1, patch, patch) for side in packed
                )
                index = np.frombuffer(base64.b64decode(noted["index"]), INDEX)
                cuts.append(Cut(PackedPatches(infrared, visible, index, packed), noted["source"]))
        return Outcome(cuts, entry["flat"])

    def note(self, number: int, outcome: Outcome) -> None:
        """Note that an item is finished, whose patches were written last.

        Raises:
            OSError: They could not be written.
        """
        if self.stream.error:
            raise self.stream.error
        written, cuts = iter(self.stream.written()), []
        for cut in outcome.cuts:
            chunks = [chunk for side in cut.patches.packed for chunk in side]
            places = [next(place for place in written if place[1] == len(chunk)) for chunk in chunks]
            cuts.append({
                "source": cut.source, "index": base64.b64encode(cut.patches.index.tobytes()).decode(),
                "places": base64.b64encode(np.array(places, "<i8").tobytes()).decode(), "checksum": _checksum(chunks),
            })  # fmt: skip
        entry = {"item": number, "flat": outcome.flat, "cuts": cuts}
        if self.finished.get(number) != entry:
            self._notes.write(json.dumps(entry) + "\n")
            self._notes.flush()
        self.worth |= bool(outcome.cuts)

    def close(self, *, whole: bool = False) -> None:
        """Close all files; a whole one is cut off where it ends.

        Raises:
            OSError: It could not be written.
        """
        if whole and self.stream.error:
            raise self.stream.error
        if whole:
            self.stream.file.truncate(self.stream.end)
        self.stream.file.close()
        if self._notes is not None:
            with suppress(OSError):  # a full disk, which was told
                self._notes.close()


class _Stream(io.RawIOBase):
    """A file for HDF5 that begins empty, whatever lies in it already, and notes where is written how much."""

    def __init__(self, file: io.FileIO) -> None:
        self.file = file
        self.end = self._place = 0
        self.error: OSError | None = None
        self._written: list[tuple[int, int]] = []

    def written(self) -> list[tuple[int, int]]:
        """Give place and size of all that was written since this was last asked."""
        written, self._written = self._written, []
        return written

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.end}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        self.file.seek(self._place)
        count = self.file.readinto(buffer)
        self._place += count
        return count

    def write(self, content: Any) -> int:  # noqa: ANN401
        left = memoryview(content)
        try:
            self.file.seek(self._place)
            while left and not self.error:  # the system may take a part
                left = left[self.file.write(left) :]
        except OSError as error:
            self.error = error  # HDF5 would forget which it was, and stumble over what follows
        self._written.append((self._place, len(content)))
        self._place += len(content)
        self.end = max(self.end, self._place)
        return len(content)

    def truncate(self, size: int | None = None) -> int:
        self.end = self._place if size is None else size  # what lies beyond may still be wanted
        return self.end

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def _lock(file: io.FileIO, path: Path) -> None:
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


def _journal(path: Path) -> tuple[str | None, dict[int, dict[str, Any]]]:
    """Read whose journal it is, and what it says of each item; the last line may be torn, and the last word counts."""
    plan, finished = None, {}
    for line in path.read_text("ascii", "replace").splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if "item" in entry:
                finished[entry["item"]] = entry
            else:
                plan = entry["plan"]
    return plan, finished


def _numbers(text: str) -> list[list[int]]:
    """Give places and sizes, as they were noted."""
    numbers: list[list[int]] = np.frombuffer(base64.b64decode(text), "<i8").reshape(-1, 2).tolist()
    return numbers


def _chunk(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _checksum(chunks: Sequence[bytes]) -> int:
    checksum = 0
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
    return checksum
