"""Whole runs: their files, their exact repetition, stopping and resuming."""

import json
import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from mmdrfuse import models, training
from mmdrfuse.errors import DiskFullError, OutputError, SizeError, TrainingError, WeightsError
from mmdrfuse.losses.backbones import efficientnet
from mmdrfuse.losses.backbones.vgg19 import VGG19
from mmdrfuse.training import Watch, patches, run

LOSSES = [5.600270, 1.640351, 1.375415, 1.413125]
"""Totals of the toy run's first steps: ours, torch 2.13 on x86-64, one thread; a change means another training."""


@pytest.fixture
def student(toy, small, teacher, tmp_path):
    """Return a function that starts a student's run in a folder and returns its records."""

    def start(folder="run", *, patches=None, recipe=None, **options):
        options = {"teacher": teacher, "device": "cpu", **options}
        patches = toy() if patches is None else patches
        return training.train(recipe or small(), patches, tmp_path / folder, **options)

    return start


def bytes_of(folder):
    return (folder / "student.safetensors").read_bytes()


def lines_of(folder):
    """Read the log without its times."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_a_run_has_a_record_a_step_and_leaves_log_state_and_weights(student, tmp_path):
    records = list(student())
    assert [record.step for record in records] == list(range(9))  # 3 epochs of 7 patches by 3
    assert [record.epoch for record in records] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [record.patches for record in records] == [3, 3, 1] * 3
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "log.jsonl", "recipe.yaml", "state.safetensors", "student.safetensors",
    }  # fmt: skip
    assert [line["losses"]["total"] for line in lines_of(tmp_path / "run")] == [r.losses["total"] for r in records]
    assert models.load(tmp_path / "run" / "student.safetensors")


def test_the_losses_fall(student, small):
    records = list(student(recipe=small(epochs=25, rate=5e-3, start="random")))
    first, last = (np.mean([record.losses["total"] for record in part]) for part in (records[:3], records[-3:]))
    assert last < 0.6 * first


def test_the_losses_are_those_of_earlier_versions(student, small):
    totals = [record.losses["total"] for record in student(recipe=small(start="max", flips=False))]
    np.testing.assert_allclose(totals[:4], LOSSES, rtol=1e-3)


def test_the_card_describes_the_training(student, small, teacher, toy, tmp_path):
    list(student(card={"data": {"pairs": {"toy": 7}}}))
    card = models.read(tmp_path / "run" / "student.safetensors").card
    assert card["recipe"]["features"] == "none"
    assert card["teacher"] == {"name": "teacher.safetensors", "sha256": teacher.sha256}
    assert card["patches"]["fingerprint"] == toy().fingerprint
    assert card["data"] == {"pairs": {"toy": 7}}
    assert (card["network"], card["torch"]) == ("student", torch.__version__)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(student, small, tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        list(student(folder, recipe=small(seed=seed)))
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b") != bytes_of(tmp_path / "c")


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 5, 8])
@pytest.mark.parametrize("name", ["default", "paper"])
def test_stopping_and_resuming_equals_one_run(student, small, tmp_path, name, steps):
    recipe = small(name=name)
    list(student("straight", recipe=recipe))
    list(islice(student("stopped", recipe=recipe, save_seconds=0), steps))
    rest = list(student("stopped", recipe=recipe, resume=True))
    assert rest[0].step == steps
    assert bytes_of(tmp_path / "straight") == bytes_of(tmp_path / "stopped")
    assert lines_of(tmp_path / "straight") == lines_of(tmp_path / "stopped")


def test_steps_after_the_last_save_are_repeated(student, tmp_path):
    list(student("straight"))
    list(islice(student("stopped"), 5))  # saved after 3, where the epoch ended
    assert next(student("stopped", resume=True)).step == 3
    assert len(list(student("stopped", resume=True))) == 6
    assert lines_of(tmp_path / "straight") == lines_of(tmp_path / "stopped")


def test_a_teachers_run_needs_no_teacher(toy, small, tmp_path):
    records = list(training.train(small("teacher", epochs=2), toy(), tmp_path, device="cpu"))
    assert "distillation" not in records[0].losses
    assert models.read(tmp_path / "teacher.safetensors").network == "teacher"


def test_a_student_without_distillation_needs_no_teacher(student, small, changed, tmp_path):
    list(student(teacher=None, recipe=changed(small(), distillation=0)))
    assert models.read(tmp_path / "run" / "student.safetensors").card["teacher"] is None
    assert not (tmp_path / "run" / "teacher-outputs.bin").exists()


def test_a_teacher_learns_from_real_features(student, small, toy):
    pytest.importorskip(efficientnet.PACKAGE)
    recipe = small("teacher", epochs=4, features="efficientnet-lite0")
    records = list(student(patches=toy(6, side=32), recipe=recipe, teacher=None))
    assert records[0].losses["perception"] > 0
    assert records[-1].losses["total"] < records[0].losses["total"]


def breaking(at):
    """Return a loader whose batches become NaN after some calls."""
    calls_left = [at]

    def load(*arguments, **options):
        batch = patches.load_batch(*arguments, **options)
        calls_left[0] -= 1
        return batch if calls_left[0] >= 0 else batch._replace(infrared=batch.infrared * math.nan)

    return load


def test_a_loss_that_is_not_finite_stops_the_run_which_resumes_from_the_last_save(student, toy, tmp_path, monkeypatch):
    source = toy()
    with monkeypatch.context() as patch:
        patch.setattr("mmdrfuse.training.loop.load_batch", breaking(4))
        with pytest.raises(TrainingError) as caught:
            list(student(patches=source))
    named = ", ".join(map(str, source.batches[4]))
    terms = "intensity, gradient, structure, detail, distillation, total"
    assert f"step 4: no finite number for {terms}, on patches {named}; the last saved" in str(caught.value)
    assert next(student(resume=True)).step == 3
    list(student(resume=True))
    assert np.isfinite(models.read(tmp_path / "run" / "student.safetensors").arrays["conv1.weight"]).all()


def test_an_existing_run_is_not_lost(student, tmp_path):
    list(student())
    with pytest.raises(OutputError, match="holds a run; go on with resume=True, or begin anew"):
        student()
    names = (
        "memory.bin", "source-features.bin", "process-1/memory.bin", "process-1/teacher-outputs.bin",
        "tensorboard/events.out.tfevents.1.host.2.0",
    )  # fmt: skip
    left = [tmp_path / "run" / name for name in names]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    student(overwrite=True)
    assert not any(path.exists() for path in (*left, tmp_path / "run" / "student.safetensors"))


def test_files_of_others_stay_in_a_folder_without_a_run(student, tmp_path):
    names = (
        "memory-of-mine.safetensors", "best-of-all.safetensors", "preview-of-it.png", "data.bin",
        "tensorboard/events.out.tfevents.1",
    )  # fmt: skip
    others = [tmp_path / "run" / name for name in names]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    list(student())
    assert all(path.exists() for path in others)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 4}, "recipe.epochs: was 3, now 4"),
        ({"seed": 1, "rate": 0.1}, "recipe.rate: was 0.005, now 0.1; recipe.seed"),
    ],
)
def test_another_recipe_is_not_resumed(student, small, changes, message):
    list(student())
    with pytest.raises(TrainingError, match=f"the run to resume was another one: {message}"):
        student(recipe=small(**changes), resume=True)


def test_other_patches_or_another_teacher_are_not_resumed(student, toy, teacher):
    list(student())
    with pytest.raises(TrainingError, match=r"patches\.fingerprint"):
        student(patches=toy(seed=1), resume=True)
    with pytest.raises(TrainingError, match=r"teacher\.sha256: was .*, now 'other'"):
        student(teacher=replace(teacher, sha256="other"), resume=True)


def test_another_number_of_processes_is_not_resumed(student, monkeypatch):
    list(student())
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="was another one: processes: was 1, now 2"):
        student(resume=True)


def test_a_finished_run_resumed_has_nothing_to_do(student, tmp_path):
    list(student())
    before = bytes_of(tmp_path / "run")
    assert list(student(resume=True)) == []
    assert bytes_of(tmp_path / "run") == before


def test_temporary_files_exist_until_the_last_step_is_done(student, tmp_path):
    folder = tmp_path / "run"
    temporary = {"memory-9.safetensors", "teacher-outputs.bin"}
    records = student()
    list(islice(records, 9))
    assert temporary <= {path.name for path in folder.iterdir()}
    assert next(records, None) is None
    left = {path.name for path in folder.iterdir()}
    before = bytes_of(folder)
    assert not temporary & left
    (folder / "student.safetensors").unlink()  # as if the run had been killed before its weights were written
    (folder / "teacher-outputs.bin").touch()  # or before its temporary files were deleted
    assert list(student(resume=True)) == []
    assert {path.name for path in folder.iterdir()} == left
    assert bytes_of(folder) == before


def test_a_student_without_teacher_or_with_a_student_for_one_is_refused(student, tmp_path):
    with pytest.raises(TrainingError, match="a student needs a teacher to be distilled from; train one"):
        student(teacher=None)
    list(student())
    with pytest.raises(WeightsError, match=r"student\.safetensors: these are a student's weights"):
        student("other", teacher=models.read(tmp_path / "run" / "student.safetensors"))


@pytest.mark.parametrize(("count", "side"), [(7, 15), (0, 16)])
def test_patches_that_cannot_be_trained_on_are_refused_before_anything_is_made(student, toy, tmp_path, count, side):
    message = f"{count} patches of {side}x{side} pixels: training needs at least one, and 16 pixels on each side; cut"
    with pytest.raises(SizeError, match=message):
        student(patches=toy(count, side))
    assert not (tmp_path / "run").exists()


def test_the_smallest_patches_suffice_for_the_published_features(small, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "backbone", lambda name, file: VGG19().eval().requires_grad_(False))
    recipe = small("teacher", epochs=2, features="vgg19")
    records = list(training.train(recipe, toy(3, patches.MIN_PATCH), tmp_path, device="cpu"))
    assert all(math.isfinite(value) for value in records[-1].losses.values())


@pytest.mark.parametrize("name", ["quantum", "cuda:77"])
def test_a_missing_device_is_named(student, name):
    with pytest.raises(TrainingError, match=f"device '{name}' cannot be used here .*choose device 'cpu'"):
        student(device=name)


def test_auto_finds_a_device():
    assert run.torch_device("auto").type in ("cpu", "cuda", "mps")


def test_a_folder_that_cannot_be_made_is_named(student, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        student("file/run")


def test_a_run_without_a_save_starts_anew_on_resume(student, tmp_path):
    warnings = []
    records = student(resume=True, watch=Watch(warn=warnings.append))
    next(records)
    records.close()
    (tmp_path / "run" / ".0123456789abcdef.safetensors").write_bytes(b"half")  # as a kill within a save leaves it
    assert len(list(student(resume=True, watch=Watch(warn=warnings.append)))) == 9
    assert warnings == [f"{tmp_path / 'run'}: no state was saved here yet, so the run starts anew"] * 2
    list(student("straight"))
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "straight")
    assert len(list((tmp_path / "run").iterdir())) == 4


def test_weights_without_a_state_are_not_replaced_by_resuming(student, tmp_path):
    list(student())
    (tmp_path / "run" / "state.safetensors").unlink()
    with pytest.raises(OutputError, match="holds a run") as caught:
        student(resume=True)
    assert caught.value.cure == "overwrite"


FULL = {
    "log": ("pathlib.Path.open", lambda path, mode, **_: path.name == "log.jsonl" and mode == "a"),
    "memory": ("safetensors.torch.save_file", lambda tensors, path, **_: "scores" in tensors),
    "state": ("safetensors.torch.save_file", lambda tensors, path, **_: "network.conv1.weight" in tensors),
}


@pytest.mark.parametrize("which", FULL)
def test_a_full_disk_ends_a_run_with_one_error_and_the_run_can_be_resumed(student, tmp_path, monkeypatch, which):
    name, full = FULL[which]
    module, _, function = name.rpartition(".")
    owner = Path if module == "pathlib.Path" else safetensors.torch
    original, calls = getattr(owner, function), []

    def fill(*arguments, **options):
        calls.append(full(*arguments, **options) if len(arguments) > 1 else False)
        if sum(calls) > 1 and calls[-1]:  # the second time: one save exists
            raise (
                OSError(28, "No space left on device")
                if which == "log"
                else SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
            )
        return original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(owner, function, fill)
        with pytest.raises(DiskFullError, match="the disk is full"):
            list(student(save_seconds=0))
    assert not list((tmp_path / "run").glob(".*"))
    rest = list(student(resume=True))
    assert rest
    list(student("straight"))
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "straight")
