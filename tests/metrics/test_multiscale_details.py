import math

import numpy as np
import pytest
import pywt

from mmdrfuse.metrics.multiscale_details import qm, qsf
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")
EVERY = pytest.mark.parametrize("score", [qsf, qm])


@pytest.fixture
def images(rng):
    """Fused image and sources of 24×32 pixels."""
    a, b = rng.integers(0, 256, (2, 24, 32)).astype(float)
    return np.rint(0.9 * a + 0.1 * b), a, b


@pytest.mark.parametrize("pair", PAIRS)
def test_the_score_agrees_with_the_program_of_liu(oracle, pair):
    values, (triple,) = oracle(pair, "liu")
    assert qsf(triple) == pytest.approx(values["QSF"], rel=1e-11)
    assert qm(triple, summed_bands=True) == pytest.approx(values["QM"], rel=1e-11)


def test_qm_agrees_with_another_haar_transform(images):
    fused, a, b = (pywt.wavedec2(image, "haar", level=2) for image in images)
    score = 1.0
    for level, weight in ((2, 2 / 3), (1, 1 / 3)):
        f, x, y = (np.array(decomposition[level]) for decomposition in (fused, a, b))
        kept = [np.exp(-abs(d - f)).mean(axis=0) for d in (x, y)]
        score *= np.average(kept, weights=[(d**2).sum(axis=0) for d in (x, y)]) ** weight
    assert qm(Triple(*images)) == pytest.approx(score, rel=1e-12)
    assert qm(Triple(*images), summed_bands=True) == pytest.approx(3.0 * score, rel=1e-12)


def test_qm_leaves_out_an_odd_last_row_and_column(images):
    odd = [np.pad(image, ((0, 1), (0, 1)), constant_values=255.0) for image in images]
    assert qm(Triple(*odd)) == qm(Triple(*images))


def test_qsf_of_a_small_image_by_hand():
    fused, a, b = np.array([[[0.0, 3.0], [4.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]])
    # by hand, rows, columns, falling and rising diagonal: 9+16 + 16+9 + (0+1)/sqrt2 against 1+4 + 4+1 + (0+4)/sqrt2
    expected = math.sqrt((50.0 + math.sqrt(0.5)) / (10.0 + 4.0 * math.sqrt(0.5))) - 1.0
    assert qsf(Triple(fused, a, b)) == pytest.approx(expected, rel=1e-14)


def test_qsf_is_the_relative_gain_of_contrast(images):
    _, a, _ = images
    for gain in (0.25, 1.0, 1.5):
        assert qsf(Triple(gain * a, a, a)) == pytest.approx(gain - 1.0, abs=1e-14)


@EVERY
def test_neither_order_of_the_sources_nor_orientation_matters_on_whole_blocks(score, images):
    fused, a, b = images
    expected = score(Triple(fused, a, b))
    assert score(Triple(fused, b, a)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused.T, a.T, b.T)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused[:, ::-1], a[:, ::-1], b[:, ::-1])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("score", "best"), [(qsf, 0.0), (qm, 1.0)])
def test_an_image_is_its_own_best_fusion_and_constants_are_too(score, best, images):
    for image in (images[1], np.zeros((8, 9)), np.full((8, 9), 77.0)):
        assert score(Triple(image, image, image)) == pytest.approx(best, abs=1e-15)


def test_detail_that_no_source_has_is_infinitely_too_much(images):
    flat = np.full_like(images[0], 9.0)
    assert qsf(Triple(images[0], flat, flat)) == math.inf
    assert qsf(Triple(flat, images[1], flat)) == -1.0


def test_sources_without_details_weigh_the_same(images):
    fused, flat = images[0], np.full_like(images[0], 9.0)
    assert qm(Triple(fused, flat, flat)) == pytest.approx(qm(Triple(fused, flat, 0.0 * flat)))
    assert 0.0 < qm(Triple(fused, flat, flat)) < 1.0
