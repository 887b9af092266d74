import functools

import numpy as np
import pytest
import pywt

from mmdrfuse.errors import UnknownNameError
from mmdrfuse.metrics.fmi import _features, fmi
from mmdrfuse.metrics.fmi_windows import logarithm
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")
FEATURES = ("pixel", "gradient", "edge", "dct", "wavelet")
EVERY = pytest.mark.parametrize("feature", FEATURES)


@pytest.fixture
def images(rng):
    """Fused image and sources of 14×17 pixels, with flat windows in places common to all, in one, or in two."""
    a, b = rng.integers(0, 256, (2, 14, 17)).astype(float)
    fused = np.rint(0.6 * a + 0.4 * b)
    a[:5, :5] = fused[:5, :5] = 30.0
    b[:4, :9] = 70.0
    fused[9:, 9:] = a[9:, 9:]
    return fused, a, b


def _centre(image, side=64):
    top, left = ((length - side) // 2 for length in image.shape)
    return image[top : top + side, left : left + side]


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("name", "feature"), [("FMI_pixel", "edge"), ("FMI_dct", "dct")])
def test_the_score_agrees_with_the_program_of_tang_on_the_central_crop(oracle, pair, name, feature):
    values, (triple,) = oracle(pair, "tang_fmi_crop64")
    crops = (_centre(image) for image in (triple.fused, triple.a, triple.b))
    assert fmi(Triple(*crops), feature=feature) == pytest.approx(values[name], rel=1e-11)


def _plain_information(x, f):
    """One window pair, step by step as the reference is described."""
    if (x == f).all() or np.ptp(x) == np.ptp(f) == 0.0:
        return 1.0
    if np.ptp(x) == 0.0 or np.ptp(f) == 0.0:
        return 0.0
    p, q = ((z - z.min()) / (z - z.min()).sum() for z in (x, f))
    place = np.arange(1, 10)
    spread = np.sqrt(np.cov(place, aweights=p, ddof=0) * np.cov(place, aweights=q, ddof=0))
    if spread < 1e-12:
        return 0.0
    c, independent = np.corrcoef(p, q)[0, 1], np.outer(np.cumsum(q), np.cumsum(p))
    row, column = np.meshgrid(np.cumsum(q), np.cumsum(p), indexing="ij")
    bound = np.minimum(row, column) if c >= 0 else np.maximum(row + column - 1.0, 0.0)
    phi = c * spread / (bound - independent).sum()
    mass = np.diff(np.diff(np.pad(bound, ((1, 0), (1, 0))), axis=0), axis=1)
    joint = phi * mass + (1.0 - phi) * np.outer(q, p)
    h_p, h_q, h_joint = (-(z[z != 0] * np.log2(abs(z[z != 0]))).sum() for z in (p, q, joint))
    return 2.0 * (h_p + h_q - h_joint) / (h_p + h_q)


def _plain_fmi(fused, a, b):
    columns = [
        np.lib.stride_tricks.sliding_window_view(image, (3, 3)).swapaxes(2, 3).reshape(-1, 9) for image in (fused, a, b)
    ]
    return np.mean([[_plain_information(x, f), _plain_information(y, f)] for f, x, y in zip(*columns, strict=True)])


@pytest.mark.parametrize("feature", ["pixel", "gradient", "edge", "dct"])
def test_the_score_agrees_with_the_steps_written_out(feature, images):
    maps = [_features(image, feature) for image in images]
    assert fmi(Triple(*images), feature=feature) == pytest.approx(_plain_fmi(*maps), rel=1e-10)


@pytest.mark.parametrize("levels", [2, 3, 256])
def test_windows_in_long_rows_are_all_counted_whatever_their_levels_and_ties(levels, rng):
    # by 142 windows a row, one strip of windows is full of equal ones
    images = 0.1 + 0.7 * rng.integers(0, levels, (3, 4, 144))
    images[0, :, 62:134] = images[1, :, 62:134]
    assert fmi(Triple(*images)) == pytest.approx(_plain_fmi(*images), rel=1e-10)


def test_a_window_that_is_one_bright_pixel_tells_nothing_of_another(rng):
    image, spot = rng.uniform(0, 255, (3, 3)), np.full((3, 3), 0.1)
    for brightness in rng.uniform(0.2, 255, 50):
        spot[1, 1] = brightness
        assert fmi(Triple(image, spot, image)) == 0.5


def test_nor_does_one_bright_pixel_in_rounding_noise():
    # as in the cosine transforms of a bright image and of a constant one
    image = np.array([[10439.0, 27.0, 215.0], [-43.0, -39.0, 10.0], [-133.0, -120.0, 22.0]])
    spot = np.array([[4450.0, 3e-13, -1e-13], [0.0, 0.0, 0.0], [4e-13, 0.0, 0.0]])
    assert fmi(Triple(image, spot, image)) == pytest.approx(0.5, abs=1e-6)


