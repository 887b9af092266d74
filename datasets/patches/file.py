"""Read the file of training patches: one HDF5 file with the patches of every pair, cut once and read many times.

Its content, for N patches of h × w:

====================  ==========================================================================================
``infrared``          uint8 or uint16, (N, h, w), one gzip chunk a patch
``visible``           the same for the luminance of the visible side
``index``             (N,) records ``source, y, x, scale, split``: row of ``sources``; the patch's first row and column
                      in the picture at that scale; 0 to train on, 1 for validation
``sources``           (S,) JSON texts, one a pair and exposure: set, name, files below the set's root, SHA-256, size
attributes            ``format``, ``format_version``, ``options`` (JSON), ``tool_version``, ``fingerprint``
====================  ==========================================================================================

The fingerprint is a SHA-256 over the patches and the index, so it is the same for the same content wherever and by
whichever version of the compressor it was written. Version 1 had no scales and no splits; it can still be read.
"""

import hashlib
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mmdrfuse.datasets.patches.deflate import unpack
from mmdrfuse.datasets.patches.structure import SIDES, check_structure
from mmdrfuse.errors import PatchFileError, UnknownNameError, reading

SPLITS = ("train", "validation")
INDEX = np.dtype([("source", "<i4"), ("y", "<i4"), ("x", "<i4"), ("scale", "<f4"), ("split", "u1")])
"""One record of ``index``."""

_CURE = "prepare the patches again"


