"""What to cut: the pairs of all sets, which of them are for validation, and which of their patches were drawn."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from mmdrfuse.datasets.patches.cut import Item, reading
from mmdrfuse.datasets.patches.options import Cutting
from mmdrfuse.datasets.patches.structure import FORMAT_VERSION
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images.header import Header, header
from mmdrfuse.system.paths import real
from mmdrfuse.system.workers import ordered
from mmdrfuse.version import __version__


@dataclass(frozen=True)
class Found:
    """The pairs of one set."""

    layout: str
    items: list[Item]
    unclear: list[str]
    """One line for each group of files that more than one pair could be made of."""
    left_out: list[str]
    """One line for whatever else is in no pair, or held out."""


@dataclass(frozen=True)
class Plan:
    """What is to be cut."""

    items: list[Item]
    most: int
    """Patches of one pair, at most."""
    deep: bool
    """Whether patches have 16 bits."""
    small: list[str]
    """One line for each pair that is too small."""

    def digest(self, how: Cutting) -> str:
        """Tell this plan from any other, and the program that carries it out from other versions of it."""
        told = [repr((how, self.deep, __version__, FORMAT_VERSION, h5py.version.hdf5_version))]
        for item in self.items:
            chosen = b"" if item.chosen is None else item.chosen.tobytes()
            told.append(repr((item.number, item.layout, item.pair.name, item.files, item.split, chosen)))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def find(number: int, root: Path, how: Cutting) -> Found:
    """Search a root for pairs, and choose those for validation.

    Raises:
        InputError: The root is missing or cannot be searched.
        PairingError: It holds no pairs.
        UnknownNameError: There is no layout of the name asked for.
    """
    with reading(root):
        layout, pairing = find_pairs(root, how.layout, pair_regex=how.pair_regex)
        kept, held = pairing.held_out(how.hold_out)
        scenes = [layout.scene_of(pair.name) for pair in kept]
        validating = _for_validation(scenes, how)
        items = [
            Item(number, root, layout.name, pair, int(scene in validating))
            for pair, scene in zip(kept, scenes, strict=True)
        ]
        left_out = [
            *pairing.unused_lines(),
            *([f"{root}: {len(held)} of {len(pairing.pairs)} pairs held out"] if held else []),
        ]
        return Found(layout.name, items, list(pairing.ambiguous_lines()), left_out)


def on_one_side(items: Iterable[Item]) -> list[Item]:
    """Let a picture that is in several sets be for validation, or for training, in all of them."""
    splits: dict[Path, int] = {}
    return [replace(item, split=splits.setdefault(real(item.pair.infrared), item.split)) for item in items]


def plan(items: Sequence[Item], how: Cutting, pool: Executor, advance: Callable[[str], None]) -> Plan:
    """Look at the pictures' headers, and draw the patches.

    A pair whose pictures cannot be read stays in the plan: cutting it tells what is wrong.

    Raises:
        InputError: Exposures are asked for of 16 bits, or a set gives nothing for its weight.
    """
    kept, counts, small, deep = [], [], [], False
    for item, seen in ordered(pool, _headers, items, buffer_size=64):
        advance(item.pair.name)
        count = 0
        if not isinstance(seen, MMDRFuseError):
            infrared, visible = seen
            deep |= how.depth == "auto" and np.uint16 in (infrared.dtype, visible.dtype)
            count = sum(how.blocks(infrared.height, infrared.width)) * (1 + how.exposures)
            if not count:
                size, patch = f"{infrared.width}x{infrared.height}", f"{how.patch}x{how.patch}"
                small.append(f"{item.pair.infrared}: {size} is smaller than a patch of {patch}")
                continue
        kept.append(item)
        counts.append(count)
    if deep and how.exposures:
        raise InputError("other exposures are made of 8 bits, and pictures here have 16", cure="depth")
    drawn = list(_draw(kept, np.array(counts, np.int64), how))
    most = max((len(item.chosen) if item.chosen is not None else count for item, count in drawn), default=0)
    return Plan([item for item, _ in drawn], most, deep, small)


def _for_validation(scenes: Sequence[str], how: Cutting) -> set[str]:
    """Choose scenes at random as long as they fit into the share; the smallest one, if none does.

    Raises:
        InputError: There is but one scene.
    """
    sizes = Counter(scenes)
    room = how.validation * len(scenes)
    if not room:
        return set()
    if len(sizes) < 2:
        raise InputError(
            f"all {len(scenes)} pairs are of one scene, {scenes[0]!r}, which cannot be split for validation",
            cure="hold_out",
        )
    chosen: set[str] = set()
    names = sorted(sizes)
    for place in np.random.default_rng([how.seed, 1]).permutation(len(names)):
        if sizes[names[place]] <= room:
            chosen.add(names[place])
            room -= sizes[names[place]]
    return chosen or {min(names, key=lambda name: (sizes[name], name))}


def _headers(item: Item) -> tuple[Header, Header]:
    return header(item.pair.infrared, side="infrared"), header(item.pair.visible)


def _draw(items: Sequence[Item], counts: NDArray[np.int64], how: Cutting) -> Iterator[tuple[Item, int]]:
    """Give each item from which patches were drawn, with the number of all that it has."""
    if how.max_patches is None and how.weights is None:
        yield from zip(items, counts.tolist(), strict=True)
        return
    groups = np.array([item.number if how.weights else 0 for item in items], np.int64)
    there = [int(counts[groups == group].sum()) for group in range(len(how.weights or (1,)))]
    for group, quota in enumerate(_quotas(there, how)):
        draw = np.sort(np.random.default_rng([how.seed, 2, group]).choice(there[group], quota, replace=False))
        ends = counts[groups == group].cumsum()
        mine = (item for item, number in zip(items, groups, strict=True) if number == group)
        for item, start, end in zip(mine, ends - counts[groups == group], ends, strict=True):
            chosen = draw[slice(*np.searchsorted(draw, (start, end)))] - start
            if len(chosen) or start == end:  # the latter cannot be read, which is to be told
                yield replace(item, chosen=chosen), int(end - start)


def _quotas(there: Sequence[int], how: Cutting) -> list[int]:
    """Give how many patches each group gives, of those that it has: as many as the weights and the limit allow."""
    most = sum(there) if how.max_patches is None else min(how.max_patches, sum(there))
    if how.weights is None:
        return [most]
    if not all(there):
        raise InputError(f"set {there.index(0) + 1} gives no patches, so there can be no share of it; leave it out")
    parts = np.array(how.weights) / sum(how.weights)
    total = min(most, *(count / part for count, part in zip(there, parts, strict=True)))
    return [int(total * part + 1e-9) for part in parts]
