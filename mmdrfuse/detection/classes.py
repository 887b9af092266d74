"""Names of the classes that detectors know, and which of them are those of labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.labels import usual_name
from mmdrfuse.errors import InputError, abbreviated

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""The 80 classes of COCO's boxes, numbered from 0, as most detectors are trained."""

_NUMBERS_WITHOUT_BOXES = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""COCO's own numbers, up to 90, that have no boxes."""


def _with_gaps() -> tuple[str, ...]:
    names = iter(COCO)
    return tuple("" if number in _NUMBERS_WITHOUT_BOXES else next(names) for number in range(91))


COCO_WITH_GAPS = _with_gaps()
"""The same under COCO's own numbers, 1 to 90, as torchvision's detectors give them."""


def indices(own: Sequence[str] | None, wanted: Sequence[str], name: str) -> NDArray[np.int64]:
    """Return for each class of a detector its index among other classes; -1 for one that is not among them.

    Names that mean the same, such as person and pedestrian, are equal.

    Args:
        own: Names of the detector's classes; None if they are unknown, which fits only classes of one name.
        wanted: The other classes, such as those of labels.
        name: Of the detector, for messages.

    Raises:
        InputError: No class is among them, or the detector's are unknown.
    """
    if own is None and len(wanted) == 1:
        return np.zeros(1, np.int64)
    if own is None:
        raise InputError(f"{name}: does not say what its classes are called", cure="classes")
    places = {usual_name(other): place for place, other in enumerate(wanted)}
    found = np.array([places.get(usual_name(one), -1) for one in own], np.int64)
    if (found < 0).all():
        listed = abbreviated(dict.fromkeys(filter(None, own)), 20)
        raise InputError(f"{name}: finds none of {', '.join(wanted)}; its classes are {listed}", cure="classes")
    return found
