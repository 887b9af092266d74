"""What a report says about an evaluation."""

import math
from collections.abc import Sequence
from typing import Any

from mmdrfuse.detection.labels import Labels
from mmdrfuse.metrics import METRICS, PROTOCOLS
from mmdrfuse.pipeline.score import Evaluation, Scores, Summary
from mmdrfuse.pipeline.score.comparison import SIGNIFICANT
from mmdrfuse.reports import facts, selection
from mmdrfuse.reports.contents import Cell, Column, Contents, Row, Test, Words, counted, number, rounded

ACTIVITY = ("EN", "SD", "AG", "SF")
"""Metrics of the fused picture alone: they rise with contrast, and with noise and halos too."""
FAITHFULNESS = ("VIF", "Qabf", "SSIM")
"""Metrics that ask how much of the sources is in the fused picture."""


def of_evaluation(evaluation: Evaluation, command: str, labels: Labels | None = None) -> Contents:
    """Return what a report of an evaluation says.

    Raises:
        InputError: The labels are of other pictures.
    """
    scores = evaluation.scores
    summaries = scores.summarise()
    numbers = selection.Numbers.of(scores)
    found = {(one.method, one.pair.name): one for one in evaluation.candidates}
    measured = columns(scores)
    candidates = [tuple(found.get((method, pair)) for method in numbers.methods) for pair in numbers.pairs]
    return Contents(
        words=_words(scores),
        counted=counted(len(numbers.pairs), len(numbers.methods), evaluation.count),
        methods=numbers.methods,
        columns=measured,
        rows=rows(scores, summaries),
        summary=[[summary_numbers(summary) for summary in row.values()] for row in summaries.values()],
        tests=tests(scores),
        numbers=numbers,
        metrics=measured,
        candidates=candidates,
        sources=[next(filter(None, row), None) for row in candidates],
        panes=[("infrared", -1), ("visible", -1), *((method, place) for place, method in enumerate(numbers.methods))],
        run=facts.facts(command),
        made=facts.methods(evaluation),
        warnings=evaluation.warnings,
        failures=tuple(failure.message for failure in evaluation.failures),
        comparable=scores.comparable(),
        traps=tuple(traps(scores, summaries)),
        rankings={metric: ranking for metric, ranking in scores.rank().items() if ranking},
        labelled=labels.matched(numbers.pairs)[0] if labels else {},
        classes=labels.classes if labels else (),
    )


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


def _words(scores: Scores) -> Words:
    return Words(
        "Fusion report",
        scores.protocol,
        f"{PROTOCOLS[scores.protocol].title}. Scores of different protocols must not be compared.",
        "Mean ± standard deviation over the pairs, and below it the 95 % interval of the mean (bootstrap).",
        "Every two methods on the pairs that both have: p of Wilcoxon's signed-rank test, two-sided, corrected by Holm "
        "for the number of rows; and the rank-biserial effect: +1 where the first method is better on every pair, −1 "
        "where the second is. Bold: p below 0.05.",
    )


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
