"""Labels of all formats are read alike; what is wrong with them is named, and the rest goes on."""

import hashlib
import json

import numpy as np
import pytest
from label_files import BOXES, SIZE, WITH_IGNORED, WRITERS, coco_document, voc, xml, yolo

from mmdrfuse.datasets import labels
from mmdrfuse.datasets.scenes.synthetic import scene, write_scenes
from mmdrfuse.errors import InputError


def in_words(read, name):
    """Return a picture's objects as the made-up ones are written."""
    picture = read.pictures[name].resized(*SIZE)
    rows = zip(picture.classes, picture.boxes.tolist(), picture.ignored, strict=True)
    return [(read.classes[kind], tuple(np.round(box, 9)), bool(ignored)) for kind, box, ignored in rows]


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_gives_the_same_boxes(tmp_path, form):
    WRITERS[form](tmp_path)
    read = labels.read(tmp_path)
    assert read.format == form.removeprefix("plain ")
    assert (read.notes, read.failures) == ((), ())
    for name, objects in BOXES.items():
        assert in_words(read, name) == [one for one in objects if form in WITH_IGNORED or not one[2]]


def test_the_three_formats_of_the_labelled_pairs_agree(shared):
    voc, coco, yolo = (
        labels.read(shared / "detection" / "labels" / name) for name in ("voc", "llvip32_coco.json", "yolo")
    )
    assert len(voc.pictures) == len(coco.pictures) == len(yolo.pictures) == 32
    assert voc.count() == coco.count() == yolo.count() == 121
    assert not voc.notes + coco.notes
    assert ["data.yaml" in note for note in yolo.notes] == [True]
    for name, picture in voc.pictures.items():
        np.testing.assert_array_equal(picture.boxes, coco.pictures[name].boxes)
        np.testing.assert_array_equal(picture.ignored, coco.pictures[name].ignored)
        relative = yolo.pictures[name].resized(1280, 1024).boxes
        np.testing.assert_allclose(relative, picture.boxes[~picture.ignored], atol=0.002)  # six digits are written


def test_made_up_scenes_are_labelled(tmp_path):
    write_scenes(tmp_path, 2, 7, height=64, width=96)
    read = labels.read(tmp_path)
    assert (read.format, read.classes) == ("boxes.json", ("person",))
    assert read.pictures["street_0001"].boxes.tolist() == [list(box) for box in scene(8, height=64, width=96).boxes]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("person", [("person", False)]),
        ("people", [("person", True)]),
        ("person?", [("person", True)]),
        ("person?a", [("person", True)]),
        ("cyclist", [("person", True)]),
        ("Car", [("Car", False)]),
    ],
)
def test_kaist_counts_only_people_who_are_sure(tmp_path, word, expected):
    (tmp_path / "I00000.txt").write_text(f"% bbGt version=3\n{word} 10 12 20 40 0 0 0 0 0 0 0\n")
    xml_file = f"<annotation><object><name>{word}</name><bndbox><x>10</x><y>12</y><w>20</w><h>40</h></bndbox></object>"
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "I00000.xml").write_text(f"{xml_file}</annotation>")
    for place in (tmp_path / "I00000.txt", tmp_path / "x"):
        read = labels.read(place)
        [picture] = read.pictures.values()
        assert picture.boxes.tolist() == [[10, 12, 30, 52]]
        assert [(read.classes[picture.classes[0]], bool(picture.ignored[0]))] == expected


def test_pictures_of_one_name_keep_their_folders(tmp_path):
    for part, x in (("set00/V000", 1), ("set01/V000", 2)):
        for side in ("visible", "lwir"):
            place = tmp_path / "annotations" / part / side
            place.mkdir(parents=True)
            (place / "I00000.txt").write_text(f"person {x} 1 5 5\n")
    matched, missing = labels.read(tmp_path).matched(["set01/V000/I00000", "set00/V000/I00000", "set00/V000/I00001"])
    assert [picture.boxes[0, 0] for picture in matched.values()] == [2, 1]
    assert missing == ["set00/V000/I00001"]


