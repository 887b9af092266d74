"""``mmdrfuse refine``: from a student and folders to a better student."""

import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmdrfuse import models
from mmdrfuse.datasets import write_scenes
from mmdrfuse.recipes import refine_recipe

NAMES = {"SD", "SCD", "VIF", "Qabf", "SSIM", "CC"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "scenes"
    write_scenes(folder, 3, 0, height=64, width=64)
    return folder


@pytest.mark.slow
def test_the_weights_and_their_card_say_what_was_done(run, scenes, tmp_path):
    (tmp_path / "goals.json").write_text('{"night": {"SD": 1.2}}')
    out = tmp_path / "mine.safetensors"
    done = run(
        "refine", "ivif", scenes, "-o", out, "--lights", "night", "--pictures", 2, "--steps", 2, "--rounds", 1,
        "--hold-out", 3, "--goals", tmp_path / "goals.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("round ") == 3
    assert "furthest from its goal: " in done.stderr
    refined = models.read(out).card["refined"]
    assert refined["from"]["name"] == "scenes"
    assert refined["groups"] == {"scenes": 2, "night": 2}
    assert refined["goals"] == {"night": {"SD": 1.2}}
    assert (refined["pictures"], refined["hold_out"], refined["lights"], refined["steps"]) == (2, 3, ["night"], 2)
    assert refined["ahead"].keys() == {"scenes", "night"}
    assert refined["ahead"]["night"].keys() == NAMES
    assert models.load(out)


def test_references_are_goals_by_name_and_the_stretch_is_on_the_card(run, scenes, tmp_path):
    out = tmp_path / "mine.safetensors"
    options = ("--goals", "ivif:minmax,affine", "--range", "minmax", "--share", "CC=0.9", "--steps", 1, "--rounds", 1)
    done = run("refine", "max", scenes, "-o", out, *options)
    assert done.exit_code == 0, done.stderr
    card = models.read(out).card
    assert (card["range"], card["refined"]["goals"]) == ("minmax", ["ivif:minmax", "affine"])
    assert (card["refined"]["from"]["name"], card["refined"]["shares"]["CC"]) == ("max", 0.9)


def test_groups_of_a_file_take_the_place_of_lights(run, scenes, tmp_path):
    (tmp_path / "groups.yaml").write_text("scenes: {pictures: 2}\nwarm: {of: scenes, light: camera, pictures: 1}")
    out = tmp_path / "mine.safetensors"
    done = run("refine", "ivif", scenes, "-o", out, "--groups", tmp_path / "groups.yaml", "--steps", 1, "--rounds", 0)
    assert done.exit_code == 0, done.stderr
    assert models.read(out).card["refined"]["groups"] == {"scenes": 2, "warm": 1}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("warm: {of: scenes, light: wram}", "light of a recipe 'wram': did you mean warm"),
        ("warm: {from: scenes}", "unknown entry of a group 'from'"),
        ("scenes: {pictures: 2, draw: 3}", "group 'scenes': a step draws 3 pictures of 2"),
        ("road: {light: warm}", "unknown source of group 'road': 'road'"),
    ],
)
def test_groups_that_cannot_be_made_are_named(run, scenes, tmp_path, groups, message):
    (tmp_path / "groups.yaml").write_text(groups)
    refused = run("refine", "ivif", scenes, "-o", tmp_path / "x.safetensors", "--groups", tmp_path / "groups.yaml")
    assert (refused.exit_code, message in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize(("goals", "message"), [("afine", "did you mean affine"), ("{odd}", "neither a student")])
def test_references_that_are_none_are_named_before_a_picture_is_read(
    run, scenes, monkeypatch, tmp_path, goals, message
):
    monkeypatch.setattr("mmdrfuse.datasets.patches.sample.read_luminances", None)
    save_file({"layer.weight": np.zeros((2, 2), np.float32)}, tmp_path / "odd.safetensors")
    goals = goals.format(odd=tmp_path / "odd.safetensors")
    refused = run("refine", "ivif", scenes, "-o", tmp_path / "x.safetensors", "--goals", goals)
    assert (refused.exit_code, message in refused.stderr) == (1, True), refused.stderr


def test_a_damaged_picture_is_named_and_the_others_are_refined_on(run, scenes, tmp_path):
    shutil.copytree(scenes, tmp_path / "some")
    damaged = sorted((tmp_path / "some" / "vi").iterdir())[0]
    damaged.write_bytes(b"no picture")
    out = tmp_path / "mine.safetensors"
    done = run("refine", "ivif", tmp_path / "some", "-o", out, "--pictures", 3, "--steps", 1, "--rounds", 1)
    assert done.exit_code == 1
    assert str(damaged) in done.stderr
    assert models.read(out).card["refined"]["groups"] == {"some": 2}


def test_a_place_that_cannot_be_written_is_refused_before_the_work(run, scenes, tmp_path):
    (tmp_path / "file").touch()
    refused = run("refine", "ivif", scenes, "-o", tmp_path / "file" / "mine.safetensors", "--pictures", 2)
    assert refused.exit_code == 1
    assert str(tmp_path / "file" / "mine.safetensors") in refused.stderr
    assert "round 0" not in refused.stderr


def test_what_exists_is_not_replaced_unasked(run, scenes, tmp_path):
    out = tmp_path / "mine.safetensors"
    out.write_text("mine")
    refused = run("refine", "ivif", scenes, "-o", out)
    assert refused.exit_code == 1
    assert "mine.safetensors: exists already" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("goals", "message"),
    [
        ("{", "goals.yaml, line 1: not valid YAML"),
        ("scenes: 1.0", "goals.yaml, line 1: goals: scenes 1.0: must be values by name, of SD, SCD"),
        ("llvip: {SD: 1.0}", "goals for 'llvip', but the groups are scenes"),
        ('{"scenes": {"SD": 1e-3,\n\t"PSNR": 1.0}}', "goals.yaml, line 2: unknown score 'PSNR'"),
        ("scenes: {SD: -1}", "goals: scenes: SD -1: must be a number above 0"),
        ("scenes: {SD: 1}\nscenes: {SD: 1}", "line 2: 'scenes' comes twice"),
    ],
)
def test_goals_that_say_nothing_are_refused(run, scenes, tmp_path, goals, message):
    (tmp_path / "goals.yaml").write_text(goals)
    refused = run("refine", "ivif", scenes, "-o", tmp_path / "x.safetensors", "--goals", tmp_path / "goals.yaml")
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_only_students_are_refined(run, scenes, tmp_path):
    from mmdrfuse.models.teacher import Teacher

    arrays = {name: np.asarray(value) for name, value in Teacher().state_dict().items()}
    models.write(tmp_path / "t.safetensors", arrays, {"network": "teacher"})
    refused = run("refine", tmp_path / "t.safetensors", scenes, "-o", tmp_path / "x.safetensors")
    assert refused.exit_code == 1
    assert "t.safetensors: is a teacher; only students are refined" in refused.stderr


