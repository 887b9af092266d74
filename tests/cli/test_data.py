"""``mmdrfuse data``: the known sets, the check's verdict and exit code, files of patches."""

import json

import h5py
import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import LAYOUTS


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_known_set_is_listed_and_shown(run, name):
    assert name in run("data", "info").stdout
    shown = run("data", "info", name.upper())
    assert shown.exit_code == 0
    assert LAYOUTS[name].source in shown.stdout


def test_a_set_is_shown_with_its_licence_and_citation(run):
    shown = " ".join(run("data", "info", "llvip").stdout.split())
    for said in ("{ir}/{split}", "15488", "1280x1024", "non-commercial use only", "ICCV Workshops, 2021", "train|test"):
        assert said in shown


def test_an_unknown_set_is_answered_with_near_misses(run):
    result = run("data", "info", "lvip")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unknown layout 'lvip': did you mean llvip" in result.stderr


def test_a_healthy_set_exits_with_zero(run, scenes):
    result = run("data", "check", scenes)
    assert result.exit_code == 0
    assert f"{scenes}: 3 pairs, layout folders; nothing needs attention" in result.stdout
    assert "6 × 128x96" in result.stdout


def test_what_needs_attention_is_shown_and_exits_with_one(run, scenes, tmp_path):
    for side in ("ir", "vi"):
        (tmp_path / side).mkdir()
        for path in sorted((scenes / side).iterdir()):
            (tmp_path / side / path.name).write_bytes(path.read_bytes())
    gone, *_ = sorted((tmp_path / "vi").iterdir())
    gone.unlink()
    result = run("data", "check", tmp_path)
    assert result.exit_code == 1
    assert "2 pairs, layout folders; needs attention: 1 × no partner on the other side" in result.stdout
    assert f"ir/{gone.name}" in result.stdout


def test_a_table_of_missing_files_is_checked_without_a_picture_to_count(run, tmp_path):
    (tmp_path / "pairs.csv").write_text("infrared,visible\nir.png,vi.png\n")
    result = run("data", "check", tmp_path / "pairs.csv")
    assert result.exit_code == 1
    assert "1 pair, layout table; needs attention: 2 × cannot be read" in result.stdout
    assert "ir.png: no such file" in result.stdout
    assert "pictures" not in result.stdout


def test_annotations_are_counted_by_folder(run, tmp_path, scenes):
    for side, folder in (("ir", "Ir"), ("vi", "Vis")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "00000.png").write_bytes(next((scenes / side).iterdir()).read_bytes())
    (tmp_path / "Annotation").mkdir()
    (tmp_path / "Annotation/00000.xml").touch()
    shown = run("data", "check", tmp_path).stdout
    assert "layout m3fd" in shown
    assert "1 × Annotation" in shown


def test_many_of_a_kind_are_cut_short(run, scenes, tmp_path):
    for number in range(7):
        for side, image in zip(("ir", "vi"), sorted((scenes / "ir").iterdir()), strict=False):
            target = tmp_path / side / f"{number}{'x' if side == 'vi' and number else ''}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(image.read_bytes())
    result = run("data", "check", tmp_path)
    assert "12 × no partner on the other side" in result.stdout
    assert "and 8 more" in result.stdout


def test_json_on_standard_output_is_alone(run, scenes, tmp_path):
    document = json.loads(run("data", "check", scenes, "--json", "-").stdout)
    assert (document["pairs"], document["attention"]) == (3, {})
    file = tmp_path / "check.json"
    assert run("data", "check", scenes, "--json", file).exit_code == 0
    assert json.loads(file.read_text()) == document
    again = run("data", "check", scenes, "--json", file)
    assert (again.exit_code, "exists already" in again.stderr and "--overwrite" in again.stderr) == (1, True)
    assert run("data", "check", scenes, "--json", file, "--overwrite").exit_code == 0


def test_two_folders_and_a_regular_expression_are_taken(run, scenes):
    assert "3 pairs" in run("data", "check", scenes / "ir", scenes / "vi").stdout
    assert "3 pairs" in run("data", "check", scenes, "--pair-regex", r"(\d+)").stdout
    wrong = run("data", "check", scenes, "--pair-regex", "(")
    assert (wrong.exit_code, "is no regular expression" in wrong.stderr) == (1, True)


def test_a_table_beside_a_folder_is_wrong_usage(run, scenes, tmp_path):
    (tmp_path / "pairs.csv").write_text("infrared,visible\n")
    result = run("data", "check", tmp_path / "pairs.csv", scenes / "vi")
    assert (result.exit_code, "SRC must be the folder of the infrared pictures" in result.stderr) == (2, True)


def test_a_file_of_patches_is_verified(run, scenes, tmp_path):
    file = tmp_path / "patches.h5"
    assert run("prepare", scenes, file, "--patch", 32).exit_code == 0
    result = run("data", "verify", file)
    assert (result.exit_code, "patches.h5: whole, " in result.stdout) == (0, True)
    with h5py.File(file, "r+") as opened:
        opened.attrs["fingerprint"] = "0" * 64
    broken = run("data", "verify", file, tmp_path / "gone.h5")
    assert broken.exit_code == 1
    assert "the content does not fit the fingerprint" in broken.stderr
    assert "gone.h5: no such file" in broken.stderr


def test_a_set_of_two_views_names_the_command_that_would_mend_it(run, tmp_path, rng):
    for side, shape in (("ir", (48, 64)), ("vi", (96, 128))):
        images.write(tmp_path / side / "a.png", rng.integers(0, 256, shape, np.uint8))
    result = run("data", "check", tmp_path)
    assert f"mmdrfuse align {tmp_path / 'ir'} {tmp_path / 'vi'}" in result.stdout.replace("\n", " ")
