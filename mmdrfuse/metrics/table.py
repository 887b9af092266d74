"""The table of metrics: all metrics, their meanings, and what each protocol changes in them.

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
    targets,
    vif,
)
from mmdrfuse.metrics.metric import Metric, Rule

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
    fmi.ROWS,
    targets.ROWS,
    phase_congruency.ROWS,
)

METRICS = {metric.name: metric for family in FAMILIES for metric in family}

HEAD = ("metric", "what it measures", "range", "unit", "smallest", "defined by", "protocols, and what they change")


def rows() -> list[list[str]]:
    """Return the table of metrics in words, for people.

    Returns:
        One row a metric, as `HEAD` says: name with an arrow to its better side, meaning, range, unit, smallest size in
        pixels, source, and the protocols that have it with what each changes; † marks an error of that protocol's
        program, reproduced on purpose. Range, unit and size are those of the first protocol.
    """
    return [_cells(metric) for metric in METRICS.values()]


def markdown_table() -> str:
    """Return the rows as Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def _cells(metric: Metric) -> list[str]:
    arrow = "↑" if metric.higher_is_better else "↓"
    low, high = metric.range
    first, *_ = metric.protocols.values()
    return [
        f"{metric.name} {arrow}",
        metric.title,
        f"{_bound(low)}..{_bound(high)}",
        metric.unit,
        _size(first.smallest),
        metric.reference,
        "; ".join(_change(protocol, rule, first) for protocol, rule in metric.protocols.items()),
    ]


def _change(protocol: str, rule: Rule, first: Rule) -> str:
    mark = "†" if rule.bug else ""
    size = f"from {_size(rule.smallest)}" if rule.smallest != first.smallest else ""
    notes = ", ".join(note for note in (rule.note, size) if note)
    return f"{protocol}{mark} ({notes})" if notes else f"{protocol}{mark}"


def _bound(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "∞"


def _size(side: int) -> str:
    return f"{side}×{side}"
