"""``mmdrfuse eval``: score fused pictures against their sources."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, check_outputs, progress, show, warn
from mmdrfuse.cli.shared.options import EXISTING, Command, cluster_option, json_option, overwrite_option
from mmdrfuse.cli.shared.scoring import (
    baselines_option,
    check_html,
    csv_option,
    full_option,
    fused_argument,
    html_option,
    pair_sources,
    score_workers_option,
    sources_options,
    split_names,
    write_documents,
    write_html,
)
from mmdrfuse.errors import InputError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.score import Evaluation, Scores
    from mmdrfuse.system.workers import Workers


@click.command("eval", cls=Command, short_help="Score fused pictures, and compare methods.")
@fused_argument
@sources_options
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
    "--per-image/--no-per-image", default=None, show_default="only for a single method",
    help="Print the scores of every picture.",
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
    """
    from mmdrfuse.cli.shared.tables import catalogue
    from mmdrfuse.datasets import pair_key
    from mmdrfuse.datasets.labels import read
    from mmdrfuse.pipeline.score import evaluate_folders

    if list_:
        show(*catalogue())
        return
    names = _names(metrics, protocol)
    if labels and not html and "TBC" not in names:
        raise click.UsageError("--labels is for the report and for the metric TBC; add --html FILE, or --metrics TBC")
    check_html(html, full=full, overwrite=overwrite)
    check_outputs(json_, csv_, str(html) if html else None, overwrite=overwrite)
    boxes = read(labels) if labels else None
    report = Report()
    pairs, unpaired = pair_sources(infrared, visible, report)
    evaluation = evaluate_folders(
        fused or (() if infrared else (Path(),)),
        pairs,
        baselines=split_names(baselines),
        metrics=names,
        protocol=protocol,
        key=pair_key,
        labels=boxes,
        workers=workers,
        progress=progress,
        on_failure=report.add,
    )
    report.done = evaluation.count
    for line in evaluation.warnings:
        warn(line)
    evaluation = replace(evaluation, failures=(*unpaired, *evaluation.failures))
    _write(evaluation, json_, csv_, report, compare=compare)
    if html and evaluation.count:
        from mmdrfuse.reports import write_report

        write_html(partial(write_report, evaluation), html, report, full=full, labels=boxes, overwrite=overwrite)
    if "-" not in (json_, csv_) and evaluation.count:
        _show(evaluation.scores, per_image, compare)
    report.finish("pictures scored")


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

    single = len(scores.methods) == 1
    if single if per_image is None else per_image:
        show(tables.pictures(scores))
    if not scores.comparable():
        warn("the methods were scored on different pictures, so their means and ranks cannot be compared")
    show(tables.methods(scores))
    if compare:
        show(tables.comparison(scores))


def _write(evaluation: "Evaluation", json_: str | None, csv_: str | None, report: Report, *, compare: bool) -> None:
    """Write the JSON and CSV documents; where one cannot be written, the other still is."""
    documents = {}
    if json_:
        documents[json_] = json.dumps(evaluation.document(compare=compare), indent=1, allow_nan=False) + "\n"
    if csv_:
        documents[csv_] = evaluation.scores.csv()
    write_documents(documents, report)
