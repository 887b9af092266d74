"""Score recordings by their flicker: folders of frames, and videos."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, tee
from pathlib import Path, PurePath
from typing import Any

from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images.video.files import VideoSource
from mmdrfuse.metrics import temporal
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.nearest import nearest
from mmdrfuse.pipeline.score.candidates import Folders, folder_names, list_candidates, named_folders
from mmdrfuse.pipeline.score.folders import Evaluation, Run
from mmdrfuse.pipeline.score.score import Candidate, load_candidate, pool_for
from mmdrfuse.pipeline.score.summary import Scores
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, ordered

TEMPORAL = "temporal"
"""What stands for the protocol in the results."""

CHANGES = 16
"""Changes that a worker scores together; it reads one more frame."""

Change = dict[str, float] | MMDRFuseError | None
"""The scores of a frame; None for the first one of a recording, or where the one before it cannot be read."""

_NAMES = tuple(row.name for row in temporal.ROWS)


def evaluate_recordings(
    folders: Folders,
    pairs: Sequence[Pair] | None = None,
    *,
    baselines: Sequence[str] = (),
    key: Callable[[str], str] = str,
    workers: Workers | None = 1,
    progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], None] | None = None,
) -> Evaluation:
    """Score the flicker of fused frames in folders, one row a folder.

    The frames of one folder are a recording, in the order of the numbers in their names. Each frame but a recording's
    first is scored against the one before it, by `mmdrfuse.metrics.temporal.flicker`. A frame that cannot be read is a
    failure, and the recording goes on after it.

    Args:
        folders: As in `mmdrfuse.pipeline.score.evaluate_folders`.
        pairs: The same.
        baselines: The same.
        key: The same.
        workers: The same; each takes some frames that follow each other.
        progress: Shows the progress.
        on_failure: Called with each failure at once.

    Raises:
        InputError: There is nothing to score, or no folder has two frames.
        UnknownNameError: No such baseline.
    """
    methods = named_folders(folders, baselines)
    listed = list_candidates(methods, pairs, baselines=baselines, key=key)
    run = Run(Scores(TEMPORAL, _NAMES), on_failure)
    for failure in listed.failures:
        run.fail(failure)

    frames = sorted(listed.candidates, key=lambda one: (one.method, _recording(one), _numbered(one.pair.name)))
    with progress("scoring", len(frames)) as advance, pool_for(frames, workers) as (executor, buffer_size):
        for stretch, found in ordered(executor, _changes, [*_stretches(frames)], buffer_size=buffer_size):
            if isinstance(found, MMDRFuseError):
                run.fail(found)
                continue
            for candidate, change in zip(stretch.frames[-len(found) :], found, strict=True):
                if change is not None:
                    run.add(candidate, change)
                advance(f"{candidate.method} {candidate.pair.name}")
    return _scored(run, listed.warnings, folders=methods)


def evaluate_videos(
    videos: Sequence[str | Path],
    infrared: str | Path,
    visible: str | Path,
    *,
    progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], None] | None = None,
) -> Evaluation:
    """Score the flicker of fused videos, one row a video.

    Each fused frame goes with the frames of the sources that are nearest in time. Their luminance is scored.

    Args:
        videos: The fused ones.
        infrared: The infrared one, of the same size.
        visible: The visible one, of the same size.
        progress: Shows the progress.
        on_failure: Called with the failure of a video at once; its frames so far are scored.

    Raises:
        InputError: No video has two frames.
    """
    infrared = Path(infrared)
    visible = Path(visible)
    distinct = list(dict.fromkeys(map(Path, videos)))
    run = Run(Scores(TEMPORAL, _NAMES), on_failure)
    for method, path in zip(folder_names(distinct), distinct, strict=True):
        try:
            count = VideoSource(path).layout.count or 1
            with progress("scoring", count) as advance:
                for number, (before, after) in enumerate(pairwise(_frames(path, infrared, visible)), 1):
                    run.scores.add(method, f"frame {number}", temporal.flicker(before, after))
                    advance(method)
        except MMDRFuseError as error:
            run.fail(error if str(path) in error.message else error.at(path))
    return _scored(run, [])


@dataclass(frozen=True)
class _Stretch:
    """Frames that follow each other in a recording, which one worker scores."""

    frames: Sequence[Candidate]
    first: bool
    """Whether the recording begins with them; otherwise their first frame is the last one of another stretch, too."""

    def __str__(self) -> str:
        """Return the frames' names, for a message."""
        return f"{self.frames[0]} to {self.frames[-1]}"


def _stretches(frames: Sequence[Candidate]) -> Iterator[_Stretch]:
    for _, group in groupby(frames, lambda one: (one.method, _recording(one))):
        recording = [*group]
        for start in range(0, max(1, len(recording) - 1), CHANGES):
            yield _Stretch(recording[start : start + CHANGES + 1], start == 0)


def _changes(stretch: _Stretch) -> list[Change]:
    """Score each frame against the one before it; those of a stretch that is not the first, without its first frame."""
    found: list[Change] = []
    before: temporal.Frame | None = None
    for candidate in stretch.frames:
        change: Change = None
        frame: temporal.Frame | None = None
        try:
            frame = load_candidate(candidate).scaled(candidate)
            if before is not None:
                change = _change(candidate, before, frame)
        except MMDRFuseError as error:
            change = error
        found.append(change)
        before = frame
    return found if stretch.first else found[1:]


def _change(candidate: Candidate, before: temporal.Frame, frame: temporal.Frame) -> dict[str, float]:
    try:
        return temporal.flicker(before, frame)
    except MMDRFuseError as error:
        raise error.at(candidate) from error


def _scored(run: Run, warnings: Iterable[str], folders: Mapping[str, Path] | None = None) -> Evaluation:
    if not run.scores.methods and not run.failures:
        raise InputError("nothing to score: flicker needs two frames or more")
    return Evaluation(run.scores, tuple(run.failures), (*warnings, *run.partly_seen()), folders=folders or {})


def _recording(candidate: Candidate) -> str:
    return str(PurePath(candidate.pair.name).parent)


def _numbered(name: str) -> list[tuple[str, int]]:
    # frame_9 is before frame_10
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def _frames(fused: Path, infrared: Path, visible: Path) -> Iterator[temporal.Frame]:
    sources = [VideoSource(path) for path in (fused, infrared, visible)]
    depths = [source.layout.depth for source in sources]
    first, second = tee(sources[0].frames())
    with_infrared = nearest(sources[1].frames(), first)
    with_visible = nearest(sources[2].frames(), second)
    for (other, frame), (seen, _) in zip(with_infrared, with_visible, strict=False):
        yield _levels(frame.luma, depths[0]), _levels(other.luma, depths[1]), _levels(seen.luma, depths[2])


def _levels(luma: NDArray[Any], depth: int) -> NDArray[Any]:
    return luma if depth == 8 else luma * (255.0 / (2**depth - 1))
