"""The student's two convolutions in one pass over rolling rows, compiled by numba on first use.

Only three rows of the sources and of the hidden map are alive at a time, so everything but the planes
themselves stays in the first cache.
"""

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.compiling import compiled
from mmdrfuse.models.checkpoints import SHAPES

CHANNELS = SHAPES["student"]["conv1"][0]
kernel = compiled(fastmath={"contract"}, error_model="numpy")
F32 = NDArray[np.float32]

# tanh x = x · N(x²)/D(x²): Lambert's continued fraction x/(1 + x²/(3 + x²/(5 + …))) cut after 13 terms.
_N1, _N2, _N3, _N4, _N5, _N6 = map(
    np.float32,
    (0.14666666666666667, 5.2173913043478265e-3, 6.625258799171843e-5, 3.2286836253274086e-7,
     5.179706350792634e-10, 1.264885555749117e-13),
)  # fmt: skip
_D1, _D2, _D3, _D4, _D5, _D6 = map(
    np.float32,
    (0.48, 3.188405797101449e-2, 6.625258799171842e-4, 5.230467473030402e-6, 1.5193805295658393e-8,
     1.1510458557316966e-11),
)  # fmt: skip
_ONE, _LIMIT = np.float32(1), np.float32(9)


@kernel
def fuse_rows(
    infrared: F32, visible: F32, w1: F32, b1: F32, w2: F32, b2: F32, fused: F32, first: int, last: int
) -> None:
    """Fill rows ``first`` to ``last`` (exclusive) of ``fused``.

    Args:
        infrared: H×W in [0, 1], both sides at least 2.
        visible: The same.
        w1: (4, 2, 3, 3), the first convolution.
        b1: (4,).
        w2: (1, 4, 3, 3), the second.
        b2: (1,).
        fused: H×W, written.
        first: First row.
        last: Row after the last.
    """
    height, width = infrared.shape
    sources = np.empty((2, 3, width + 2), np.float32)
    hidden = np.empty((CHANNELS, 3, width + 2), np.float32)
    for y in range(first - 1, last + 1):
        row = _reflect(y, height)
        for tap in range(3):
            source = _reflect(row + tap - 1, height)
            _load(infrared[source], sources[0, tap])
            _load(visible[source], sources[1, tap])
        for channel in range(CHANNELS):
            # Slot y mod 3 of the ring; the first convolution of the reflected row is the reflected map.
            _hidden_row(sources, w1[channel], b1[channel], hidden[channel, (y + 3) % 3])
        if y > first:
            _output_row(hidden, (y + 1) % 3, w2[0], b2[0], fused[y - 1])


@kernel
def _reflect(index: int, size: int) -> int:
    if index < 0:
        return -index
    return 2 * (size - 1) - index if index >= size else index


@kernel
def _load(row: F32, padded: F32) -> None:
    width = row.size
    for x in range(width):
        padded[x + 1] = row[x]
    padded[0] = row[1]
    padded[width + 1] = row[width - 2]


@kernel
def _hidden_row(sources: F32, w: F32, bias: np.float32, out: F32) -> None:
    """One channel of one row of the hidden map: relu(conv), with its own reflected ends."""
    i0, i1, i2 = sources[0, 0], sources[0, 1], sources[0, 2]
    v0, v1, v2 = sources[1, 0], sources[1, 1], sources[1, 2]
    width = out.size - 2
    for x in range(width):
        total = bias
        total += w[0, 0, 0] * i0[x] + w[0, 0, 1] * i0[x + 1] + w[0, 0, 2] * i0[x + 2]
        total += w[0, 1, 0] * i1[x] + w[0, 1, 1] * i1[x + 1] + w[0, 1, 2] * i1[x + 2]
        total += w[0, 2, 0] * i2[x] + w[0, 2, 1] * i2[x + 1] + w[0, 2, 2] * i2[x + 2]
        total += w[1, 0, 0] * v0[x] + w[1, 0, 1] * v0[x + 1] + w[1, 0, 2] * v0[x + 2]
        total += w[1, 1, 0] * v1[x] + w[1, 1, 1] * v1[x + 1] + w[1, 1, 2] * v1[x + 2]
        total += w[1, 2, 0] * v2[x] + w[1, 2, 1] * v2[x + 1] + w[1, 2, 2] * v2[x + 2]
        out[x + 1] = max(total, np.float32(0))
    out[0] = out[2]
    out[width + 1] = out[width - 1]


@kernel
def _output_row(hidden: F32, top: int, w: F32, bias: np.float32, out: F32) -> None:
    middle, below = (top + 1) % 3, (top + 2) % 3
    for x in range(out.size):
        out[x] = bias
    for channel in range(CHANNELS):
        h0, h1, h2 = hidden[channel, top], hidden[channel, middle], hidden[channel, below]
        k = w[channel]
        for x in range(out.size):
            total = k[0, 0] * h0[x] + k[0, 1] * h0[x + 1] + k[0, 2] * h0[x + 2]
            total += k[1, 0] * h1[x] + k[1, 1] * h1[x + 1] + k[1, 2] * h1[x + 2]
            total += k[2, 0] * h2[x] + k[2, 1] * h2[x + 1] + k[2, 2] * h2[x + 2]
            out[x] += total
    for x in range(out.size):
        out[x] = _tanh(out[x])


@kernel
def _tanh(x: np.float32) -> np.float32:
    """Hyperbolic tangent within 4e-7, as a quotient of polynomials, which vectorises where a library call does not.

    Beyond ±9 it is ±1 in float32.
    """
    x = min(max(x, -_LIMIT), _LIMIT)
    t = x * x
    numerator = _ONE + t * (_N1 + t * (_N2 + t * (_N3 + t * (_N4 + t * (_N5 + t * _N6)))))
    denominator = _ONE + t * (_D1 + t * (_D2 + t * (_D3 + t * (_D4 + t * (_D5 + t * _D6)))))
    return x * numerator / denominator
