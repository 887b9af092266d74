"""The table of metrics: the one place that knows which there are, what each means and what a protocol changes in it.

`names` and `evaluate`, the listing of the command line, the README's table and the tests' parameters all come from it.
"""

import math

from mmdrfuse.metrics import (
    contrast_sensitivity,
    distances,
    edge_preservation,
    entropy,
    fmi,
    multiscale_details,
    mutual_information,
    phase_congruency,
    piella,
    ssim,
    statistics,
    vif,
)
from mmdrfuse.metrics.metric import Metric

FAMILIES = (
    entropy.ROWS,
    statistics.ROWS,
    distances.ROWS,
    mutual_information.ROWS,
    ssim.ROWS,
    vif.ROWS,
    piella.ROWS,
    edge_preservation.ROWS,
    contrast_sensitivity.ROWS,
    multiscale_details.ROWS,
    phase_congruency.ROWS,
    fmi.ROWS,
)

METRICS = {metric.name: metric for family in FAMILIES for metric in family}

HEAD = ("metric", "what it measures", "range", "unit", "defined by", "protocols, and what they change")


def rows() -> list[list[str]]:
    """The table of metrics in words, for people.

    Returns:
        One row a metric, as `HEAD` says: name with an arrow to its better side, meaning, range, unit, source, and the
        protocols that have it with what each changes; † marks an error of that protocol's program, reproduced on
        purpose.
    """
    return [_cells(metric) for metric in METRICS.values()]


def markdown_table() -> str:
    """The rows as Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def _cells(metric: Metric) -> list[str]:
    changes = (
        f"{protocol}{'†' if rule.bug else ''}{f' ({rule.note})' if rule.note else ''}"
        for protocol, rule in metric.protocols.items()
    )
    return [
        f"{metric.name} {'↑' if metric.higher_is_better else '↓'}",
        metric.title,
        "..".join(_bound(value) for value in metric.range),
        metric.unit,
        metric.reference,
        "; ".join(changes),
    ]


def _bound(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "∞"
