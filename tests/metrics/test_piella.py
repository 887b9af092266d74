import numpy as np
import pytest
from skimage.metrics import structural_similarity

from mmdrfuse.metrics.piella import qc, qe, qs, qw, qy
from mmdrfuse.metrics.shared import similarity
from mmdrfuse.metrics.shared.triple import Triple

PAIRS = ("fight", "peopleshadow", "walking", "05", "11", "37")
SCORES = (qs, qw, qe, qc, qy)
EVERY = pytest.mark.parametrize("score", SCORES, ids=lambda score: score.__name__)
WANG, BARE = (2.55**2, 7.65**2), (2e-16, 2e-16)


@pytest.fixture
def images(rng):
    """Fused image and sources of 19×24 pixels, alike in one half and opposed in the other."""
    a, b = rng.integers(0, 256, (2, 19, 24)).astype(float)
    b[:, :12] = np.rint(0.9 * a[:, :12] + 0.1 * b[:, :12])
    b[:, 12:] = np.rint(0.9 * (255.0 - a[:, 12:]) + 0.1 * b[:, 12:])
    return np.rint(0.7 * a + 0.3 * b), a, b


def _windows(image, size):
    return np.lib.stride_tricks.sliding_window_view(image, (size, size))


def _plain(fused, a, b, size, constants):
    """Similarities and statistics of every window, by weighted sums of centred values."""
    r = np.arange(size) - size // 2
    weights = np.exp(-(r**2 + r[:, None] ** 2) / 4.5)
    weights /= weights.sum()
    f, x, y = (_windows(image, size) for image in (fused, a, b))

    def moments(p, q):
        mu_p, mu_q = ((weights * z).sum((2, 3), keepdims=True) for z in (p, q))
        return mu_p[..., 0, 0], mu_q[..., 0, 0], (weights * (p - mu_p) * (q - mu_q)).sum((2, 3))

    def similarity(p, q):
        (c1, c2), (mu_p, mu_q, cov) = constants, moments(p, q)
        spread = moments(p, p)[2] + moments(q, q)[2]
        return (2 * mu_p * mu_q + c1) * (2 * cov + c2) / ((mu_p**2 + mu_q**2 + c1) * (spread + c2))

    variances = moments(x, x)[2], moments(y, y)[2]
    return similarity(x, f), similarity(y, f), similarity(x, y), variances, (moments(x, f)[2], moments(y, f)[2])


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("name", "score"), [("QS", qs), ("QW", qw), ("QE_fixed", qe)])
def test_the_score_agrees_with_the_program_of_liu(oracle, pair, name, score):
    values, (triple,) = oracle(pair, "liu")
    found = score(triple, flat_tolerance=None)
    assert found == pytest.approx(values[name], rel=1e-11)


# only images without flat windows: elsewhere that program's QC and QY are rounding noise
@pytest.mark.parametrize(
    ("name", "pair"), [("QC", p) for p in ("walking", "11", "37")] + [("QY", p) for p in ("walking", "05", "11", "37")]
)
def test_the_score_agrees_with_the_program_of_liu_where_that_has_no_flat_windows(oracle, name, pair):
    values, (triple,) = oracle(pair, "liu")
    score, options = {"QC": (qc, {"forced_score": True}), "QY": (qy, {})}[name]
    assert score(triple, flat_tolerance=None, **options) == pytest.approx(values[name], rel=1e-11)


def test_qs_and_qw_of_one_source_are_plain_and_weighted_means_of_scikit_images_map(images):
    fused, a, _ = images
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    _, similarity = structural_similarity(fused, a, full=True, **settings)
    inner = similarity[5:-5, 5:-5]
    variance = _plain(fused, a, a, 11, WANG)[3][0]
    assert qs(Triple(fused, a, a)) == pytest.approx(inner.mean(), rel=1e-12)
    assert qw(Triple(fused, a, a)) == pytest.approx(np.average(inner, weights=variance), rel=1e-12)


def test_qs_and_qw_agree_with_the_formula_written_out(images):
    to_a, to_b, _, (var_a, var_b), _ = _plain(*images, 11, WANG)
    quality = (var_a * to_a + var_b * to_b) / (var_a + var_b)
    assert qs(Triple(*images)) == pytest.approx(quality.mean(), rel=1e-11)
    assert qw(Triple(*images)) == pytest.approx(np.average(quality, weights=np.maximum(var_a, var_b)), rel=1e-11)


