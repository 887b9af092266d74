"""``mmdrfuse data export``: what it prints, its exit codes, and errors in one sentence."""

import pytest


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    from mmdrfuse.datasets.scenes.synthetic import write_scenes

    folder = tmp_path_factory.mktemp("labelled") / "scenes"
    write_scenes(folder, 4, 5, height=64, width=96)
    return folder


def test_made_up_scenes_are_exported_by_shares(run, labelled, tmp_path):
    result = run("data", "export", labelled, tmp_path / "out", "--methods", "max,infrared", "--format", "yolo,coco")
    assert result.exit_code == 0
    assert "boxes.json" in result.stdout
    assert "8:1:1" in result.stdout
    assert "person" in result.stdout
    assert "4 pictures exported by max, infrared" in result.stderr
    assert len(list((tmp_path / "out" / "max" / "images").rglob("*.png"))) == 4
    assert not (tmp_path / "out" / "max" / "voc").exists()
    again = run("data", "export", labelled, tmp_path / "out", "--methods", "max,infrared", "--format", "yolo,coco")
    assert again.exit_code == 1
    assert "--resume" in again.stderr


def test_dry_run_prints_the_pictures(run, labelled, tmp_path):
    result = run("data", "export", labelled, tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.count("write ") == 4
    assert not (tmp_path / "out").exists()


def test_damaged_labels_fail_and_the_rest_goes_on(run, labelled, tmp_path):
    for name in ("street_0000", "street_0001", "street_0002"):
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{name}.xml").write_text("<annotation></annotation>")
    (tmp_path / "labels" / "street_0003.xml").write_text("<annotation>")
    result = run("data", "export", labelled, tmp_path / "out", "--labels", tmp_path / "labels", "--methods", "max")
    assert result.exit_code == 1
    assert "street_0003.xml" in result.stderr
    assert "3 pictures exported" in result.stderr


def test_set_without_labels_asks_for_them(run, labelled, tmp_path):
    for side in ("ir", "vi"):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / side).symlink_to(labelled / side)
    result = run("data", "export", tmp_path / "set", tmp_path / "out")
    assert result.exit_code == 1
    assert "--labels" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--split", "official"), 2, ("official", "--split 8:1:1")),
        (("--methods", "nightly"), 1, ("nightly",)),
        (("--format", "yolov5"), 1, ("yolov5", "yolo")),
        (("--classes", "zebra"), 1, ("zebra", "person")),
        (("--pictures", "gif"), 2, (".gif",)),
        (("--outside", "crop"), 2, ("--rig",)),
        (("--labels", "others"), 1, ("others", "x1", "street_0000")),
        (("--labels", "unnamed"), 1, ("unnamed", "data.yaml", "0, 1")),
    ],
)
def test_wrong_choice_is_one_sentence(run, labelled, tmp_path, arguments, code, words):
    for name, files in {
        "others": {"x1.xml": "<annotation/>"},
        "unnamed": {"a.txt": "0 .5 .5 .1 .1\n1 .5 .5 .1 .1"},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    arguments = [tmp_path / word if word in {"others", "unnamed"} else word for word in arguments]
    result = run("data", "export", labelled, tmp_path / "out", *arguments)
    assert result.exit_code == code
    assert all(word in result.stderr for word in words)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
