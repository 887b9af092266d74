"""``mmdrfuse eval``: score fused pictures against their sources."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from mmdrfuse.cli.shared.console import Report, check_outputs, progress, show, warn
from mmdrfuse.cli.shared.options import EXISTING, Command, cluster_option, json_option, overwrite_option, split_names
from mmdrfuse.cli.shared.scoring import (
    baselines_option,
    check_html,
    csv_option,
    full_option,
    html_option,
    pair_sources,
    score_workers_option,
    sources_options,
    write_documents,
    write_html,
)
from mmdrfuse.errors import InputError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.score import Evaluation, Scores
    from mmdrfuse.system.workers import Workers

MOST_SHOWN = 1000
"""Pictures of a single method whose scores are shown unasked."""


@click.command("eval", cls=Command, short_help="Score fused pictures, and compare methods.")
@click.argument("fused", nargs=-1, type=EXISTING)
@partial(sources_options, kind=EXISTING)
@click.option(
    "--metrics", metavar="A,B,…|all", show_default="EN,SD,SF,AG,MI,SCD,VIF,Qabf,SSIM,CC",
    help="Metrics to compute; --list shows them.",
)  # fmt: skip
@click.option(
    "--protocol", metavar="NAME", default="standard",
    help="Whose conventions to follow (depth, colour, constants); --list shows the protocols.",
)  # fmt: skip
@baselines_option
@click.option(
    "--per-image/--no-per-image", default=None, show_default="for up to 1000 pictures of a single method",
    help="Print the scores of every picture.",
)  # fmt: skip
@click.option(
    "--temporal", is_flag=True,
    help="Score flicker instead, from frame to frame: in folders of frames, or FUSED.mp4… --ir IR.mp4 --vis VIS.mp4.",
)  # fmt: skip
@click.option("--compare", is_flag=True, help="Print Wilcoxon's paired test between every two methods.")
@json_option
@csv_option("picture")
@html_option
@full_option
@click.option(
    "--labels", metavar="FILE|DIR", type=EXISTING,
    help="Take these labelled boxes for the targets of TBC, and draw them in the report of --html; any format that "
    "`mmdrfuse detect` reads.",
)  # fmt: skip
@click.option("--list", "list_", is_flag=True, help="List all metrics and protocols, and exit.")
@score_workers_option
@cluster_option
@overwrite_option
def evaluate(
    fused: tuple[Path, ...],
    infrared: Path | None,
    visible: Path | None,
    metrics: str | None,
    protocol: str,
    baselines: str,
    per_image: bool | None,
    temporal: bool,
    compare: bool,
    json_: str | None,
    csv_: str | None,
    html: Path | None,
    full: bool,
    labels: Path | None,
    list_: bool,
    workers: "Workers | None",
    overwrite: bool,
) -> None:
    """Score the fused pictures in each folder FUSED; each folder is a method, and gets a row.

    A folder that `mmdrfuse fuse` wrote holds manifest.jsonl, which names the sources of each picture. For pictures from
    elsewhere, name the folders of the sources with --ir and --vis; files are matched by name. FUSED is the current
    folder if you name none.

    With --temporal, frames are scored by their flicker, each against the one before it.
    """
    from mmdrfuse.cli.shared.tables import catalogue
    from mmdrfuse.datasets.labels import read
    from mmdrfuse.pipeline.score import evaluate_folders

    if list_:
        show(*catalogue())
        return
    names: tuple[str, ...] = ()
    if temporal:
        _check_temporal()
    else:
        _check_folders(*fused, infrared, visible)
        names = _names(metrics, protocol)
    if labels and not html and "TBC" not in names:
        raise click.UsageError("--labels is for the report and for the metric TBC; add --html FILE, or --metrics TBC")
    check_html(html, full=full, overwrite=overwrite)
    check_outputs(json_, csv_, str(html) if html else None, overwrite=overwrite)
    boxes = read(labels) if labels else None
    report = Report()
    if boxes:
        for note in boxes.notes:
            warn(note)
        for failure in boxes.failures:
            report.fail(failure)
    if temporal:
        evaluation = _flicker(fused, (infrared, visible), baselines, report, workers)
    else:
        evaluate_ = partial(evaluate_folders, metrics=names, protocol=protocol, labels=boxes, workers=workers)
        evaluation = _scored(evaluate_, fused, (infrared, visible), baselines, report)
    report.done = evaluation.count
    for line in evaluation.warnings:
        warn(line)
    _write(evaluation, json_, csv_, report, compare=compare)
    if html and evaluation.count:
        from mmdrfuse.reports import write_report

        write_html(partial(write_report, evaluation), html, report, full=full, labels=boxes, overwrite=overwrite)
    if "-" not in (json_, csv_) and evaluation.count:
        _show(evaluation.scores, per_image, compare)
    report.finish("frames scored" if temporal else "pictures scored")


def _scored(
    evaluate_: "Callable[..., Evaluation]",
    fused: Sequence[Path],
    sources: tuple[Path | None, Path | None],
    baselines: str,
    report: Report,
) -> "Evaluation":
    """Score folders by a function such as `mmdrfuse.pipeline.score.evaluate_folders`."""
    from mmdrfuse.datasets import pair_key

    pairs, unpaired = pair_sources(*sources, report)
    evaluation = evaluate_(
        fused or (() if pairs is not None else (Path(),)), pairs,
        baselines=split_names(baselines), key=pair_key, progress=progress, on_failure=report.add
    )  # fmt: skip
    return replace(evaluation, failures=(*unpaired, *evaluation.failures))


def _check_folders(*paths: Path | None) -> None:
    """Refuse files where folders are needed."""
    for path in paths:
        if path and not path.is_dir():
            raise click.UsageError(f"{path} is no folder; videos are scored with --temporal")


def _check_temporal() -> None:
    """Refuse options that say nothing about flicker."""
    context = click.get_current_context()
    for name in ("metrics", "protocol", "labels", "html", "full"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            instead = "; --json and --csv write all of it" if name in ("html", "full") else ""
            raise click.UsageError(f"--{name} is not for --temporal, which scores flicker alone{instead}")


def _flicker(
    fused: Sequence[Path],
    sources: tuple[Path | None, Path | None],
    baselines: str,
    report: Report,
    workers: "Workers | None",
) -> "Evaluation":
    """Score the flicker of videos if there is a file among the arguments, otherwise of folders."""
    from mmdrfuse.pipeline.score import evaluate_recordings, evaluate_videos

    folders = [path.is_dir() for path in (*fused, *sources) if path]
    if all(folders):
        return _scored(partial(evaluate_recordings, workers=workers), fused, sources, baselines, report)
    infrared, visible = sources
    if any(folders) or not (fused and infrared and visible):
        raise click.UsageError("videos are scored against videos: give FUSED.mp4… --ir IR.mp4 --vis VIS.mp4")
    if baselines:
        raise click.UsageError("--baselines is for folders, not for videos")
    if workers is not None:
        raise click.UsageError("--workers and --cluster are for folders; a video is read one frame after the other")
    return evaluate_videos(fused, infrared, visible, progress=progress, on_failure=report.add)


def _names(metrics: str | None, protocol: str) -> tuple[str, ...]:
    """Return the metrics' names as their table spells them; to choose none is wrong usage."""
    from mmdrfuse.pipeline.score import choose_metrics

    listed = metrics.split(",") if metrics not in (None, "all") else metrics
    try:
        return choose_metrics(listed, protocol)[1]
    except InputError as error:
        raise click.UsageError(f"{error.message}; name some with --metrics") from error


def _show(scores: "Scores", per_image: bool | None, compare: bool) -> None:
    from mmdrfuse.cli.shared import tables
    from mmdrfuse.pipeline.score.recordings import TEMPORAL

    single = len(scores.methods) == 1 and scores.protocol != TEMPORAL
    few = len(scores.pictures()) <= MOST_SHOWN
    if (single and few) if per_image is None else per_image:
        show(tables.pictures(scores))
    if single and not few and per_image is None:
        warn("the scores of every picture are not shown, because there are many; --per-image or --csv FILE has them")
    if not scores.comparable():
        warn("the methods were scored on different pictures, so their means and ranks cannot be compared")
    show(tables.methods(scores))
    if compare:
        show(tables.comparison(scores))


def _write(evaluation: "Evaluation", json_: str | None, csv_: str | None, report: Report, *, compare: bool) -> None:
    """Write the JSON and CSV documents; where one cannot be written, the other still is."""
    documents: dict[str, Iterable[str]] = {}
    if json_:
        documents[json_] = evaluation.json(compare=compare)
    if csv_:
        documents[csv_] = evaluation.scores.csv()
    write_documents(documents, report)
