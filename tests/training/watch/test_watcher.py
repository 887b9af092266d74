"""Watched runs: scores in the log, weights of the best epoch, early stopping, pictures, and unchanged training."""

import inspect
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from mmdrfuse import images, models, training
from mmdrfuse.datasets import find_pairs
from mmdrfuse.errors import InputError, TrainingError
from mmdrfuse.training import EarlyStopping, Validation, Watch, run
from mmdrfuse.training.run import State
from mmdrfuse.training.watch import plots
from mmdrfuse.training.watch.validation import Scores
from mmdrfuse.training.watch.watcher import Watcher


class Killed(BaseException):
    """End a run as a signal would: no code handles it."""


@pytest.fixture
def validation(scenes):
    return Validation.of({"scenes": find_pairs(scenes)[1].pairs[:2]}, metrics=["SD", "MSE"])


@pytest.fixture
def watched(toy, small, teacher, tmp_path):
    """Return a function that starts a watched run of a student and returns its records."""

    def start(watch, folder="run", *, recipe=None, **options):
        options = {"teacher": teacher, "device": "cpu", **options}
        return training.train(recipe or small(epochs=5), toy(), tmp_path / folder, watch=watch, **options)

    return start


@pytest.fixture
def scripted(monkeypatch, validation):
    """Return a function that fixes the scores of the epochs and returns a watch that stops on them."""

    def script(scores, patience, metric="SD"):
        remaining = iter(scores)
        monkeypatch.setattr(Validation, "scores", lambda self, engine: Scores({metric: next(remaining)}, {}))
        return Watch(validation, EarlyStopping(metric, patience))

    return script


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(path):
    return models.read(path).arrays


def test_the_last_record_of_an_epoch_has_the_scores_of_its_weights_and_so_has_the_log(watched, validation, tmp_path):
    from mmdrfuse import engine

    for record in watched(Watch(validation)):
        if (record.step + 1) % 3:
            assert record.validation is None
        elif record.epoch < 4:
            scored = record.validation
    last = validation.scores(engine.make(models.read(tmp_path / "run" / "student.safetensors")))
    assert record.validation == last != scored
    logged = [line for line in lines(tmp_path / "run") if "validation" in line]
    assert [line["step"] for line in logged] == [2, 5, 8, 11, 14]
    assert Scores(**logged[-1]["validation"]) == last
    card = models.read(tmp_path / "run" / "student.safetensors").card["validation"]
    assert card["scores"]["overall"] == last.overall
    assert (card["epoch"], card["protocol"], card["sets"]["scenes"]["pairs"]) == (5, "standard", 2)


@pytest.mark.slow
def test_watching_changes_no_weight(watched, validation, tmp_path):
    list(watched(Watch(), "alone"))
    list(watched(Watch(validation, preview_every=1), "watched"))
    one, other = (weights(tmp_path / folder / "student.safetensors") for folder in ("alone", "watched"))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_teacher_is_watched_too(toy, small, validation, tmp_path):
    watch = Watch(validation, preview_every=0)
    records = list(training.train(small("teacher", epochs=1), toy(), tmp_path, device="cpu", watch=watch))
    assert records[-1].validation.overall["SD"] > 0
    assert (tmp_path / "preview.png").is_file()


@pytest.mark.parametrize(("metric", "scores"), [("SD", [1, 3, 2, 2, 1]), ("MSE", [5, 3, 4, 4, 4])])
def test_the_weights_at_the_end_are_those_of_the_best_epoch(watched, scripted, tmp_path, metric, scores):
    after = []
    for record in watched(scripted(scores, patience=9, metric=metric)):
        if record.validation:
            with safe_open(tmp_path / "run" / "state.safetensors", framework="numpy") as state:
                after.append({name: state.get_tensor(f"network.{name}") for name in ("conv1.weight", "conv2.weight")})
    final = models.read(tmp_path / "run" / "student.safetensors")
    assert [all(np.array_equal(final.arrays[name], epoch[name]) for name in epoch) for epoch in after] == [
        False, True, False, False, False,
    ]  # fmt: skip
    assert final.card["stop"] == {"metric": metric, "patience": 9, "best": 2, "epochs": 5}
    assert final.card["validation"]["epoch"] == 2
    assert final.card["validation"]["scores"]["overall"][metric] == 3
    assert [path.name for path in (tmp_path / "run").glob("best-*")] == ["best-0002.safetensors"]


def test_a_run_stops_early_and_a_resumed_one_has_no_steps_left(watched, scripted, tmp_path):
    watch = scripted([1, 3, 2, 2, 9], patience=2)
    assert [record.epoch for record in watched(watch)][-1] == 3
    final = tmp_path / "run" / "student.safetensors"
    card, before = models.read(final).card, final.read_bytes()
    assert card["stop"] == {"metric": "SD", "patience": 2, "best": 2, "epochs": 4}
    assert list(watched(watch, resume=True)) == []
    assert final.read_bytes() == before


