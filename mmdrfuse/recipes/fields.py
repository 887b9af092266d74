"""The types of a recipe's fields: values, range and help of each field, declared once.

The reader of YAML, the options of the commands and the checks of the dataclasses use these declarations.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, NoReturn, get_args

from mmdrfuse.errors import MMDRFuseError, TrainingError, UnknownNameError
from mmdrfuse.recipes.loading import Place

Report = Callable[[Place, MMDRFuseError], None]
"""Called with the place of an error within a value, and the error."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The type of a field."""

    help: str = ""
    """One sentence, with the unit."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Check a value and return it in the type of the field.

        Args:
            name: Name of the field.
            value: The value from a file or a caller.
            report: Called with every error; the returned value is then meaningless.
            place: Keys from the field to this value.
        """
        raise NotImplementedError

    @property
    def range(self) -> str:
        """The accepted values, in words."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Switch(Kind):
    """True or false."""

    range = "true or false"

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Check a truth value and return it."""
        if not isinstance(value, bool):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A finite number."""

    whole: bool = False
    least: float = -math.inf
    """Smallest value."""
    above: float = -math.inf
    """Exclusive lower bound."""
    most: float = math.inf
    """Largest value."""
    optional: bool = False
    """Whether None is accepted."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Check a number; return a whole number as it is, any other as float."""
        if value is None and self.optional:
            return None
        if not self._is_number(value) or not self._in_range(value):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        return value if self.whole else float(value)

    def _is_number(self, value: object) -> bool:
        if isinstance(value, bool):  # Python's bool is an int
            return False
        return isinstance(value, int) if self.whole else isinstance(value, int | float)

    def _in_range(self, value: float) -> bool:
        return _finite(value) and self.least <= value <= self.most and value > self.above

    @property
    def range(self) -> str:
        """The accepted numbers, in words."""
        words = "a whole number" if self.whole else "a number"
        if self.least > -math.inf:
            words += f" of at least {self.least:g}"
        if self.above > -math.inf:
            words += f" above {self.above:g}"
        if self.most < math.inf:
            words += f" and at most {self.most:g}"
        return f"{words}, or none" if self.optional else words


@dataclass(frozen=True, kw_only=True)
class Choice(Kind):
    """One name of a list, or several."""

    names: tuple[str, ...]
    several: bool = False

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Check one name or a list of names; return the name, or a tuple of the names."""
        if not self.several:
            return self._check_name(name, value, report, place)
        if not isinstance(value, list | tuple):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        return tuple(self._check_name(name, one, report, (*place, index)) for index, one in enumerate(value))

    @property
    def range(self) -> str:
        """The accepted names."""
        return f"a list, of {', '.join(self.names)}" if self.several else ", ".join(self.names)

    def _check_name(self, name: str, value: Any, report: Report, place: Place) -> Any:  # noqa: ANN401
        if value not in self.names:
            shown = value if isinstance(value, str) else repr(value)
            report(place, UnknownNameError(f"{name} of a recipe", shown, self.names))
        return value


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """One line, or several in a list."""

    several: bool = False
    range = "a name"

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return the text, or a tuple of texts."""
        if not self.several:
            if not isinstance(value, str) or not value:
                report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not parts:
            report(place, TrainingError(f"{name} {value!r}: must be a list of names"))
            return value
        one = Text(help=self.help)
        return tuple(one.fit(name, part, report, (*place, number)) for number, part in enumerate(parts))


@dataclass(frozen=True, kw_only=True)
class Table(Kind):
    """Values by name."""

    what: str
    """What the names stand for, such as ``score``."""
    kinds: Mapping[str, Kind]
    """Name → type of its value."""
    other: Kind | None = None
    """Type of the values of all other names; None if other names are errors."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Check a mapping or a dataclass; return a dictionary of the valid values."""
        rows = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        if not isinstance(rows, Mapping):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        values = {}
        for key, row in rows.items():
            kind = self.kinds.get(key, self.other)
            if kind is None:
                report((*place, key), UnknownNameError(self.what, str(key), self.kinds))
            else:
                values[str(key)] = kind.fit(f"{name}: {key}", row, report, (*place, key))
        return values

    @property
    def range(self) -> str:
        """The accepted names, in words."""
        return f"values by name, of {', '.join(self.kinds) or f'each {self.what}'}"


@dataclass(frozen=True, kw_only=True)
class TableOrNames(Kind):
    """Values by name, or names whose own values count."""

    table: Table

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return a dictionary, or a tuple of names."""
        if isinstance(value, str | list | tuple):
            return Text(several=True).fit(name, value, report, place)
        return self.table.fit(name, value, report, place)

    @property
    def range(self) -> str:
        """Both, in words."""
        return f"{self.table.range}; or a list of names"


def declared(kind: Kind, default: float | None = None) -> Any:  # noqa: ANN401
    """Declare a field of a recipe.

    Args:
        kind: Its type.
        default: Its default; most fields have theirs in ``default.yaml``.
    """
    metadata = {"kind": kind}
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


def switch(text: str) -> Any:  # noqa: ANN401
    """Declare a field that is true or false."""
    return declared(Switch(help=text))


def number(text: str, *, above: float = -math.inf, least: float = -math.inf, default: float | None = None) -> Any:  # noqa: ANN401
    """Declare a field that is a number; see `Number`."""
    return declared(Number(help=text, above=above, least=least), default)


def whole(text: str, *, least: int, most: float = math.inf, optional: bool = False) -> Any:  # noqa: ANN401
    """Declare a field that is a whole number; see `Number`."""
    return declared(Number(help=text, least=least, most=most, optional=optional, whole=True))


def choice(names: Any, text: str, *, several: bool = False) -> Any:  # noqa: ANN401
    """Declare a field that is one of the names of a ``Literal``, or several."""
    return declared(Choice(help=text, names=get_args(names), several=several))


def kinds(recipe: Any) -> dict[str, Kind]:  # noqa: ANN401
    """Return the types of the fields that a user may set, by name.

    Args:
        recipe: A recipe, or its class.
    """
    return {each.name: each.metadata["kind"] for each in fields(recipe) if "kind" in each.metadata}


def check(recipe: Any) -> None:  # noqa: ANN401
    """Check the fields of a recipe.

    Raises:
        UnknownNameError: The name in a field is not one of its names.
        TrainingError: A value has the wrong type or is out of its range.
    """
    for name, kind in kinds(recipe).items():
        kind.fit(name, getattr(recipe, name), raising)


def raising(place: Place, error: MMDRFuseError) -> NoReturn:
    """Raise an error at once, for callers that do not collect errors."""
    raise error


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 300 digits
        return False
