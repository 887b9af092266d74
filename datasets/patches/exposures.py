"""Change a pair as if other cameras had exposed it, so that training sees more kinds of light than its sets hold.

``haze``: both sides use most of their range, the visible side is mostly in its darker half, and the thermal camera may
show warm things dark. ``night``: in the infrared only hot things are bright; the visible side is dim, with the noise of
a camera at its limits. ``day``: nothing is dark in the visible side, and the infrared uses most of its range.

The tones only change the gain. ``dark``: the thermal camera has so wide a range that everything but hot things is
dark, and the visible side is at dusk. ``dusk``: the visible side is dark, and mostly the infrared, too. ``warm``: the
infrared is raised, as on warm nights. ``camera``: gains as they differ between cameras.
"""

import math
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Curve(NamedTuple):
    """Ranges from which a tone curve is drawn: the levels of the darkest and brightest pixel, and the exponent."""

    darkest: tuple[float, float]
    brightest: tuple[float, float]
    gamma: tuple[float, float]


class Light(NamedTuple):
    """How both cameras expose a scene in a kind of light."""

    infrared: Curve
    visible: Curve
    inverted: float
    """Probability that the thermal camera shows warm things dark, 0 to 1."""
    noise: float
    """Standard deviation, in levels of 255; without noise, a darkened picture would be smoother than a real one."""


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
"""All lights by name; their order also affects what a seed draws."""


class Tone(NamedTuple):
    """Ranges from which a tone is drawn; a level becomes ``255·gain·((level - floor)/255)^gamma + offset``."""

    gamma: tuple[float, float] = (1.0, 1.0)
    gain: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    """In levels of 255."""
    floor: tuple[float, float] | None = None
    """Percentiles of the picture between which the floor is drawn; None for a floor of 0."""
    noise: float = 0.0
    """Standard deviation, in levels of 255."""
    share: float = 1.0
    """Probability that a picture gets the tone, 0 to 1."""


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
"""All tones by name."""

ALL = (*LIGHTS, *TONES)
"""The names of all lights and tones."""


def expose(infrared: Image, visible: Image, *, light: str, seed: str) -> tuple[Image, Image]:
    """Return both sides at another exposure; the same seed gives the same result.

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
    curves = LIGHTS[light]
    inverted = bool(generator.random() < curves.inverted)
    return (
        _exposed(infrared, curves.infrared, generator, inverted=inverted, noise=curves.noise),
        _exposed(visible, curves.visible, generator, inverted=False, noise=curves.noise),
    )


def _exposed(image: Image, curve: Curve, generator: np.random.Generator, *, inverted: bool, noise: float) -> Image:
    """Map the levels by a tone curve that is drawn at random, and add noise."""
    low = generator.uniform(*curve.darkest)
    high = generator.uniform(*curve.brightest)
    gamma = math.exp(generator.uniform(math.log(curve.gamma[0]), math.log(curve.gamma[1])))
    darkest, brightest = int(image.min()), int(image.max())
    relative = np.clip((np.arange(256) - darkest) / max(brightest - darkest, 1), 0, 1)
    if inverted:
        relative = 1 - relative
    levels = low + (high - low) * relative**gamma
    exposed = levels[image]
    if noise:
        exposed = exposed + generator.normal(0, noise, image.shape)
    return np.clip(np.rint(exposed), 0, 255).astype(np.uint8)


def _toned(image: Image, tone: Tone, generator: np.random.Generator) -> Image:
    """Map the levels by a tone that is drawn at random, and add noise."""
    if generator.random() >= tone.share:
        return image
    gamma = math.exp(generator.uniform(*np.log(tone.gamma)))
    gain = math.exp(generator.uniform(*np.log(tone.gain)))
    floor = 0.0 if tone.floor is None else float(np.percentile(image, generator.uniform(*tone.floor)))
    relative = np.clip(np.arange(256) - floor, 0, None) / 255
    levels = 255 * gain * relative**gamma + generator.uniform(*tone.offset)
    toned = levels[image]
    if tone.noise:
        toned = toned + generator.normal(0, tone.noise, image.shape)
    rounded: Image = np.clip(np.rint(toned), 0, 255).astype(np.uint8)
    return rounded
