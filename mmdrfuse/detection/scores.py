"""Scores of detections with their intervals, and of their differences."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.matching import Matches
from mmdrfuse.detection.precision import Precision
from mmdrfuse.detection.resampling import Weights, log_average_miss_rate, precision_by_threshold

MEASURES = ("AP", "AP50", "AP75", "MR")
"""Average precision over the overlaps .5 to .95 (AP50:95), at .5 and at .75; log-average miss rate at .5."""

_AP75 = 5
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Estimate:
    """A score, 0 to 1, or a difference of scores, with its interval; NaN where there is no box to find."""

    value: float
    low: float
    """End of the 95 % interval, by resampled pictures."""
    high: float


@dataclass(frozen=True)
class Scores:
    """The scores of one row in one tone."""

    measures: Mapping[str, Estimate]
    """By name of `MEASURES`."""
    by_class: Mapping[str, float]
    """AP50:95 of each class."""
    by_size: Mapping[str, float]
    """AP50:95 of small, medium and large boxes."""
    detections: int
    """Number of boxes found, of any score."""


@dataclass(frozen=True)
class Sample:
    """A row's measures on all pictures, and on drawn ones."""

    precision: Precision
    values: NDArray[np.float64]
    """(1 + R)×4, by `MEASURES`; the first row is that of all pictures."""
    detections: int

    def scores(self) -> Scores:
        """Return the scores with their intervals."""
        precision = self.precision
        return Scores(estimates(self.values), precision.by_class, precision.by_size, self.detections)

    def minus(self, other: "Sample") -> dict[str, Estimate]:
        """Return the difference to another row, on the same pictures and the same drawn ones."""
        return estimates(self.values - other.values)


def sample(matches: Sequence[Matches], precision: Precision, drawn: Weights) -> Sample:
    """Measure a row on all pictures and on drawn ones.

    Args:
        matches: Of each class.
        precision: Of all pictures.
        drawn: R×P.
    """
    pictures = drawn.shape[1]
    values = measure(matches, np.concatenate([np.ones((1, pictures)), drawn]))
    values[0, :3] = precision.ap, precision.ap50, precision.ap75
    return Sample(precision, values, sum(len(one.scores) for one in matches))


def measure(matches: Sequence[Matches], weights: Weights) -> NDArray[np.float64]:
    """Compute the measures on sets of pictures; each is a mean over the classes that the set has.

    Args:
        matches: Of each class.
        weights: R×P.

    Returns:
        R×4, by `MEASURES`.
    """
    precisions = np.stack([precision_by_threshold(one, weights) for one in matches])  # classes, sets, thresholds
    missed = np.stack([log_average_miss_rate(one, weights) for one in matches])
    columns = precisions.mean(axis=2), precisions[..., 0], precisions[..., _AP75], missed
    return np.stack([_mean(column) for column in columns], axis=1)


def estimates(values: NDArray[np.float64]) -> dict[str, Estimate]:
    """Return value and interval of each measure.

    Args:
        values: (1 + R)×4, the first row of all pictures.
    """
    return {name: _estimate(column) for name, column in zip(MEASURES, values.T, strict=True)}


def _estimate(column: NDArray[np.float64]) -> Estimate:
    drawn = column[1:][~np.isnan(column[1:])]
    low, high = np.percentile(drawn, _INTERVAL) if drawn.size else (math.nan, math.nan)
    return Estimate(float(column[0]), float(low), float(high))


def _mean(by_class: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first axis of what is defined; NaN if nothing is."""
    defined = ~np.isnan(by_class)
    count = defined.sum(axis=0)
    total = np.where(defined, by_class, 0).sum(axis=0)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
