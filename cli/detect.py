"""``mmdrfuse detect``: find people, or what else is labelled, in fused pictures."""

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import Report, check_outputs, messages, progress, show, warn, wrong_usage
from mmdrfuse.cli.shared.options import (
    EXISTING,
    EXISTING_FILE,
    FOLDER,
    NAME_OR_FILE,
    Sectioned,
    cluster_option,
    json_option,
    overwrite_option,
    size_policy_option,
    split_names,
)
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
    write_documents,
    write_html,
)
from mmdrfuse.system.atomic import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdrfuse.detection.labels import Labels
    from mmdrfuse.detection.outcome import DetectionResult
    from mmdrfuse.detection.results import Results
    from mmdrfuse.images import Side
    from mmdrfuse.pair import Pair
    from mmdrfuse.system.workers import Workers

DETECTIONS, SCORES = "detections.json", "scores.json"

SECTIONS = {
    "What detects": ("--detector", "--classes", "--detections"),
    "What is scored": ("--labels", "--boxes-on", "--tone", "--baselines"),
    "Where the sources are, if no manifest names them": ("--ir", "--vis", "--size-policy", "--rig"),
    "What comes out": ("-o", "--draw", "--html", "--full", "--compare", "--json", "--csv"),
}


@dataclass(frozen=True)
class Options:
    """The options of the command, under the names that click passes."""

    fused: tuple[Path, ...]
    detector: str | None
    classes: str
    detections: tuple[str, ...]
    labels: Path | None
    boxes_on: "Side | None"
    tone: str | None
    infrared: Path | None
    visible: Path | None
    size_policy: str
    rig: Path | None
    baselines: str
    output: Path | None
    draw: Path | None
    compare: bool
    json_: str | None
    csv_: str | None
    html: Path | None
    full: bool
    workers: "Workers | None"
    overwrite: bool

    def check(self) -> None:
        """Refuse options that do not fit each other, and targets that cannot be written."""
        from mmdrfuse.detection.tones import FREE, parse

        if not self.detector and not self.detections:
            raise click.UsageError("say what detects: --detector FILE.onnx, or boxes that were found with --detections")
        if not self.labels and (self.detections or self.tone == FREE or self.json_ or self.csv_ or self.html):
            raise click.UsageError(
                "--detections, --tone free, --json, --csv and --html need --labels; -o writes what was found"
            )
        self._check_detections()
        if (self.rig or self.size_policy != "error") and not self.infrared:
            raise click.UsageError("--size-policy and --rig go with --ir and --vis; a manifest names its own")
        if self.tone is not None:
            with wrong_usage("--tone"):
                parse(self.tone)
        check_html(self.html, full=self.full, overwrite=self.overwrite)
        check_outputs(self.json_, self.csv_, str(self.html) if self.html else None, overwrite=self.overwrite)
        for folder in (self.output, self.draw):
            if folder and folder.is_dir() and any(folder.iterdir()):
                refuse_existing(folder, overwrite=self.overwrite)

    def _check_detections(self) -> None:
        """Refuse what only a detector does, where boxes were found elsewhere."""
        for text in self.detections:
            name, joint, path = text.partition("=")
            if joint and not (name and path):
                raise click.UsageError(f"--detections {text}: give NAME=FILE")
        needing = {
            "--tone": self.tone not in (None, "raw"), "--baselines": self.baselines, "--boxes-on": self.boxes_on,
            "--draw": self.draw, "FUSED": self.fused,
        }  # fmt: skip
        unused = [name for name, given in needing.items() if given]
        if unused and not self.detector:
            raise click.UsageError(
                f"{', '.join(unused)} cannot go without --detector: boxes of --detections are scored as they are"
            )

    def class_names(self) -> list[str] | None:
        """Return the names of the detector's classes, if they are given."""
        return split_names(self.classes) or None

    def results(self) -> "dict[str, Results]":
        """Read the boxes of other programs, by the names of their rows."""
        from mmdrfuse.detection import read_results

        results = {}
        for text in self.detections:
            name, joint, path = text.partition("=")
            file = Path(path if joint else text)
            method = name if joint else file.stem
            if method in results:
                raise click.UsageError(f"--detections has two rows called {method}")
            results[method] = read_results(file, self.class_names(), method=method)
        return results

    def prepared(self, pairs: "Sequence[Pair] | None") -> "list[Pair] | None":
        """Return the pairs with the preparation that the options name."""
        from mmdrfuse.pair import Preparation
        from mmdrfuse.registration.rig import read

        if pairs is None:
            return None
        preparation = Preparation(self.size_policy)
        if self.rig:
            preparation = preparation.onto(read(self.rig))
        return [replace(pair, preparation=preparation) for pair in pairs]


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Find people in fused pictures, and say if fusion helps.")
@fused_argument
@click.option(
    "--detector", metavar="FILE.onnx|MODULE:FUNCTION", type=NAME_OR_FILE,
    help="What detects: an ONNX file whose outputs are recognised, or a Python function, as module:function or "
    "file.py:function.",
)  # fmt: skip
@click.option(
    "--classes", metavar="A,B,…", default="", show_default=False,
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
    "--boxes-on", type=click.Choice(["infrared", "visible"]),
    help="The side that the boxes were drawn on.  [default: visible, or the one of the labels' size]",
)  # fmt: skip
@click.option(
    "--tone", metavar="raw|free|GAIN,OFFSET", show_default="free with labels, otherwise raw",
    help="raw takes the pictures as they are. free also takes each row in the tone that its detector likes, chosen on "
    "one half of the pictures and scored on the other. Or one tone for all.",
)  # fmt: skip
@sources_options
@size_policy_option("What was done if the two sizes differ, as in  mmdrfuse fuse. The labels move with the pixels.")
@click.option(
    "--rig", type=EXISTING_FILE, metavar="FILE",
    help="Two cameras that are not aligned: their rig, as `mmdrfuse align` finds it. The labels move with the pixels.",
)  # fmt: skip
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
@html_option
@full_option
@score_workers_option
@cluster_option
@overwrite_option
def detect(fused: tuple[Path, ...], **options: Any) -> None:  # noqa: ANN401
    """Detect in the pictures of each folder FUSED, and in their sources; each is a row of the table.

    With labels, the table has the average precision (COCO's, 0 to 100) of each row, and the difference of the first
    FUSED to it, each with a 95 % interval. One detector does not rank fusions: another may turn the order round.

    A folder that `mmdrfuse fuse` wrote names its sources in manifest.jsonl. For pictures from elsewhere, name the
    folders of the sources with --ir and --vis. FUSED is the current folder if you name none.
    """
    from mmdrfuse.datasets.labels import read

    asked = Options(fused, **options)
    asked.check()
    report = Report()
    pairs, unpaired = pair_sources(asked.infrared, asked.visible, report)
    labels = read(asked.labels) if asked.labels else None
    result = _found(fused, asked.prepared(pairs), labels, asked)
    for line in (*result.labels.get("notes", ()), *result.warnings):
        warn(line)
    for failure in result.failures:
        report.add(failure)
    result = replace(result, failures=(*unpaired, *result.failures))
    report.done = result.count
    _write(result, asked, report)
    if asked.draw:
        _draw(result, asked.draw, report)
    if asked.html and result.rows:
        from mmdrfuse.reports import write_detection_report

        write = partial(write_detection_report, result)
        write_html(write, asked.html, report, full=asked.full, overwrite=asked.overwrite)
    if "-" not in (asked.json_, asked.csv_) and result.count:
        _show(result, compare=asked.compare)
    report.finish("pictures looked at")


