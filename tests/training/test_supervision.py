"""The three supervisions together: their terms, the values of these, and untouched frozen networks."""

import numpy as np
import pytest
import torch

from mmdrfuse import models
from mmdrfuse.losses import content
from mmdrfuse.losses.backbones import backbone
from mmdrfuse.losses.backbones.vgg19 import VGG19
from mmdrfuse.models.student import Output, Student
from mmdrfuse.training.frozen import frozen_outputs
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.patches import load_batch
from mmdrfuse.training.supervision import Supervision

CPU = torch.device("cpu")


@pytest.fixture
def supervised(toy, teacher, tmp_path):
    """Return a function that makes a supervision over the toy patches, and a batch of them."""

    def make(recipe, features=None, network=None):
        patches = toy()
        memory = RefreshMemory(patches.shape, dtype=torch.float32, device=CPU, folder=tmp_path)
        options = {"teacher": network or models.build(teacher), "features": features or backbone(recipe.features)}
        frozen = frozen_outputs(recipe, tmp_path, patches.shape, **options, device=CPU, resume=False)
        supervision = Supervision(recipe, features=options["features"], memory=memory, frozen=frozen)
        return supervision, load_batch(patches, np.array([3, 0, 5]), device=CPU)

    return make


def two_maps(image, *, maps=5):
    return [image - 1, 1 - image][:maps]


def test_every_active_term_is_returned_with_the_total(supervised, small):
    recipe = small(features="vgg19")
    supervision, batch = supervised(recipe, features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == recipe.weights.active() | {"total"}
    total = sum(getattr(recipe.weights, name) * terms[name] for name in recipe.weights.active())
    torch.testing.assert_close(terms["total"], total)


@pytest.mark.parametrize("first_visit", [True, False])
def test_without_features_every_term_comes_from_the_patches_and_perception_is_none(supervised, small, first_visit):
    supervision, batch = supervised(small())
    fused = Student()(batch.infrared, batch.visible)
    terms = supervision(batch, fused, first_visit=True)
    terms = terms if first_visit else supervision(batch, fused, first_visit=False)
    assert terms.keys() == supervision.active - {"perception"} | {"total"}


def test_without_features_the_content_lives_on_the_patches_device(supervised, small):
    supervision, batch = supervised(small())
    elsewhere = batch._replace(infrared=batch.infrared.to("meta"), visible=batch.visible.to("meta"))
    terms = supervision._content(elsewhere, elsewhere.infrared)
    assert {term.device.type for term in terms.values()} == {"meta"}


def test_terms_of_weight_zero_are_left_out(supervised, small, changed):
    recipe = changed(small(features="vgg19"), distillation=0, structure=0, detail=0)
    supervision, batch = supervised(recipe, features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == {"intensity", "gradient", "perception", "total"}
    assert not torch.isfinite(supervision.memory.scores).any()


def test_the_content_is_measured_against_the_brighter_source(supervised, small):
    supervision, batch = supervised(small())
    brightest = torch.maximum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(brightest, brightest), first_visit=True)
    assert (terms["intensity"], terms["gradient"]) == (0, 0)


def test_perception_takes_the_larger_feature_of_both_sources(supervised, small):
    supervision, batch = supervised(small(features="vgg19"), features=two_maps)
    fused = torch.minimum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(fused, fused), first_visit=True)
    brightest = torch.maximum(batch.infrared, batch.visible)
    expected = (content.per_sample((brightest - fused).square()) / 2).mean()  # the second map agrees
    torch.testing.assert_close(terms["perception"], expected)


@pytest.mark.parametrize("decision", ["sample", "batch"])
def test_a_worse_output_is_pulled_towards_its_label(supervised, small, decision):
    supervision, batch = supervised(small(refresh=decision))
    good = torch.maximum(batch.infrared, batch.visible)
    bad = (good * 0.3).requires_grad_()
    first = supervision(batch, Output(good, good), first_visit=True)
    again = supervision(batch, Output(bad, bad), first_visit=False)
    assert (first["structure"], first["detail"]) == (0, 0)
    assert again["structure"] > 0
    again["structure"].backward()
    assert (bad.grad * (bad - good) >= 0).all()  # downhill is towards the label


def test_a_better_output_is_stored_and_has_no_loss(supervised, small):
    supervision, batch = supervised(small())
    good = torch.maximum(batch.infrared, batch.visible)
    supervision(batch, Output(good * 0.3, good), first_visit=True)
    terms = supervision(batch, Output(good, good), first_visit=False)
    assert terms["structure"] == 0
    torch.testing.assert_close(supervision.memory.labels(batch.positions)[0], good)


def test_two_steps_leave_teacher_features_and_sources_untouched(supervised, small, weights_of, teacher):
    frozen = network, features = models.build(teacher), VGG19()
    features.eval().requires_grad_(False)
    before = [weights_of(module) for module in frozen]
    supervision, batch = supervised(small(features="vgg19"), features=features, network=network)
    student = Student()
    optimiser = torch.optim.Adam(student.parameters(), lr=0.1)
    for first_visit in (True, False):
        supervision(batch, student(batch.infrared, batch.visible), first_visit=first_visit)["total"].backward()
        optimiser.step()
    assert all(torch.equal(weights_of(module), old) for module, old in zip(frozen, before, strict=True))
    assert not any(module.training for module in frozen)
    assert not any(p.requires_grad or p.grad is not None for module in frozen for p in module.parameters())
    assert not batch.infrared.requires_grad


class Counted:
    """Return two maps, and store the number of requested maps of each call."""

    def __init__(self):
        self.requested = []

    def __call__(self, image, *, maps=5):
        self.requested.append(maps)
        return two_maps(image, maps=maps)


@pytest.mark.parametrize(
    ("weightless", "first", "later"),
    [
        ((), [5, 5, 5], [5, 5, 3]),  # fused and both sources; then fused and both labels: the sources are cached
        (("perception",), [5], [5, 5, 3]),
        (("structure",), [5, 5, 5], [5, 3]),
        (("perception", "structure"), [3], [3, 3]),
        (("structure", "detail"), [5, 5, 5], [5]),
        (("perception", "structure", "detail"), [], []),
    ],
)
def test_features_are_computed_only_for_active_terms(supervised, small, changed, weightless, first, later):
    recipe, features = changed(small(features="vgg19"), **dict.fromkeys(weightless, 0)), Counted()
    supervision, batch = supervised(recipe, features=features)
    for first_visit, expected in ((True, first), (False, later)):
        features.requested.clear()
        terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=first_visit)
        assert features.requested == expected
        assert terms.keys() == recipe.weights.active() | {"total"}
