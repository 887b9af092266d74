"""What is installed is what is here, and it works elsewhere."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make_demo(folder, interpreters, *options):
    """Run ``make demo`` in a fresh folder; of ``python*``, only the given names exist, and exit as given."""
    commands = folder / "bin"
    commands.mkdir()
    for name, code in interpreters.items():
        (commands / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (commands / name).chmod(0o755)
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)
    command = [shutil.which("make"), "demo", *options]
    return subprocess.run(command, cwd=folder, env={"PATH": str(commands)}, capture_output=True, text=True)


def test_make_says_in_one_sentence_that_python_is_too_old(tmp_path):
    result = make_demo(tmp_path, {"python3": 1})
    assert result.returncode == 2
    assert result.stderr.startswith("mmdrfuse needs Python 3.11 or later: install one, or name it: make PYTHON=")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(("exit_code", "taken"), [(0, "python3"), (1, "python3.12")])
def test_make_takes_a_later_python_only_where_python3_is_too_old(exit_code, taken, tmp_path):
    result = make_demo(tmp_path, {"python3": exit_code, "python3.12": 0}, "--dry-run")
    assert f"\n{taken} -m venv .venv" in result.stdout
