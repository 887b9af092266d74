"""Read all files of labels, and collect their pictures."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mmdrfuse.datasets.labels.parsed import Box, LabelledBox, Parsed, ParsedPicture
from mmdrfuse.datasets.labels.sources import Sources, find
from mmdrfuse.datasets.sets.keys import INFRARED_WORDS, VISIBLE_WORDS
from mmdrfuse.datasets.sets.pairing import relative
from mmdrfuse.detection.labels import PERSON, LabelledPicture, Labels
from mmdrfuse.errors import InputError, MMDRFuseError, abbreviated, reading
from mmdrfuse.images import SUFFIXES

_FOLDERS = frozenset({*INFRARED_WORDS, *VISIBLE_WORDS, "labels", "label", "annotations", "annotation", "images", "."})
"""Folders that say nothing about which picture is labelled."""


def read(path: str | Path) -> Labels:
    """Read the labelled boxes of a set; the format is recognised by content.

    Args:
        path: One file, a folder that holds files of labels anywhere below it, or the root of a set: VOC's XML, YOLO's
            text with ``data.yaml``, COCO's JSON, KAIST's text, or the ``boxes.json`` of made-up scenes.

    Returns:
        The labels. Boxes are clipped to their pictures, and those without area are left out, with a note.

    Raises:
        InputError: There are no labels, or not one file can be read.
    """
    path = Path(path)
    sources = find(path)
    collected = _Collected()
    for file in sorted(sources.files):
        collected.read(sources, file)
    if not collected.pictures:
        raise InputError((collected.failures or [f"{path}: labels no pictures"])[0])
    if sources.unnamed:
        collected.name_classes(path)
    return collected.labels(sources.notes)


class _Collected:
    """What has been read so far."""

    def __init__(self) -> None:
        self.format = ""
        self.pictures: dict[str, ParsedPicture] = {}
        self.classes: dict[str, None] = {}
        self.failures: list[str] = []
        self.notes: list[str] = []
        self.hashes: list[tuple[str, bytes]] = []
        self.class_numbers: dict[int, str] = {}

    def read(self, sources: Sources, file: Path) -> None:
        """Read one file; if it cannot be read, that is a failure, and the others go on."""
        try:
            with reading(file, "labels", cure="correct or remove it"):
                content = file.read_bytes()
                parsed = sources.parse(content)
        except MMDRFuseError as error:
            self.failures.append(error.message)
            return
        name = relative(file, sources.root)
        self.hashes.append((name, content))
        self.format = parsed.format
        self.classes |= dict.fromkeys(parsed.classes)
        self.class_numbers |= parsed.numbers
        self.failures += [f"{file}: {line}" for line in parsed.failures]
        self._add(parsed, file, name)

    def _add(self, parsed: Parsed, file: Path, name: str) -> None:
        """Add a file's pictures; of two files for one picture, such as for both cameras, the visible side's counts."""
        for picture in parsed.pictures:
            key = _key(picture.file or name)
            earlier = self.pictures.get(key)
            if earlier is not None and earlier.objects != picture.objects:
                self.notes.append(f"{file}: labels {key} once more, and differently")
                if not _is_of_visible(picture.file or name):
                    continue
            self.pictures[key] = picture

    def name_classes(self, path: Path) -> None:
        """Take class 0 for a person, where nothing names the classes and there is no other.

        Raises:
            InputError: There are others.
        """
        numbers = {one.name for picture in self.pictures.values() for one in picture.objects}
        if numbers - {"0"}:
            listed = ", ".join(sorted(numbers, key=int))
            raise InputError(
                f"{path}: has the classes {listed}, and no data.yaml names them; add one with a line such as  "
                "names: [person, car]"
            )
        for key, picture in self.pictures.items():
            self.pictures[key] = picture._replace(objects=[one._replace(name=PERSON) for one in picture.objects])
        self.classes[PERSON] = None
        self.notes.append(f"{path}: no data.yaml names the classes, so class 0 is taken for {PERSON}")

    def labels(self, notes: Sequence[str]) -> Labels:
        """Return everything as labels."""
        used = {one.name for picture in self.pictures.values() for one in picture.objects}
        classes = (*self.classes, *sorted(used - self.classes.keys()))
        numbers = {name: number for number, name in enumerate(classes)}
        short = Counter(key.rpartition("/")[2] for key in self.pictures)
        pictures = {}
        picture_numbers = {}
        clipped = []
        for key, parsed in sorted(self.pictures.items()):
            solid = [one for one in parsed.objects if _has_area(one.box)]
            boxes = [one.box for one in solid]
            ignored = [one.ignored for one in solid]
            picture = LabelledPicture.of(boxes, [numbers[one.name] for one in solid], ignored, size=parsed.size)
            picture, changed = picture.clipped()
            clipped += [key] * changed
            self._note_flat(key, parsed.objects)
            name = key.rpartition("/")[2]
            name = name if short[name] == 1 else key
            pictures[name] = picture
            if parsed.number:
                picture_numbers[parsed.number] = name
        if clipped:
            places = abbreviated(dict.fromkeys(clipped))
            self.notes.append(f"{len(clipped)} boxes reach beyond their picture and are clipped, in {places}")
        return Labels(
            classes, pictures, self.format, self._sha256(), (*notes, *self.notes), tuple(self.failures),
            picture_numbers, self.class_numbers,
        )  # fmt: skip

    def _note_flat(self, key: str, objects: Sequence[LabelledBox]) -> None:
        """Note the boxes without area, which are left out."""
        for one in objects:
            if not _has_area(one.box):
                x0, y0, x1, y1 = one.box
                self.notes.append(f"{key}: the box {x0:g} {y0:g} {x1:g} {y1:g} of {one.name} has no area; left out")

    def _sha256(self) -> str:
        """Return the hash of one file, or of all names and contents."""
        if len(self.hashes) == 1:
            return hashlib.sha256(self.hashes[0][1]).hexdigest()
        digest = hashlib.sha256()
        for name, content in self.hashes:
            digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _key(file: str) -> str:
    """Return a picture's name: its file without ending, and the folders that say more than what is labelled."""
    path = PurePosixPath(file.replace("\\", "/"))
    folders = [part for part in path.parent.parts if part.lower() not in _FOLDERS and part != "/"]
    name = path.stem if path.suffix.lower() in {".xml", ".txt", *SUFFIXES} else path.name
    return "/".join((*folders, name))


def _is_of_visible(file: str) -> bool:
    return any(part.lower() in VISIBLE_WORDS for part in PurePosixPath(file).parts)


def _has_area(box: Box) -> bool:
    x0, y0, x1, y1 = box
    return x1 > x0 and y1 > y0
