"""Tables of scores for the terminal."""

from rich.table import Table

from mmdrfuse.metrics import METRICS, PROTOCOLS
from mmdrfuse.metrics.table import HEAD, rows
from mmdrfuse.pipeline.summary import Scores, Summary


def methods(scores: Scores) -> Table:
    """One row a method: mean ± standard deviation over the 95 % interval of the mean.

    Of several methods the best is bold and the second underlined, and each has its rank.
    """
    summaries = scores.summarise()
    count = max(len(pictures) for pictures in scores.methods.values())
    title = f"mean ± standard deviation [95 % interval of the mean], {count} pictures, protocol {scores.protocol}"
    table = Table(title=title)
    table.add_column("method")
    for metric in scores.metrics:
        table.add_column(_heading(metric), justify="right")
    if len(summaries) > 1:
        table.add_column("mean rank ↓", justify="right")
    for method, row in summaries.items():
        cells = [_cell(row[metric], many=len(summaries) > 1) for metric in scores.metrics]
        if len(summaries) > 1:
            cells.append(f"{sum(summary.rank for summary in row.values()) / len(row):.2f}")
        table.add_row(method, *cells)
    return table


def pictures(scores: Scores) -> Table:
    """One row a method and picture."""
    table = Table(title=f"scores by picture, protocol {scores.protocol}")
    several = len(scores.methods) > 1
    for heading in (*(["method"] if several else []), "picture"):
        table.add_column(heading)
    for metric in scores.metrics:
        table.add_column(_heading(metric), justify="right")
    for method, images in scores.methods.items():
        for picture, values in images.items():
            table.add_row(*([method] if several else []), picture, *(_number(value) for value in values.values()))
    return table


def comparison(scores: Scores) -> Table:
    """One row for every two methods: p of Wilcoxon's signed-rank test over the pictures that they share."""
    table = Table(title="p of Wilcoxon's paired signed-rank test, two-sided, uncorrected")
    table.add_column("methods")
    for metric in scores.metrics:
        table.add_column(metric, justify="right")
    for (first, second), values in scores.compare().items():
        table.add_row(f"{first} – {second}", *(f"{p:.2g}" for p in values.values()))
    return table


def catalogue() -> tuple[Table, Table]:
    """One row a metric, and one a protocol: what there is to ask for."""
    metrics = Table(*HEAD, title="metrics: range and unit are those of the first protocol; † an error, kept on purpose")
    for row in rows():
        metrics.add_row(*row)
    protocols = Table("protocol", "whose numbers it gives", title="protocols")
    for protocol in PROTOCOLS.values():
        protocols.add_row(" = ".join((protocol.name, *protocol.aliases)), protocol.title)
    return metrics, protocols


def _heading(metric: str) -> str:
    return f"{metric} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def _cell(summary: Summary, *, many: bool) -> str:
    mean, std, low, high = (_number(value) for value in (summary.mean, summary.std, *summary.interval))
    interval = f"\\[{low}, {high}]"
    if not many:
        return f"{mean} ± {std}\n{interval}"
    style = {1: "bold", 2: "underline"}.get(summary.rank, "default")
    return f"[{style}]{mean}[/] ± {std} ({summary.rank})\n{interval}"


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"
