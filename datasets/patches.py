"""The file of training patches: one HDF5 file with every pair's patches, cut once and read many times.

What is in it, for N patches of h × w:

====================  ==========================================================================================
``infrared``          uint8, (N, h, w), one gzip chunk a patch
``visible``           the same, the luminance of the visible side
``index``             (N,) records ``source, y, x``: row of ``sources``, and the patch's first row and column there
``sources``           (S,) JSON texts, one a pair and exposure: set, name, files below the set's root, SHA-256, size
attributes            ``format``, ``format_version``, ``options`` (JSON), ``tool_version``, ``fingerprint``
====================  ==========================================================================================

The fingerprint is a SHA-256 over the patches and the index, so it is the same for the same content wherever and by
whichever version of the compressor it was written.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import PatchFileError
from mmdrfuse.version import __version__

FORMAT = "mmdrfuse-patches"
FORMAT_VERSION = 1
SIDES = ("infrared", "visible")
INDEX = np.dtype([("source", "<i4"), ("y", "<i4"), ("x", "<i4")])
"""One record of ``index``."""
_LEVEL = 1  # twice as fast as the default and 3 % larger (measured on LLVIP)


class PatchFile:
    """Read a file of training patches, in any order at the speed of decompression, or from memory.

    The file is opened when patches are first asked for, anew in every process, so that an object may be handed to
    workers that are forked or spawned.

    Args:
        path: A file that ``mmdrfuse prepare`` wrote.

    Raises:
        PatchFileError: The file is missing, truncated, of another kind, or of a newer format version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: tuple[int, Any] | None = None
        self._memory: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        with _opened(path) as file:
            try:
                _check(file, path)
                self.shape: tuple[int, int, int] = file["infrared"].shape
                self.fingerprint = str(file.attrs["fingerprint"])
                self.options: dict[str, Any] = json.loads(file.attrs["options"])
                self.tool_version = str(file.attrs["tool_version"])
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                raise _unusable(path, f"damaged ({error})") from error

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[type["PatchFile"], tuple[Path]]:
        return PatchFile, (self.path,)

    @property
    def nbytes(self) -> int:
        """Bytes that all patches take in memory."""
        return 2 * int(np.prod(self.shape))

    @property
    def index(self) -> NDArray[np.void]:
        """Give where each patch is from: (N,) records ``source, y, x``."""
        records: NDArray[np.void] = self._file["index"][:]
        return records

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Give what is known about each pair."""
        return [json.loads(line) for line in self._file["sources"][:]]

    def batch(self, indices: NDArray[np.integer[Any]]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Give patches in the order asked for; one may be asked for more than once.

        Args:
            indices: (B,), each in 0..N-1.

        Returns:
            Infrared and visible, uint8, (B, h, w).

        Raises:
            IndexError: There is no patch of that index.
            PatchFileError: The file is damaged.
        """
        if len(indices) and not 0 <= int(np.min(indices)) <= int(np.max(indices)) < len(self):
            raise IndexError(
                f"{self.path} holds patches 0..{len(self) - 1}; asked for {np.min(indices)}..{np.max(indices)}"
            )
        if self._memory is not None:
            return self._memory[0][indices], self._memory[1][indices]
        infrared, visible = (self._read(side, indices) for side in SIDES)
        return infrared, visible

    def load(self) -> "PatchFile":
        """Read everything into memory, from which batches then come; see ``nbytes`` for how much that takes."""
        self._memory = self.batch(np.arange(len(self)))
        return self

    def verify(self) -> None:
        """Read every patch and compare with the fingerprint.

        Raises:
            PatchFileError: The content is not what was written.
        """
        hashes = Hashes()
        for start in range(0, len(self), 256):
            hashes.add(*self.batch(np.arange(start, min(start + 256, len(self)))))
        if hashes.fingerprint(self.index) != self.fingerprint:
            raise _unusable(self.path, "the content does not fit the fingerprint")

    @property
    def _file(self) -> Any:  # noqa: ANN401
        """The open file of this process."""
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = os.getpid(), _opened(self.path)
        return self._handle[1]

    def _read(self, side: str, indices: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Decompress chunks as they are stored: five times as fast as h5py's selection by a list."""
        patches = np.empty((len(indices), *self.shape[1:]), np.uint8)
        chunks = self._file[side].id
        for patch, position in zip(patches, np.asarray(indices).tolist(), strict=True):
            try:
                packed = chunks.read_direct_chunk((position, 0, 0))[1]
                patch[:] = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(patch.shape)
            except (OSError, RuntimeError, ValueError, zlib.error) as error:
                raise _unusable(self.path, f"{side} patch {position} is damaged ({error})") from error
        return patches


class PatchWriter(AbstractContextManager["PatchWriter"]):
    """Write a file of training patches, pair by pair; ``count`` patches of ``pairs`` pairs so far.

    Args:
        path: Where to; replaced if it exists.
        size: Height and width of a patch.
        options: How the patches are made, for the ``options`` attribute.
    """

    def __init__(self, path: Path, size: tuple[int, int], options: Mapping[str, Any]) -> None:
        self.count = self.pairs = 0
        self._sources: list[bytes] = []
        self._index: list[NDArray[np.void]] = []
        self._hashes = Hashes()
        self._file = h5py.File(path, "w")
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            options=json.dumps(options, sort_keys=True),
            tool_version=__version__,
        )
        for side in SIDES:
            self._file.create_dataset(
                side,
                (0, *size),
                np.uint8,
                maxshape=(None, *size),
                chunks=(1, *size),
                compression="gzip",
                compression_opts=_LEVEL,
                track_times=False,  # the same patches give the same bytes
            )

    def add(self, patches: "PackedPatches", source: Mapping[str, Any]) -> None:
        """Append a pair's patches, and what is known about the pair; other exposures of one pair do not count again."""
        self.pairs += not source.get("exposure")
        start, self.count = self.count, self.count + len(patches.index)
        for side, packed in zip(SIDES, patches.packed, strict=True):
            dataset = self._file[side]
            dataset.resize(self.count, axis=0)
            for offset, chunk in enumerate(packed):
                dataset.id.write_direct_chunk((start + offset, 0, 0), chunk)
        index = patches.index.copy()
        index["source"] = len(self._sources)
        self._hashes.add(patches.infrared, patches.visible)
        self._index.append(index)
        self._sources.append(json.dumps(source, sort_keys=True).encode("ascii"))

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        """Write the tables and close; after a failure only close."""
        with self._file as file:
            if kind is None and self.count:
                index = np.concatenate(self._index)
                file.create_dataset("index", data=index, track_times=False)
                file.create_dataset("sources", data=np.array(self._sources), compression="gzip", track_times=False)
                file.attrs["fingerprint"] = self._hashes.fingerprint(index)


