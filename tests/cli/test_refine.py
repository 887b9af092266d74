"""``mmdrfuse refine``: from a student and folders to a better student."""

import json

import pytest

from mmdrfuse import models
from mmdrfuse.datasets import write_scenes

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
    assert refined["from"]["name"] == "ivif"
    assert refined["groups"] == {"scenes": 2, "night": 2}
    assert refined["goals"] == {"night": {"SD": 1.2}}
    assert refined["ahead"].keys() == {"scenes", "night"}
    assert refined["ahead"]["night"].keys() == NAMES
    assert models.load(out)


def test_what_exists_is_not_replaced_unasked(run, scenes, tmp_path):
    out = tmp_path / "mine.safetensors"
    out.write_text("mine")
    refused = run("refine", "ivif", scenes, "-o", out)
    assert refused.exit_code == 1
    assert "exists; choose another name or replace it with --overwrite" in refused.stderr
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("goals", "message"),
    [
        ("{", "no goals ("),
        (json.dumps({"llvip": 1.0}), "no goals ("),
        (json.dumps({"llvip": {"SD": 1.0}}), "goals for 'llvip', but the groups are scenes"),
        (json.dumps({"scenes": {"PSNR": 1.0}}), "a goal for 'PSNR': goals are for SD, SCD"),
    ],
)
def test_goals_that_say_nothing_are_refused(run, scenes, tmp_path, goals, message):
    (tmp_path / "goals.json").write_text(goals)
    refused = run("refine", "ivif", scenes, "-o", tmp_path / "x.safetensors", "--goals", tmp_path / "goals.json")
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert not (tmp_path / "x.safetensors").exists()


def test_only_students_are_refined(run, scenes, tmp_path):
    import numpy as np

    from mmdrfuse.models.teacher import Teacher

    arrays = {name: np.asarray(value) for name, value in Teacher().state_dict().items()}
    models.write(tmp_path / "t.safetensors", arrays, {"network": "teacher"})
    refused = run("refine", tmp_path / "t.safetensors", scenes, "-o", tmp_path / "x.safetensors")
    assert refused.exit_code == 1
    assert "t.safetensors: is a teacher; only students are refined" in refused.stderr
