"""Labels of YOLO: a text file for each picture, ``class x y width height`` in shares of the picture.

x and y are the centre. Lines with more numbers are polygons, which get the box around them. The names of the classes
are in ``data.yaml``, or in ``classes.txt``.
"""

from collections.abc import Sequence
from pathlib import Path

from mmdrfuse.datasets.labels.parsed import LabelledBox, Parsed, ParsedPicture, number, parse_lines
from mmdrfuse.errors import InputError, reading
from mmdrfuse.recipes import loading

DATA_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt")
_MOST = 1000
"""Classes that labels without names can have."""
_FAR = 2.0
"""Shares of the picture that no box reaches; pixels do."""


def parse(content: bytes, names: Sequence[str] = ()) -> Parsed:
    """Parse one file.

    Args:
        content: Of the file.
        names: Of the classes; without names, a class is called by its number.

    Raises:
        ValueError: A line is no label.
    """
    objects = parse_lines(content, lambda line: _object(line.split(), names))
    return Parsed("YOLO", [ParsedPicture("", (1, 1), objects)], tuple(names))


def read_names(path: Path) -> tuple[str, ...]:
    """Read the names of the classes from a ``data.yaml``, or from a text file with a name a line.

    Raises:
        InputError: It cannot be read, or has no names.
    """
    if path.suffix == ".txt":
        names = tuple(line.strip() for line in loading.text_of(path).splitlines() if line.strip())
        return _checked(path, names)
    document = loading.read(path)
    document.mistakes.raise_if_any()
    listed = document.value.get("names") if isinstance(document.value, dict) else None
    if isinstance(listed, dict):
        with reading(path, "list of classes", cure="number the names from 0 on"):
            numbered = {int(key): name for key, name in listed.items()}
            listed = [numbered[index] for index in range(len(numbered))]
    return _checked(path, tuple(map(str, listed)) if isinstance(listed, list) else ())


def _checked(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise InputError(f"{path}: has no names of classes; add a line such as  names: [person]")
    return names


def _object(words: list[str], names: Sequence[str]) -> LabelledBox:
    if len(words) == 6:
        raise ValueError("has a sixth number, a confidence: these are detections, not labels")
    if len(words) < 5 or len(words) % 2 == 0:
        raise ValueError(f"has {len(words)} values; a label is  class x y width height")
    index, *values = map(number, words)
    if max(map(abs, values)) > _FAR:
        raise ValueError(f"{max(values, key=abs):g} is no share of the picture, which is from 0 to 1")
    if index != int(index) or not 0 <= index < (len(names) or _MOST):
        raise ValueError(f"class {words[0]}: the classes are 0 to {(len(names) or _MOST) - 1}")
    name = names[int(index)] if names else str(int(index))
    if len(values) > 4:
        return LabelledBox(name, (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])))
    x, y, width, height = values
    return LabelledBox(name, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
