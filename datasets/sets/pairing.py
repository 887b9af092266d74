"""Matching the pictures of two folders to pairs by their names, never by their order.

Two pictures belong together when their names without ending are the same; failing that, when the names are the
same but for words that tell the modality (``IR_meting003_g.bmp`` and ``VIS_meting003_r.bmp``). Whatever finds no
partner, is no picture, or could belong to more than one is told, so that nothing is dropped in silence.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdrfuse.errors import InputError, PairingError
from mmdrfuse.images import SUFFIXES, is_picture, stem
from mmdrfuse.pipeline import Pair
from mmdrfuse.system.paths import real

INFRARED_WORDS = ("infrared", "ir", "lwir", "mwir", "swir", "nir", "thermal", "t", "ct", "pet", "spect")
"""What the infrared side is called in the names of folders and files; in medicine the functional image or CT."""
VISIBLE_WORDS = ("visible", "visual", "vis", "vi", "v", "rgb", "mri", "mr")
"""What the visible side is called in the names of folders and files; in medicine the MRI."""

Groups = Mapping[str, Sequence[Path]]
Key = Callable[[str], str | None]
"""Gives what must be equal in the names without ending of a pair's pictures; None for a name that has no such part."""

_WORD = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(INFRARED_WORDS + VISIBLE_WORDS)})(?![^\W\d_])", re.IGNORECASE)
_CHANNEL = re.compile(r"[_\-. ][gr]$", re.IGNORECASE)  # TNO adds the colour channel that it took: _g, _r
_GAPS = re.compile(r"[_\-. ]+")
_EXAMPLES = 3


@dataclass(frozen=True)
class Pairing:
    """The pairs of two sets of files, and what did not become one.

    Args:
        pairs: Sorted by name; the names differ from each other.
        orphans: Pictures without a partner.
        ignored: Files that are no pictures, and folders that were not looked into.
        ambiguous: Groups of pictures of which more than one has the same name on a side.
        spare: Pictures that lie among the pairs and belong to neither side, such as those of another camera.
        labels: Files of annotations, which are known and not read.
    """

    pairs: tuple[Pair, ...] = ()
    orphans: tuple[Path, ...] = ()
    ignored: tuple[Path, ...] = ()
    ambiguous: tuple[tuple[Path, ...], ...] = ()
    spare: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()

    @classmethod
    def merged(cls, parts: Iterable["Pairing"]) -> "Pairing":
        """Give the pairing of all parts together."""
        listed = list(parts)
        return cls(
            tuple(sorted(pair for part in listed for pair in part.pairs)),
            tuple(path for part in listed for path in part.orphans),
            tuple(path for part in listed for path in part.ignored),
            tuple(group for part in listed for group in part.ambiguous),
        )

    def held_out(self, every: int | None) -> tuple[list[Pair], list[Pair]]:
        """Split the pairs: every so-manieth by name is held out for validation; None holds out nothing.

        Args:
            every: At least 2; 3 holds out a third.

        Returns:
            Pairs to train on, and pairs held out.
        """
        kept = [pair for number, pair in enumerate(self.pairs, 1) if not every or number % every]
        return kept, [pair for number, pair in enumerate(self.pairs, 1) if every and not number % every]

    def unused(self) -> Iterator[str]:
        """Say of each orphan, each picture of neither side and each file that is no picture why it is in no pair."""
        yield from self.partnerless()
        yield from (f"{path}: belongs to neither side" for path in self.spare)
        yield from (
            f"{path}: its pictures are in no pair" if path.is_dir() else f"{path}: no picture" for path in self.ignored
        )

    def partnerless(self) -> Iterator[str]:
        """Say of each orphan that it is one."""
        yield from (f"{path}: no partner on the other side" for path in self.orphans)

    def unclear(self) -> Iterator[str]:
        """Say of each ambiguous group which files it is; they were not guessed at."""
        for group in self.ambiguous:
            yield f"{', '.join(map(str, group))}: one name fits more than one file; rename or move some away"


def pair_folders(infrared: Path, visible: Path, *, recursive: bool = False, key: Key | None = None) -> Pairing:
    """Pair the pictures of two folders.

    Args:
        infrared: Folder of one side.
        visible: Folder of the other side.
        recursive: Look into sub-folders too; a pair's name then begins with the sub-folder, which is the same on
            both sides. Otherwise sub-folders are listed as ignored.
        key: See :func:`pair_files`.

    Raises:
        InputError: A folder is missing or cannot be listed.
        PairingError: Both are the same folder, or there is not one pair.
    """
    if real(infrared) == real(visible):
        raise PairingError(f"{infrared}: infrared and visible are the same folder; give the two folders of the pairs")
    sides = [_grouped(folder, recursive=recursive) for folder in (infrared, visible)]
    return pair_groups(sides[0], sides[1], where=f"{infrared}, {visible}", key=key)


