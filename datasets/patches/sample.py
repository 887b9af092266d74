"""Sample the pictures that refine a student: whole or cropped, as they are and in other lights."""

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmdrfuse.datasets.patches.cut import read_luminances
from mmdrfuse.datasets.patches.exposures import ALL, Image, expose
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.datasets.sets.pairing import without_quarter
from mmdrfuse.errors import InputError, MMDRFuseError, TrainingError, UnknownNameError
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.system.paths import real

LARGE = 300_000
"""Pixels above which an uncut picture is halved in size, and above which ``pieces`` apply."""


def _warn(error: MMDRFuseError) -> None:
    warnings.warn(str(error), stacklevel=3)


class Sample(NamedTuple):
    """A pair, or a crop of one."""

    infrared: Image
    """H×W."""
    visible: Image


@dataclass(frozen=True)
class _Cut:
    """How every picture is cut and mirrored; see `sample_groups`."""

    size: int
    uncut: bool
    mirror: bool


def sample_groups(
    sources: Sequence[Path],
    *,
    pictures: int = 24,
    size: int = 320,
    uncut: bool = False,
    mirror: bool = False,
    lights: Sequence[str] = (),
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    hold_out: int | None = None,
    quarter: int | None = None,
    rig: Path | None = None,
    seed: int = 0,
    failed: Callable[[MMDRFuseError], None] = _warn,
) -> dict[str, list[Sample]]:
    """Draw samples of pairs: a group for each source, then a group for each light, drawn from the first source.

    Args:
        sources: Roots of sets; a group has the name of its root.
        pictures: Samples in a group; a pair gives a second one only after every pair gave one.
        size: Largest height and width of a sample; smaller pictures stay whole.
        uncut: Take whole pictures; those of more than `LARGE` pixels at half their size.
        mirror: Mirror pictures at random.
        lights: Names in :data:`mmdrfuse.datasets.patches.exposures.ALL`.
        groups: Other groups in place of these: name → its source (``of``), ``light``, the ``share`` of its pictures
            that get the light (0 to 1), its number of ``pictures``, and the size of the ``pieces`` to which every
            second large picture is cut.
        hold_out: Every Nth pair by name is left out, as in `prepare`.
        quarter: This quarter of the rest, 1 to 4, is left out too, as by
            :func:`mmdrfuse.datasets.sets.pairing.without_quarter`.
        rig: The rig of two cameras that are not aligned; samples come from what both see.
        seed: Seed of the random pairs, crops and exposures.
        failed: Called once with the error of each pair that cannot be used; its groups then have fewer pictures.

    Returns:
        Name of a group → its samples.

    Raises:
        InputError: A root cannot be read, two groups have one name, or no pair of a group can be read.
        PairingError: A root holds no pairs.
        SizeError: The pictures of each pair of a group differ in size.
        UnknownNameError: There is no such light, or no such source.
        TrainingError: All pairs of a source are held out.
    """
    entries = _entries(sources, lights, groups or {})
    group_names(sources, lights=lights, groups=groups)
    pairs = {real(root).name: _training_pairs(root, hold_out, quarter, rig) for root in sources}
    cut = _Cut(size, uncut, mirror)
    samples: dict[str, list[Sample]] = {}
    errors: dict[Pair, MMDRFuseError] = {}
    for name, entry in entries.items():
        light = entry.get("light")
        group_seed = seed + (1 + ALL.index(light) if light else 0)
        drawn = _draw(pairs[entry["of"]], entry.get("pictures", pictures), group_seed)
        unchanged = round((1 - entry.get("share", 1)) * len(drawn)) if light else len(drawn)
        for number, pair in drawn:
            if pair in errors:
                continue
            own_light = None if number < unchanged else light
            try:
                sample = _sample(pair, cut, f"{seed} {number}", light=own_light, crop=_crop_size(entry, number))
            except MMDRFuseError as error:
                errors[pair] = error
            else:
                samples.setdefault(name, []).append(sample)
        if drawn and name not in samples:
            raise errors[drawn[0][1]]
    for failure in errors.values():
        failed(failure)
    return samples


def group_names(
    sources: Sequence[Path], *, lights: Sequence[str] = (), groups: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[str, ...]:
    """Return the names of the groups that `sample_groups` makes: the folder of each source, then the lights.

    Raises:
        InputError: Two groups have one name.
        UnknownNameError: There is no such light, or no such source.
    """
    for light in lights:
        if light not in ALL:
            raise UnknownNameError("light", light, ALL)
    roots = [real(root).name for root in sources]
    names = (*roots, *(() if groups else lights))
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two groups have the name {name!r}; give each folder a name of its own, and each light once"
            )
    for name, entry in (groups or {}).items():
        if entry.get("of", name) not in roots:
            raise UnknownNameError(f"source of group {name!r}:", str(entry.get("of", name)), roots)
    return tuple(groups) if groups else names


def _entries(
    sources: Sequence[Path], lights: Sequence[str], groups: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return the entry of each group, with its source."""
    if groups:
        return {name: {"of": name, **entry} for name, entry in groups.items()}
    roots = [real(root).name for root in sources]
    entries: dict[str, Mapping[str, Any]] = {name: {"of": name} for name in roots}
    return entries | {light: {"of": roots[0], "light": light} for light in lights}


def _training_pairs(root: Path, hold_out: int | None, quarter: int | None, rig: Path | None) -> list[Pair]:
    pairs, _ = without_quarter(find_pairs(root)[1].held_out(hold_out)[0], quarter)
    if not pairs:
        raise TrainingError(f"{root}: all of its pairs are held out", cure="hold_out")
    preparation = Preparation.cropped_onto(rig)
    return [replace(pair, preparation=preparation) for pair in pairs]


def _crop_size(entry: Mapping[str, Any], number: int) -> int | None:
    """Return the size to which a group crops its large pictures: every second one."""
    return entry.get("pieces") if number % 2 else None


def _draw(pairs: Sequence[Pair], count: int, seed: int) -> list[tuple[int, Pair]]:
    """Draw ``count`` pairs at random, each with its number; every pair comes once before any comes again."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [(number, pairs[order[number % len(pairs)]]) for number in range(count)]


def _sample(pair: Pair, cut: _Cut, seed: str, *, light: str | None, crop: int | None) -> Sample:
    """Read a pair, change its light, and crop, halve or mirror it."""
    infrared, visible = read_luminances(pair)
    if light:
        infrared, visible = expose(infrared, visible, light=light, seed=f"{pair.name} {seed}")
    generator = np.random.default_rng(zlib.crc32(f"{pair.name} {seed}".encode("utf-8", "surrogateescape")))
    size = 0 if cut.uncut else cut.size
    if crop and infrared.size > LARGE:
        size = crop
    if size:
        top, left = (int(generator.integers(max(length - size, 0) + 1)) for length in infrared.shape)
        place = np.s_[top : top + size, left : left + size]
        infrared, visible = infrared[place], visible[place]
    elif infrared.size > LARGE:
        infrared, visible = _halved(infrared), _halved(visible)
    if cut.mirror:
        axes = tuple(axis for axis in (0, 1) if generator.random() < 1 / 2)
        infrared, visible = np.flip(infrared, axes), np.flip(visible, axes)
    return Sample(infrared, visible)


def _halved(image: Image) -> Image:
    """Return the means of 2×2 pixels; an odd last row or column is left out."""
    height, width = (length // 2 for length in image.shape)
    blocks = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    halved: Image = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return halved
