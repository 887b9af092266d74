"""Pair the pictures of two folders by their names, never by their order.

Two pictures belong together if their names without ending are the same, or differ only in words for the modality
(``IR_meting003_g.bmp`` and ``VIS_meting003_r.bmp``). The result lists every file that has no partner, is no picture, or
fits more than one, so that no file is dropped silently.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from mmdrfuse.datasets.sets.keys import Key, bare_name, pair_key, whole_name
from mmdrfuse.errors import InputError, PairingError, abbreviated
from mmdrfuse.images import SUFFIXES, is_picture, stem
from mmdrfuse.pair import Pair
from mmdrfuse.pairs import Pairs, pack
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.paths import real

Groups = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Pairing:
    """The pairs of two sets of files, and the files that are in no pair.

    Args:
        pairs: Sorted by name; the names differ from each other.
        orphans: Pictures without a partner.
        ignored: Files that are no pictures, and folders that were not searched.
        ambiguous: Groups of pictures that have the same name, more than one of them on one side.
        unassigned: Pictures beside the pairs' that belong to neither side, such as those of another camera.
        labels: Files of annotations, which are recognised and not read.
    """

    pairs: Sequence[Pair] = ()
    orphans: tuple[Path, ...] = ()
    ignored: tuple[Path, ...] = ()
    ambiguous: tuple[tuple[Path, ...], ...] = ()
    unassigned: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()

    @classmethod
    def merged(cls, parts: Iterable["Pairing"]) -> "Pairing":
        """Return the pairing of all parts together, which are taken one by one."""
        rows: list[str] = []
        orphans: list[Path] = []
        ignored: list[Path] = []
        ambiguous: list[tuple[Path, ...]] = []
        for part in parts:
            rows += Pairs.of(part.pairs).items
            orphans += part.orphans
            ignored += part.ignored
            ambiguous += part.ambiguous
        return cls(Pairs(sorted(rows)), tuple(orphans), tuple(ignored), tuple(ambiguous))

    def held_out(self, every: int | None) -> tuple[list[Pair], list[Pair]]:
        """Split the pairs into those to train on, and every Nth by name, which is held out.

        Args:
            every: N, at least 2; 3 holds out a third. None holds out nothing.

        Returns:
            Pairs to train on, and pairs held out.
        """
        if not every:
            return list(self.pairs), []
        training = [pair for number, pair in enumerate(self.pairs, 1) if number % every]
        held_out = [pair for number, pair in enumerate(self.pairs, 1) if not number % every]
        return training, held_out

    def unused_lines(self) -> Iterator[str]:
        """Yield a line for each file that is in no pair: the file, and why."""
        yield from self.orphan_lines()
        yield from (f"{path}: belongs to neither side" for path in self.unassigned)
        yield from (
            f"{path}: its pictures are in no pair" if path.is_dir() else f"{path}: no picture" for path in self.ignored
        )

    def orphan_lines(self) -> Iterator[str]:
        """Yield a line for each orphan."""
        yield from (f"{path}: no partner on the other side" for path in self.orphans)

    def ambiguous_lines(self) -> Iterator[str]:
        """Yield a line for each ambiguous group, with its files; none of them is in a pair."""
        for group in self.ambiguous:
            yield f"{', '.join(map(str, group))}: one name fits more than one file; rename or move some of them"


def without_quarter(pairs: Sequence[Pair], quarter: int | None) -> tuple[list[Pair], list[Pair]]:
    """Split pairs that may be trained on into those to train on, and a quarter by which choices are made.

    Args:
        pairs: What `Pairing.held_out` leaves to train on.
        quarter: 1 to 4: every fourth pair from this one on. None leaves out nothing.

    Returns:
        Pairs to train on, and pairs left out.
    """
    if quarter is None:
        return list(pairs), []
    rest = [pair for number, pair in enumerate(pairs, 1) if number % 4 != quarter % 4]
    return rest, list(pairs[quarter - 1 :: 4])


def pair_folders(
    infrared: str | Path, visible: str | Path, *, recursive: bool = False, key: Key | None = None
) -> Pairing:
    """Pair the pictures of two folders.

    Args:
        infrared: Folder of one side.
        visible: Folder of the other side.
        recursive: Search sub-folders too; a pair's name then begins with the sub-folder, which is the same on both
            sides. Otherwise sub-folders are in ``ignored``.
        key: See :func:`pair_files`.

    Raises:
        InputError: A folder is missing or cannot be listed.
        PairingError: Both are the same folder, or there is not one pair.
    """
    infrared = Path(infrared)
    visible = Path(visible)
    if real(infrared) == real(visible):
        raise PairingError(f"{infrared}: is given for both sides; give the folder of each side")
    sides = [_grouped(folder, recursive=recursive) for folder in (infrared, visible)]
    return pair_groups(sides[0], sides[1], where=f"{infrared}, {visible}", key=key)


def pair_groups(infrared: Groups, visible: Groups, *, where: str, key: Key | None = None) -> Pairing:
    """Pair the files of each group of one side with those of the group of the same name on the other side.

    Args:
        infrared: Group → files; the group begins the names of its pairs.
        visible: The same for the other side.
        where: The place that was searched, for the error message.
        key: See :func:`pair_files`.

    Raises:
        PairingError: There is not one pair.
    """
    groups = sorted(infrared.keys() | visible.keys())
    pairing = Pairing.merged(
        pair_files(infrared.get(group, ()), visible.get(group, ()), group=group, key=key) for group in groups
    )
    if not pairing.pairs:
        raise PairingError(f"{where}: {_why_none(pairing, infrared, visible)}")
    return pairing


def pair_files(
    infrared: Iterable[Path], visible: Iterable[Path], *, group: str = "", key: Key | None = None
) -> Pairing:
    """Pair two lists of files by name; a pair's name is ``group`` and the part that the two names share.

    Args:
        infrared: Files of one side.
        visible: Files of the other side.
        group: The folder's free part, such as the split.
        key: Returns the part of a name that must be equal; it may be empty if a group holds a single pair. None
            compares the whole names first, and then the names without words for the modality.
    """
    sides = [side if isinstance(side, Sequence) else list(side) for side in (infrared, visible)]
    numbers = [[number for number, path in enumerate(side) if is_picture(path)] for side in sides]
    ignored = _others(sides[0], numbers[0]) + _others(sides[1], numbers[1])
    rows: list[str] = []
    taken: set[str] = set()
    ambiguous: list[tuple[Path, ...]] = []
    rules: tuple[tuple[Key, Key], ...] = ((key, key),) if key else ((whole_name, whole_name), (bare_name, pair_key))
    for name_of, key_of in rules:
        taken.update(pair.name for pair in (Pairs(rows) if all(numbers) else ()))
        left_over: list[list[int]] = [[], []]
        for shared, found in _by_key(sides, numbers, key_of):
            if not all(found):
                left_over[0] += found[0]
                left_over[1] += found[1]
                continue
            candidates = [
                path for side, each in zip(sides, found, strict=True) for path in sorted(map(side.__getitem__, each))
            ]
            first = stem(candidates[0])
            own = name_of(first) or ("" if key and group else whole_name(first))
            name = "/".join(filter(None, (group, own)))
            if len(candidates) == 2 and name not in taken:
                rows.append(pack(Pair(name, candidates[0], candidates[1])))
            else:
                ambiguous.append(tuple(candidates))
            if own != shared:  # otherwise it is as unique as the key
                taken.add(name)
        numbers = left_over
    return Pairing(Pairs(sorted(rows)), tuple(_paths(sides, numbers)), ignored, tuple(ambiguous))


def walk(root: Path) -> Iterator[tuple[Path, list[Path], Sequence[Path]]]:
    """Walk a folder and all below it, in order of name; follow links to folders.

    Yields:
        For each folder: its path, its sub-folders, its files.

    Raises:
        InputError: A folder is missing or cannot be listed.
    """
    for name, folders, files in os.walk(root, onerror=_unlisted, followlinks=True):
        folder = Path(name)
        here = real(folder)
        # a link to a folder above would make an endless loop
        folders[:] = sorted(sub for sub in folders if not here.is_relative_to(real(folder / sub)))
        yield folder, [folder / sub for sub in folders], Mapped(folder.__truediv__, sorted(files))


def _grouped(folder: Path, *, recursive: bool) -> dict[str, Sequence[Path]]:
    """Return a folder's files by sub-folder; if not recursive, sub-folders count as files."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder that holds the pictures")
    listing = walk(folder)
    if not recursive:
        _, folders, files = next(listing)
        return {"": [*files, *folders]}
    return {relative(sub, folder): files for sub, _, files in listing}


