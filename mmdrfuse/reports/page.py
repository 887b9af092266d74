"""Write a report: one HTML file that asks no server, below a limit of bytes."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmdrfuse.detection.labels import Labels
from mmdrfuse.detection.outcome import DetectionResult
from mmdrfuse.errors import InputError, MMDRFuseError, OutputError
from mmdrfuse.images import Side
from mmdrfuse.pipeline.score import Evaluation
from mmdrfuse.reports.contents import Contents
from mmdrfuse.reports.detected import of_detections
from mmdrfuse.reports.evaluated import of_evaluation
from mmdrfuse.reports.pictures import PairPictures, PairTask, read_pictures, side_for
from mmdrfuse.reports.rendering import Renderer
from mmdrfuse.system.atomic import refuse_existing, refuse_foreign, refuse_unwritable, writing, writing_folder
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, cores, ordered, pool, queue_length

LIMIT = 20_000_000
"""Bytes of a report."""
MARK = "made-by-mmdrfuse-eval.txt"
"""A file by which a later report knows a folder of pictures that it may replace."""
_MARGIN = 100_000
"""Bytes by which the text may grow with the pictures, beside the pictures themselves."""


@dataclass(frozen=True)
class Written:
    """A report that was written."""

    path: Path
    nbytes: int
    pairs: int
    """All that were scored."""
    embedded: int
    """Pairs whose pictures are in the file."""


def write_report(
    evaluation: Evaluation,
    path: str | Path,
    *,
    full: bool = False,
    overwrite: bool = False,
    command: str = "",
    labels: Labels | None = None,
    boxes_on: Side | None = None,
    limit: int = LIMIT,
    workers: Workers | None = None,
    progress: Progress = silent,
) -> Written:
    """Write an evaluation as one HTML file, with its table, its pictures, its plots and the facts of the run.

    The file asks no server. Its size stays below the limit: pictures are reduced, and where that is not enough, pairs
    are left out, after the worst, the best, the most disputed and a drawn sample.

    Args:
        evaluation: From `mmdrfuse.pipeline.score.evaluate_folders`.
        path: The file, such as ``report.html``.
        full: Whether to write the pictures of all pairs in full size too, into a folder beside it (``report_files``).
        overwrite: Whether an existing file, and such a folder of an earlier report, may be replaced.
        command: The command that repeats the run, for the report to show.
        labels: Labelled boxes to draw, such as from `mmdrfuse.datasets.labels.read`.
        boxes_on: The side that they were drawn on; None for the visible one, or the one of the labels' size.
        limit: Bytes of the file.
        workers: Threads that read the pictures; None for all cores, or any executor of `concurrent.futures`.
        progress: Shows the progress.

    Raises:
        OutputError: The file or the folder exists and may not be replaced, or cannot be written.
        InputError: No picture has scores, or the labels are of other pictures.
    """
    path = Path(path)
    check_target(path, full=full, overwrite=overwrite)
    if not evaluation.count:
        raise InputError(f"{path}: there is nothing to report, as no picture has scores")
    contents = of_evaluation(evaluation, command, labels)
    return _write(
        contents, path, full=full, overwrite=overwrite, boxes_on=boxes_on, limit=limit, workers=workers,
        progress=progress,
    )  # fmt: skip


def write_detection_report(
    result: DetectionResult,
    path: str | Path,
    *,
    full: bool = False,
    overwrite: bool = False,
    command: str = "",
    limit: int = LIMIT,
    workers: Workers | None = None,
    progress: Progress = silent,
) -> Written:
    """Write scored detections as one HTML file, with every picture and what was found, missed and wrong in it.

    Args:
        result: From `mmdrfuse.detection.detect_folders`, with labels.
        path: As `write_report` takes it.
        full: The same.
        overwrite: The same.
        command: The same.
        limit: The same.
        workers: The same.
        progress: The same.

    Raises:
        OutputError: As in `write_report`.
        InputError: There are no labels, so nothing is scored.
    """
    path = Path(path)
    check_target(path, full=full, overwrite=overwrite)
    if not result.rows:
        raise InputError(f"{path}: there is nothing to report, as no detection is scored; give labels")
    contents = of_detections(result, command)
    return _write(
        contents, path, full=full, overwrite=overwrite, limit=limit, workers=workers, progress=progress
    )  # fmt: skip


def _write(
    contents: Contents, path: Path, *, full: bool = False, overwrite: bool = False, boxes_on: Side | None = None,
    limit: int = LIMIT, workers: Workers | None = None, progress: Progress = silent,
) -> Written:  # fmt: skip
    """Write what a report says, with its pictures; the arguments are those of `write_report`.

    Raises:
        OutputError: As in `write_report`.
    """
    render = Renderer(contents, limit, _folder(path).name if full else "")
    budget = limit - len(render({}, 0)) - _MARGIN
    side = side_for(contents.picture_count, budget)
    task_of = partial(_task, contents, side=side, full=full, boxes_on=boxes_on)
    beside = writing_folder(_folder(path), mark=MARK, overwrite=overwrite) if full else nullcontext()
    with beside as folder:
        pictures = {}
        for pair, read in _read(contents, task_of, cores() if workers is None else workers, progress):
            if folder:
                _write_originals(folder, read)
            budget -= read.nbytes
            if budget < 0 and not full:
                break
            boxes = contents.boxes.get(contents.pairs[pair], read.boxes)
            pictures[pair] = read.for_page(boxes, webp=budget >= 0)
        text = render(pictures, side)
        with writing(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(text)
    return Written(path, len(text), len(contents.pairs), sum(any(one.webp) for one in pictures.values()))


def check_target(path: Path, *, full: bool = False, overwrite: bool = False) -> None:
    """Refuse, before any work is done, a report that could not be written afterwards.

    Raises:
        OutputError: As in `write_report`.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{path}: a report is an HTML file; let its name end in .html")
    refuse_existing(path, overwrite=overwrite)
    refuse_unwritable(path)
    if full:
        refuse_foreign(_folder(path), mark=MARK, overwrite=overwrite)


def _folder(path: Path) -> Path:
    """Return the folder of a report's pictures in full size."""
    return path.with_name(f"{path.stem}_files")


def _task(contents: Contents, pair: int, *, side: int, full: bool, boxes_on: Side | None) -> PairTask:
    """Return what to read of a pair."""
    labelled = contents.labelled.get(contents.pairs[pair])
    candidates = contents.candidates[pair]
    source = contents.sources[pair]
    assert source is not None
    return PairTask(pair, source, candidates, side, full, labelled, contents.classes, boxes_on)


def _read(
    contents: Contents, task_of: Callable[[int], PairTask], workers: Workers, progress: Progress
) -> Iterator[tuple[int, PairPictures]]:
    """Read the pictures in the order in which the report shows the pairs; yield each pair's number with them."""
    chosen = [pair for pair in contents.reasons if contents.sources[pair]]
    tasks = map(task_of, chosen)
    with pool(workers) as executor, progress("reading pictures", len(chosen)) as advance:
        for task, read in ordered(executor, read_pictures, tasks, buffer_size=queue_length(workers)):
            if isinstance(read, MMDRFuseError):
                read = PairPictures(errors=(read.message,))
            yield task.pair, read
            advance(str(task))


def _write_originals(folder: Path, read: PairPictures) -> None:
    for name, content in zip(read.original_names, read.originals, strict=True):
        if content:
            (folder / name).write_bytes(content)
