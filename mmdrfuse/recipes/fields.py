"""What the fields of a recipe are: each says once what it takes, in which range, and what it is for.

The reader of YAML, the options of the commands and the checks of Python's callers are made of these.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, NoReturn, get_args

from mmdrfuse.errors import MMDRFuseError, TrainingError, UnknownNameError
from mmdrfuse.recipes.loading import Place

Report = Callable[[Place, MMDRFuseError], None]
"""Told where within a value something is wrong, and what."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a field takes."""

    help: str = ""
    """One sentence, with the unit."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return a value as the field takes it.

        Args:
            name: The field's.
            value: What somebody wrote.
            report: Called with everything that is wrong; what is returned then is of no use.
            place: Where the value stands within the field.
        """
        raise NotImplementedError

    @property
    def range(self) -> str:
        """What the value must be, in words."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Switch(Kind):
    """True or false."""

    range = "true or false"

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return the value itself."""
        if not isinstance(value, bool):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A finite number."""

    whole: bool = False
    least: float = -math.inf
    """The smallest."""
    above: float = -math.inf
    """What it must be above."""
    optional: bool = False
    """Whether None stands for none."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return a whole number as it is, another as float."""
        if value is None and self.optional:
            return None
        known = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        if not known or not (value >= self.least and value > self.above) or not _finite(value):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        return value if self.whole else float(value)

    @property
    def range(self) -> str:
        """What the number must be, in words."""
        words = "a whole number" if self.whole else "a number"
        if self.least > -math.inf:
            words += f" of at least {self.least:g}"
        if self.above > -math.inf:
            words += f" above {self.above:g}"
        return f"{words}, or none" if self.optional else words


@dataclass(frozen=True, kw_only=True)
class Choice(Kind):
    """One of some names, or several."""

    names: tuple[str, ...]
    several: bool = False

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return the name, or a tuple of the names."""
        if not self.several:
            return self._known(name, value, report, place)
        if not isinstance(value, list | tuple):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        return tuple(self._known(name, part, report, (*place, number)) for number, part in enumerate(value))

    @property
    def range(self) -> str:
        """The names."""
        return f"a list, of {', '.join(self.names)}" if self.several else ", ".join(self.names)

    def _known(self, name: str, value: Any, report: Report, place: Place) -> Any:  # noqa: ANN401
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
    """What the names name."""
    kinds: Mapping[str, Kind]
    """What stands under each name that there is."""
    other: Kind | None = None
    """What stands under any other name; None where there are no others."""

    def fit(self, name: str, value: Any, report: Report, place: Place = ()) -> Any:  # noqa: ANN401
        """Return a dictionary of what fits."""
        rows = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        if not isinstance(rows, Mapping):
            report(place, TrainingError(f"{name} {value!r}: must be {self.range}"))
            return value
        found = {}
        for key, part in rows.items():
            kind = self.kinds.get(key, self.other)
            if kind is None:
                report((*place, key), UnknownNameError(self.what, str(key), self.kinds))
            else:
                found[str(key)] = kind.fit(f"{name}: {key}", part, report, (*place, key))
        return found

    @property
    def range(self) -> str:
        """The names under which there are values."""
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
        kind: What it takes.
        default: Its default; most have theirs in ``default.yaml``.
    """
    metadata = {"kind": kind}
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


def switch(text: str) -> Any:  # noqa: ANN401
    """Declare a field that is true or false."""
    return declared(Switch(help=text))


def number(text: str, *, above: float = -math.inf, least: float = -math.inf, default: float | None = None) -> Any:  # noqa: ANN401
    """Declare a field that is a number; see `Number`."""
    return declared(Number(help=text, above=above, least=least), default)


def whole(text: str, *, least: int, optional: bool = False) -> Any:  # noqa: ANN401
    """Declare a field that is a whole number; see `Number`."""
    return declared(Number(help=text, least=least, optional=optional, whole=True))


def choice(names: Any, text: str, *, several: bool = False) -> Any:  # noqa: ANN401
    """Declare a field that is one of the names of a ``Literal``, or several."""
    return declared(Choice(help=text, names=get_args(names), several=several))


def kinds(recipe: Any) -> dict[str, Kind]:  # noqa: ANN401
    """Return what the fields of a recipe take that a user may set, by name.

    Args:
        recipe: One, or its class.
    """
    return {each.name: each.metadata["kind"] for each in fields(recipe) if "kind" in each.metadata}


def check(recipe: Any) -> None:  # noqa: ANN401
    """Check the fields of a recipe that somebody has made.

    Raises:
        UnknownNameError: A field that is a name holds none of its names.
        TrainingError: A value is of the wrong kind or out of its range.
    """
    for name, kind in kinds(recipe).items():
        kind.fit(name, getattr(recipe, name), raising)


def raising(place: Place, error: MMDRFuseError) -> NoReturn:
    """Raise what a check has found, at once."""
    raise error


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 300 digits
        return False
