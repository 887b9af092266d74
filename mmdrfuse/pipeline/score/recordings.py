"""Score recordings by their flicker: folders of frames, and videos."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from mmdrfuse.pipeline.score.score import Candidate, load_candidate
from mmdrfuse.pipeline.score.summary import Scores
from mmdrfuse.system.progress import Progress, silent

TEMPORAL = "temporal"
"""What stands for the protocol in the results."""

_NAMES = tuple(row.name for row in temporal.ROWS)


def evaluate_recordings(
    folders: Folders,
    pairs: Sequence[Pair] | None = None,
    *,
    baselines: Sequence[str] = (),
    key: Callable[[str], str] = str,
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
    with progress("scoring", len(frames)) as advance:
        for _, recording in groupby(frames, lambda one: (one.method, _recording(one))):
            before = None
            for candidate in recording:
                before = _next(run, candidate, before)
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


def _next(run: Run, candidate: Candidate, before: temporal.Frame | None) -> temporal.Frame | None:
    """Score a frame against the one before it, if there is one; return it for the next, None if it cannot be read."""
    try:
        frame = load_candidate(candidate).scaled(candidate)
    except MMDRFuseError as error:
        run.fail(error)
        return None
    if before is not None:
        try:
            run.add(candidate, temporal.flicker(before, frame))
        except MMDRFuseError as error:
            run.fail(error.at(candidate))
    return frame


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
