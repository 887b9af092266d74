"""List the pictures to score with their sources: from manifests, by file names, or computed by baselines."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import get_args, overload

from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, ManifestError, MMDRFuseError, UnknownNameError
from mmdrfuse.images import Side, is_picture, stem
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pairs import Pairs, pack, prepared
from mmdrfuse.pipeline.fuse import manifest
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score.score import Candidate
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.paths import real


@dataclass(frozen=True)
class Matching:
    """The fused pictures of one folder, matched to their sources by name."""

    candidates: Sequence[Candidate]
    missing: list[Pair]
    """Pairs without a fused picture."""
    unmatched: list[Path]
    """Pictures that belong to no pair."""


class Listed(Sequence[Candidate]):
    """Pictures of several methods; those of a manifest are read from it one by one."""

    def __init__(self) -> None:
        self._parts: list[Sequence[Candidate]] = []

    def entries(self) -> dict[str, manifest.Entries]:
        """Return the entries of the manifests that were read: method → entries."""
        return {part.method: part.entries for part in self._parts if isinstance(part, FromManifest)}

    def extend(self, part: Iterable[Candidate]) -> None:
        """Add pictures; a sequence is taken as it is."""
        self._parts.append(part if isinstance(part, Sequence) else list(part))

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[Candidate]:
        return chain.from_iterable(self._parts)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> list[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | list[Candidate]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        for part in self._parts:
            if number < len(part):
                return part[number]
            number -= len(part)
        raise IndexError(index)


class FromManifest(Mapped[manifest.Entry, Candidate]):
    """The pictures that a folder's manifest lists, in the order of their names.

    Args:
        method: The row of the table.
        folder: The folder.

    Raises:
        ManifestError: There is no manifest, or it cannot be read.
    """

    def __init__(self, method: str, folder: Path) -> None:
        self.method = method
        self.folder = folder
        self.entries = manifest.Entries(folder)
        super().__init__(self._candidate, self.entries)

    def _candidate(self, entry: manifest.Entry) -> Candidate:
        hashes = (entry.infrared_sha256, entry.visible_sha256)
        return Candidate(self.method, entry.pair(self.folder), self.folder / entry.fused, hashes)


@dataclass(frozen=True)
class Candidates:
    """The pictures of all methods, and what is missing."""

    candidates: Listed = field(default_factory=Listed)
    failures: list[MMDRFuseError] = field(default_factory=list)
    """A folder without manifest, or a missing picture."""
    warnings: list[str] = field(default_factory=list)


def list_candidates(
    methods: Mapping[str, Path],
    pairs: Sequence[Pair] | None = None,
    *,
    baselines: Sequence[str] = (),
    key: Callable[[str], str] = str,
) -> Candidates:
    """List the pictures of several methods with their sources.

    Args:
        methods: Name of a method → its folder of fused pictures.
        pairs: The sources; None takes them from the folders' manifests.
        baselines: Names of fusions without a network, or of sides, of every pair. Where folders prepared the same
            files in different ways, such as by two rigs, it is the way of the first folder.
        key: As in `from_folder`.

    Raises:
        InputError: There is nothing to score.
        UnknownNameError: No such baseline.
    """
    found = Candidates()
    for method, folder in methods.items():
        if pairs is None:
            try:
                found.candidates.extend(FromManifest(method, folder))
            except ManifestError as error:
                found.failures.append(error)
            continue
        matching = from_folder(method, folder, pairs, key)
        found.candidates.extend(matching.candidates)
        found.failures.extend(InputError(f"{folder}: no picture for {pair.name}") for pair in matching.missing)
        found.warnings.extend(f"{path}: belongs to no pair, not scored" for path in matching.unmatched)
    if baselines:
        sources = _sources(found.candidates) if pairs is None else pairs
        found.candidates.extend(from_baselines(baselines, sources))
    if not found.candidates and not found.failures:
        raise InputError("nothing to score: name folders of fused pictures, or pairs and a baseline")
    return found


Folders = Mapping[str, str | Path] | Sequence[str | Path] | str | Path
"""Folders of fused pictures, by the names of their methods or without; or a single one."""


def _sources(candidates: Iterable[Candidate]) -> Sequence[Pair]:
    """Return the pairs of pictures; of pairs of the same files the first, whatever their preparation."""
    shared: dict[Preparation, Preparation] = {}
    found: dict[str, Preparation] = {}
    for one in candidates:
        preparation = shared.setdefault(one.pair.preparation, one.pair.preparation)
        found.setdefault(pack(one.pair), preparation)
    rows = sorted(found)
    return prepared(Pairs(rows), [found[row] for row in rows])


def named_folders(folders: Folders, taken: Sequence[str] = ()) -> dict[str, Path]:
    """Return folders by the names of their methods, as given or by `folder_names`; one that comes twice counts once."""
    if isinstance(folders, str | Path):
        folders = [folders]
    if isinstance(folders, Mapping):
        return {name: Path(folder) for name, folder in folders.items()}
    distinct = list(dict.fromkeys(map(Path, folders)))
    return dict(zip(folder_names(distinct, taken), distinct, strict=True))


def folder_names(folders: Sequence[Path], taken: Sequence[str] = ()) -> list[str]:
    """Return a name for each folder: its last part, or the whole path where that is not unique, or is taken."""
    names = [real(folder).name for folder in folders]
    return [
        name if names.count(name) == 1 and name not in taken else f"{folder.as_posix()}/"
        for folder, name in zip(folders, names, strict=True)
    ]


def from_folder(method: str, folder: Path, pairs: Sequence[Pair], key: Callable[[str], str]) -> Matching:
    """Find each pair's fused picture in a folder by name: the stem, else the stem without modality tokens.

    Args:
        method: The row of the table.
        folder: Fused pictures of that method.
        pairs: The sources.
        key: Reduces a file's stem to what the files of one scene have in common.
    """
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    pictures = sorted(str(path.relative_to(folder)) for path in files if is_picture(path))
    found = _pictures(pictures, pairs, key)
    missing = [number for number, picture in enumerate(found) if picture is None]
    matched = [number for number, picture in enumerate(found) if picture is not None] if missing else range(len(found))
    unmatched = sorted(set(pictures).difference(found))

    def candidate(number: int) -> Candidate:
        return Candidate(method, pairs[number], folder / str(found[number]))

    return Matching(
        Mapped(candidate, matched), [pairs[number] for number in missing], [folder / picture for picture in unmatched]
    )


def _pictures(pictures: Sequence[str], pairs: Sequence[Pair], key: Callable[[str], str]) -> list[str | None]:
    """Return each pair's picture, or None."""
    by_name = _unique((Path(picture).with_suffix("").as_posix(), picture) for picture in pictures)
    found = [by_name.get(pair.name) for pair in pairs]
    if None not in found:
        return found

    by_key = _unique((key(stem(Path(picture))), picture) for picture in pictures)
    # A name that several pairs share singles out none of them.
    stems = Counter(stem(pair.visible) for pair in pairs)
    keys = Counter(key(Path(pair.name).name) for pair in pairs)
    for number, pair in enumerate(pairs):
        visible = stem(pair.visible)
        reduced = key(Path(pair.name).name)
        if found[number] is None and stems[visible] == 1:
            found[number] = by_name.get(visible)
        if found[number] is None and keys[reduced] == 1:
            found[number] = by_key.get(reduced)
    return found


