"""The view of a training run: a block on a terminal, one line an epoch elsewhere."""

import io

import pytest
from rich.console import Console

from mmdrfuse import training
from mmdrfuse.cli.shared import live
from mmdrfuse.training import EarlyStopping, Record
from mmdrfuse.training.watch.validation import Scores

LOSSES = {"intensity": 0.25, "structure": 0.02, "total": 0.5}
REFRESH = {"structure_refreshed": 0.25, "structure_gap": 0.005, "detail_refreshed": 0.5, "detail_gap": 0.001}
SCORES = Scores({"SD": 35.81234, "CC": None}, {"TNO": {"SD": 30.0, "CC": None}, "LLVIP": {"SD": 40.5, "CC": 0.5}}, 1)


@pytest.fixture
def recipe():
    return training.recipe("default", "student", epochs=3)


def records(epochs=3, validation=None):
    """Give two steps of 25 patches an epoch; the first is twice as good as the second."""
    for step in range(2 * epochs):
        losses = {name: value * (1 + step % 2) for name, value in LOSSES.items()}
        yield Record(step, step // 2, losses, 1e-3, 0.5, 25, REFRESH, validation if step % 2 else None)


@pytest.fixture
def shown(monkeypatch):
    """Follow records on a console; gives what it printed."""

    def show(*arguments, terminal=False, **options):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80, soft_wrap=True, color_system=None)
        monkeypatch.setattr(live, "messages", lambda: console)
        live.follow(*arguments, **options)
        return console.file.getvalue()

    return show


def drawn(view):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(view)
    return console.file.getvalue()


def test_an_epoch_is_one_line_with_its_means_speed_and_scores(shown, recipe):
    lines = shown(records(2, SCORES), recipe, 50).splitlines()
    assert len(lines) == 3
    assert lines[0] == "student, recipe default: 3 epochs of 50 patches, features efficientnet-lite0, seed 0"
    assert lines[1] == "epoch 1/3: total 0.75  intensity 0.375  structure 0.03, 50 patches/s; SD 35.81  CC –"


def test_the_end_says_which_weights_are_kept(shown, recipe):
    assert shown(records(2, SCORES), recipe, 50, stop=EarlyStopping("SD")).splitlines()[-1] == (
        "stopped early; the weights are those of epoch 1, the best in SD"
    )
    assert shown(records(3, SCORES), recipe, 50, stop=EarlyStopping("SD")).splitlines()[-1] == (
        "the weights are those of epoch 1, the best in SD"
    )
    assert shown(iter([]), recipe, 50, stop=EarlyStopping("SD")).count("\n") == 1


def test_the_block_shows_terms_shares_refresh_rate_and_scores_within_80_columns(recipe):
    view = live.View(recipe, 50)
    for record in records(1, SCORES):
        view.add(record)
    lines = drawn(view).splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    text = "\n".join(" ".join(line.split()) for line in lines)
    for shown in (
        "student epoch 1/3 step 2/6",
        "intensity 0.375 50%",  # weight 1, of a total of 0.75
        "structure 0.03 40%",  # weight 10
        "structure 25% 0.005",
        "detail 50% 0.001",
        "learning rate 1.00e-03",
        "speed 50 patches/s",
        "after epoch 1: SD 35.8 CC –",
        "LLVIP: SD 40.5 CC 0.5",
    ):
        assert shown in text


def test_before_the_first_step_there_is_a_word_and_a_run_without_refresh_has_no_such_rows(recipe):
    view = live.View(recipe, 50)
    assert drawn(view) == "student: getting started …\n"
    view.add(Record(0, 0, {"total": 1.0}, 1e-3, 0.5, 25))
    assert "mean gap" not in drawn(view)
    assert "after epoch" not in drawn(view)


def test_a_terminal_keeps_the_lines_and_nothing_of_the_block(shown, recipe):
    text = shown(records(3, SCORES), recipe, 50, terminal=True)
    assert text.count("epoch 3/3: total") == 1
    assert text.rstrip().endswith("\x1b[2K")  # the block is wiped at the end
