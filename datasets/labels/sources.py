"""Find the files of labels in a folder, and recognise their format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmdrfuse.datasets.labels import documents, kaist, voc, yolo
from mmdrfuse.datasets.labels.parsed import Parsed
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.datasets.sets.pairing import walk
from mmdrfuse.errors import InputError, PairingError, reading

SCENES = "boxes.json"
_SUFFIXES = (".xml", ".txt", ".json")
_TEXTS = ("readme", "license", "licence", "classes.txt")
"""Beginnings of the names of text files beside labels."""
_LOOKED_AT = 40
"""Files that decide on the format of a folder."""


@dataclass(frozen=True)
class Sources:
    """Files of labels of one format."""

    root: Path
    """The folder that their names are relative to."""
    files: tuple[Path, ...]
    parse: Callable[[bytes], Parsed]
    unnamed: bool = False
    """Whether classes have numbers for names."""
    notes: tuple[str, ...] = ()


def find(path: Path) -> Sources:
    """Find the files of labels.

    Args:
        path: One file, a folder that holds files of labels anywhere below, or the root of a set.

    Raises:
        InputError: There is no such file or folder, or it has no labels; or YOLO's ``data.yaml`` names no classes.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give the labels, or the folder that holds them")
    if not path.is_dir():
        return _one(path)
    if (path / SCENES).is_file():
        return Sources(path, (path / SCENES,), documents.parse)
    if _data_file(path, above=0):
        return _texts(path, _of_yolo(path))
    return _folder(path)


def _one(path: Path) -> Sources:
    suffix = path.suffix.lower()
    if suffix in {".yaml", ".yml"}:
        return _texts(path.parent, _of_yolo(path.parent), path)
    if suffix == ".xml":
        return Sources(path.parent, (path,), voc.parse)
    if suffix == ".json":
        return Sources(path.parent, (path,), documents.parse)
    if suffix == ".txt":
        return _texts(path.parent, [path])
    raise InputError(f"{path}: is no file of labels; give .xml, .txt, .json, a data.yaml, or a folder of them")


def _folder(path: Path) -> Sources:
    """Take the format that the folder has files of: XML before text before JSON."""
    files = _labels_of_set(path) or _below(path)
    by_suffix = {suffix: [file for file in files if file.suffix.lower() == suffix] for suffix in _SUFFIXES}
    if by_suffix[".xml"]:
        return Sources(path, tuple(by_suffix[".xml"]), voc.parse)
    if by_suffix[".txt"]:
        return _texts(path, by_suffix[".txt"])
    if by_suffix[".json"]:
        return Sources(path, tuple(by_suffix[".json"]), documents.parse)
    raise InputError(f"{path}: holds no labels of boxes ({', '.join(_SUFFIXES)})")


def _labels_of_set(root: Path) -> list[Path]:
    """Return the files of labels of a known set; none if the folder is no set."""
    try:
        _, pairing = find_pairs(root)
    except PairingError:
        return []
    return [path for path in pairing.labels if path.suffix.lower() in _SUFFIXES]


def _below(root: Path) -> list[Path]:
    return [path for _, _, files in walk(root) for path in files if path.suffix.lower() in _SUFFIXES]


def _of_yolo(root: Path) -> list[Path]:
    """Return the files that can be YOLO's labels: those in the folder ``labels``, if there is one."""
    return _below(root / "labels" if (root / "labels").is_dir() else root)


def _texts(root: Path, files: Sequence[Path], names_file: Path | None = None) -> Sources:
    """Return the sources of text files: YOLO's begin with the number of a class, KAIST's with its name."""
    texts = [path for path in files if path.suffix.lower() == ".txt" and not path.name.lower().startswith(_TEXTS)]
    first_words = [_first_words(path) for path in texts]
    labels = tuple(path for path, words in zip(texts, first_words, strict=True) if len(words) != 1)
    lists = [path for path, words in zip(texts, first_words, strict=True) if len(words) == 1]
    notes = tuple(f"{path}: lists names, no boxes; left out" for path in lists)
    if not labels:
        where = files[0] if len(files) == 1 else root
        raise InputError(f"{where}: holds no labels of boxes in text files; give the folder or file of the labels")
    names_file = names_file or _data_file(root, above=2)
    deciding = [words for words in first_words if len(words) > 1][:_LOOKED_AT]
    named = sum(words[0] == "%" or not words[0].replace(".", "", 1).isdigit() for words in deciding)
    if not names_file and 2 * named > len(deciding):
        return Sources(root, labels, kaist.parse, notes=notes)
    names = yolo.read_names(names_file) if names_file else ()
    return Sources(root, labels, partial(yolo.parse, names=names), not names, notes)


def _first_words(path: Path) -> list[str]:
    """Return the words of the first line that is not empty; none of an empty file."""
    with reading(path, "labels"), path.open("rb") as file:
        text = file.read(1 << 16).decode("utf-8-sig", "replace")
    return next((line.split() for line in text.splitlines() if line.strip()), [])


def _data_file(folder: Path, *, above: int) -> Path | None:
    """Return the file with the names of YOLO's classes, in the folder or at most so many folders above."""
    folders = [folder, *folder.absolute().parents[:above]]
    candidates = (place / name for place in folders for name in yolo.DATA_FILES)
    return next((path for path in candidates if path.is_file()), None)
