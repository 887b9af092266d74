"""Labels of KAIST: a text file for each picture, ``label x y width height`` and more in pixels.

x and y are the upper left corner. The full form begins with ``% bbGt version=3``, and has twelve columns, whose
eleventh marks regions to ignore. The plain form has no such line and may end after the fifth column. Other sets use
these forms, too.
"""

from mmdrfuse.datasets.labels.parsed import LabelledBox, Parsed, ParsedPicture, from_corner, kaist_box, number

_IGNORED = 10
"""Column that marks a region to ignore."""


def parse(content: bytes) -> Parsed:
    """Parse one file.

    Raises:
        ValueError: A line is no label.
    """
    objects = []
    for count, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        if line.strip() and not line.startswith("%"):
            try:
                objects.append(_object(line.split()))
            except ValueError as error:
                raise ValueError(f"line {count}: {error}") from error
    return Parsed("KAIST", [ParsedPicture("", (None, None), objects)])


def _object(words: list[str]) -> LabelledBox:
    if len(words) < 5:
        raise ValueError(f"has {len(words)} values; a label is  name x y width height")
    ignored = len(words) > _IGNORED and number(words[_IGNORED]) != 0
    return kaist_box(words[0], from_corner(*words[1:5]), ignored=ignored)
