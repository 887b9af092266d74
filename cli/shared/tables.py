"""Lay out tables of scores for the terminal."""

import math
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from mmdrfuse.metrics import MEASURES, PROTOCOLS
from mmdrfuse.metrics.table import HEAD, rows
from mmdrfuse.pipeline.score import Scores, Summary

WIDE = 12
"""A table with more metrics than this has them as rows."""


def methods(scores: Scores) -> Table:
    """Return a table of methods: mean ± standard deviation, and below it the interval of the mean.

    A method is a row, or a column if there are many metrics. Among several methods the best is bold, the second is
    underlined, and each has its rank.
    """
    summaries = scores.summarise()
    many = len(summaries) > 1 and scores.comparable()
    headings = [_heading(metric) for metric in scores.metrics] + (["mean rank ↓"] if many else [])
    columns = {}
    for method, row in summaries.items():
        columns[method] = [_cell(row[metric], many=many) for metric in scores.metrics]
        if many:
            ranks = [summary.rank for summary in row.values() if summary.rank is not None]
            columns[method].append(Text(f"{sum(ranks) / len(ranks):.2f}" if ranks else "–"))
    counts = {method: len(pictures) for method, pictures in scores.methods.items()}
    title = f"mean ± standard deviation [95 % interval of the mean], {_counted(counts)}, protocol {scores.protocol}"
    if len(scores.metrics) > WIDE:
        return table(title, ["metric", *map(str, columns)], zip(headings, *columns.values(), strict=True))
    return table(title, ["method", *headings], ([method, *cells] for method, cells in columns.items()))


def pictures(scores: Scores) -> Table:
    """Return a table of scores with a row for each method and picture."""
    several = len(scores.methods) > 1
    headings = [*(["method"] if several else []), "picture", *(_heading(metric) for metric in scores.metrics)]
    rows_ = (
        [*([method] if several else []), picture, *(_number(value) for value in values.values())]
        for method, images in scores.methods.items()
        for picture, values in images.items()
    )
    return table(f"scores by picture, protocol {scores.protocol}", headings, rows_)


def comparison(scores: Scores) -> Table:
    """Return a table with a row for every two methods: p with Holm's correction, and the rank-biserial effect."""
    rows_ = (
        [f"{first} – {second}", *(f"{found.p_holm:.2g}\n{found.effect:+.2f}" for found in row.values())]
        for (first, second), row in scores.compare().items()
    )
    title = (
        "p of Wilcoxon's paired signed-rank test, two-sided, with Holm's correction, and below it the rank-biserial "
        "effect: +1 if the first is better on every picture, −1 if the second"
    )
    return table(title, ["methods", *scores.metrics], rows_)


def catalogue() -> tuple[Table, Table]:
    """Return a table of all metrics and one of all protocols."""
    metrics = Table(
        *HEAD, title="metrics: range, unit and size hold for the first protocol; † an error, reproduced on purpose"
    )
    for row in rows():
        metrics.add_row(*row)
    protocols = Table("protocol", "whose numbers it reproduces", title="protocols")
    for protocol in PROTOCOLS.values():
        protocols.add_row(" = ".join((protocol.name, *protocol.aliases)), protocol.title)
    return metrics, protocols


def table(title: str, headings: Sequence[str], rows_: Iterable[Sequence[str | Text]]) -> Table:
    """Lay out rows; no cell is read as markup, whatever a folder is called.

    Args:
        title: Over the table.
        headings: Of the columns; those of names are on the left.
        rows_: The cells of each row.
    """
    table = Table(title=Text(title))
    for heading in headings:
        name = heading in {"method", "methods", "metric", "picture"}
        table.add_column(Text(heading), justify="left" if name else "right", overflow="fold")
    for row in rows_:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _heading(metric: str) -> str:
    return f"{metric} {'↑' if MEASURES[metric].higher_is_better else '↓'}"


def _counted(counts: dict[str, int]) -> str:
    if len(set(counts.values())) == 1:
        return _pictures(next(iter(counts.values())))
    return ", ".join(f"{_pictures(count)} of {method}" for method, count in counts.items())


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _cell(summary: Summary, *, many: bool) -> Text:
    if math.isnan(summary.mean):
        return Text("–")
    mean, std, low, high = (_number(value) for value in (summary.mean, summary.std, *summary.interval))
    style = {1: "bold", 2: "underline"}.get(summary.rank or 0, "") if many else ""
    rank = f" ({summary.rank})" if many else ""
    return Text.assemble((mean, style), f" ± {std}{rank}\n[{low}, {high}]")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"
