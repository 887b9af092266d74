"""A report on detections says what the detections say."""

import json
import re

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import pair_folders
from mmdrfuse.detection import detect_folders
from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.errors import InputError
from mmdrfuse.reports import write_detection_report
from mmdrfuse.reports.detected import of_detections

pytest.importorskip("faster_coco_eval", reason="needs the extra detect")


class Bright:
    """Finds the bright rectangle, and always something in the lower right corner."""

    name = "bright"
    classes = ("person",)

    def __call__(self, picture):
        rows, columns = np.nonzero(picture[..., 0] > 128)
        corner = [30, 20, 40, 30]
        if not len(rows):
            return Detections.of([corner], [0.5], [0])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections.of([box, corner], [0.9, 0.5], [0, 0])

    def description(self):
        return {"file": "bright.onnx", "sha256": "abc"}

    def only(self, _classes):
        return self


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Four pairs whose person shines in the infrared, and in every second visible picture."""
    folder = tmp_path_factory.mktemp("detected")
    pictures = {}
    for number in range(4):
        for side, level in (("ir", 200), ("vi", 200 if number % 2 else 20)):
            picture = np.full((30, 40), 10, np.uint8)
            picture[4:24, 8:20] = level
            images.write(folder / side / f"{number:02}.png", picture)
        pictures[f"{number:02}"] = LabelledPicture.of([[8, 4, 20, 24]], [0], size=(40, 30))
    pairs = pair_folders(folder / "ir", folder / "vi").pairs
    labels = Labels(("person",), pictures, "boxes.json", "def")
    return detect_folders([], pairs, detector=Bright(), labels=labels, baselines=["max"], tone="raw")


def test_rows_and_columns_are_those_of_the_scores(result):
    contents = of_detections(result, "mmdrfuse detect")
    assert [row.method for row in contents.rows] == ["max", "infrared", "visible"]
    assert [column.name for column in contents.columns] == ["AP raw", "AP50 raw", "AP75 raw", "MR raw"]
    for row, scored in zip(contents.rows, result.rows, strict=True):
        expected = [100 * one.value for one in scored.scores["raw"].measures.values()]
        assert [cell.value for cell in row.cells] == pytest.approx(expected, rel=1e-4)
    assert [row.cells[1].rank for row in contents.rows] == [1, 1, 3]


def test_found_missed_and_wrong_boxes_are_counted_on_every_picture(result):
    numbers = of_detections(result, "").numbers
    assert (numbers.metrics, numbers.up) == (("found", "missed", "wrong"), (True, False, False))
    assert numbers.values[0].tolist() == [[1, 0, 1]] * 4  # the corner is always wrong
    assert numbers.values[2].tolist() == [[0, 1, 1], [1, 0, 1]] * 2


def test_boxes_lie_in_the_pane_of_their_picture(result):
    contents = of_detections(result, "")
    assert [name for name, _ in contents.panes] == ["infrared", "visible", "max"]
    infrared, visible, fused = contents.boxes["00"]
    assert [box.kind for box in infrared] == ["found", "wrong"]
    assert [box.kind for box in visible] == ["missed", "wrong"]
    assert (fused[0].x0, fused[0].y0, fused[0].x1, fused[0].y1) == pytest.approx((0.2, 4 / 30, 0.5, 0.8), abs=1e-4)


def test_differences_are_those_of_the_result(result):
    contents = of_detections(result, "")
    first = result.comparisons[0]
    assert (contents.tests[0].first, contents.tests[0].second) == (first.first, first.second)
    found = {(test.first, test.second): test.cells[1] for test in contents.tests}
    value, interval, clear = found["infrared", "visible"]
    difference = next(one for one in result.comparisons if (one.first, one.second) == ("infrared", "visible"))
    assert value == f"{100 * difference.differences['AP50'].value:+.1f}"
    assert interval.startswith("[")
    assert clear == (difference.differences["AP50"].low > 0)


def test_the_file_holds_pictures_and_boxes(result, tmp_path):
    path = tmp_path / "report.html"
    written = write_detection_report(result, path)
    assert (written.pairs, written.embedded) == (4, 4)
    text = path.read_text()
    pair = json.loads(re.search(r'id="pair-0">(.*?)</script>', text, re.DOTALL)[1])
    assert len(pair["webp"]) == len(pair["boxes"]) == 3
    assert "bright.onnx" in text
    assert "Detection report" in text


def test_without_labels_there_is_nothing_to_report(result, tmp_path):
    from dataclasses import replace

    with pytest.raises(InputError, match="labels"):
        write_detection_report(replace(result, rows=()), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
