"""The choice of weights by what the sources show, once for a whole set or recording.

Medical pictures have a wide black surround on both sides. Scenes are stretched picture by picture, which one set of
weights does for every light; frames of a recording must not be, or they flicker: they get the weights of their light.
How far the shares are apart, and what a wrong choice costs, is in ``docs/weights.md``.

All ways of fusing are looked at in one way: at a grid of pixels of the prepared sides.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmdrfuse.engine import make
from mmdrfuse.images import luminance, to_unit
from mmdrfuse.images.values.surround import BLACK, MEDICAL
from mmdrfuse.images.values.tones import split_tone
from mmdrfuse.images.video.sound import Warn
from mmdrfuse.models import read
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.pair import Prepared
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import range_for
from mmdrfuse.pipeline.fuse.set_ranges import Advance, FusionInput
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length

AUTO, AUTO_CLIP = "auto", "auto:clip"
"""What is asked for in place of weights; the second treats pictures as frames of a recording."""

DARK = 26 / 255
"""Below which the visible side of a pixel is dark."""

NIGHT = 0.2
"""Share of dark pixels above which a recording is of the night: at least .32 by night, at most .054 by day."""

LEAST, MOST = 16, 64
"""Pairs of a set that are looked at, evenly over it: more than the least only if there are many folders."""

EACH = 2
"""Pairs of each folder."""

EVERY = 4
"""Step between the rows, and between the columns, of a picture that are looked at."""

FRAMES = 8
"""Consecutive numbers from which a folder looks like a recording."""

_ROUNDING = 1e-6
"""Levels of 8 bits in float32 are off by less."""


@dataclass(frozen=True)
class Shares:
    """What was seen."""

    black: float = 0.0
    """Share of the pixels where both sides are near black."""
    dark: float = 0.0
    """Share of the pixels where the visible side is dark."""

    def __str__(self) -> str:
        """Return the numbers in words."""
        return f"both sides near black in {self.black:.1%} of the pixels, visible dark in {self.dark:.1%}"


@dataclass(frozen=True)
class Automatic:
    """What is asked for where the weights follow from the sources."""

    clip: bool = False
    """Whether pictures are treated as frames of a recording."""
    range: str = "auto"
    """The policy asked for; auto is that of the weights."""
    engine: str = "auto"
    device: str = "cpu"
    threads: int = 1

    def name(self, seen: Shares, *, moving: bool = False) -> str:
        """Return the name of the weights.

        Args:
            seen: Of the whole set or recording.
            moving: Whether it is a video or a live stream.
        """
        if seen.black > MEDICAL:
            return "medical"
        if moving or self.clip:
            return "night" if seen.dark > NIGHT else "day"
        return "scenes"

    def settled(self, choices: Choices, name: str, because: str, warn: Warn) -> Choices:
        """Return the choices with these weights, under their policy.

        Args:
            choices: What else is asked for.
            name: Of shipped weights.
            because: What was seen.
            warn: Called with a message if the range asked for is not that of the weights.
        """
        weights = read(name)
        engine = make(weights, kind=self.engine, device=self.device, threads=self.threads)
        fuser = replace(choices.fuser, engine=engine, range=range_for(weights, self.range, warn))
        return replace(choices, fuser=fuser, checkpoint=weights, automatic=None, selection=f"{name}: {because}")


def asked_for(
    weights: str, *, range_: str = "auto", engine: str = "auto", device: str = "cpu", threads: int = 1
) -> Automatic | None:
    """Return what ``auto`` or ``auto:clip`` stand for; None for names and files.

    Args:
        weights: What was asked for.
        range_: The policy asked for.
        engine: As `mmdrfuse.engine.make` takes it.
        device: The same.
        threads: The same.
    """
    if weights not in (AUTO, AUTO_CLIP):
        return None
    return Automatic(weights == AUTO_CLIP, range_, engine, device, threads)


def first_weights() -> Checkpoint:
    """Return the weights that stand for those that are not chosen yet; all that can be chosen are students."""
    return read("scenes")


def choose_for_set(
    choices: Choices, inputs: Sequence[FusionInput], places: Sequence[Path], *, workers: Workers, advance: Advance,
    warn: Warn,
) -> Choices:  # fmt: skip
    """Choose the weights for a set of pictures.

    Args:
        choices: What is asked for.
        inputs: The set.
        places: The folder of each.
        workers: How many to look at side by side.
        advance: Called with the name of each pair that was looked at.
        warn: Called with a message about sets that need several weights, and recordings that would flicker.
    """
    automatic = choices.automatic
    if not isinstance(automatic, Automatic):
        return choices
    numbers = np.unique(np.linspace(0, len(inputs) - 1, count_looked_at(places)).round().astype(int))
    by_place: dict[Path, list[Shares]] = defaultdict(list)
    with pool(workers) as executor:
        found = ordered(executor, shares, [inputs[number] for number in numbers], buffer_size=queue_length(workers))
        for number, (one, seen) in zip(numbers, found, strict=True):
            advance(one.name)
            if isinstance(seen, Shares):  # what cannot be read fails when its turn comes
                by_place[places[number]].append(seen)
    seen = mean(seen for each in by_place.values() for seen in each)
    name = automatic.name(seen)
    for place, each in by_place.items():
        other = automatic.name(mean(each))
        if other != name:
            warn(f"{place}: looks like {other} ({mean(each)}), the set as a whole like {name}; fuse it by itself")
    return automatic.settled(choices, name, str(seen), warn)


def count_looked_at(places: Sequence[Path]) -> int:
    """Return the number of pairs of a set that are looked at.

    Args:
        places: The folder of each pair.
    """
    return min(MOST, max(LEAST, EACH * len(set(places))), len(places))


def choose_for_recording(choices: Choices, recording: FusionInput, *, warn: Warn) -> Choices:
    """Choose the weights for a video or live stream: by its whole length, or by what there is of it yet.

    Args:
        choices: What is asked for.
        recording: What to look at.
        warn: Called with a message if the range asked for is not that of the weights.

    Raises:
        InputError: A side cannot be read.
    """
    automatic = choices.automatic
    if not isinstance(automatic, Automatic):
        return choices
    seen = shares(recording)
    return automatic.settled(choices, automatic.name(seen, moving=True), str(seen), warn)


def shares(one: FusionInput) -> Shares:
    """Return what is seen in a pair of pictures or frames.

    Raises:
        InputError: A side cannot be read.
        SizeError: The sides' sizes differ.
    """
    return mean(map(shares_of, one.samples()))


def shares_of(sides: Prepared) -> Shares:
    """Return what is seen in two pictures in memory, where both cameras see.

    Raises:
        InputError: A dtype or value range that cannot be fused.
        SizeError: The sides' sizes differ.
    """
    infrared, visible = (to_unit(luminance(side[::EVERY, ::EVERY])) for side in (sides.infrared, sides.visible))
    near_black = (infrared <= BLACK + _ROUNDING) & (visible <= BLACK + _ROUNDING)
    dark = visible < DARK - _ROUNDING
    if sides.coverage is not None:
        seen = sides.coverage[::EVERY, ::EVERY] > 0
        near_black, dark = near_black[seen], dark[seen]
    return Shares(float(near_black.mean()), float(dark.mean())) if dark.size else Shares()


def mean(seen: Iterable[Shares]) -> Shares:
    """Return what was seen in all together; nothing where there is nothing."""
    rows = np.array([(each.black, each.dark) for each in seen])
    return Shares(*map(float, rows.mean(axis=0))) if len(rows) else Shares()


def recordings(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the folders whose names look like the frames of a recording: numbers that follow each other."""
    numbers: dict[tuple[Path, str], list[int]] = defaultdict(list)
    for file in files:
        if found := re.fullmatch(r"(.*?)(\d{3,})(\D*)", file.stem):
            numbers[file.parent, found[1]].append(int(found[2]))
    seen = set()
    for (folder, _), each in numbers.items():
        following = int((np.diff(np.sort(each)) == 1).sum())
        if folder not in seen and following + 1 >= max(FRAMES, math.ceil(0.9 * len(each))):
            seen.add(folder)
            yield folder


def warn_of_flicker(choices: Choices, files: Iterable[Path], warn: Warn) -> None:
    """Note recordings that would be stretched frame by frame: the first by its name, the others by their number."""
    found = [*recordings(files)] if split_tone(choices.fuser.range)[0] == "minmax" else []
    if found:
        others = f" (and those of {len(found) - 1} more)" if found[1:] else ""
        warn(
            f"{found[0]}: its names{others} look like frames of a recording, and each is stretched by itself, so they "
            "may flicker; weights auto:clip are for recordings"
        )
