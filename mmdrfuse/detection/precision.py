"""Average precision as faster-coco-eval computes it: the scores of the tables, by class and by size."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.detections import MAX_DETECTIONS, Detections
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.errors import MissingExtraError

SIZES = ("all", "small", "medium", "large")
"""Of boxes, by area: below 32², below 96² and above, in pixels."""


@dataclass(frozen=True)
class Precision:
    """Average precision of a set of pictures, 0 to 1; NaN where there is no box to find."""

    ap: float
    """Mean over the overlaps .5, .55, … .95 (AP50:95)."""
    ap50: float
    """At an overlap of .5."""
    ap75: float
    """At an overlap of .75."""
    by_class: Mapping[str, float]
    """AP50:95 of each class."""
    by_size: Mapping[str, float]
    """AP50:95 of small, medium and large boxes."""


def average_precision(
    found: Sequence[Detections], truth: Sequence[LabelledPicture], classes: Sequence[str]
) -> Precision:
    """Compute the average precision of detections.

    Args:
        found: Of each picture.
        truth: Of each picture, in the same pixels.
        classes: Names of the classes.

    Raises:
        MissingExtraError: faster-coco-eval is not installed.
    """
    table = _precisions(found, truth, len(classes))  # thresholds, recalls, classes, sizes
    by_class = {name: _mean(table[:, :, index, 0]) for index, name in enumerate(classes)}
    by_size = {name: _mean(table[..., index]) for index, name in enumerate(SIZES) if index}
    return Precision(_mean(table[..., 0]), _mean(table[0, ..., 0]), _mean(table[5, ..., 0]), by_class, by_size)


def _precisions(found: Sequence[Detections], truth: Sequence[LabelledPicture], classes: int) -> NDArray[np.float64]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingExtraError("faster-coco-eval", "detect", "average precision") from error
    ignored = chain.from_iterable(one.ignored for one in truth)
    annotations = [{**box, "iscrowd": int(mark)} for box, mark in zip(_records(truth), ignored, strict=True)]
    scores = chain.from_iterable(one.scores for one in found)
    results = [{**box, "iscrowd": 0, "score": float(score)} for box, score in zip(_records(found), scores, strict=True)]
    document = {
        "info": {},
        "images": [{"id": number} for number in range(len(truth))],
        "categories": [{"id": number} for number in range(classes)],
    }
    sides = [COCO({**document, "annotations": one}, print_function=_silent) for one in (annotations, results)]
    evaluation = COCOeval_faster(*sides, "bbox", print_function=_silent)
    evaluation.params.maxDets = [1, 10, MAX_DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    precisions: NDArray[np.float64] = np.asarray(evaluation.eval["precision"], np.float64)[..., -1]
    return precisions


def _records(pictures: Sequence[Detections | LabelledPicture]) -> Iterator[dict[str, Any]]:
    """Yield each box of all pictures as COCO writes it."""
    numbers = count(1)
    for number, picture in enumerate(pictures):
        for (x0, y0, x1, y1), category in zip(picture.boxes.tolist(), picture.classes.tolist(), strict=True):
            width, height = x1 - x0, y1 - y0
            yield {
                "id": next(numbers), "image_id": number, "category_id": category,
                "bbox": [x0, y0, width, height], "area": width * height,
            }  # fmt: skip


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean of what is defined; NaN if nothing is."""
    defined = values[values >= 0]
    return float(defined.mean()) if defined.size else math.nan


def _silent(*_: object) -> None:
    """Print nothing."""
