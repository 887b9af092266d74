"""Make dataclasses from JSON, and check every value against the type that its field declares."""

import math
import os
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")

_hints = cache(get_type_hints)
"""Cached: resolving the annotations takes longer than all the rest."""


def from_json(kind: type[Kind], values: object) -> Kind:
    """Make a dataclass from a JSON object; other names in it are ignored.

    Args:
        kind: Its fields are numbers, text, ``X | None``, tuples and further dataclasses.
        values: As `json.loads` returns it.

    Returns:
        The dataclass; lists have become tuples, whole numbers under ``float`` floats.

    Raises:
        TypeError: A field is missing, or its value has another type or length.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Size:
        ...     sides: tuple[int, int]
        ...     unit: str = "px"
        >>> from_json(Size, {"sides": [640, 512], "mood": "good"})
        Size(sides=(640, 512), unit='px')
    """
    if not isinstance(values, dict):
        raise TypeError(f"a JSON object is needed, not {_shown(values)}")
    hints = _hints(kind)  # type: ignore[arg-type]  # classes can be hashed
    names = [field.name for field in fields(kind) if field.name in values]  # type: ignore[arg-type]
    return kind(**{name: _value(hints[name], values[name], name) for name in names})


def _value(hint: Any, value: object, name: str) -> Any:  # noqa: ANN401 - whatever the hint says
    if get_origin(hint) is UnionType:
        rest = [option for option in get_args(hint) if option is not NoneType]
        return None if value is None else _value(rest[0], value, name)
    if get_origin(hint) is tuple:
        return _sequence(get_args(hint), value, name)
    if is_dataclass(hint):
        return from_json(hint, value)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int | float) and type(value) is not bool and math.isfinite(value):
        return float(value)
    if hint is float or type(value) is not hint:
        raise TypeError(f"{name} must be {_named(hint)}, not {_shown(value)}")
    if isinstance(value, str) and not _is_name(value):
        raise TypeError(f"{name} must be text that a file's name can hold, not {_shown(value)}")
    return value


def _is_name(text: str) -> bool:
    """Return whether the system takes a text as a name: without NUL, and with a character for each of its codes."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _sequence(hints: tuple[Any, ...], value: object, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{name} must be a list, not {_shown(value)}")
    if hints[1:] == (...,):
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise TypeError(f"{name} must be a list of {len(hints)}, not of {len(value)}")
    return tuple(_value(hint, item, name) for hint, item in zip(hints, value, strict=True))


def _named(hint: type[Any]) -> str:
    return {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}[hint]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
