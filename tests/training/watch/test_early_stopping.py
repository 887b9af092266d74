"""Early stopping: the best epoch, and the end of the run."""

import pytest

from mmdrfuse.errors import TrainingError
from mmdrfuse.training import EarlyStopping


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        ("SSIM", [0.1, 0.5, 0.4], 1),  # higher is better
        ("MSE", [9.0, 3.0, 4.0], 1),  # lower is better
        ("SSIM", [0.5, 0.5, 0.5], 0),  # as good is not better
        ("SSIM", [], None),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best_in_the_metrics_direction(metric, scores, best):
    assert EarlyStopping(metric).best(dict(enumerate(scores))) == best


@pytest.mark.parametrize(
    ("scores", "patience", "due"),
    [
        ({}, 1, False),
        ({0: 0.5}, 1, False),
        ({0: 0.5, 1: 0.4}, 1, True),
        ({0: 0.5, 1: 0.4}, 2, False),
        ({0: 0.5, 1: 0.4, 2: 0.6, 3: 0.5}, 2, False),
        ({0: 0.5, 1: 0.4, 2: 0.6, 3: 0.5, 4: 0.6}, 2, True),
        ({0: 0.5, 7: 0.4}, 2, False),  # epochs without a score do not count
    ],
)
def test_a_run_ends_after_so_many_scored_epochs_without_a_better_one(scores, patience, due):
    assert EarlyStopping("SSIM", patience).should_stop(scores) is due


def test_a_patience_below_one_is_refused():
    with pytest.raises(TrainingError, match="patience 0: must be at least 1 epoch"):
        EarlyStopping("SSIM", 0)
