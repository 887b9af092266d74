"""Tables of scores for the terminal."""

from rich.table import Table

from mmdrfuse.metrics import METRICS
from mmdrfuse.pipeline.summary import Scores, Summary


def methods(scores: Scores) -> Table:
    """One row a method: mean ± standard deviation, the best bold and the second underlined, with their ranks."""
    rows = scores.summarise()
    count = max(len(pictures) for pictures in scores.methods.values())
    table = Table(title=f"mean ± standard deviation over {count} pictures, protocol {scores.protocol}")
    table.add_column("method")
    for metric in scores.metrics:
        table.add_column(_heading(metric), justify="right")
    if len(rows) > 1:
        table.add_column("mean rank ↓", justify="right")
    for method, row in rows.items():
        cells = [_cell(row[metric], many=len(rows) > 1) for metric in scores.metrics]
        if len(rows) > 1:
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


def catalogue() -> Table:
    """One row a metric: what there is to ask for."""
    table = Table(title="metrics; range and unit are those of the first protocol named")
    for heading in ("metric", "", "range", "unit", "what", "by", "protocols"):
        table.add_column(heading)
    for name, metric in METRICS.items():
        low, high = metric.range
        table.add_row(
            name, _arrow(name), f"{low:g} … {high:g}", metric.unit, metric.title, metric.reference,
            ", ".join(metric.protocols),
        )  # fmt: skip
    return table


def _heading(metric: str) -> str:
    return f"{metric} {_arrow(metric)}"


def _arrow(metric: str) -> str:
    return "↑" if METRICS[metric].higher_is_better else "↓"


def _cell(summary: Summary, *, many: bool) -> str:
    text = f"{_number(summary.mean)} ± {_number(summary.std)}"
    if not many:
        return text
    style = {1: "bold", 2: "underline"}.get(summary.rank)
    text = f"{text} ({summary.rank})"
    return f"[{style}]{text}[/{style}]" if style else text


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}"
