"""Summarise scores of pictures by method: means, confidence intervals, ranks and paired tests."""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError
from mmdrfuse.metrics import MEASURES
from mmdrfuse.pipeline.score.comparison import Comparison, Ranking, holm, rank_biserial, ranking, wilcoxon_p
from mmdrfuse.pipeline.score.rows import Rows
from mmdrfuse.version import __version__

RESAMPLES = 2000
"""Resamples of the bootstrap; other seeds move the interval's ends by about 2 % of its width."""
_VALUES_PER_BATCH = 2**19
"""Resampled values in memory at a time."""


@dataclass(frozen=True)
class Summary:
    """One method's scores in one metric."""

    mean: float
    std: float
    """Of the sample, n − 1; 0 for a single picture."""
    interval: tuple[float, float]
    """95 % percentile-bootstrap interval of the mean."""
    rank: int | None
    """1 is best, by the mean and the metric's direction; equal means share a rank, an undefined one is last. None where
    the metric is undefined for all methods."""


def plain(rows: Rows) -> dict[str, Any]:
    """Return the scores of a method as plain objects for JSON."""
    return {picture: finite(values) for picture, values in rows.items()}


class Streamed(dict[str, Any]):
    """The scores of a method for the encoder of `json` that is written in Python: it asks for one picture at a time."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def items(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        """Yield each picture with its scores."""
        return ((picture, finite(values)) for picture, values in self._rows.items())


@dataclass
class Scores:
    """Scores by method, picture and metric, under one protocol."""

    protocol: str
    metrics: tuple[str, ...]
    methods: dict[str, Rows] = field(default_factory=dict)
    """Method → picture → metric → value."""

    def add(self, method: str, picture: str, values: Mapping[str, float]) -> None:
        """Add one picture's scores; a missing metric becomes NaN.

        Raises:
            InputError: The method has scores of a picture of that name already.
        """
        pictures = self.methods.setdefault(method, Rows(self.metrics))
        if picture in pictures:
            raise InputError(f"{method}: two pictures are called {picture}; score their folders one at a time")
        pictures[picture] = {metric: values.get(metric, math.nan) for metric in self.metrics}

    def comparable(self) -> bool:
        """Return whether all methods were scored on the same pictures."""
        rows = [*self.methods.values()]
        return all(other.keys() == rows[0].keys() for other in rows[1:])

    def undefined(self, metric: str) -> int:
        """Return the number of pictures for which a metric has no value."""
        return sum(int(np.isnan(self.column(method, metric)).sum()) for method in self.methods)

    def column(self, method: str, metric: str) -> NDArray[np.float64]:
        """Return one method's values of one metric, in the order in which the pictures were added."""
        return self.methods[method].column(metric)

    def summarise(self) -> dict[str, dict[str, Summary]]:
        """Return a summary of every method in every metric: method → metric → summary."""
        ranks = {metric: self._ranks(metric) for metric in self.metrics}
        return {method: self._summaries(method, ranks) for method in self.methods}

    def compare(self) -> dict[tuple[str, str], dict[str, Comparison]]:
        """Test every two methods on the pictures they share: (first, second) → metric → the tests' results."""
        pairs = list(combinations(self.methods, 2))
        on = {pair: self._shared(pair) for pair in pairs}
        compared: dict[tuple[str, str], dict[str, Comparison]] = {pair: {} for pair in pairs}
        for metric in self.metrics:
            sign = 1 if MEASURES[metric].higher_is_better else -1
            differences = [sign * self._differences(*pair, metric, shared) for pair, shared in on.items()]
            p = [wilcoxon_p(values) for values in differences]
            for pair, values, raw, corrected in zip(pairs, differences, p, holm(p), strict=True):
                compared[pair][metric] = Comparison(len(values), raw, corrected, rank_biserial(values))
        return compared

    def rank(self) -> dict[str, Ranking | None]:
        """Test all methods at once on the pictures that all have: metric → ranking, in the order of the methods.

        It is None where there are fewer than three methods or two such pictures.
        """
        shared = self._shared([*self.methods])
        rankings = {}
        for metric in self.metrics:
            columns = [row.column(metric, shared) for row in self.methods.values()]
            values = np.array(columns).reshape(len(columns), len(shared))
            rankings[metric] = ranking(values, higher_is_better=MEASURES[metric].higher_is_better)
        return rankings

    def pictures(self) -> list[str]:
        """Return the names of all pictures, in the order in which they were added."""
        return list(dict.fromkeys(picture for row in self.methods.values() for picture in row))

    def document(self, *, compare: bool = False, images: Callable[[Rows], dict[str, Any]] = plain) -> dict[str, Any]:
        """Return everything as plain objects for JSON; NaN and infinity become None.

        Args:
            compare: Add the tests between methods.
            images: Returns the scores of a method's pictures: `plain`, or `Streamed` for very many.
        """
        summaries = self.summarise()
        document: dict[str, Any] = {
            "version": __version__,
            "protocol": self.protocol,
            "metrics": {
                metric: {"higher_is_better": MEASURES[metric].higher_is_better, "unit": MEASURES[metric].unit}
                for metric in self.metrics
            },
            "methods": {
                method: {
                    "summary": finite({metric: asdict(summary) for metric, summary in row.items()}),
                    "images": images(self.methods[method]),
                }
                for method, row in summaries.items()
            },
        }
        if compare:
            compared = self.compare()
            for key, field_ in (("wilcoxon_p", "p"), ("wilcoxon_p_holm", "p_holm"), ("rank_biserial", "effect")):
                tests = [
                    {"methods": methods, **{metric: getattr(found, field_) for metric, found in row.items()}}
                    for methods, row in compared.items()
                ]
                document[key] = finite(tests)
            document["friedman"] = finite({metric: found and asdict(found) for metric, found in self.rank().items()})
        return document

    def csv(self) -> Iterator[str]:
        """Yield the lines of CSV: one for each method and picture, then one with the means of each method."""
        writer = csv.writer(_Lines(), lineterminator="\n")
        line = writer.writerow
        yield line(["method", "image", *self.metrics])
        for method, pictures in self.methods.items():
            yield from (line([method, picture, *values.values()]) for picture, values in pictures.items())
        for method in self.methods:
            yield line([method, "mean", *(float(self.column(method, metric).mean()) for metric in self.metrics)])

    def _summaries(self, method: str, ranks: Mapping[str, Mapping[str, int | None]]) -> dict[str, Summary]:
        """Summarise some metrics at a time, so that columns of a million pictures are not copied all at once."""
        step = 1 + _VALUES_PER_BATCH // len(self.methods[method])
        found: dict[str, Summary] = {}
        for start in range(0, len(self.metrics), step):
            metrics = self.metrics[start : start + step]
            columns = np.stack([self.column(method, metric) for metric in metrics])  # (metrics, pictures)
            for metric, (mean, std, (low, high)) in zip(metrics, _means(columns), strict=True):
                found[metric] = Summary(mean, std, (low, high), ranks[metric][method])
        return found

    def _ranks(self, metric: str) -> dict[str, int | None]:
        sign = -1 if MEASURES[metric].higher_is_better else 1
        means = {method: sign * float(self.column(method, metric).mean()) for method in self.methods}
        if all(map(math.isnan, means.values())):
            return dict.fromkeys(means)
        means = {method: math.inf if math.isnan(mean) else mean for method, mean in means.items()}  # NaN is last
        return {method: 1 + sum(other < mean for other in means.values()) for method, mean in means.items()}

    def _shared(self, methods: Sequence[str]) -> list[str]:
        """Return the names of the pictures that all of some methods have."""
        rows = [self.methods[method] for method in methods]
        return [picture for picture in (rows[0] if rows else ()) if all(picture in row for row in rows)]

    def _differences(self, first: str, second: str, metric: str, pictures: Sequence[str]) -> NDArray[np.float64]:
        """Return first − second of one metric, on some pictures; equal infinities differ by 0."""
        one, other = (self.methods[method].column(metric, pictures) for method in (first, second))
        return np.subtract(one, other, where=one != other, out=np.zeros(len(one)))


