"""``mmdrfuse fuse`` on files and folders."""

import hashlib
import json
import os
import re
import shutil

import numpy as np
import pytest
import tifffile

from mmdrfuse import fuse, images


@pytest.fixture
def folders(scenes, tmp_path):
    """A copy of the scenes that a test may spoil."""
    for side in ("ir", "vi"):
        shutil.copytree(scenes / side, tmp_path / side)
    return tmp_path


@pytest.mark.parametrize("target", ["loop.png", "nowhere.png"])
def test_a_link_that_leads_nowhere_fails_alone(run, folders, target):
    name = next((folders / "vi").iterdir()).name
    (folders / "vi" / "loop.png").symlink_to(target)
    shutil.copy(folders / "ir" / name, folders / "ir" / "loop.png")
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert result.exit_code == 1, result.stderr
    assert str(folders / "vi" / "loop.png") in result.stderr
    assert len(list((folders / "out").glob("*.png"))) == 3


def test_folders_give_a_picture_a_pair_and_a_manifest(run, folders):
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert result.exit_code == 0, result.stderr
    choice, summary = result.stderr.strip().splitlines()
    assert re.match(r"weights scenes, range minmax: both sides near black in \d+\.\d% of the pixels, visible", choice)
    assert summary == f"3 pictures fused into {folders / 'out'}"
    entries = [json.loads(line) for line in (folders / "out" / "manifest.jsonl").read_text().splitlines()]
    assert sorted(entry["fused"] for entry in entries) == sorted(path.name for path in (folders / "out").glob("*.png"))
    assert {entry["weights"] for entry in entries} == {"scenes"}


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
    assert "1 picture fused into" in result.stderr
    assert "2 failed" in result.stderr


def test_existing_pictures_are_refused_and_replaced_when_told(run, folders):
    arguments = ("fuse", folders / "ir", folders / "vi", folders / "out")
    run(*arguments)
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "exists already (3 of 3 pictures do); go on with --resume, or start over with --overwrite" in refused.stderr
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
    assert "would become sources" in result.stderr


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
        (("ir", "vi/street_0000.png", "out"), "two pictures, two folders or two patterns"),
        (("ir", "vi", "out", "--format", "gif"), "'gif' cannot be written; choose one of"),
        (("ir/street_0000.png", "vi/street_0000.png", "out.tga"), "cannot write .tga; choose one of"),
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
    from mmdrfuse.registration.geometry import SIZE_POLICIES
    from mmdrfuse.registration.placing import OUTSIDES

    choices = {option.name: tuple(option.type.choices) for option in command.params if hasattr(option.type, "choices")}
    assert choices == {"color": images.COLORS, "engine": KINDS, "size_policy": SIZE_POLICIES, "outside": OUTSIDES}
    text = next(option.help for option in command.params if option.name == "range_")
    assert all(name in text for name in images.RANGES)


def test_every_option_stands_under_a_heading_of_the_help(run):
    from mmdrfuse.cli.fuse import SECTIONS
    from mmdrfuse.cli.fuse import fuse as command

    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(option.opts[0] for option in command.params if option.opts[0].startswith("--"))
    text = run("fuse", "--help").stdout
    assert all(f"{heading}:" in text for heading in SECTIONS)
    assert max(map(len, text.splitlines())) <= 80


def made(folders):
    return sorted(path.relative_to(folders / "out").as_posix() for path in (folders / "out").rglob("*.*g"))


def test_patterns_are_paired(run, folders):
    result = run("fuse", folders / "ir" / "*_000[01].png", folders / "vi" / "*.png", folders / "out")
    assert result.exit_code == 0, result.stderr
    assert made(folders) == ["street_0000.png", "street_0001.png"]
    assert "street_0002.png: no partner" in result.stderr