def test_a_resumed_run_knows_the_best_score_and_its_epoch(watched, scripted, tmp_path):
    for _ in zip(range(9), watched(scripted([1, 3, 2], patience=2)), strict=False):
        pass  # three epochs, the best of them the second
    rest = list(watched(scripted([2.5, 9], patience=2), resume=True))
    assert [record.epoch for record in rest] == [3, 3, 3]
    assert rest[-1].validation.best == 2


def test_the_distributed_network_is_freed_before_the_process_group(watched, scripted, monkeypatch):
    """Otherwise freeing it waits for a thread of the group, which waits for Python: early stopping hung."""
    train_steps, made, states = run.train_steps, [], []

    def walked(*arguments, **options):
        made.append(train_steps(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(run, "train_steps", walked)
    monkeypatch.setattr(run.World, "leave", lambda self: states.append(inspect.getgeneratorstate(made[-1])))
    watch = scripted([2, 1], patience=1)
    list(watched(watch))
    list(watched(watch, resume=True))
    assert states == [inspect.GEN_CLOSED] * 2


def killer(monkeypatch, owner, name, *, at, before):
    """Kill the run before or after the Nth call of a method."""
    calls, work = [], getattr(owner, name)

    def deadly(*arguments, **options):
        calls.append(name)
        if len(calls) == at and before:
            raise Killed
        result = work(*arguments, **options)
        if len(calls) == at:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, deadly)


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("owner", "name"), [(Validation, "scores"), (Watcher, "score"), (State, "save"), (Watcher, "after_save")]
)
def test_a_run_killed_near_a_validation_resumes_to_the_same_bytes(
    watched, validation, tmp_path, monkeypatch, owner, name, before, at
):
    watch = Watch(validation, EarlyStopping("MSE", 2))
    list(watched(watch, "straight"))
    with monkeypatch.context() as patch:
        killer(patch, owner, name, at=at, before=before)
        with pytest.raises(Killed):
            list(watched(watch, "killed"))
    resume = (tmp_path / "killed" / "state.safetensors").exists()
    list(watched(watch, "killed", resume=resume))
    straight, killed = (tmp_path / folder for folder in ("straight", "killed"))
    assert (straight / "student.safetensors").read_bytes() == (killed / "student.safetensors").read_bytes()
    logs = [[{**line, "seconds": 0} for line in lines(folder)] for folder in (straight, killed)]
    assert logs[0] == logs[1]
    assert {path.name for path in straight.glob("best*")} == {path.name for path in killed.glob("best*")}


def test_a_run_is_not_resumed_with_other_early_stopping_or_pictures(watched, validation, tmp_path):
    list(watched(Watch(validation, EarlyStopping("SD", 9))))
    with pytest.raises(TrainingError, match=r"stop\.patience: was 9, now 1"):
        watched(Watch(validation, EarlyStopping("SD", 1)), resume=True)
    fewer = replace(validation, sets={"scenes": validation.pairs()[:1]})
    with pytest.raises(TrainingError, match=r"stop\.sets\.scenes\.pairs: was 2, now 1"):
        watched(Watch(fewer, EarlyStopping("SD", 9)), resume=True)


def test_a_run_without_early_stopping_can_change_its_watch_on_resume(watched, validation):
    for _ in zip(range(3), watched(Watch()), strict=False):
        pass
    assert list(watched(Watch(validation), resume=True))[-1].validation


def test_missing_best_weights_are_an_error_before_the_training(watched, validation, tmp_path):
    list(watched(Watch(validation, EarlyStopping("SD", 9))))
    for path in (tmp_path / "run").glob("best-*"):
        path.unlink()
    with pytest.raises(
        TrainingError, match=r"best-000\d\.safetensors: the weights of the best epoch are missing; begin"
    ):
        watched(Watch(validation, EarlyStopping("SD", 9)), resume=True)


def test_early_stopping_needs_a_metric_of_the_validation(validation):
    with pytest.raises(TrainingError, match="cannot stop on VIF: validation scores SD, MSE; add it there"):
        Watch(validation, EarlyStopping("VIF"))
    with pytest.raises(TrainingError, match="cannot stop on VIF: validation scores nothing"):
        Watch(stop=EarlyStopping("VIF"))


def test_an_unreadable_picture_is_found_before_anything_is_made(watched, validation, tmp_path):
    pair = replace(validation.pairs()[0], infrared=tmp_path / "gone.png")
    with pytest.raises(InputError, match=r"gone\.png: no such file"):
        watched(Watch(Validation.of({"x": [pair]})))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("error", [InputError("x.png: damaged"), MemoryError("no room")])
