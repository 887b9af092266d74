"""``mmdrfuse detect``: find people, or what else is labelled, in fused pictures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, check_outputs, messages, progress, show, warn, wrong_usage
from mmdrfuse.cli.shared.options import EXISTING, FOLDER, NAME_OR_FILE, Sectioned, json_option, overwrite_option
from mmdrfuse.cli.shared.scoring import (
    baselines_option,
    csv_option,
    fused_argument,
    pair_sources,
    score_workers_option,
    sources_options,
    split_names,
    write_documents,
)
from mmdrfuse.system.atomic import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mmdrfuse.detection.labels import Labels
    from mmdrfuse.detection.outcome import DetectionResult
    from mmdrfuse.detection.results import Results
    from mmdrfuse.pair import Pair

DETECTIONS, SCORES = "detections.json", "scores.json"

SECTIONS = {
    "What detects": ("--detector", "--classes", "--detections"),
    "What is scored": ("--labels", "--tone", "--ir", "--vis", "--baselines"),
    "What comes out": ("--output", "--draw", "--compare", "--json", "--csv"),
}


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Find people in fused pictures, and say if fusion helps.")
@fused_argument
@click.option(
    "--detector", metavar="FILE.onnx|MODULE:FUNCTION", type=NAME_OR_FILE,
    help="What detects: an ONNX file whose outputs are recognised, or a Python function, as module:function or "
    "file.py:function.",
)  # fmt: skip
@click.option(
    "--classes", metavar="A,B,…",
    help="Names of the detector's classes, in its order.  [default: those that it names, or COCO's]",
)  # fmt: skip
@click.option(
    "--detections", metavar="NAME=FILE|DIR", multiple=True, type=NAME_OR_FILE,
    help="Score boxes that another program has found, as a row NAME: COCO's results as JSON, or YOLO's text files with "
    "confidence. The option may come several times.",
)  # fmt: skip
@click.option(
    "--labels", metavar="FILE|DIR", type=EXISTING,
    help="The labelled boxes: VOC's XML, YOLO's text with data.yaml, COCO's JSON, KAIST's text, boxes.json of made-up "
    "scenes, or the root of a set; the format is recognised.",
)  # fmt: skip
@click.option(
    "--tone", metavar="raw|free|GAIN,OFFSET", show_default="free with labels, otherwise raw",
    help="raw takes the pictures as they are. free also takes each row in the tone that its detector likes, chosen on "
    "one half of the pictures and scored on the other. Or one tone for all.",
)  # fmt: skip
@sources_options
@baselines_option
@click.option(
    "-o", "--output", metavar="DIR", type=FOLDER,
    help=f"Write {DETECTIONS} with every box that was found, and with labels {SCORES}, to this folder.",
)  # fmt: skip
@click.option(
    "--draw", metavar="DIR", type=FOLDER,
    help="Write the pictures with boxes to this folder. With labels: green is found, red is missed, yellow is wrong.",
)  # fmt: skip
@click.option("--compare", is_flag=True, help="Print the difference of every two rows, with its interval.")
@json_option
@csv_option("row and tone")
@score_workers_option
@overwrite_option
def detect(
    fused: tuple[Path, ...],
    detector: str | None,
    classes: str | None,
    detections: tuple[str, ...],
    labels: Path | None,
    tone: str | None,
    infrared: Path | None,
    visible: Path | None,
    baselines: str,
    output: Path | None,
    draw: Path | None,
    compare: bool,
    json_: str | None,
    csv_: str | None,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Detect in the pictures of each folder FUSED, and in their sources; each is a row of the table.

    With labels, the table has the average precision (COCO's, 0 to 100) of each row, and the difference of the first
    FUSED to it, each with a 95 % interval. One detector does not rank fusions: another may turn the order round.

    A folder that `mmdrfuse fuse` wrote names its sources in manifest.jsonl. For pictures from elsewhere, name the
    folders of the sources with --ir and --vis. FUSED is the current folder if you name none.
    """
    from mmdrfuse.datasets.labels import read

    _check_usage(detector, detections, labels, tone, [json_, csv_])
    _check_targets(output, draw, [json_, csv_], overwrite=overwrite)
    report = Report()
    pairs, unpaired = pair_sources(infrared, visible, report)
    known = read(labels) if labels else None
    names = split_names(classes or "") or None
    further = _read_detections(detections, names)
    if detector:
        folders = fused or (() if infrared else (Path(),))
        result = _detected(
            folders, pairs, detector, names, labels=known, results=further, baselines=split_names(baselines),
            tone=tone, workers=workers, report=report,
        )  # fmt: skip
    else:
        from mmdrfuse.detection import score_results

        assert known is not None
        result = score_results(further, known)
    for line in (*result.labels.get("notes", ()), *result.warnings):
        warn(line)
    for failure in result.failures:
        report.add(failure)
    result = replace(result, failures=(*unpaired, *result.failures))
    report.done = result.count
    _write(result, json_, csv_, output, report, compare=compare)
    if draw:
        _draw(result, draw, report)
    if "-" not in (json_, csv_):
        _show(result, compare=compare)
    report.finish("pictures looked at")