class PatchFile:
    """Read a file of training patches, in any order at the speed of decompression, or from memory.

    Every process opens the file when it first reads patches, so an object can be sent to forked or spawned workers.

    Args:
        path: A file that ``mmdrfuse prepare`` wrote.
        split: Which patches to read: ``train``, ``validation`` or ``all``.

    Raises:
        PatchFileError: The file is missing, truncated, of another kind, of a newer format version, or has no patches
            of that split.
        UnknownNameError: There is no such split.
    """

    def __init__(self, path: str | Path, split: str = "train") -> None:
        path = Path(path)
        if split not in (*SPLITS, "all"):
            raise UnknownNameError("split", split, (*SPLITS, "all"))
        self.path, self.split = path, split
        self._handle: tuple[int, Any] | None = None
        self._memory: tuple[NDArray[Any], NDArray[Any]] | None = None
        with _reading(path), _opened(path) as file:
            check_structure(file, path)
            self._places = _places(_index(file), split)
            count, height, width = file["infrared"].shape
            self.shape: tuple[int, int, int] = (count if self._places is None else len(self._places), height, width)
            self.dtype: np.dtype[Any] = file["infrared"].dtype
            self._stored = str(file.attrs["fingerprint"])
            self.options: dict[str, Any] = dict(json.loads(file.attrs["options"]))
            self.tool_version = str(file.attrs["tool_version"])
        if not len(self):
            raise PatchFileError(f"{path}: none of its {count} patches are for {split}", cure="validation")

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[type["PatchFile"], tuple[Path, str]]:
        return PatchFile, (self.path, self.split)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of these patches: that of the file, and the split if it is only a part of the file."""
        return self._stored if self._places is None else f"{self._stored} {self.split}"

    @property
    def nbytes(self) -> int:
        """Bytes that all patches take in memory."""
        return 2 * int(np.prod(self.shape)) * self.dtype.itemsize

    @property
    def index(self) -> NDArray[np.void]:
        """Return the origin of each patch: (N,) records of `INDEX`."""
        with _reading(self.path):
            records = _index(self._file)
        return records if self._places is None else records[self._places]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Return the facts about each pair and exposure in the file.

        Raises:
            PatchFileError: The file is damaged.
        """
        with _reading(self.path):
            return [dict(json.loads(line)) for line in self._file["sources"][:]]

    def batch(self, indices: NDArray[np.integer[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return patches in the order of their indices.

        Args:
            indices: (B,), each in 0..N-1; an index may come more than once.

        Returns:
            Infrared and visible, (B, h, w), of the file's type.

        Raises:
            IndexError: There is no patch of that index.
            PatchFileError: The file is damaged.
        """
        if len(indices) and not 0 <= int(np.min(indices)) <= int(np.max(indices)) < len(self):
            raise IndexError(
                f"{self.path} has patches 0..{len(self) - 1}, and the indices are {np.min(indices)}..{np.max(indices)}"
            )
        if self._memory is not None:
            return self._memory[0][indices], self._memory[1][indices]
        return self._read(indices if self._places is None else self._places[indices])

    def load(self) -> "PatchFile":
        """Read all patches into memory, for faster batches; ``nbytes`` is the memory that this takes."""
        self._memory = self.batch(np.arange(len(self)))
        return self

    def verify(self) -> None:
        """Read every patch of the file, whatever the split, and check the fingerprint.

        Raises:
            PatchFileError: The content is not what was written.
        """
        hashes = Hashes()
        with _reading(self.path):
            index = self._file["index"][:]
        for start in range(0, len(index), 256):
            hashes.add(*self._read(np.arange(start, min(start + 256, len(index)))))
        if hashes.fingerprint(index) != self._stored:
            raise _unusable(self.path, "the content does not fit the fingerprint")

    @property
    def _file(self) -> Any:  # noqa: ANN401
        """Return the open file of this process."""
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = os.getpid(), _opened(self.path)
        return self._handle[1]

    def _read(self, places: NDArray[np.integer[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Decompress chunks one by one, which is several times as fast as h5py's selection by a list."""
        infrared, visible = (np.empty((len(places), *self.shape[1:]), self.dtype) for _ in SIDES)
        for side, patches in zip(SIDES, (infrared, visible), strict=True):
            chunks = self._file[side].id
            for patch, place in zip(patches, np.asarray(places).tolist(), strict=True):
                with _reading(self.path, f"{side} patch {place}"):
                    packed = chunks.read_direct_chunk((place, 0, 0))[1]
                    if len(packed) > 2 * patch.nbytes + 1024:
                        raise _unusable(self.path, f"{side} patch {place} is larger compressed than plain")
                    patch[:] = np.frombuffer(unpack(packed), self.dtype).reshape(patch.shape)
        return infrared, visible


class Hashes:
    """Compute the fingerprint of patches that come in batches."""

    def __init__(self) -> None:
        self._sides = [hashlib.sha256() for _ in SIDES]

    def add(self, infrared: NDArray[Any], visible: NDArray[Any]) -> None:
        """Add the next patches."""
        for side, patches in zip(self._sides, (infrared, visible), strict=True):
            side.update(patches.tobytes())

    def fingerprint(self, index: NDArray[np.void]) -> str:
        """Return the fingerprint of all added patches and their index."""
        parts = [*(side.digest() for side in self._sides), hashlib.sha256(index.tobytes()).digest()]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def _index(file: Any) -> NDArray[np.void]:  # noqa: ANN401
    """Read the index; version 1 had no scales and no splits."""
    stored = file["index"][:]
    index = np.zeros(len(stored), INDEX)
    index["scale"] = 1
    for name in stored.dtype.names:
        index[name] = stored[name]
    return index


def _places(index: NDArray[np.void], split: str) -> NDArray[np.int64] | None:
    """Return the numbers of a split's patches; None if they are all patches."""
    wanted = np.full(len(index), True) if split == "all" else index["split"] == SPLITS.index(split)
    return None if wanted.all() else np.flatnonzero(wanted)


def _opened(path: Path) -> Any:  # noqa: ANN401
    """Open an HDF5 file for reading."""
    if not path.exists():
        raise PatchFileError(f"{path}: no such file; prepare the patches first")
    if not path.is_file():
        raise PatchFileError(f"{path}: is a folder, pipe or device; name a file of patches")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise _unusable(path, f"no HDF5 file, or an incomplete one ({error})") from error


def _reading(path: Path, what: str = "file of patches") -> AbstractContextManager[None]:
    """Turn any failure of h5py in a damaged file into one error."""
    return reading(path, what, error=PatchFileError, cure=_CURE)


def _unusable(path: Path, why: str) -> PatchFileError:
    return PatchFileError(f"{path}: {why}; {_CURE}")
