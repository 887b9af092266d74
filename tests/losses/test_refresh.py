"""Refresh: which outputs replace the stored ones, the gaps of the others, and the losses against the labels."""

import pytest
import torch

from mmdrfuse.losses import content, refresh

QUALITY = torch.tensor([[0.9, 0.5], [-0.2, -0.1]])
BEST = torch.tensor([[0.8, 0.7], [-0.1, -0.3]])


def test_each_sample_is_compared_by_its_own_scores():
    better, gaps = refresh.compare_with_best(QUALITY, BEST, decision="sample")
    assert better.tolist() == [[True, False], [False, True]]
    torch.testing.assert_close(gaps, torch.tensor([[0, 0.2], [0.1, 0]]))


def test_a_batch_is_compared_by_its_means():
    better, gaps = refresh.compare_with_best(QUALITY, BEST, decision="batch")
    assert better.tolist() == [[False, False], [True, True]]  # 0.70 against 0.75, -0.15 against -0.20
    torch.testing.assert_close(gaps, torch.tensor([[0.05, 0.05], [0, 0]]))


@pytest.mark.parametrize("decision", ["sample", "batch"])
def test_a_first_visit_is_stored_without_a_gap(decision):
    better, gaps = refresh.compare_with_best(QUALITY, torch.full((2, 2), -torch.inf), decision=decision)
    assert better.all()
    assert not gaps.any()


def test_equal_scores_replace_nothing_and_have_no_gap():
    better, gaps = refresh.compare_with_best(QUALITY, QUALITY, decision="sample")
    assert not better.any()
    assert not gaps.any()


def maps_of(image):
    """Five maps, each the image times its number."""
    return [image * number for number in range(1, 6)]


def test_structure_is_values_and_the_two_deep_maps(images):
    fused, label = images(0), images(1)
    square = (fused - label).square().mean(dim=(1, 2, 3))
    expected = square * (16 + 25) / 2 + content.intensity(fused, label)
    torch.testing.assert_close(refresh.structure(fused, label, maps_of(fused), maps_of(label)), expected)


def test_detail_is_gradients_and_the_three_shallow_maps(images):
    fused, label = images(0), images(1)
    square = (fused - label).square().mean(dim=(1, 2, 3))
    expected = square * (1 + 4 + 9) / 3 + content.gradient(fused, label)
    torch.testing.assert_close(refresh.detail(fused, label, maps_of(fused), maps_of(label)[:3]), expected)


@pytest.mark.parametrize("loss", [refresh.structure, refresh.detail])
def test_gradients_are_those_of_the_equation(images, loss):
    fused, label = images(0, side=4).requires_grad_(), images(1, side=4)
    assert torch.autograd.gradcheck(lambda x: loss(x, label, maps_of(x), maps_of(label)), fused)


@pytest.mark.parametrize("loss", [refresh.structure, refresh.detail])
def test_without_features_the_label_still_has_a_loss(images, loss):
    assert (loss(images(0), images(1), (), ()) > 0).all()
    assert not loss(images(0), images(0), (), ()).any()