def _check_usage(
    detector: str | None,
    detections: "Sequence[str]",
    labels: Path | None,
    tone: str | None,
    targets: "Sequence[str | None]",
) -> None:
    """Refuse options that do not fit each other."""
    from mmdrfuse.detection.tones import FREE, parse

    if not detector and not detections:
        raise click.UsageError("say what detects: --detector FILE.onnx, or boxes that were found with --detections")
    if not labels and (detections or tone == FREE or any(targets)):
        raise click.UsageError("--detections, --tone free, --json and --csv need --labels; -o writes what was found")
    if tone is not None:
        with wrong_usage("--tone"):
            parse(tone)


def _check_targets(output: Path | None, draw: Path | None, targets: "Sequence[str | None]", *, overwrite: bool) -> None:
    """Refuse, before any work, targets that exist or cannot be written."""
    check_outputs(*targets, overwrite=overwrite)
    for folder in (output, draw):
        if folder and folder.is_dir() and any(folder.iterdir()):
            refuse_existing(folder, overwrite=overwrite)


def _read_detections(detections: "Sequence[str]", classes: "Sequence[str] | None") -> "Mapping[str, Results]":
    """Read the boxes of other programs, by the names of their rows."""
    from mmdrfuse.detection import read_results

    results = {}
    for text in detections:
        name, joint, path = text.partition("=")
        file = Path(path if joint else text)
        method = name if joint else file.stem
        if method in results:
            raise click.UsageError(f"--detections has two rows called {method}")
        results[method] = read_results(file, classes, method=method)
    return results


def _detected(
    folders: "Sequence[Path]",
    pairs: "Sequence[Pair] | None",
    detector: str,
    classes: "Sequence[str] | None",
    *,
    labels: "Labels | None",
    results: "Mapping[str, Results]",
    baselines: "Sequence[str]",
    tone: str | None,
    workers: int | None,
    report: Report,
) -> "DetectionResult":
    """Run the detector."""
    from mmdrfuse.datasets import pair_key
    from mmdrfuse.detection import detect_folders, open_detector

    opened = open_detector(detector, classes)
    return detect_folders(
        folders, pairs, detector=opened, labels=labels, results=results, baselines=baselines, tone=tone,
        key=pair_key, workers=workers, progress=progress,
    )  # fmt: skip


def _write(
    result: "DetectionResult",
    json_: str | None,
    csv_: str | None,
    output: Path | None,
    report: Report,
    *,
    compare: bool,
) -> None:
    documents = {}
    scores = json.dumps(result.document(compare=compare), indent=1, allow_nan=False) + "\n"
    if json_:
        documents[json_] = scores
    if csv_:
        documents[csv_] = result.csv()
    if output:
        documents[str(output / DETECTIONS)] = json.dumps(result.detections(), allow_nan=False) + "\n"
        if result.rows:
            documents[str(output / SCORES)] = scores
    write_documents(documents, report)


def _draw(result: "DetectionResult", folder: Path, report: Report) -> None:
    from mmdrfuse.detection.drawing import LEAST_SCORE, draw_all
    from mmdrfuse.system.workers import cores

    count = draw_all(result, folder, workers=cores(), progress=progress, on_failure=report.add)
    messages().print(f"{count} pictures with boxes of at least {LEAST_SCORE:g} in {folder}")


def _show(result: "DetectionResult", *, compare: bool) -> None:
    """Print the tables; without labels, how much was found."""
    from mmdrfuse.cli.shared import detection_tables as tables

    if not result.rows:
        show(tables.counts(result))
        return
    show(tables.main_table(result))
    show(tables.other_measures(result))
    by_part = tables.parts(result)
    if by_part:
        show(by_part)
    if compare:
        show(tables.differences(result))
    show(tables.protocol())
