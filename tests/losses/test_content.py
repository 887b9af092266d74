"""Content losses by hand, against SciPy, and where they vanish; `test_oracle.py` has the authors' values."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from mmdrfuse.losses import content

PAIRS = {"intensity": content.intensity, "gradient": content.gradient}


def test_intensity_of_a_picture_by_hand():
    fused = torch.tensor([[[[0.5, 0.25], [1.0, 0.0]]]])
    assert content.intensity(fused, torch.zeros(1, 1, 2, 2)).tolist() == [0.4375]


def test_gradient_of_a_lone_pixel_by_hand():
    fused = torch.zeros(1, 1, 3, 3)
    fused[..., 1, 1] = 1  # ∇ is -1 there and 1/8 at eight neighbours
    assert content.gradient(fused, torch.zeros(1, 1, 3, 3)).item() == pytest.approx((1 + 8 / 64) / 9)


def test_the_laplacian_is_the_filter_of_the_paper(rng):
    kernel = np.full((3, 3), 1 / 8)
    kernel[1, 1] = -1
    image = rng.random((9, 14))
    ours = content.laplacian(torch.from_numpy(image)[None, None])[0, 0]
    np.testing.assert_allclose(ours, convolve(image, kernel, mode="constant"), atol=1e-14)


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_loss_vanishes_at_its_target_and_has_a_value_a_sample(images, loss):
    assert loss(images(), images()).tolist() == [0, 0]
    both = loss(images(0), images(1))
    torch.testing.assert_close(both[:1], loss(images(0)[:1], images(1)[:1]))


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_gradients_are_those_of_the_equation(images, loss):
    fused = images(0, side=5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, images(1, side=5)), fused)


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_gradients_are_finite_on_constant_images(loss):
    fused = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    loss(fused, torch.full((1, 1, 8, 8), 0.5)).sum().backward()
    assert torch.isfinite(fused.grad).all()


def test_perception_averages_the_maps_distances_by_hand():
    fused = [torch.zeros(2, 1, 2, 2), torch.zeros(2, 3, 1, 1)]
    target = [torch.ones(2, 1, 2, 2), torch.full((2, 3, 1, 1), 2.0)]
    assert content.perception(fused, target).tolist() == [2.5, 2.5]  # (1 + 4) / 2


def test_perception_of_equal_maps_has_no_gradient():
    fused = torch.rand(2, 3, 4, 4, requires_grad=True)
    content.perception([fused], [fused.detach()]).sum().backward()
    assert not fused.grad.any()


def test_perception_without_maps_is_zero():
    assert content.perception((), ()) == 0


def test_perception_without_maps_adds_to_tensors_of_any_device():
    assert (content.perception((), ()) + torch.zeros(2, device="meta")).device.type == "meta"


def test_perception_gradients_are_those_of_the_equation(images):
    fused = images(0, side=4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: content.perception([x, x * x], [images(1, side=4)] * 2), fused)


def test_stronger_takes_the_larger_value_of_each_place(images):
    (larger,) = content.stronger([images(0)], [images(1)])
    np.testing.assert_array_equal(larger, np.maximum(images(0).numpy(), images(1).numpy()))
