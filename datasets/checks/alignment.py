"""Do the two pictures of a pair lie on each other: a rough score, and by how much they are off.

What both sides have in common is where edges are and how they run, not their sign or strength: a warm man is bright in
one and dark in the other. Each pixel's gradient of length m and angle φ becomes √m · exp(2iφ), which an edge turned
from light-dark to dark-light leaves as it is, and the two fields are correlated at every shift by FFT.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

LONG = 256
"""Pixels on the longer side beyond which pictures are made smaller first."""
FARTHEST = 8
"""Shifts are looked for up to the side divided by this."""
SMALLEST = 32
"""Pixels on a side below which nothing is said."""
CLEAR = 5.0
"""Standard deviations by which the best shift stands out where it can be believed."""
OFF = 0.01
"""Part of the longer side by which a pair must be off."""
OUTDONE = 0.5
"""The unshifted correlation (in the same deviations) is less than this part of the best shift's.

All three were measured on 230 registered infrared and visible pairs (LLVIP, RoadScene, MSRS, TNO, VIFB): none of them
is called off, and of RoadScene's displaced by 8 and by 12 pixels 85 and 89 % are; of 160 CT and MRI slices two are, of
578 PET or SPECT and MRI slices, whose edges have little in common, none.
"""

Small = NDArray[np.float32]


class Alignment(NamedTuple):
    """How well two pictures lie on each other."""

    score: float
    """Correlation of their gradients at the best shift, 0 to 1; 0.1 to 0.3 is usual for infrared and visible."""
    shift: tuple[float, float]
    """Pixels to the right and down by which the visible picture lies beside the infrared one."""
    clarity: float
    """Standard deviations by which the best shift stands out among all."""
    off: bool
    """The pair is clearly not aligned."""


def shrunk(luma: NDArray[Any]) -> tuple[Small, int]:
    """Make a picture smaller by means over squares, so that its longer side is at most `LONG`.

    Args:
        luma: H×W.

    Returns:
        The small picture, in the values of the large one, and the side of the squares.
    """
    square = -(-max(luma.shape) // LONG)
    height, width = (length // square * square for length in luma.shape)
    whole = luma[:height, :width].astype(np.float32)
    rows = sum((whole[start::square] for start in range(1, square)), whole[0::square])
    small: Small = sum((rows[:, start::square] for start in range(1, square)), rows[:, 0::square])
    return small / np.float32(square**2), square


def align(infrared: Small, visible: Small, *, square: int = 1) -> Alignment | None:
    """Find the shift at which two pictures correlate best.

    Args:
        infrared: H×W, as from `shrunk`.
        visible: The same shape.
        square: Pixels of the large picture on the side of one of these.

    Returns:
        None where a picture is too small or too flat to tell.
    """
    if min(infrared.shape) < SMALLEST:
        return None
    fields = [_field(side) for side in (infrared, visible)]
    if not all(field.any() for field in fields):
        return None
    spectra = [fft.fft2(field) for field in fields]
    surface = fft.ifft2(spectra[0].conj() * spectra[1]).real
    down, right = (length // FARTHEST for length in surface.shape)
    near = np.roll(surface, (down, right), (0, 1))[: 2 * down + 1, : 2 * right + 1]
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    clarity, unshifted = ((float(value) - near.mean()) / near.std() for value in (near[y, x], near[down, right]))
    dy, dx = y - down + _between(near[:, x], int(y)), x - right + _between(near[y], int(x))
    off = clarity >= CLEAR and unshifted < OUTDONE * clarity and float(np.hypot(dx, dy)) >= OFF * max(infrared.shape)
    return Alignment(float(near[y, x]), (float(dx) * square, float(dy) * square), float(clarity), bool(off))


def _field(small: Small) -> NDArray[np.complex64]:
    """Give √m · exp(2iφ) of each pixel's gradient, fading towards the border, of length 1 in all."""
    dy, dx = np.gradient(small)
    gradient = dx + 1j * dy
    lengths = np.maximum(np.abs(gradient), 1e-6)
    fade = np.sqrt(np.outer(*(np.hanning(length + 2)[1:-1] for length in small.shape)))
    field = (gradient**2 / lengths**1.5 * fade).astype(np.complex64)
    total = float(np.linalg.norm(field))
    return field / np.float32(total) if total > 1e-3 else np.zeros_like(field)


def _between(values: NDArray[np.floating[Any]], at: int) -> float:
    """Give where a parabola through a peak and its neighbours is highest, from -0.5 to 0.5 beside the peak."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * peak + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
