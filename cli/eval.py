"""``mmdrfuse eval``: score fused pictures against their sources."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, check_deliverable, deliver, progress, show, warn
from mmdrfuse.cli.shared.options import EXISTING_FOLDER, Command, overwrite_option
from mmdrfuse.errors import InputError, OutputError, PairingError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.score import Evaluation, Scores


@click.command("eval", cls=Command, short_help="Score fused pictures.")
@click.argument("fused", nargs=-1, type=EXISTING_FOLDER)
@click.option("--ir", "infrared", type=EXISTING_FOLDER, help="Folder of the infrared sources.")
@click.option("--vis", "visible", type=EXISTING_FOLDER, help="Folder of the visible sources.")
@click.option("--metrics", metavar="A,B,…|all", help="What to measure. [default: EN,SD,SF,AG,MI,SCD,VIF,Qabf,SSIM,CC]")
@click.option("--protocol", default="standard", help="Under whose convention.")
@click.option("--baselines", default="", metavar="max,mean,affine", help="Add rows for fusions without a network.")
@click.option("--per-image/--no-per-image", default=None, help="Print every picture. [default: with one method]")
@click.option("--compare", is_flag=True, help="Print Wilcoxon's paired test between every two methods.")
@click.option("--json", "json_", metavar="FILE|-", help="Write everything as JSON; - is standard output, alone.")
@click.option("--csv", "csv_", metavar="FILE|-", help="Write one line a picture; - is standard output, alone.")
@click.option("--list", "list_", is_flag=True, help="List the metrics and protocols there are.")
@click.option(
    "--workers", type=click.IntRange(1), help="Processes. [default: one for every 8 pictures, up to all cores]"
)
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
    """Score the pictures in each folder FUSED, one row a method.

    Without --ir and --vis the sources are those in the manifest.jsonl that `mmdrfuse fuse` left in FUSED (default:
    the current folder). With them, pictures are matched to their sources by name.
    """
    from mmdrfuse.cli.shared.tables import catalogue
    from mmdrfuse.datasets import Pairing, pair_folders, pair_key
    from mmdrfuse.pipeline.score import evaluate_folders

    if bool(infrared) != bool(visible):
        raise click.UsageError("--ir and --vis go together")
    if list_:
        show(*catalogue())
        return
    names = _names(metrics, protocol)
    check_deliverable(json_, csv_, overwrite=overwrite)
    report = Report()
    pairing = pair_folders(infrared, visible, recursive=True) if infrared and visible else Pairing()
    unpaired = [PairingError(line) for line in (*pairing.partnerless(), *pairing.unclear())]
    for failure in unpaired:
        report.add(failure)
    found = evaluate_folders(
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
    report.done = found.count
    for line in found.warnings:
        warn(line)
    found = replace(found, failures=(*unpaired, *found.failures))
    _write(found, json_, csv_, report, compare=compare)
    if "-" not in (json_, csv_) and found.count:
        _show(found.scores, per_image, compare)
    report.finish("pictures scored")


def _names(metrics: str | None, protocol: str) -> tuple[str, ...]:
    """Spell the metrics as their table does; to choose none is wrong usage."""
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


def _write(found: "Evaluation", json_: str | None, csv_: str | None, report: Report, *, compare: bool) -> None:
    """Write what was asked for; a file that cannot be written costs nothing else."""
    wanted = {}
    if json_:
        wanted[json_] = json.dumps(found.document(compare=compare), indent=1, allow_nan=False) + "\n"
    if csv_:
        wanted[csv_] = found.scores.csv()
    for target in sorted(wanted, key="-".__eq__):  # files first: standard output may have lost its reader
        try:
            deliver(target, wanted[target])
        except OutputError as error:
            report.add(error)
