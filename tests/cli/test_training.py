"""``mmdrfuse teach`` and ``distill``: wiring, messages, exit codes."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from mmdrfuse import models
from mmdrfuse.cli import main, training
from mmdrfuse.datasets import prepare
from mmdrfuse.recipes import Recipe
from mmdrfuse.recipes.fields import kinds
from mmdrfuse.training import stopping, validation

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


@pytest.mark.slow
def test_teach_says_each_epoch_and_what_to_do_next(taught, patches):
    result, weights = taught
    assert (result.exit_code, result.stdout) == (0, "")
    assert "teacher, recipe default: 2 epochs of 18 patches, features none, seed 0" in result.stderr
    assert "epoch 1/2: total " in result.stderr
    assert "patches/s" in result.stderr
    assert f"mmdrfuse distill {patches} --teacher {weights} -o RUN" in result.stderr


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert f"mmdrfuse teach {patches} -o RUN" in result.stderr


def test_the_paper_recipe_keeps_its_numbers_and_takes_changes(run, patches, tmp_path):
    assert run("teach", patches, "-o", tmp_path, "--recipe", "paper", "--epochs", 1, *QUICK).exit_code == 0
    recipe = models.read(tmp_path / "teacher.safetensors").card["recipe"]
    assert (recipe["name"], recipe["rate"], recipe["refresh"], recipe["batch"]) == ("paper", 1e-4, "batch", 8)


@pytest.mark.slow
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
        (("teach", "{patches}", "-o", "run", "--cache", "nan"), 2, "--cache must be a number, not nan"),
        (("teach", "{patches}", "-o", "run", "--weight", "detail"), 2, "'detail': write a term and a number"),
        (("teach", "{patches}", "-o", "run", "--weight", "detial=1"), 1, "unknown term of the loss 'detial': did you"),
        (("teach", "{patches}", "-o", "run", "--weight", "detail=-1"), 1, "must be a number of at least 0"),
        (("teach", "{patches}", "-o", "run", "--device", "quantum"), 1, "device 'quantum' cannot be used here"),
        (("teach", "{patches}", "-o", "run", "--features", "vgg19", "--features-file", "gone.pth"), 1, "gone.pth"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone.safetensors"), 1, "gone.safetensors: no such file"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone"), 1, "unknown weights 'gone'"),
        (("distill", "{patches}", "-o", "run", "--teacher", "."), 1, ".: is a folder; name the file"),
    ],
)
def test_mistakes_have_messages_and_exit_codes(run, patches, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(str(argument).format(patches=patches) for argument in arguments))
    assert result.exit_code == code
    assert message in result.stderr


def test_every_field_of_a_recipe_has_its_option_with_the_cores_choices():
    assert {*training.RECIPE_OPTIONS, *training.SWITCHES, "weights"} == set(kinds(Recipe))


def test_what_is_looked_at_unless_told_otherwise_is_what_the_core_looks_at():
    defaults = {option.name: option.default for option in main.commands["teach"].params}
    assert defaults["validate_metrics"].split(",") == list(validation.USUAL)
    assert defaults["patience"] == stopping.PATIENCE


def test_options_reach_the_recipe(run, patches, tmp_path):
    options = ("--refresh", "batch", "--memory", "float16", "--no-flips", "--amp", "--seed", 5, "--weight", "detail=0")
    done = run("teach", patches, "-o", tmp_path, "--epochs", 1, *QUICK, *options, "--weight", "intensity=3")
    assert done.exit_code == 0
    recipe = models.read(tmp_path / "teacher.safetensors").card["recipe"]
    assert (recipe["refresh"], recipe["memory"], recipe["flips"], recipe["amp"]) == ("batch", "float16", False, True)
    assert (recipe["weights"]["detail"], recipe["weights"]["intensity"], recipe["seed"]) == (0, 3, 5)


def test_a_student_without_distillation_needs_no_teacher(run, patches, tmp_path):
    done = run("distill", patches, "-o", tmp_path, "--epochs", 1, *QUICK, "--weight", "distillation=0")
    assert done.exit_code == 0
    assert "distillation" not in json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["losses"]


@pytest.mark.parametrize("command", ["teach", "distill"])
def test_help_answers_without_torch(command):
    code = (
        f"import sys; from mmdrfuse.cli import main; main(['{command}', '--help'], standalone_mode=False); "
        "assert not {'torch', 'h5py', 'numba', 'scipy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--features-file FILE" in done.stdout


@pytest.mark.slow
def test_a_run_is_validated_stopped_previewed_and_watched_in_tensorboard(run, taught, patches, scenes, tmp_path):
    watch = ("--validate", scenes, "--validate-metrics", "sd,vif", "--stop-on", "ssim", "--patience", 1)
    options = ("--epochs", 2, "--preview-every", 1, "--tensorboard", *QUICK)
    result = run("distill", patches, "--teacher", taught[1], "-o", tmp_path, *watch, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.search(r"epoch 1/2: total .* patches/s; SD [\d.]+  VIF [\d.]+  SSIM [\d.]+\n", result.stderr)
    assert re.search(r"the weights are those of epoch [12], the best in SSIM\n", result.stderr)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"preview.png", "preview-0001.png", "preview-0002.png", "losses.png", "tensorboard"}
    card = models.read(tmp_path / "student.safetensors").card
    assert card["validation"]["metrics"] == ["SD", "VIF", "SSIM"]
    assert card["validation"]["sets"][scenes.name]["pairs"] == 3
    assert card["stop"]["metric"] == "SSIM"


def test_a_missing_tensorboard_is_named_before_an_old_run_is_touched(run, patches, tmp_path, monkeypatch):
    command = ("teach", patches, "-o", tmp_path, "--epochs", 1, *QUICK)
    assert run(*command).exit_code == 0
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(*command, "--overwrite", "--tensorboard")
    assert (result.exit_code, "needs tensorboard: pip install" in result.stderr) == (1, True)
    assert (tmp_path / "teacher.safetensors").exists()


@pytest.mark.slow
def test_pictures_without_partner_are_named_and_not_validated_on(run, patches, scenes, tmp_path):
    shutil.copytree(scenes, tmp_path / "set")
    next((tmp_path / "set" / "ir").iterdir()).unlink()
    result = run("teach", patches, "-o", tmp_path / "run", "--epochs", 1, "--validate", tmp_path / "set", *QUICK)
    assert result.exit_code == 0
    assert re.search(r"note not validated on: .*\.png: no partner on the other side", result.stderr)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--stop-on", "SSIM"), 2, "--stop-on needs pictures to score: name their folder with --validate SRC"),
        (("--validate", "gone"), 1, "gone: no such folder"),
        (("--validate", "{scenes}", "--validate-metrics", "VIP"), 1, "did you mean VIF"),
        (("--validate", "{scenes}", "--stop-on", "VIP"), 1, "did you mean VIF"),
        (("--validate", "{scenes}", "--protocol", "tangent"), 1, "unknown protocol 'tangent'"),
        (("--validate", "{scenes}", "--stop-on", "SSIM", "--patience", "0"), 2, "'--patience'"),
    ],
)
def test_mistakes_in_what_to_watch_have_messages(run, patches, scenes, tmp_path, options, code, message):
    options = [option.format(scenes=scenes) for option in options]
    result = run("teach", patches, "-o", tmp_path / "run", *options, *QUICK)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "run").exists()
