"""What all commands share: help, exit codes, and what is said when something goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mmdrfuse import __version__
from mmdrfuse.cli import main
from mmdrfuse.errors import MMDRFuseError

COMMANDS = (
    "data", "prepare", "teach", "distill", "refine", "align", "fuse", "eval", "detect", "weights", "export", "page",
    "demo", "bench",
)  # fmt: skip


def test_commands_stand_in_the_order_of_use(run):
    listed = run("--help").stdout.split("Commands:")[1]
    assert tuple(line.split()[0] for line in listed.strip("\n").splitlines() if line[2] != " ") == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command}")


def test_without_arguments_the_help_is_shown(run):
    assert "Commands:" in run().output
    assert "Commands:" in run("data").output


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("da", "plain,data"), ("data che", "plain,check"), ("data info ll", "plain,llvip"),
     ("fuse --col", "plain,--color"), ("fuse --color h", "plain,hue"), ("fuse street", "file,street"),
     ("prepare --layout ms", "plain,msrs")],
)  # fmt: skip
def test_the_shell_completes_commands_options_names_and_files(run, typed, expected):
    words = ["mmdrfuse", *typed.split()]
    typing = {"_MAIN_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    assert run(env=typing).stdout.splitlines() == [expected]


def test_version_is_told(run):
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize("arguments", [("--help",), ("fuse", "--help"), ("eval", "--help"), ("teach", "--help")])
def test_help_answers_without_the_heavy_libraries(arguments):
    code = (
        "import sys\nfrom mmdrfuse.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numba', 'scipy', 'h5py'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_python_m_is_the_same_program():
    called = [sys.executable, "-m", "mmdrfuse", "--version"]
    assert __version__ in subprocess.run(called, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(MMDRFuseError("a.png: broken"), 1, "error: a.png: broken"), (KeyboardInterrupt(), 130, "interrupted"),
     (OSError(28, "No space left on device"), 1, "No space left on device"),
     (ZeroDivisionError("oops"), 3, "internal error: ZeroDivisionError('oops'); the details are in ")],
)  # fmt: skip
def test_failures_become_one_message_and_the_agreed_exit_code(run, monkeypatch, raised, code, said):
    @click.command()
    def fail():
        raise raised

    monkeypatch.setitem(main.commands, "fail", fail)
    result = run("fail")
    assert (result.exit_code, "Traceback" in result.stderr) == (code, False)
    assert said in result.stderr
    if code == 3:
        log = Path(result.stderr.rsplit(" ", 1)[1].strip())
        assert "ZeroDivisionError: oops" in log.read_text()
        log.unlink()


@pytest.mark.slow
def test_output_without_arrows_still_has_its_numbers(scenes, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    arguments = ["eval", "--ir", scenes / "ir", "--vis", scenes / "vi", "--baselines", "max", "--metrics", "SD"]
    called = [sys.executable, "-m", "mmdrfuse", *map(str, arguments)]
    printed = subprocess.run(called, check=True, capture_output=True, env=environment).stdout
    assert b"SD ?" in printed


def test_wrong_usage_exits_with_two(run):
    assert run("fuse").exit_code == 2
