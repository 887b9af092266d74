"""Score folders of fused pictures against their sources, and sum the scores up.

::

    from mmdrfuse import datasets
    from mmdrfuse.pipeline.score import evaluate_folders

    pairs = datasets.pair_folders(Path("ir"), Path("vi")).pairs
    found = evaluate_folders([Path("fused"), Path("mine")], pairs, baselines=["max"], metrics=["SD", "VIF"])
    found.scores.summarise()["fused"]["VIF"].mean
"""

from mmdrfuse.pipeline.score.candidates import labels
from mmdrfuse.pipeline.score.folders import USUAL, Evaluation, choose_metrics, evaluate_folders
from mmdrfuse.pipeline.score.score import Candidate, score_candidates, score_one
from mmdrfuse.pipeline.score.summary import Scores, Summary

__all__ = [
    "USUAL",
    "Candidate",
    "Evaluation",
    "Scores",
    "Summary",
    "choose_metrics",
    "evaluate_folders",
    "labels",
    "score_candidates",
    "score_one",
]
