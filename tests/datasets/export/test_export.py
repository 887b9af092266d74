"""An export holds the pictures of every method and their labels; it is the same however it was made."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import labels
from mmdrfuse.datasets.export import ExportOptions, export, run
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import ChoiceError, InputError, OutputError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse.fuser import Fuser

METHODS = "max", "infrared", "visible"
NAMES = [f"{number:02}0001" for number in range(1, 7)]
SIZE = 40, 32


@pytest.fixture
def labelled(tmp_path, rng):
    """A set as LLVIP is laid out: four pictures for training, two for testing, boxes as VOC's; one has no person."""
    root = tmp_path / "set"
    width, height = SIZE
    for number, name in enumerate(NAMES):
        split = "train" if number < 4 else "test"
        images.write(root / "infrared" / split / f"{name}.png", rng.integers(0, 255, (height, width), np.uint8))
        images.write(root / "visible" / split / f"{name}.png", rng.integers(0, 255, (height, width, 3), np.uint8))
        boxes = [(number, 2, number + 9, 30 - number, 0), (20, 3, 36, 29, number % 2)] if number != 2 else []
        objects = "".join(
            f"<object><name>person</name><difficult>{ignored}</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for x0, y0, x1, y1, ignored in boxes
        )
        place = root / "Annotations"
        place.mkdir(exist_ok=True)
        size = f"<size><width>{width}</width><height>{height}</height></size>"
        (place / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return root


def content(folder):
    """Return every file and link below a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(read, expected, *, ignored=True):
    """Compare labels with others; without ignored regions, those are left out of the others."""
    assert sorted(read.pictures) == sorted(expected.pictures)
    for name, picture in expected.pictures.items():
        other = picture if ignored else picture.only(~picture.ignored)
        found = read.pictures[name].resized(picture.width, picture.height)
        np.testing.assert_allclose(found.boxes, other.boxes, atol=1e-9)
        np.testing.assert_array_equal(found.ignored, other.ignored)
        assert [read.classes[kind] for kind in found.classes] == [expected.classes[kind] for kind in other.classes]


def test_exported_labels_read_back_are_those_of_the_set(labelled, tmp_path):
    exported = export(labelled, tmp_path / "out", ExportOptions(methods=METHODS))
    assert not exported.failures
    original = labels.read(labelled)
    for method in METHODS:
        folder = tmp_path / "out" / method
        same(labels.read(folder), original, ignored=False)
        same(labels.read(folder / "annotations"), original)
        same(labels.read(folder / "voc"), original)
        assert labels.read(folder).failures + labels.read(folder / "voc").failures == ()


def test_pictures_are_those_of_their_method(labelled, tmp_path):
    export(labelled, tmp_path / "out", ExportOptions(methods=METHODS, formats=("yolo",)))
    infrared, visible = (images.read(labelled / side / "test" / "050001.png") for side in ("infrared", "visible"))
    made = {name: images.read(tmp_path / "out" / name / "images" / "test" / "050001.png") for name in METHODS}
    np.testing.assert_array_equal(made["infrared"], infrared)
    np.testing.assert_array_equal(made["visible"], visible)
    np.testing.assert_array_equal(made["max"], Fuser(BASELINES["max"])(infrared, visible).image)


def test_labels_are_written_once_and_linked(labelled, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export(labelled, out, ExportOptions(methods=METHODS))
    label = "labels/train/010001.txt"
    assert (out / "max" / label).samefile(out / "common" / "png" / label)
    picture = out / "max" / "images" / "train" / "010001.png"
    assert (out / "max" / "voc" / "JPEGImages" / "010001.png").samefile(picture)

    def fails(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", fails)
    export(labelled, tmp_path / "symbolic", ExportOptions(methods=METHODS))
    linked = tmp_path / "symbolic" / "max" / label
    assert linked.is_symlink()
    assert not os.path.isabs(os.readlink(linked))  # noqa: PTH115, PTH117
    monkeypatch.setattr("pathlib.Path.symlink_to", fails)
    export(labelled, tmp_path / "copied", ExportOptions(methods=METHODS))
    assert content(tmp_path / "copied") == content(tmp_path / "symbolic") == content(out)


def test_two_exports_are_the_same_bytes(labelled, tmp_path):
    for name, workers in {"one": 1, "two": 3}.items():
        export(labelled, tmp_path / name, ExportOptions(methods=("auto", *METHODS), channels="rgbt"), workers=workers)
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.parametrize("after", [0, 3, 7, 11, 18])
def test_export_that_was_stopped_goes_on_to_the_same_bytes(labelled, tmp_path, monkeypatch, after):
    options = ExportOptions(methods=METHODS)
    export(labelled, tmp_path / "whole", options)
    calls = 0

    def stopped(*arguments, **options):
        nonlocal calls
        for pair, result in original(*arguments, **options):
            if calls == after:
                raise KeyboardInterrupt
            calls += 1
            yield pair, result

    original = run.fusion.fuse_pairs
    monkeypatch.setattr(run.fusion, "fuse_pairs", stopped)
    if after < 3 * len(NAMES):
        with pytest.raises(KeyboardInterrupt):
            export(labelled, tmp_path / "out", options)
    else:
        export(labelled, tmp_path / "out", options)
    monkeypatch.undo()
    (tmp_path / "out" / "max" / "images" / "train").mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / "max" / "images" / "train" / ".0123456789abcdef.png").write_bytes(b"left by a killed process")
    export(labelled, tmp_path / "out", options, resume=True)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_picture_that_one_method_cannot_make_is_left_out_of_all(labelled, tmp_path):
    path = labelled / "infrared" / "train" / "020001.png"
    path.write_bytes(path.read_bytes()[:-200])
    exported = export(labelled, tmp_path / "out", ExportOptions(methods=METHODS))
    assert len(exported.failures) == len(METHODS)
    assert all("020001" in str(failure) for failure in exported.failures)
    assert len(exported.examples) == len(NAMES) - 1
    assert not [path for path in content(tmp_path / "out") if "020001" in path]
    assert "020001" not in (tmp_path / "out" / "max" / "manifest.jsonl").read_text()


@pytest.mark.parametrize(
    ("policy", "size", "box"),
    [
        ("fit-vis", SIZE, [0, 2, 9, 30]),
        ("fit-ir", (80, 64), [0, 4, 18, 60]),
        # 20 columns and 16 rows are cut at the left and the top: the box of twice the size 40 6 72 58 stays in part
        ("crop-common", SIZE, [20, 0, 40, 32]),
    ],
)
def test_boxes_move_with_the_pixels(labelled, tmp_path, policy, size, box):
    for path in (labelled / "visible").rglob("*.png"):
        images.write(path, np.kron(images.read(path), np.ones((2, 2, 1), np.uint8)))
    options = ExportOptions(methods=("max",), preparation=Preparation(policy), side="visible")
    exported = export(labelled, tmp_path / "out", options)
    for example in exported.examples:
        assert (example.picture.width, example.picture.height) == size
        picture = images.read(tmp_path / "out" / "max" / "images" / example.split / f"{example.name}.png")
        assert picture.shape[1::-1] == size
    boxes = labels.read(tmp_path / "out" / "max" / "voc").pictures["010001"].boxes[0]
    np.testing.assert_allclose(boxes, box)


def test_four_channels_hold_both_sides(labelled, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="reads pictures of four channels as trainers do")
    export(labelled, tmp_path / "out", ExportOptions(methods=(), channels="rgbt", formats=("yolo",)))
    [path] = (tmp_path / "out" / "rgbt" / "images").rglob("060001.tif")
    infrared, visible = (images.read(labelled / side / "test" / "060001.png") for side in ("infrared", "visible"))
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., 3], infrared)
    np.testing.assert_array_equal(read[..., 2::-1], visible)
    tifffile = pytest.importorskip("tifffile")
    np.testing.assert_array_equal(tifffile.imread(path), np.dstack([visible, infrared]))
    assert "channels: 4" in (tmp_path / "out" / "rgbt" / "data.yaml").read_text()


def test_earlier_split_can_be_taken_again(labelled, tmp_path):
    export(labelled, tmp_path / "one", ExportOptions(methods=("max",), split="2:1:1", seed=3))
    splits = tmp_path / "one" / "splits.csv"
    export(labelled, tmp_path / "two", ExportOptions(methods=("max",), split=str(splits)))
    assert (tmp_path / "two" / "splits.csv").read_bytes() == splits.read_bytes()
    splits.write_text(splits.read_text() + "990099,test,,,,\n")
    exported = export(labelled, tmp_path / "three", ExportOptions(methods=("max",), split=str(splits)))
    [line] = exported.plan.failures
    assert "990099" in line
    assert "splits.csv" in line
    assert len(exported.examples) == len(NAMES)


def test_set_without_validation_says_which_split_stands_in(labelled, tmp_path):
    exported = export(labelled, tmp_path / "out", ExportOptions(methods=("max",)))
    assert [note for note in exported.plan.notes if "test is also validation" in note]
    assert "val: images/test" in (tmp_path / "out" / "max" / "data.yaml").read_text()


def test_pictures_without_labels_are_named_and_left_out(labelled, tmp_path):
    (labelled / "Annotations" / "030001.xml").unlink()
    exported = export(labelled, tmp_path / "out", ExportOptions(methods=("max",)))
    assert [note for note in exported.plan.notes if "030001" in note and "without labels" in note]
    assert len(exported.examples) == len(NAMES) - 1


def test_record_has_the_hashes_of_what_was_read(labelled, tmp_path):
    export(labelled, tmp_path / "out", ExportOptions(methods=("auto",)))
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["settings"]["labels"]["sha256"] == labels.read(labelled).sha256
    assert record["splits"]["test"] == {"pictures": 2, "scenes": 2, "person": 3, "ignored": 1}
    assert len(record["methods"]["auto"]["weights_sha256"]) == 64


def test_target_that_exists_is_refused_unless_it_may_be_replaced(labelled, tmp_path):
    out = tmp_path / "out"
    options = ExportOptions(methods=METHODS)
    export(labelled, out, options)
    with pytest.raises(OutputError, match="exists"):
        export(labelled, out, options)
    with pytest.raises(ChoiceError, match="choices"):
        export(labelled, out, replace(options, seed=4), resume=True)
    export(labelled, out, replace(options, methods=("max",), split="1:1:1"), overwrite=True)
    export(labelled, tmp_path / "anew", replace(options, methods=("max",), split="1:1:1"))
    assert content(out) == content(tmp_path / "anew")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"full.*export\.json"):
        export(labelled, tmp_path / "full", options, overwrite=True)
    with pytest.raises(OutputError, match="lies in"):
        export(labelled, labelled / "out", options)


def test_dry_run_writes_nothing(labelled, tmp_path):
    plan, pictures = run.dry_run(labelled, tmp_path / "out", ExportOptions(methods=METHODS))
    assert [plan.action for _, plan in pictures] == ["write"] * len(METHODS) * len(NAMES)
    assert len(plan.examples) == len(NAMES)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"classes": ("car",)}, "car.*person"), ({"split": "missing.csv"}, "missing.csv"), ({"split": "0:0"}, "0:0")],
)
def test_choice_that_does_not_fit_the_set_is_one_error(labelled, tmp_path, options, reason):
    with pytest.raises(InputError, match=reason):
        export(labelled, tmp_path / "out", ExportOptions(methods=("max",), **options))
    assert not (tmp_path / "out").exists()
