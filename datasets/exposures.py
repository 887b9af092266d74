"""One pair as other cameras might have exposed it, so that training sees more kinds of light than its sets hold.

A thermal camera may show warm things dark; a visible one may see haze or night. Each side gets a range, a gamma and,
the infrared in half of the cases, the other polarity, all drawn at random.
"""

import math
import zlib

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

DARKEST, BRIGHTEST = (0.0, 40.0), (200.0, 255.0)
"""Levels between which a side's darkest and its brightest pixel come to lie."""

GAMMA = (0.8, 1.8)
"""What the curve's exponent is drawn from, evenly on a logarithmic scale."""


def expose(infrared: Image, visible: Image, *, seed: str) -> tuple[Image, Image]:
    """Give both sides at another exposure; the same seed gives the same.

    Args:
        infrared: H×W.
        visible: H×W.
        seed: Any text, such as the pair's name.

    Returns:
        Infrared and visible, H×W; one that was constant is so still.
    """
    generator = np.random.default_rng(zlib.crc32(seed.encode()))
    inverted = bool(generator.integers(2))
    return _exposed(infrared, generator, inverted=inverted), _exposed(visible, generator, inverted=False)


def _exposed(image: Image, generator: np.random.Generator, *, inverted: bool) -> Image:
    """Send the levels through a random curve."""
    low, high = generator.uniform(*DARKEST), generator.uniform(*BRIGHTEST)
    gamma = math.exp(generator.uniform(*map(math.log, GAMMA)))
    first, last = int(image.min()), int(image.max())
    place = np.clip((np.arange(256) - first) / max(last - first, 1), 0, 1)
    curve = low + (high - low) * (1 - place if inverted else place) ** gamma
    exposed: Image = np.rint(curve).astype(np.uint8)[image]
    return exposed
