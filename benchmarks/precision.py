"""Average precision of one class over any choice of pictures, matched once: what resampling needs.

pycocotools matches boxes with labels, which takes a thousand times as long as to count the matches again. The tests
hold `average_precision` against faster-coco-eval.
"""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_RECALLS = np.linspace(0, 1, 101)
"""At which COCO reads the precision."""

_MOST = 100
"""Boxes of a picture that count, as in COCO."""


class Matches(NamedTuple):
    """What was detected in one picture, beside its labels."""

    scores: NDArray[np.float64]
    """(N,), the strongest first."""
    hits: NDArray[np.bool_]
    """(10, N): whether a box has a label of its own, at the overlaps .5, .55 … .95."""
    counts: NDArray[np.bool_]
    """(10, N): false where a box lies in a crowd, which is neither right nor wrong."""
    labels: int
    """How many there are, without crowds."""


def matched(boxes: Mapping[str, NDArray[np.float64]], labels: Path) -> dict[str, Matches]:
    """Match what was detected with the labels, picture by picture.

    Args:
        boxes: By the stem of the picture's file name, (N, 5): left, top, width, height, score.
        labels: A file in COCO's form, with one class of category 1.
    """
    from pycocotools.cocoeval import COCOeval

    truth = _truth(labels)
    pictures = {Path(picture["file_name"]).stem: number for number, picture in truth.imgs.items()}
    found = [
        {"image_id": pictures[name], "category_id": 1, "bbox": [*map(float, box[:4])], "score": float(box[4])}
        for name, each in boxes.items()
        for box in each
    ]
    if not found:
        return {name: _matches(None, truth, pictures[name]) for name in boxes}
    with redirect_stdout(StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [_MOST]
        evaluation.evaluate()
    by_picture = {one["image_id"]: one for one in evaluation.evalImgs if one}
    return {name: _matches(by_picture.get(pictures[name]), truth, pictures[name]) for name in boxes}


def average_precision(matches: Sequence[Matches]) -> tuple[float, float]:
    """Compute AP50:95 and AP50, by the rules of COCO.

    Args:
        matches: Of each picture; a picture may come several times.
    """
    labels = sum(one.labels for one in matches)
    scores = np.concatenate([one.scores for one in matches])
    if not labels or not len(scores):
        return 0.0, 0.0
    order = np.argsort(-scores, kind="stable")
    hits, counts = (
        np.concatenate([getattr(one, name) for one in matches], axis=1)[:, order] for name in ("hits", "counts")
    )
    right = (hits & counts).cumsum(axis=1)
    precision = right / np.maximum(counts.cumsum(axis=1), 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    precision = np.pad(precision, ((0, 0), (0, 1)))  # recalls that are never reached
    read = [
        row[np.searchsorted(recall, _RECALLS)].mean() for row, recall in zip(precision, right / labels, strict=True)
    ]
    return float(np.mean(read)), float(read[0])


@cache
def _truth(labels: Path) -> Any:
    from pycocotools.coco import COCO

    with redirect_stdout(StringIO()):
        return COCO(labels)


def _matches(evaluated: Mapping[str, Any] | None, truth: Any, picture: int) -> Matches:
    labels = len(truth.getAnnIds(imgIds=[picture], iscrowd=False))
    if evaluated is None:
        nothing = np.zeros((10, 0), np.bool_)
        return Matches(np.zeros(0), nothing, nothing, labels)
    hits, ignored = (np.array(evaluated[name]) > 0 for name in ("dtMatches", "dtIgnore"))
    return Matches(np.array(evaluated["dtScores"]), hits, ~ignored, labels)