class PackedPatches:
    """The patches of one pair, already compressed: that is most of the work, and threads can share it.

    Args:
        infrared: uint8, (n, h, w).
        visible: The same.
        corners: First row and column of each patch, (n, 2).
    """

    def __init__(self, infrared: NDArray[np.uint8], visible: NDArray[np.uint8], corners: NDArray[np.int64]) -> None:
        self.infrared, self.visible = infrared, visible
        self.index = np.zeros(len(corners), INDEX)
        self.index["y"], self.index["x"] = corners.T
        self.packed = [[zlib.compress(patch.tobytes(), _LEVEL) for patch in side] for side in (infrared, visible)]


class Hashes:
    """The fingerprint of patches that come bit by bit."""

    def __init__(self) -> None:
        self._sides = [hashlib.sha256() for _ in SIDES]

    def add(self, infrared: NDArray[np.uint8], visible: NDArray[np.uint8]) -> None:
        """Take the next patches."""
        for side, patches in zip(self._sides, (infrared, visible), strict=True):
            side.update(patches.tobytes())

    def fingerprint(self, index: NDArray[np.void]) -> str:
        """Give the fingerprint of all patches taken, with their index."""
        parts = [*(side.digest() for side in self._sides), hashlib.sha256(index.tobytes()).digest()]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def _opened(path: Path) -> Any:  # noqa: ANN401
    """Open a HDF5 file for reading."""
    if not path.is_file():
        raise PatchFileError(f"{path}: no such file; make it with  mmdrfuse prepare SRC {path}")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise _unusable(path, f"no HDF5 file, or one that was cut off ({error})") from error


def _check(file: Any, path: Path) -> None:  # noqa: ANN401
    """Refuse what is no file of patches, or one that does not hold together."""
    if str(file.attrs.get("format")) != FORMAT:
        raise PatchFileError(f"{path}: HDF5, but no file of training patches; make one with mmdrfuse prepare")
    version = int(file.attrs["format_version"])
    if version > FORMAT_VERSION:
        raise PatchFileError(
            f"{path}: format version {version}, and this mmdrfuse {__version__} reads up to {FORMAT_VERSION}; "
            "update mmdrfuse, or make the file again with mmdrfuse prepare"
        )
    infrared, visible = (file[side] for side in SIDES)
    fits = infrared.dtype == visible.dtype == np.uint8 and infrared.shape == visible.shape and infrared.ndim == 3
    chunked = infrared.chunks == visible.chunks == (1, *infrared.shape[1:])
    if not (fits and chunked and infrared.compression == visible.compression == "gzip"):
        raise _unusable(path, f"infrared {infrared.shape} and visible {visible.shape} are not patches of one size")
    if not len(infrared) == len(file["index"]) > 0:
        raise _unusable(path, f"{len(infrared)} patches, but {len(file['index'])} in the index")


def _unusable(path: Path, why: str) -> PatchFileError:
    return PatchFileError(f"{path}: {why}; make it again with mmdrfuse prepare")
