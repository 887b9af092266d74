"""The result of running a detector on the pictures of several methods."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from mmdrfuse.detection.detections import MAX_DETECTIONS, MIN_SCORE, NMS_IOU
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.resampling import RESAMPLES
from mmdrfuse.detection.running import Found
from mmdrfuse.detection.scores import MEASURES, Estimate, Scores
from mmdrfuse.detection.tones import FREE
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.pipeline.score.summary import finite
from mmdrfuse.version import __version__


@dataclass(frozen=True)
class Row:
    """The scores of one method."""

    method: str
    scores: Mapping[str, Scores]
    """Under each tone: ``raw`` (as the pictures are), ``free``, or the tone that was asked for."""
    tones: tuple[str, ...] = ()
    """The tones that were best on the first and on the second half of the pictures, where the tone is free."""


@dataclass(frozen=True)
class Comparison:
    """The difference of two rows, on the same pictures."""

    first: str
    second: str
    tone: str
    differences: Mapping[str, Estimate]
    """First minus second, by name of `mmdrfuse.detection.scores.MEASURES`."""


@dataclass(frozen=True)
class DetectionResult:
    """What a detector found in the pictures of several methods, and how much of what is labelled."""

    found: Mapping[str, Mapping[str, Found]]
    """Method → picture → what was found."""
    classes: tuple[str, ...]
    """Names of the classes that were looked for."""
    rows: tuple[Row, ...] = ()
    """Empty without labels."""
    comparisons: tuple[Comparison, ...] = ()
    """Of every two rows, in each tone that both have."""
    pictures: tuple[str, ...] = ()
    """Names of the labelled pictures, which all rows were scored on."""
    objects: int = 0
    """Number of labelled boxes that count, in these pictures of the first row."""
    truth: Mapping[str, Mapping[str, LabelledPicture]] = field(default_factory=dict)
    """Method → picture → its labels, in pixels of this picture."""
    detector: Mapping[str, Any] = field(default_factory=dict)
    """What the results depend on, such as the detector's file and its SHA-256."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """The labels' format, SHA-256, classes and notes."""
    failures: tuple[MMDRFuseError, ...] = ()
    """The errors of pictures in which nothing could be looked for."""
    warnings: tuple[str, ...] = ()
    """Reasons for caution, such as pictures without labels."""

    @property
    def count(self) -> int:
        """Return the number of pictures that were looked at."""
        return sum(map(len, self.found.values()))

    def difference(self, method: str, tone: str) -> Mapping[str, Estimate]:
        """Return the first row minus another one; nothing for the first row itself."""
        first = self.rows[0].method
        found = (one for one in self.comparisons if (one.first, one.second, one.tone) == (first, method, tone))
        return next((one.differences for one in found), {})

    def document(self, *, compare: bool = False) -> dict[str, Any]:
        """Return the scores as plain objects for JSON; scores are between 0 and 1, and undefined ones None.

        Args:
            compare: Add the difference between every two rows.
        """
        document: dict[str, Any] = {
            "version": __version__,
            "protocol": {
                "min_score": MIN_SCORE,
                "nms_iou": NMS_IOU,
                "max_detections": MAX_DETECTIONS,
                "resamples": RESAMPLES,
            },
            "detector": dict(self.detector),
            "labels": dict(self.labels),
            "classes": list(self.classes),
            "pictures": list(self.pictures),
            "objects": self.objects,
            "rows": {row.method: self._row(row) for row in self.rows},
            "failures": [failure.message for failure in self.failures],
            "warnings": list(self.warnings),
        }
        if compare:
            document["comparisons"] = [asdict(comparison) for comparison in self.comparisons]
        plain: dict[str, Any] = finite(document)
        return plain

    def detections(self) -> dict[str, Any]:
        """Return every box that was found as plain objects for JSON: in pixels, in the first tone that was looked in.

        `mmdrfuse.detection.read_results` reads them again.
        """
        methods = {
            method: {name: _boxes(one) for name, one in sorted(pictures.items())}
            for method, pictures in self.found.items()
        }
        return {
            "version": __version__,
            "detector": dict(self.detector),
            "classes": list(self.classes),
            "methods": methods,
        }

    def csv(self) -> str:
        """Return CSV: a line for each row and tone."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        ends = ("", "_low", "_high")
        names = [
            f"{name}{end}" for name in (*MEASURES, *(f"first_minus_this_{name}" for name in MEASURES)) for end in ends
        ]
        writer.writerow(["method", "tone", "wanted", *names])
        for row in self.rows:
            for tone, scores in row.scores.items():
                difference = self.difference(row.method, tone)
                estimates = [*scores.measures.values(), *(difference.get(name) for name in MEASURES)]
                values = [value for each in estimates for value in (astuple(each) if each else ("", "", ""))]
                writer.writerow([row.method, tone, " ".join(row.tones) if tone == FREE else "", *values])
        return text.getvalue()

    def _row(self, row: Row) -> dict[str, Any]:
        scores = {
            tone: {
                **asdict(values),
                "first_minus_this": {name: asdict(each) for name, each in self.difference(row.method, tone).items()},
            }
            for tone, values in row.scores.items()
        }
        return {"tones": list(row.tones), **scores}


def _boxes(found: Found) -> dict[str, Any]:
    boxes = next(iter(found.by_tone.values()))
    return {
        "width": found.width,
        "height": found.height,
        "boxes": boxes.boxes.tolist(),
        "scores": boxes.scores.tolist(),
        "classes": boxes.classes.tolist(),
    }
