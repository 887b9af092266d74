"""Write the file of training patches; :mod:`mmdrfuse.datasets.patches.file` describes its content."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mmdrfuse.datasets.patches.deflate import LEVEL, pack
from mmdrfuse.datasets.patches.file import INDEX, Hashes
from mmdrfuse.datasets.patches.sink import Sink
from mmdrfuse.datasets.patches.structure import FORMAT, FORMAT_VERSION, SIDES
from mmdrfuse.version import __version__


@dataclass(frozen=True)
class PackedPatches:
    """Compressed patches of one pair. Compression is most of the work, and threads do it in parallel."""

    infrared: NDArray[Any]
    """(n, h, w)."""
    visible: NDArray[Any]
    index: NDArray[np.void]
    """(n,) records of `INDEX`; `PatchWriter` sets their ``source``."""
    packed: tuple[list[bytes], list[bytes]]
    """The compressed patches of both sides."""

    @classmethod
    def of(
        cls, infrared: NDArray[Any], visible: NDArray[Any], corners: NDArray[np.integer[Any]],
        *, scale: ArrayLike = 1, split: int = 0,
    ) -> "PackedPatches":  # fmt: skip
        """Compress patches.

        Args:
            infrared: (n, h, w).
            visible: (n, h, w).
            corners: First row and column of each patch, (n, 2).
            scale: Scale of the picture that each was cut from, one number or (n,).
            split: Position in `mmdrfuse.datasets.patches.file.SPLITS`.
        """
        index = np.zeros(len(corners), INDEX)
        index["y"], index["x"] = corners.T
        index["scale"], index["split"] = scale, split
        left, right = ([pack(patch.tobytes()) for patch in side] for side in (infrared, visible))
        return cls(infrared, visible, index, (left, right))


class PatchWriter(AbstractContextManager["PatchWriter"]):
    """Write a file of training patches, pair by pair; ``count`` is the number of patches so far.

    Args:
        file: The file to write; it is replaced if it exists.
        size: Height and width of a patch.
        options: The options that cut the patches, for the ``options`` attribute.
        dtype: Type of the patches: uint8 or uint16.
    """

    def __init__(
        self,
        file: Path,
        size: tuple[int, int],
        options: Mapping[str, Any],
        *,
        dtype: DTypeLike = np.uint8,
    ) -> None:
        self.count = 0
        self._sources: list[bytes] = []
        self._index: list[NDArray[np.void]] = []
        self._hashes = Hashes()
        self._sink = Sink(file)
        self._file = h5py.File(self._sink, "w")
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
                np.dtype(dtype).newbyteorder("<"),
                maxshape=(None, *size),
                chunks=(1, *size),
                compression="gzip",
                compression_opts=LEVEL,
                track_times=False,  # the same patches give the same bytes
            )

    def add(self, patches: PackedPatches, source: Mapping[str, Any]) -> None:
        """Append the patches of a pair, and the facts about the pair."""
        self._sink.raise_failure()
        start = self.count
        self.count += len(patches.index)
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
        """Write the tables and close the file; after a failure, only close it.

        Raises:
            OSError: Something could not be written.
        """
        with self._sink, self._file as file:
            if kind is None and self.count:
                index = np.concatenate(self._index)
                file.create_dataset("index", data=index, track_times=False)
                file.create_dataset("sources", data=np.array(self._sources), compression="gzip", track_times=False)
                file.attrs["fingerprint"] = self._hashes.fingerprint(index)
        if kind is None:
            self._sink.raise_failure()
