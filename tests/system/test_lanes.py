import math

import numpy as np

from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import add, load, spread, store, transpose


@compiled()
def _arithmetic(x, y, out):
    for n in range(x.shape[0]):
        a, b = load(x, n), load(y, n)
        total = a + b
        total += 2.0 * a
        total -= b - 0.5
        total *= 3.0
        total /= b
        store(out, n, total)
        add(out, n, math.sqrt(abs(a)) + max(a, b) - min(b, 0.25) / (1.0 + spread(4.0)))


@compiled()
def _doubled(x, out):
    for n in range(x.shape[0]):
        store(out, n, load(x, n) * 2.0)


@compiled()
def _transposed(source, target):
    transpose(source, 0, target, 0)


def test_a_loop_over_groups_computes_what_numpy_does(rng):
    x, y = rng.normal(size=(2, 5, 3, 8))
    out = np.empty((5, 3, 8))
    _arithmetic(x.reshape(-1, 8), y.reshape(-1, 8), out.reshape(-1, 8))
    expected = (x + y + 2.0 * x - (y - 0.5)) * 3.0 / y
    expected += np.sqrt(abs(x)) + np.maximum(x, y) - np.minimum(y, 0.25) / 5.0
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)


def test_groups_are_counted_from_the_start_of_an_array_of_any_shape(rng):
    x = rng.normal(size=(2, 3, 8))
    out = np.empty((6, 8))
    _doubled(x[1], out[:3])
    np.testing.assert_array_equal(out[:3], 2.0 * x[1])


def test_columns_become_groups(rng):
    source = rng.normal(size=(8, 8))
    target = np.empty((8, 8))
    _transposed(source, target)
    np.testing.assert_array_equal(target, source.T)
