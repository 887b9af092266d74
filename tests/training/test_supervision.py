"""The three supervisions together: which terms there are, what they are worth, whom they leave alone."""

import numpy as np
import pytest
import torch

from mmdrfuse import models
from mmdrfuse.losses import content
from mmdrfuse.losses.features import backbone
from mmdrfuse.models.student import Output, Student
from mmdrfuse.training.answers import Answers
from mmdrfuse.training.memory import Memory
from mmdrfuse.training.patches import FLIPS, load
from mmdrfuse.training.supervision import Supervision

CPU = torch.device("cpu")


@pytest.fixture
def school(toy, teacher, tmp_path):
    """Make a supervision over the toy patches, and a batch of them."""

    def make(recipe, flip=(), features=None):
        patches = toy()
        answers = Answers(models.build(teacher), tmp_path / "a.bin", patches.shape, dtype="float32", resume=False)
        memory = Memory(patches.shape, dtype=torch.float32, device=CPU)
        found = features or backbone("none")
        supervision = Supervision(recipe, features=found, memory=memory, answers=answers)
        return supervision, load(patches, np.array([3, 0, 5]), flip=flip, device=CPU)

    return make


def two_maps(image, *, maps=5):
    return [image - 1, 1 - image][:maps]


def test_every_term_that_counts_is_there_with_the_total(school, small):
    recipe = small()
    supervision, batch = school(recipe, features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == recipe.weights.wanted() | {"total"}
    total = sum(getattr(recipe.weights, name) * terms[name] for name in recipe.weights.wanted())
    torch.testing.assert_close(terms["total"], total)


@pytest.mark.parametrize("first_visit", [True, False])
def test_without_features_every_term_comes_from_the_patches_and_perception_is_none(school, small, first_visit):
    supervision, batch = school(small())
    fused = Student()(batch.infrared, batch.visible)
    terms = supervision(batch, fused, first_visit=True)
    terms = terms if first_visit else supervision(batch, fused, first_visit=False)
    assert terms.keys() == supervision.wanted - {"perception"} | {"total"}


def test_without_features_the_content_lives_on_the_patches_device(school, small):
    supervision, batch = school(small())
    elsewhere = batch._replace(infrared=batch.infrared.to("meta"), visible=batch.visible.to("meta"))
    terms = supervision._content(elsewhere, elsewhere.infrared, ())
    assert {term.device.type for term in terms.values()} == {"meta"}


def test_terms_of_weight_zero_are_left_out(school, small, changed):
    supervision, batch = school(changed(small(), distillation=0, structure=0, detail=0), features=two_maps)
    terms = supervision(batch, Student()(batch.infrared, batch.visible), first_visit=True)
    assert terms.keys() == {"intensity", "gradient", "perception", "total"}
    assert not torch.isfinite(supervision.memory.scores).any()


def test_the_content_is_measured_against_the_brighter_source(school, small):
    supervision, batch = school(small())
    brightest = torch.maximum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(brightest, brightest), first_visit=True)
    assert (terms["intensity"], terms["gradient"]) == (0, 0)


def test_perception_takes_the_larger_feature_of_both_sources(school, small):
    supervision, batch = school(small(), features=two_maps)
    fused = torch.minimum(batch.infrared, batch.visible)
    terms = supervision(batch, Output(fused, fused), first_visit=True)
    brightest = torch.maximum(batch.infrared, batch.visible)
    expected = (content.per_sample((brightest - fused).square()) / 2).mean()  # the second map agrees
    torch.testing.assert_close(terms["perception"], expected)


@pytest.mark.parametrize("decision", ["sample", "batch"])
@pytest.mark.parametrize("flip", FLIPS)
def test_a_relapse_is_pulled_back_to_what_was_better(school, small, decision, flip):
    supervision, batch = school(small(refresh=decision), flip)
    good = torch.maximum(batch.infrared, batch.visible)
    bad = (good * 0.3).requires_grad_()
    first = supervision(batch, Output(good, good), first_visit=True)
    again = supervision(batch, Output(bad, bad), first_visit=False)
    assert (first["structure"], first["detail"]) == (0, 0)
    assert again["structure"] > 0
    again["structure"].backward()
    assert (bad.grad * (bad - good) >= 0).all()  # downhill is towards the label, also mirrored


def test_an_improvement_is_remembered_and_costs_nothing(school, small):
    supervision, batch = school(small(), FLIPS[1])
    good = torch.maximum(batch.infrared, batch.visible)
    supervision(batch, Output(good * 0.3, good), first_visit=True)
    terms = supervision(batch, Output(good, good), first_visit=False)
    assert terms["structure"] == 0
    torch.testing.assert_close(supervision.memory.labels(batch.positions)[0].flip(batch.flip), good)


def test_one_step_leaves_teacher_features_and_sources_untouched(school, small, weights_of):
    supervision, batch = school(small(), features=(features := backbone("none")))
    teacher, before = supervision.answers.teacher, weights_of(supervision.answers.teacher)
    student = Student()
    optimiser = torch.optim.Adam(student.parameters())
    supervision(batch, student(batch.infrared, batch.visible), first_visit=True)["total"].backward()
    optimiser.step()
    assert torch.equal(weights_of(teacher), before)
    assert all(parameter.grad is None for module in (teacher, features) for parameter in module.parameters())
    assert not batch.infrared.requires_grad
