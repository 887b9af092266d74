"""Average precision and miss rate of a set of pictures, and of many sets that are drawn from it.

A drawn set is a row of weights: how often each picture was drawn. The detections are sorted once, and a weight stands
for that many copies of a picture, so 1,000 sets cost a few sums along the detections. For weights of one, the average
precision is that of COCO's tools to the last digit.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.matching import THRESHOLDS, Matches

RESAMPLES = 1000
"""Sets that are drawn for an interval."""

RECALLS = np.linspace(0, 1, 101)
"""At which the precision is read."""

FALSE_POSITIVES = np.logspace(-2, 0, 9)
"""A picture; at which the miss rate is read."""

_LEAST_MISS_RATE = 1e-10
"""Has a logarithm."""
_VALUES_PER_BATCH = 2**22

Weights = NDArray[np.float64]
"""R×P: how often each of P pictures is in each of R sets."""


def draws(pictures: int, resamples: int = RESAMPLES) -> Weights:
    """Draw sets of as many pictures, with replacement; the same number of pictures gives the same sets.

    Args:
        pictures: Number of pictures.
        resamples: Number of sets.

    Returns:
        ``resamples``×``pictures``.
    """
    generator = np.random.default_rng(0)
    drawn = generator.integers(pictures, size=(resamples, pictures))
    flat = (drawn + pictures * np.arange(resamples)[:, None]).ravel()
    return np.bincount(flat, minlength=resamples * pictures).reshape(resamples, pictures).astype(np.float64)


def precision_by_threshold(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    """Compute the average precision of a class by threshold, as COCO's tools do.

    Precision is read at 101 recalls; it is the greatest at this recall or above.

    Args:
        matches: Of the class.
        weights: R×P.

    Returns:
        R×10, 0 to 1; NaN where a set has no box to find.

    References:
        Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, https://arxiv.org/abs/1405.0312.
    """
    return _in_batches(_precision, matches, weights)


def log_average_miss_rate(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    """Compute the log-average miss rate of a class at an overlap of .5.

    It is the geometric mean of the shares of boxes that are missed where a detector may be wrong 0.01 to 1 times a
    picture, at nine such rates evenly spaced in the logarithm.

    Args:
        matches: Of the class.
        weights: R×P.

    Returns:
        R values, 0 to 1; NaN where a set has no box to find.

    References:
        Dollár et al., "Pedestrian Detection: An Evaluation of the State of the Art", IEEE Transactions on Pattern
        Analysis and Machine Intelligence 34 (4), 2012, https://doi.org/10.1109/TPAMI.2011.155.
    """
    return _in_batches(_miss_rate, matches, weights)


def _in_batches(
    compute: Callable[[Matches, Weights], NDArray[np.float64]], matches: Matches, weights: Weights
) -> NDArray[np.float64]:
    size = max(1, _VALUES_PER_BATCH // max(1, len(matches.scores)))
    parts = [compute(matches, weights[start : start + size]) for start in range(0, len(weights), size)]
    return np.concatenate(parts)


def _counts(matches: Matches, weights: Weights) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield for each threshold, at each detection that found a box, the boxes found and the detections counted so far.

    Precision and recall change for the better at these alone.
    """
    every = np.cumsum(weights[:, matches.pictures], axis=1)
    for found, ignored in zip(matches.found, matches.ignored, strict=True):
        right = np.flatnonzero(found)
        counted = every
        if ignored.any():
            counted = np.cumsum(weights[:, matches.pictures] * ~ignored, axis=1)
        yield np.cumsum(weights[:, matches.pictures[right]], axis=1), counted[:, right]


def _precision(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    objects = weights @ matches.objects
    result = np.empty((len(weights), len(THRESHOLDS)))
    with np.errstate(divide="ignore", invalid="ignore"):
        for column, (found, counted) in enumerate(_counts(matches, weights)):
            precision = np.where(counted > 0, found / counted, 0)
            best_after = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            reached = np.searchsorted(RECALLS, found / objects[:, None], side="right")
            newly = np.diff(reached, axis=1, prepend=0)
            result[:, column] = (newly * best_after).sum(axis=1) / len(RECALLS)
    result[objects == 0] = np.nan
    return result


def _miss_rate(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    objects = weights @ matches.objects
    pictures = weights.sum(axis=1)
    found, counted = next(_counts(matches, weights))
    right = np.flatnonzero(matches.found[0])
    gained = weights[:, matches.pictures[right]]
    logarithms = np.zeros(len(weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        for rate in FALSE_POSITIVES:
            allowed = counted - found <= rate * pictures[:, None]
            missed = 1 - (gained * allowed).sum(axis=1) / objects
            logarithms += np.log(np.maximum(missed, _LEAST_MISS_RATE))
    result: NDArray[np.float64] = np.exp(logarithms / len(FALSE_POSITIVES))
    result[objects == 0] = np.nan
    return result
