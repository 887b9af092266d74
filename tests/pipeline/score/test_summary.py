"""From scores to a table."""

import json
import math

import numpy as np
import pytest

from mmdrfuse.errors import InputError
from mmdrfuse.pipeline.score import Evaluation, Scores, summary
from mmdrfuse.pipeline.score.summary import mean_intervals


@pytest.fixture
def scores():
    """Two methods on six pictures; the second is better by 1, 2, … 6 in SD and worse in MSE, where less is better."""
    scores = Scores("standard", ("SD", "MSE"))
    for number in range(1, 7):
        scores.add("first", f"{number}", {"SD": 10.0, "MSE": 5.0})
        scores.add("second", f"{number}", {"SD": 10.0 + number, "MSE": 6.0})
    return scores


def test_means_and_spreads_are_those_of_the_sample(scores):
    summary = scores.summarise()["second"]["SD"]
    assert summary.mean == 13.5
    assert summary.std == pytest.approx(math.sqrt(3.5))  # of 1 … 6 with n − 1


def test_ranks_follow_each_metric_s_direction_and_are_shared(scores):
    scores.add("third", "1", {"SD": 13.5, "MSE": 7.0})
    ranks = {method: (row["SD"].rank, row["MSE"].rank) for method, row in scores.summarise().items()}
    assert ranks == {"first": (3, 1), "second": (1, 2), "third": (1, 3)}


def test_interval_of_the_mean_is_near_the_normal_one(rng):
    many = Scores("standard", ("SD",))
    for number, value in enumerate(rng.normal(50, 10, 400)):
        many.add("m", str(number), {"SD": float(value)})
    summary = many.summarise()["m"]["SD"]
    half = 1.96 * summary.std / 20
    np.testing.assert_allclose(summary.interval, (summary.mean - half, summary.mean + half), atol=0.15)


@pytest.mark.parametrize("number", range(8))
def test_intervals_hold_the_mean_of_normal_data_and_repeat(number):
    rows = np.random.default_rng(number).normal(7, 3, (20, 100))
    low, high = mean_intervals(rows).T
    half = 1.96 * rows.std(axis=1) / 10  # of the means of resamples, whose values are those of the sample
    np.testing.assert_allclose(low, rows.mean(axis=1) - half, atol=0.15 * half.max())
    np.testing.assert_allclose(high, rows.mean(axis=1) + half, atol=0.15 * half.max())
    np.testing.assert_array_equal(mean_intervals(rows), np.stack((low, high), axis=1))
    np.testing.assert_allclose(mean_intervals(rows[3:4])[0], (low[3], high[3]), rtol=1e-12)  # whatever else is measured


def test_intervals_of_what_has_none_are_nan_and_of_one_picture_its_value():
    intervals = mean_intervals(np.array([[1, math.nan, 2], [1, math.inf, 2], [1, 1, 1]]))
    np.testing.assert_array_equal(intervals, [[math.nan] * 2, [math.nan] * 2, [1, 1]])
    np.testing.assert_array_equal(mean_intervals(np.array([[math.nan, math.nan]])), [[math.nan] * 2])
    np.testing.assert_array_equal(mean_intervals(np.array([[4.0], [5.0]])), [[4, 4], [5, 5]])


def test_six_differences_of_one_sign_have_the_exact_p(scores):
    # all 2⁶ sign patterns are equally likely; two of them are as extreme
    compared = scores.compare()[("first", "second")]
    assert {metric: found.p for metric, found in compared.items()} == pytest.approx({"SD": 2 / 64, "MSE": 2 / 64})
    assert {metric: found.effect for metric, found in compared.items()} == {"SD": -1.0, "MSE": 1.0}  # the better side


def test_equal_scores_have_p_one(scores):
    scores.methods["third"] = scores.methods["first"]
    compared = scores.compare()[("first", "third")]
    assert {(found.p, found.p_holm, found.effect) for found in compared.values()} == {(1.0, 1.0, 0.0)}


def test_methods_that_share_no_picture_cannot_be_compared(scores):
    assert scores.comparable()
    scores.add("third", "other", {"SD": 1.0, "MSE": 1.0})
    assert math.isnan(scores.compare()[("first", "third")]["SD"].p)
    assert not scores.comparable()


def test_undefined_mean_ranks_last_in_either_direction(scores):
    scores.add("third", "1", {"SD": math.nan, "MSE": math.nan})
    row = scores.summarise()["third"]
    assert (row["SD"].rank, row["MSE"].rank) == (3, 3)


def test_second_picture_of_a_name_is_refused(scores):
    with pytest.raises(InputError, match="first: two pictures are called 1"):
        scores.add("first", "1", {"SD": 1.0, "MSE": 1.0})


def test_nan_and_infinity_become_null_in_json(scores):
    scores.add("first", "7", {"SD": math.nan, "MSE": math.inf})
    document = json.loads(json.dumps(scores.document(compare=True), allow_nan=False))
    assert document["methods"]["first"]["images"]["7"] == {"SD": None, "MSE": None}


def test_csv_ends_with_the_means(scores):
    assert "".join(scores.csv()).splitlines()[-2:] == ["first,mean,10.0,5.0", "second,mean,13.5,6.0"]


def test_a_metric_without_any_value_gives_no_rank():
    scores = Scores("standard", ("SD", "VIF"))
    for method, value in {"one": 3.0, "other": 2.0}.items():
        scores.add(method, "small", {"SD": value})
    ranks = {method: (row["SD"].rank, row["VIF"].rank) for method, row in scores.summarise().items()}
    assert ranks == {"one": (1, None), "other": (2, None)}


def test_one_metric_at_a_time_gives_the_same_numbers(scores, monkeypatch):
    together = scores.summarise()
    monkeypatch.setattr(summary, "_VALUES_PER_BATCH", 1)
    for method, row in scores.summarise().items():
        for metric, alone in row.items():
            other = together[method][metric]
            assert (alone.mean, alone.std, alone.rank) == (other.mean, other.std, other.rank)
            assert alone.interval == pytest.approx(other.interval, rel=1e-12)


def test_the_streamed_document_is_the_document(scores):
    scores.add("first", "7", {"SD": math.nan})
    evaluation = Evaluation(scores, warnings=("a",))
    text = "".join(evaluation.json(compare=True))
    assert text == json.dumps(evaluation.document(compare=True), indent=1) + "\n"
    assert json.loads(text)["methods"]["first"]["images"]["7"] == {"SD": None, "MSE": None}