def relative(path: Path, root: Path) -> str:
    """Return the path relative to a folder, with slashes; empty for the folder itself."""
    text = path.relative_to(root).as_posix()
    return "" if text == "." else text


def _unlisted(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check the path and its permissions")


def _why_none(pairing: Pairing, infrared: Groups, visible: Groups) -> str:
    """Describe why there is no pair, with examples, and what to do."""
    if pairing.ambiguous:
        return f"no pair: one name fits several files ({_few(pairing.ambiguous[0])}); rename or move some of them"
    sides = [[path for files in side.values() for path in files] for side in (infrared, visible)]
    pictures = [[path for path in side if is_picture(path)] for side in sides]
    for name, files, usable in zip(("infrared", "visible"), sides, pictures, strict=True):
        if not usable:
            content = f"it holds only {_few(files)}" if files else "it is empty"
            return f"the {name} side has no pictures ({', '.join(sorted(SUFFIXES))}): {content}; give another folder"
    return (
        f"no infrared picture ({len(pictures[0])}: {_few(pictures[0])}) has a visible partner "
        f"({len(pictures[1])}: {_few(pictures[1])}); the names of a pair must be equal, except for words such as "
        "ir, vis, thermal, rgb: rename the files, or give the folders that belong together"
    )


def _few(paths: Sequence[Path]) -> str:
    """Return the names of the first files."""
    return abbreviated([path.name for path in paths])


def _others(paths: Sequence[Path], numbers: Sequence[int]) -> tuple[Path, ...]:
    """Return all paths but those of some numbers, in order of name."""
    if len(numbers) == len(paths):
        return ()
    chosen = set(numbers)
    return tuple(sorted(path for number, path in enumerate(paths) if number not in chosen))


def _paths(sides: Sequence[Sequence[Path]], numbers: Sequence[Sequence[int]]) -> list[Path]:
    """Return the paths of some numbers, in order of name: those of the first side, then those of the second."""
    return [path for side, some in zip(sides, numbers, strict=True) for path in sorted(map(side.__getitem__, some))]


def _by_key(
    sides: Sequence[Sequence[Path]], numbers: Sequence[Sequence[int]], key_of: Key
) -> Iterator[tuple[str, tuple[list[int], list[int]]]]:
    """Yield each key in order, with the numbers of its paths on both sides.

    Sorted numbers are merged, because tables of a million keys and paths would take a gigabyte.
    """

    def key(side: int, number: int) -> str:
        path = sides[side][number]
        found = key_of(stem(path))
        return str(path) if found is None else found  # no other file has its path as key: it stays an orphan

    def keyed(side: int) -> Iterator[tuple[str, int, int]]:
        for number in sorted(numbers[side], key=partial(key, side)):
            yield key(side, number), side, number

    for shared, group in groupby(merge(keyed(0), keyed(1)), itemgetter(0)):
        found: tuple[list[int], list[int]] = ([], [])
        for _, side, number in group:
            found[side].append(number)
        yield shared, found
