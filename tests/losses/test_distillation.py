"""Distillation by hand, and its invariances; `test_oracle.py` has the authors' values."""

import numpy as np
import pytest
import torch

from mmdrfuse.losses.distillation import distillation

NORMS = ["batch", "sample"]


def test_sample_norm_by_hand():
    student = torch.tensor([[[[3.0, 4.0]]], [[[1.0, 0.0]]]])
    teacher = torch.tensor([[[[6.0, 8.0]]], [[[0.0, 1.0]]]])
    zero = torch.zeros_like(student)
    assert distillation((student, zero), (teacher, zero), norm="sample").item() == pytest.approx(0.5 * (0 + 2) / 2)


def test_batch_norm_follows_the_equation_written_out(images):
    student, teacher = images(0, count=3).repeat(1, 4, 1, 1) ** 2, images(1, count=3).repeat(1, 4, 1, 1)
    s, t = (np.asarray(maps).sum(axis=1) for maps in (student, teacher))
    expected = ((s / np.linalg.norm(s) - t / np.linalg.norm(t)) ** 2).sum()
    assert distillation((student, student), (teacher, teacher), norm="batch").item() == pytest.approx(expected)


def test_sample_norm_is_the_mean_of_the_samples_and_batch_norm_is_not(images):
    one, two = images(0, count=2), images(1, count=2)
    alone = [distillation((s, s), (t, t), norm="sample") for s, t in zip(one.split(1), two.split(1), strict=True)]
    both = distillation((one, one), (two, two), norm="sample")
    assert both == pytest.approx(sum(alone) / 2)
    assert distillation((one * torch.tensor([1, 9]).view(2, 1, 1, 1),) * 2, (two, two), norm="batch") > both


@pytest.mark.parametrize("norm", NORMS)
def test_maps_that_differ_in_scale_alone_have_no_loss(images, norm):
    maps = images(0)
    assert distillation((maps, maps), (maps * 7, maps * 0.1), norm=norm).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_are_those_of_the_equation(images, norm):
    fused, target = images(0, side=4).requires_grad_(), images(1, side=4)
    assert torch.autograd.gradcheck(lambda x: distillation((x, x * x), (target, target), norm=norm), fused)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradients_are_finite_on_constant_images(norm, value):
    fused = torch.full((2, 1, 8, 8), value, requires_grad=True)
    black = torch.zeros(2, 1, 8, 8)
    distillation((fused, fused), (black, black), norm=norm).backward()
    assert torch.isfinite(fused.grad).all()
