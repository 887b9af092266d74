"""``mmdrfuse detect``: options, files, tables, messages."""

import csv
import io
import json

import numpy as np
import pytest

from mmdrfuse import images

SOURCE = '''
"""Finds the bright rectangle."""
import numpy as np

CLASSES = ("person",)

def find(picture):
    rows, columns = np.nonzero(picture[..., 0] > 128)
    if not len(rows):
        return np.zeros((0, 4)), [], []
    return [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], [0.9], [0]
'''


@pytest.fixture
def made(tmp_path):
    """Four pairs in ir and vi, fused pictures in mine, labels, and a detector."""
    (tmp_path / "bright.py").write_text(SOURCE)
    boxes = {}
    for number in range(4):
        for side, level in (("ir", 100), ("vi", 200 if number % 2 else 20), ("mine", 220)):
            picture = np.full((30, 40), 10, np.uint8)
            picture[4:24, 8:20] = level
            images.write(tmp_path / side / f"{number:02}.png", picture)
        boxes[f"{number:02}"] = {"width": 40, "height": 30, "boxes": [[8, 4, 20, 24]], "classes": ["person"]}
    (tmp_path / "boxes.json").write_text(json.dumps({"pictures": boxes}))
    return tmp_path


@pytest.fixture
def detect(run, made):
    """Run the command on the made folders."""

    def call(*more, detector=None, labels=True):
        detector = detector or f"{made / 'bright.py'}:find"
        known = ("--labels", made / "boxes.json") if labels else ()
        sources = ("--ir", made / "ir", "--vis", made / "vi")
        return run("detect", made / "mine", *sources, "--detector", detector, *known, *more)

    return call


def test_table_has_all_rows_in_both_tones(detect):
    result = detect("--baselines", "max")
    assert result.exit_code == 0, result.stderr
    for text in (
        "mine",
        "max",
        "infrared",
        "visible",
        "raw: AP50:95",
        "free: mine − it",
        "tone wanted",
        "MR⁻²",
        "1,30",
    ):
        assert text in result.stdout
    assert "16 pictures looked at" in result.stderr


def test_json_has_scores_between_0_and_1_and_the_hash_of_the_labels(detect):
    document = json.loads(detect("--json", "-", "--compare").stdout)
    assert document["rows"]["mine"]["raw"]["measures"]["AP"] == {"value": 1, "low": 1, "high": 1}
    difference = document["rows"]["visible"]["raw"]["first_minus_this"]["AP"]
    assert difference["value"] == pytest.approx(0.5, abs=0.01)
    assert len(document["labels"]["sha256"]) == 64
    assert document["rows"]["infrared"]["tones"] == ["1,30", "1,30"]
    assert len(document["comparisons"]) == 6
    assert document["protocol"] == {"min_score": 0.001, "nms_iou": 0.65, "max_detections": 100, "resamples": 1000}


def test_csv_has_a_line_for_each_row_and_tone(detect):
    rows = list(csv.DictReader(io.StringIO(detect("--csv", "-").stdout)))
    assert [(row["method"], row["tone"]) for row in rows[:2]] == [("mine", "raw"), ("mine", "free")]
    assert float(rows[0]["AP"]) == 1
    assert len(rows) == 6


def test_output_and_drawings(detect, made):
    assert detect("-o", made / "out", "--draw", made / "drawn").exit_code == 0
    assert {path.name for path in (made / "out").iterdir()} == {"detections.json", "scores.json"}
    assert len(list((made / "drawn" / "mine").glob("*.png"))) == 4
    picture = images.read(made / "drawn" / "mine" / "00.png")
    assert picture[4, 8].tolist() == [0, 255, 0]  # found
    missed = images.read(made / "drawn" / "visible" / "00.png")
    assert missed[4, 8].tolist() == [255, 0, 0]
    assert images.read(made / "drawn" / "sheet.png").ndim == 3
    assert detect("-o", made / "out").exit_code == 1
    assert detect("-o", made / "out", "--overwrite").exit_code == 0


def test_found_boxes_are_read_again_as_rows(detect, run, made):
    detect("-o", made / "out")
    file = made / "out" / "detections.json"
    result = run("detect", "--labels", made / "boxes.json", "--json", "-",
                 "--detections", f"mine={file}", "--detections", f"visible={file}")  # fmt: skip
    rows = json.loads(result.stdout)["rows"]
    assert [round(rows[name]["raw"]["measures"]["AP"]["value"], 2) for name in ("mine", "visible")] == [1, 0.5]


