"""Boxes that another program has found: COCO's results, YOLO's texts with confidence, or our ``detections.json``."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.classes import indices
from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.running import Found
from mmdrfuse.detection.tones import RAW
from mmdrfuse.errors import InputError, abbreviated, reading, reason
from mmdrfuse.images import SUFFIXES

_YOLO_VALUES = 6
"""Class, centre, size and confidence."""


@dataclass(frozen=True)
class Results:
    """The boxes of one method."""

    name: str
    """The file or folder."""
    pictures: Mapping[str, Detections]
    """Name or number of a picture → its boxes; the classes are numbers of the file."""
    relative: bool = False
    """Whether boxes are shares of the picture, 0 to 1."""
    classes: tuple[str, ...] | None = None
    """Names of the classes, if the file has them."""

    def found(self, truth: Mapping[str, LabelledPicture], labels: Labels) -> dict[str, Found]:
        """Return the boxes of labelled pictures; a picture that is not in the file has none.

        Args:
            truth: Name of a picture → its labels, which say its size.
            labels: All labels, which know the numbers of pictures and classes.

        Raises:
            InputError: The boxes are of other pictures or classes, or the size of a picture is unknown.
        """
        places = self._places(list(truth), labels.picture_numbers)
        if self.pictures and not places:
            raise InputError(
                f"{self.name}: is of other pictures: it has {abbreviated(self.pictures)}, and the labels have "
                f"{abbreviated(truth)}"
            )
        table = self._indices(labels) if self.classes is None else indices(self.classes, labels.classes, self.name)
        none = Detections.of([], [], [])
        return {
            name: self._in_picture(name, self.pictures.get(places.get(name, ""), none).renumbered(table), labelled)
            for name, labelled in truth.items()
        }

    def _in_picture(self, name: str, boxes: Detections, labelled: LabelledPicture) -> Found:
        width, height = labelled.width or 0, labelled.height or 0
        if not (width and height) or (width == height == 1 and not self.relative):
            raise InputError(
                f"{self.name}: has boxes in {'shares' if self.relative else 'pixels'}, and the labels of {name} do not "
                "say how large the picture is",
                cure="sources",
            )
        scale = np.array([width, height] * 2 if self.relative else [1] * 4)
        moved = Detections(boxes.boxes * scale, boxes.scores, boxes.classes).clipped(width, height)
        return Found(width, height, {RAW: moved})

    def _places(self, names: Sequence[str], numbers: Mapping[str, str]) -> dict[str, str]:
        """Return for the names of pictures what the file calls them: COCO's number, the name, or a number as name."""
        if not self.pictures.keys() <= numbers.keys():
            numbers = {}
        by_name = {PurePosixPath(numbers.get(own, own)).name: own for own in self.pictures}
        by_number = {int(own): own for own in self.pictures if own.isdecimal() and not numbers}
        found = {}
        for name in names:
            short = PurePosixPath(name).name
            if short in by_name:
                found[name] = by_name[short]
            elif short.isdecimal() and int(short) in by_number:
                found[name] = by_number[int(short)]
        return found

    def _indices(self, labels: Labels) -> NDArray[np.int64]:
        """Return the classes' indices where only numbers are known.

        They are those of COCO's labels, or count from 0 or, as COCO's do, from 1.
        """
        used = {int(number) for one in self.pictures.values() for number in one.classes}
        known = labels.class_numbers
        if used & known.keys() and 0 not in used - known.keys():
            return indices([known.get(number, "") for number in range(max(known) + 1)], labels.classes, self.name)
        first = 0 if 0 in used or not used else 1
        count = len(labels.classes)
        if used and max(used) - first >= count:
            raise InputError(
                f"{self.name}: has class {max(used)}, and the labels have {count}: {', '.join(labels.classes)}",
                cure="classes",
            )
        return np.concatenate([np.full(first, -1), np.arange(count)]).astype(np.int64)