def test_the_logarithm_is_that_of_the_absolute_value_to_the_last_digits_near_one_too(rng):
    values = np.concatenate([10.0 ** rng.uniform(-290, 2, 500), 1.0 + rng.normal(0, 1e-3, 500), [1.0, -0.7, 0.5**0.5]])
    logarithms = [logarithm(value) for value in values]
    np.testing.assert_allclose(logarithms, np.log2(np.abs(values)), rtol=2e-15)
    assert 0.0 * logarithm(0.0) == 0.0


def test_pixels_that_match_up_to_gain_and_offset_have_full_information(rng):
    image = rng.uniform(0, 100, (9, 9))
    assert fmi(Triple(image, 2.0 * image + 30.0, image)) == pytest.approx(1.0)


def test_flat_windows_have_full_information_of_each_other_and_none_of_others(rng):
    busy, flat = rng.uniform(0, 255, (9, 9)), np.full((9, 9), 40.0)
    assert fmi(Triple(flat, flat + 5.0, busy)) == 0.5


def test_rounding_noise_of_a_transform_is_flat():
    dark, light = np.full((9, 10), 30.1), np.full((9, 10), 77.7)
    # by hand: of 7 * 8 windows only the one with the mean holds anything, in one place, which tells nothing
    assert fmi(Triple(dark, light, light), feature="dct") == pytest.approx(1.0 - 1.0 / 56.0)


@EVERY
def test_an_image_is_its_own_best_fusion_and_constants_are_too(feature, images):
    for image in (images[1], np.zeros((9, 9)), np.full((9, 9), 77.0)):
        assert fmi(Triple(image, image, image), feature=feature) == pytest.approx(1.0, abs=1e-12)


@EVERY
def test_the_order_of_the_sources_does_not_matter(feature, images):
    fused, a, b = images
    assert fmi(Triple(fused, b, a), feature=feature) == pytest.approx(
        fmi(Triple(fused, a, b), feature=feature), rel=1e-12
    )


def test_pixels_may_be_turned_upside_down_but_not_mirrored(images):
    score = functools.partial(fmi, feature="pixel")
    assert score(Triple(*(image[::-1, ::-1] for image in images))) == pytest.approx(score(Triple(*images)), rel=1e-12)
    assert score(Triple(*(image[::-1] for image in images))) != pytest.approx(score(Triple(*images)), rel=1e-4)


@EVERY
def test_noise_lowers_the_score(feature, images, rng):
    _, a, _ = images
    noisy = np.clip(a + rng.normal(0, 60, a.shape), 0, 255)
    assert fmi(Triple(noisy, a, a), feature=feature) < fmi(Triple(a, a, a), feature=feature)


@pytest.mark.parametrize("turn", [np.asarray, np.transpose])
def test_a_strong_step_has_an_edge_one_pixel_wide_on_its_far_side_and_a_weak_one_has_none(turn):
    step, expected = np.zeros((10, 24)), np.zeros((10, 24))
    step[:, 7:] = 130.0
    step[:, 16:] += 70.0  # strength 0.29 of the other's; the cut is at 4 * (1 + 0.29) * 2/24 = 0.43
    expected[:, 7] = 1.0
    assert (_features(turn(step), "edge") == turn(expected)).all()


@pytest.mark.parametrize("shape", [(9, 12), (3, 47), (120, 5)])
def test_wavelet_bands_follow_the_rule_of_half_point_extension_and_every_second_value(shape, rng):
    image, taps = rng.uniform(0, 255, shape), 62
    low, high = (np.array(each) for each in pywt.Wavelet("dmey").filter_bank[:2])

    def halved(line, kernel):
        return np.convolve(np.pad(line, taps - 1, mode="symmetric"), kernel, mode="valid")[1::2]

    rows = [np.apply_along_axis(halved, 1, image, kernel) for kernel in (low, high)]
    bands = [[np.apply_along_axis(halved, 0, row, kernel) for kernel in (low, high)] for row in rows]
    np.testing.assert_allclose(_features(image, "wavelet"), np.block(bands), atol=1e-9)
    coarse, (horizontal, *others) = pywt.dwt2(image, "dmey", mode="symmetric")
    np.testing.assert_allclose(_features(image, "wavelet"), np.block([[coarse, horizontal], others]), atol=1e-9)


def test_an_unknown_feature_is_an_error_with_near_names(images):
    with pytest.raises(UnknownNameError, match="unknown feature 'pixels': did you mean pixel"):
        fmi(Triple(*images), feature="pixels")
