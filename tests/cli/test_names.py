"""Files and folders whose names are not UTF-8, or look like something else."""

import json
import os
import shutil
import sys

import pytest

from mmdrfuse.datasets import PatchFile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
ODD = os.fsdecode(b"caf\xe9.1")


@pytest.fixture
def odd(scenes, tmp_path):
    """A set in a folder of such a name, of files with such names."""
    for side in ("ir", "vi"):
        (tmp_path / ODD / side).mkdir(parents=True)
        for path in (scenes / side).iterdir():
            shutil.copy(path, tmp_path / ODD / side / f"{ODD}{path.stem}.png")
    return tmp_path / ODD


def test_they_are_checked_and_prepared(run, odd, tmp_path):
    report = tmp_path / f"{ODD}.json"
    assert run("data", "check", odd, "--json", report).exit_code == 0
    assert json.loads(report.read_text())["source"] == str(odd)
    assert run("prepare", odd, tmp_path / f"{ODD}.h5", "--patch", 32, "--exposures", 1).exit_code == 0
    source = PatchFile(tmp_path / f"{ODD}.h5").sources[0]
    assert (odd / source["infrared"]).is_file()


@pytest.mark.slow
def test_they_are_trained_refined_and_fused_with(run, odd, tmp_path):
    patches, out = tmp_path / "p.h5", tmp_path / ODD / "run"
    assert run("prepare", odd, patches, "--patch", 32, "--per-pair", 2).exit_code == 0
    quick = ("--features", "none", "--epochs", 1)
    validating = ("--validate", odd, "--validate-metrics", "SD", "--stop-on", "SD")
    trained = run("teach", patches, "-o", out, *quick, *validating)
    assert trained.exit_code == 0, trained.stderr
    assert run("teach", patches, "-o", out, *quick, "--overwrite", "--tensorboard").exit_code == 1
    refining = ("--pictures", 1, "--size", 48, "--steps", 1, "--rounds", 0, "--lights", "night")
    refined = run("refine", "ivif", odd, "-o", out / "s.safetensors", *refining)
    assert refined.exit_code == 0, refined.stderr
    table = tmp_path / "pairs.csv"
    name = f"{ODD}{next((odd / 'ir').iterdir()).stem.removeprefix(ODD)}.png"
    table.write_bytes(os.fsencode(f"infrared,visible,output\n{ODD}/ir/{name},{ODD}/vi/{name},{ODD}.png\n"))
    fused = run("fuse", table, tmp_path / "v1.0", "--weights", out / "s.safetensors")
    assert fused.exit_code == 0, fused.stderr
    assert (tmp_path / "v1.0" / f"{ODD}.png").is_file()