def from_baselines(names: Sequence[str], pairs: Sequence[Pair]) -> Sequence[Candidate]:
    """Return trivial fusions of every pair, computed while they are scored, or a source itself.

    Raises:
        UnknownNameError: No such baseline.
    """
    made: dict[str, Fuser | Side] = {name: Fuser(engine) for name, engine in BASELINES.items()}
    made |= {side: side for side in get_args(Side)}
    unknown = [name for name in names if name not in made]
    if unknown:
        raise UnknownNameError("baseline", unknown[0], made)

    def candidate(number: int) -> Candidate:
        name = names[number // len(pairs)]
        return Candidate(name, pairs[number % len(pairs)], made[name])

    return Mapped(candidate, range(len(names) * len(pairs)))


def provenance(entries: Iterable[manifest.Entry]) -> dict[str, list[str]]:
    """Return from the entries of a manifest what influences the scores besides the method.

    Returns:
        ``range`` and ``weights``, each with the values that occur.
    """
    made = {(entry.range, entry.weights, entry.weights_sha256) for entry in entries}
    return {
        "range": sorted({policy for policy, _, _ in made}),
        "weights": sorted({f"{name} {sha256[:12]}" for _, name, sha256 in made}),
    }


def _unique(items: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Return the files by name; None for names that several files share."""
    index: dict[str, str | None] = {}
    for name, path in items:
        index[name] = None if name in index else path
    return index