def test_table_says_what_goes_where(run, folders):
    rows = "ir/street_0000.png,vi/street_0000.png,a/x.jpg\nir/street_0001.png,vi/street_0001.png,\n"
    (folders / "pairs.csv").write_text(f"infrared,visible,output\n{rows}")
    result = run("fuse", folders / "pairs.csv", folders / "out")
    assert result.exit_code == 0, result.stderr
    assert made(folders) == ["a/x.jpg", "street_0001.png"]
    assert run("eval", folders / "out", "--metrics", "SD").exit_code == 0


def test_one_side_comes_from_standard_input_and_the_result_goes_to_standard_output(folders):
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    sides = [folders / side / "street_0000.png" for side in ("ir", "vi")]
    result = CliRunner().invoke(main, ["fuse", "-", str(sides[1]), "-"], input=sides[0].read_bytes())
    assert (result.exit_code, result.stderr) == (0, "")
    (folders / "got.png").write_bytes(result.stdout_bytes)
    np.testing.assert_array_equal(images.read(folders / "got.png"), fuse(*map(images.read, sides)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "-", "out.png"), "only one of IR and VIS can be -"),
        (("ir", "vi", "-"), "standard output (-) takes a single picture"),
        (("only",), "got 1 argument"),
        (("none.png", "vi", "out"), "none.png: no such file or folder"),
        (("ir", "vi", "out", "--range", "min-max"), "did you mean minmax"),
        (("ir", "vi", "out", "--range", "fixed:1"), "fixed needs the network's values"),
        (("ir", "vi", "out", "--ir-range", "1-2"), "is none of auto, percentiles"),
        (("ir", "vi", "out", "--quality", "50"), "no quality 50 in .png"),
        (("ir/street_0000.png", "vi/street_0000.png", "out.png", "--resume"), "--resume needs the manifest"),
    ],
)
def test_wrong_arguments_are_explained(run, folders, monkeypatch, arguments, message):
    monkeypatch.chdir(folders)
    result = run("fuse", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_resume_makes_what_is_missing_and_says_what_was_there(run, folders):
    arguments = ("fuse", folders / "ir", folders / "vi", folders / "out")
    run(*arguments)
    (folders / "out" / "street_0001.png").unlink()
    kept = folders / "out" / "street_0000.png"
    before = kept.stat().st_mtime_ns
    result = run(*arguments, "--resume")
    assert result.exit_code == 0
    assert result.stderr.strip().endswith(f"\n1 picture fused into {folders / 'out'}, 2 done before")
    assert kept.stat().st_mtime_ns == before
    assert run(*arguments, "--resume", "--color", "hue").stderr.splitlines()[1].startswith("3 pictures fused")


def test_dry_run_says_what_would_be_done_and_writes_nothing(run, folders):
    images.write(folders / "vi" / "street_0001.png", np.zeros((9, 9), np.uint8))
    result = run("fuse", folders / "ir", folders / "vi", folders / "out", "--dry-run")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"write {folders / 'out' / 'street_0000.png'} (128x96) from ")
    assert "street_0000.png (128x96 uint8), " in lines[0]
    assert "visible 9x9 pixels" in result.stderr
    assert "2 pairs read, 2 to fuse, nothing written, 1 failed" in result.stderr
    assert not (folders / "out").exists()


