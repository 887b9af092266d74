"""List the pictures to score with their sources: from manifests, by file names, or computed by baselines."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import UnknownNameError
from mmdrfuse.images import is_picture, stem
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse import manifest
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score.score import Candidate
from mmdrfuse.system.paths import real


@dataclass(frozen=True)
class Matching:
    """The fused pictures of one folder, matched to their sources by name."""

    candidates: list[Candidate]
    missing: list[Pair]
    """Pairs without a fused picture."""
    unmatched: list[Path]
    """Pictures that belong to no pair."""


def labels(folders: Sequence[Path], taken: Sequence[str] = ()) -> list[str]:
    """Return a name for each folder's method: its last part, or the whole path where that is not unique."""
    names = [real(folder).name for folder in folders]
    return [
        name if names.count(name) == 1 and name not in taken else f"{folder.as_posix()}/"
        for folder, name in zip(folders, names, strict=True)
    ]


def from_manifest(method: str, folder: Path) -> list[Candidate]:
    """Return the pictures that a folder's manifest lists.

    Raises:
        ManifestError: There is no manifest, or it cannot be read.
    """
    return [
        Candidate(method, entry.pair(folder), folder / entry.fused, (entry.infrared_sha256, entry.visible_sha256))
        for entry in manifest.read(folder)
    ]


def from_folder(method: str, folder: Path, pairs: Sequence[Pair], key: Callable[[str], str]) -> Matching:
    """Find each pair's fused picture in a folder by name: the stem, else the stem without modality tokens.

    Args:
        method: The row of the table.
        folder: Fused pictures of that method.
        pairs: The sources.
        key: Reduces a file's stem to what the files of one scene have in common.
    """
    pictures = sorted(path for path in folder.rglob("*") if is_picture(path))
    by_name = _unique((path.relative_to(folder).with_suffix("").as_posix(), path) for path in pictures)
    by_key = _unique((key(stem(path)), path) for path in pictures)
    # A name that several pairs share singles out none of them.
    stems = Counter(stem(pair.visible) for pair in pairs)
    keys = Counter(key(Path(pair.name).name) for pair in pairs)
    candidates: list[Candidate] = []
    missing: list[Pair] = []
    for pair in pairs:
        visible = stem(pair.visible)
        reduced = key(Path(pair.name).name)
        path = by_name.get(pair.name)
        path = path or (by_name.get(visible) if stems[visible] == 1 else None)
        path = path or (by_key.get(reduced) if keys[reduced] == 1 else None)
        if path is None:
            missing.append(pair)
        else:
            candidates.append(Candidate(method, pair, path))
    used = {candidate.fused for candidate in candidates}
    return Matching(candidates, missing, [path for path in pictures if path not in used])


def from_baselines(names: Sequence[str], pairs: Sequence[Pair]) -> list[Candidate]:
    """Return trivial fusions of every pair, computed while they are scored.

    Raises:
        UnknownNameError: No such baseline.
    """
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise UnknownNameError("baseline", unknown[0], BASELINES)
    return [Candidate(name, pair, Fuser(BASELINES[name])) for name in names for pair in pairs]


def provenance(folder: Path) -> dict[str, list[str]]:
    """Return from a folder's manifest what influences its scores besides the method.

    Returns:
        ``range`` and ``weights``, each with the values that occur.

    Raises:
        ManifestError: There is no manifest, or it cannot be read.
    """
    entries = manifest.read(folder)
    return {
        "range": sorted({entry.range for entry in entries}),
        "weights": sorted({f"{entry.weights} {entry.weights_sha256[:12]}" for entry in entries}),
    }


def _unique(items: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Return the files by name, without names that several files share."""
    index: dict[str, Path | None] = {}
    for name, path in items:
        index[name] = None if name in index else path
    return {name: path for name, path in index.items() if path is not None}
