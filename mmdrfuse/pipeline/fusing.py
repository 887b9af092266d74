"""Folders of pairs to folders of fused pictures."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.errors import DiskFullError, InputError, MMDRFuseError, OutputError
from mmdrfuse.models import Checkpoint
from mmdrfuse.pipeline.fusion import Fused, Fuser, deeper
from mmdrfuse.pipeline.manifest import Entry, appending, relative
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.pipeline.tiles import Made, fuse_blocks, in_blocks
from mmdrfuse.system.workers import ordered
from mmdrfuse.version import __version__

_BLOCK = 1 << 20
_DEEPEST = {".png": np.uint16, ".tif": np.float32, ".tiff": np.float32}


@dataclass(frozen=True)
class Job:
    """What to fuse with, and where to."""

    fuser: Fuser
    checkpoint: Checkpoint
    out: Path
    """The folder of the fused pictures."""
    suffix: str = ".png"
    """The pictures' format, as a file name ending."""
    quality: int | None = None
    """Of formats that lose some, 1 to 100; None for their default."""

    def target(self, pair: Pair) -> Path:
        """Give the file that a pair's picture goes to."""
        return self.out / (pair.output or f"{pair.name}{self.suffix}")

    def in_blocks(self, pair: Pair) -> bool:
        """Tell whether a pair is to be fused in blocks: huge or tiled TIFFs, by a student, which sees 5×5 pixels."""
        return self.checkpoint.network == "student" and in_blocks(pair, self.target(pair))


def fuse_pairs(
    job: Job, pairs: Sequence[Pair], *, workers: int = 1, overwrite: bool = False
) -> Iterator[tuple[Pair, Entry | MMDRFuseError]]:
    """Fuse pairs side by side, giving each as it is done with its manifest entry or its failure.

    Every worker reads, fuses and writes one pair at a time, so that decoding, arithmetic and encoding
    overlap and memory stays at a few pictures a worker. A picture's entry is in the manifest before it is given; a
    crash loses the entries of what was in flight, which `unfinished` then finds undone.

    Args:
        job: Fuser, weights and target.
        pairs: What to fuse.
        workers: Threads.
        overwrite: Whether existing pictures may be replaced.

    Raises:
        OutputError: Pictures would replace their sources or each other, or exist already and may not be replaced
            (nothing is done then), or the folder cannot be written.
        DiskFullError: The disk is full; what is in the manifest is there.
    """
    check_targets(job, pairs, overwrite=overwrite)
    work = partial(fuse_pair, job)
    with appending(job.out) as append, ThreadPoolExecutor(workers) as pool:
        for pair, result in ordered(pool, work, pairs, ahead=2 * workers, late=append):
            if isinstance(result, DiskFullError):  # nothing that follows could be written either
                raise result
            if isinstance(result, Entry):
                append(result)
            yield pair, result


def fuse_pair(job: Job, pair: Pair) -> Entry:
    """Read, fuse and write one pair.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
        OutputError: The picture cannot be written.
    """
    start = time.perf_counter()
    target = job.target(pair)
    made, hashes = _fuse_in_blocks(job, pair) if job.in_blocks(pair) else _fuse_whole(job, pair)
    return Entry(
        fused=target.relative_to(job.out).as_posix(),
        infrared=relative(pair.infrared, job.out),
        visible=relative(pair.visible, job.out),
        infrared_sha256=hashes[0],
        visible_sha256=hashes[1],
        width=made.width,
        height=made.height,
        range=job.fuser.range,
        limits=made.limits,
        color=made.color,
        weights=job.checkpoint.name,
        weights_sha256=job.checkpoint.sha256,
        version=__version__,
        seconds=round(time.perf_counter() - start, 4),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        infrared_size=made.infrared_size,
        visible_size=made.visible_size,
        bits=8 * made.dtype.itemsize,
        coloring=job.fuser.color,
        quality=job.quality,
        nbytes=target.stat().st_size,
        preparation=pair.preparation,
    )


def _fuse_in_blocks(job: Job, pair: Pair) -> tuple[Made, tuple[str, str]]:
    made = fuse_blocks(job.fuser, pair, job.target(pair))
    return made, made.hashes


def _fuse_whole(job: Job, pair: Pair) -> tuple[Made, tuple[str, str]]:
    """Fuse a pair in one piece."""
    target = job.target(pair)
    pictures = pair.load()
    infrared, visible = (picture.image for picture in pictures)
    dtype = storable(target.suffix, deeper(infrared.dtype, visible.dtype))
    fused = fuse_sources(job.fuser, pair, *pair.prepared(infrared, visible), dtype=dtype)
    hashes = pictures[0].sha256, pictures[1].sha256
    known = pictures[fused.side == "visible"].metadata
    images.write(target, fused.image, quality=job.quality, known=known)
    height, width = fused.image.shape[:2]
    sizes = infrared.shape[1::-1], visible.shape[1::-1]
    return Made(width, height, *sizes, fused.limits, fused.image.ndim == 3, dtype, hashes), hashes


def storable(suffix: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the type closest to ``dtype`` that a format can hold: 16 bits in PNG and TIFF, floating point in TIFF."""
    deepest = np.dtype(_DEEPEST.get(suffix.lower(), np.uint8))
    return dtype if deeper(deepest, dtype) == deepest else deepest


def fuse_sources(
    fuser: Fuser,
    pair: Pair,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    dtype: np.dtype[Any] | None = None,
) -> Fused:
    """Fuse the prepared sources of a pair; what is wrong with them is said with the names of its files.

    Raises:
        InputError: A source cannot be used.
        SizeError: The sources' sizes differ.
    """
    with pair.named():
        return fuser(infrared, visible, dtype=dtype)


def prepared_output(fuser: Fuser, pair: Pair) -> NDArray[np.float32]:
    """Give what the network makes of a pair, before any range; what is wrong is said with the names of its files.

    Raises:
        InputError: A source cannot be used.
        SizeError: The sources' sizes differ.
    """
    sources = pair.sources()
    with pair.named():
        return fuser.output(*sources)


def check_targets(job: Job, pairs: Sequence[Pair], *, overwrite: bool) -> None:
    """Refuse to replace a source, ever, and other files unless told to.

    Raises:
        OutputError: A picture would replace a source or another one, or a file that may not be replaced.
    """
    targets = [job.target(pair) for pair in pairs]
    twice = next((target for target, count in Counter(targets).items() if count > 1), None)
    if twice:
        raise OutputError(f"{twice}: several pairs would be written to it; give them names of their own")
    sources = {source.resolve() for pair in pairs for source in (pair.infrared, pair.visible)}
    clash = next((target for target in targets if target.resolve() in sources), None)
    if clash:
        raise OutputError(f"{clash}: is one of the sources; choose another place for the fused picture")
    existing = [target for target in targets if target.exists()]
    if existing and not overwrite:
        others = f" ({len(existing)} of {len(targets)} pictures do)" if len(targets) > 1 else ""
        raise OutputError(
            f"{existing[0]}: exists already{others}; choose another place, replace what exists with --overwrite, or go "
            "on with --resume where a folder's manifest says what is done"
        )


def sha256(path: Path) -> str:
    """Hash a source file, in hexadecimal.

    Raises:
        InputError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read any more ({error.strerror or error})") from error
