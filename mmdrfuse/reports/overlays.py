"""What a report lays over pictures: boxes of labels and of detections, and checkerboards of two cameras."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.running import Found
from mmdrfuse.images import Side
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.score.score import Sources
from mmdrfuse.registration.fields import normalised
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.proof import checkerboard

LABELLED, IGNORED = "labelled", "ignored"


@dataclass(frozen=True)
class Box:
    """A box on a picture, as shares of its width and height."""

    x0: float
    y0: float
    x1: float
    y1: float
    kind: str
    """What it is, such as `LABELLED`."""
    name: str = ""
    """Of its class; empty where all are of one."""


def boxes_of(
    labelled: LabelledPicture, classes: tuple[str, ...], sources: Sources, pair: Pair, boxes_on: Side | None
) -> tuple[Box, ...]:
    """Return labelled boxes on the pictures of a pair, moved as its preparation moves the pixels.

    Args:
        labelled: The boxes as they were read.
        classes: Their names.
        sources: The pair's sources.
        pair: The pair.
        boxes_on: The side that the boxes were drawn on; None for the visible one, or the one of the labels' size.
    """
    from mmdrfuse.pipeline.score import Candidate

    height, width = sources.visible.shape[:2]
    if sources.window:
        top, bottom, left, right = sources.window
        height, width = bottom - top, right - left
    found = Found(width, height, {}, Candidate("", pair, "visible"), sources.stored, sources.window)
    moved = found.truth(labelled, boxes_on)
    kinds = (IGNORED if ignored else LABELLED for ignored in moved.ignored.tolist())
    names = (classes[number] if len(classes) > 1 else "" for number in moved.classes.tolist())
    return tuple(shares(moved.boxes, width, height, kinds, names))


def shares(
    boxes: NDArray[np.float64], width: int, height: int, kinds: Iterable[str], names: Iterable[str]
) -> Iterable[Box]:
    """Yield boxes in pixels as shares of a picture's sides.

    Args:
        boxes: N×4.
        width: Of the picture.
        height: The same.
        kinds: Of each box.
        names: Of each box's class.
    """
    scaled = np.round(boxes / [width, height, width, height], 5)
    for (x0, y0, x1, y1), kind, name in zip(scaled.tolist(), kinds, names, strict=True):
        yield Box(x0, y0, x1, y1, kind, name)


def checkerboards(
    pair: Pair, sources: Sources, infrared: NDArray[Any], visible: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return checkerboards of infrared and visible, before and after the infrared was laid onto the visible.

    Before, the infrared is stretched to the visible's size, as if both cameras saw the same.

    Args:
        pair: With a transform.
        sources: Its sources.
        infrared: As it is scored, H×W or H×W×3.
        visible: The same.
    """
    (height, width), (visible_height, visible_width) = sources.stored
    stretching = np.diag([visible_width / width, visible_height / height, 1.0])
    matrix = pair.preparation.mapping("visible", *sources.stored) @ stretching
    if sources.window:
        matrix = np.array([[1, 0, -sources.window[2]], [0, 1, -sources.window[0]], [0, 0, 1]]) @ matrix
    shape = visible.shape[0], visible.shape[1]
    before = warped(normalised(pair.load_infrared().image), matrix, *shape, edge=True)
    fixed = normalised(visible)
    everywhere = np.ones(shape, bool)
    return checkerboard(before, fixed, everywhere), checkerboard(normalised(infrared), fixed, everywhere)
