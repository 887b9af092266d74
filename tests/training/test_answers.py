"""The teacher's answers: asked for once, frozen, mirrored with the patch."""

import numpy as np
import pytest
import torch

from mmdrfuse import models
from mmdrfuse.errors import OutputError, TrainingError
from mmdrfuse.training.answers import Answers
from mmdrfuse.training.patches import FLIPS, load

INDICES = np.array([4, 1])


@pytest.fixture
def master(teacher):
    return models.build(teacher).train()


def made(master, toy, path, *, dtype="float32", resume=False):
    return Answers(master, path, toy().shape, dtype=dtype, resume=resume)


def batch(toy, flip=()):
    return load(toy(), INDICES, flip=flip, device=torch.device("cpu"))


def test_the_first_answer_is_the_teachers(master, toy, tmp_path):
    answers = made(master, toy, tmp_path / "a.bin")
    picture, feature = answers(batch(toy), first_visit=True)
    with torch.no_grad():
        expected = master(batch(toy).infrared, batch(toy).visible)
    assert torch.equal(picture, expected.fused)
    assert torch.equal(feature, expected.feature.sum(dim=1, keepdim=True))


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0.0), ("float16", 1e-3)])
def test_later_answers_come_from_the_file_in_any_mirroring(master, toy, tmp_path, dtype, error):
    answers = made(master, toy, tmp_path / "a.bin", dtype=dtype)
    first = answers(batch(toy), first_visit=True)
    answers.teacher = None
    for flip in FLIPS:
        again = answers(batch(toy, flip), first_visit=False)
        for a, b in zip(again, first, strict=True):
            assert (a.flip(flip) - b).abs().max() <= error * b.abs().max()


def test_a_resumed_run_finds_the_answers(master, toy, tmp_path):
    first = made(master, toy, tmp_path / "a.bin")(batch(toy), first_visit=True)
    again = made(master, toy, tmp_path / "a.bin", resume=True)(batch(toy), first_visit=False)
    assert all(torch.equal(a, b) for a, b in zip(again, first, strict=True))


def test_the_teacher_is_frozen(master, toy, tmp_path):
    answers = made(master, toy, tmp_path / "a.bin")
    picture, _ = answers(batch(toy), first_visit=True)
    assert not picture.requires_grad
    assert not master.training
    assert not any(parameter.requires_grad for parameter in master.parameters())


def test_answers_that_are_gone_are_missed(master, toy, tmp_path):
    with pytest.raises(TrainingError, match=r"a\.bin: the teacher's answers are gone; begin anew with --overwrite"):
        made(master, toy, tmp_path / "a.bin", resume=True)


def test_no_room_is_said_before_the_run(master, toy, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmdrfuse.training.answers.os.posix_fallocate", full, raising=False)
    with pytest.raises(OutputError, match=r"no room for 0\.0 GB of the teacher's answers \(No space left on device\)"):
        made(master, toy, tmp_path / "a.bin")
