"""``mmdrfuse bench`` counts right, times what it says, and its JSON is JSON alone."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mmdrfuse.cli import main


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", "--size", "96x64", "--repeat", "2", "--threads", "1", *arguments])


@pytest.mark.slow
def test_table_has_the_counts_of_the_student_and_names_machine_and_threads():
    result = bench()
    assert result.exit_code == 0, result.output
    for part in ("scenes (student), 96x64, 1 thread", "cores", "113", "0.44", "engine", "pairs/s", "peak memory"):
        assert part in result.stdout
    assert "torch" not in result.stdout


@pytest.mark.slow
def test_json_on_standard_output_is_one_document():
    measured = json.loads(bench("--json", "-", "--torch").stdout)
    assert measured["multiply_adds"] == 96 * 64 * (9 * 2 * 4 + 9 * 4)
    assert measured["milliseconds"].keys() == {"engine", "torch"}
    assert all(row["best"] <= row["median"] for row in measured["milliseconds"].values())
    assert measured["pairs_per_second"] > 0
    assert measured["machine"]["cores"] >= 1


@pytest.mark.slow
def test_peers_stand_beside_the_engine_with_their_differences():
    result = bench("--peers")
    assert result.exit_code == 0, result.output
    for part in ("torch", "onnxruntime", "OpenCV", "OpenVINO", "FFmpeg blend", "levels that differ"):
        assert part in result.stdout


def test_json_goes_to_a_file_beside_the_table(tmp_path):
    assert "parameters" in bench("--json", str(tmp_path / "bench.json")).stdout
    assert json.loads((tmp_path / "bench.json").read_text())["parameters"] == 113


def test_json_replaces_a_file_only_when_told(tmp_path):
    (tmp_path / "keep.json").write_text("keep")
    refused = bench("--json", str(tmp_path / "keep.json"))
    assert (refused.exit_code, refused.stdout) == (1, "")  # before anything is timed
    assert "keep.json: exists already" in refused.stderr
    assert (tmp_path / "keep.json").read_text() == "keep"
    assert bench("--json", str(tmp_path / "keep.json"), "--overwrite").exit_code == 0
    assert json.loads((tmp_path / "keep.json").read_text())["width"] == 96


def test_torch_is_imported_only_to_be_timed():
    code = "import sys; from mmdrfuse.cli import main; main(sys.argv[1:], standalone_mode=False); "
    code += "assert 'torch' not in sys.modules"
    arguments = ["bench", "--size", "64x64", "--repeat", "1", "--json", "-"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("size", ["wide", "63x90", "90x"])
def test_size_that_is_none_is_answered_with_an_example(size):
    result = bench("--size", size)
    assert result.exit_code == 2
    assert "such as 1280x1024" in result.stderr
