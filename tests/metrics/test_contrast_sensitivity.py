import numpy as np
import pytest
from scipy.signal import convolve2d

from mmdrfuse.metrics.contrast_sensitivity import qcb, qcv
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")
EVERY = pytest.mark.parametrize("score", [qcb, qcv])


@pytest.fixture
def images(rng):
    """Fused image and sources of 32×48 pixels."""
    a, b = rng.integers(0, 256, (2, 32, 48)).astype(float)
    return np.rint(0.6 * a + 0.4 * b), a, b


@pytest.mark.parametrize("pair", PAIRS)
def test_the_score_agrees_with_the_program_of_liu(oracle, pair):
    values, (triple,) = oracle(pair, "liu")
    assert qcb(triple, stretch=True, blank_is_nan=True) == pytest.approx(values["QCB"], rel=1e-11)
    assert qcv(triple, stretch=True) == pytest.approx(values["QCV"], rel=1e-11)


@pytest.mark.parametrize("pair", PAIRS[:3])
@pytest.mark.parametrize(("name", "score"), [("Qcb", qcb), ("Qcv", qcv)])
def test_the_score_agrees_with_vifb_channel_by_channel(oracle, pair, name, score):
    values, triples = oracle(pair, "vifb")
    scores = [score(triple, stretch=True) for triple in triples]
    assert np.mean(scores) == pytest.approx(values[name], rel=1e-11)


def _frequencies(shape, cycles):
    # freqspace: columns from -1 to just below 1, zero in the middle
    v, u = (2.0 / side * (np.arange(side) - side // 2) for side in shape)
    return np.hypot(*np.meshgrid(u * shape[1] / cycles, v * shape[0] / cycles))


def _filtered(image, transfer):
    return np.fft.ifft2(np.fft.ifftshift(np.fft.fftshift(np.fft.fft2(image)) * transfer)).real


def _plain_qcb(fused, a, b):
    radius, r = _frequencies(fused.shape, 30.0), np.arange(-15.0, 16.0)
    sensitivity = np.exp(-((radius / 15.387) ** 2)) - 0.7622 * np.exp(-((radius / 1.3456) ** 2))
    squares = r**2 + r[:, None] ** 2
    masked = []
    for image in (fused, a, b):
        seen = _filtered(image, sensitivity)
        fine, coarse = (
            convolve2d(seen, np.exp(-squares / (2 * s * s)) / (2 * np.pi * s * s), mode="same") for s in (2, 4)
        )
        contrast = abs(fine / coarse - 1.0)
        masked.append(contrast**3 / (contrast**2 + 1e-4))
    f, *sources = masked
    kept = [np.minimum(x, f) / np.maximum(x, f) for x in sources]
    return np.average(kept, axis=0, weights=[x**2 for x in sources]).mean()


def _plain_qcv(fused, a, b):
    radius = _frequencies(fused.shape, 8.0)
    sensitivity = 2.6 * (0.0192 + 0.144 * radius) * np.exp(-((0.144 * radius) ** 1.1))
    kernel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    over = under = 0.0
    for source in (a, b):
        gradient = np.hypot(*(convolve2d(source, k, mode="same") for k in (kernel, kernel.T)))
        difference = _filtered(source - fused, sensitivity)
        for y in range(0, fused.shape[0], 16):
            for x in range(0, fused.shape[1], 16):
                block = np.s_[y : y + 16, x : x + 16]
                weight = (gradient[block] ** 5).sum()
                over, under = over + weight * (difference[block] ** 2).sum() / 256.0, under + weight
    return over / under


@pytest.mark.parametrize(("score", "plain"), [(qcb, _plain_qcb), (qcv, _plain_qcv)])
@pytest.mark.parametrize("crop", [np.s_[:, :], np.s_[:21, :39], np.s_[:20, :33]])
def test_the_score_agrees_with_the_formula_written_out(score, plain, crop, images):
    images = [image[crop] for image in images]
    assert score(Triple(*images)) == pytest.approx(plain(*images), rel=1e-9)


@EVERY
def test_neither_order_of_the_sources_nor_orientation_matters_on_whole_blocks(score, images):
    fused, a, b = images
    expected = score(Triple(fused, a, b))
    assert score(Triple(fused, b, a)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused.T, a.T, b.T)) == pytest.approx(expected, rel=1e-10)
    assert score(Triple(fused[:, ::-1], a[:, ::-1], b[:, ::-1])) == pytest.approx(expected, rel=1e-10)


def test_cut_blocks_make_qcv_depend_on_flips(images):
    cut = [image[:, :40] for image in images]
    assert qcv(Triple(*(image[:, ::-1] for image in cut))) != pytest.approx(qcv(Triple(*cut)), rel=1e-3)


@pytest.mark.parametrize(("score", "best"), [(qcb, 1.0), (qcv, 0.0)])
def test_an_image_is_its_own_best_fusion_and_constants_are_too(score, best, images):
    _, a, _ = images
    assert score(Triple(a, a, a)) == pytest.approx(best, abs=1e-12)
    for level in (0.0, 77.0):
        flat = np.full((20, 24), level)
        assert score(Triple(flat, flat, flat)) == pytest.approx(best, abs=1e-9)


def test_noise_is_seen(images, rng):
    _, a, b = images
    mean = (a + b) / 2.0
    noisy = np.clip(mean + rng.normal(0.0, 60.0, a.shape), 0.0, 255.0)
    assert qcb(Triple(noisy, a, b)) < qcb(Triple(mean, a, b))
    assert qcv(Triple(noisy, a, b)) > qcv(Triple(mean, a, b))


def test_a_black_source_has_no_contrast_to_keep(images):
    _, a, b = images
    black = np.zeros_like(a)
    assert qcb(Triple(a, a, black)) == pytest.approx(1.0)
    assert qcb(Triple(black, black, b)) == 0.0
    assert np.isnan(qcb(Triple(a, a, black), blank_is_nan=True))


def test_two_black_sources_weigh_the_same_everywhere(images):
    fused, a, _ = images
    black = np.zeros_like(a)
    assert 0.0 < qcv(Triple(fused, black, black)) < 255.0**2


@EVERY
def test_a_stretched_constant_image_has_no_score(score, images):
    fused, a, b = images
    constant = np.full_like(b, 9.0)
    assert np.isnan(score(Triple(fused, a, constant), stretch=True))
    assert np.isnan(score(Triple(constant, a, b), stretch=True))
