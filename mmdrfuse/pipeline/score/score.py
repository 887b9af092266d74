"""Score fused pictures against their sources, many at a time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.images import Side
from mmdrfuse.metrics import METRICS, evaluate
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.folder import fuse_sources
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.registration.placing import Window
from mmdrfuse.system.workers import Workers, cores, ordered, pool, processes, require, threads

if TYPE_CHECKING:
    from mmdrfuse.detection.labels import LabelledPicture

PICTURES_PER_PROCESS = 8
"""Fewest pictures for which a process is started: starting takes a second, the usual metrics 0.06 s at 640×480."""
_LOOKED_AT = 1000
"""Pictures whose folders the workers of a cluster look for before they begin."""
_EXECUTOR_QUEUE = 64
"""Pictures that may wait in a caller's executor, which may have many workers."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Candidate:
    """A picture to score, with the pair that it claims to fuse."""

    method: str
    """The method, which is a row of the table."""
    pair: Pair
    fused: Path | Fuser | Side
    """The picture's file, a fuser that computes it, or the side that stands for it."""
    hashes: tuple[str, str] | None = None
    """SHA-256 of the infrared and the visible file that it was made from, if a manifest records them."""
    labelled: "LabelledPicture | None" = field(default=None, compare=False)
    """The boxes of its targets, as they were read; None without labels."""

    def __str__(self) -> str:
        """Return the name of the file, or of the method and the pair."""
        return str(self.fused) if isinstance(self.fused, Path) else f"{self.method} of {self.pair.name}"


def score_candidates(
    candidates: Sequence[Candidate], *, metrics: Sequence[str], protocol: str, workers: Workers | None = 1
) -> Iterator[tuple[Candidate, dict[str, float] | MMDRFuseError]]:
    """Score pictures side by side; yield each with its scores, or with the error that prevented them.

    Args:
        candidates: What to score.
        metrics: Names of `mmdrfuse.metrics.names`, as the table spells them.
        protocol: One of `mmdrfuse.metrics.PROTOCOLS`, as spelled there.
        workers: Processes; None for one per `PICTURES_PER_PROCESS` pictures and core; or an executor, which stays open.
    """
    work = partial(score_one, metrics=tuple(metrics), protocol=protocol)
    yield from map_candidates(work, candidates, workers=workers)


def map_candidates(
    work: Callable[[Candidate], Result], candidates: Sequence[Candidate], *, workers: Workers | None = 1
) -> Iterator[tuple[Candidate, Result | MMDRFuseError]]:
    """Call a function with every picture, side by side; yield each with its result, or with its error.

    Args:
        work: What to do; it must be picklable.
        candidates: The pictures.
        workers: As in `score_candidates`.
    """
    with pool_for(candidates, workers) as (executor, buffer_size):
        yield from ordered(executor, work, candidates, buffer_size=buffer_size)