def test_labels_of_the_visible_side_count_where_both_are_labelled(tmp_path):
    for side, x in (("lwir", 1), ("visible", 2)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "I00000.txt").write_text(f"person {x} 1 5 5\n")
    read = labels.read(tmp_path)
    assert read.pictures["I00000"].boxes[0, 0] == 2
    assert [note for note in read.notes if "I00000" in note]


def test_labels_of_another_set_are_refused(tmp_path):
    voc(tmp_path)
    with pytest.raises(InputError, match=r"a01, a02, b01.*x1, x2"):
        labels.read(tmp_path).matched(["x1", "x2"])


def test_labels_of_a_known_set_are_those_of_its_folder(tmp_path, scenes):
    for side in ("ir", "vi"):
        (tmp_path / side).symlink_to(scenes / side)
    (tmp_path / "Annotation").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "other.xml").write_text("<html/>")
    voc(tmp_path / "Annotation")
    assert labels.read(tmp_path / "Annotation").failures == ()
    assert [line for line in labels.read(tmp_path).failures if "other.xml" in line]


def test_hash_is_of_the_files(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    voc(tmp_path / "1")
    voc(tmp_path / "2")
    first = labels.read(tmp_path / "1").sha256
    assert labels.read(tmp_path / "2").sha256 == first
    (tmp_path / "2" / "b01.xml").write_text(xml([("person", (1, 1, 2, 2), False)]))
    assert labels.read(tmp_path / "2").sha256 != first
    single = tmp_path / "1" / "a01.xml"
    assert labels.read(single).sha256 == hashlib.sha256(single.read_bytes()).hexdigest()


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "document type"),
        ("<annotation><object><name>person</name></object></annotation>", "object 1"),
        ("<annotation><object><bndbox/></object></annotation>", "name"),
        ("<html></html>", "html"),
        (xml([("person", ("x", 1, 2, 3), False)]), "'x'"),
        (xml([("person", (1, 1, "inf", 3), False)]), "inf"),
        ("<annotation>", "element"),
    ],
)
def test_damaged_file_is_named_and_the_rest_goes_on(tmp_path, content, reason):
    voc(tmp_path)
    (tmp_path / "a02.xml").write_text(content)
    read = labels.read(tmp_path)
    [line] = read.failures
    assert "a02.xml" in line
    assert reason in line
    assert sorted(read.pictures) == ["a01", "b01"]
    with pytest.raises(InputError, match=r"a02\.xml"):
        labels.read(tmp_path / "a02.xml")


@pytest.mark.parametrize("box", [(20, 4, 20, 60), (30, 4, 20, 60)])
def test_box_without_area_is_named_and_left_out(tmp_path, box):
    (tmp_path / "a.xml").write_text(xml([("person", box, False), ("person", (1, 1, 9, 9), False)]))
    read = labels.read(tmp_path)
    assert read.pictures["a"].boxes.tolist() == [[1, 1, 9, 9]]
    [note] = read.notes
    assert note.startswith("a:")
    assert "no area" in note


def test_boxes_outside_are_clipped_and_counted(tmp_path):
    (tmp_path / "a.xml").write_text(xml([("person", (-5, 1, 9, 99), False), ("person", (100, 1, 120, 9), False)]))
    read = labels.read(tmp_path)
    assert read.pictures["a"].boxes.tolist() == [[0, 1, 9, 64]]
    assert read.notes[0].startswith("2 boxes")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.5 0.5 0.1", "4 values"),
        ("0 0.5 0.5 0.1 0.1 0.9", "confidence"),
        ("2 0.5 0.5 0.1 0.1", "0 to 1"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5"),
        ("0 50 30 10 10", "50"),
        ("0 0.5 nan 0.1 0.1", "nan"),
    ],
)
def test_line_that_is_no_label_of_yolo_is_named(tmp_path, line, reason):
    yolo(tmp_path)
    (tmp_path / "labels" / "a02.txt").write_text(f"0 0.5 0.5 0.25 0.5\n{line}\n")
    read = labels.read(tmp_path)
    [failure] = read.failures
    assert "a02.txt" in failure
    assert "line 2" in failure
    assert reason in failure


