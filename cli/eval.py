"""``mmdrfuse eval``: score fused pictures against their sources."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import (
    EXISTING_FOLDER,
    Report,
    overwrite_option,
    progress,
    results,
    warn,
    workers_option,
)
from mmdrfuse.errors import InputError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.pairs import Pair
    from mmdrfuse.pipeline.scoring import Candidate
    from mmdrfuse.pipeline.summary import Scores

USUAL = "EN,SD,SF,AG,MI,SCD,VIF,Qabf,SSIM,CC"


@click.command("eval")
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
    from mmdrfuse.pipeline.candidates import from_baselines
    from mmdrfuse.pipeline.scoring import score
    from mmdrfuse.pipeline.summary import Scores

    if list_:
        results().print(*catalogue())
        return
    scheme, names = _resolve(metrics, protocol)
    report = Report()
    candidates, pairs = _candidates(fused, infrared, visible, report)
    candidates += from_baselines([name for name in baselines.split(",") if name], pairs)
    if not candidates:
        raise click.UsageError("nothing to score: name a folder FUSED, or --baselines")
    made = _made(fused or (Path(),))
    scores = Scores(scheme, names)
    with progress("scoring", len(candidates)) as advance:
        for candidate, result in score(candidates, metrics=names, protocol=scheme, workers=workers):
            report.add(result)
            if isinstance(result, dict):
                scores.add(candidate.method, candidate.pair.name, result)
            advance(f"{candidate.method} {candidate.pair.name}")
    if not scores.methods:
        raise InputError("nothing could be scored; what kept each picture from it stands above")
    document = {**scores.document(compare=compare), "failures": report.failures, "made": made}
    for target, text in ((json_, json.dumps(document, indent=1, allow_nan=False) + "\n"), (csv_, scores.csv())):
        if target:
            _deliver(target, text, overwrite)
    if "-" not in (json_, csv_):
        _show(scores, per_image, compare)
    report.finish("pictures scored")


def _resolve(metrics: str | None, protocol: str) -> tuple[str, tuple[str, ...]]:
    """Spell protocol and metrics as their tables do."""
    from mmdrfuse.metrics import find_metric, find_protocol, names

    scheme = find_protocol(protocol)
    there = names(scheme.name)
    if metrics is None:
        return scheme.name, tuple(name for name in USUAL.split(",") if name in there)
    if metrics == "all":
        return scheme.name, there
    return scheme.name, tuple(find_metric(name.strip(), scheme).name for name in metrics.split(","))


def _candidates(
    folders: Sequence[Path], infrared: Path | None, visible: Path | None, report: Report
) -> "tuple[list[Candidate], list[Pair]]":
    """Find what to score and its sources; what is missing counts as failed."""
    from mmdrfuse.datasets import pair_folders, pair_key
    from mmdrfuse.pipeline.candidates import from_folder, from_manifest, labels

    if infrared is None or visible is None:
        if infrared or visible:
            raise click.UsageError("--ir and --vis go together")
        folders = folders or [Path()]
        candidates = [
            c for name, folder in zip(labels(folders), folders, strict=True) for c in from_manifest(name, folder)
        ]
        return candidates, sorted({candidate.pair for candidate in candidates})

    pairing = pair_folders(infrared, visible, recursive=True)
    for line in (*(f"{path}: no partner on the other side" for path in pairing.orphans), *pairing.unclear()):
        report.fail(line)
    candidates = []
    for name, folder in zip(labels(folders), folders, strict=True):
        matching = from_folder(name, folder, pairing.pairs, pair_key)
        candidates += matching.candidates
        for pair in matching.missing:
            report.fail(f"{folder}: no picture for {pair.name}")
        for path in matching.spare:
            warn(f"{path}: belongs to no pair, not scored")
    return candidates, list(pairing.pairs)


def _made(folders: Sequence[Path]) -> dict[str, Any]:
    """Collect how the pictures of each folder were made, and say so where that differs."""
    from mmdrfuse.pipeline.candidates import how_made, labels

    made = {name: how_made(folder) for name, folder in zip(labels(folders), folders, strict=True)}
    for what in ("range", "weights"):
        values = {name: ", ".join(how[what]) for name, how in made.items() if how}
        if len(set(values.values())) > 1:
            listed = "; ".join(f"{name}: {value}" for name, value in values.items())
            warn(f"the folders were made with different {what}, which alone moves scores ({listed})")
    return made


def _deliver(target: str, text: str, overwrite: bool) -> None:
    """Write to a file, or to standard output for ``-``."""
    from mmdrfuse.atomic import writing

    if target == "-":
        sys.stdout.write(text)
        return
    with writing(Path(target), overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _show(scores: "Scores", per_image: bool | None, compare: bool) -> None:
    from mmdrfuse.cli import tables

    single = len(scores.methods) == 1
    if single if per_image is None else per_image:
        results().print(tables.pictures(scores))
    results().print(tables.methods(scores))
    if compare:
        results().print(tables.comparison(scores))
