"""What the outputs of a detector mean: one `Convention` for each family of networks, recognised from what comes out.

The shapes tell most of them apart. A network that predicts at every cell of three grids (of 8, 16 and 32 pixels) has as
many rows as there are cells; one with three shapes of box a cell has three times as many. Where the file has the
metadata that Ultralytics writes, the number of names decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.canvas import Fit

Boxes = NDArray[np.float64]
Scores = NDArray[np.float64]
Decoded = tuple[Boxes, Scores]
"""N×4 boxes in pixels of the canvas, and N×C scores by class."""

_STEPS = ((8, 16, 32), (8, 16, 32, 64))
"""Pixels of a cell, in each grid of a network."""
_BOXES_A_CELL = 3
"""Of the families that start from fixed shapes of box."""
_LARGEST_OFFSET = 16
"""Cells; a raw position is an offset of few cells, a decoded one is as large as the canvas."""
_MOST_CLASSES = 20_000
"""Of an output that gives numbers of classes; a larger number is none."""


@dataclass(frozen=True)
class Outputs:
    """What one run of a network gave, with what is known of it."""

    arrays: Mapping[str, NDArray[Any]]
    """By name, in the order of the file."""
    width: int
    """Of the canvas."""
    height: int
    names: int | None = None
    """Number of classes that the file's metadata name."""

    @property
    def first(self) -> NDArray[np.float64]:
        """Return the first output, without its dimension of pictures."""
        array = next(iter(self.arrays.values()))
        return np.asarray(array[0], np.float64) if array.ndim > 2 else np.asarray(array, np.float64)

    def cells(self) -> list[int]:
        """Return the numbers of cells that networks have for this canvas."""
        return [sum((self.height // step) * (self.width // step) for step in steps) for steps in _STEPS]


@dataclass(frozen=True)
class Convention:
    """What goes into a family of networks, and what its outputs mean."""

    name: str
    matches: Callable[[Outputs], bool]
    decode: Callable[[Outputs], Decoded]
    fit: Fit = "centre"
    bgr: bool = False
    divisor: float = 255.0
    """What the levels, 0 to 255, are divided by."""
    needs_nms: bool = True
    """Whether boxes that overlap must still be thinned out."""


def recognised(outputs: Outputs) -> Convention | None:
    """Return the convention of a network's outputs; None if it is none that we know."""
    return next((convention for convention in CONVENTIONS if convention.matches(outputs)), None)


def _table(outputs: Outputs) -> tuple[int, int]:
    """Return rows and columns of an only table; (0, 0) if the outputs are something else."""
    array = next(iter(outputs.arrays.values()))
    if array.ndim == 3 and array.shape[0] == 1:
        return array.shape[1], array.shape[2]
    return (0, 0)


def _is_yolox(outputs: Outputs) -> bool:
    rows, columns = _table(outputs)
    return outputs.names is None and rows in outputs.cells() and columns >= 6


def _decode_yolox(outputs: Outputs) -> Decoded:
    table = outputs.first
    places = table[:, :4]
    if np.abs(places[:, :2]).max(initial=0) <= _LARGEST_OFFSET:
        steps = _STEPS[outputs.cells().index(len(table))]
        corner, size = _grid(outputs, steps)
        with np.errstate(over="ignore"):
            places = np.concatenate([(places[:, :2] + corner) * size, np.exp(places[:, 2:]) * size], axis=1)
    return _from_centres(places), table[:, 4:5] * table[:, 5:]


def _grid(outputs: Outputs, steps: Sequence[int]) -> tuple[Boxes, Boxes]:
    """Return column and row of each cell, N×2, and its size, N×1."""
    corners, sizes = [], []
    for step in steps:
        columns, rows = np.meshgrid(np.arange(outputs.width // step), np.arange(outputs.height // step))
        corners.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        sizes.append(np.full((len(corners[-1]), 1), step))
    return np.concatenate(corners).astype(np.float64), np.concatenate(sizes).astype(np.float64)


def _is_with_objectness(outputs: Outputs) -> bool:
    rows, columns = _table(outputs)
    return rows in [_BOXES_A_CELL * cells for cells in outputs.cells()] and columns >= 6


def _decode_with_objectness(outputs: Outputs) -> Decoded:
    table = outputs.first
    return _from_centres(table[:, :4]), table[:, 4:5] * table[:, 5:]


def _is_transposed(outputs: Outputs) -> bool:
    rows, columns = _table(outputs)
    if outputs.names is not None:
        return rows >= 4 + outputs.names and columns in outputs.cells()
    return rows >= 5 and columns in outputs.cells()


def _decode_transposed(outputs: Outputs) -> Decoded:
    table = outputs.first.T
    end = None if outputs.names is None else 4 + outputs.names  # masks or points may follow
    return _from_centres(table[:, :4]), table[:, 4:end]


def _is_final(outputs: Outputs) -> bool:
    return _table(outputs)[1] == 6


def _decode_final(outputs: Outputs) -> Decoded:
    table = outputs.first
    return table[:, :4], _by_class(table[:, 4], table[:, 5])


def _is_end_to_end(outputs: Outputs) -> bool:
    array = next(iter(outputs.arrays.values()))
    return len(outputs.arrays) == 1 and array.ndim == 2 and array.shape[1] == 7


def _decode_end_to_end(outputs: Outputs) -> Decoded:
    table = outputs.first
    return table[:, 1:5], _by_class(table[:, 6], table[:, 5])


def _is_fastest(outputs: Outputs) -> bool:
    array = next(iter(outputs.arrays.values()))
    return len(outputs.arrays) == 1 and array.ndim == 4 and array.shape[0] == 1 and array.shape[1] >= 6


def _decode_fastest(outputs: Outputs) -> Decoded:
    planes = outputs.first
    rows, columns = planes.shape[1:]
    row, column = np.mgrid[:rows, :columns]
    scale = np.array([outputs.width, outputs.height])
    centres = np.stack([(column + np.tanh(planes[1])) / columns, (row + np.tanh(planes[2])) / rows], axis=-1)
    sizes = 1 / (1 + np.exp(-np.moveaxis(planes[3:5], 0, -1)))
    places = np.concatenate([centres * scale, sizes * scale], axis=-1).reshape(-1, 4)
    strength = np.clip(planes[0], 0, None) ** 0.6 * np.clip(planes[5:], 0, None) ** 0.4
    return _from_centres(places), np.moveaxis(strength, 0, -1).reshape(len(places), -1)


def _is_named(outputs: Outputs) -> bool:
    return {"boxes", "scores", "labels"} <= set(outputs.arrays)


def _decode_named(outputs: Outputs) -> Decoded:
    boxes, scores, labels = (np.asarray(outputs.arrays[name], np.float64) for name in ("boxes", "scores", "labels"))
    boxes = boxes.reshape(-1, 4)
    if not len(boxes) == scores.size == labels.size:
        raise ValueError(f"{len(boxes)} boxes, {scores.size} scores and {labels.size} labels: need one of each")
    if np.abs(boxes).max(initial=0) <= 1:  # shares of the picture
        boxes = boxes * [outputs.width, outputs.height, outputs.width, outputs.height]
    return boxes, _by_class(scores.reshape(-1), labels.reshape(-1))


def _by_class(scores: Scores, classes: NDArray[np.float64]) -> Scores:
    """Return N×C scores of boxes that each have one class."""
    valid = (classes > -0.5) & (classes < _MOST_CLASSES)  # not NaN either
    numbers = np.rint(np.where(valid, classes, 0)).astype(np.int64)
    table = np.zeros((len(numbers), int(numbers.max(initial=0)) + 1))
    table[np.flatnonzero(valid), numbers[valid]] = scores[valid]
    return table


def _from_centres(places: Boxes) -> Boxes:
    """Return corners of boxes given by centre and size."""
    half = places[:, 2:4] / 2
    return np.concatenate([places[:, :2] - half, places[:, :2] + half], axis=1)


CONVENTIONS = (
    Convention("torchvision", _is_named, _decode_named, fit="stretch", needs_nms=False),
    Convention("FastestDet", _is_fastest, _decode_fastest, fit="stretch", bgr=True),
    Convention("YOLOv7 with NMS", _is_end_to_end, _decode_end_to_end, needs_nms=False),
    Convention("YOLOX", _is_yolox, _decode_yolox, fit="corner", bgr=True, divisor=1.0),
    Convention("YOLOv5 or YOLOv7", _is_with_objectness, _decode_with_objectness),
    Convention("Ultralytics", _is_transposed, _decode_transposed),
    Convention("Ultralytics with NMS", _is_final, _decode_final, needs_nms=False),
)
"""In the order in which they are tried."""
