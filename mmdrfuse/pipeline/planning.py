"""What a run would do, and what an earlier one has done already."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.images import known_limits
from mmdrfuse.pipeline import manifest
from mmdrfuse.pipeline.fusing import Job, sha256
from mmdrfuse.pipeline.manifest import Entry
from mmdrfuse.pipeline.ordered import ordered
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.pipeline.tiles import blank


@dataclass(frozen=True)
class Plan:
    """What would be done with one pair."""

    target: Path
    action: str
    """``write``, ``replace``, or ``skip`` for what is done."""
    sources: tuple[str, str]
    """What the infrared and the visible side are: size, type, colour."""
    size: tuple[int, int]
    """Width and height of the fused picture."""


def unfinished(job: Job, pairs: Sequence[Pair], *, workers: int = 1) -> list[Pair]:
    """Leave out the pairs that the manifest proves done: same sources, weights and choices, and the picture is there.

    Raises:
        ManifestError: There is a manifest that cannot be read.
    """
    if not (job.out / manifest.NAME).is_file():
        return list(pairs)
    entries = {entry.fused: entry for entry in manifest.read(job.out)}

    def done(pair: Pair) -> bool:
        entry = entries.get(job.target(pair).relative_to(job.out).as_posix())
        return entry is not None and _whole(job.target(pair), entry) and _same(job, pair, entry)

    with ThreadPoolExecutor(workers) as pool:
        # A source that cannot be read any more proves nothing: it fails when its turn comes.
        return [pair for pair, result in ordered(pool, done, pairs, ahead=2 * workers) if result is not True]


def plan(
    job: Job, pairs: Sequence[Pair], todo: Sequence[Pair], *, workers: int = 1
) -> Iterator[tuple[Pair, Plan | MMDRFuseError]]:
    """Say what would become of each pair, having read its sources, without writing anything.

    Args:
        job: How to fuse.
        pairs: All pairs.
        todo: Those of them that are not done yet.
        workers: Threads.
    """
    left = set(todo)

    def look(pair: Pair) -> Plan:
        if job.in_blocks(pair):  # of those the headers say it all
            infrared, visible = (blank(path) for path in (pair.infrared, pair.visible))
            height, width = visible.shape[:2]
        else:
            infrared, visible = (picture.image for picture in pair.load())
            height, width = pair.prepared(infrared, visible)[1].shape[:2]
        target = job.target(pair)
        action = "skip" if pair not in left else "replace" if target.exists() else "write"
        return Plan(target, action, (_described(infrared), _described(visible)), (width, height))

    with ThreadPoolExecutor(workers) as pool:
        yield from ordered(pool, look, pairs, ahead=2 * workers)


def _whole(target: Path, entry: Entry) -> bool:
    """Tell whether a picture is there, as large as it was written."""
    return target.is_file() and entry.nbytes in (0, target.stat().st_size)


def _same(job: Job, pair: Pair, entry: Entry) -> bool:
    """Tell whether an entry's picture is what the job would make of the pair."""
    choices = entry.range, entry.coloring, entry.quality, entry.preparation, entry.weights_sha256
    wanted = job.fuser.range, job.fuser.color, job.quality, pair.preparation, job.checkpoint.sha256
    limits = job.fuser.limits or known_limits(job.fuser.range)
    return (
        choices == wanted
        and limits in (None, entry.limits)
        and (entry.infrared_sha256, entry.visible_sha256) == (sha256(pair.infrared), sha256(pair.visible))
    )


def _described(image: NDArray[Any]) -> str:
    height, width = image.shape[:2]
    return f"{width}x{height} {image.dtype}{' RGB' if image.ndim == 3 else ''}"
