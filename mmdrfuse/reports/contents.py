"""What a report says: an evaluation in the words and numbers that its page shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.metrics import METRICS, PROTOCOLS
from mmdrfuse.pipeline.score import Candidate, Evaluation, Scores, Summary
from mmdrfuse.pipeline.score.comparison import SIGNIFICANT, Ranking
from mmdrfuse.reports import facts, selection

ACTIVITY = ("EN", "SD", "AG", "SF")
"""Metrics of the fused picture alone: they rise with contrast, and with noise and halos too."""
FAITHFULNESS = ("VIF", "Qabf", "SSIM")
"""Metrics that ask how much of the sources is in the fused picture."""
SIGNIFICANT_DIGITS = 5


@dataclass(frozen=True)
class Column:
    """One metric, as the table's head and its legend show it."""

    name: str
    title: str
    up: bool
    range: str
    unit: str
    reference: str
    note: str
    """What the protocol changes in it."""
    bug: bool
    """Whether that is an error of the protocol's program."""

    @property
    def arrow(self) -> str:
        """Return the direction of better."""
        return "↑" if self.up else "↓"

    @property
    def heading(self) -> str:
        """Return the name, with † where an error is reproduced."""
        return f"{self.name}{'†' if self.bug else ''}"


@dataclass(frozen=True)
class Cell:
    """One method in one metric."""

    mean: str
    std: str
    interval: str
    rank: int | None
    value: float | None
    """The mean; None where it is undefined."""

    @property
    def place(self) -> str:
        """Return ``best``, ``second`` or nothing."""
        return {1: "best", 2: "second"}.get(self.rank or 0, "")


@dataclass(frozen=True)
class Row:
    """One method of the table."""

    method: str
    pictures: int
    cells: tuple[Cell, ...]
    mean_rank: float | None
    """Over the metrics; None where the methods cannot be ranked."""


@dataclass(frozen=True)
class Test:
    """Two methods, with p and effect in each metric."""

    first: str
    second: str
    pictures: int
    cells: tuple[tuple[str, str, bool], ...]
    """Of each metric: p with Holm's correction, effect, and whether p is below 0.05."""


@dataclass(frozen=True)
class Contents:
    """Everything that a report says, but its pictures and plots."""

    evaluation: Evaluation
    summaries: dict[str, dict[str, Summary]]
    columns: list[Column]
    rows: list[Row]
    traps: list[str]
    tests: list[Test]
    rankings: dict[str, Ranking | None]
    pairs: list[str]
    """The names of all pairs; their places here are their numbers."""
    reasons: dict[int, list[str]]
    """The numbers of all pairs in the order in which they are shown, each with why it stands there."""
    candidates: list[tuple[Candidate | None, ...]]
    """For each pair the picture of each method."""
    run: dict[str, str]
    made: dict[str, dict[str, str]]
    """How the pictures of each method were made."""
    labelled: dict[str, LabelledPicture]
    """The boxes of each labelled pair."""
    classes: tuple[str, ...]
    """The names of their classes."""

    @classmethod
    def of(cls, evaluation: Evaluation, command: str, labels: Labels | None = None) -> "Contents":
        """Collect what a report of an evaluation says.

        Raises:
            InputError: The labels are of other pictures.
        """
        scores = evaluation.scores
        summaries = scores.summarise()
        pairs = scores.pictures()
        found = {(one.method, one.pair.name): one for one in evaluation.candidates}
        return cls(
            evaluation,
            summaries,
            columns=columns(scores),
            rows=rows(scores, summaries),
            traps=traps(scores, summaries),
            tests=tests(scores),
            rankings=scores.rank(),
            pairs=pairs,
            reasons=selection.choose(scores),
            candidates=[tuple(found.get((method, pair)) for method in scores.methods) for pair in pairs],
            run=facts.facts(command),
            made=facts.methods(evaluation),
            labelled=labels.matched(pairs)[0] if labels else {},
            classes=labels.classes if labels else (),
        )

    @property
    def methods(self) -> list[str]:
        """Return the names of the methods."""
        return list(self.evaluation.scores.methods)

    @property
    def has_rig(self) -> bool:
        """Return whether the infrared of any pair was laid onto the visible by a transform."""
        return any(one.pair.preparation.transform for row in self.candidates for one in row if one)

    @property
    def picture_count(self) -> int:
        """Return the number of pictures: the sources of every pair, and its fused pictures."""
        return sum(2 + sum(one is not None for one in row) for row in self.candidates)

    @property
    def counted(self) -> str:
        """Return the numbers of pairs, methods and scored pictures in words."""
        parts = ((len(self.pairs), "pair"), (len(self.methods), "method"), (self.evaluation.count, "scored picture"))
        return ", ".join(f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in parts)


