"""The three supervisions together: which terms there are, what they are worth, whom they leave alone."""

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
def school(toy, teacher, tmp_path):
    """Make a supervision over the toy patches, and a batch of them."""

    def make(recipe, features=None, mentor=None):
        patches = toy()
        memory = RefreshMemory(patches.shape, dtype=torch.float32, device=CPU, folder=tmp_path)
        options = {"teacher": mentor or models.build(teacher), "features": features or backbone(recipe.features)}
        frozen = frozen_outputs(recipe, tmp_path, patches.shape, **options, device=CPU, resume=False)
        supervision = Supervision(recipe, features=options["features"], memory=memory, frozen=frozen)
        return supervision, load_batch(patches, np.array([3, 0, 5]), device=CPU)

    return make


def two_maps(image, *, maps=5):
    return [image - 1, 1 - image][:maps]


def test_every_term_that_counts_is_there_with_the_total(school, small):
    recipe = small(features="vgg19")
    supervision, batch = school(recipe, features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == recipe.weights.active() | {"total"}
    total = sum(getattr(recipe.weights, name) * terms[name] for name in recipe.weights.active())
    torch.testing.assert_close(terms["total"], total)


@pytest.mark.parametrize("first_visit", [True, False])
def test_without_features_every_term_comes_from_the_patches_and_perception_is_none(school, small, first_visit):
    supervision, batch = school(small())
    fused = Student()(batch.infrared, batch.visible)
    terms = supervision(batch, fused, first_visit=True)
    terms = terms if first_visit else supervision(batch, fused, first_visit=False)
    assert terms.keys() == supervision.active - {"perception"} | {"total"}


def test_without_features_the_content_lives_on_the_patches_device(school, small):
    supervision, batch = school(small())
    elsewhere = batch._replace(infrared=batch.infrared.to("meta"), visible=batch.visible.to("meta"))
    terms = supervision._content(elsewhere, elsewhere.infrared)
    assert {term.device.type for term in terms.values()} == {"meta"}


def test_terms_of_weight_zero_are_left_out(school, small, changed):
    recipe = changed(small(features="vgg19"), distillation=0, structure=0, detail=0)
    supervision, batch = school(recipe, features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == {"intensity", "gradient", "perception", "total"}
    assert not torch.isfinite(supervision.memory.scores).any()


def test_the_content_is_measured_against_the_brighter_source(school, small):
    supervision, batch = school(small())
    brightest = torch.maximum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(brightest, brightest), first_visit=True)
    assert (terms["intensity"], terms["gradient"]) == (0, 0)


def test_perception_takes_the_larger_feature_of_both_sources(school, small):
    supervision, batch = school(small(features="vgg19"), features=two_maps)
    fused = torch.minimum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(fused, fused), first_visit=True)
    brightest = torch.maximum(batch.infrared, batch.visible)
    expected = (content.per_sample((brightest - fused).square()) / 2).mean()  # the second map agrees
    torch.testing.assert_close(terms["perception"], expected)


@pytest.mark.parametrize("decision", ["sample", "batch"])
def test_a_relapse_is_pulled_back_to_what_was_better(school, small, decision):
    supervision, batch = school(small(refresh=decision))
    good = torch.maximum(batch.infrared, batch.visible)
    bad = (good * 0.3).requires_grad_()
    first = supervision(batch, Output(good, good), first_visit=True)
    again = supervision(batch, Output(bad, bad), first_visit=False)
    assert (first["structure"], first["detail"]) == (0, 0)
    assert again["structure"] > 0
    again["structure"].backward()
    assert (bad.grad * (bad - good) >= 0).all()  # downhill is towards the label


def test_an_improvement_is_remembered_and_costs_nothing(school, small):
    supervision, batch = school(small())
    good = torch.maximum(batch.infrared, batch.visible)
    supervision(batch, Output(good * 0.3, good), first_visit=True)
    terms = supervision(batch, Output(good, good), first_visit=False)
    assert terms["structure"] == 0
    torch.testing.assert_close(supervision.memory.labels(batch.positions)[0], good)


def test_two_steps_leave_teacher_features_and_sources_untouched(school, small, weights_of, teacher):
    frozen = mentor, features = models.build(teacher), VGG19()
    features.eval().requires_grad_(False)
    before = [weights_of(module) for module in frozen]
    supervision, batch = school(small(features="vgg19"), features=features, mentor=mentor)
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
    """Give two maps, and remember how many were asked for of which image."""

    def __init__(self):
        self.asked = []

    def __call__(self, image, *, maps=5):
        self.asked.append(maps)
        return two_maps(image, maps=maps)


@pytest.mark.parametrize(
    ("weightless", "first", "later"),
    [
        ((), [5, 5, 5], [5, 5, 3]),  # fused and both sources; then fused and both labels: the sources are kept
        (("perception",), [5], [5, 5, 3]),
        (("structure",), [5, 5, 5], [5, 3]),
        (("perception", "structure"), [3], [3, 3]),
        (("structure", "detail"), [5, 5, 5], [5]),
        (("perception", "structure", "detail"), [], []),
    ],
)
def test_features_are_computed_only_where_they_count(school, small, changed, weightless, first, later):
    recipe, features = changed(small(features="vgg19"), **dict.fromkeys(weightless, 0)), Counted()
    supervision, batch = school(recipe, features=features)
    for first_visit, expected in ((True, first), (False, later)):
        features.asked.clear()
        terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=first_visit)
        assert features.asked == expected
        assert terms.keys() == recipe.weights.active() | {"total"}
