"""One pair as other cameras might have exposed it, so that training sees more kinds of light than its sets hold.

``haze``: both sides use most of their range, the visible one lies in its darker half, and the thermal camera may show
warm things dark. ``night``: little but hot things is bright in the infrared, and the visible side is dim, with the
noise of a camera at its limits. ``day``: nothing is dark in the visible side, and the infrared uses most of its range.

The tones keep what the cameras saw, at another gain: ``dark``: a thermal camera with so wide a range that all but the
hot is dark, and the visible side at dusk. ``dusk``: the visible side is dark, and mostly the infrared
too. ``warm``: the thermal camera is lifted, as on warm nights. ``camera``: gains as they differ between cameras.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Curve(NamedTuple):
    """What a curve is drawn from: levels that the darkest and the brightest pixel become, and the exponent."""

    darkest: tuple[float, float]
    brightest: tuple[float, float]
    gamma: tuple[float, float]


class Light(NamedTuple):
    """How both cameras see in a light."""

    infrared: Curve
    visible: Curve
    inverted: float
    """How often the thermal camera shows warm things dark."""
    noise: float
    """Standard deviation, in levels: without it, what a curve darkens would be flatter than night is."""


LIGHTS: dict[str, Light] = {
    "haze": Light(
        infrared=Curve((10, 30), (230, 255), (0.7, 1.4)),
        visible=Curve((10, 40), (190, 245), (1.0, 2.0)),
        inverted=0.4,
        noise=0.0,
    ),
    "night": Light(
        infrared=Curve((0, 4), (140, 255), (2.5, 4.5)),
        visible=Curve((0, 10), (120, 255), (1.0, 4.0)),
        inverted=0.0,
        noise=2.0,
    ),
    "day": Light(
        infrared=Curve((15, 40), (225, 250), (0.7, 1.4)),
        visible=Curve((70, 110), (235, 255), (0.6, 1.4)),
        inverted=0.4,
        noise=0.0,
    ),
}
"""By name; their order decides too what a seed draws."""


class Tone(NamedTuple):
    """How a gain is drawn: ``255·gain·(level/255)^gamma + offset``."""

    gamma: tuple[float, float] = (1.0, 1.0)
    gain: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    """Levels."""
    floor: tuple[float, float] | None = None
    """Between which percentiles of the picture that level is drawn which is taken off first."""
    noise: float = 0.0
    """Standard deviation, in levels."""
    share: float = 1.0
    """Of all pictures, how many get the tone."""


class Tones(NamedTuple):
    """The tones of both sides."""

    infrared: Tone
    visible: Tone


TONES: dict[str, Tones] = {
    "dark": Tones(
        infrared=Tone(gain=(0.25, 0.8), offset=(8, 22), floor=(20, 60), noise=1.0),
        visible=Tone(gamma=(1.3, 3.0)),
    ),
    "dusk": Tones(
        infrared=Tone(gamma=(1.0, 2.2), gain=(0.5, 1.0), share=0.7),
        visible=Tone(gamma=(1.3, 3.0), gain=(0.6, 1.0)),
    ),
    "warm": Tones(
        infrared=Tone(gamma=(0.5, 1.1), gain=(0.9, 1.8), offset=(0, 45)),
        visible=Tone(gamma=(0.85, 1.15), gain=(0.9, 1.7)),
    ),
    "camera": Tones(
        infrared=Tone(gain=(0.8, 1.6)),
        visible=Tone(gamma=(0.75, 1.35), gain=(0.9, 1.2)),
    ),
}
"""By name."""

ALL = (*LIGHTS, *TONES)
"""The names of all lights and tones."""


def expose(infrared: Image, visible: Image, *, light: str, seed: str) -> tuple[Image, Image]:
    """Give both sides at another exposure; the same seed gives the same.

    Args:
        infrared: H×W.
        visible: H×W.
        light: One of `ALL`.
        seed: Any text, such as the pair's name.

    Returns:
        Infrared and visible, H×W.
    """
    generator = np.random.default_rng(zlib.crc32(f"{light} {seed}".encode("utf-8", "surrogateescape")))
    if light in TONES:
        tones = TONES[light]
        return _toned(infrared, tones.infrared, generator), _toned(visible, tones.visible, generator)
    seen = LIGHTS[light]
    inverted = bool(generator.random() < seen.inverted)
    return (
        _exposed(infrared, seen.infrared, generator, inverted=inverted, noise=seen.noise),
        _exposed(visible, seen.visible, generator, inverted=False, noise=seen.noise),
    )


def _exposed(image: Image, curve: Curve, generator: np.random.Generator, *, inverted: bool, noise: float) -> Image:
    """Send the levels through a curve drawn at random, and add noise."""
    low, high = generator.uniform(*curve.darkest), generator.uniform(*curve.brightest)
    gamma = math.exp(generator.uniform(math.log(curve.gamma[0]), math.log(curve.gamma[1])))
    first, last = int(image.min()), int(image.max())
    place = np.clip((np.arange(256) - first) / max(last - first, 1), 0, 1)
    levels = low + (high - low) * (1 - place if inverted else place) ** gamma
    exposed = levels[image]
    if noise:
        exposed = exposed + generator.normal(0, noise, image.shape)
    return np.clip(np.rint(exposed), 0, 255).astype(np.uint8)


def _toned(image: Image, tone: Tone, generator: np.random.Generator) -> Image:
    """Send the levels through a tone drawn at random."""
    if generator.random() >= tone.share:
        return image
    gamma, gain = (math.exp(generator.uniform(*np.log(ends))) for ends in (tone.gamma, tone.gain))
    floor = 0.0 if tone.floor is None else float(np.percentile(image, generator.uniform(*tone.floor)))
    place = np.clip(np.arange(256) - floor, 0, None) / 255
    toned = (255 * gain * place**gamma + generator.uniform(*tone.offset))[image]
    if tone.noise:
        toned = toned + generator.normal(0, tone.noise, image.shape)
    levels: Image = np.clip(np.rint(toned), 0, 255).astype(np.uint8)
    return levels
