"""What is asked of the frozen networks, and what of it is kept."""

from itertools import islice

import numpy as np
import pytest
import torch

from mmdrfuse import models, training
from mmdrfuse.losses.backbones import efficientnet
from mmdrfuse.losses.backbones.vgg19 import VGG19
from mmdrfuse.training.frozen import frozen_answers, of_sources, of_teacher
from mmdrfuse.training.patches import load

CPU = torch.device("cpu")
ANSWERS = 7 * 2 * 16 * 16 * 2
"""Bytes of two maps of the toy's patches, in float16."""


@pytest.fixture
def master(teacher):
    return models.build(teacher).train()


@pytest.fixture
def frozen(master, toy, small, tmp_path):
    """Ask for all that a recipe needs, with two maps of full size for features."""

    def make(recipe=None, features=lambda image, maps=5: (image, 1 - image), teacher=master):
        recipe = recipe or small(features="vgg19")
        shape = toy().shape
        return frozen_answers(recipe, tmp_path, shape, teacher=teacher, features=features, device=CPU, resume=False)

    return make


def files(folder):
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_the_teacher_says_its_picture_and_the_sum_of_its_feature(master, toy):
    batch = load(toy(), np.array([4, 1]), device=CPU)
    picture, feature = of_teacher(master)(batch.infrared, batch.visible)
    with torch.no_grad():
        expected = master(batch.infrared, batch.visible)
    assert torch.equal(picture, expected.fused)
    assert torch.equal(feature, expected.feature.sum(dim=1, keepdim=True))


def test_the_teacher_is_frozen(master):
    pictures = of_teacher(master)(*torch.rand(2, 3, 1, 16, 16, requires_grad=True))
    assert not any(picture.requires_grad for picture in pictures)
    assert not master.training
    assert not any(parameter.requires_grad for parameter in master.parameters())


def test_the_sources_say_the_stronger_of_their_features():
    torch.manual_seed(0)
    features = VGG19()
    infrared, visible = torch.rand(2, 2, 1, 16, 16)
    for ours, a, b in zip(of_sources(features)(infrared, visible), features(infrared), features(visible), strict=True):
        assert torch.equal(ours, torch.maximum(a, b))
        assert not ours.requires_grad


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (0, {}),
        (ANSWERS - 1, {}),
        (ANSWERS, {"teacher-answers.bin": ANSWERS}),
        (2 * ANSWERS - 1, {"teacher-answers.bin": ANSWERS}),
        (2 * ANSWERS, {"teacher-answers.bin": ANSWERS, "source-features.bin": ANSWERS}),
    ],
)
def test_what_fits_is_kept_and_the_teachers_answers_come_first(frozen, small, tmp_path, room, kept):
    found = frozen(small(features="vgg19", cache=room / 1e9))
    assert found.keys() == {"distillation", "perception"}
    assert files(tmp_path) == kept


def test_what_does_not_count_is_not_asked(frozen, small, changed):
    assert frozen(changed(small(features="vgg19"), distillation=0)).keys() == {"perception"}
    assert frozen(changed(small(features="vgg19"), perception=0)).keys() == {"distillation"}
    assert frozen(small("teacher", features="none"), teacher=None) == {}


@pytest.fixture
def run(toy, small, teacher, tmp_path):
    """Train with real features; gives the losses of the steps that were done and the weights."""
    pytest.importorskip(efficientnet.PACKAGE)

    def train(folder, steps=None, *, resume=False, **changes):
        recipe = small(features="efficientnet-lite0", **changes)
        options = {"teacher": teacher, "device": "cpu", "resume": resume, "save_seconds": 0}
        records = training.train(recipe, toy(5, side=32), tmp_path / folder, **options)
        losses = [list(record.losses.values()) for record in islice(records, steps)]
        weights = tmp_path / folder / "student.safetensors"
        return losses, weights.read_bytes() if weights.exists() else None

    return train


def test_keeping_changes_no_loss_beyond_rounding(run):
    asked, kept = run("asked", cache=0)[0], run("kept", answers="float32")[0]
    np.testing.assert_allclose(kept, asked, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_that_keeps_features_resumes_to_the_same_weights(run, tmp_path, steps):
    straight, first = run("straight"), run("stopped", steps)
    assert files(tmp_path / "stopped").keys() >= {"teacher-answers.bin", "source-features.bin"}
    rest = run("stopped", resume=True)
    assert first[0] + rest[0] == straight[0]
    assert rest[1] == straight[1] is not None