def test_dry_run_of_one_pair_writes_nothing(run, folders):
    pair = (folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png")
    for out in (folders / "new.png", "-"):
        result = run("fuse", *pair, out, "--dry-run")
        assert (result.exit_code, result.stdout[:6]) == (0, "write ")
    assert not (folders / "new.png").exists()


def raw(folders):
    """Make the infrared side what a thermal camera gives: 16 bits, of which few are used."""
    for path in (folders / "ir").iterdir():
        images.write(path, (7000 + 4 * images.luminance(images.read(path)).astype(np.uint16)))


@pytest.mark.slow
def test_raw_thermal_pictures_share_a_range_that_is_said_and_recorded(run, folders):
    raw(folders)
    values = np.array([images.read(path) for path in (folders / "ir").iterdir()])
    low, high = np.percentile(values, (0.1, 99.9), method="inverted_cdf")
    result = run("fuse", folders / "ir", folders / "vi", folders / "out")
    assert f"infrared values {low:g}..{high:g} become black..white" in result.stderr
    entries = [json.loads(line) for line in (folders / "out" / "manifest.jsonl").read_text().splitlines()]
    assert {tuple(entry["preparation"]["infrared_range"]) for entry in entries} == {(low, high)}
    assert images.read(folders / "out" / "street_0000.png").dtype == np.uint16


def test_scores_take_the_infrared_as_it_was_fused(run, folders):
    """The range 7000..8020 gives back the 8 bits that the values were made of."""
    plain = run("fuse", folders / "ir", folders / "vi", folders / "plain", "--format", "bmp")
    raw(folders)
    out = run("fuse", folders / "ir", folders / "vi", folders / "raw", "--format", "bmp", "--ir-range", "7000..8020")
    assert plain.exit_code == out.exit_code == 0
    scores = json.loads(run("eval", folders / "raw", "--metrics", "CC,MSE", "--json", "-").stdout)
    expected = fuse_scores(run, folders)
    for metric, value in expected.items():
        assert scores["methods"]["raw"]["images"]["street_0000"][metric] == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(("kind", "shift"), [("int16", -2500), ("int32", -70000), ("float32", -2500)])
def test_infrared_below_zero_is_usable_with_a_range(run, tmp_path, rng, kind, shift):
    plain = rng.integers(0, 256, (32, 40)).astype(np.uint8)
    images.write(tmp_path / "vi.png", rng.integers(0, 256, (32, 40)).astype(np.uint8))
    images.write(tmp_path / "ir.png", plain)
    tifffile.imwrite(tmp_path / "ir.tif", plain.astype(kind) * 20 + shift, photometric="minisblack")
    for source in ("ir.png", "ir.tif"):
        options = ("--ir-range", f"{shift}..{shift + 5100}") if source == "ir.tif" else ()
        assert run("fuse", tmp_path / source, tmp_path / "vi.png", tmp_path / f"{source}.png", *options).exit_code == 0
    fused = [images.read(tmp_path / f"ir.{kind}.png") >> shift for kind, shift in (("png", 0), ("tif", 8))]
    assert np.abs(fused[0].astype(int) - fused[1]).max() <= 1


def fuse_scores(run, folders):
    from mmdrfuse import evaluate

    fused = images.read(folders / "plain" / "street_0000.bmp")
    infrared = (images.read(folders / "ir" / "street_0000.png") - 7000.0) / 4
    visible = images.read(folders / "vi" / "street_0000.png")
    return evaluate(fused, infrared, visible, metrics=("CC", "MSE"))


def test_percentile_range_is_one_for_the_set_and_recorded(run, folders):
    result = run("fuse", folders / "ir", folders / "vi", folders / "out", "--range", "percentile")
    assert "become black..white" in result.stderr
    lines = (folders / "out" / "manifest.jsonl").read_text().splitlines()
    limits = {(json.loads(line)["range"], *json.loads(line)["limits"]) for line in lines}
    assert len(limits) == 1


def test_sizes_that_differ_are_brought_together_when_told_how(run, folders):
    path = folders / "ir" / "street_0000.png"
    images.write(path, images.read(path)[:48, :64])
    for policy, size in (("fit-ir", (96, 128)), ("fit-vis", (48, 64)), ("crop-common", (48, 64))):
        out = folders / f"{policy}.png"
        result = run("fuse", path, folders / "vi" / "street_0000.png", out, "--size-policy", policy)
        assert result.exit_code == 0, result.stderr
        assert images.read(out).shape[:2] == size


def test_matrix_moves_the_infrared(run, folders):
    matrix = folders / "matrix.csv"
    matrix.write_text("1,0,127\n0,1,0\n0,0,1\n")  # one column is left
    pair = (folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png")
    assert run("fuse", *pair, folders / "out.png", "--transform", matrix, "--outside", "black").exit_code == 0
    infrared, visible = map(images.read, pair)
    expected = fuse(np.pad(infrared[:, :1], ((0, 0), (127, 0))), visible)
    np.testing.assert_array_equal(images.read(folders / "out.png"), expected)


def test_a_rig_is_recorded_and_scored_where_both_cameras_see(run, folders, tmp_path):
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "mmdrfuse_rig: 1\nmatrix: [[0.7, 0, 20], [0, 0.7, 14], [0, 0, 1]]\n"
        "infrared: {width: 128, height: 96}\nvisible: {width: 128, height: 96}\n"
    )
    fused, cut = folders / "fused", folders / "cut"
    sides = folders / "ir", folders / "vi"
    assert run("fuse", *sides, fused, "--rig", rig).exit_code == 0
    assert run("fuse", *sides, cut, "--rig", rig, "--outside", "crop").exit_code == 0
    line = json.loads((fused / "manifest.jsonl").read_text().splitlines()[0])["preparation"]
    assert line["rig"] == str(rig)
    assert line["rig_sha256"] == hashlib.sha256(rig.read_bytes()).hexdigest()

    result = run("eval", fused, "--metrics", "SD,VIF", "--json", "-")
    found = json.loads(result.stdout)
    assert "both cameras" in " ".join(found["warnings"])
    shown = images.read(fused / "street_0000.png")
    window = images.luminance(shown[14:80, 20:108])
    assert found["methods"]["fused"]["images"]["street_0000"]["SD"] == pytest.approx(window.std(), rel=0.02)
    assert run("eval", cut, "--metrics", "SD,VIF", "--json", "-").exit_code == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--rig", "RIG", "--transform", "MATRIX"), 2), (("--outside", "crop"), 2), (("--rig", "MISSING"), 2),
        (("--rig", "OTHER"), 1), (("--rig", "MIRROR"), 1),
    ],
)  # fmt: skip
def test_a_rig_that_does_not_fit_is_refused(run, folders, options, code):
    files = {
        "RIG": "1 0 5 0 1 3 0 0 1", "MATRIX": "1 0 5 0 1 3 0 0 1", "MIRROR": "-1 0 128 0 1 3 0 0 1",
        "OTHER": "mmdrfuse_rig: 1\nmatrix: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]\n"
        "infrared: {width: 640, height: 512}\nvisible: {width: 128, height: 96}\n",
    }  # fmt: skip
    for name, text in files.items():
        (folders / name).write_text(text)
    named = [folders / option if option.isupper() else option for option in options]
    out = folders / "out.png"
    result = run("fuse", folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png", out, *named)
    assert (result.exit_code, out.exists()) == (code, False), result.stderr


def test_quality_reaches_the_file(run, folders):
    for quality in ("30", "95"):
        options = ("--format", "jpg", "--quality", quality)
        assert run("fuse", folders / "ir", folders / "vi", folders / quality, *options).exit_code == 0
    small, large = ((folders / quality / "street_0000.jpg").stat().st_size for quality in ("30", "95"))
    assert small < large / 2


def test_existing_folder_is_a_folder_whatever_its_name(run, folders):
    (folders / "run.v1").mkdir()
    pair = (folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png")
    assert run("fuse", *pair, folders / "run.v1").exit_code == 0
    assert sorted(path.name for path in (folders / "run.v1").iterdir()) == ["manifest.jsonl", "street_0000.png"]


def test_forgotten_out_is_wrong_usage_and_writes_nothing(run, folders):
    before = sorted(folders.rglob("*"))
    result = run("fuse", folders / "ir", folders / "vi")
    assert (result.exit_code, sorted(folders.rglob("*"))) == (2, before)
    assert "give IR, VIS and OUT" in " ".join(result.stderr.split())


def test_a_thermal_camera_s_file_alone_is_a_pair(run, folders, monkeypatch):
    """Both sides of the file are those of `mmdrfuse.images`; here they are put in its reader's place."""
    from mmdrfuse.images.formats import flir

    sides = {
        "infrared": np.arange(24 * 32, dtype=np.uint16).reshape(24, 32),
        "visible": np.zeros((24, 32, 3), np.uint8),
    }
    monkeypatch.setattr(flir, "is_radiometric", lambda content: True)
    monkeypatch.setattr(flir, "decode", lambda content, name, side: sides[side])
    images.write(folders / "camera.jpg", np.zeros((24, 32, 3), np.uint8))
    result = run("fuse", folders / "camera.jpg", folders / "camera.png")
    assert result.exit_code == 0, result.stderr
    assert "infrared values 0..767 become black..white" in result.stderr
    assert images.read(folders / "camera.png").dtype == np.uint16


def one_pair(folders):
    return folders / "ir" / "street_0000.png", folders / "vi" / "street_0000.png"


def test_an_output_behind_a_symbolic_link_finds_its_sources(run, folders):
    (folders / "far" / "off").mkdir(parents=True)
    (folders / "link").symlink_to(folders / "far" / "off", target_is_directory=True)
    assert run("fuse", folders / "ir", folders / "vi", folders / "link").exit_code == 0
    for name in ("link", "far/off"):
        assert run("eval", folders / name, "--metrics", "SD").exit_code == 0


def test_names_as_long_as_they_may_be(run, folders):
    for side, path in zip(("ir", "vi"), one_pair(folders), strict=True):
        path.rename(folders / side / f"{'n' * 251}.png")
    assert run("fuse", folders / "ir", folders / "vi", folders / "out").exit_code == 0
    assert (folders / "out" / f"{'n' * 251}.png").is_file()
    assert (
        run("fuse", folders / "ir", folders / "vi", folders / "out", "--resume")
        .stderr.splitlines()[1]
        .startswith("0 pictures")
    )


@pytest.mark.parametrize("out", ["v1.0/", "v1.0", "run.2026-11-26", "new/"])
def test_what_does_not_end_as_a_picture_is_a_folder(run, folders, out):
    result = run("fuse", *one_pair(folders), f"{folders}/{out}")
    assert result.exit_code == 0, result.stderr
    assert (folders / out / "manifest.jsonl").is_file()


@pytest.mark.parametrize(
    ("out", "said"), [("out.gif", r"write .*out\.gif/ for a folder"), ("out.mp4", "cannot write .mp4"),
                      ("mine", "mine: is a file; name a folder")],
)  # fmt: skip
def test_an_output_that_cannot_be_says_how_it_was_understood(run, folders, out, said):
    (folders / "mine").write_text("keep")
    result = run("fuse", *one_pair(folders), folders / out)
    assert result.exit_code in (1, 2)
    assert re.search(said, " ".join(result.stderr.split()))
    assert (folders / "mine").read_text() == "keep"


def test_standard_input_is_not_for_a_folder_whose_manifest_could_not_name_it(folders):
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    infrared, visible = one_pair(folders)
    arguments = ["fuse", "-", str(visible), str(folders / "out")]
    result = CliRunner().invoke(main, arguments, input=infrared.read_bytes())
    assert (result.exit_code, (folders / "out").exists()) == (2, False)
    assert "standard input has none; name a picture as OUT" in result.stderr


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"junk", (), "error: standard input: not a picture"),
        (None, ("--dry-run",), "write - (128x96) from - (128x96 uint8), "),
    ],
)
def test_standard_input_is_called_by_its_name(folders, content, options, said):
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    infrared, visible = one_pair(folders)
    given = content or infrared.read_bytes()
    result = CliRunner().invoke(main, ["fuse", "-", str(visible), "-", *options], input=given)
    assert said in result.output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of Unix")
def test_a_named_pipe_is_no_picture(run, folders):
    infrared, visible = one_pair(folders)
    os.mkfifo(folders / "pipe.png")
    result = run("fuse", folders / "pipe.png", visible, folders / "out.png")
    assert (result.exit_code, "--raw" in result.stderr) == (2, True)
    infrared.unlink()
    os.mkfifo(infrared)
    assert "1 failed" in run("fuse", folders / "ir", folders / "vi", folders / "out").stderr
