"""What the definitions imply, for every metric of the protocol `standard`."""

import math

import numpy as np
import pytest

from mmdrfuse.metrics import METRICS, evaluate, names

EVERY = pytest.mark.parametrize("metric", names())
# Every second pixel from the first one on, after a filter: 8 k + 17 pixels a side are mirrored onto themselves
SHAPES = dict.fromkeys(("VIF", "VIFF"), (49, 57)) | dict.fromkeys(("MS_SSIM", "MS_SSIM_mean"), (176, 192))
SHAPE = (48, 64)
# Positions in a window are counted down the columns, and transforms have a first and a last frequency
UPRIGHT = {"FMI_pixel", "FMI_dct", "FMI_w"}
OF_FUSED_ALONE = {"EN", "SD", "SF", "AG", "EI"}
# Scores of an image against itself, textured and constant, for all metrics that see the sources
SELF = {
    "MSE": (0, 0), "RMSE": (0, 0), "PSNR": (math.inf, math.inf), "CC": (1, 1), "SCD": (0, 2),
    "CE": (0, 0), "QMI": (2, 2), "MI": (None, 0), "QTE": (None, 0), "QTE_cvejic": (None, 0),
    "QNCIE": (None, 1 - math.log(3, 256)), "SSIM": (2, 2), "SSIM_mean": (1, 1),
    "MS_SSIM": (2, 2), "MS_SSIM_mean": (1, 1),
    "VIF": (2, 2), "VIFF": (1, 1), "Qabf": (0.97480, 0.97480), "Nabf": (0, 0), "Labf": (0.00035, 0.00035),
    "QG": (0.98666, 0.98666), "Qcb": (1, 1), "Qcv": (0, 0), "QS": (1, 1), "QW": (1, 1), "QE": (1, 1), "QC": (1, 1),
    "QY": (1, 1), "QSF": (0, 0), "QM": (1, 1), "QP": (1, 1), "FMI_pixel": (1, 1), "FMI_dct": (1, 1), "FMI_w": (1, 1),
    "TBC": (None, 0),
}  # fmt: skip


@pytest.fixture
def images(picture):
    """Make the fused image and the sources of a metric's test."""

    def make(metric):
        a, b = picture(*SHAPES.get(metric, SHAPE)), picture(*SHAPES.get(metric, SHAPE))
        return [image.astype(np.uint8) for image in (np.rint(0.7 * a + 0.3 * b), a, b)]

    return make


def score(metric, fused, a, b):
    return evaluate(fused, a, b, metrics=metric)[metric]


def test_every_metric_has_a_known_score_of_an_image_against_itself():
    assert set(names()) == OF_FUSED_ALONE | set(SELF)


@EVERY
def test_the_order_of_the_sources_is_irrelevant_unless_the_infrared_must_be_first(images, metric):
    fused, a, b = images(metric)
    if METRICS[metric].infrared_first:
        assert score(metric, fused, a, b) != score(metric, fused, b, a)
        return
    assert score(metric, fused, a, b) == pytest.approx(score(metric, fused, b, a), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("metric", [metric for metric in names() if metric not in UPRIGHT])
@pytest.mark.parametrize("turn", [np.transpose, np.flipud, np.fliplr], ids=["transposed", "flipud", "fliplr"])
def test_turned_images_score_the_same(images, metric, turn):
    stored = images(metric)
    turned = [turn(image) for image in stored]
    assert score(metric, *turned) == pytest.approx(score(metric, *stored), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("metric", ["SSIM", "VIF", "VIFF", "QS", "QW", "QC", "QY", "Qcb", "QP"])
def test_images_that_are_wider_than_a_block_of_windows_score_as_when_they_stand_upright(picture, metric):
    wide = picture(49, 553), picture(49, 553), picture(49, 553)
    stored = [image.astype(np.uint8) for image in wide]
    assert score(metric, *(image.T for image in stored)) == pytest.approx(score(metric, *stored), rel=1e-9)


@EVERY
def test_scores_stay_within_the_range(rng, images, metric):
    low, high = METRICS[metric].range
    fused, a, b = images(metric)
    for candidate in (fused, a, 255 - a, rng.permuted(fused), np.where(fused > 128, 255, 0).astype(np.uint8)):
        assert low - 1e-9 <= score(metric, candidate, a, b) <= high + 1e-9


@pytest.mark.parametrize("metric", SELF)
def test_an_image_against_itself_scores_the_best(images, metric):
    image, expected = images(metric)[1], SELF[metric][0]
    best = score(metric, image, image, image)
    if expected is not None:
        assert best == pytest.approx(expected, rel=1e-4, abs=1e-4)
    if metric != "SCD":  # which asks what is added to the other source
        other = score(metric, images(metric)[2], image, image)
        assert best >= other if METRICS[metric].higher_is_better else best <= other


@pytest.mark.parametrize("metric", names())
@pytest.mark.parametrize("level", [0, 128, 255])
def test_constant_images_have_a_defined_score(metric, level):
    flat = np.full(SHAPES.get(metric, SHAPE), level, np.uint8)
    expected = 0 if metric in OF_FUSED_ALONE else SELF[metric][1]
    assert score(metric, flat, flat, flat) == pytest.approx(expected, abs=1e-5)


@EVERY
def test_one_constant_image_gives_no_nan(images, metric):
    fused, a, b = images(metric)
    flat = np.full_like(a, 90)
    for stored in ((flat, a, b), (fused, flat, b), (fused, a, flat), (fused, flat, flat), (flat, flat, b)):
        assert not math.isnan(score(metric, *stored))


@pytest.mark.parametrize(
    "metric", ["SSIM", "MS_SSIM", "VIF", "VIFF", "Qabf", "QG", "QS", "QW", "CC", "PSNR", "FMI_pixel"]
)
def test_noise_lowers_the_score(rng, images, metric):
    fused, a, b = images(metric)
    scores = [
        score(metric, np.clip(np.rint(fused + rng.normal(0, sigma, fused.shape)), 0, 255).astype(np.uint8), a, b)
        for sigma in (0, 4, 12, 36)
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4
