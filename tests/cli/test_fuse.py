"""``mmdrfuse fuse`` on files and folders."""

import json
import shutil

import numpy as np
import pytest

from mmdrfuse import fuse, images


@pytest.fixture
def folders(scenes, tmp_path):
    """A copy of the scenes that a test may spoil."""
    for side in ("ir", "vi"):
        shutil.copytree(scenes / side, tmp_path / side)
    return tmp_path


def test_folders_give_a_picture_a_pair_and_a_manifest(run, folders):
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.strip() == f"3 pictures fused into {folders / 'out'}"
    entries = [json.loads(line) for line in (folders / "out" / "manifest.jsonl").read_text().splitlines()]
    assert sorted(entry["fused"] for entry in entries) == sorted(path.name for path in (folders / "out").glob("*.png"))
    assert {entry["weights"] for entry in entries} == {"ivif"}


def test_two_files_give_the_picture_that_python_gives(run, folders):
    name = "street_0000.png"
    assert run("fuse", folders / "ir" / name, folders / "vi" / name, folders / "fused.png").exit_code == 0
    expected = fuse(images.read(folders / "ir" / name), images.read(folders / "vi" / name))
    np.testing.assert_array_equal(images.read(folders / "fused.png"), expected)
    assert not (folders / "manifest.jsonl").exists()


def test_what_is_left_out_is_named(run, folders):
    (folders / "vi" / "Thumbs.db").write_bytes(b"no picture")
    (folders / "ir" / "street_0001.png").unlink()
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert result.exit_code == 0
    assert "Thumbs.db: no picture" in result.stderr
    assert "street_0001.png: no partner on the other side" in result.stderr
    assert "2 pictures fused" in result.stderr


def test_sub_folders_are_kept(run, folders):
    for side in ("ir", "vi"):
        (folders / side / "night").mkdir()
        (folders / side / "street_0000.png").rename(folders / side / "night" / "street_0000.png")
    assert run("fuse", folders / "ir", folders / "vi", folders / "out").exit_code == 0
    assert (folders / "out" / "night" / "street_0000.png").is_file()
    assert run("eval", folders / "out", "--metrics", "SD").exit_code == 0


def test_broken_and_misfit_pairs_are_named_and_the_rest_is_done(run, folders):
    (folders / "ir" / "street_0000.png").write_bytes(b"\x89PNG nothing more")
    images.write(folders / "vi" / "street_0001.png", np.zeros((96, 100), np.uint8))
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert result.exit_code == 1
    assert "street_0000.png" in result.stderr
    assert "infrared is 128x96 and visible 100x96 pixels" in result.stderr
    assert "1 pictures fused into" in result.stderr
    assert "2 failed" in result.stderr


def test_existing_pictures_are_refused_and_replaced_when_told(run, folders):
    arguments = ("fuse", folders / "ir", folders / "vi", folders / "out")
    run(*arguments)
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "replace them with --overwrite" in refused.stderr
    assert run(*arguments, "--overwrite", "--range", "minmax").exit_code == 0


def test_existing_file_is_refused(run, folders):
    pair = (folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png")
    (folders / "mine.png").write_text("keep")
    for target, message in ((folders / "mine.png", "exists already"), (pair[0], "is one of the sources")):
        result = run("fuse", *pair, target)
        assert result.exit_code == 1
        assert message in result.stderr


@pytest.mark.parametrize("out", ["ir", "vi/fused"])
def test_pictures_among_the_sources_are_refused(run, folders, out):
    result = run("fuse", folders / "ir", folders / "vi", folders / out, "--overwrite")
    assert result.exit_code == 1
    assert "would be taken for a source" in result.stderr


def test_names_that_look_like_markup_are_names(run, folders):
    result = run("fuse", folders / "ir", folders / "vi", folders / "y[" / "z]")
    assert result.exit_code == 0
    assert f"fused into {folders / 'y[' / 'z]'}" in result.stderr


@pytest.mark.parametrize(
    ("options", "suffix", "channels"), [(("--color", "gray"), ".png", 2), (("--format", "jpg"), ".jpg", 3)]
)
def test_options_reach_the_pictures(run, folders, options, suffix, channels):
    assert run("fuse", folders / "ir", folders / "vi", folders / "out", *options).exit_code == 0
    assert images.read(folders / "out" / f"street_0002{suffix}").ndim == channels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ir", "vi/street_0000.png", "out"), "two pictures or two folders"),
        (("ir", "vi", "out", "--format", "gif"), "is none of"),
        (("ir/street_0000.png", "vi/street_0000.png", "out.tga"), "is none of"),
    ],
)
def test_wrong_usage_is_explained(run, folders, arguments, message):
    result = run("fuse", *(folders / part if "-" not in part and part != "gif" else part for part in arguments))
    assert result.exit_code == 2
    assert message in result.stderr


def test_missing_weights_are_named(run, folders):
    result = run("fuse", folders / "ir", folders / "vi", folders / "out", "--weights", folders / "none.safetensors")
    assert result.exit_code == 1
    assert "none.safetensors: no such file" in result.stderr


def test_real_road_scenes_pair_in_spite_of_a_stray_file(run, shared, tmp_path):
    source = shared / "data" / "RoadScene"
    result = run("fuse", source / "cropinfrared", source / "crop_LR_visible", tmp_path / "out", "--format", "jpg")
    assert result.exit_code == 0, result.stderr
    assert "Thumbs.db: no picture" in result.stderr
    assert "171 pictures fused" in result.stderr


def test_choices_are_those_of_the_library():
    from mmdrfuse.cli.fuse import fuse as command
    from mmdrfuse.engine import KINDS

    choices = {option.name: tuple(option.type.choices) for option in command.params if hasattr(option.type, "choices")}
    assert (choices["range_"], choices["engine"]) == (images.RANGES, KINDS)
