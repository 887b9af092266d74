"""Which detections find which labelled boxes, as COCO's evaluation matches them.

In each picture the strongest detection comes first and takes the free box that it overlaps most. One that overlaps no
box enough is wrong, unless enough of it lies in an ignored region. The matches of a picture do not depend on other
pictures, so they are made once, however often pictures are drawn afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.detections import Detections, intersection_over_union
from mmdrfuse.detection.labels import LabelledPicture

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersection over union from which a detection finds a box."""


@dataclass(frozen=True)
class Matches:
    """The detections of one class in a set of pictures, the strongest first, and what they found."""

    pictures: NDArray[np.int64]
    """N indices of pictures."""
    scores: NDArray[np.float64]
    """N."""
    found: NDArray[np.bool_]
    """10×N, by `THRESHOLDS`: whether the detection found a box that counts."""
    ignored: NDArray[np.bool_]
    """10×N: whether the detection counts neither as right nor as wrong."""
    objects: NDArray[np.int64]
    """Number of boxes that count in each picture."""

    @classmethod
    def of(cls, found: Sequence[Detections], truth: Sequence[LabelledPicture], number: int) -> "Matches":
        """Match the detections of one class.

        Args:
            found: Of each picture.
            truth: Of each picture, in the same pixels.
            number: Index of the class.
        """
        parts = [_in_picture(one, labels, number) for one, labels in zip(found, truth, strict=True)]
        pictures = np.repeat(np.arange(len(parts)), [len(scores) for scores, _, _ in parts])
        scores = np.concatenate([scores for scores, _, _ in parts])
        order = np.argsort(-scores, kind="stable")
        return cls(
            pictures[order],
            scores[order],
            np.concatenate([hits for _, hits, _ in parts], axis=1)[:, order],
            np.concatenate([ignored for _, _, ignored in parts], axis=1)[:, order],
            np.array([int(((one.classes == number) & ~one.ignored).sum()) for one in truth], np.int64),
        )


def match(
    boxes: NDArray[np.float64], truth: NDArray[np.float64], regions: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Match the detections of one picture and class.

    Args:
        boxes: N×4, the strongest first.
        truth: M×4.
        regions: M marks of ignored regions.

    Returns:
        10×N indices of the boxes that were found, -1 for none; and 10×N marks of detections in ignored regions.
    """
    shape = len(THRESHOLDS), len(boxes)
    partners, ignored = np.full(shape, -1), np.zeros(shape, bool)
    shares = intersection_over_union(boxes, truth, regions)
    # The least overlap that is enough, as COCO's tools have it; the last of equal boxes is taken, as there.
    enough = np.minimum(THRESHOLDS, 1 - 1e-10)
    countable = np.flatnonzero(~regions)[::-1]
    free = np.ones((len(THRESHOLDS), len(countable)), bool)
    inside = shares[:, regions].max(axis=1, initial=0)
    possible = np.flatnonzero(shares[:, countable].max(axis=1, initial=0) >= enough[0])
    for number in possible:
        candidates = np.where(free, shares[number, countable], -1.0)
        best = candidates.argmax(axis=1)
        (hit,) = np.nonzero(candidates[np.arange(len(enough)), best] >= enough)
        partners[hit, number] = countable[best[hit]]
        free[hit, best[hit]] = False
    ignored[:] = (partners < 0) & (inside >= enough[:, None])
    return partners, ignored


def _in_picture(
    found: Detections, truth: LabelledPicture, number: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    own = found.only(found.classes == number)
    boxes = truth.only(truth.classes == number)
    partners, ignored = match(own.boxes, boxes.boxes, boxes.ignored)
    return own.scores, partners >= 0, ignored
