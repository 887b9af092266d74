"""Choose the pairs whose pictures a report shows first: the worst, the best, the most disputed, and a drawn sample."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.metrics import METRICS
from mmdrfuse.pipeline.score import Scores

Values = NDArray[np.float64]

OVERALL = 3
"""Pairs that are worst and best in all metrics together, at most, before those of single metrics follow."""


@dataclass(frozen=True)
class Numbers:
    """A number for every method, pair and metric."""

    methods: tuple[str, ...]
    pairs: tuple[str, ...]
    metrics: tuple[str, ...]
    up: tuple[bool, ...]
    """Whether more is better in each metric."""
    values: Values
    """(methods, pairs, metrics), NaN where there is none."""

    @classmethod
    def of(cls, scores: Scores) -> "Numbers":
        """Return the scores of an evaluation."""
        pairs = scores.pictures()
        missing = dict.fromkeys(scores.metrics, np.nan)
        rows = [[list(row.get(pair, missing).values()) for pair in pairs] for row in scores.methods.values()]
        values = np.array(rows, np.float64).reshape(len(rows), len(pairs), len(scores.metrics))
        up = tuple(METRICS[metric].higher_is_better for metric in scores.metrics)
        return cls(tuple(scores.methods), tuple(pairs), scores.metrics, up, values)


def standardised(numbers: Numbers) -> Values:
    """Return the numbers with mean 0 and standard deviation 1 in each metric, where more is better.

    Infinite ones count as missing.
    """
    found = np.where(np.isfinite(numbers.values), numbers.values, np.nan)
    found -= mean(found, axis=(0, 1))
    spread = np.sqrt(mean(found**2, axis=(0, 1)))
    sign = np.where(numbers.up, 1, -1)
    result: Values = sign * found / np.where(spread > 0, spread, 1)
    return result


def disagreement(numbers: Numbers) -> Values:
    """Return how much the methods disagree on each pair.

    It is the standard deviation of the standardised numbers over the methods, as the mean over the metrics; NaN where
    fewer than two methods have one.
    """
    found = standardised(numbers)
    several = np.isfinite(found).sum(axis=0) > 1
    variance = mean((found - mean(found, axis=0)) ** 2, axis=0)
    return mean(np.where(several, np.sqrt(variance), np.nan), axis=1)


def overall(numbers: Numbers) -> Values:
    """Return the mean of each pair's standardised numbers, over the metrics and the methods."""
    return mean(mean(standardised(numbers), axis=2), axis=0)


def choose(numbers: Numbers) -> dict[int, list[str]]:
    """Return all pairs in the order in which a report shows them, each with the reasons in words.

    The worst, the best, the most disputed and the drawn pairs take turns, so that each kind is there however few
    pictures there is room for.
    """
    pairs = len(numbers.pairs)
    disagreements = disagreement(numbers)
    disputed = [int(pair) for pair in np.argsort(-disagreements, kind="stable") if np.isfinite(disagreements[pair])]
    turns = zip_longest(
        _extremes(numbers, "worst"),
        _extremes(numbers, "best"),
        ((pair, ("disputed", "")) for pair in disputed[: max(1, min(OVERALL, pairs // 4), pairs // 20)]),
        ((pair, ("drawn", "")) for pair in random.Random(0).sample(range(pairs), pairs)),
    )
    chosen: dict[int, list[tuple[str, str]]] = {}
    for turn in turns:
        for pair, reason in filter(None, turn):
            chosen.setdefault(pair, []).append(reason)
    return {pair: _words(reasons, len(numbers.methods)) for pair, reasons in chosen.items()}


def mean(array: Values, axis: int | Sequence[int]) -> Values:
    """Return the mean of the values that are not NaN; NaN where there is none."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    count = np.isfinite(array).sum(axis=axes)
    total = np.nansum(array, axis=axes)
    result: Values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def _extremes(numbers: Numbers, which: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the worst or best pairs with the reason: of all metrics together, then of each metric and method."""
    sign = 1 if which == "worst" else -1
    found = sign * standardised(numbers)
    together = sign * overall(numbers)
    most = min(OVERALL, max(1, len(together) // 4))
    for pair in np.argsort(together, kind="stable")[:most]:
        if np.isfinite(together[pair]):
            yield int(pair), (f"{which} of all", "")
    for index, metric in enumerate(numbers.metrics):
        for row, method in zip(found, numbers.methods, strict=True):
            column = row[:, index]
            if np.isfinite(column).any():
                yield int(np.nanargmin(column)), (f"{which} {metric}", method)


def _words(reasons: Sequence[tuple[str, str]], methods: int) -> list[str]:
    """Return the reasons with all methods of one reason together; to be drawn is a reason only where it is the only."""
    by_reason: dict[str, list[str]] = {}
    for reason, method in reasons:
        by_reason.setdefault(reason, []).append(method)
    if len(by_reason) > 1:
        by_reason.pop("drawn", None)
    words = []
    for reason, named in by_reason.items():
        everywhere = methods > 1 and len(named) == methods
        of = " of every method" if everywhere else f" of {', '.join(named)}" if named[0] and methods > 1 else ""
        words.append(f"{reason}{of}")
    return words
