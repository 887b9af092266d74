"""Folders of pairs to folders of fused pictures."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.errors import InputError, MMDRFuseError, OutputError, SizeError
from mmdrfuse.models import Checkpoint
from mmdrfuse.pipeline.fusion import Fused, Fuser
from mmdrfuse.pipeline.manifest import Entry, appending, relative
from mmdrfuse.pipeline.ordered import ordered
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.version import __version__


@dataclass(frozen=True)
class Job:
    """What to fuse with, and where to."""

    fuser: Fuser
    checkpoint: Checkpoint
    out: Path
    """The folder of the fused pictures."""
    suffix: str = ".png"
    """The pictures' format, as a file name ending."""

    def target(self, pair: Pair) -> Path:
        """Give the file that a pair's picture goes to."""
        return self.out / f"{pair.name}{self.suffix}"


def fuse_pairs(
    job: Job, pairs: Sequence[Pair], *, workers: int = 1, overwrite: bool = False
) -> Iterator[tuple[Pair, Entry | MMDRFuseError]]:
    """Fuse pairs side by side, giving each as it is done with its manifest entry or its failure.

    Every worker reads, fuses and writes one pair at a time, so that decoding, arithmetic and encoding
    overlap and memory stays at a few pictures a worker. A picture's entry is in the manifest before its
    worker goes on, whatever becomes of the rest.

    Args:
        job: Fuser, weights and target.
        pairs: What to fuse.
        workers: Threads.
        overwrite: Whether existing pictures may be replaced.

    Raises:
        OutputError: Pictures would replace their sources, or exist already and may not be replaced (nothing
            is done then), or the folder cannot be written.
    """
    check_targets(job, pairs, overwrite=overwrite)
    with appending(job.out) as append, ThreadPoolExecutor(workers) as pool:

        def work(pair: Pair) -> Entry:
            entry = fuse_pair(job, pair)
            append(entry)
            return entry

        yield from ordered(pool, work, pairs, ahead=2 * workers)


def fuse_pair(job: Job, pair: Pair) -> Entry:
    """Read, fuse and write one pair.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
        OutputError: The picture cannot be written.
    """
    start = time.perf_counter()
    target = job.target(pair)
    fused = fuse_sources(job.fuser, pair, images.read(pair.infrared), images.read(pair.visible))
    hashes = [sha256(source) for source in (pair.infrared, pair.visible)]
    images.write(target, fused.image)
    height, width = fused.image.shape[:2]
    return Entry(
        fused=relative(target, job.out),
        infrared=relative(pair.infrared, job.out),
        visible=relative(pair.visible, job.out),
        infrared_sha256=hashes[0],
        visible_sha256=hashes[1],
        width=width,
        height=height,
        range=job.fuser.range,
        limits=fused.limits,
        color=fused.image.ndim == 3,
        weights=job.checkpoint.name,
        weights_sha256=job.checkpoint.sha256,
        version=__version__,
        seconds=round(time.perf_counter() - start, 4),
    )


def fuse_sources(fuser: Fuser, pair: Pair, infrared: NDArray[Any], visible: NDArray[Any]) -> Fused:
    """Fuse what was read of a pair; what is wrong with it is said with the names of its files.

    Raises:
        InputError: A source cannot be used.
        SizeError: The sources' sizes differ.
    """
    try:
        return fuser(infrared, visible)
    except (InputError, SizeError) as error:
        raise type(error)(f"{pair.infrared} + {pair.visible}: {error}") from error


def check_targets(job: Job, pairs: Sequence[Pair], *, overwrite: bool) -> None:
    """Refuse to replace a source, ever, and other files unless told to.

    Raises:
        OutputError: A picture would replace a source, or a file that may not be replaced.
    """
    targets = [job.target(pair) for pair in pairs]
    sources = {source.resolve() for pair in pairs for source in (pair.infrared, pair.visible)}
    clash = next((target for target in targets if target.resolve() in sources), None)
    if clash:
        raise OutputError(f"{clash}: is one of the sources; choose another place for the fused picture")
    existing = [target for target in targets if target.exists()]
    if existing and not overwrite:
        raise OutputError(
            f"{existing[0]}: exists already ({len(existing)} of {len(targets)} pictures do); "
            "choose another folder, or replace them with --overwrite"
        )


def sha256(path: Path) -> str:
    """Hash a source file, in hexadecimal.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read any more ({error.strerror or error})") from error
