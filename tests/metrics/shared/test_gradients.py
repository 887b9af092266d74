import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.metrics.shared.gradients import gradient, sobel, sobel_magnitude
from mmdrfuse.metrics.shared.triple import Triple

MODES = {"zero": "constant", "edge": "nearest", "reflect": "mirror"}


@pytest.mark.parametrize("border", MODES)
def test_derivatives_are_scipys_up_to_their_common_sign(picture, border):
    image = picture(21, 30)
    across, down = sobel(image, border=border)
    assert (across == -ndimage.sobel(image, axis=1, mode=MODES[border])).all()
    assert (down == ndimage.sobel(image, axis=0, mode=MODES[border])).all()
    np.testing.assert_allclose(sobel_magnitude(image, border=border), np.hypot(across, down), rtol=1e-14)


def test_edges_are_the_derivatives_in_polar_form(triple):
    across, down = sobel(triple.a, border="zero")
    magnitude, angle = gradient(triple, "a", border="zero")
    np.testing.assert_allclose(magnitude, np.hypot(across, down), rtol=1e-14)
    slanted = across != 0
    np.testing.assert_allclose(angle[slanted], np.arctan(down[slanted] / across[slanted]), rtol=1e-14)
    assert (angle[~slanted] == np.pi / 2).all()


def test_without_a_horizontal_derivative_the_angle_is_a_right_one_whatever_the_sign():
    rows = np.repeat([[0.0], [90.0], [0.0]], 7, axis=1)
    angle = gradient(Triple(rows, rows, rows), "a", border="edge").angle
    assert (angle == np.pi / 2).all()


def test_unit_range_divides_before_it_differentiates(triple):
    scaled = Triple(*(image / 255.0 for image in triple.images))
    small, direct = gradient(triple, "fused", border="zero", peak=1.0), gradient(scaled, "fused", border="zero")
    assert (small.magnitude == direct.magnitude).all()
    assert (small.angle == direct.angle).all()


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