def columns(scores: Scores) -> list[Column]:
    """Return the metrics of the table."""
    found = []
    for name in scores.metrics:
        metric = METRICS[name]
        rule = metric.protocols[scores.protocol]
        low, high = ("∞" if math.isinf(bound) else f"{bound:g}" for bound in metric.range)
        range_ = f"{'−' if math.isinf(metric.range[0]) else ''}{low} to {high}"
        found.append(
            Column(
                name, metric.title, metric.higher_is_better, range_, metric.unit, metric.reference, rule.note, rule.bug
            )
        )
    return found


def rows(scores: Scores, summaries: dict[str, dict[str, Summary]]) -> list[Row]:
    """Return the rows of the table; they have ranks where several methods were scored on the same pictures."""
    ranked = len(summaries) > 1 and scores.comparable()
    found = []
    for method, summary in summaries.items():
        ranks = [cell.rank for cell in summary.values() if ranked and cell.rank is not None]
        mean_rank = sum(ranks) / len(ranks) if ranks else None
        cells = tuple(_cell(summary[metric], ranked=ranked) for metric in scores.metrics)
        found.append(Row(method, len(scores.methods[method]), cells, mean_rank))
    return found


def traps(scores: Scores, summaries: dict[str, dict[str, Summary]]) -> list[str]:
    """Return a sentence for each method that gains activity over another one and loses faithfulness.

    Such a method shows more contrast, edges or noise, but less of its sources.
    """
    if not scores.comparable():
        return []
    found = []
    for method, summary in summaries.items():
        losses: dict[tuple[str, str], list[str]] = {}
        for other, reference in summaries.items():
            risen = _better(summary, reference, ACTIVITY)
            fallen = _better(reference, summary, FAITHFULNESS)
            if risen and fallen:
                losses.setdefault((risen, fallen), []).append(other)
        found += [
            f"{method} is above {_listed(others)} in {risen}, but below in {fallen}"
            for (risen, fallen), others in losses.items()
        ]
    return found


def tests(scores: Scores) -> list[Test]:
    """Return the tests between every two methods."""
    found = []
    for (first, second), row in scores.compare().items():
        cells = tuple(
            (f"{one.p_holm:.2g}", f"{one.effect:+.2f}".replace("-", "−"), one.p_holm < SIGNIFICANT)
            for one in row.values()
        )
        found.append(Test(first, second, max((one.pictures for one in row.values()), default=0), cells))
    return found


def protocol_title(scores: Scores) -> str:
    """Return whose numbers the protocol gives."""
    return PROTOCOLS[scores.protocol].title


def rounded(value: float) -> float | None:
    """Return a number with few digits for scripts; None where it is not finite."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


def number(value: float) -> str:
    """Return a number as the table shows it."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return (f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}").replace("-", "−")


def summary_numbers(summary: Summary) -> list[Any]:
    """Return mean, deviation, both ends of the interval and rank for scripts."""
    return [*map(rounded, (summary.mean, summary.std, *summary.interval)), summary.rank]


def _cell(summary: Summary, *, ranked: bool) -> Cell:
    low, high = map(number, summary.interval)
    rank = summary.rank if ranked and not math.isnan(summary.mean) else None
    return Cell(number(summary.mean), number(summary.std), f"{low}, {high}", rank, rounded(summary.mean))


def _better(one: dict[str, Summary], other: dict[str, Summary], names: Sequence[str]) -> str:
    """Return the metrics in which the mean of one is above that of the other; all of them are better if higher."""
    return ", ".join(name for name in names if name in one and one[name].mean > other[name].mean)


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