def test_polygon_gets_the_box_around_it(tmp_path):
    (tmp_path / "a.txt").write_text("0 0.25 0.5 0.5 0.25 0.75 1\n")
    assert labels.read(tmp_path).pictures["a"].boxes.tolist() == [[0.25, 0.25, 0.75, 1]]


@pytest.mark.parametrize("content", ["train: images\n", "names: []\n", "names: {1: person}\n"])
def test_data_file_without_names_is_one_error(tmp_path, content):
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(InputError, match=r"data\.yaml"):
        labels.read(tmp_path)


def test_classes_without_names_are_not_guessed(tmp_path):
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    assert labels.read(tmp_path).classes == ("person",)
    (tmp_path / "b.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    with pytest.raises(InputError, match=r"classes 0, 1.*data\.yaml") as caught:
        labels.read(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_names_of_classes_may_be_a_mapping_or_a_list_of_lines(tmp_path):
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names:\n  0: person\n  1: car\n")
    assert labels.read(tmp_path / "data.yaml").classes == ("person", "car")
    (tmp_path / "data.yaml").unlink()
    (tmp_path / "classes.txt").write_text("Pedestrian\ncar\n")
    assert labels.read(tmp_path / "labels").only(["person"]).count() == 2


def test_numbers_of_coco_are_kept_for_its_results(tmp_path):
    document = coco_document()
    (tmp_path / "coco.json").write_text(json.dumps(document))
    found = labels.read(tmp_path / "coco.json")
    assert found.picture_numbers.keys() == {str(entry["id"]) for entry in document["images"]}
    assert set(found.picture_numbers.values()) == found.pictures.keys()
    assert found.class_numbers == {entry["id"]: entry["name"] for entry in document["categories"]}


@pytest.mark.parametrize(("place", "key"), [("images", "id"), ("images", "file_name"), ("categories", "name")])
def test_a_key_that_coco_lacks_is_named_with_its_place(tmp_path, place, key):
    document = coco_document()
    del document[place][0][key]
    (tmp_path / "c.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=rf"c\.json: .*{place}\[0\] has no {key}"):
        labels.read(tmp_path / "c.json")


def test_entries_of_coco_that_cannot_be_used_are_named(tmp_path):
    document = coco_document()
    document["annotations"] += [
        {"id": 90, "image_id": 0, "category_id": 99, "bbox": [1, 1, 2, 2]},
        {"id": 91, "image_id": 77, "category_id": 7, "bbox": [1, 1, 2, 2]},
        {"id": 92, "image_id": 0, "category_id": 7, "bbox": [1, 1]},
        {"id": 93, "image_id": 0, "category_id": 7},
    ]
    (tmp_path / "c.json").write_text(json.dumps(document))
    read = labels.read(tmp_path / "c.json")
    assert read.count() == 3
    assert ["9" in line and "c.json" in line for line in read.failures] == [True] * len(read.failures)
    assert all(any(str(number) in line for line in read.failures) for number in (90, 91, 92, 93))
    assert any("has 2 values" in line for line in read.failures)
    assert any("has no 'bbox'" in line for line in read.failures)


@pytest.mark.parametrize("name", ["missing", "empty", "picture.png"])
def test_what_holds_no_labels_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "picture.png").write_bytes(b"")
    with pytest.raises(InputError, match=name):
        labels.read(tmp_path / name)


def test_texts_that_are_no_labels_are_left_out(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels" / "README.txt").write_text("0 1 2")
    (tmp_path / "labels" / "train.txt").write_text("images/a01.png\n")
    read = labels.read(tmp_path)
    assert sorted(read.pictures) == sorted(BOXES)
    assert ["train.txt" in note for note in read.notes] == [True]
