"""``mmdrfuse demo``: everything at once, from nothing."""

import pytest

from mmdrfuse import images


@pytest.mark.slow
def test_demo_makes_fuses_scores_and_says_where(run, tmp_path):
    out = tmp_path / "demo"
    result = run("demo", out, "--pairs", "1")
    assert result.exit_code == 0, result.stderr
    assert images.read(out / "fused" / "street_0000.png").shape == (480, 640, 3)
    assert images.read(out / "sheet.png").shape[1] > 5 * 300
    for said in ("mmdrfuse", "mean", "max", "VIF ↑", str(out / "sheet.png")):
        assert said in result.stdout


@pytest.mark.slow
def test_two_cameras_that_are_not_aligned_are_aligned_and_fused(run, tmp_path):
    out = tmp_path / "demo"
    result = run("demo", out, "--unaligned", "--pairs", "1")
    assert result.exit_code == 0, result.stderr
    assert images.read(out / "ir" / "street_0000.png").shape == (384, 480)
    assert images.read(out / "fused" / "street_0000.png").shape == (480, 640, 3)
    assert images.read(out / "rig.png").ndim == 3
    assert "both cameras" in run("eval", out / "fused").stderr


def test_folder_with_other_things_in_it_is_refused(run, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    result = run("demo", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path}: exists already" in result.stderr
    assert "--overwrite" in result.stderr


@pytest.mark.slow
def test_an_empty_folder_and_one_to_replace_are_taken(run, tmp_path):
    assert run("demo", tmp_path, "--pairs", "1").exit_code == 0
    assert run("demo", tmp_path, "--pairs", "1", "--overwrite").exit_code == 0


def test_a_detector_gets_a_table(run, tmp_path):
    text = "CLASSES = ('people',)\ndef find(picture): return [[0, 0, *picture.shape[1::-1]]], [0.5], [0]\n"
    (tmp_path / "whole.py").write_text(text)
    result = run("demo", tmp_path / "demo", "--pairs", 2, "--detector", f"{tmp_path / 'whole.py'}:find")
    assert result.exit_code == 0, result.stderr
    assert "person: 2 pictures" in result.stdout
