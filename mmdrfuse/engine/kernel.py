"""The student's two convolutions in one pass over rolling rows, from stored values to stored values.

Only three rows of the sources and of the hidden map are in memory at a time, so that all but the pictures themselves
stays in the level-1 cache. `mmdrfuse.system.native` compiles this module, so all arguments are numbers and addresses.

A picture of 1280×1024 takes 5.6 ms on one thread (AVX-512, Zen 4): the first convolution 2.9, the second 1.6, tanh and
rounding 0.4, reading 0.1. BLAS needs 2.8 ms for as many multiply-adds in one product of matrices. It holds both factors
in registers. Here each factor needs a load of its own, and two loads in three cross a cache line.
"""

from typing import Any

import numpy as np
from numba import njit
from numba.np.numpy_support import carray
from numpy.typing import NDArray

from mmdrfuse.system.compiling import entry

kernel = njit(nogil=True, fastmath={"contract"}, error_model="numpy")
Rows = NDArray[np.float32]
"""Rows of the sources, of the hidden map or of sums, or weights."""

Pixels = NDArray[Any]
"""Stored values of one row or picture: uint8, uint16 or float32."""

Address = Any
"""Address of the first value of an array; its type comes from the signature that numba compiles."""

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
_ZERO, _ONE, _LIMIT = np.float32(0), np.float32(1), np.float32(9)


@entry(fastmath={"contract"})
def fuse_rows(
    infrared_at: Address, infrared_gain: np.float32, visible_at: Address, visible_gain: np.float32,
    w1_at: Address, b1_at: Address, w2_at: Address, b2: np.float32,
    fused_at: Address, low: np.float32, gain: np.float32, top: np.float32,
    sources_at: Address, hidden_at: Address, total_at: Address, height: int, width: int, first: int, last: int,
) -> None:  # fmt: skip
    """Compute rows ``first`` to ``last`` (exclusive) of the fused picture.

    Args:
        infrared_at: H×W values, both sides at least 2.
        infrared_gain: Factor that brings them to [0, 1].
        visible_at: The same for the visible side.
        visible_gain: The same for the visible side.
        w1_at: (4, 2, 3, 3), the first convolution.
        b1_at: (4,).
        w2_at: (4, 3, 3), the second.
        b2: Its bias.
        fused_at: H×W values, written: (output − low)·gain, rounded and clipped to 0..top; the output itself where
            top is 0.
        low: The output that becomes 0.
        gain: Levels per unit of the output.
        top: The largest level, or 0 for the output itself.
        sources_at: (2, 3, W + 2) floats of work space; row y is in slot y mod 3.
        hidden_at: (4, 3, W + 2) floats of work space.
        total_at: (W,) floats of work space.
        height: H.
        width: W.
        first: First row.
        last: Row after the last.
    """
    infrared = carray(infrared_at, (height, width))
    visible = carray(visible_at, (height, width))
    fused = carray(fused_at, (height, width))
    w1 = carray(w1_at, (4, 2, 3, 3))
    b1 = carray(b1_at, (4,))
    w2 = carray(w2_at, (4, 3, 3))
    sources = carray(sources_at, (2, 3, width + 2))
    hidden = carray(hidden_at, (4, 3, width + 2))
    total = carray(total_at, (width,))

    # The first hidden row needs the source rows around it. Each further hidden row needs one new source row.
    start = max(first - 1, 0)
    for y in range(max(start - 1, 0), start + 1):
        _load(infrared[y], infrared_gain, sources[0, y % 3])
        _load(visible[y], visible_gain, sources[1, y % 3])

    for y in range(start, min(last + 1, height)):
        if y + 1 < height:
            _load(infrared[y + 1], infrared_gain, sources[0, (y + 1) % 3])
            _load(visible[y + 1], visible_gain, sources[1, (y + 1) % 3])
        above = abs(y - 1) % 3
        below = _reflect(y + 1, height) % 3
        for channel in range(4):
            _hidden_row(sources, above, y % 3, below, w1[channel], b1[channel], hidden[channel, y % 3])
        if y > first:
            _output_row(hidden, abs(y - 2) % 3, (y - 1) % 3, y % 3, w2, b2, total)
            _store(total, low, gain, top, fused[y - 1])

    if last == height:
        _output_row(hidden, (height - 2) % 3, (height - 1) % 3, (height - 2) % 3, w2, b2, total)
        _store(total, low, gain, top, fused[height - 1])


