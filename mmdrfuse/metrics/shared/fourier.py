"""Inverse Fourier transforms of eight sequences at a time, in the processor's own memory.

A metric that filters an image in many ways needs only a few sums of the responses. If it transforms whole images, most
of the time goes into writing and reading them. With these transforms it has eight columns or rows of a response at a
time, and uses them at once.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft

from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.lanes import load, spread, store

Complex = npt.NDArray[np.float64]
"""(2, ...): real part and imaginary part."""

Sequences = npt.NDArray[np.float64]
"""(N, 8): real or imaginary parts of eight sequences."""

Four = tuple[float, float, float, float, float, float, float, float]
"""Four complex numbers, real and imaginary parts in turn."""

_ROOT = math.sqrt(0.5)
_LARGEST_RADIX = 31
"""Sequences whose length has a larger prime factor are transformed as a convolution, by Bluestein's algorithm."""


class Plan(NamedTuple):
    """What the transforms of one length have in common."""

    length: int

    radices: npt.NDArray[np.int64]
    """Factors of `twiddles`' length: one pass over the sequences each."""

    twiddles: Complex
    """(2, N): the powers of the N-th root of unity."""

    chirp: Complex
    """(2, n): exp(iπk²/n) for Bluestein's algorithm, empty without it."""

    kernel: Complex
    """(2, N): transform of the chirp's conjugate, divided by N; empty without it."""


def plan(length: int) -> Plan:
    """Return the plan of the inverse transforms of a length."""
    none = np.empty((2, 0))
    radices = _radices(length)
    if max(radices, default=1) <= _LARGEST_RADIX:
        return Plan(length, np.array(radices, np.int64), roots_of_unity(length), none, none)

    longer = 1
    while longer < 2 * length - 1:
        longer *= 2
    k = np.arange(length)
    chirp = roots_of_unity(2 * length)[:, k * k % (2 * length)]
    conjugate = np.zeros(longer, np.complex128)
    conjugate[:length] = chirp[0] - 1j * chirp[1]
    conjugate[longer - length + 1 :] = conjugate[length - 1 : 0 : -1]
    kernel = scipy.fft.fft(conjugate) / longer
    return Plan(
        length,
        np.array(_radices(longer), np.int64),
        roots_of_unity(longer),
        chirp,
        np.stack([kernel.real, kernel.imag]),
    )


def roots_of_unity(order: int) -> Complex:
    """Return the powers of a root of unity, (2, order)."""
    angle = 2.0 * np.pi / order * np.arange(order)
    return np.stack([np.cos(angle), np.sin(angle)])