def test_a_printed_recipe_can_be_given_again(run, tmp_path):
    (tmp_path / "goals.yaml").write_text("night: {SD: 1.2}")
    options = ("--recipe", "medical", "--lights", "night,day", "--rounds", 3, "--goals", tmp_path / "goals.yaml")
    printed = run("refine", *options, "--print-recipe")
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert re.search(r"^rounds: 3 +# command line$", printed.stdout, re.MULTILINE)
    assert re.search(r"^size: 256 +# medical.yaml, line \d+$", printed.stdout, re.MULTILINE)
    (tmp_path / "again.yaml").write_text(printed.stdout)
    assert refine_recipe(tmp_path / "again.yaml") == refine_recipe(
        "medical", lights=("night", "day"), rounds=3, goals={"night": {"SD": 1.2}}
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Missing argument 'STUDENT'"),
        (("ivif",), 2, "Missing argument 'SRC...'"),
        (("ivif", "{scenes}"), 2, "Missing option '-o'"),
        (("ivif", "{scenes}", "{scenes}", "-o", "x.safetensors"), 1, "two groups have the name 'scenes'"),
        (("ivif", "{scenes}", "-o", "x.safetensors", "--lights", "nigth"), 1, "'nigth': did you mean night"),
        (("ivif", "{scenes}", "-o", "x.safetensors", "--recipe", "medical"), 1, "goals for 'CT-MRI', 'PET-MRI', "),
        (("ivif", "{scenes}", "-o", "x.safetensors", "--recipe", "teacher"), 1, "is for a teacher, not for a student"),
        (("ivif", "{scenes}", "-o", "x.safetensors", "--size", "40"), 2, "40 is not in the range x>=41"),
    ],
)
def test_mistakes_have_messages_before_a_picture_is_read(run, scenes, monkeypatch, tmp_path, arguments, code, message):
    monkeypatch.setattr("mmdrfuse.datasets.patches.sample.read_luminances", None)
    monkeypatch.chdir(tmp_path)
    refused = run("refine", *(argument.format(scenes=scenes) for argument in arguments))
    assert (refused.exit_code, message in refused.stderr) == (code, True), refused.stderr
