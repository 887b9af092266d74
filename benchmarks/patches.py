"""Time `mmdrfuse prepare` and the reading of what it wrote, and compare compressors for the patches.

python benchmarks/patches.py [--source SRC] [--patch N] [--stride N] [--repeat N] [--json FILE]

Without --source the 32 pairs of LLVIP in ../shared. The compressors of hdf5plugin (Blosc, Zstandard) are compared where
it is installed; this project does without.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from mmdrfuse.datasets import PatchFile, prepare
from pairs import DATA
from timing import machine

WHOLE = 962_000
"""Patches of 128×128, side by side, in the 12,025 pairs of LLVIP's training set."""
BATCH = 32


def main() -> None:
    """Print the tables, and write them as JSON with --json."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = {
            "machine": machine(),
            "preparing": _preparing(arguments.source, folder / "patches.h5", arguments),
            "patches": len(PatchFile(folder / "patches.h5")),
            "reading": _reading(PatchFile(folder / "patches.h5"), arguments.repeat),
            "compressors": _compressors(PatchFile(folder / "patches.h5"), folder, arguments.repeat),
        }
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _preparing(source: Path, out: Path, arguments: argparse.Namespace) -> dict[str, float]:
    row, cutting = {}, {"patch": arguments.patch, "stride": arguments.stride}
    for workers in (1, os.cpu_count() or 1):
        seconds = _best(
            arguments.repeat,
            lambda: prepare([source], out, **cutting, workers=workers, overwrite=True),  # noqa: B023
        )
        made = PatchFile(out)
        speed, share = len(made) / seconds, out.stat().st_size / made.nbytes
        row[f"patches a second, {workers} threads"] = speed
        size = out.stat().st_size / len(made) * WHOLE / 1e9
        whole = f"{WHOLE:,} take {WHOLE / speed / 60:.1f} minutes, {size:.1f} GB"
        print(f"preparing, {workers} threads: {len(made)} patches, {speed:6.0f} a second, {share:.3f} of raw; {whole}")
    return row


def _reading(patches: PatchFile, repeat: int) -> dict[str, float]:
    order = np.random.default_rng(0).permutation(len(patches))
    loaded = PatchFile(patches.path).load()
    work: dict[str, Callable[[], object]] = {
        "in order": lambda: _read(patches, np.arange(len(patches))),
        "shuffled": lambda: _read(patches, order),
        "shuffled, from memory": lambda: _read(loaded, order),
    }
    row = {name: len(patches) / _best(repeat, run) for name, run in work.items()}
    for method in ("fork", "spawn"):
        with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
            halves = [(patches, half) for half in np.array_split(order, 2)]
            list(pool.map(_read_half, halves))  # starts the processes, which open the file
            seconds = _best(repeat, lambda: list(pool.map(_read_half, halves)))  # noqa: B023
        row[f"shuffled, 2 processes ({method})"] = len(patches) / seconds
    for name, speed in row.items():
        print(f"reading {name:32} {speed:8.0f} patches a second, both sides")
    return row


def _compressors(patches: PatchFile, folder: Path, repeat: int) -> list[dict[str, Any]]:
    """Compare on the visible side: it is the harder one."""
    images = patches.batch(np.arange(0, len(patches), 4))[1]
    order = np.random.default_rng(1).permutation(len(images))
    rows = [_stream(name, images, order, repeat, pack) for name, pack in {
        "zlib 1": lambda content: zlib.compress(content, 1), "zlib 6": lambda content: zlib.compress(content, 6),
        **{f"ISA-L {level}": lambda content, level=level: isal_zlib.compress(content, level) for level in (0, 1, 3)},
    }.items()]  # fmt: skip
    rows += [_dataset(name, images, order, folder / "c.h5", options) for name, options in _filters()]
    for row in rows:
        speeds = "  ".join(f"{name} {row[name]:7.0f}" for name in row if name not in ("name", "size"))
        print(f"{row['name']:22} {row['size']:.3f} of raw; a second: {speeds}")
    return rows


def _filters() -> Iterable[tuple[str, Any]]:
    yield from {"h5py none": {}, "h5py gzip 1": {"compression": "gzip", "compression_opts": 1}}.items()
    yield "h5py lzf", {"compression": "lzf"}
    try:
        import hdf5plugin
    except ImportError:
        return
    yield "h5py Zstandard 1", hdf5plugin.Zstd(1)
    yield "h5py Blosc LZ4", hdf5plugin.Blosc("lz4", 5, 1)
    yield "h5py Blosc Zstandard", hdf5plugin.Blosc("zstd", 1, 1)


def _stream(
    name: str, images: NDArray[Any], order: NDArray[Any], repeat: int, pack: Callable[[bytes], bytes]
) -> dict[str, Any]:
    contents = [image.tobytes() for image in images]
    packed = [pack(content) for content in contents]
    row: dict[str, Any] = {"name": name, "size": sum(map(len, packed)) / images.nbytes}
    row["packed"] = len(images) / _best(repeat, lambda: [pack(content) for content in contents])
    for reader, unpack in (("zlib", zlib.decompress), ("ISA-L", isal_zlib.decompress)):
        row[f"unpacked by {reader}"] = len(images) / _best(repeat, lambda: [unpack(packed[one]) for one in order])  # noqa: B023
    return row


def _dataset(name: str, images: NDArray[Any], order: NDArray[Any], path: Path, options: Any) -> dict[str, Any]:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", images.shape, images.dtype, chunks=(1, *images.shape[1:]), **options)
        written = _best(1, lambda: [data.__setitem__(place, image) for place, image in enumerate(images)])
    row = {"name": name, "size": path.stat().st_size / images.nbytes, "written": len(images) / written}
    with h5py.File(path) as file:
        data = file["x"]
        row["read shuffled"] = len(images) / _best(1, lambda: [data[one] for one in order])
    return row


def _read(patches: PatchFile, order: NDArray[Any]) -> None:
    for start in range(0, len(order), BATCH):
        patches.batch(order[start : start + BATCH])


def _read_half(work: tuple[PatchFile, NDArray[Any]]) -> None:
    _read(*work)


def _best(repeat: int, run: Callable[[], object]) -> float:
    """Return the seconds of the fastest of several runs; other work on the machine only adds time."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=DATA / "LLVIP")
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--stride", type=int)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
