import math

import numpy as np
import pytest
from skimage.measure import shannon_entropy
from skimage.metrics import normalized_mutual_information

from mmdrfuse.metrics.entropy import entropy
from mmdrfuse.metrics.mutual_information import CVEJIC, NAVA, mutual_information, qmi, qncie, qte
from mmdrfuse.metrics.shared import histograms
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")
AS_PUBLISHED = {
    "QMI": (qmi, {"stretch": True}),
    "QTE": (qte, {"stretch": True, "swapped_marginals": True}),
    "QTE_cvejic": (qte, {"stretch": True, "swapped_marginals": True, "order": CVEJIC, "normalised": False}),
    "QNCIE": (qncie, {"stretch": True}),
}
EVERY = pytest.mark.parametrize("score", [qmi, qte, qncie])


@pytest.fixture
def images(rng):
    """Fused image and sources that share some of their levels' arrangement."""
    a, b = rng.integers(0, 256, (2, 24, 31)) // 16 * 16
    return tuple(image.astype(float) for image in ((a + 2 * b) // 3, a, b))


@pytest.fixture
def stripes():
    """Columns and rows that alternate between two levels, independent of each other, and a gray image."""
    rows, columns = np.indices((8, 8)) % 2 * 100.0
    return columns, rows, np.full((8, 8), 50.0)


def joint_entropy(x, y):
    return shannon_entropy(256 * x + y)


def test_information_is_the_sum_of_the_entropies_less_the_joint_one(triple):
    f, a, b = triple.images
    expected = sum(shannon_entropy(x) + shannon_entropy(f) - joint_entropy(x, f) for x in (a, b))
    assert mutual_information(triple) == pytest.approx(expected, rel=1e-12)
    assert mutual_information(triple, base=math.e) == pytest.approx(expected * math.log(2), rel=1e-12)


def test_the_information_of_an_image_with_itself_is_its_entropy(triple):
    same = Triple(triple.a, triple.a, triple.a)
    assert mutual_information(same) == pytest.approx(2 * entropy(same), rel=1e-12)


def test_merged_levels_are_apart_in_the_marginals_only(rng):
    f, a, b = np.where(rng.random((3, 30, 40)) < 0.5, 254.0, 255.0)
    expected = sum(shannon_entropy(x) + shannon_entropy(f) - 0.0 for x in (a, b))
    assert mutual_information(Triple(f, a, b), joint_levels=255) == pytest.approx(expected, rel=1e-12)


def test_merging_changes_nothing_without_the_highest_level(triple):
    capped = Triple(*(np.minimum(image, 254) for image in triple.images))
    assert mutual_information(capped, joint_levels=255) == pytest.approx(mutual_information(capped), rel=1e-12)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_the_score_agrees_with_the_program_of_liu(oracle, pair, name):
    values, (triple,) = oracle(pair, "liu")
    score, options = AS_PUBLISHED[name]
    assert score(triple, **options) == pytest.approx(values[name], rel=1e-12)


def test_qmi_agrees_with_scikit_image(images):
    fused, a, b = images
    # its (H(x) + H(y)) / H(x, y) holds the same three entropies
    expected = sum(2.0 - 2.0 / normalized_mutual_information(x, fused, bins=256) for x in (a, b))
    assert qmi(Triple(*images)) == pytest.approx(expected, rel=1e-12)


def test_qmi_is_one_when_one_source_is_copied_and_independent_of_the_other(stripes):
    columns, rows, gray = stripes
    assert qmi(Triple(columns, columns, rows)) == pytest.approx(1.0)
    assert qmi(Triple(columns, columns, gray)) == pytest.approx(1.0)


@pytest.mark.parametrize("order", [NAVA, 0.5, CVEJIC])
def test_qte_of_a_copied_image_of_two_levels_by_hand(stripes, order):
    columns, _, gray = stripes
    # by hand: h = 1/2 where both marginals are 1/2, H(a) = 1 bit, nothing from the gray source
    expected = (1.0 - 2.0 * 0.5**order * 0.25 ** (1.0 - order)) / (1.0 - order)
    assert qte(Triple(columns, columns, gray), order=order) == pytest.approx(expected)
    assert qte(Triple(columns, columns, gray), order=order, normalised=False) == pytest.approx(expected)


def test_qte_by_the_right_marginals_does_not_depend_on_the_names_of_the_levels(images):
    fused, a, b = images
    renamed = (255.0 - fused, a, b)
    assert qte(Triple(*renamed)) == pytest.approx(qte(Triple(*images)))
    assert qte(Triple(*renamed), swapped_marginals=True) != pytest.approx(
        qte(Triple(*images), swapped_marginals=True), rel=1e-3
    )


def test_qncie_is_one_only_where_all_three_share_eight_bits(stripes):
    every_level = np.arange(256.0).reshape(16, 16)
    assert qncie(Triple(every_level, every_level, every_level)) == pytest.approx(1.0)
    # one bit of eight between the fused image and one source: eigenvalues 7/8, 1, 9/8
    shares = np.array([7.0, 8.0, 9.0]) / 24.0
    columns, rows, _ = stripes
    assert qncie(Triple(columns, columns, rows)) == pytest.approx(1.0 + (shares * np.log2(shares)).sum() / 8.0)


@EVERY
def test_neither_order_of_the_sources_nor_orientation_matters(score, images):
    fused, a, b = images
    expected = score(Triple(fused, a, b))
    assert score(Triple(fused, b, a)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused.T, a.T, b.T)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused[::-1], a[::-1], b[::-1])) == pytest.approx(expected, rel=1e-12)


@EVERY
def test_values_between_two_levels_count_for_the_nearest(score, images):
    assert score(Triple(*(image + 0.49 for image in images))) == score(Triple(*images))
    assert score(Triple(*(image - 0.5 for image in images[1:]), images[0])) == score(Triple(*images[1:], images[0]))


@pytest.mark.parametrize(("score", "expected"), [(qmi, 2.0), (qte, 0.0), (qncie, 1.0 - np.log(3.0) / np.log(256.0))])
@pytest.mark.parametrize("levels", [(9, 9, 9), (0, 0, 0), (1, 2, 3)])
def test_constant_images_have_a_defined_score(score, expected, levels):
    assert score(Triple(*(np.full((5, 6), float(level)) for level in levels))) == pytest.approx(expected, abs=1e-15)


@EVERY
def test_stretching_leaves_a_constant_image_without_levels(score, images):
    fused, a, b = images
    assert np.isnan(score(Triple(fused, a, np.full_like(b, 9.0)), stretch=True))
    assert not np.isnan(score(Triple(fused, a, np.zeros_like(b)), stretch=True))


@pytest.mark.parametrize("score", [qmi, qncie])
def test_stretching_whole_numbers_changes_nothing_where_the_values_of_levels_do_not_count(score, images):
    assert score(Triple(*images), stretch=True) == pytest.approx(score(Triple(*images)), rel=1e-12)


def test_levels_are_counted_once_for_all_metrics_of_information(images, monkeypatch):
    calls = []
    for name in ("_count", "_count_pairs"):
        count = getattr(histograms, name)
        monkeypatch.setattr(histograms, name, lambda *args, count=count: calls.append(args) or count(*args))
    triple = Triple(*images)
    for score in (entropy, mutual_information, qmi, qte, qncie):
        score(triple)
    assert len(calls) == 3 + 3  # of single images, of pairs
