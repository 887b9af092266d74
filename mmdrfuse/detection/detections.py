"""Boxes that a detector found, and the choice of the strongest among those that overlap."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_SCORE = 0.001
"""Score below which a box is dropped."""

NMS_IOU = 0.65
"""Intersection over union above which the weaker one of two boxes of a class is dropped."""

MAX_DETECTIONS = 100
"""Boxes of a picture, at most; the strongest stay."""

Picture = NDArray[np.uint8]
"""H×W×3, RGB."""


@dataclass(frozen=True)
class Detections:
    """The boxes in one picture, the strongest first."""

    boxes: NDArray[np.float64]
    """N×4, each x0, y0, x1, y1 in pixels."""
    scores: NDArray[np.float64]
    """N, 0 to 1."""
    classes: NDArray[np.int64]
    """N indices into the detector's classes."""

    @classmethod
    def of(cls, boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike) -> Self:
        """Return the strongest boxes that may count: with an area, of at least `MIN_SCORE`, at most `MAX_DETECTIONS`.

        Args:
            boxes: N×4.
            scores: N.
            classes: N indices.

        Raises:
            ValueError: The numbers of boxes, scores and classes differ, or values are no numbers.
        """
        if any(np.iscomplexobj(values) for values in (boxes, scores, classes)):
            raise ValueError("boxes, scores and classes must be real numbers")
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        scores = np.asarray(scores, np.float64).reshape(-1)
        classes = np.asarray(classes).astype(np.int64, copy=False).reshape(-1)
        if not len(boxes) == len(scores) == len(classes):
            raise ValueError(f"{len(boxes)} boxes, {len(scores)} scores and {len(classes)} classes: need one of each")
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise ValueError("boxes and scores must be finite numbers")
        usable = (scores >= MIN_SCORE) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        order = np.flatnonzero(usable)
        order = order[np.argsort(-scores[order], kind="stable")][:MAX_DETECTIONS]
        return cls(boxes[order], scores[order], classes[order])

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)

    def only(self, chosen: NDArray[Any]) -> Self:
        """Return the boxes that marks or indices choose."""
        return replace(self, boxes=self.boxes[chosen], scores=self.scores[chosen], classes=self.classes[chosen])

    def renumbered(self, indices: NDArray[np.int64]) -> Self:
        """Return the boxes with other classes; a class whose new index is negative is left out.

        Args:
            indices: Old index → new index; classes beyond its end are left out.
        """
        known = self.only((self.classes >= 0) & (self.classes < len(indices)))
        moved = replace(known, classes=indices[known.classes])
        return moved.only(moved.classes >= 0)

    def clipped(self, width: float, height: float) -> Self:
        """Return the boxes clipped to a picture; those beside it are left out."""
        boxes = np.clip(self.boxes, 0, [width, height, width, height])
        inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return replace(self, boxes=boxes).only(inside)


class Detector(Protocol):
    """What finds objects in pictures; it can be sent to other processes."""

    @property
    def name(self) -> str:
        """Return the name for messages."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Return the names of the classes; None if nobody knows them."""

    @property
    def parallel(self) -> bool:
        """Return whether several processes may use it unasked: it takes little memory, and no accelerator."""

    def __call__(self, picture: Picture) -> Detections:
        """Return the boxes in a picture.

        Args:
            picture: H×W×3, RGB.

        Raises:
            MMDRFuseError: The detector failed.
        """

    def only(self, classes: frozenset[int]) -> "Detector":
        """Return a detector that looks for some classes alone, given their indices."""

    def description(self) -> dict[str, Any]:
        """Return as plain objects what the results depend on, such as the file and its SHA-256."""


def non_maximum_suppression(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> Detections:
    """Choose, class by class, the boxes that no stronger box overlaps by more than `NMS_IOU`.

    Args:
        boxes: N×4.
        scores: N×C, the score of each box for each class.
    """
    chosen = [_suppressed(boxes, scores[:, index]) for index in range(scores.shape[1])]
    order = np.concatenate([*chosen, np.empty(0, np.int64)])
    classes = np.repeat(np.arange(len(chosen)), [len(each) for each in chosen])
    return Detections.of(boxes[order], scores[order, classes], classes)


def _suppressed(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of at most `MAX_DETECTIONS` boxes of one class, the strongest first."""
    left = np.flatnonzero(scores >= MIN_SCORE)
    left = left[np.argsort(-scores[left], kind="stable")]
    chosen: list[int] = []
    while len(left) and len(chosen) < MAX_DETECTIONS:
        first, left = left[0], left[1:]
        chosen.append(int(first))
        left = left[intersection_over_union(boxes[first : first + 1], boxes[left])[0] <= NMS_IOU]
    return np.array(chosen, np.int64)


def intersection_over_union(
    boxes: NDArray[np.float64], others: NDArray[np.float64], regions: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Compute the intersection over union of every box with every other.

    Args:
        boxes: N×4.
        others: M×4.
        regions: M marks of regions, for which it is the share of the box that lies in the region.

    Returns:
        N×M, 0 to 1; 0 where there is no area.
    """
    left, top = np.maximum(boxes[:, None, :2], others[:, :2]).transpose(2, 0, 1)
    right, bottom = np.minimum(boxes[:, None, 2:], others[:, 2:]).transpose(2, 0, 1)
    common = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    areas = _areas(boxes)[:, None]
    whole = areas + _areas(others) - common
    if regions is not None:
        whole = np.where(regions, areas, whole)
    shares: NDArray[np.float64] = np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)
    return shares


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
