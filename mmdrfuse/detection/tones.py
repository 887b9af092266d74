"""The tone that a detector likes in the pictures of one method, chosen on some pictures and scored on others.

Detectors like some exposures more than others. A table of fusions in one tone compares exposures first. So every method
may have its tone: the one of a small grid that is best on one half of the pictures is scored on the other half, and the
reverse. Halves are runs of names, because neighbours in a recording look alike.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.matching import Matches
from mmdrfuse.detection.scores import measure
from mmdrfuse.images.values.tones import Tone

RAW = Tone()
GRID = tuple(Tone(gain, offset) for gain, offset in product((1.0, 0.7, 0.5), (0.0, 30.0, 60.0, 90.0)))
"""The tones that are tried; the first leaves a picture as it is."""

FREE = "free"
"""The tone that is chosen for each row."""

MIN_PICTURES = 2
"""Of which one half chooses for the other."""


def parse(text: str) -> tuple[Tone, ...]:
    """Return the tones to look in, for ``raw``, ``free`` or ``GAIN,OFFSET``.

    Raises:
        InputError: The text is none of them.
    """
    return {FREE: GRID, "raw": (RAW,)}.get(text) or (Tone.parse(text),)


def title(tone: Tone) -> str:
    """Return what a fixed tone is called in tables: ``raw``, or gain and offset."""
    return "raw" if tone == RAW else str(tone)


def halves(pictures: int) -> NDArray[np.int64]:
    """Return 0 for the first half of some pictures, and 1 for the second."""
    return (np.arange(pictures) >= (pictures + 1) // 2).astype(np.int64)


def chosen(by_tone: Mapping[Tone, Sequence[Matches]], pictures: int) -> tuple[Tone, Tone]:
    """Return the tones with the best average precision (AP50:95) on the first and on the second half.

    Args:
        by_tone: The matches of each class in each tone; of equal tones the first is taken.
        pictures: Number of pictures.
    """
    sides = halves(pictures)
    weights = np.stack([sides == 0, sides == 1]).astype(np.float64)
    tones = list(by_tone)
    scores = np.stack([measure(by_tone[tone], weights)[:, 0] for tone in tones])
    best = np.nan_to_num(scores, nan=-1).argmax(axis=0)
    return tones[best[0]], tones[best[1]]
