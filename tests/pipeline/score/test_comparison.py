"""Tests between methods, against numbers from the literature, by hand, and SciPy's own."""

import math

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon

from mmdrfuse.pipeline.score.comparison import holm, rank_biserial, ranking, wilcoxon_p
from mmdrfuse.pipeline.score.summary import Scores


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    # by hand: 4·0.005 = 0.02, 3·0.01 = 0.03, 2·0.03 = 0.06, and 1·0.04, which may not be below 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_undefined_tests_out_and_stops_at_one():
    assert holm([0.4, math.nan, 0.9]) == pytest.approx([0.8, math.nan, 0.9], nan_ok=True)
    assert holm([]) == []
    assert holm([0.7, 0.7]) == [1.0, 1.0]


@pytest.mark.parametrize("seed", range(5))
def test_the_effect_follows_from_the_statistic_of_scipy(seed):
    differences = np.random.default_rng(seed).normal(0.3, 1, 15)
    total = 15 * 16 / 2
    smaller = wilcoxon(differences).statistic  # of the two sums of ranks
    assert abs(rank_biserial(differences)) == pytest.approx(1 - 2 * smaller / total)
    assert rank_biserial(-differences) == -rank_biserial(differences)


@pytest.mark.parametrize(
    ("differences", "effect"),
    [([1, 2, 3], 1), ([-1, -5], -1), ([3, -1, 2, 0], (5 - 1) / 6), ([0, 0], 0), ([math.inf, -1], 1 / 3)],
)
def test_the_effect_by_hand(differences, effect):
    assert rank_biserial(np.array(differences, float)) == pytest.approx(effect)


def test_undefined_differences_have_no_effect():
    assert math.isnan(rank_biserial(np.array([1.0, math.nan])))
    assert math.isnan(rank_biserial(np.array([])))
    assert math.isnan(wilcoxon_p(np.array([])))


# Demšar, JMLR 7, 2006, table 5 (a): the two-tailed Nemenyi test at 0.05
@pytest.mark.parametrize(("methods", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (7, 2.949), (10, 3.164)])
def test_the_critical_difference_is_that_of_demsar_s_table(methods, q, rng):
    found = ranking(rng.normal(size=(methods, 30)), higher_is_better=True)
    assert found.critical_difference == pytest.approx(q * math.sqrt(methods * (methods + 1) / (6 * 30)), rel=5e-4)


def test_friedman_agrees_with_the_formula_in_its_paper(rng):
    values = rng.normal(size=(4, 12)) + np.arange(4)[:, None] / 2
    found = ranking(values, higher_is_better=True)
    ranks = np.array([rankdata(-column) for column in values.T]).mean(axis=0)
    statistic = 12 * 12 / (4 * 5) * (sum(ranks**2) - 4 * 5**2 / 4)
    # the upper tail of χ² with 3 degrees of freedom, in closed form
    tail = math.erfc(math.sqrt(statistic / 2)) + math.sqrt(2 * statistic / math.pi) * math.exp(-statistic / 2)
    assert found.mean_ranks == pytest.approx(tuple(ranks))
    assert found.p == pytest.approx(tail)


def test_ranks_follow_the_direction_and_undefined_pictures_are_left_out():
    values = np.array([[3, 3, 3, math.nan], [2, 2, 2, 9], [1, 1, 1, 9]], float)
    assert ranking(values, higher_is_better=True).mean_ranks == (1, 2, 3)
    assert ranking(values, higher_is_better=False).mean_ranks == (3, 2, 1)
    assert ranking(values, higher_is_better=True).pictures == 3


def test_equal_methods_are_one_group_with_p_one():
    found = ranking(np.ones((3, 5)), higher_is_better=True)
    assert (found.p, found.groups()) == (1.0, [(0, 1, 2)])


@pytest.mark.parametrize("shape", [(2, 9), (3, 1), (3, 0)])
def test_few_methods_or_pictures_have_no_ranking(shape):
    assert ranking(np.ones(shape), higher_is_better=True) is None


def test_groups_overlap_where_neighbours_are_close():
    values = np.repeat([[3.0], [2.0], [1.0], [0.0]], 12, axis=1)  # mean ranks 1, 2, 3, 4
    found = ranking(values, higher_is_better=True)
    assert found.critical_difference == pytest.approx(1.354, abs=2e-3)  # 2.569·√(20/72)
    assert found.groups() == [(0, 1), (1, 2), (2, 3)]


def test_scores_rank_only_the_pictures_that_all_methods_have():
    scores = Scores("standard", ("SD",))
    for method, gain in (("a", 0), ("b", 1), ("c", 2)):
        for number in range(4):
            scores.add(method, str(number), {"SD": float(number + gain)})
    scores.add("a", "alone", {"SD": 99.0})
    found = scores.rank()["SD"]
    assert (found.pictures, found.mean_ranks) == (4, (3, 2, 1))
