"""The outputs of the frozen networks, and which of them are cached."""

from itertools import islice

import numpy as np
import pytest
import torch

from mmdrfuse import models, training
from mmdrfuse.losses.backbones import efficientnet
from mmdrfuse.losses.backbones.vgg19 import VGG19
from mmdrfuse.training.frozen import frozen_outputs, source_features, teacher_outputs
from mmdrfuse.training.patches import load_batch

CPU = torch.device("cpu")
BYTES = 7 * 2 * 16 * 16 * 2
"""Size of two maps of the toy's patches, in float16."""


@pytest.fixture
def network(teacher):
    """A teacher that is not frozen yet."""
    return models.build(teacher).train()


@pytest.fixture
def frozen(network, toy, small, tmp_path):
    """Return a function that makes the caches of a recipe, with two maps of full size for features."""

    def make(recipe=None, features=lambda image, maps=5: (image, 1 - image), teacher=network):
        recipe = recipe or small(features="vgg19")
        shape = toy().shape
        return frozen_outputs(recipe, tmp_path, shape, teacher=teacher, features=features, device=CPU, resume=False)

    return make


def files(folder):
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_the_teachers_outputs_are_its_picture_and_the_sum_of_its_feature(network, toy):
    batch = load_batch(toy(), np.array([4, 1]), device=CPU)
    picture, feature = teacher_outputs(network)(batch.infrared, batch.visible)
    with torch.no_grad():
        expected = network(batch.infrared, batch.visible)
    assert torch.equal(picture, expected.fused)
    assert torch.equal(feature, expected.feature.sum(dim=1, keepdim=True))


def test_the_teacher_is_frozen(network):
    pictures = teacher_outputs(network)(*torch.rand(2, 3, 1, 16, 16, requires_grad=True))
    assert not any(picture.requires_grad for picture in pictures)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_features_of_the_sources_are_the_larger_of_both():
    torch.manual_seed(0)
    features = VGG19()
    infrared, visible = torch.rand(2, 2, 1, 16, 16)
    for ours, a, b in zip(
        source_features(features)(infrared, visible), features(infrared), features(visible), strict=True
    ):
        assert torch.equal(ours, torch.maximum(a, b))
        assert not ours.requires_grad


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (0, {}),
        (BYTES - 1, {}),
        (BYTES, {"teacher-outputs.bin": BYTES}),
        (2 * BYTES - 1, {"teacher-outputs.bin": BYTES}),
        (2 * BYTES, {"teacher-outputs.bin": BYTES, "source-features.bin": BYTES}),
    ],
)
def test_outputs_are_cached_as_far_as_they_fit_the_teachers_first(frozen, small, tmp_path, room, expected):
    caches = frozen(small(features="vgg19", cache=room / 1e9))
    assert caches.keys() == {"distillation", "perception"}
    assert files(tmp_path) == expected


def test_terms_without_weight_have_no_cache(frozen, small, changed):
    assert frozen(changed(small(features="vgg19"), distillation=0)).keys() == {"perception"}
    assert frozen(changed(small(features="vgg19"), perception=0)).keys() == {"distillation"}
    assert frozen(small("teacher", features="none"), teacher=None) == {}


@pytest.fixture
def run(toy, small, teacher, tmp_path):
    """Return a function that trains with real features and returns the losses and the weights."""
    pytest.importorskip(efficientnet.PACKAGE)

    def train(folder, steps=None, *, resume=False, **changes):
        recipe = small(features="efficientnet-lite0", **changes)
        options = {"teacher": teacher, "device": "cpu", "resume": resume, "save_seconds": 0}
        records = training.train(recipe, toy(5, side=32), tmp_path / folder, **options)
        losses = [list(record.losses.values()) for record in islice(records, steps)]
        weights = tmp_path / folder / "student.safetensors"
        return losses, weights.read_bytes() if weights.exists() else None

    return train


def test_the_cache_changes_no_loss_beyond_rounding(run):
    computed = run("computed", cache=0)[0]
    cached = run("cached", cache_dtype="float32")[0]
    np.testing.assert_allclose(cached, computed, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_with_cached_features_resumes_to_the_same_weights(run, tmp_path, steps):
    straight = run("straight")
    first = run("stopped", steps)
    assert files(tmp_path / "stopped").keys() >= {"teacher-outputs.bin", "source-features.bin"}
    rest = run("stopped", resume=True)
    assert first[0] + rest[0] == straight[0]
    assert rest[1] == straight[1] is not None