class _Lines:
    """Hands each line of CSV back to the one who writes it."""

    def write(self, line: str) -> str:
        return line


def _means(columns: NDArray[np.float64]) -> Iterator[tuple[float, float, list[float]]]:
    """Yield the mean, the deviation and the interval of each row."""
    # An infinite or undefined score makes these NaN, which the table shows.
    with np.errstate(invalid="ignore"):
        means = columns.mean(axis=1)
        stds = columns.std(axis=1, ddof=1) if columns.shape[1] > 1 else np.zeros(len(columns))
        intervals = mean_intervals(columns)
    yield from zip(means.tolist(), stds.tolist(), intervals.tolist(), strict=True)


def mean_intervals(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the 95 % percentile-bootstrap interval of the mean of each row.

    The same values always give the same intervals.

    Args:
        columns: (metrics, pictures).

    Returns:
        (metrics, 2), the lower and the upper end; both are the value itself where there is one picture, and NaN
        where a value is not finite.

    References:
        Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    if columns.shape[1] == 1:
        return np.repeat(columns, 2, axis=1)

    intervals = np.full((len(columns), 2), np.nan)
    finite = np.isfinite(columns).all(axis=1)
    if not finite.any():
        return intervals

    from scipy.stats import bootstrap

    # In batches: all draws of 40 metrics of 1,000 pictures at once would take 640 MB. Every metric has the same draws.
    resampled = bootstrap(
        (columns[finite],), np.mean, axis=1, method="percentile",
        n_resamples=RESAMPLES, batch=1 + _VALUES_PER_BATCH // columns.size, random_state=np.random.default_rng(0),
    )  # fmt: skip
    intervals[finite] = np.stack(resampled.confidence_interval, axis=1)
    return intervals


def finite(value: Any) -> Any:  # noqa: ANN401
    """Replace numbers that JSON lacks (a reference program's NaN, an infinite PSNR) by None, at any depth."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