def _radices(length: int) -> list[int]:
    # odd primes, then eights, then fours: fewer passes with eights, but the last ones write too far apart for them
    powers = length & -length
    radices = _factors(length // powers, range(3, length + 1, 2))
    while powers > 1:
        radix = 4 if powers in (16, 64) else min(powers, 8)
        radices.append(radix)
        powers //= radix
    return radices


def _factors(length: int, candidates: Iterable[int]) -> list[int]:
    factors = []
    for candidate in candidates:
        while length % candidate == 0:
            factors.append(candidate)
            length //= candidate
    return factors


@compiled()
def inverse(plan: Plan, real: Sequences, imaginary: Sequences, work: Sequences) -> None:
    """Replace eight sequences by their inverse transforms, not divided by their length.

    Args:
        plan: Of the sequences' length n.
        real: (n, 8), or more rows, which are left alone.
        imaginary: The same.
        work: Work space, (4, N, 8), N the length of the plan's twiddles.
    """
    length = plan.chirp.shape[1]
    if length == 0:
        _passes(plan.radices, plan.twiddles, real, imaginary, work[0], work[1])
        return

    # the chirp makes the transform a convolution with its conjugate
    longer_r, longer_i = work[2], work[3]
    longer_r[length:] = 0.0
    longer_i[length:] = 0.0
    _multiply(real, imaginary, plan.chirp, longer_r, longer_i)
    # with real and imaginary parts exchanged on both sides, the inverse transform is the forward one
    _passes(plan.radices, plan.twiddles, longer_i, longer_r, work[0], work[1])
    _multiply(longer_r, longer_i, plan.kernel, longer_r, longer_i)
    _passes(plan.radices, plan.twiddles, longer_r, longer_i, work[0], work[1])
    _multiply(longer_r, longer_i, plan.chirp, real, imaginary)


@compiled()
def _multiply(real: Sequences, imaginary: Sequences, factors: Complex, out_r: Sequences, out_i: Sequences) -> None:
    for k in range(factors.shape[1]):
        x_r = load(real, k)
        x_i = load(imaginary, k)
        store(out_r, k, x_r * factors[0, k] - x_i * factors[1, k])
        store(out_i, k, x_r * factors[1, k] + x_i * factors[0, k])


@compiled()
def _passes(
    radices: npt.NDArray[np.int64],
    twiddles: Complex,
    real: Sequences,
    imaginary: Sequences,
    work_r: Sequences,
    work_i: Sequences,
) -> None:
    # Stockham's form: each pass reads in one order and writes in another, so that the last one leaves natural order
    x_r, x_i, y_r, y_i = real, imaginary, work_r, work_i
    stride = 1
    for radix in radices:
        if radix == 8:
            _eights(stride, twiddles, x_r, x_i, y_r, y_i)
        elif radix == 4:
            _fours(stride, twiddles, x_r, x_i, y_r, y_i)
        elif radix == 2:
            _pairs(stride, twiddles, x_r, x_i, y_r, y_i)
        else:
            _odd(radix, stride, twiddles, x_r, x_i, y_r, y_i)
        x_r, x_i, y_r, y_i = y_r, y_i, x_r, x_i
        stride *= radix
    if radices.size % 2:
        length = twiddles.shape[1]
        real[:length] = work_r[:length]
        imaginary[:length] = work_i[:length]


@compiled()
def _eights(stride: int, twiddles: Complex, x_r: Sequences, x_i: Sequences, y_r: Sequences, y_i: Sequences) -> None:
    part = twiddles.shape[1] // 8
    for start in range(0, part, stride):
        for n in range(start, start + stride):
            a_r, a_i, b_r, b_i, c_r, c_i, d_r, d_i = _four(x_r, x_i, n, 2 * part)
            e_r, e_i, f_r, f_i, g_r, g_i, h_r, h_i = _four(x_r, x_i, n + part, 2 * part)
            # turned by an eighth, two and three eighths of a circle
            f_r, f_i = (f_r - f_i) * _ROOT, (f_r + f_i) * _ROOT
            h_r, h_i = (h_r + h_i) * -_ROOT, (h_r - h_i) * _ROOT

            k = n + 7 * start
            store(y_r, k, a_r + e_r)
            store(y_i, k, a_i + e_i)
            _put(y_r, y_i, k + stride, b_r + f_r, b_i + f_i, twiddles, start)
            _put(y_r, y_i, k + 2 * stride, c_r - g_i, c_i + g_r, twiddles, 2 * start)
            _put(y_r, y_i, k + 3 * stride, d_r + h_r, d_i + h_i, twiddles, 3 * start)
            _put(y_r, y_i, k + 4 * stride, a_r - e_r, a_i - e_i, twiddles, 4 * start)
            _put(y_r, y_i, k + 5 * stride, b_r - f_r, b_i - f_i, twiddles, 5 * start)
            _put(y_r, y_i, k + 6 * stride, c_r + g_i, c_i - g_r, twiddles, 6 * start)
            _put(y_r, y_i, k + 7 * stride, d_r - h_r, d_i - h_i, twiddles, 7 * start)


@compiled()
def _fours(stride: int, twiddles: Complex, x_r: Sequences, x_i: Sequences, y_r: Sequences, y_i: Sequences) -> None:
    part = twiddles.shape[1] // 4
    for start in range(0, part, stride):
        for n in range(start, start + stride):
            a_r, a_i, b_r, b_i, c_r, c_i, d_r, d_i = _four(x_r, x_i, n, part)
            k = n + 3 * start
            store(y_r, k, a_r)
            store(y_i, k, a_i)
            _put(y_r, y_i, k + stride, b_r, b_i, twiddles, start)
            _put(y_r, y_i, k + 2 * stride, c_r, c_i, twiddles, 2 * start)
            _put(y_r, y_i, k + 3 * stride, d_r, d_i, twiddles, 3 * start)


@compiled()
def _four(real: Sequences, imaginary: Sequences, n: int, step: int) -> Four:
    # the transform of four numbers
    a_r, a_i = load(real, n), load(imaginary, n)
    b_r, b_i = load(real, n + step), load(imaginary, n + step)
    c_r, c_i = load(real, n + 2 * step), load(imaginary, n + 2 * step)
    d_r, d_i = load(real, n + 3 * step), load(imaginary, n + 3 * step)
    sum_r, sum_i, difference_r, difference_i = a_r + c_r, a_i + c_i, a_r - c_r, a_i - c_i
    # the others, turned by a quarter of a circle
    others_r, others_i, turned_r, turned_i = b_r + d_r, b_i + d_i, d_i - b_i, b_r - d_r
    return (
        sum_r + others_r, sum_i + others_i, difference_r + turned_r, difference_i + turned_i,
        sum_r - others_r, sum_i - others_i, difference_r - turned_r, difference_i - turned_i,
    )  # fmt: skip


@compiled()
def _pairs(stride: int, twiddles: Complex, x_r: Sequences, x_i: Sequences, y_r: Sequences, y_i: Sequences) -> None:
    half = twiddles.shape[1] // 2
    for start in range(0, half, stride):
        for n in range(start, start + stride):
            a_r, a_i = load(x_r, n), load(x_i, n)
            b_r, b_i = load(x_r, n + half), load(x_i, n + half)
            store(y_r, n + start, a_r + b_r)
            store(y_i, n + start, a_i + b_i)
            _put(y_r, y_i, n + start + stride, a_r - b_r, a_i - b_i, twiddles, start)


@compiled()
def _odd(
    radix: int, stride: int, twiddles: Complex, x_r: Sequences, x_i: Sequences, y_r: Sequences, y_i: Sequences
) -> None:
    # outputs k and radix - k share their sums and differences of inputs j and radix - j
    part = twiddles.shape[1] // radix
    for start in range(0, part, stride):
        for n in range(start, start + stride):
            first_r, first_i = load(x_r, n), load(x_i, n)
            out = n + (radix - 1) * start
            sum_r, sum_i = first_r, first_i
            for j in range(1, radix):
                sum_r += load(x_r, n + j * part)
                sum_i += load(x_i, n + j * part)
            store(y_r, out, sum_r)
            store(y_i, out, sum_i)

            for k in range(1, radix // 2 + 1):
                even_r, even_i = first_r, first_i
                odd_r = odd_i = spread(0.0)
                for j in range(1, radix // 2 + 1):
                    low, high = n + j * part, n + (radix - j) * part
                    low_r, low_i = load(x_r, low), load(x_i, low)
                    high_r, high_i = load(x_r, high), load(x_i, high)
                    turn = j * k % radix * part
                    even_r += (low_r + high_r) * twiddles[0, turn]
                    even_i += (low_i + high_i) * twiddles[0, turn]
                    odd_r += (high_i - low_i) * twiddles[1, turn]
                    odd_i += (low_r - high_r) * twiddles[1, turn]
                _put(y_r, y_i, out + k * stride, even_r + odd_r, even_i + odd_i, twiddles, k * start)
                other = radix - k
                _put(y_r, y_i, out + other * stride, even_r - odd_r, even_i - odd_i, twiddles, other * start)


@compiled()
def _put(
    out_r: Sequences, out_i: Sequences, k: int, real: float, imaginary: float, twiddles: Complex, turn: int
) -> None:
    store(out_r, k, real * twiddles[0, turn] - imaginary * twiddles[1, turn])
    store(out_i, k, real * twiddles[1, turn] + imaginary * twiddles[0, turn])