def read_results(path: str | Path, classes: Sequence[str] | None = None, *, method: str = "") -> Results:
    """Read the boxes that another program has found.

    Args:
        path: A JSON file, or a folder of text files.
        classes: Names of its classes; None if the file names them, or numbers them as the labels do.
        method: The row to take from our ``detections.json``.

    Raises:
        InputError: It cannot be read, or is none of the formats.
    """
    path = Path(path)
    with reading(path, "file of detections", cure="give COCO's results as JSON, or a folder of YOLO's text files"):
        results = _from_texts(path) if path.is_dir() else _from_json(path, json.loads(path.read_bytes()), method)
    return results if classes is None else Results(results.name, results.pictures, results.relative, tuple(classes))


def _from_json(path: Path, document: Any, method: str) -> Results:  # noqa: ANN401
    if isinstance(document, dict) and isinstance(document.get("methods"), dict):
        return _from_ours(path, document, method)
    if not isinstance(document, list):
        raise ValueError("is neither a list of COCO's results nor detections.json")
    collected: defaultdict[str, _Boxes] = defaultdict(_Boxes)
    for count, entry in enumerate(document):
        try:
            x, y, width, height = _numbers(entry["bbox"])
            one = collected[_stem(entry.get("file_name") or entry["image_id"])]
            one.add((x, y, x + width, y + height), _finite(entry["score"]), int(entry["category_id"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"entry {count}, {entry!r:.80}: {reason(error)}") from error
    return Results(str(path), {name: one.detections() for name, one in collected.items()})


def _from_ours(path: Path, document: Mapping[str, Any], method: str) -> Results:
    methods = document["methods"]
    if not methods:
        raise InputError(f"{path}: has no rows; replace or remove it")
    if method not in methods and len(methods) > 1:
        raise InputError(f"{path}: has no row {method!r}; it has {', '.join(methods)}")
    pictures = methods[method] if method in methods else next(iter(methods.values()))
    found = {name: Detections.of(one["boxes"], one["scores"], one["classes"]) for name, one in pictures.items()}
    return Results(str(path), found, classes=tuple(document["classes"]) or None)


def _from_texts(folder: Path) -> Results:
    found = {}
    for file in sorted(folder.rglob("*.txt")):
        collected = _Boxes()
        for count, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            values = line.split()
            if not values:
                continue
            if len(values) != _YOLO_VALUES:
                raise InputError(
                    f"{file}:{count}: has {len(values)} values, and needs 6: class, centre, size and confidence "
                    "(yolo writes the last with save_conf=True)"
                )
            with reading(f"{file}:{count}", "line", cure="it needs class, centre, size and confidence"):
                number, x, y, width, height, score = map(_finite, values)
            box = x - width / 2, y - height / 2, x + width / 2, y + height / 2
            collected.add(box, score, int(number))
        found[file.stem] = collected.detections()
    if not found:
        raise InputError(f"{folder}: holds no text files with detections")
    return Results(str(folder), found, relative=True)


@dataclass
class _Boxes:
    """The boxes of one picture so far."""

    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)

    def add(self, box: tuple[float, float, float, float], score: float, number: int) -> None:
        """Add a box."""
        self.boxes.append(box)
        self.scores.append(score)
        self.classes.append(number)

    def detections(self) -> Detections:
        """Return all boxes that may count."""
        return Detections.of(self.boxes, self.scores, self.classes)


def _finite(number: str | float) -> float:
    value = float(number)
    if not np.isfinite(value):
        raise ValueError(f"{number} is no finite number")
    return value


def _numbers(box: Sequence[float]) -> tuple[float, ...]:
    if len(box) != 4:
        raise ValueError(f"a bbox of {len(box)} values, which needs 4: x, y, width and height")
    return tuple(map(_finite, box))


def _stem(name: object) -> str:
    path = PurePosixPath(str(name))
    return path.stem if path.suffix.lower() in SUFFIXES else path.name
