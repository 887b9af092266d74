"""What a report says about detections: how well objects are found in the pictures of several methods."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmdrfuse.detection import drawing
from mmdrfuse.detection.outcome import DetectionResult, Row
from mmdrfuse.detection.scores import MEASURES, Estimate
from mmdrfuse.detection.tones import FREE
from mmdrfuse.reports import contents, facts, selection
from mmdrfuse.reports.contents import Cell, Column, Contents, Test, Words
from mmdrfuse.reports.overlays import Box, shares

TITLES = {
    "AP": "average precision, mean over the overlaps 0.5 to 0.95",
    "AP50": "average precision at an overlap of 0.5",
    "AP75": "average precision at an overlap of 0.75",
    "MR": "log-average miss rate at an overlap of 0.5",
}
SOURCES = ("infrared", "visible")
KINDS = {drawing.FOUND: "found", drawing.MISSED: "missed", drawing.WRONG: "wrong", drawing.IGNORED: "ignored"}
COUNTS = {"found": "labelled objects that were found", "missed": "that were missed", "wrong": "boxes around none"}
"""What is counted on every picture, of boxes with a score of at least `drawing.MIN_DRAWN_SCORE`."""


def of_detections(result: DetectionResult, command: str) -> Contents:
    """Return what a report says about detections that are scored."""
    methods = tuple(row.method for row in result.rows)
    own = [method for method in methods if method not in SOURCES]
    boxes = {name: {method: _boxes(result, method, name) for method in methods} for name in result.pictures}
    columns, rows, summary = _table(result)
    candidates = [{method: result.found[method][name].candidate for method in methods} for name in result.pictures]
    return Contents(
        words=_words(result),
        counted=contents.counted(len(result.pictures), len(methods), len(result.pictures) * len(methods)),
        methods=methods,
        columns=columns,
        rows=rows,
        summary=summary,
        tests=_tests(result),
        numbers=_counted(methods, boxes),
        metrics=[Column(kind, title, kind == "found", "0 to ∞", "", "", "", False) for kind, title in COUNTS.items()],
        candidates=[tuple(row[method] for method in own) for row in candidates],
        sources=[next(filter(None, row.values()), None) for row in candidates],
        panes=[(name, methods.index(name) if name in methods else -1) for name in (*SOURCES, *own)],
        run={**facts.facts(command), "detector": _listed(result.detector), "labels": _listed(result.labels)},
        made={row.method: _made(row) for row in result.rows},
        warnings=result.warnings,
        failures=tuple(failure.message for failure in result.failures),
        boxes={name: tuple(row.get(pane, ()) for pane in (*SOURCES, *own)) for name, row in boxes.items()},
        boxes_from=drawing.MIN_DRAWN_SCORE,
    )


def _table(result: DetectionResult) -> tuple[list[Column], list[contents.Row], list[list[list[Any]]]]:
    """Return columns, rows, and the numbers for scripts."""
    names = [(measure, tone) for tone in result.rows[0].scores for measure in MEASURES]
    columns = [_column(measure, tone) for measure, tone in names]
    estimates = [[row.scores[tone].measures[measure] for measure, tone in names] for row in result.rows]
    by_column = zip(columns, zip(*estimates, strict=True), strict=True)
    places = [_ranks([one.value for one in values], up=column.up) for column, values in by_column]
    by_row = zip(*places, strict=True)
    ranked = [list(zip(row, ranks, strict=True)) for row, ranks in zip(estimates, by_row, strict=True)]
    rows = [
        contents.Row(row.method, len(result.pictures), tuple(_cell(one, rank) for one, rank in cells), None)
        for row, cells in zip(result.rows, ranked, strict=True)
    ]
    return columns, rows, [[_numbers(one, rank) for one, rank in cells] for cells in ranked]


def _column(measure: str, tone: str) -> Column:
    reference = "Dollár et al., TPAMI 34(4), 2012" if measure == "MR" else "COCO"
    title = f"{TITLES[measure]}, tone {tone}"
    return Column(f"{measure} {tone}", title, measure != "MR", "0 to 100", "", reference, f"tone {tone}", False)


def _ranks(values: list[float], *, up: bool) -> list[int | None]:
    """Return the place of each value; undefined ones have none."""
    sign = -1 if up else 1
    return [None if math.isnan(value) else 1 + sum(sign * other < sign * value for other in values) for value in values]


def _cell(one: Estimate, rank: int | None) -> Cell:
    value, low, high = (contents.number(100 * number) for number in (one.value, one.low, one.high))
    return Cell(value, "", f"{low}, {high}", rank, contents.rounded(100 * one.value))


def _numbers(one: Estimate, rank: int | None) -> list[float | int | None]:
    value, low, high = (contents.rounded(100 * number) for number in (one.value, one.low, one.high))
    return [value, None, low, high, rank]


def _tests(result: DetectionResult) -> list[Test]:
    """Return the differences of every two rows; one is clear where its interval is on one side of 0."""
    found = {(one.first, one.second, one.tone): one.differences for one in result.comparisons}
    names = [(measure, tone) for tone in result.rows[0].scores for measure in MEASURES]
    return [
        Test(
            first,
            second,
            len(result.pictures),
            tuple(_difference(found.get((first, second, tone), {}).get(measure)) for measure, tone in names),
        )
        for first, second in dict.fromkeys((one.first, one.second) for one in result.comparisons)
    ]


def _difference(one: Estimate | None) -> tuple[str, str, bool]:
    if one is None:
        return "–", "", False
    value, low, high = (f"{100 * number:+z.1f}".replace("-", "−") for number in (one.value, one.low, one.high))
    return value, f"[{low}, {high}]", one.low > 0 or one.high < 0


def _boxes(result: DetectionResult, method: str, name: str) -> tuple[Box, ...]:
    """Return what was found, missed and wrong in one picture, in the first tone."""
    found = result.found[method][name]
    strongest = next(iter(found.by_tone.values()))
    strongest = strongest.only(strongest.scores >= drawing.MIN_DRAWN_SCORE)
    coloured = list(drawing.coloured(strongest, result.truth[method][name]))
    corners = np.array([box for box, _ in coloured], np.float64).reshape(-1, 4)
    kinds = (KINDS[colour] for _, colour in coloured)
    return tuple(shares(corners, found.width, found.height, kinds, [""] * len(coloured)))


def _counted(methods: tuple[str, ...], boxes: Mapping[str, Mapping[str, Sequence[Box]]]) -> selection.Numbers:
    """Return how much was found, missed and wrong on every picture."""
    kinds = tuple(COUNTS)
    counts = [
        [[sum(box.kind == kind for box in row[method]) for kind in kinds] for row in boxes.values()]
        for method in methods
    ]
    up = tuple(kind == "found" for kind in kinds)
    return selection.Numbers(methods, tuple(boxes), kinds, up, np.array(counts, np.float64))


def _made(row: Row) -> dict[str, str]:
    first = next(iter(row.scores.values()))
    made = {"boxes found": f"{first.detections:,}, of any score"}
    if row.tones:
        made["tones wanted"] = f"{' and '.join(row.tones)}, on the two halves of the pictures"
    return made


def _listed(values: Mapping[str, object]) -> str:
    """Return names with their values in words, without those that are empty."""
    words = [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in values.items()
        if value
    ]
    return "; ".join(words) or "none"


def _words(result: DetectionResult) -> Words:
    free = (
        "The tone raw takes the pictures as they are; free is the tone that the detector likes best, chosen on one "
        "half of the pictures and scored on the other. "
        if FREE in result.rows[0].scores
        else ""
    )
    return Words(
        "Detection report",
        "COCO",
        f"average precision as COCO computes it, of {result.objects:,} labelled objects "
        f"({', '.join(result.classes)}); MR is the log-average miss rate. {free}One detector does not rank fusions: "
        "another may turn the order round.",
        "From 0 to 100, and below it the 95 % interval by resampled pictures.",
        "First minus second, with the 95 % interval of the difference by resampled pictures. Bold: 0 is outside of it.",
    )