def test_the_report_repeats_every_row_of_a_file(detect, run, made):
    detect("-o", made / "out")
    rows = [f"{name}={made / 'out' / 'detections.json'}" for name in ("mine", "visible")]
    result = run("detect", "--labels", made / "boxes.json", "--html", made / "r.html",
                 "--detections", rows[0], "--detections", rows[1])  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert f"--detections {rows[0]} --detections {rows[1]}" in (made / "r.html").read_text()


def test_results_are_scored_without_onnxruntime(run, made, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    found = [{"image_id": number, "category_id": 1, "bbox": [8, 4, 12, 20], "score": 0.5} for number in range(4)]
    (made / "r.json").write_text(json.dumps(found))
    result = run("detect", "--detections", f"yolo={made / 'r.json'}", "--labels", made / "boxes.json")
    assert result.exit_code == 0, result.stderr
    assert "100.0 [100.0, 100.0]" in result.stdout


def test_a_size_policy_holds_for_sources_of_two_sizes(detect, made):
    for number in range(4):
        large = np.kron(images.read(made / "vi" / f"{number:02}.png"), np.ones((2, 2), np.uint8))
        images.write(made / "vi" / f"{number:02}.png", large)
    failed = detect("--tone", "raw")
    assert failed.exit_code == 1
    assert "--size-policy" in failed.stderr
    result = detect("--tone", "raw", "--size-policy", "fit-vis", "--csv", "-")
    assert [round(float(row["AP"]), 2) for row in csv.DictReader(io.StringIO(result.stdout))] == [1, 0, 0.5]


def test_without_labels_boxes_are_counted(detect, made):
    result = detect("-o", made / "out", labels=False)
    assert result.exit_code == 0, result.stderr
    assert "boxes found" in result.stdout
    assert {path.name for path in (made / "out").iterdir()} == {"detections.json"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say what detects"),
        (("--detections", "r.json"), "need --labels"),
        (("--detector", "m:f", "--tone", "free"), "need --labels"),
        (("--detections", "r.json", "--labels", "bright.py"), "FUSED cannot go without --detector"),
        (("--detections", "a=", "--labels", "bright.py"), "give NAME=FILE"),
        (("--detections", "=r.json", "--labels", "bright.py"), "give NAME=FILE"),
        (("--detector", "m:f", "--rig", "bright.py"), "go with --ir and --vis"),
        (("--detector", "m:f", "--tone", "bright"), "such as 0.7,60"),
    ],
)
def test_wrong_usage(run, made, options, message):
    result = run("detect", made / "mine", *(made / one if one.endswith(".py") else one for one in options))
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("package", "extra"), [("onnxruntime", "--detector x.onnx"), ("faster_coco_eval", "--detector {bright}:find")]
)
def test_a_missing_package_is_one_sentence_with_its_extra(run, made, monkeypatch, package, extra):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    (made / "x.onnx").write_bytes(b"x")
    option, value = extra.split()
    value = value.format(bright=made / "bright.py") if "bright" in value else made / value
    sources = ("--ir", made / "ir", "--vis", made / "vi", "--labels", made / "boxes.json")
    result = run("detect", made / "mine", *sources, option, value)
    assert result.exit_code == 1
    assert "pip install 'mmdrfuse[detect]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_truncated_network_and_a_foreign_class_are_one_sentence(detect, made):
    (made / "x.onnx").write_bytes(b"\x08\x06\x12")
    for result in (detect(detector=made / "x.onnx"), detect("--classes", "cat")):
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
    assert "finds none of person; its classes are cat; name them with --classes" in result.stderr


def test_a_report_shows_what_was_found(detect, made):
    result = detect("--html", made / "report.html", "--full", "--tone", "raw")
    assert result.exit_code == 0, result.stderr
    assert f"report written to {made / 'report.html'}" in result.stderr
    assert "AP50 raw" in (made / "report.html").read_text()
    assert len(list((made / "report_files").glob("*.png"))) == 4 * 3


@pytest.mark.parametrize(("options", "named"), [(["--full"], "--html"), (["--html", "x.html"], "--labels")])
def test_a_report_needs_labels_and_full_needs_a_report(detect, options, named):
    result = detect(*options, labels=False)
    assert (result.exit_code, result.stdout) == (2, "")
    assert named in result.stderr