def test_qc_and_qy_agree_with_the_formula_written_out(images):
    to_a, to_b, mutual, (var_a, var_b), (cov_a, cov_b) = _plain(*images, 7, BARE)
    share = cov_a / (cov_a + cov_b)
    assert 0 < (share > 1.0).mean() < 1
    share = np.clip(share, 0.0, 1.0)
    assert qc(Triple(*images)) == pytest.approx((share * to_a + (1 - share) * to_b).mean(), rel=1e-11)
    mixed = (var_a * to_a + var_b * to_b) / (var_a + var_b)
    assert 0 < (mutual >= 0.75).mean() < 1
    expected = np.where(mutual >= 0.75, mixed, np.maximum(to_a, to_b)).mean()
    assert qy(Triple(*images)) == pytest.approx(expected, rel=1e-11)


def test_qe_is_qw_times_qw_of_the_edges(images):
    kernel = np.array([1.0, 0.0, -1.0])
    edges = []
    for image in images:
        padded = np.pad(image, 1)
        down, across = (
            np.tensordot(_windows(padded, 3), k, 2)
            for k in (np.outer(kernel, np.ones(3)), np.outer(np.ones(3), kernel))
        )
        edges.append(np.hypot(down, across))
    assert qe(Triple(*images)) == pytest.approx(qw(Triple(*images)) * qw(Triple(*edges)), rel=1e-12)


@EVERY
def test_neither_order_of_the_sources_nor_orientation_matters(score, images):
    fused, a, b = images
    expected = score(Triple(fused, a, b))
    assert score(Triple(fused, b, a)) == pytest.approx(expected, rel=1e-12)
    assert score(Triple(fused.T, a.T, b.T)) == pytest.approx(expected, rel=1e-10)
    assert score(Triple(fused[:, ::-1], a[:, ::-1], b[:, ::-1])) == pytest.approx(expected, rel=1e-10)


@EVERY
def test_an_image_is_its_own_best_fusion_flat_parts_included(score, images):
    image = images[1].copy()
    image[:, 10:] = 77.0
    for best in (image, np.zeros_like(image), np.full_like(image, 77.0)):
        assert score(Triple(best, best, best)) == pytest.approx(1.0, abs=1e-12)


@EVERY
def test_noise_lowers_the_score(score, images, rng):
    fused, a, b = images
    assert score(Triple(np.clip(fused + rng.normal(0, 60, fused.shape), 0, 255), a, b)) < score(Triple(fused, a, b))


@pytest.mark.parametrize("score", [qs, qw, qc, qy])
def test_flat_images_are_compared_by_their_means(score):
    dark, light = np.full((13, 14), 60.0), np.full((13, 14), 90.0)
    # by hand: 2 * 60 * 90 / (60^2 + 90^2) = 12/13 against the dark source, 1 against the light one
    assert score(Triple(light, dark, light)) == pytest.approx((12.0 / 13.0 + 1.0) / 2.0, abs=1e-4)


@pytest.mark.parametrize("score", [qc, qy])
def test_flat_windows_have_no_score_under_the_published_rule(score):
    black = np.zeros((13, 14))
    assert np.isnan(score(Triple(black, black, black), flat_tolerance=None))


def test_opposed_sources_whose_covariances_cancel_weigh_the_same(images):
    fused, a, _ = images
    to_a, to_b, *_ = _plain(fused, a, 255.0 - a, 7, BARE)
    assert qc(Triple(fused, a, 255.0 - a)) == pytest.approx((to_a + to_b).mean() / 2.0, rel=1e-9)


def test_forcing_the_score_makes_qc_depend_on_the_order_of_the_sources(images):
    a, opposed = images[1], 255.0 - 0.5 * images[1]
    # by hand: s is 1 / (1 - 1/2) = 2 for a as the first source, -1 as the second; the similarity to a is 1
    assert qc(Triple(a, a, opposed)) == pytest.approx(qc(Triple(a, opposed, a))) == pytest.approx(1.0)
    assert qc(Triple(a, a, opposed), forced_score=True) == 1.0
    assert qc(Triple(a, opposed, a), forced_score=True) == 0.0


@pytest.mark.parametrize("scores", [(qs, qw, qe), (qc, qy)])
def test_windows_are_filtered_once_for_all_metrics_that_use_them(scores, images, monkeypatch):
    calls = []
    statistics = similarity.blocks
    monkeypatch.setattr(similarity, "blocks", lambda *given: calls.append(given) or statistics(*given))
    triple = Triple(*images)
    together = [score(triple) for score in scores]
    assert len(calls) == (2 if qe in scores else 1)  # of Q_E, the edges, too
    assert together == [score(Triple(*images)) for score in scores]
