"""``mmdrfuse prepare``: wiring, messages and exit codes."""

import re

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import PatchFile
from mmdrfuse.datasets.patches import partial


def test_a_set_becomes_a_file_and_the_summary_says_what_is_in_it(run, scenes, tmp_path):
    out = tmp_path / "p.h5"
    result = run("prepare", scenes, out, "--patch", 32)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"3 pairs (folders): 36 patches of 32x32 in {out}" in result.stderr
    assert len(PatchFile(out)) == 36


def test_several_sets_and_options_reach_the_file(run, scenes, tmp_path):
    result = run("prepare", scenes, scenes, tmp_path / "p.h5", "--patch", 64, "--stride", 16, "--layout", "folders")
    assert "6 pairs (folders, folders)" in result.stderr
    options = PatchFile(tmp_path / "p.h5").options
    assert (options["patch"], options["stride"], options["layout"]) == (64, 16, "folders")


def test_lists_of_numbers_and_the_split_reach_the_file(run, scenes, tmp_path):
    options = ("--patch", 16, "--scales", "1,0.5", "--validation", 0.4, "--max-patches", 50, "--weights", "2,1")
    result = run("prepare", scenes, scenes, tmp_path / "p.h5", *options)
    assert re.search(r"6 pairs .*: 49 patches of 16x16 in .*p.h5, \d+ of them for validation, 0\.\d MiB", result.stderr)
    patches = PatchFile(tmp_path / "p.h5")
    assert (patches.options["scales"], patches.options["weights"]) == ([1.0, 0.5], [2.0, 1.0])
    assert len(patches) + len(PatchFile(tmp_path / "p.h5", "validation")) == 49


def test_flat_patches_are_told(run, tmp_path, rng):
    for side in ("ir", "vi"):
        images.write(tmp_path / side / "a.png", rng.integers(0, 256, (16, 32), np.uint8) * (np.arange(32) < 16))
    result = run("prepare", tmp_path, tmp_path / "p.h5", "--patch", 16)
    assert "left out: 1 flat patches" in result.stderr


def test_an_interrupted_run_says_how_to_go_on_and_the_next_one_that_it_does(run, scenes, tmp_path, monkeypatch):
    def interrupt(self, number, outcome):
        keep(self, number, outcome)
        raise KeyboardInterrupt

    keep = partial.PartialFile.save
    with monkeypatch.context() as patched:
        patched.setattr(partial.PartialFile, "save", interrupt)
        result = run("prepare", scenes, tmp_path / "p.h5", "--patch", 32)
    assert (result.exit_code, (tmp_path / "p.h5").exists()) == (130, False)
    assert "p.h5; the same command goes on from there" in result.stderr
    result = run("prepare", scenes, tmp_path / "p.h5", "--patch", 32)
    assert (result.exit_code, len(PatchFile(tmp_path / "p.h5"))) == (0, 36)
    assert "note 1 of 3 pairs were finished by an interrupted run" in result.stderr


def test_what_is_left_out_is_named_and_is_no_failure(run, tmp_path, rng):
    for side, names in (("ir", "ab"), ("vi", "a")):
        for name in names:
            images.write(tmp_path / side / f"{name}.png", rng.integers(0, 256, (16, 16), np.uint8))
    (tmp_path / "vi" / "Thumbs.db").touch()
    result = run("prepare", tmp_path, tmp_path / "p.h5", "--patch", 16)
    assert result.exit_code == 0
    assert "b.png: no partner on the other side" in result.stderr
    assert "Thumbs.db: no picture" in result.stderr


def test_a_broken_pair_is_named_and_the_exit_code_says_so(run, tmp_path, rng):
    for side in ("ir", "vi"):
        for name in "ab":
            images.write(tmp_path / side / f"{name}.png", rng.integers(0, 256, (16, 16), np.uint8))
    (tmp_path / "ir" / "b.png").write_bytes(b"\x89PNG")
    result = run("prepare", tmp_path, tmp_path / "p.h5", "--patch", 16)
    assert result.exit_code == 1
    assert "b.png" in result.stderr
    assert "1 pair (folders): 1 patches of 16x16" in result.stderr
    assert "1 failed" in result.stderr
    assert len(PatchFile(tmp_path / "p.h5")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--layout", "lvip"], 1, "unknown layout 'lvip': did you mean llvip"),
        (["--patch", "4"], 2, "4 is not in the range"),
        (["--scales", "1;0.5"], 2, "'1;0.5': write numbers with commas between them"),
        (["--scales", "2"], 1, "scales (2.0,): each must be above 0 and at most 1"),
        (["--weights", "1,1"], 1, "2 weights for 1 sets"),
        (["--validation", "1"], 2, "1.0 is not in the range"),
        (["--patch", "200"], 1, "no patch could be cut from 3 pairs"),
    ],
)
def test_wrong_options_are_told(run, scenes, tmp_path, arguments, code, message):
    result = run("prepare", scenes, tmp_path / "p.h5", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "p.h5").exists()


def test_an_existing_file_needs_overwrite(run, scenes, tmp_path):
    out = tmp_path / "p.h5"
    out.touch()
    assert "exists already" in run("prepare", scenes, out, "--patch", 32).stderr
    assert run("prepare", scenes, out, "--patch", 32, "--overwrite").exit_code == 0