def _found(
    fused: "Sequence[Path]", pairs: "Sequence[Pair] | None", labels: "Labels | None", asked: Options
) -> "DetectionResult":
    """Run the detector, or score what was found."""
    from mmdrfuse.datasets import pair_key
    from mmdrfuse.detection import detect_folders, open_detector, score_results

    results = asked.results()
    if not asked.detector:
        assert labels is not None
        return score_results(results, labels, pairs)
    folders = fused or (() if asked.infrared else (Path(),))
    return detect_folders(
        folders, pairs, detector=open_detector(asked.detector, asked.class_names()), labels=labels,
        boxes_on=asked.boxes_on, results=results, baselines=split_names(asked.baselines), tone=asked.tone,
        key=pair_key, workers=asked.workers, progress=progress,
    )  # fmt: skip


def _write(result: "DetectionResult", asked: Options, report: Report) -> None:
    documents = {}
    scores = json.dumps(result.document(compare=asked.compare), indent=1, allow_nan=False) + "\n"
    if asked.json_:
        documents[asked.json_] = scores
    if asked.csv_:
        documents[asked.csv_] = result.csv()
    if asked.output:
        documents[str(asked.output / DETECTIONS)] = json.dumps(result.detections(), allow_nan=False) + "\n"
        if result.rows:
            documents[str(asked.output / SCORES)] = scores
    write_documents(documents, report)


def _draw(result: "DetectionResult", folder: Path, report: Report) -> None:
    from mmdrfuse.detection.drawing import MIN_DRAWN_SCORE, draw_all
    from mmdrfuse.system.workers import cores

    count = draw_all(result, folder, workers=cores(), progress=progress, on_failure=report.add)
    messages().print(f"{count} pictures with boxes of at least {MIN_DRAWN_SCORE:g} in {folder}")


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
    show(tables.protocol(result))