def pair_groups(infrared: Groups, visible: Groups, *, where: str, key: Key | None = None) -> Pairing:
    """Pair the files of each group of one side with those of the group of the same name on the other side.

    Args:
        infrared: Files by group; the group begins their pairs' names.
        visible: The same for the other side.
        where: What was looked at, for the message.
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
    """Pair two lists of files by name; a pair's name is ``group`` and what the names share.

    Names are tried as they are before they are tried without the words of the modality; with ``key``, what it gives
    is all that counts, and may be empty where the group alone tells a pair.
    """
    files = sorted(infrared), sorted(visible)
    left, right = ([path for path in side if is_picture(path)] for side in files)
    others = tuple(path for side in files for path in side if not is_picture(path))
    pairs: dict[str, Pair] = {}
    ambiguous: list[tuple[Path, ...]] = []
    rules: tuple[tuple[Key, Key], ...] = ((key, key),) if key else ((_stem, _stem), (_bare, pair_key))
    for name_of, key_of in rules:
        lefts, rights = _by_key(left, key_of), _by_key(right, key_of)
        for shared in sorted(lefts.keys() & rights.keys()):
            found = (*lefts[shared], *rights[shared])
            name = name_of(stem(found[0])) or ("" if key and group else _stem(stem(found[0])))
            if len(found) == 2 and name not in pairs:
                pairs[name] = Pair("/".join(filter(None, (group, name))), *found)
            else:
                ambiguous.append(found)
        left = _only(lefts, rights)
        right = _only(rights, lefts)
    return Pairing(tuple(sorted(pairs.values())), tuple(left + right), others, tuple(ambiguous))


def pair_key(name: str) -> str:
    """Give what must be equal in the names of two pictures that belong together.

    The words of the modality are cut where no letter touches them, gaps (``_``, ``-``, ``.``, space) are made one,
    and case is dropped.

    Example:
        >>> pair_key("IR_meting003_g"), pair_key("VIS_meting003_r"), pair_key("Iris-01")
        ('meting003', 'meting003', 'iris_01')
    """
    return _bare(name).casefold()


def key_by(pattern: str) -> Key:
    r"""Give the key that a regular expression finds in a name: its group ``key``, else its first, else the whole match.

    Args:
        pattern: It is searched for anywhere in a name, with regard to case.

    Raises:
        PairingError: It is no regular expression.

    Example:
        >>> key_by(r"frame(\d+)")("left-frame0007_8bit")
        '0007'
    """
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise PairingError(
            f"{pattern!r} is no regular expression ({error}); give one whose group tells the pair, such as '(\\d+)'"
        ) from error
    group = "key" if "key" in search.groupindex else min(search.groups, 1)

    def key(name: str) -> str | None:
        found = search.search(_stem(name))
        return found and found[group]

    return key


def walk(root: Path) -> Iterator[tuple[Path, list[Path], list[Path]]]:
    """Go through a folder and all below it, in order of name, links to folders included.

    Returns:
        For each folder: itself, its sub-folders, its files.

    Raises:
        InputError: A folder is missing or cannot be listed.
    """
    for name, folders, files in os.walk(root, onerror=_unlisted, followlinks=True):
        folder = Path(name)
        here = real(folder)
        folders[:] = sorted(sub for sub in folders if not here.is_relative_to(real(folder / sub)))  # no loops
        yield folder, [folder / sub for sub in folders], [folder / file for file in sorted(files)]


def _grouped(folder: Path, *, recursive: bool) -> dict[str, list[Path]]:
    """List a folder's files by the sub-folder they are in; those not looked into are listed as files."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder that holds the pictures")
    listing = walk(folder)
    if not recursive:
        _, folders, files = next(listing)
        return {"": files + folders}
    return {relative(sub, folder): files for sub, _, files in listing}


def relative(path: Path, root: Path) -> str:
    """Give the path from a folder, with slashes, empty for the folder itself."""
    text = path.relative_to(root).as_posix()
    return "" if text == "." else text


def _unlisted(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check the path and its permissions")


def _why_none(pairing: Pairing, infrared: Groups, visible: Groups) -> str:
    """Say why there is no pair, with examples, and what to do."""
    if pairing.ambiguous:
        return f"no pair, as a name fits several files ({_few(pairing.ambiguous[0])}); rename them or move some away"
    sides = [[path for files in side.values() for path in files] for side in (infrared, visible)]
    pictures = [[path for path in side if is_picture(path)] for side in sides]
    for name, seen, usable in zip(("infrared", "visible"), sides, pictures, strict=True):
        if not usable:
            there = f"there is only {_few(seen)}" if seen else "it is empty"
            return f"the {name} side holds no pictures ({', '.join(sorted(SUFFIXES))}); {there}; give another folder"
    return (
        f"no infrared picture ({len(pictures[0])}: {_few(pictures[0])}) has a visible partner "
        f"({len(pictures[1])}: {_few(pictures[1])}); the names of a pair must be equal but for words such as "
        "ir, vis, thermal, rgb: rename the files, or give the folders that belong together"
    )


def _few(paths: Sequence[Path]) -> str:
    """Name the first files."""
    return ", ".join(path.name for path in paths[:_EXAMPLES]) + (", ..." if len(paths) > _EXAMPLES else "")


def _by_key(paths: Iterable[Path], key_of: Key) -> dict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        key = key_of(stem(path))
        found[str(path) if key is None else key].append(path)  # a path is nobody's key: it stays an orphan
    return found


def _only(side: dict[str, list[Path]], other: dict[str, list[Path]]) -> list[Path]:
    """Give the files whose key the other side does not have."""
    return [path for key, paths in side.items() if key not in other for path in paths]


def _stem(name: str) -> str:
    """Give the name with each accented letter as one sign, however the file system spells it."""
    return unicodedata.normalize("NFC", name)


def _bare(name: str) -> str:
    """Give the name without the words of the modality."""
    name = _stem(name)
    bare = _WORD.sub("_", name)
    if bare != name:
        bare = _CHANNEL.sub("", bare)
    return _GAPS.sub("_", bare).strip("_")
