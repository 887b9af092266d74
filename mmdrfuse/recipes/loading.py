"""Read YAML, and JSON with it, as plain values that know on which line they stand.

The one loader of the project. Values are those of YAML 1.2's core schema, so that ``1e-3`` is a number and ``no`` is
a word; PyYAML by itself follows YAML 1.1, where it is the other way round. Keys are text. Anchors, aliases and tags
that name types of Python are refused: no file here needs them, and a few aliases can stand for gigabytes.
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
"""Keys and indices, from the outside to the value."""

LARGEST = 2**16
"""Bytes of a file; what people write by hand is a thousandth of it."""

DEEPEST = 20
"""Levels of lists and mappings within each other."""

MOST = 50
"""Mistakes that are named at once."""

NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""How a number is written, with or without point and exponent."""

_SCHEMA = {
    "null": re.compile(r"^(~|null|Null|NULL|)$"),
    "bool": re.compile(r"^(true|True|TRUE|false|False|FALSE)$"),
    "int": re.compile(r"^[-+]?[0-9]+$"),
    "float": re.compile(rf"^({NUMBER.pattern}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
}
"""How plain words are understood, the first that fits; the rest is text."""

_TAG = "tag:yaml.org,2002:"


class Mistakes:
    """What is wrong with one file, or with several that belong together."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, str]] = []

    def add(self, name: str, line: int, what: str) -> None:
        """Note one.

        Args:
            name: The file, as the user knows it.
            line: Where it stands.
            what: What is wrong, and what to do about it.

        Raises:
            InputError: It is one too many for anybody to read more.
        """
        self.found.append((name, line, what))
        if len(self.found) >= MOST:
            self.refuse()

    def refuse(self) -> None:
        """Refuse the files if they have mistakes, all of them at once.

        Raises:
            InputError: There are some; one line for each, in their order.
        """
        lines = [f"{name}, line {line}: {what}" for name, line, what in sorted(self.found, key=lambda one: one[:2])]
        if len(lines) == 1:
            raise InputError(lines[0])
        if lines:
            count = f"{MOST} mistakes and perhaps more" if len(lines) >= MOST else f"{len(lines)} mistakes"
            raise InputError("\n  ".join([f"{count}:", *lines]))


@dataclass(frozen=True)
class Document:
    """What a file says."""

    name: str
    """The file, as the user knows it."""
    value: Value
    lines: dict[Place, int]
    """Where each value stands, from 1; of what stands under a key, the line of the key."""
    mistakes: Mistakes = field(default_factory=Mistakes)
    """What is wrong with the file as such: keys that come twice, tags, words that are no number of their tag."""

    def line(self, *place: str | int) -> int:
        """Return the line of a value, or of what it stands in."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def where(self, *place: str | int) -> str:
        """Return the file and the line of a value, or of what it stands in."""
        return f"{self.name}, line {self.line(*place)}"

    def wrong(self, what: str, *place: str | int) -> None:
        """Note a mistake.

        Args:
            what: What is wrong.
            *place: With which value.

        Raises:
            InputError: It is one too many.
        """
        self.mistakes.add(self.name, self.line(*place), what)


def read(path: Path) -> Document:
    """Read a file of YAML or JSON.

    Raises:
        InputError: It cannot be read, is too large, or is no YAML; the message names the line.
    """
    return parse(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Read a file of text that somebody wrote by hand.

    Raises:
        InputError: It cannot be read, is larger than `LARGEST`, or is not UTF-8.
    """
    if path.is_dir() or not path.exists():
        kind = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {kind}; name a file of text, such as YAML")
    with reading(path, "text", cure="give a file of text in UTF-8, such as YAML"), path.open("rb") as file:
        content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InputError(f"{path}: more than {LARGEST // 1024} KiB, too large to be written by hand; name another")
        return content.decode("utf-8-sig")


def parse(text: str, name: str) -> Document:
    """Understand a text of YAML or JSON.

    Args:
        text: One document; an empty one is None.
        name: What messages call it.

    Raises:
        InputError: It is no YAML, or holds anchors, aliases or nothing but nesting; the message names the line.
    """
    import yaml

    with reading(name, "YAML", cure="correct it"):
        try:
            node = yaml.compose(text, Loader=loader())
        except yaml.MarkedYAMLError as error:
            # A word without its colon is missed only where the next line begins.
            unclosed = error.context == "while scanning a simple key"
            mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
            place = f"{name}, line {mark.line + 1}" if mark else name
            raise InputError(f"{place}: not valid YAML ({error.problem or error.context}); correct it") from error
        document = Document(name, None, {(): 1})
        value = None if node is None else _value(node, (), document)
        return Document(name, value, document.lines, document.mistakes)


def numbers(words: Iterable[Any]) -> Iterator[float]:
    """Convert numbers, or text that is written like one.

    Raises:
        ValueError: One is something else; its text is the error's argument.
    """
    for word in words:
        if isinstance(word, bool) or not (isinstance(word, int | float) or NUMBER.fullmatch(str(word))):
            raise ValueError(str(word))
        yield float(word)


@cache
def loader() -> Any:  # noqa: ANN401 (PyYAML, which is imported here and not before, has no better type for it)
    """Return the class of PyYAML's loader with this project's rules."""
    import yaml
    from yaml.composer import ComposerError

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012
        depth = 0

        def scan_to_next_token(self) -> None:
            """Pass over tabs too where YAML 1.2 allows them, within brackets: JSON is often indented by them."""
            super().scan_to_next_token()
            while self.flow_level and self.peek() == "\t":
                self.forward()
                super().scan_to_next_token()

        def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if getattr(event, "anchor", None) is not None:
                raise ComposerError(None, None, "anchors and aliases are not read here", event.start_mark)
            self.depth += 1
            if self.depth > DEEPEST:
                raise ComposerError(None, None, f"more than {DEEPEST} levels within each other", event.start_mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    resolve_as_here(Loader)
    return Loader


def resolve_as_here(kind: Any) -> None:  # noqa: ANN401
    """Let a loader or dumper of PyYAML tell numbers from text by the rules of this module.

    Args:
        kind: The class, with an empty ``yaml_implicit_resolvers`` of its own.
    """
    for tag, pattern in _SCHEMA.items():
        kind.add_implicit_resolver(_TAG + tag, pattern, None)


def _value(node: Any, place: Place, document: Document) -> Value:  # noqa: ANN401
    """Convert a node of PyYAML, and note on which line it stands and what is wrong with it."""
    document.lines.setdefault(place, node.start_mark.line + 1)
    tag = node.tag.removeprefix(_TAG)
    try:
        return _READERS[node.id, tag](node, place, document)
    except (ValueError, KeyError):
        shown = f"{node.value:.40}" if isinstance(node.value, str) else "a list or mapping"
        what = f"{shown!r} cannot be read as {tag}; write it without a tag, or as text in quotes"
        document.wrong(what, *place)
        return None


def _sequence(node: Any, place: Place, document: Document) -> list[Value]:  # noqa: ANN401
    return [_value(part, (*place, number), document) for number, part in enumerate(node.value)]


def _mapping(node: Any, place: Place, document: Document) -> dict[str, Value]:  # noqa: ANN401
    found: dict[str, Value] = {}
    for key_node, value_node in node.value:
        line, key = key_node.start_mark.line + 1, key_node.value
        if not isinstance(key, str):
            document.mistakes.add(document.name, line, "a key must be a word")
        elif key in found:
            first = document.lines[*place, key]
            document.mistakes.add(document.name, line, f"{key!r} comes twice, first in line {first}; keep one")
        else:
            document.lines[*place, key] = line
            found[key] = _value(value_node, (*place, key), document)
    return found


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
"""By kind of node and tag."""