@contextmanager
def pool_for(candidates: Sequence[Candidate], workers: Workers | None) -> Iterator[tuple[Executor, int]]:
    """Yield the workers for some pictures, and how many items may wait for them.

    Args:
        candidates: The pictures.
        workers: As in `score_candidates`.
    """
    if workers is None:
        workers = min(cores(), len(candidates) // PICTURES_PER_PROCESS)
    if isinstance(workers, int):
        workers = max(1, min(workers, len(candidates)))
    require(workers, (path for one in islice(candidates, _LOOKED_AT) for path in _files(one)))
    with pool(workers, threads if workers == 1 else processes) as executor:
        yield executor, 2 * workers if isinstance(workers, int) else _EXECUTOR_QUEUE


@dataclass(frozen=True)
class Sources:
    """The two sources of a pair, read and prepared."""

    infrared: NDArray[Any]
    visible: NDArray[Any]
    hashes: tuple[str, str]
    """SHA-256 of the infrared and the visible file."""
    stored: tuple[tuple[int, ...], tuple[int, ...]]
    """Height and width of the infrared and of the visible file."""
    window: Window | None
    """The largest rectangle that both cameras see: top, bottom, left and right; None for all."""


@dataclass(frozen=True)
class Loaded:
    """A picture beside its prepared sources, all cut to the largest rectangle that both cameras see."""

    fused: NDArray[Any]
    infrared: NDArray[Any]
    visible: NDArray[Any]
    stored: tuple[tuple[int, ...], tuple[int, ...]]
    """Height and width of the infrared and of the visible file."""
    window: Window | None
    """What was cut out of the prepared sides: top, bottom, left and right; None for all."""

    def scaled(self, candidate: Candidate) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the fused picture, the infrared and the visible on the scale 0..255 of the metrics.

        Raises:
            InputError: A picture has values that are NaN or infinite.
        """
        pair = candidate.pair
        return (
            _eight_bit_scale(self.fused, str(candidate)),
            _eight_bit_scale(self.infrared, str(pair.infrared)),
            _eight_bit_scale(self.visible, str(pair.visible)),
        )


def load_sources(candidate: Candidate) -> Sources:
    """Read and prepare the sources of a picture.

    Raises:
        InputError: A file cannot be read, or is not what the picture was made from.
        SizeError: The sizes of the sources differ.
    """
    pair = candidate.pair
    pictures = pair.load()
    hashes = (pictures[0].sha256, pictures[1].sha256)
    _check_hashes(candidate, hashes)  # before the sizes: those of a changed file may differ
    prepared = pair.prepared(*(picture.image for picture in pictures))
    stored = (pictures[0].image.shape[:2], pictures[1].image.shape[:2])
    return Sources(prepared.infrared, prepared.visible, hashes, stored, pair.preparation.common(*stored))


def load_candidate(candidate: Candidate, sources: Sources | None = None) -> Loaded:
    """Read, and where needed fuse, one picture, and cut it and its sources.

    Args:
        candidate: The picture.
        sources: Its sources, where another picture of theirs was loaded before; None to read them.

    Raises:
        InputError: A file cannot be read, or a source is not what the picture was made from.
        SizeError: The sizes of the sources differ.
    """
    sources = sources or load_sources(candidate)
    _check_hashes(candidate, sources.hashes)
    sides = [sources.infrared, sources.visible]
    if isinstance(candidate.fused, Fuser):
        fused = fuse_sources(candidate.fused, candidate.pair, *sides).image
    elif isinstance(candidate.fused, Path):
        fused = images.read(candidate.fused)
    else:
        fused = sides[candidate.fused == "visible"]
    if sources.window:
        if fused.shape[:2] == sources.visible.shape[:2]:
            fused = _cut(fused, sources.window)
        sides = [_cut(side, sources.window) for side in sides]
    return Loaded(fused, sides[0], sides[1], sources.stored, sources.window)


def _files(candidate: Candidate) -> Iterator[Path]:
    yield from (candidate.pair.infrared, candidate.pair.visible)
    if isinstance(candidate.fused, Path):
        yield candidate.fused


def score_one(candidate: Candidate, *, metrics: Sequence[str], protocol: str) -> dict[str, float]:
    """Read, and where needed fuse, one picture and score it against its sources.

    Where the cameras of a rig differ in view, the largest rectangle that both see is scored. A metric whose windows
    need a larger picture is missing in the result; the others are there.

    Raises:
        InputError: A file cannot be read, or a source is not what the picture was made from.
        SizeError: The three sizes differ.
        UnknownNameError: No such metric or protocol.
    """
    loaded = load_candidate(candidate)
    arrays = loaded.scaled(candidate)
    fitting = [metric for metric in metrics if smallest_side(metric, protocol) <= min(arrays[0].shape[:2])]
    try:
        return evaluate(*arrays, metrics=fitting, protocol=protocol, boxes=_targets(candidate, loaded))
    except (InputError, SizeError) as error:
        raise error.at(candidate) from error


def _targets(candidate: Candidate, loaded: Loaded) -> NDArray[np.float64] | None:
    """Return the labelled boxes in pixels of the loaded picture; None without labels."""
    if candidate.labelled is None:
        return None
    from mmdrfuse.detection.prepared import placed

    size = loaded.fused.shape[1], loaded.fused.shape[0]
    moved = placed(candidate.labelled, candidate.pair.preparation, loaded.stored, loaded.window, size)
    return moved.boxes[~moved.ignored]


def _check_hashes(candidate: Candidate, actual: tuple[str, str]) -> None:
    """Refuse sources that are not those that a manifest records."""
    paths = (candidate.pair.infrared, candidate.pair.visible)
    for path, found, recorded in zip(paths, actual, candidate.hashes or actual, strict=True):
        if found != recorded:
            raise InputError(f"{path}: has changed since {candidate} was made from it; fuse it again")


def _cut(image: NDArray[Any], window: Window) -> NDArray[Any]:
    top, bottom, left, right = window
    return np.ascontiguousarray(image[top:bottom, left:right])


def smallest_side(metric: str, protocol: str) -> int:
    """Return the fewest pixels that a metric's windows need in height and width."""
    return METRICS[metric].protocols[protocol].smallest


def _eight_bit_scale(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Return 8 bits unchanged, and other depths on the scale 0..255 for which the metrics are defined."""
    if image.dtype == np.uint8:
        return image
    try:
        return images.to_unit(image).astype(np.float64) * 255
    except InputError as error:
        raise error.at(name) from error