def test_an_error_in_a_validation_only_loses_the_scores_of_the_epoch(watched, validation, tmp_path, monkeypatch, error):
    warnings, score, calls = [], Validation.scores, []

    def flaky(self, engine):
        calls.append(1)
        if len(calls) in (2, 5):
            raise error
        return score(self, engine)

    monkeypatch.setattr(Validation, "scores", flaky)
    records = list(watched(Watch(validation, warn=warnings.append)))
    assert [record.epoch for record in records if record.validation] == [0, 2, 3]
    assert warnings == [f"no scores after epoch {epoch}: {error}" for epoch in (2, 5)]
    assert models.read(tmp_path / "run" / "student.safetensors").card["validation"]["scores"] is None


@pytest.mark.slow
def test_previews_and_the_plot_are_drawn_on_the_way_and_at_the_end(watched, validation, tmp_path):
    list(watched(Watch(validation, preview_every=2)))
    run = tmp_path / "run"
    names = {path.name for path in run.glob("*.png")}
    assert names == {"preview-0002.png", "preview-0004.png", "preview.png", "losses.png"}
    assert images.read(run / "preview.png").shape == (22 + 2 * 246, 4 * 320 + 5 * 6, 3)  # 96×128 at 240 rows
    assert not np.array_equal(images.read(run / "preview-0002.png"), images.read(run / "preview.png"))


def test_without_pairs_the_preview_shows_patches(watched, tmp_path):
    list(watched(Watch(preview_every=0)))
    assert images.read(tmp_path / "run" / "preview.png").shape == (22 + 4 * 246, 4 * 240 + 5 * 6, 3)


def test_no_picture_is_drawn_by_default(watched, tmp_path):
    list(watched(Watch()))
    assert not list((tmp_path / "run").glob("*.png"))


@pytest.mark.slow
def test_a_new_run_deletes_the_pictures_and_best_weights_of_the_old_one(watched, scripted, tmp_path):
    list(watched(replace(scripted([1, 2, 3, 4, 5], patience=3), preview_every=2)))
    next(watched(Watch(), overwrite=True))
    assert not list((tmp_path / "run").glob("best-*"))
    assert not list((tmp_path / "run").glob("*.png"))


def test_without_matplotlib_there_is_a_note_and_no_plot(watched, tmp_path, monkeypatch):
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    warnings = []
    list(watched(Watch(preview_every=1, warn=warnings.append)))
    assert len(warnings) == 1
    assert "needs matplotlib" in warnings[0]
    assert (tmp_path / "run" / "preview.png").is_file()
    assert not (tmp_path / "run" / "losses.png").exists()


def test_an_error_in_a_plot_is_a_warning_and_the_weights_are_written(watched, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(plots, "plot", lambda *_, **__: (_ for _ in ()).throw(MemoryError("no room")))
    list(watched(Watch(preview_every=0, warn=warnings.append)))
    assert warnings == ["no pictures after epoch 5: no room"]
    assert (tmp_path / "run" / "student.safetensors").is_file()


SEVERAL = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from conftest import Toy
from mmdrfuse import training
from mmdrfuse.datasets import find_pairs
from mmdrfuse.training import EarlyStopping, Validation, Watch
from mmdrfuse.training.watch.validation import Scores
falling = iter([3.0, 2.0])
Validation.scores = lambda self, engine: Scores({"SD": next(falling)}, {})
watch = Watch(Validation.of({"x": find_pairs(Path(sys.argv[3]))[1].pairs}, metrics=["SD"]), EarlyStopping("SD", 1), 0)
recipe = training.recipe("default", "teacher", epochs=5, batch=2, features="none")
torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()  # loads the parts of torch that load late
for resume, port in zip((False, True), sys.argv[4:]):
    os.environ["MASTER_PORT"] = port
    for rank in "01":
        os.environ["RANK"] = rank
        if not os.fork():
            done = list(training.train(recipe, Toy(8), Path(sys.argv[2]), device="cpu", watch=watch, resume=resume))
            print(rank, resume, len(done), flush=True)
            os._exit(0)
    os.wait(), os.wait()
"""


@pytest.mark.slow
def test_several_processes_stop_together_and_stay_stopped(scenes, tmp_path):
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        ports = [str(free.getsockname()[1]) for free in (one, two)]
    command = [sys.executable, "-c", SEVERAL, Path(__file__).parents[1], tmp_path / "run", scenes, *ports]
    meeting = {**os.environ, "MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2"}
    done = subprocess.run(command, env=meeting, check=True, timeout=120, capture_output=True, text=True)
    assert sorted(done.stdout.split("\n")) == ["", "0 False 4", "0 True 0", "1 False 4", "1 True 0"]  # two epochs
    assert models.read(tmp_path / "run" / "teacher.safetensors").card["stop"]["best"] == 1
