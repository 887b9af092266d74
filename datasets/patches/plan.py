"""Plan what to cut: find the pairs of all sets, choose those for validation, and draw their patches."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from mmdrfuse.datasets.patches.cut import Item, reading_source
from mmdrfuse.datasets.patches.options import Cutting
from mmdrfuse.datasets.patches.structure import FORMAT_VERSION
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images.header import Header, header
from mmdrfuse.pair import Preparation
from mmdrfuse.system.paths import real
from mmdrfuse.system.workers import ordered
from mmdrfuse.version import __version__


@dataclass(frozen=True)
class SetPairs:
    """The pairs of one set, and the files that are in no pair."""

    layout: str
    items: list[Item]
    unclear: list[str]
    """A line for each group of files with the same name, more than one of them on one side."""
    left_out: list[str]
    """A line for each other file that is in no pair, and for the pairs held out."""


@dataclass(frozen=True)
class Plan:
    """The pairs to cut, and how many patches they have."""

    items: list[Item]
    most: int
    """Largest number of patches of one pair."""
    deep: bool
    """Whether patches have 16 bits."""
    small: list[str]
    """A line for each pair that is smaller than a patch."""

    def digest(self, how: Cutting) -> str:
        """Return a hash of the plan, the options and the versions, which differs if the patches could differ."""
        parts = [repr((how, self.deep, __version__, FORMAT_VERSION, h5py.version.hdf5_version))]
        for item in self.items:
            chosen = b"" if item.chosen is None else item.chosen.tobytes()
            parts.append(repr((item.number, item.layout, item.pair.name, item.files, item.split, chosen)))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find_set_pairs(number: int, root: Path, how: Cutting) -> SetPairs:
    """Find the pairs of a root, and choose those for validation.

    Args:
        number: Number of the set among all sets.
        root: Root of the set, or a table of pairs.
        how: The options.

    Raises:
        InputError: The root is missing or cannot be searched.
        PairingError: It holds no pairs.
        UnknownNameError: There is no layout of the given name.
    """
    with reading_source(root):
        layout, pairing = find_pairs(root, how.layout, pair_regex=how.pair_regex)
        pairs, held_out = pairing.held_out(how.hold_out)
        preparation = Preparation.cropped_onto(how.rig)
        pairs = [replace(pair, preparation=preparation) for pair in pairs]
        scenes = [layout.scene_of(pair.name) for pair in pairs]
        validating = _validation_scenes(scenes, how)
        items = [
            Item(number, root, layout.name, pair, int(scene in validating))
            for pair, scene in zip(pairs, scenes, strict=True)
        ]
        left_out = list(pairing.unused_lines())
        if held_out:
            left_out.append(f"{root}: {len(held_out)} of {len(pairing.pairs)} pairs held out")
        return SetPairs(layout.name, items, list(pairing.ambiguous_lines()), left_out)


def unify_splits(items: Iterable[Item]) -> list[Item]:
    """Put a picture that is in several sets into the same split, training or validation, everywhere."""
    splits: dict[Path, int] = {}
    return [replace(item, split=splits.setdefault(real(item.pair.infrared), item.split)) for item in items]


def plan(items: Sequence[Item], how: Cutting, pool: Executor, advance: Callable[[str], None]) -> Plan:
    """Read the pictures' headers, and draw the patches.

    A pair whose pictures cannot be read stays in the plan; cutting it reports what is wrong.

    Raises:
        InputError: Exposures need 8 bits and a picture has 16, or a set with a weight has no patches.
    """
    planned = []
    counts = []
    small = []
    deep = False
    for item, headers in ordered(pool, _headers, items, buffer_size=64):
        advance(item.pair.name)
        count = 0
        if not isinstance(headers, MMDRFuseError):
            infrared, visible = headers
            deep |= how.depth == "auto" and np.uint16 in (infrared.dtype, visible.dtype)
            height, width = _common_size(item.pair.preparation, infrared, visible)
            count = sum(how.blocks(height, width)) * (1 + how.exposures)
            if not count and height:
                size, patch = f"{width}x{height}", f"{how.patch}x{how.patch}"
                small.append(f"{item.pair.infrared}: {size} is smaller than a patch of {patch}")
                continue
        planned.append(item)
        counts.append(count)
    if deep and how.exposures:
        raise InputError("exposures need 8-bit pictures, and some of these have 16 bits", cure="depth")
    drawn = list(_draw(planned, np.array(counts, np.int64), how))
    most = max((len(item.chosen) if item.chosen is not None else count for item, count in drawn), default=0)
    return Plan([item for item, _ in drawn], most, deep, small)


def _validation_scenes(scenes: Sequence[str], how: Cutting) -> set[str]:
    """Choose scenes at random while they fit into the share; if none fits, choose the smallest.

    Raises:
        InputError: There is only one scene.
    """
    sizes = Counter(scenes)
    room = how.validation * len(scenes)  # in pairs
    if not room:
        return set()
    if len(sizes) < 2:
        raise InputError(
            f"all {len(scenes)} pairs are of one scene, {scenes[0]!r}, which must not be split for validation",
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


def _common_size(preparation: Preparation, infrared: Header, visible: Header) -> tuple[int, ...]:
    """Return the height and width that patches are cut from; 0 where the rig does not fit: cutting reports it."""
    if not preparation.transform:
        return infrared.height, infrared.width
    try:
        return preparation.size((infrared.height, infrared.width), (visible.height, visible.width))
    except MMDRFuseError:
        return 0, 0


def _draw(items: Sequence[Item], counts: NDArray[np.int64], how: Cutting) -> Iterator[tuple[Item, int]]:
    """Yield each item from which patches were drawn, and the number of all its patches."""
    if how.max_patches is None and how.weights is None:
        yield from zip(items, counts.tolist(), strict=True)
        return
    groups = np.array([item.number if how.weights else 0 for item in items], np.int64)
    available = [int(counts[groups == group].sum()) for group in range(len(how.weights or (1,)))]
    for group, quota in enumerate(_quotas(available, how)):
        draw = np.sort(np.random.default_rng([how.seed, 2, group]).choice(available[group], quota, replace=False))
        ends = counts[groups == group].cumsum()
        mine = (item for item, number in zip(items, groups, strict=True) if number == group)
        for item, start, end in zip(mine, ends - counts[groups == group], ends, strict=True):
            chosen = draw[slice(*np.searchsorted(draw, (start, end)))] - start
            if len(chosen) or start == end:  # an item of 0 patches cannot be read: cutting it reports the error
                yield replace(item, chosen=chosen), int(end - start)


def _quotas(available: Sequence[int], how: Cutting) -> list[int]:
    """Return the number of patches to draw from each group: as many as the weights and the limit allow.

    Args:
        available: Patches of each group.
        how: The options.

    Raises:
        InputError: A group has no patches.
    """
    most = sum(available) if how.max_patches is None else min(how.max_patches, sum(available))
    if how.weights is None:
        return [most]
    if not all(available):
        raise InputError(f"set {available.index(0) + 1} has no patches, so its weight cannot be met; leave it out")
    parts = np.array(how.weights) / sum(how.weights)
    total = min(most, *(count / part for count, part in zip(available, parts, strict=True)))
    return [int(total * part + 1e-9) for part in parts]
