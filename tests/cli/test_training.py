"""``mmdrfuse teach`` and ``distill``: wiring, messages, exit codes."""

import io
import json
import subprocess
import sys
from typing import get_args

import pytest
from rich.console import Console

from mmdrfuse import models
from mmdrfuse.cli import training
from mmdrfuse.datasets import prepare

QUICK = ("--features", "none", "--batch", 8, "--device", "cpu", "--threads", 1)


@pytest.fixture(scope="module")
def patches(scenes, tmp_path_factory):
    """A file of eighteen patches of three synthetic pairs, and where a teacher goes."""
    path = tmp_path_factory.mktemp("patches") / "p.h5"
    prepare([scenes], path, patch=32, stride=48)
    return path


@pytest.fixture(scope="module")
def taught(patches, tmp_path_factory):
    """What ``teach`` said, and the teacher's file."""
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    run = tmp_path_factory.mktemp("runs") / "teacher"
    arguments = ["teach", patches, "-o", run, "--epochs", 2, *QUICK]
    return CliRunner().invoke(main, [str(argument) for argument in arguments]), run / "teacher.safetensors"


def test_teach_says_each_epoch_and_what_to_do_next(taught, patches):
    result, weights = taught
    assert (result.exit_code, result.stdout) == (0, "")
    assert "teacher, recipe default: 2 epochs of 18 patches, features none, seed 0" in result.stderr
    assert "epoch 1/2: total " in result.stderr
    assert "patches/s" in result.stderr
    assert f"mmdrfuse distill {patches} --teacher {weights} -o RUN" in result.stderr


def test_the_card_tells_data_and_options(taught):
    card = models.read(taught[1]).card
    assert card["data"]["pairs"] == {"folders": 3}
    assert card["data"]["options"]["patch"] == 32
    assert (card["recipe"]["epochs"], card["recipe"]["batch"]) == (2, 8)


def test_distill_makes_a_student_from_the_teacher(run, taught, patches, tmp_path):
    result = run("distill", patches, "--teacher", taught[1], "-o", tmp_path, "--epochs", 1, "--seed", 3, *QUICK)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"mmdrfuse fuse IR VIS OUT --weights {tmp_path / 'student.safetensors'}" in result.stderr
    checkpoint = models.read(tmp_path / "student.safetensors")
    assert (checkpoint.network, checkpoint.card["recipe"]["seed"]) == ("student", 3)
    assert checkpoint.card["teacher"]["sha256"] == models.read(taught[1]).sha256
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [0, 1, 2]


def test_names_in_brackets_are_told_as_they_are_and_one_epoch_is_one(run, patches, tmp_path):
    folder = tmp_path / "y[" / "z]"  # rich would take [/z] for the end of a colour
    taught = run("teach", patches, "-o", folder, "--epochs", 1, *QUICK)
    assert (taught.exit_code, taught.exception) == (0, None)
    assert "recipe default: 1 epoch of 18 patches, " in taught.stderr
    weights = folder / "teacher.safetensors"
    assert f"wrote {weights}; distil" in taught.stderr
    distilled = run("distill", patches, "--teacher", weights, "-o", folder / "s", "--epochs", 1, *QUICK)
    assert f"wrote {folder / 's' / 'student.safetensors'}; fuse" in distilled.stderr


def test_distill_without_a_teacher_says_how_to_get_one(run, patches, tmp_path):
    result = run("distill", patches, "-o", tmp_path)
    assert result.exit_code == 2
    assert f"mmdrfuse teach {patches} -o TEACHER" in result.stderr


def test_the_paper_recipe_keeps_its_numbers_and_takes_changes(run, patches, tmp_path):
    assert run("teach", patches, "-o", tmp_path, "--recipe", "paper", "--epochs", 1, *QUICK).exit_code == 0
    recipe = models.read(tmp_path / "teacher.safetensors").card["recipe"]
    assert (recipe["name"], recipe["rate"], recipe["refresh"], recipe["batch"]) == ("paper", 1e-4, "batch", 8)


def test_a_run_is_kept_resumed_or_replaced_as_asked(run, taught, patches, tmp_path):
    command = ("distill", patches, "--teacher", taught[1], "-o", tmp_path, "--epochs", 1, *QUICK)
    assert run(*command).exit_code == 0
    again = run(*command)
    assert again.exit_code == 1
    assert "holds a run; go on with --resume, or begin anew with --overwrite" in again.stderr
    assert run(*command, "--resume").exit_code == 0
    assert run(*command, "--overwrite").exit_code == 0
    assert run(*command, "--overwrite", "--resume").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("teach", "gone.h5", "-o", "run"), 1, "gone.h5: no such file"),
        (("teach", "{patches}"), 2, "Missing option '-o'"),
        (("teach", "{patches}", "-o", "run", "--rate", "0"), 2, "'--rate'"),
        (("teach", "{patches}", "-o", "run", "--rate", "nan"), 2, "--rate must be a number, not nan"),
        (("teach", "{patches}", "-o", "run", "--features", "vgg16"), 2, "is not one of 'vgg19'"),
        (("teach", "{patches}", "-o", "run", "--device", "quantum"), 1, "device 'quantum' cannot be used here"),
        (("teach", "{patches}", "-o", "run", "--features", "vgg19", "--features-file", "gone.pth"), 1, "gone.pth"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone.safetensors"), 1, "gone.safetensors: no such file"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone"), 1, "gone: no such file"),
        (("distill", "{patches}", "-o", "run", "--teacher", "."), 1, ".: is a folder; name the file"),
    ],
)
def test_mistakes_have_messages_and_exit_codes(run, patches, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(str(argument).format(patches=patches) for argument in arguments))
    assert result.exit_code == code
    assert message in result.stderr


def test_the_choices_are_those_of_the_core():
    from mmdrfuse.losses import features
    from mmdrfuse.training import recipes

    assert get_args(recipes.Name) == training.RECIPES
    assert training.FEATURES == features.NAMES


@pytest.mark.parametrize("command", ["teach", "distill"])
def test_help_answers_without_torch(command):
    code = (
        f"import sys; from mmdrfuse.cli import main; main(['{command}', '--help'], standalone_mode=False); "
        "assert not {'torch', 'h5py', 'numba', 'scipy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--features-file FILE" in done.stdout


def test_a_terminal_shows_steps_speed_and_losses():
    from mmdrfuse.training import Record

    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with training._steps("student", 4, console) as show:
        show(Record(1, 0, {"intensity": 0.25, "total": 1.5}, rate=1e-3, seconds=0.5, patches=25))
    assert "2/4" in console.file.getvalue()
    assert "50 patches/s  total 1.5  intensity 0.25" in console.file.getvalue()
