"""Averages in windows: those of SciPy, with true gradients."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from mmdrfuse.losses.windows import filtered, gaussian, product_along, uniform


@pytest.mark.parametrize("taps", [gaussian(5), uniform(7), gaussian(17)])
def test_a_window_averages_as_scipy_does_inside_the_image(images, taps):
    image, margin = images(1, count=1, side=24), len(taps) // 2
    whole = correlate1d(correlate1d(image[0, 0].numpy(), taps, axis=0), taps, axis=1)
    np.testing.assert_allclose(filtered(image, taps)[0, 0], whole[margin:-margin, margin:-margin], rtol=1e-12)


def test_the_gradient_of_a_window_is_true(images):
    image = images(2, side=9).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: filtered(x, gaussian(5)).square(), image)


def test_an_accelerator_filters_by_products_and_gives_the_same():
    image = torch.rand(2, 3, 30, 40, generator=torch.Generator().manual_seed(1))
    taps = gaussian(9)
    products = product_along(product_along(image, taps, -2), taps, -1)
    torch.testing.assert_close(products, filtered(image, taps))