@kernel
def _reflect(index: int, size: int) -> int:
    return 2 * (size - 1) - index if index >= size else index


@kernel
def _load(row: Pixels, gain: np.float32, padded: Rows) -> None:
    width = row.size
    for x in range(width):
        padded[x + 1] = np.float32(row[x]) * gain
    padded[0] = padded[2]
    padded[width + 1] = padded[width - 1]


@kernel
def _hidden_row(sources: Rows, above: int, here: int, below: int, w: Rows, bias: np.float32, out: Rows) -> None:
    """Compute one channel of one row of the hidden map, relu(conv), with its own reflected ends."""
    i0, i1, i2 = sources[0, above], sources[0, here], sources[0, below]
    v0, v1, v2 = sources[1, above], sources[1, here], sources[1, below]
    width = out.size - 2
    for x in range(width):
        total = bias
        total += w[0, 0, 0] * i0[x] + w[0, 0, 1] * i0[x + 1] + w[0, 0, 2] * i0[x + 2]
        total += w[0, 1, 0] * i1[x] + w[0, 1, 1] * i1[x + 1] + w[0, 1, 2] * i1[x + 2]
        total += w[0, 2, 0] * i2[x] + w[0, 2, 1] * i2[x + 1] + w[0, 2, 2] * i2[x + 2]
        total += w[1, 0, 0] * v0[x] + w[1, 0, 1] * v0[x + 1] + w[1, 0, 2] * v0[x + 2]
        total += w[1, 1, 0] * v1[x] + w[1, 1, 1] * v1[x + 1] + w[1, 1, 2] * v1[x + 2]
        total += w[1, 2, 0] * v2[x] + w[1, 2, 1] * v2[x + 1] + w[1, 2, 2] * v2[x + 2]
        out[x + 1] = max(total, _ZERO)
    out[0] = out[2]
    out[width + 1] = out[width - 1]


@kernel
def _output_row(hidden: Rows, above: int, here: int, below: int, w: Rows, bias: np.float32, out: Rows) -> None:
    """Compute one row of the second convolution."""
    for x in range(out.size):
        out[x] = bias
    for channel in range(4):
        h0, h1, h2 = hidden[channel, above], hidden[channel, here], hidden[channel, below]
        k = w[channel]
        for x in range(out.size):
            total = k[0, 0] * h0[x] + k[0, 1] * h0[x + 1] + k[0, 2] * h0[x + 2]
            total += k[1, 0] * h1[x] + k[1, 1] * h1[x + 1] + k[1, 2] * h1[x + 2]
            total += k[2, 0] * h2[x] + k[2, 1] * h2[x + 1] + k[2, 2] * h2[x + 2]
            out[x] += total


@kernel
def _store(total: Rows, low: np.float32, gain: np.float32, top: np.float32, out: Pixels) -> None:
    if top == _ZERO:
        for x in range(total.size):
            out[x] = _tanh(total[x])
    else:
        for x in range(total.size):
            out[x] = min(max(np.rint((_tanh(total[x]) - low) * gain), _ZERO), top)


@kernel
def _tanh(x: np.float32) -> np.float32:
    """Compute the hyperbolic tangent within 4e-7, as a quotient of polynomials, which vectorises.

    A library call would not vectorise. Beyond ±9 the tangent is ±1 in float32.
    """
    x = min(max(x, -_LIMIT), _LIMIT)
    t = x * x
    numerator = _ONE + t * (_N1 + t * (_N2 + t * (_N3 + t * (_N4 + t * (_N5 + t * _N6)))))
    denominator = _ONE + t * (_D1 + t * (_D2 + t * (_D3 + t * (_D4 + t * (_D5 + t * _D6)))))
    return x * numerator / denominator
