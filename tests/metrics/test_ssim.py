import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.ssim import ms_ssim, ssim

# Wang, Simoncelli, Bovik 2003, section 3
POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def similarity(x, y, peak=255.0, full=False):
    value, values = structural_similarity(x, y, data_range=peak, full=True, **GAUSSIAN)
    return values if full else value


@pytest.mark.parametrize("peak", [255.0, 1.0])
def test_similarity_is_skimages_summed_over_the_sources(triple, peak):
    expected = sum(similarity(source, triple.fused, peak) for source in (triple.a, triple.b))
    assert ssim(triple, peak=peak) == pytest.approx(expected, rel=1e-7 if peak == 1.0 else 1e-11)
    assert ssim(triple, peak=peak, mean=True) == ssim(triple, peak=peak) / 2


def test_replicating_the_border_gives_every_pixel_a_window(triple):
    padded = Triple(*(np.pad(image, 5, mode="edge") for image in triple.images))
    assert ssim(triple, replicated=True) == pytest.approx(ssim(padded), rel=1e-14)
    assert ssim(triple, replicated=True) != ssim(triple)


def contrast_structure(x, y):
    # SSIM without luminance: SSIM of the images, over that of their local means
    from scipy.ndimage import gaussian_filter

    def mean(image):
        return gaussian_filter(image, 1.5, radius=5, mode="reflect")[5:-5, 5:-5]

    mu_x, mu_y, c1 = mean(x), mean(y), 2.55**2
    luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
    return (similarity(x, y, full=True)[5:-5, 5:-5] / luminance).mean()


def test_scales_multiply_with_wangs_powers(picture):
    f, a = picture(179, 186), picture(179, 186)
    f = np.rint((f + a) / 2)
    expected, x, y = 1.0, a, f
    for weight in POWERS[:-1]:
        expected *= contrast_structure(x, y) ** weight
        x, y = (
            i[: i.shape[0] // 2 * 2, : i.shape[1] // 2 * 2].reshape(i.shape[0] // 2, 2, i.shape[1] // 2, 2).mean((1, 3))
            for i in (x, y)
        )
    expected *= similarity(x, y) ** POWERS[-1]
    assert ms_ssim(Triple(f, a, a), mean=True) == pytest.approx(expected, rel=1e-9)
    assert ms_ssim(Triple(f, a, a)) == pytest.approx(2 * expected, rel=1e-9)


def test_a_negative_is_worth_nothing_over_scales(picture):
    image = picture(176, 180)
    assert ms_ssim(Triple(255.0 - image, image, image)) == 0.0
    assert ssim(Triple(255.0 - image, image, image)) < 0.0
