"""Standard streams that are closed, full or broken off, and numbers of a launcher that is not there."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mmdrfuse.version import __version__

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a shell")
FULL = Path("/dev/full")


@pytest.fixture
def shell(scenes, tmp_path):
    """Run a line of the shell, where ``$M`` is the program and ``$S`` the scenes; gives code, output and errors."""

    def call(line, **environment):
        known = {"M": f"{sys.executable} -m mmdrfuse", "S": str(scenes)}
        environment = {**os.environ, **known, **environment}
        ended = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr
        return ended.returncode, ended.stdout, ended.stderr

    return call


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("$M fuse - $S/vi/*0000.png x.png <&-", "standard input is closed"),
        ("$M data info >&-", "standard output is closed"),
        ("$M fuse $S/ir/*0000.png $S/vi/*0000.png - >&-", "standard output is closed"),
    ],
)
def test_a_closed_stream_that_is_needed_is_named(shell, line, said):
    code, _, errors = shell(line)
    assert (code, said in errors) == (1, True)


def test_closed_streams_that_are_not_needed_are_not_missed(shell, tmp_path):
    assert shell("$M fuse $S/ir/*0000.png $S/vi/*0000.png x.png <&- >&- 2>&-") == (0, "", "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "--version", "data info", "fuse --help"])
def test_a_full_disk_behind_standard_output_is_told(shell, arguments):
    code, _, errors = shell(f"$M {arguments} > /dev/full")
    assert code == 1
    assert "No space left on device" in errors


@pytest.mark.parametrize("arguments", ["--help", "data info", "fuse $S/ir/*0000.png $S/vi/*0000.png -"])
def test_a_reader_that_leaves_is_no_failure_to_talk_about(shell, arguments):
    _, _, errors = shell(f"$M {arguments} | true")
    assert not errors.replace("compiling for this machine, once; this takes some seconds\n", "")


def test_the_file_is_written_though_nobody_reads_the_table(shell, tmp_path):
    shell("$M eval --ir $S/ir --vis $S/vi --baselines max --metrics SD --csv x.csv | true")
    assert (tmp_path / "x.csv").read_text().startswith("method,image,SD\n")


@pytest.mark.parametrize(
    "rank", [{"RANK": "1"}, {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "h", "MASTER_PORT": "1"}]
)
def test_failures_are_told_by_every_process(shell, tmp_path, rank):
    for side in ("ir", "vi"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "z.png").write_text("junk")
    code, _, errors = shell("$M fuse ir vi out", **rank)
    assert code == 1
    assert "z.png" in errors


def test_versions_and_machine_are_one_document(run):
    document = json.loads(run("--version", "--json").stdout)
    assert (document["mmdrfuse"], document["torch"], document["python"]) == (
        __version__,
        version("torch"),
        sys.version.split()[0],
    )
    assert document["cores"] >= 1
    assert run("--json", "bench").exit_code == 2


def test_versions_are_told_without_importing_what_they_are_of():
    code = (
        "import sys\nfrom mmdrfuse.cli import main\n"
        "try:\n    main(['--version', '--json'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'numba', 'scipy', 'h5py'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
