"""Evaluations to report on: made-up scores of known ranks, and three scenes with fusions that need no network."""

import pytest

from mmdrfuse.datasets import pair_folders
from mmdrfuse.pipeline.score import Evaluation, Scores, evaluate_folders


@pytest.fixture
def made_up():
    """Three methods on eight pairs: `b` is ahead in SD, `a` in VIF; MSE, where less is better, is equal.

    Pair 7 is the worst in SD for all, and the methods differ most on pair 4.
    """
    scores = Scores("standard", ("SD", "VIF", "MSE"))
    for pair in range(8):
        dark = 20.0 if pair == 7 else 0.0
        apart = 9.0 if pair == 4 else 1.0
        scores.add("a", f"pair {pair}", {"SD": 40 + pair - dark, "VIF": 0.8, "MSE": 5})
        scores.add("b", f"pair {pair}", {"SD": 44 + pair - dark + apart, "VIF": 0.6, "MSE": 5})
        scores.add("c", f"pair {pair}", {"SD": 41 + pair - dark - apart, "VIF": 0.7, "MSE": 5})
    return Evaluation(scores)


@pytest.fixture(scope="session")
def evaluated(scenes):
    """Three scenes, scored with fusions that need no network."""
    pairs = pair_folders(scenes / "ir", scenes / "vi").pairs
    return evaluate_folders((), pairs, baselines=["max", "mean", "affine"], metrics=["SD", "VIF", "SSIM", "MSE"])
