"""The two detectors of `detection.py`, as ONNX in ../shared: persons in a grey picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairs import SHARED

DETECTION = SHARED / "detection"
PERSON = 0
"""COCO's first class."""

LEAST_SCORE, OVERLAP = 0.03, 0.6
"""Below which a box is dropped, and above which the weaker of two is."""

Gray = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""(N, 5): left, top, width, height in pixels, and score."""

Detect = Callable[[Gray], Boxes]


def yolox(size: int = 416) -> Callable[[Gray], Boxes]:
    """Return YOLOX-Nano: scaled to fit, 114 at the right and below, three scales of cells with an offset and a size."""
    run = _session("yolox_nano.onnx")
    steps = (8, 16, 32)
    cells = [np.stack(np.meshgrid(*[np.arange(size // step)] * 2), axis=-1).reshape(-1, 2) for step in steps]
    x, y = np.concatenate(cells).T
    step = np.concatenate([np.full(len(each), step) for each, step in zip(cells, steps, strict=True)])

    def detect(picture: Gray) -> Boxes:
        scale = size / max(picture.shape)
        height, width = (round(side * scale) for side in picture.shape)
        canvas = np.full((size, size), 114, np.float32)
        canvas[:height, :width] = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
        raw = run(canvas)[0]
        centre_x, centre_y = (raw[:, 0] + x) * step, (raw[:, 1] + y) * step
        widths, heights = np.exp(raw[:, 2]) * step, np.exp(raw[:, 3]) * step
        scores = raw[:, 4] * raw[:, 5 + PERSON]
        return _strongest(centre_x / scale, centre_y / scale, widths / scale, heights / scale, scores)

    return detect


def fastest(size: int = 352) -> Callable[[Gray], Boxes]:
    """Return FastestDet: stretched to a square in [0, 1], one scale of cells."""
    run = _session("FastestDet.onnx")

    def detect(picture: Gray) -> Boxes:
        height, width = picture.shape
        square = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR), np.float32)
        raw = run(square / 255)[0].astype(np.float64)
        rows, columns = raw.shape[1:]
        row, column = np.mgrid[:rows, :columns]
        scores = raw[0] ** 0.6 * raw[5 + PERSON] ** 0.4
        centre_x, centre_y = (column + np.tanh(raw[1])) / columns * width, (row + np.tanh(raw[2])) / rows * height
        widths, heights = width / (1 + np.exp(-raw[3])), height / (1 + np.exp(-raw[4]))
        return _strongest(*(values.ravel() for values in (centre_x, centre_y, widths, heights, scores)))

    return detect


def _session(name: str) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a network that takes one grey plane, three times over."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(DETECTION / name), options)
    source = session.get_inputs()[0].name

    def run(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = session.run(None, {source: np.stack([plane] * 3)[None].astype(np.float32)})[0]
        return output

    return run


def _strongest(x: Boxes, y: Boxes, width: Boxes, height: Boxes, scores: Boxes) -> Boxes:
    """Keep boxes that no stronger one overlaps."""
    boxes = np.stack([x - width / 2, y - height / 2, width, height, scores], axis=1)[scores > LEAST_SCORE]
    boxes = boxes[np.argsort(-boxes[:, 4])]
    chosen: list[Boxes] = []
    while len(boxes):
        chosen.append(boxes[0])
        boxes = boxes[1:][_overlaps(boxes[0], boxes[1:]) <= OVERLAP]
    return np.array(chosen).reshape(-1, 5)


def _overlaps(one: Boxes, others: Boxes) -> Boxes:
    """Compute the intersection over union of one box with each of the others."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[:2] + one[2:4], others[:, :2] + others[:, 2:4])
    common: Boxes = np.clip(high - low, 0, None).prod(axis=1)
    return common / (one[2:4].prod() + others[:, 2:4].prod(axis=1) - common)


DETECTORS: dict[str, Callable[[], Detect]] = {"YOLOX-Nano": yolox, "FastestDet": fastest}
