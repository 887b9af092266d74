"""Boxes of other programs: COCO's results, YOLO's text files and our own, by name or by number."""

import json

import numpy as np
import pytest

from mmdrfuse.detection import read_results
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.tones import RAW
from mmdrfuse.errors import InputError

TRUTH = {
    "010005": LabelledPicture.of([[10, 20, 30, 60]], [0], size=(100, 80)),
    "010006": LabelledPicture.of([], [], size=(100, 80)),
}


def entry(image, **others):
    return {"image_id": image, "category_id": 1, "bbox": [10, 20, 20, 40], "score": 0.9, **others}


def write(path, document):
    path.write_text(json.dumps(document))
    return path


def labels(*classes, **numbers):
    return Labels(classes or ("person",), TRUTH, "made up", "0", **numbers)


def boxes(results, known=None, truth=TRUTH):
    found = results.found(truth, known or labels())
    return {name: one.by_tone[RAW].boxes.tolist() for name, one in found.items()}


@pytest.mark.parametrize("image", ["010005", 10005, "010005.jpg", "a/b/010005"])
def test_pictures_are_found_by_name_or_number(tmp_path, image):
    results = read_results(write(tmp_path / "r.json", [entry(image)]))
    assert boxes(results) == {"010005": [[10, 20, 30, 60]], "010006": []}


def test_yolo_s_shares_become_pixels(tmp_path):
    (tmp_path / "10005.txt").write_text("0 0.2 0.5 0.2 0.5 0.75\n")
    np.testing.assert_allclose(boxes(read_results(tmp_path))["010005"], [[10, 20, 30, 60]])


def test_yolo_s_text_without_confidence_is_refused(tmp_path):
    (tmp_path / "10005.txt").write_text("0 0.2 0.5 0.2 0.5\n")
    with pytest.raises(InputError, match=r"10005\.txt:1: has 5 values"):
        read_results(tmp_path)


@pytest.mark.parametrize(("ids", "expected"), [((1, 2), [0, 1]), ((0, 1), [0, 1])])
def test_classes_count_from_zero_or_one(tmp_path, ids, expected):
    results = read_results(write(tmp_path / "r.json", [entry("010005", category_id=number) for number in ids]))
    found = results.found(TRUTH, labels("person", "car"))["010005"].by_tone[RAW]
    assert sorted(found.classes.tolist()) == expected


def test_numbers_are_those_of_coco_s_labels(tmp_path):
    """Its numbers of pictures and classes; other classes are left out."""
    document = [entry(7, category_id=18), entry(7, category_id=90), entry(8, category_id=18)]
    known = labels(picture_numbers={"7": "010006", "8": "010005"}, class_numbers={18: "People"})
    found = boxes(read_results(write(tmp_path / "r.json", document)), known)
    assert found == {"010005": [[10, 20, 30, 60]], "010006": [[10, 20, 30, 60]]}


def test_more_classes_than_the_labels_have_need_names(tmp_path):
    file = write(tmp_path / "r.json", [entry("010005", category_id=number) for number in (1, 3)])
    with pytest.raises(InputError, match=r"r\.json: has class 3, and the labels have 1: person"):
        boxes(read_results(file))
    assert boxes(read_results(file, ["", "pedestrian", "", "car"]))["010005"] == [[10, 20, 30, 60]]


def test_results_of_other_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"r\.json: is of other pictures: it has street"):
        boxes(read_results(write(tmp_path / "r.json", [entry("street")])))


def test_pixels_need_the_size_of_the_picture(tmp_path):
    results = read_results(write(tmp_path / "r.json", [entry("a")]))
    with pytest.raises(InputError, match="labels of a do not say how large"):
        boxes(results, truth={"a": LabelledPicture.of([[0.1, 0.1, 0.5, 0.5]], [0], size=(1, 1))})


@pytest.mark.parametrize(
    ("changed", "says"),
    [({"bbox": [1, 2]}, "bbox of 2 values"), ({"score": float("nan")}, "nan is no finite"), ({"score": "x"}, "'x'")],
)
def test_an_entry_that_cannot_be_used_is_named_by_its_place(tmp_path, changed, says):
    file = write(tmp_path / "r.json", [entry("010005"), entry("010005", **changed)])
    with pytest.raises(InputError, match=rf"r\.json: .*entry 1.*{says}"):
        read_results(file)


def test_a_key_that_is_missing_and_a_line_that_is_no_box_are_named(tmp_path):
    with pytest.raises(InputError, match=r"r\.json: .*entry 0.* has no 'bbox'"):
        read_results(write(tmp_path / "r.json", [{"image_id": 1, "category_id": 1, "score": 0.5}]))
    (tmp_path / "1.txt").write_text("0 0.5 0.5 0.1 0.1 0.9\n0 0.5 0.5 0.1 0.1 nan\n")
    with pytest.raises(InputError, match=r"1\.txt:2: .*nan"):
        read_results(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[{"image_id": 1}]', b"\xff\xfe", b'{"methods": {"a": 1}}'])
def test_other_files_are_one_error(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json: damaged or unreadable file of detections"):
        read_results(tmp_path / "r.json")
