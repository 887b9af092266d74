"""What the parsers of all formats return. They raise `ValueError` for content that is no label."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from mmdrfuse.detection.labels import PERSON, usual_name

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of a picture of `ParsedPicture.size`."""


class LabelledBox(NamedTuple):
    """One labelled box."""

    name: str
    """Of its class, as written."""
    box: Box
    ignored: bool = False


class ParsedPicture(NamedTuple):
    """The boxes of one picture."""

    file: str
    """The picture's file as the labels name it; empty if it is called as the label's file."""
    size: tuple[int | None, int | None]
    """Width and height."""
    objects: list[LabelledBox]
    number: str = ""
    """What COCO's results call it."""


@dataclass
class Parsed:
    """The content of one file of labels."""

    format: str
    pictures: list[ParsedPicture]
    classes: tuple[str, ...] = ()
    """Classes that the file declares, used or not."""
    failures: list[str] = field(default_factory=list)
    """Entries that cannot be used, and why."""
    numbers: dict[int, str] = field(default_factory=dict)
    """What COCO's results call a class → its name."""


def parse_lines(content: bytes, parse_line: Callable[[str], LabelledBox | None]) -> list[LabelledBox]:
    """Return the boxes of a text file with a box a line; empty lines have none.

    Args:
        content: Of the file.
        parse_line: Returns the box of a line; None for a line that is no label.

    Raises:
        ValueError: It is no text, or ``parse_line`` raised it; the message has the number of the line.
    """
    boxes = []
    for count, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        try:
            box = parse_line(line) if line.strip() else None
        except ValueError as error:
            raise ValueError(f"line {count}: {error}") from error
        if box:
            boxes.append(box)
    return boxes


def number(value: object) -> float:
    """Return a finite number from a number or a text.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r:.40} is no number")
    try:
        result = float(value)
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise ValueError(f"{value!r:.40} is no number")
    return result


def side(value: object) -> int | None:
    """Return a width or height in pixels; None if it is missing or 0, as in labels that do not know it.

    Raises:
        ValueError: It is no number, or negative.
    """
    if value is None or value == "":
        return None
    result = number(value)
    if result < 0 or result > 2**31:
        raise ValueError(f"a picture cannot be {result:g} pixels wide or high")
    return round(result) or None


def from_corner(x: object, y: object, width: object, height: object) -> Box:
    """Return the box that begins at x, y.

    Raises:
        ValueError: A value is no number.
    """
    left, top = number(x), number(y)
    return left, top, left + number(width), top + number(height)


_CROWDS = frozenset({"people", "cyclist", "unpaired"})


def kaist_box(name: str, box: Box, *, ignored: bool = False) -> LabelledBox:
    """Return a box as KAIST's protocol counts it: only ``person`` counts.

    KAIST marks groups as ``people``, and what is doubtful by a ``?``; the protocol of its benchmark ignores these and
    cyclists. The paired annotations call a person that one camera alone sees ``unpaired``. Other names are other sets'.
    """
    doubtful = "?" in name or usual_name(name) != PERSON or name.lower() in _CROWDS
    known = usual_name(name.split("?")[0]) == PERSON or name.lower() in _CROWDS
    return LabelledBox(PERSON if known else name, box, ignored or (known and doubtful))
