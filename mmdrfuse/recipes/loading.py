"""Read YAML and JSON as plain values with their line numbers.

This is the only loader of the project. Values follow YAML 1.2's core schema: ``1e-3`` is a number and ``no`` is a word.
PyYAML alone follows YAML 1.1, where it is the other way round. Keys are text. The loader refuses anchors, aliases and
tags that name types of Python: no file here needs them, and a few aliases can stand for gigabytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from mmdrfuse.errors import InputError, reading

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

Place = tuple[str | int, ...]
"""Keys and indices from the document to a value."""

MAX_BYTES = 2**16
"""Largest size of a file; a file that was written by hand has a thousandth of it."""

MAX_DEPTH = 20
"""Most nested levels of lists and mappings."""

MAX_MISTAKES = 50
"""Most mistakes in one message."""

NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""A number, with or without point and exponent."""

_SCHEMA = {
    "null": re.compile(r"^(~|null|Null|NULL|)$"),
    "bool": re.compile(r"^(true|True|TRUE|false|False|FALSE)$"),
    "int": re.compile(r"^[-+]?[0-9]+$"),
    "float": re.compile(rf"^({NUMBER.pattern}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
}
"""Patterns of unquoted words; the first match decides, and all other words are text."""

_TAG = "tag:yaml.org,2002:"


class Mistakes:
    """The mistakes of one file, or of several files that belong together."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int, str]] = []

    def add(self, name: str, line: int, what: str) -> None:
        """Add a mistake.

        Args:
            name: The file, as the user wrote it.
            line: Line of the mistake.
            what: The mistake, and how to correct it.

        Raises:
            InputError: There are `MAX_MISTAKES` of them.
        """
        self.entries.append((name, line, what))
        if len(self.entries) >= MAX_MISTAKES:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise one error with all mistakes, if there are any.

        Raises:
            InputError: There are mistakes; the message has a line for each, in the order of the lines.
        """
        lines = [f"{name}, line {line}: {what}" for name, line, what in sorted(self.entries, key=lambda one: one[:2])]
        if len(lines) == 1:
            raise InputError(lines[0])
        if lines:
            count = f"{len(lines)} mistakes"
            if len(lines) >= MAX_MISTAKES:
                count += " and perhaps more"
            raise InputError("\n  ".join([f"{count}:", *lines]))


@dataclass(frozen=True)
class Document:
    """The content of a file."""

    name: str
    """The file, as the user wrote it."""
    value: Value
    lines: dict[Place, int]
    """Line of each value, from 1; for the value of a key, the line of the key."""
    mistakes: Mistakes = field(default_factory=Mistakes)
    """Mistakes of the YAML itself: duplicate keys, tags, and words that do not match their tag."""

    def line(self, *place: str | int) -> int:
        """Return the line of a value, or of the value that would contain it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, *place: str | int) -> str:
        """Return the file and the line of a value, or of the value that would contain it."""
        return f"{self.name}, line {self.line(*place)}"

    def add_mistake(self, what: str, *place: str | int) -> None:
        """Add a mistake of the file.

        Args:
            what: The mistake.
            *place: Place of the value.

        Raises:
            InputError: There are `MAX_MISTAKES` of them.
        """
        self.mistakes.add(self.name, self.line(*place), what)


def read(path: Path) -> Document:
    """Read a file of YAML or JSON.

    Raises:
        InputError: The file cannot be read, is too large, or is not YAML; the message names the line.
    """
    return parse(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Read a small file of text.

    Raises:
        InputError: The file cannot be read, is larger than `MAX_BYTES`, or is not UTF-8.
    """
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {kind}; name a file of text, such as YAML")
    with reading(path, "text", cure="give a file of text in UTF-8, such as YAML"), path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(
                f"{path}: more than {MAX_BYTES // 1024} KiB, too large for this kind of file; name another"
            )
        return content.decode("utf-8-sig")


def parse(text: str, name: str) -> Document:
    """Parse YAML or JSON.

    Args:
        text: One document; the value of an empty one is None.
        name: Name of the document in messages.

    Raises:
        InputError: The text is not YAML, or has anchors, aliases or too many levels; the message names the line.
    """
    import yaml

    with reading(name, "YAML", cure="correct it"):
        try:
            node = yaml.compose(text, Loader=loader())
        except yaml.MarkedYAMLError as error:
            # PyYAML reports a key without its colon on the next line.
            unclosed = error.context == "while scanning a simple key"
            mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
            place = f"{name}, line {mark.line + 1}" if mark else name
            raise InputError(f"{place}: not valid YAML ({error.problem or error.context}); correct it") from error
        document = Document(name, None, {(): 1})
        value = None if node is None else _value(node, (), document)
        return Document(name, value, document.lines, document.mistakes)


def numbers(words: Iterable[Any]) -> Iterator[float]:
    """Yield numbers as float, converted from numbers or from text.

    Raises:
        ValueError: A word is not a number; its text is the error's argument.
    """
    for word in words:
        if isinstance(word, bool) or not (isinstance(word, int | float) or NUMBER.fullmatch(str(word))):
            raise ValueError(str(word))
        yield float(word)


@cache
def loader() -> Any:  # noqa: ANN401 (PyYAML is imported late, and its class has no better type)
    """Return the class of PyYAML's loader with this project's rules."""
    import yaml
    from yaml.composer import ComposerError

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012
        depth = 0

        def scan_to_next_token(self) -> None:
            """Skip tabs within brackets, as YAML 1.2 does: JSON is often indented with them."""
            super().scan_to_next_token()
            while self.flow_level and self.peek() == "\t":
                self.forward()
                super().scan_to_next_token()

        def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if getattr(event, "anchor", None) is not None:
                raise ComposerError(None, None, "anchors and aliases are not allowed here", event.start_mark)
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ComposerError(None, None, f"more than {MAX_DEPTH} nested levels", event.start_mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    add_resolvers(Loader)
    return Loader


def add_resolvers(kind: Any) -> None:  # noqa: ANN401
    """Add this module's patterns of numbers, truth values and null to a loader or dumper of PyYAML.

    Args:
        kind: The class, with an empty ``yaml_implicit_resolvers`` of its own.
    """
    for tag, pattern in _SCHEMA.items():
        kind.add_implicit_resolver(_TAG + tag, pattern, None)


def _value(node: Any, place: Place, document: Document) -> Value:  # noqa: ANN401
    """Convert a node of PyYAML, and store its line and its mistakes in the document."""
    document.lines.setdefault(place, node.start_mark.line + 1)
    tag = node.tag.removeprefix(_TAG)
    try:
        return _READERS[node.id, tag](node, place, document)
    except (ValueError, KeyError):
        shown = f"{node.value:.40}" if isinstance(node.value, str) else "a list or mapping"
        what = f"{shown!r} cannot be read as {tag}; write it without a tag, or as text in quotes"
        document.add_mistake(what, *place)
        return None


def _sequence(node: Any, place: Place, document: Document) -> list[Value]:  # noqa: ANN401
    return [_value(item, (*place, index), document) for index, item in enumerate(node.value)]


def _mapping(node: Any, place: Place, document: Document) -> dict[str, Value]:  # noqa: ANN401
    values: dict[str, Value] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            document.mistakes.add(document.name, line, "a key must be a word")
        elif key in values:
            first = document.lines[*place, key]
            document.mistakes.add(document.name, line, f"{key!r} comes twice, first in line {first}; delete one")
        else:
            document.lines[*place, key] = line
            values[key] = _value(value_node, (*place, key), document)
    return values


def _number(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_READERS: dict[tuple[str, str], Callable[[Any, Place, Document], Value]] = {
    ("mapping", "map"): _mapping,
    ("sequence", "seq"): _sequence,
    ("scalar", "null"): lambda node, place, document: None,
    ("scalar", "bool"): lambda node, place, document: {"true": True, "false": False}[node.value.lower()],
    ("scalar", "int"): lambda node, place, document: int(node.value),
    ("scalar", "float"): lambda node, place, document: _number(node.value),
    ("scalar", "str"): lambda node, place, document: str(node.value),
}
"""Readers by type of node and tag."""
