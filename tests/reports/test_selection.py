"""The pairs that a report shows first."""

import math

import numpy as np
import pytest

from mmdrfuse.pipeline.score import Scores
from mmdrfuse.reports.selection import Numbers, choose, disagreement, overall, standardised


def test_standardised_scores_have_mean_0_deviation_1_and_more_is_better(made_up):
    found = standardised(Numbers.of(made_up.scores))  # (methods, pairs, metrics)
    np.testing.assert_allclose(found[..., :2].mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(found[..., :2].std(axis=(0, 1)), 1)
    np.testing.assert_array_equal(found[..., 2], 0)  # nothing differs
    made_up.scores.methods["a"]["pair 0"] |= {"MSE": 6.0}
    assert standardised(Numbers.of(made_up.scores))[0, 0, 2] < 0


def test_the_worst_the_best_and_the_most_disputed_come_first(made_up):
    chosen = choose(Numbers.of(made_up.scores))
    assert sorted(chosen) == list(range(8))
    assert int(np.argmin(overall(Numbers.of(made_up.scores)))) == 7 == next(iter(chosen))
    assert int(np.argmax(disagreement(Numbers.of(made_up.scores)))) == 4
    assert "disputed" in chosen[4]
    assert {4, 6, 7} <= set(list(chosen)[:4])  # 6 has the highest SD
    assert "worst SD of every method" in chosen[7]


def test_the_choice_repeats_and_every_pair_has_a_reason(made_up):
    chosen = choose(Numbers.of(made_up.scores))
    assert chosen == choose(Numbers.of(made_up.scores))
    assert all(chosen.values())
    assert any(reasons == ["drawn"] for reasons in chosen.values())


@pytest.mark.parametrize("missing", [math.nan, math.inf])
def test_undefined_and_infinite_scores_choose_nothing(missing):
    scores = Scores("standard", ("SD", "VIF"))
    for pair in range(3):
        scores.add("only", str(pair), {"SD": missing, "VIF": missing if pair == 1 else float(pair)})
    chosen = choose(Numbers.of(scores))
    assert chosen[1] == ["drawn"]
    assert chosen[0] == ["worst of all", "worst VIF"]
    assert np.isnan(disagreement(Numbers.of(scores))).all()  # of one method
