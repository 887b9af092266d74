"""Pictures to refine a student on: whole or in pieces, as they are and in other lights."""

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmdrfuse.datasets.patches.cut import luminances
from mmdrfuse.datasets.patches.exposures import ALL, Image, expose
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.errors import InputError, MMDRFuseError, TrainingError, UnknownNameError
from mmdrfuse.pair import Pair
from mmdrfuse.system.paths import real

LARGE = 300_000
"""Pixels above which a picture that counts whole is taken at half its size."""


def _warn(error: MMDRFuseError) -> None:
    warnings.warn(str(error), stacklevel=3)


class Sample(NamedTuple):
    """A pair, or a piece of one."""

    infrared: Image
    """H×W."""
    visible: Image


@dataclass(frozen=True)
class _Cut:
    """What becomes of every picture."""

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
    seed: int = 0,
    failed: Callable[[MMDRFuseError], None] = _warn,
) -> dict[str, list[Sample]]:
    """Draw pictures of pairs: one group for each source, then one for each light, drawn from the first source.

    Args:
        sources: Roots of sets; a group has the name of its root.
        pictures: In a group; a pair gives a second one only when all have given one.
        size: Rows and columns of a piece, at most; smaller pictures stay whole.
        uncut: Take pictures whole; what has more than `LARGE` pixels at half its size.
        mirror: Mirror them at random.
        lights: Names of :data:`mmdrfuse.datasets.patches.exposures.ALL`.
        groups: What the groups are instead, by name: ``of`` which source, in which ``light``, of which ``share`` of
            the pictures, how many ``pictures``; and the size of the ``pieces`` that every other picture is cut to.
        hold_out: Every so-manieth pair by name is left out, as by `prepare`.
        seed: Chooses pairs, places and exposures.
        failed: Called with the error of each pair that cannot be used, once; its groups have fewer pictures.

    Raises:
        InputError: A root cannot be read, two groups have one name, or no pair of a group can be read.
        PairingError: A root holds no pairs.
        SizeError: The pictures of each pair of a group differ in size.
        UnknownNameError: There is no such light, or no such source.
        TrainingError: Nothing of a source is left to draw from.
    """
    entries = _entries(sources, lights, groups or {})
    group_names(sources, lights=lights, groups=groups)
    trained = {real(root).name: _trained(root, hold_out) for root in sources}
    cut = _Cut(size, uncut, mirror)
    found, errors = dict[str, list[Sample]](), dict[Pair, MMDRFuseError]()
    for name, entry in entries.items():
        light = entry.get("light")
        drawn_by = seed + (1 + ALL.index(light) if light else 0)
        drawn = _drawn(trained[entry["of"]], entry.get("pictures", pictures), drawn_by)
        plain = round((1 - entry.get("share", 1)) * len(drawn)) if light else len(drawn)
        for nth, pair in drawn:
            if pair not in errors:
                try:
                    piece = _piece(
                        pair, cut, f"{seed} {nth}", light=None if nth < plain else light, pieces=_pieces(entry, nth)
                    )
                except MMDRFuseError as error:
                    errors[pair] = error
                else:
                    found.setdefault(name, []).append(piece)
        if drawn and name not in found:
            raise errors[drawn[0][1]]
    for failure in errors.values():
        failed(failure)
    return found


def group_names(
    sources: Sequence[Path], *, lights: Sequence[str] = (), groups: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[str, ...]:
    """Return the names of the groups that `sample_groups` makes: of each source its folder's, then the lights.

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
            raise InputError(f"two groups have the name {name!r}: give each folder another name, and each light once")
    for name, entry in (groups or {}).items():
        if entry.get("of", name) not in roots:
            raise UnknownNameError(f"source of group {name!r}:", str(entry.get("of", name)), roots)
    return tuple(groups) if groups else names


def _entries(
    sources: Sequence[Path], lights: Sequence[str], groups: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return what each group is, its source included."""
    if groups:
        return {name: {"of": name, **entry} for name, entry in groups.items()}
    roots = [real(root).name for root in sources]
    found: dict[str, Mapping[str, Any]] = {name: {"of": name} for name in roots}
    return found | {light: {"of": roots[0], "light": light} for light in lights}


def _trained(root: Path, hold_out: int | None) -> list[Pair]:
    pairs = find_pairs(root)[1].held_out(hold_out)[0]
    if not pairs:
        raise TrainingError(f"{root}: none of its pairs is left to draw from", cure="hold_out")
    return pairs


def _pieces(entry: Mapping[str, Any], nth: int) -> int | None:
    return entry.get("pieces") if nth % 2 else None


def _drawn(pairs: Sequence[Pair], count: int, seed: int) -> list[tuple[int, Pair]]:
    """Choose so many pairs at random, all before any again."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [(nth, pairs[order[nth % len(pairs)]]) for nth in range(count)]


def _piece(pair: Pair, cut: _Cut, seed: str, *, light: str | None, pieces: int | None) -> Sample:
    """Read a pair, show it in its light, and cut, halve or mirror it."""
    infrared, visible = luminances(pair)
    if light:
        infrared, visible = expose(infrared, visible, light=light, seed=f"{pair.name} {seed}")
    generator = np.random.default_rng(zlib.crc32(f"{pair.name} {seed}".encode("utf-8", "surrogateescape")))
    size = pieces if pieces and infrared.size > LARGE else None if cut.uncut else cut.size
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
    """Average each 2×2 pixels; an odd last row or column is left out."""
    height, width = (length // 2 for length in image.shape)
    blocks = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    halved: Image = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return halved
