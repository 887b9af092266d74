"""Score folders of fused pictures against their sources, and summarise the scores.

`candidates` lists what is scored, `score` scores it side by side, `summary` makes a table of the scores, and `folders`
does all of it in one call.

::

    from mmdrfuse import datasets
    from mmdrfuse.pipeline.score import evaluate_folders

    pairs = datasets.pair_folders(Path("ir"), Path("vi")).pairs
    evaluation = evaluate_folders([Path("fused"), Path("mine")], pairs, baselines=["max"], metrics=["SD", "VIF"])
    evaluation.scores.summarise()["fused"]["VIF"].mean
"""

from mmdrfuse.pipeline.score.candidates import folder_names
from mmdrfuse.pipeline.score.folders import USUAL, Evaluation, choose_metrics, evaluate_folders
from mmdrfuse.pipeline.score.recordings import evaluate_recordings, evaluate_videos
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
    "evaluate_recordings",
    "evaluate_videos",
    "folder_names",
    "score_candidates",
    "score_one",
]
