"""The README is true: its commands run, its Python runs, its tables are those of the code."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mmdrfuse import models
from mmdrfuse.metrics import markdown_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line[2:]
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
DIGITS = re.compile(r"\d+(\.\d+)?")


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Follow the README in an empty folder; gives each command with what it printed."""
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    folder = tmp_path_factory.mktemp("readme")
    printed = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in (command for command in COMMANDS if command.startswith("mmdrfuse ")):
            result = CliRunner().invoke(main, shlex.split(command)[1:], prog_name="mmdrfuse")
            assert result.exit_code == 0, f"{command}\n{result.output}"
            printed[command] = result.output
    return folder, printed


def test_every_command_is_of_a_kind_that_is_tested_here():
    assert {command.split()[0] for command in COMMANDS} == {"make", "pip", "mmdrfuse"}


@pytest.mark.slow
def test_the_shown_commands_run_in_their_order(followed):
    folder, printed = followed
    assert len(printed) >= 9
    for made in (
        "scenes/sheet.png",
        "patches.h5",
        "runs/student/student.safetensors",
        "fused.png",
        "fused/manifest.jsonl",
        "scores.json",
    ):
        assert (folder / made).is_file(), made


@pytest.mark.slow
def test_the_shown_output_is_what_the_commands_print(followed):
    """Lines that differ in numbers alone count as equal: those depend on the machine's arithmetic and speed."""
    _, printed = followed
    shown = [block.splitlines() for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)]
    outputs = [line for lines in shown for line in lines if not line.startswith("$ ") and line.strip() not in ("", "…")]
    known = {_masked(line) for output in printed.values() for line in output.splitlines()}
    assert outputs
    assert [line for line in outputs if _masked(line) not in known] == []


@pytest.mark.parametrize("target", [command.split()[1] for command in COMMANDS if command.startswith("make ")])
def test_the_shown_make_targets_exist(target):
    subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_shown_python_runs(block):
    exec(compile(block, "README.md", "exec"), {})


def test_the_table_of_metrics_is_that_of_the_code():
    assert markdown_table().strip() in README


@pytest.mark.parametrize("name", models.names())
def test_shipped_weights_are_described(name):
    assert f"`{name}`" in README


def _masked(line: str) -> str:
    return re.sub(r"\s+", " ", re.sub("([━─])+", r"\1", DIGITS.sub("0", line))).strip()
