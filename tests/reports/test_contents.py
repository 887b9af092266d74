"""What a report says follows from the scores."""

import math

import pytest

from mmdrfuse.metrics import PROTOCOLS, names
from mmdrfuse.pipeline.score import Evaluation, Scores
from mmdrfuse.pipeline.score.rows import Rows
from mmdrfuse.reports.contents import number, rounded
from mmdrfuse.reports.evaluated import columns, of_evaluation, traps


def test_rows_mark_the_best_and_the_second_in_each_direction(made_up):
    made_up.scores.methods["c"]["pair 0"] |= {"MSE": 4.0}  # less is better
    rows = {row.method: [cell.place for cell in row.cells] for row in of_evaluation(made_up, "").rows}
    assert rows == {"a": ["second", "best", "second"], "b": ["best", "", "second"], "c": ["", "second", "best"]}


def test_a_single_method_has_no_rank(made_up):
    for method in ("b", "c"):
        del made_up.scores.methods[method]
    (row,) = of_evaluation(made_up, "").rows
    assert (row.mean_rank, {cell.rank for cell in row.cells}) == (None, {None})


def test_methods_that_were_scored_on_different_pairs_have_no_ranks(made_up):
    all_of_a = made_up.scores.methods["a"]
    made_up.scores.methods["a"] = Rows(made_up.scores.metrics)
    for pair in range(1, 8):
        made_up.scores.add("a", f"pair {pair}", all_of_a[f"pair {pair}"])
    contents = of_evaluation(made_up, "")
    assert {cell.rank for row in contents.rows for cell in row.cells} == {None}
    assert contents.traps == ()
    assert contents.pairs[-1] == "pair 0"


def test_more_contrast_and_less_of_the_sources_is_noted(made_up):
    assert traps(made_up.scores, made_up.scores.summarise()) == ["b is above a and c in SD, but below in VIF"]


def test_undefined_scores_are_dashes_and_last():
    scores = Scores("standard", ("SD", "VIF"))
    scores.add("a", "1", {"SD": 1.0, "VIF": math.nan})
    scores.add("b", "1", {"SD": 2.0, "VIF": 0.5})
    first, second = of_evaluation(Evaluation(scores), "").rows
    assert (first.cells[1].mean, first.cells[1].interval, first.cells[1].rank) == ("–", "–, –", None)
    assert second.cells[1].place == "best"


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (-0.5, "−0.5"), (1234.56, "1234.6"), (math.nan, "–"), (-math.inf, "−∞")]
)
def test_numbers_are_written_as_in_the_table(value, text):
    assert number(value) == text
    assert rounded(value) == (pytest.approx(value, rel=1e-4) if math.isfinite(value) else None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_metric_of_a_protocol_has_a_column_that_says_what_it_is(protocol):
    found = columns(Scores(protocol, names(protocol)))
    assert all(column.title and column.reference and " to " in column.range for column in found)
    assert any(column.heading.endswith("†") for column in found) == any(column.bug for column in found)


def test_tests_hold_the_corrected_p_of_every_two_methods(made_up):
    found = {(test.first, test.second): test.cells[0] for test in of_evaluation(made_up, "").tests}
    # all eight pairs differ in one sign: p = 2/2⁸, times three pairs of methods
    assert found[("a", "b")] == (f"{3 * 2 / 256:.2g}", "−1.00", True)
    assert set(found) == {("a", "b"), ("a", "c"), ("b", "c")}


def test_facts_name_the_command_the_weights_and_the_licences():
    scores = Scores("standard", ("SD",))
    scores.add("ours", "1", {"SD": 1.0})
    from mmdrfuse import models

    read = models.read("scenes")
    made = {"ours": {"range": ["clip"], "weights": [f"scenes {read.sha256[:12]}"]}}
    contents = of_evaluation(Evaluation(scores, made=made), "mmdrfuse eval ours")
    assert contents.run["command"] == "mmdrfuse eval ours"
    (card,) = (text for name, text in contents.made["ours"].items() if name.startswith("weights"))
    assert read.card["title"] in card
    assert "non-commercial" in card
