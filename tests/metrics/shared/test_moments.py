import numpy as np
import pytest

from mmdrfuse.metrics.shared.moments import moments, pearson, scatter
from mmdrfuse.metrics.shared.triple import Triple


def test_correlations_are_numpys(triple):
    m = moments(triple)
    f, a, b = (image.ravel() for image in triple.images)
    for x, y, product, one, other in (
        (m.f, m.a, m.f_and_a, f, a),
        (m.f, m.b, m.f_and_b, f, b),
        (m.f_without_a, m.b, m.f_without_a_and_b, f - a, b),
        (m.f_without_b, m.a, m.f_without_b_and_a, f - b, a),
    ):
        assert pearson(x, y, product, f.size) == pytest.approx(np.corrcoef(one, other)[0, 1], rel=1e-11)
        assert scatter(x, f.size) == pytest.approx(np.var(one) * f.size, rel=1e-11)


def test_a_spread_is_zero_only_where_all_values_are_the_same(rng):
    constant = np.full((5, 6), 0.1)
    nearly = constant.copy()
    nearly[3, 3] += 1e-12
    m = moments(Triple(constant, nearly, nearly + 0.3))
    assert m.f.squares == 0.0 < m.a.squares
    assert scatter(m.a, 30) == pytest.approx(1e-24 * 29 / 30, rel=1e-3)
