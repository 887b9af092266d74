"""Labels of KAIST: a text file for each picture, ``label x y width height`` and more in pixels.

x and y are the upper left corner. The full form begins with ``% bbGt version=3``, and has twelve columns, whose
eleventh marks regions to ignore. The plain form has no such line and may end after the fifth column. Other sets use
these forms, too.
"""

from mmdrfuse.datasets.labels.parsed import (
    LabelledBox,
    Parsed,
    ParsedPicture,
    from_corner,
    kaist_box,
    number,
    parse_lines,
)

_IGNORED = 10
"""Column that marks a region to ignore."""


def parse(content: bytes) -> Parsed:
    """Parse one file.

    Raises:
        ValueError: A line is no label.
    """
    return Parsed("KAIST", [ParsedPicture("", (None, None), parse_lines(content, _object))])


def _object(line: str) -> LabelledBox | None:
    if line.startswith("%"):
        return None
    words = line.split()
    if len(words) < 5:
        raise ValueError(f"has {len(words)} values; a label is  name x y width height")
    ignored = len(words) > _IGNORED and number(words[_IGNORED]) != 0
    return kaist_box(words[0], from_corner(*words[1:5]), ignored=ignored)
