"""Statistical tests between methods that were scored on the same pictures: two at a time, and all at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNIFICANT = 0.05
"""The p below which a difference counts as more than chance."""


@dataclass(frozen=True)
class Comparison:
    """Two methods in one metric, on the pictures that both have."""

    pictures: int
    """How many both have."""
    p: float
    """Of Wilcoxon's signed-rank test, two-sided; 1 where no value differs, NaN where a value is undefined."""
    p_holm: float
    """The same, corrected by Holm for the number of pairs of methods that are compared in this metric."""
    effect: float
    """Rank-biserial correlation, −1 to 1: 1 where the first method is better on every picture, −1 where the second."""


@dataclass(frozen=True)
class Ranking:
    """All methods in one metric, on the pictures that all have."""

    pictures: int
    """How many all have, with a defined value."""
    mean_ranks: tuple[float, ...]
    """Of each method; 1 is best, and equal values share the mean of their ranks."""
    p: float
    """Of Friedman's test, that all methods are equal."""
    critical_difference: float
    """Nemenyi's: mean ranks that differ by less are not told apart, at `SIGNIFICANT`."""

    def groups(self) -> list[tuple[int, ...]]:
        """Return the largest groups of methods that are not told apart, each in the order of the mean ranks."""
        order = sorted(range(len(self.mean_ranks)), key=self.mean_ranks.__getitem__)
        found: list[tuple[int, ...]] = []
        for position, first in enumerate(order):
            reach = self.mean_ranks[first] + self.critical_difference
            group = tuple(method for method in order[position:] if self.mean_ranks[method] <= reach)
            if len(group) > 1 and not (found and set(group) <= set(found[-1])):
                found.append(group)
        return found


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Return the p of Wilcoxon's signed-rank test, two-sided.

    References:
        Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin, 1945.
    """
    from scipy.stats import wilcoxon

    if not len(differences):
        return math.nan
    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def rank_biserial(differences: NDArray[np.float64]) -> float:
    """Return the matched-pairs rank-biserial correlation: (W⁺ − W⁻)/(W⁺ + W⁻), with the sums of Wilcoxon's ranks.

    Differences of zero are left out. It is 0 where nothing differs, and NaN where a difference is undefined.

    References:
        Kerby, "The simple difference formula", Comprehensive Psychology, 2014.
    """
    from scipy.stats import rankdata

    if not len(differences) or np.isnan(differences).any():
        return math.nan
    differences = differences[differences != 0]
    if not len(differences):
        return 0.0
    ranks = rankdata(abs(differences))
    return float((np.sign(differences) * ranks).sum() / ranks.sum())


def holm(p: Sequence[float]) -> list[float]:
    """Correct the p of several tests so that the chance of any false alarm stays as it says; NaN stays NaN.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics, 1979.
    """
    corrected = [math.nan] * len(p)
    defined = sorted((value, index) for index, value in enumerate(p) if not math.isnan(value))
    largest = 0.0
    for position, (value, index) in enumerate(defined):
        largest = max(largest, min(1.0, value * (len(defined) - position)))
        corrected[index] = largest
    return corrected


def ranking(values: NDArray[np.float64], *, higher_is_better: bool) -> Ranking | None:
    """Rank methods on every picture, and test whether they differ; None without three methods and two pictures.

    Args:
        values: (methods, pictures); pictures with an undefined value are left out.
        higher_is_better: The metric's direction.

    References:
        Friedman, "The use of ranks to avoid the assumption of normality", JASA, 1937.
        Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR, 2006.
    """
    from scipy.stats import friedmanchisquare, rankdata

    values = values[:, ~np.isnan(values).any(axis=0)]
    methods, pictures = values.shape
    if methods < 3 or pictures < 2:
        return None

    ranks: NDArray[Any] = rankdata(-values if higher_is_better else values, axis=0)
    equal = bool((values == values[0]).all())
    p = 1.0 if equal else float(friedmanchisquare(*ranks).pvalue)
    difference = _studentized(methods) * math.sqrt(methods * (methods + 1) / (6 * pictures))
    return Ranking(pictures, tuple(ranks.mean(axis=1).tolist()), p, difference)


@cache
def _studentized(methods: int) -> float:
    """Return the quantile of the studentised range of so many methods, divided by √2."""
    from scipy.stats import studentized_range

    return float(studentized_range.isf(SIGNIFICANT, methods, math.inf)) / math.sqrt(2)
