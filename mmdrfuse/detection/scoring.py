"""Score what was found against labels, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.matching import Matches
from mmdrfuse.detection.outcome import Comparison, DetectionResult, Row
from mmdrfuse.detection.precision import average_precision
from mmdrfuse.detection.resampling import Weights, draws
from mmdrfuse.detection.running import Found
from mmdrfuse.detection.scores import Sample, sample
from mmdrfuse.detection.tones import FREE, MIN_PICTURES, chosen, halves, title
from mmdrfuse.errors import InputError, abbreviated
from mmdrfuse.images import Side
from mmdrfuse.images.values.tones import Tone

Samples = dict[str, Sample]
"""By title of the tone."""


def score_found(result: DetectionResult, labels: Labels, *, boxes_on: Side | None = None) -> DetectionResult:
    """Return a result with its scores.

    All rows are scored on the pictures that are labelled and that every row has.

    Args:
        result: What was found.
        labels: Of the classes that were looked for.
        boxes_on: The side that the boxes were drawn on; None for the visible one, or the one of the labels' size.

    Raises:
        InputError: No picture has labels, or none is in all rows.
        MissingExtraError: faster-coco-eval is not installed.
    """
    truth, warnings = _labelled(result.found, labels)
    names = list(truth)
    scored = {
        method: _Scored(
            [pictures[name] for name in names],
            [pictures[name].truth(truth[name], boxes_on) for name in names],
            labels.classes,
        )
        for method, pictures in result.found.items()
    }
    objects = next(iter(scored.values())).count()
    if not objects:
        raise InputError(f"the labels have no {' and no '.join(labels.classes)} in these pictures")
    if len(names) < MIN_PICTURES and any(len(one.tones) > 1 for one in scored.values()):
        warnings.append("one picture cannot choose the tone for another, so the tone is not free")

    drawn = draws(len(names))
    samples = {method: one.samples(drawn) for method, one in scored.items()}
    rows = [
        Row(method, {tone: one.scores() for tone, one in samples[method].items()}, row.wanted())
        for method, row in scored.items()
    ]
    return replace(
        result,
        rows=tuple(rows),
        comparisons=tuple(_comparisons(samples)),
        pictures=tuple(names),
        objects=objects,
        truth={method: dict(zip(names, row.truth, strict=True)) for method, row in scored.items()},
        warnings=(*result.warnings, *warnings),
    )


def _labelled(found: Mapping[str, Mapping[str, Found]], labels: Labels) -> tuple[dict[str, LabelledPicture], list[str]]:
    """Return the labels of the pictures that all rows have, and lines about the others."""
    truth, unlabelled = labels.matched(sorted({name for pictures in found.values() for name in pictures}))
    warnings = [f"{abbreviated(unlabelled)}: not scored, because the labels do not have them"] if unlabelled else []
    for method, pictures in found.items():
        lost = [name for name in truth if name not in pictures]
        if lost:
            warnings.append(f"{method}: lacks {abbreviated(lost)}, which no row is scored on")
    shared = {
        name: labelled for name, labelled in truth.items() if all(name in pictures for pictures in found.values())
    }
    if not shared:
        raise InputError("no picture is in all rows, so the rows cannot be compared")
    return shared, warnings


class _Scored:
    """One row: its detections and labels in the pictures that are scored."""

    def __init__(self, found: Sequence[Found], truth: Sequence[LabelledPicture], classes: Sequence[str]) -> None:
        self.found = found
        self.truth = truth
        self.classes = classes
        self.tones = list(self.found[0].by_tone)
        self._matches = {tone: self._matched(self.in_tone(tone)) for tone in self.tones}

    def count(self) -> int:
        """Return the number of labelled boxes that count."""
        return sum(int((~one.ignored).sum()) for one in self.truth)

    def in_tone(self, tone: Tone) -> list[Detections]:
        """Return the boxes of each picture in one tone."""
        return [one.by_tone[tone] for one in self.found]

    def wanted(self) -> tuple[str, ...]:
        """Return the tones that are best on the first and on the second half."""
        return tuple(map(str, self._best())) if self._is_free() else ()

    def samples(self, drawn: Weights) -> Samples:
        """Return the measures in each tone of the table."""
        first = self.tones[0]
        samples = {title(first): self._sample(self.in_tone(first), self._matches[first], drawn)}
        if self._is_free():
            best = self._best()
            # What one half chose, the other half is scored in.
            used = [best[1 - side] for side in halves(len(self.found))]
            found = [one.by_tone[tone] for one, tone in zip(self.found, used, strict=True)]
            samples[FREE] = self._sample(found, self._matched(found), drawn)
        return samples

    def _is_free(self) -> bool:
        return len(self.tones) > 1 and len(self.found) >= MIN_PICTURES

    def _best(self) -> tuple[Tone, Tone]:
        return chosen(self._matches, len(self.found))

    def _matched(self, found: Sequence[Detections]) -> list[Matches]:
        return [Matches.of(found, self.truth, number) for number in range(len(self.classes))]

    def _sample(self, found: Sequence[Detections], matches: Sequence[Matches], drawn: Weights) -> Sample:
        precision = average_precision(found, self.truth, self.classes)
        if self.found[0].width == 1:  # boxes are shares of pictures of unknown size
            precision = replace(precision, by_size={})
        return sample(matches, precision, drawn)


def _comparisons(samples: Mapping[str, Samples]) -> "list[Comparison]":
    return [
        Comparison(first, second, tone, one.minus(samples[second][tone]))
        for first, second in combinations(samples, 2)
        for tone, one in samples[first].items()
        if tone in samples[second]
    ]
