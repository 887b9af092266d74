"""``mmdrfuse teach`` and ``distill``: wiring, messages, exit codes."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict

import click
import pytest

from mmdrfuse import models
from mmdrfuse.cli import main
from mmdrfuse.datasets import prepare
from mmdrfuse.recipes import Recipe, RefineRecipe, recipe
from mmdrfuse.recipes.fields import kinds
from mmdrfuse.training.watch import early_stopping as stopping
from mmdrfuse.training.watch import validation

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


@pytest.mark.slow
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


def test_distill_without_a_teacher_takes_the_shipped_one_and_says_so(run, patches, tmp_path):
    done = run("distill", patches, "-o", tmp_path, "--epochs", 1, *QUICK)
    assert done.exit_code == 0
    assert "the teacher is the shipped one; --teacher takes another" in done.stderr
    assert models.read(tmp_path / "student.safetensors").card["teacher"]["name"] == "teacher"


@pytest.mark.slow
def test_a_run_has_a_place_of_its_own_unless_it_is_taken(run, patches, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("teach", patches, "--recipe", "paper", "--epochs", 1, *QUICK)
    assert run(*command).exit_code == 0
    assert (tmp_path / "runs" / "paper-teacher" / "teacher.safetensors").is_file()
    again = run(*command)
    assert again.exit_code == 1
    assert "runs/paper-teacher: exists already; name another folder with -o; go on with --resume" in again.stderr
    assert run(*command, "--resume").exit_code == run(*command, "--overwrite").exit_code == 0


@pytest.mark.slow
def test_a_recipe_of_ones_own_counts_below_the_options_and_stays_with_the_run(run, patches, tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: paper\nepochs: 9\nrate: 1e-3\nweights: {detail: 0}\n")
    own, out = ("--recipe", tmp_path / "mine.yaml", "--epochs", 1), tmp_path / "run"
    assert run("teach", patches, "-o", out, *own, *QUICK).exit_code == 0
    kept = recipe(out / "recipe.yaml", "teacher")
    assert (kept.name, kept.epochs, kept.rate, kept.weights.detail) == ("mine", 1, 1e-3, 0.0)
    assert asdict(kept) == models.read(out / "teacher.safetensors").card["recipe"]
    resumed = run("teach", patches, "-o", out, "--resume", "--device", "cpu")
    assert (resumed.exit_code, "recipe mine: 1 epoch" in resumed.stderr) == (0, True)
    other = run("teach", patches, "-o", out, "--resume", "--recipe", "default", "--epochs", 2, *QUICK)
    assert other.exit_code == 1
    for difference in (
        "recipe.epochs: was 1, now 2",
        "recipe.rate: was 0.001, now 0.0005",
        "recipe.weights.detail: was 0",
    ):
        assert difference in other.stderr
    assert "recipe.name" not in other.stderr


def test_a_printed_recipe_says_where_its_values_come_from_and_nothing_runs(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("# mine\nbatch: 3\n")
    options = ("--recipe", tmp_path / "mine.yaml", "--rate", "1e-2", "--weight", "detail=2")
    printed = run("distill", *options, "--print-recipe")
    assert (printed.exit_code, printed.stderr) == (0, "")
    shown = {line.split()[0]: line.partition("# ")[2] for line in printed.stdout.splitlines()}
    assert (shown["batch:"], shown["rate:"], shown["detail:"]) == (
        f"{tmp_path / 'mine.yaml'}, line 2", "command line", "command line",
    )  # fmt: skip
    assert shown["gradient:"].startswith("default.yaml, line ")
    (tmp_path / "again.yaml").write_text(printed.stdout)
    assert recipe(tmp_path / "again.yaml", "student") == recipe(
        tmp_path / "mine.yaml", "student", rate=1e-2, weights={"detail": 2}
    )


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
    assert "holds a run; go on with --resume, or start over with --overwrite" in again.stderr
    assert run(*command, "--resume").exit_code == 0
    assert run(*command, "--overwrite").exit_code == 0
    assert run(*command, "--overwrite", "--resume").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("teach", "gone.h5", "-o", "run"), 1, "gone.h5: no such file"),
        (("teach",), 2, "Missing argument 'PATCHES.h5'"),
        (("teach", "{patches}", "-o", "run", "--recipe", "papr"), 1, "unknown recipe 'papr': did you mean paper"),
        (("teach", "{patches}", "-o", "run", "--recipe", "papr.yaml"), 1, "papr.yaml: no such file"),
        (("teach", "{patches}", "-o", "run", "--recipe", "scenes"), 1, "is for a student, not for a teacher"),
        (("teach", "{patches}", "-o", "run", "--rate", "0"), 2, "'--rate'"),
        (("teach", "{patches}", "-o", "run", "--rate", "nan"), 2, "'nan' is not a finite number"),
        (("teach", "{patches}", "-o", "run", "--features", "vgg16"), 2, "is not one of 'vgg19'"),
        (("teach", "{patches}", "-o", "run", "--cache", "inf"), 2, "not a finite number"),
        (("teach", "{patches}", "-o", "run", "--weight", "detail"), 2, "'detail': write TERM=VALUE"),
        (("teach", "{patches}", "-o", "run", "--weight", "detial=1"), 1, "unknown term of the loss 'detial': did you"),
        (("teach", "{patches}", "-o", "run", "--weight", "detail=-1"), 1, "must be a number of at least 0"),
        (("teach", "{patches}", "-o", "run", "--device", "quantum"), 1, "device 'quantum' cannot be used here"),
        (("teach", "{patches}", "-o", "run", "--features", "vgg19", "--features-file", "gone.pth"), 1, "gone.pth"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone.safetensors"), 1, "gone.safetensors: no such file"),
        (("distill", "{patches}", "-o", "run", "--teacher", "gone"), 1, "unknown weights 'gone'"),
        (("distill", "{patches}", "-o", "run", "--teacher", "."), 1, ".: is a folder without model.safetensors"),
    ],
)
def test_mistakes_have_messages_and_exit_codes(run, patches, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(str(argument).format(patches=patches) for argument in arguments))
    assert result.exit_code == code
    assert message in result.stderr


@pytest.mark.parametrize("name", ["teach", "distill", "refine"])
def test_every_field_of_a_recipe_has_its_option_with_its_help_and_no_default(name):
    options = {option.name: option for option in main.commands[name].params}
    for field, kind in kinds(RefineRecipe if name == "refine" else Recipe).items():
        assert options[field].help.startswith(kind.help.removesuffix("."))
        assert options[field].get_default(click.Context(main.commands[name])) in (None, ())


def test_what_is_looked_at_unless_told_otherwise_is_what_the_core_looks_at():
    defaults = {option.name: option.default for option in main.commands["teach"].params}
    assert defaults["validate_metrics"].split(",") == list(validation.DEFAULT_METRICS)
    assert defaults["patience"] == stopping.PATIENCE


def test_options_reach_the_recipe(run, patches, tmp_path):
    options = ("--refresh", "batch", "--memory-dtype", "float16", "--no-flips", "--amp", "--seed", 5)
    weights = ("--weight", "detail=0", "--weight", "intensity=3")
    done = run("teach", patches, "-o", tmp_path, "--epochs", 1, *QUICK, *options, *weights)
    assert done.exit_code == 0
    recipe = models.read(tmp_path / "teacher.safetensors").card["recipe"]
    assert (recipe["refresh"], recipe["memory_dtype"]) == ("batch", "float16")
    assert (recipe["flips"], recipe["amp"]) == (False, True)
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
        (("--stop-on", "SSIM"), 2, "name their folder with --validate SRC"),
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
