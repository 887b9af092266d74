"""``mmdrfuse eval``: score fused pictures against their sources."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, check_outputs, progress, show, warn, write_output
from mmdrfuse.cli.shared.options import EXISTING_FOLDER, FILE_OR_STREAM, Command, json_option, overwrite_option
from mmdrfuse.errors import InputError, OutputError, PairingError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.score import Evaluation, Scores


@click.command("eval", cls=Command, short_help="Score fused pictures, and compare methods.")
@click.argument("fused", nargs=-1, type=EXISTING_FOLDER)
@click.option("--ir", "infrared", metavar="DIR", type=EXISTING_FOLDER, help="Folder of the infrared sources.")
@click.option("--vis", "visible", metavar="DIR", type=EXISTING_FOLDER, help="Folder of the visible sources.")
@click.option(
    "--metrics", metavar="A,B,…|all", show_default="EN,SD,SF,AG,MI,SCD,VIF,Qabf,SSIM,CC",
    help="Metrics to compute; --list shows them.",
)  # fmt: skip
@click.option(
    "--protocol", metavar="NAME", default="standard",
    help="Whose conventions to follow (depth, colour, constants); --list shows the protocols.",
)  # fmt: skip
@click.option(
    "--baselines", default="", show_default=False, metavar="A,B,…",
    help="Score fusions without a network beside yours: max, mean, affine.",
)  # fmt: skip
@click.option(
    "--per-image/--no-per-image", default=None, show_default="only for a single method",
    help="Print the scores of every picture.",
)  # fmt: skip
@click.option("--compare", is_flag=True, help="Print Wilcoxon's paired test between every two methods.")
@json_option
@click.option(
    "--csv", "csv_", metavar="FILE|-", type=FILE_OR_STREAM,
    help="Write one line a picture as CSV to a file; - writes them to standard output, and nothing else.",
)  # fmt: skip
@click.option("--list", "list_", is_flag=True, help="List all metrics and protocols, and exit.")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", show_default="one for every 8 pictures, up to all cores",
    help="Score in N processes.",
)  # fmt: skip
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
    list_: bool,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Score the fused pictures in each folder FUSED; each folder is a method, and gets a row.

    A folder that `mmdrfuse fuse` wrote holds manifest.jsonl, which names the sources of each picture. For pictures from
    elsewhere, name the folders of the sources with --ir and --vis; files are matched by name. FUSED is the current
    folder if you name none.
    """
    from mmdrfuse.cli.shared.tables import catalogue
    from mmdrfuse.datasets import Pairing, pair_folders, pair_key
    from mmdrfuse.pipeline.score import evaluate_folders

    if bool(infrared) != bool(visible):
        raise click.UsageError("--ir and --vis go together: give both, or neither")
    if list_:
        show(*catalogue())
        return
    names = _names(metrics, protocol)
    check_outputs(json_, csv_, overwrite=overwrite)
    report = Report()
    pairing = pair_folders(infrared, visible, recursive=True) if infrared and visible else Pairing()
    unpaired = [PairingError(line) for line in (*pairing.orphan_lines(), *pairing.ambiguous_lines())]
    for failure in unpaired:
        report.add(failure)
    evaluation = evaluate_folders(
        fused or (() if infrared else (Path(),)),
        pairing.pairs if infrared else None,
        baselines=[name for name in baselines.split(",") if name],
        metrics=names,
        protocol=protocol,
        key=pair_key,
        workers=workers,
        progress=progress,
        on_failure=report.add,
    )
    report.done = evaluation.count
    for line in evaluation.warnings:
        warn(line)
    evaluation = replace(evaluation, failures=(*unpaired, *evaluation.failures))
    _write(evaluation, json_, csv_, report, compare=compare)
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
    for target in sorted(documents, key="-".__eq__):  # files first: nobody may read standard output any more
        try:
            write_output(target, documents[target])
        except OutputError as error:
            report.add(error)
