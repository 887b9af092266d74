"""Labels of Pascal VOC: an XML file for each picture. LLVIP and M3FD have them, and KAIST's ``annotations-xml``.

Coordinates are taken as LabelImg and these sets write them, as positions of edges. Pascal's own files count pixels from
1, which makes a box at most one pixel different.
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from mmdrfuse.datasets.labels.parsed import (
    Box,
    LabelledBox,
    Parsed,
    ParsedPicture,
    from_corner,
    kaist_box,
    number,
    side,
)

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SIDES = ("x", "y", "w", "h")


def parse(content: bytes) -> Parsed:
    """Parse one file.

    Raises:
        ValueError: It is no XML of an annotation.
    """
    root = _tree(content)
    if root.tag != "annotation":
        raise ValueError(f"begins with <{root.tag}> instead of <annotation>")
    size = side(root.findtext("size/width")), side(root.findtext("size/height"))
    objects = [_object(entry, count) for count, entry in enumerate(root.iterfind("object"), 1)]
    return Parsed("VOC", [ParsedPicture("", size, objects)])


def _object(entry: Element, count: int) -> LabelledBox:
    name = (entry.findtext("name") or "").strip()
    box = entry.find("bndbox")
    if not name or box is None:
        raise ValueError(f"object {count} has no {'bndbox' if name else 'name'}")
    difficult = number(entry.findtext("difficult") or 0) != 0
    if box.find("w") is not None:
        return kaist_box(name, from_corner(*_values(box, _SIDES, count)), ignored=difficult)
    return LabelledBox(name, _values(box, _CORNERS, count), difficult)


def _values(box: Element, names: tuple[str, ...], count: int) -> Box:
    texts = [box.findtext(name) for name in names]
    if None in texts:
        raise ValueError(f"the bndbox of object {count} needs {', '.join(names)}")
    first, second, third, fourth = (number(text) for text in texts)
    return first, second, third, fourth


def _tree(content: bytes) -> Element:
    """Parse XML without document type: entities of a few bytes can stand for gigabytes, or for other files."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.Parse(content, True)
    return builder.close()


def _refuse(*_: object) -> None:
    raise ValueError("declares a document type or entities, which labels never need")
