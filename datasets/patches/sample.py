"""Pictures to refine a student on: pieces of a set's pairs, as they are and in other lights."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmdrfuse.datasets.patches.cut import luminances
from mmdrfuse.datasets.patches.exposures import LIGHTS, Image, expose
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.errors import InputError, UnknownNameError
from mmdrfuse.pair import Pair
from mmdrfuse.system.paths import real


class Piece(NamedTuple):
    """A pair, or a piece of one."""

    infrared: Image
    """H×W."""
    visible: Image


def gather(
    sources: Sequence[Path],
    *,
    pictures: int = 24,
    size: int = 320,
    lights: Sequence[str] = (),
    hold_out: int | None = None,
    seed: int = 0,
) -> dict[str, list[Piece]]:
    """Draw pieces of pairs: one group for each source, then one for each light, drawn from the first source.

    Args:
        sources: Roots of sets; a group has the name of its root.
        pictures: Pieces in a group; a pair gives a second one only when all have given one.
        size: Rows and columns of a piece, at most; smaller pictures stay whole.
        lights: Names of :data:`mmdrfuse.datasets.patches.exposures.LIGHTS`.
        hold_out: Every so-manieth pair by name is left out, as by `prepare`.
        seed: Chooses pairs, places and exposures.

    Raises:
        InputError: A root or a picture cannot be read, or two groups have one name.
        PairingError: A root holds no pairs.
        SizeError: The pictures of a pair differ in size.
        UnknownNameError: There is no such light.
    """
    group_names(sources, lights=lights)
    groups: dict[str, list[Piece]] = {}
    trained: list[list[Pair]] = []
    for root in sources:
        trained.append(find_pairs(root)[1].held_out(hold_out)[0])
        name = real(root).name
        groups[name] = [_piece(pair, size, f"{seed} {nth}") for nth, pair in _drawn(trained[-1], pictures, seed)]
    for light in lights:
        drawn = _drawn(trained[0], pictures, seed + 1 + tuple(LIGHTS).index(light))
        groups[light] = [_piece(pair, size, f"{seed} {nth}", light=light) for nth, pair in drawn]
    return groups


def group_names(sources: Sequence[Path], *, lights: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the groups that `gather` makes: of each source its folder's, then the lights.

    Raises:
        InputError: Two groups have one name.
        UnknownNameError: There is no such light.
    """
    for light in lights:
        if light not in LIGHTS:
            raise UnknownNameError("light", light, tuple(LIGHTS))
    names = (*(real(root).name for root in sources), *lights)
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two groups have the name {name!r}: give each folder another name, and each light once")
    return names


def _drawn(pairs: Sequence[Pair], count: int, seed: int) -> list[tuple[int, Pair]]:
    """Choose so many pairs at random, all before any again."""
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [(nth, pairs[order[nth % len(pairs)]]) for nth in range(count)]


def _piece(pair: Pair, size: int, seed: str, *, light: str | None = None) -> Piece:
    """Read a pair and cut a piece out of it at random."""
    infrared, visible = luminances(pair)
    if light:
        infrared, visible = expose(infrared, visible, light=light, seed=f"{pair.name} {seed}")
    generator = np.random.default_rng(zlib.crc32(f"{pair.name} {seed}".encode("utf-8", "surrogateescape")))
    top, left = (int(generator.integers(max(length - size, 0) + 1)) for length in infrared.shape)
    place = np.s_[top : top + size, left : left + size]
    return Piece(infrared[place], visible[place])
