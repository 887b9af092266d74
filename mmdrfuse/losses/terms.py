"""The terms of a training loss, and their sum."""

from collections.abc import Mapping

from torch import Tensor

from mmdrfuse.recipes import Weights

Terms = dict[str, Tensor]
"""Term → scalar; with the weighted sum under ``total``."""


def total(terms: Mapping[str, Tensor], weights: Weights) -> Terms:
    """Return the terms, and their weighted sum under the name ``total``."""
    weighted = [getattr(weights, name) * value for name, value in terms.items()]
    return {**terms, "total": sum(weighted[1:], start=weighted[0])}
