"""Weights and their sum."""

from dataclasses import fields, replace

import pytest
import torch

from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.terms import STUDENT, TEACHER, Weights, total


def test_total_is_the_weighted_sum_and_the_terms_stay():
    weights = Weights(intensity=2, gradient=0.5, perception=0)
    terms = {"intensity": torch.tensor(3.0), "gradient": torch.tensor(4.0)}
    assert total(terms, weights) == {**terms, "total": torch.tensor(8.0)}


@pytest.mark.parametrize(
    ("weights", "published"), [(TEACHER, (2, 0.1, 1, 10, 10, 0, 0)), (STUDENT, (1, 0.1, 2, 10, 10, 5, 0))]
)
def test_the_weights_are_the_papers(weights, published):
    assert tuple(getattr(weights, field.name) for field in fields(weights)) == published


def test_terms_of_weight_zero_are_not_wanted():
    assert TEACHER.wanted() == STUDENT.wanted() - {"distillation"}


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_weights_that_mean_nothing_are_refused(value):
    with pytest.raises(TrainingError, match="none may be negative, and at least one must count"):
        replace(TEACHER, intensity=value, gradient=0, perception=0, structure=0, detail=0)
