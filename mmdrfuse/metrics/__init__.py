"""Fusion metrics under every convention in use.

`evaluate` scores one fused image against its sources, `names` lists what a protocol has, `METRICS` and `PROTOCOLS` are
the tables behind both.
"""

from mmdrfuse.metrics.evaluation import evaluate, find_metric, find_protocol, names
from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.protocols import PROTOCOLS, Protocol
from mmdrfuse.metrics.table import METRICS, markdown_table
from mmdrfuse.metrics.temporal import ROWS as _TEMPORAL

MEASURES = METRICS | {row.name: row for row in _TEMPORAL}
"""All that a table of scores may hold: the metrics of pictures, and the flicker of recordings."""

__all__ = [
    "MEASURES",
    "METRICS",
    "PROTOCOLS",
    "Metric",
    "Protocol",
    "Rule",
    "evaluate",
    "find_metric",
    "find_protocol",
    "markdown_table",
    "names",
]
