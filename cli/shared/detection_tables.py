"""Lay out tables of detections for the terminal."""

import math
from collections.abc import Iterator

import numpy as np
from rich.table import Table
from rich.text import Text

from mmdrfuse.cli.shared.tables import table
from mmdrfuse.detection.detections import MAX_DETECTIONS, MIN_SCORE, NMS_IOU
from mmdrfuse.detection.drawing import MIN_DRAWN_SCORE
from mmdrfuse.detection.outcome import DetectionResult, Row
from mmdrfuse.detection.resampling import RESAMPLES
from mmdrfuse.detection.scores import Estimate, Scores
from mmdrfuse.detection.tones import FREE

HEADINGS = {"AP": "AP50:95 ↑", "AP50": "AP50 ↑", "AP75": "AP75 ↑", "MR": "MR⁻² ↓"}
"""By name of `mmdrfuse.detection.scores.MEASURES`."""


def main_table(result: DetectionResult) -> Table:
    """Return AP50:95 of each row, in each tone side by side, with the difference to the first row."""
    tones = _tones(result)
    first = result.rows[0].method
    headings = [f"{tone}: {what}" for tone in tones for what in (HEADINGS["AP"], f"{first} − it")]
    rows = []
    for row in result.rows:
        cells = [cell for tone in tones for cell in _pair(result, row, tone)]
        rows.append([Text(row.method), *cells, *([_wanted(row)] if FREE in tones else [])])
    wanted = ["tone wanted"] if FREE in tones else []
    count = len(result.pictures)
    pictures = f"{count} picture{'' if count == 1 else 's'}"
    title = f"{', '.join(result.classes)}: {pictures}, {result.objects} box{'' if result.objects == 1 else 'es'}"
    return table(title, ["method", *headings, *wanted], rows)


def other_measures(result: DetectionResult) -> Table:
    """Return AP50, AP75 and the log-average miss rate, with a line for each row and tone."""
    names = list(HEADINGS)[1:]
    rows = (
        [Text(row.method), Text(tone), *(_interval(scores.measures[name]) for name in names)]
        for row in result.rows
        for tone, scores in row.scores.items()
    )
    return table("other measures", ["method", "tone", *(HEADINGS[name] for name in names)], rows)


def parts(result: DetectionResult) -> Table | None:
    """Return AP50:95 of each class and size; None if there is but one of each."""
    found = [(row.method, tone, _parts(scores)) for row in result.rows for tone, scores in row.scores.items()]
    names = list(
        dict.fromkeys(name for _, _, values in found for name, value in values.items() if not math.isnan(value))
    )
    if len(names) < 2:
        return None
    rows = ([method, tone, *(_number(values.get(name, math.nan)) for name in names)] for method, tone, values in found)
    return table("AP50:95 by class and size", ["method", "tone", *names], rows)


def differences(result: DetectionResult) -> Table:
    """Return the differences of every two rows in all measures."""
    rows = (
        [Text(f"{one.first} − {one.second}"), Text(one.tone), *(_interval(one.differences[name]) for name in HEADINGS)]
        for one in result.comparisons
    )
    return table("differences on the same pictures", ["methods", "tone", *HEADINGS.values()], rows)


def counts(result: DetectionResult) -> Table:
    """Return how many boxes were found in each row, where nothing is labelled."""
    rows = []
    for method, pictures in result.found.items():
        scores = np.concatenate([next(iter(one.by_tone.values())).scores for one in pictures.values()])
        strong = int((scores >= MIN_DRAWN_SCORE).sum())
        rows.append([method, str(len(pictures)), str(len(scores)), str(strong)])
    return table(
        "boxes found", ["method", "pictures", f"score of {MIN_SCORE:g} or more", f"{MIN_DRAWN_SCORE:g} or more"], rows
    )


def protocol(result: DetectionResult) -> str:
    """Return in a few words how was scored, and against what."""
    return (
        f"labels: {result.labels['format']}, SHA-256 {result.labels['sha256'][:12]}…; "
        f"boxes of score {MIN_SCORE:g} or more, at most {MAX_DETECTIONS} a picture; NMS at {NMS_IOU:g}; "
        f"[95 % intervals] by {RESAMPLES} draws of the pictures. One detector does not rank fusions."
    )


def _tones(result: DetectionResult) -> list[str]:
    return list(dict.fromkeys(tone for row in result.rows for tone in row.scores))


def _pair(result: DetectionResult, row: Row, tone: str) -> Iterator[Text]:
    """Yield a row's score in a tone, and the difference to the first row."""
    scores = row.scores.get(tone)
    difference = result.difference(row.method, tone).get("AP")
    yield _interval(scores.measures["AP"]) if scores else Text("–")
    yield _interval(difference, signed=True) if difference else Text("")


def _interval(estimate: Estimate, *, signed: bool = False) -> Text:
    if math.isnan(estimate.value):
        return Text("–")
    sign = "+" if signed else ""
    value, low, high = (f"{100 * number:{sign}z.1f}" for number in (estimate.value, estimate.low, estimate.high))
    clear = signed and (estimate.low > 0 or estimate.high < 0)
    return Text.assemble((value, "bold" if clear else ""), f" [{low}, {high}]")


def _parts(scores: Scores) -> dict[str, float]:
    classes = scores.by_class if len(scores.by_class) > 1 else {}
    return {**classes, **scores.by_size}


def _wanted(row: Row) -> Text:
    return Text(" / ".join(dict.fromkeys(row.tones)) or "–")


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
