import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.metrics.shared.gradients import prewitt_magnitude, sobel

MODES = {"zero": "constant", "edge": "nearest", "reflect": "mirror"}


@pytest.mark.parametrize("border", MODES)
def test_derivatives_are_scipys_up_to_their_common_sign(picture, border):
    image = picture(21, 30)
    across, down = sobel(image, border=border)
    assert (across == -ndimage.sobel(image, axis=1, mode=MODES[border])).all()
    assert (down == ndimage.sobel(image, axis=0, mode=MODES[border])).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2)])
@pytest.mark.parametrize("border", MODES)
def test_images_of_a_row_or_a_pixel_have_gradients(rng, shape, border):
    image = rng.uniform(0, 255, shape)
    padded = np.pad(image, 1, mode={"zero": "constant"}.get(border, border))
    expected = ndimage.sobel(padded, axis=1)[1:-1, 1:-1]
    np.testing.assert_allclose(-sobel(image, border=border)[0], expected, atol=1e-12)


def test_prewitts_gradient_is_scipys(picture):
    image = picture(21, 30)
    expected = np.hypot(*(ndimage.prewitt(image, axis=axis, mode="constant") for axis in (0, 1)))
    np.testing.assert_allclose(prewitt_magnitude(image), expected, rtol=1e-14)


def test_terms_are_added_down_the_columns_of_the_flipped_kernel():
    # 0.1 + 0.2 - 0.3 is 5.6e-17 when added in this order and 2.8e-17 or 0 in others
    image = np.zeros((3, 3))
    image[2, 0], image[0, 0], image[2, 2], image[0, 2] = 0.1, 0.3, 0.2, 0.0
    _, down = sobel(image, border="zero")
    assert down[1, 1] == ((0.2 - 0.0) + 0.1) - 0.3
    image[1, 2], image[1, 0] = 0.7, 0.9
    across, _ = sobel(image, border="zero")
    assert across[1, 1] == ((((-0.2 - 1.4) - 0.0) + 0.1) + 1.8) + 0.3
    assert across[1, 1] != ((((-0.2 - 1.4) - 0.0) + 0.3) + 1.8) + 0.1
