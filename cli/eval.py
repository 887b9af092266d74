"""``mmdrfuse eval``: score fused pictures against their sources."""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import (
    EXISTING_FOLDER,
    Command,
    Report,
    check_deliverable,
    deliver,
    overwrite_option,
    progress,
    show,
    warn,
    workers_option,
)
from mmdrfuse.errors import InputError, ManifestError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.pairs import Pair
    from mmdrfuse.pipeline.scoring import Candidate
    from mmdrfuse.pipeline.summary import Scores

USUAL = "EN,SD,SF,AG,MI,SCD,VIF,Qabf,SSIM,CC"


@click.command("eval", cls=Command, short_help="Score fused pictures.")
@click.argument("fused", nargs=-1, type=EXISTING_FOLDER)
@click.option("--ir", "infrared", type=EXISTING_FOLDER, help="Folder of the infrared sources.")
@click.option("--vis", "visible", type=EXISTING_FOLDER, help="Folder of the visible sources.")
@click.option("--metrics", metavar="A,B,…|all", help=f"What to measure. [default: those of {USUAL} that there are]")
@click.option("--protocol", default="standard", help="Under whose convention.")
@click.option("--baselines", default="", metavar="max,mean,affine", help="Add rows for fusions without a network.")
@click.option("--per-image/--no-per-image", default=None, help="Print every picture. [default: with one method]")
@click.option("--compare", is_flag=True, help="Print Wilcoxon's paired test between every two methods.")
@click.option("--json", "json_", metavar="FILE|-", help="Write everything as JSON; - is standard output, alone.")
@click.option("--csv", "csv_", metavar="FILE|-", help="Write one line a picture; - is standard output, alone.")
@click.option("--list", "list_", is_flag=True, help="List the metrics and protocols there are.")
@workers_option
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
    workers: int,
    overwrite: bool,
) -> None:
    """Score the pictures in each folder FUSED, one row a method.

    Without --ir and --vis the sources are those in the manifest.jsonl that `mmdrfuse fuse` left in FUSED (default:
    the current folder). With them, pictures are matched to their sources by name.
    """
    from mmdrfuse.cli.tables import catalogue
    from mmdrfuse.pipeline.candidates import from_baselines, labels
    from mmdrfuse.pipeline.scoring import score
    from mmdrfuse.pipeline.summary import Scores

    if bool(infrared) != bool(visible):
        raise click.UsageError("--ir and --vis go together")
    if list_:
        show(*catalogue())
        return
    scheme, names = _resolve(metrics, protocol)
    fused = fused or (() if infrared else (Path(),))
    trivial = [name for name in baselines.split(",") if name]
    check_deliverable(json_, csv_, overwrite=overwrite)
    report = Report()
    methods = dict(zip(labels(fused, trivial), fused, strict=True))
    candidates, pairs = _candidates(methods, infrared, visible, report)
    candidates += from_baselines(trivial, pairs)
    made = _made(methods)
    scores = Scores(scheme, names)
    with progress("scoring", len(candidates)) as advance:
        for candidate, result in score(candidates, metrics=names, protocol=scheme, workers=workers):
            report.add(result)
            if isinstance(result, dict):
                scores.add(candidate.method, candidate.pair.name, result)
            advance(f"{candidate.method} {candidate.pair.name}")
    if not scores.methods:
        raise InputError("nothing was scored: name folders of fused pictures, or --baselines with --ir and --vis")
    for metric in names:
        if lacking := scores.undefined(metric):
            warn(f"{metric}: has no value for {lacking} pictures, which may be too small for it")
    if json_:
        document = {**scores.document(compare=compare), "failures": report.failures, "made": made}
        deliver(json_, json.dumps(document, indent=1, allow_nan=False) + "\n")
    if csv_:
        deliver(csv_, scores.csv())
    if "-" not in (json_, csv_):  # after the files: whoever reads the tables may stop reading
        _show(scores, per_image, compare)
    report.finish("pictures scored")


def _resolve(metrics: str | None, protocol: str) -> tuple[str, tuple[str, ...]]:
    """Spell protocol and metrics as their tables do."""
    from mmdrfuse.metrics import find_metric, find_protocol, names

    scheme = find_protocol(protocol)
    there = names(scheme.name)
    if metrics == "all":
        return scheme.name, there
    if metrics is not None:
        chosen = [find_metric(name.strip(), scheme).name for name in metrics.split(",") if name.strip()]
    else:
        chosen = [name for name in USUAL.split(",") if name in there]
    if not chosen:
        raise click.UsageError(f"name metrics with --metrics; {scheme.name} has {', '.join(there)}")
    return scheme.name, tuple(dict.fromkeys(chosen))


def _candidates(
    methods: dict[str, Path], infrared: Path | None, visible: Path | None, report: Report
) -> "tuple[list[Candidate], list[Pair]]":
    """Find what to score and its sources; what is missing counts as failed."""
    from mmdrfuse.datasets import pair_folders, pair_key
    from mmdrfuse.pipeline.candidates import from_folder, from_manifest

    candidates: list[Candidate] = []
    if infrared is None or visible is None:
        for method, folder in methods.items():
            try:
                candidates += from_manifest(method, folder)
            except ManifestError as error:
                report.add(error)
        return candidates, sorted({candidate.pair for candidate in candidates})

    pairing = pair_folders(infrared, visible, recursive=True)
    for line in (*pairing.partnerless(), *pairing.unclear()):
        report.fail(line)
    for method, folder in methods.items():
        matching = from_folder(method, folder, pairing.pairs, pair_key)
        candidates += matching.candidates
        for pair in matching.missing:
            report.fail(f"{folder}: no picture for {pair.name}")
        for path in matching.spare:
            warn(f"{path}: belongs to no pair, not scored")
    return candidates, list(pairing.pairs)


def _made(methods: dict[str, Path]) -> dict[str, Any]:
    """Collect how the pictures of each folder were made, where its manifest knows; say so where that differs."""
    from mmdrfuse.pipeline.candidates import how_made

    made = {}
    for method, folder in methods.items():
        with contextlib.suppress(ManifestError):  # pictures matched by name need none
            made[method] = how_made(folder)
    for what in ("range", "weights"):
        values = {method: ", ".join(how[what]) for method, how in made.items()}
        if len(set(values.values())) > 1:
            listed = "; ".join(f"{method}: {value}" for method, value in values.items())
            warn(f"the folders were made with different {what}, which alone moves scores ({listed})")
    return made


def _show(scores: "Scores", per_image: bool | None, compare: bool) -> None:
    from mmdrfuse.cli import tables

    single = len(scores.methods) == 1
    if single if per_image is None else per_image:
        show(tables.pictures(scores))
    if not scores.comparable():
        warn("the methods were scored on different pictures, so their means and ranks cannot be compared")
    show(tables.methods(scores))
    if compare:
        show(tables.comparison(scores))
