"""Every convention finds exactly what is planted."""

import numpy as np
import pytest

from mmdrfuse.detection import open_detector
from mmdrfuse.errors import InputError, MissingExtraError

from .conftest import BOXES, CLASSES, NAMES, SCORES, SIZE

CELLS = [(step, x, y) for step in (8, 16, 32) for y in range(SIZE // step) for x in range(SIZE // step)]
META = {"names": str(dict(enumerate(NAMES))), "stride": "32", "imgsz": f"[{SIZE}, {SIZE}]"}


def on_canvas(top):
    """Corners and centres of the boxes on the canvas, with the margin above them."""
    corners = BOXES / 2 + [0, top, 0, top]
    return corners, np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def table(rows, top, *, objectness, places=(30, 170)):
    """Rows of centre, size, maybe objectness, and scores; two of them hold the boxes."""
    values = np.zeros((rows, 4 + objectness + len(NAMES)))
    for place, centre, score, number in zip(places, on_canvas(top)[1], SCORES, CLASSES, strict=True):
        values[place, :4] = centre
        values[place, 4] = np.sqrt(score) if objectness else 0
        values[place, 4 + objectness + number] = np.sqrt(score) if objectness else score
    return values


def yolox(*, raw):
    values = table(len(CELLS), 0, objectness=True)
    step, x, y = np.array(CELLS).T
    free = values[:, 4] == 0
    values[free, :2] = np.stack([(x + 0.5) * step, (y + 0.5) * step], axis=1)[free]
    values[free, 2:4] = step[free, None]
    if raw:
        values[:, 0], values[:, 1] = values[:, 0] / step - x, values[:, 1] / step - y
        values[:, 2:4] = np.log(values[:, 2:4] / step[:, None])
    return {"output": values[None]}


def fastest():
    planes = np.zeros((5 + len(NAMES), 6, 6))
    planes[3:5] = -3
    for place, score, number in zip(BOXES / [192, 128, 192, 128], SCORES, CLASSES, strict=True):
        x, y, width, height = (*(place[:2] + place[2:]) / 2, *(place[2:] - place[:2]))
        column, row = int(x * 6), int(y * 6)
        planes[:5, row, column] = (
            score, np.arctanh(x * 6 - column), np.arctanh(y * 6 - row),
            np.log(width / (1 - width)), np.log(height / (1 - height)),
        )  # fmt: skip
        planes[5 + number, row, column] = score
    return {"758": planes[None]}


def final():
    values = np.zeros((1, 300, 6))
    values[0, :2] = np.concatenate([on_canvas(16)[0], SCORES[:, None], CLASSES[:, None]], axis=1)
    return {"output0": values}


def end_to_end():
    return {"output": np.concatenate([[[0], [0]], on_canvas(16)[0], CLASSES[:, None], SCORES[:, None]], axis=1)}


def named(scale, classes=CLASSES):
    return {"boxes": BOXES * scale, "labels": classes, "scores": SCORES}


STRETCHED = np.array([0.5, 0.75, 0.5, 0.75])
CASES = {
    "YOLOv5": (table(3 * len(CELLS), 16, objectness=True), META, "YOLOv5 or YOLOv7"),
    "YOLOv7": (table(3 * len(CELLS), 16, objectness=True), None, "YOLOv5 or YOLOv7"),
    "YOLOv8": (table(len(CELLS), 16, objectness=False).T, META, "Ultralytics"),
    "YOLO11 without metadata": (table(len(CELLS), 16, objectness=False).T, None, "Ultralytics"),
    "masks follow": (np.pad(table(len(CELLS), 16, objectness=False).T, [(0, 32), (0, 0)]), META, "Ultralytics"),
    "YOLOv10": (final(), META, "Ultralytics with NMS"),
    "YOLOv7 with NMS": (end_to_end(), None, "YOLOv7 with NMS"),
    "YOLOX raw": (yolox(raw=True), None, "YOLOX"),
    "YOLOX decoded": (yolox(raw=False), None, "YOLOX"),
    "FastestDet": (fastest(), None, "FastestDet"),
    "torchvision": (named(STRETCHED), None, "torchvision"),
    "shares": (named(1 / np.array([192, 128, 192, 128])), None, "torchvision"),
}


@pytest.mark.parametrize("case", CASES)
def test_boxes_are_found_exactly(make_onnx, picture, planted, case):
    outputs, metadata, convention = CASES[case]
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs[None]}
    detector = open_detector(make_onnx(outputs, metadata=metadata), None if metadata else NAMES)
    found = detector(picture)
    boxes, scores, classes = planted
    assert (detector.description()["convention"], detector.classes) == (convention, NAMES)
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    assert found.classes.tolist() == classes.tolist()
    assert detector.only(frozenset([2]))(picture).classes.tolist() == [2]


def test_one_class_with_nms_is_not_taken_for_objectness(make_onnx, picture, planted):
    outputs = final()
    outputs["output0"][..., 5] = 0
    detector = open_detector(make_onnx(outputs, metadata={**META, "names": "{0: 'person'}"}))
    np.testing.assert_allclose(detector(picture).boxes, planted[0], atol=1e-3)
    assert detector.description()["convention"] == "Ultralytics with NMS"


def test_metadata_give_the_size_of_the_canvas(make_onnx, picture, planted):
    file = make_onnx({"output0": CASES["YOLOv8"][0][None]}, metadata=META, shape=(1, 3, "height", "width"))
    np.testing.assert_allclose(open_detector(file)(picture).boxes, planted[0], atol=1e-3)


def test_detr_gets_the_size_that_its_boxes_are_in(make_onnx, picture, planted):
    outputs = {name: values[None] for name, values in named(STRETCHED).items()}
    detector = open_detector(make_onnx(outputs, sizes=True))
    found = detector(picture)
    np.testing.assert_allclose(found.boxes, planted[0], atol=1e-3)
    assert [detector.classes[number] for number in found.classes] == ["person", "car"]


def test_torchvision_takes_pictures_of_any_size_and_counts_from_one(make_onnx, picture, planted):
    file = make_onnx(named(1.0, CLASSES + 1), shape=(1, 3, "height", "width"))
    detector = open_detector(file)
    found = detector(picture)
    np.testing.assert_array_equal(found.boxes, planted[0])
    assert [detector.classes[number] for number in found.classes] == ["person", "car"]


def test_other_outputs_are_listed(make_onnx):
    file = make_onnx({"cls": np.zeros((1, 7, 33)), "reg": np.zeros((1, 7, 12))})
    with pytest.raises(InputError, match=r"planted\.onnx: .*cls: 1×7×33, reg: 1×7×12"):
        open_detector(file)


def test_scores_that_are_no_numbers_are_refused(make_onnx, picture):
    outputs = named(1.0, CLASSES + 1)
    outputs["scores"] = np.full_like(outputs["scores"], np.nan)
    with pytest.raises(InputError, match=r"planted\.onnx: .*finite"):
        open_detector(make_onnx(outputs))(picture)


def test_classes_without_a_name_are_refused(make_onnx, picture):
    with pytest.raises(InputError, match=r"planted\.onnx: .*more classes than the 91"):
        open_detector(make_onnx(named(1.0, CLASSES + 999)))(picture)


def test_outputs_of_unequal_lengths_are_counted(make_onnx):
    outputs = named(1.0, CLASSES + 1)
    outputs["scores"] = outputs["scores"][:1]
    with pytest.raises(InputError, match=rf"planted\.onnx: .*{len(CLASSES)} boxes, 1 scores"):
        open_detector(make_onnx(outputs))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: no such file"):
        open_detector(tmp_path / "none.onnx")


def test_other_inputs_are_listed(make_onnx):
    with pytest.raises(InputError, match=r"takes picture tensor\(float\) \[1, 96, 96, 3\], not one picture"):
        open_detector(make_onnx(final(), shape=(1, SIZE, SIZE, 3)))


def test_truncated_file_is_one_error(make_onnx):
    file = make_onnx(final())
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match=r"planted\.onnx: damaged or unreadable ONNX file"):
        open_detector(file)


def test_a_missing_onnxruntime_is_named_with_its_extra(make_onnx, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"needs onnxruntime: pip install .*detect"):
        open_detector(make_onnx(final(), name="another.onnx"))
