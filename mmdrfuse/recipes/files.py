"""Recipes in YAML files: read, checked and merged with the recipes that they extend.

A file has the fields of `Recipe` and `RefineRecipe` at its top level, for every command with such a field, or under the
name of one command (``teach``, ``distill``, ``refine``), for that command alone. Fields that it omits come from the
recipe that it ``extends``, a shipped name or a file beside it, or from ``default``. Terms that it omits under
``weights`` keep their values. So the precedence, from the lowest, is: ``default``, the extended recipe, the file, the
command line.

A file may also have its ``name``, the ``network`` that it is for and, to reproduce shipped weights, their ``sets``, the
``student`` to refine if none is trained before, and the options of ``prepare`` and ``demo``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmdrfuse.errors import InputError, MMDRFuseError, UnknownNameError
from mmdrfuse.recipes import loading
from mmdrfuse.recipes.fields import Kind, Table, kinds, raising
from mmdrfuse.recipes.loading import Document, Mistakes, Place
from mmdrfuse.recipes.recipe import GOALS, Recipe, RefineRecipe
from mmdrfuse.system.paths import real

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Network

SHIPPED = Path(__file__).parent
"""Folder of the shipped recipes."""

DEFAULT = "default"
"""Name of the recipe that every recipe extends in the end."""

FIELDS: dict[str, dict[str, Kind]] = {"teach": kinds(Recipe), "distill": kinds(Recipe), "refine": kinds(RefineRecipe)}
"""Command → its fields and their types."""

NETWORKS: "dict[str, Network]" = {"teach": "teacher", "distill": "student", "refine": "student"}
"""Command → the network that it trains."""

OTHERS = ("prepare", "demo")
"""Commands that check their part of a recipe by their own options."""

_NAME = re.compile(r"[^/\\.][^/\\]*")
"""A valid name of a folder."""


class Given(NamedTuple):
    """A value of a field, and its origin."""

    value: Any
    origin: str


@dataclass
class Plan:
    """A recipe merged with all recipes that it extends."""

    name: str
    network: "Network | None" = None
    """The network that it is for; None for both."""
    student: str | None = None
    """The student to refine, if none is trained before."""
    sets: list[str] = field(default_factory=list)
    others: dict[str, dict[str, Any]] = field(default_factory=lambda: {command: {} for command in OTHERS})
    """Options of `OTHERS`, by name."""
    given: dict[str, dict[Place, Given]] = field(default_factory=lambda: {command: {} for command in FIELDS})
    """Command → field, or field and term → its value."""


def names() -> tuple[str, ...]:
    """Return the names of the shipped recipes."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))


def plan(source: str | Path = DEFAULT) -> Plan:
    """Read a recipe and merge it with all that it extends.

    Args:
        source: A shipped name, or a file.

    Raises:
        UnknownNameError: There is no such recipe.
        InputError: A file cannot be read or has mistakes; the message has all of them.
    """
    mistakes = Mistakes()
    documents = _chain(source, mistakes)
    merged = Plan(Path(documents[0].name).stem)
    for document in reversed(documents):
        mistakes.entries += document.mistakes.entries
        _Reader(document, merged, mistakes).read()
    mistakes.raise_if_any()
    merged.name = str(_rows(documents[0]).get("name", merged.name))
    return merged


def changed(command: str, changes: Mapping[str, Any], *, origin: str) -> dict[Place, Given]:
    """Check changes to a recipe and return them; None changes nothing.

    Args:
        command: The command whose fields change.
        changes: Field → value; ``weights`` may have some of the terms.
        origin: Origin of the values, such as ``command line``.

    Raises:
        UnknownNameError: There is no such field, term or name.
        TrainingError: A value is out of its range.
    """
    fields = FIELDS[command]
    given: dict[Place, Given] = {}
    for name, value in changes.items():
        if name not in fields:
            raise UnknownNameError("option of a recipe", name, fields)
        if value is not None:
            checked = fields[name].fit(name, value, raising)
            given |= _flatten(fields[name], name, checked, lambda place: origin)
    return given


def read_goals(path: Path) -> Mapping[str, Mapping[str, float]]:
    """Read a file of goals, YAML or JSON: group → score → multiple of what ``max(I, V)`` scores.

    Raises:
        InputError: The file cannot be read, or names unknown scores; the message has all mistakes.
    """
    goals: Mapping[str, Mapping[str, float]] = read_table(path, "goals", GOALS)
    return goals


def read_table(path: Path, name: str, kind: Table) -> Any:  # noqa: ANN401
    """Read a file of values by name, YAML or JSON, for a field of a recipe.

    Args:
        path: The file.
        name: Name of the field.
        kind: Type of the field.

    Raises:
        InputError: The file cannot be read, or has values of another type; the message has all mistakes.
    """
    document = loading.read(path)
    values = kind.fit(name, document.value, lambda place, error: document.add_mistake(str(error), *place))
    document.mistakes.raise_if_any()
    return values


class _Reader:
    """Read one document into a plan, and collect all its mistakes.

    Args:
        document: The file.
        plan: Gets its values, which replace those of the extended recipes.
        mistakes: Gets its mistakes.
    """

    def __init__(self, document: Document, plan: Plan, mistakes: Mistakes) -> None:
        self.document = document
        self.plan = plan
        self.mistakes = mistakes

    def read(self) -> None:
        """Read the top level first: the parts of single commands take precedence."""
        rows = _rows(self.document)
        if self.document.value not in (None, {}) and not rows:
            self._add_mistake((), "a recipe must be values by name, such as  epochs: 10")
        for key, value in rows.items():
            self._top(key, value)
        for command in FIELDS:
            for key, value in self._part(rows, command).items():
                if key in FIELDS[command]:
                    self._field((command,), key, value, (command,))
                else:
                    self._unknown((command, key), FIELDS[command])
        for command in OTHERS:
            self.plan.others[command] |= self._part(rows, command)

    def _top(self, key: str, value: Any) -> None:  # noqa: ANN401
        owners = tuple(command for command, fields in FIELDS.items() if key in fields)
        if owners:
            self._field((), key, value, owners)
        elif key == "name":
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                self._add_mistake((key,), f"name {value!r}: must be a name that a folder can have")
        elif key == "network":
            if value in NETWORKS.values():
                self.plan.network = value
            else:
                self._add_mistake((key,), f"network {value!r}: must be teacher or student")
        elif key == "student":
            if isinstance(value, str) and value:
                self.plan.student = value
            else:
                self._add_mistake((key,), f"student {value!r}: must be max, or the name of weights")
        elif key == "sets":
            if isinstance(value, list) and all(isinstance(one, str) for one in value):
                self.plan.sets = value
            else:
                self._add_mistake((key,), f"{key} {value!r}: must be a list of folders")
        elif key not in (*FIELDS, *OTHERS, "extends"):
            fields = [name for kinds_by_name in FIELDS.values() for name in kinds_by_name]
            self._unknown(
                (key,), dict.fromkeys([*fields, *FIELDS, *OTHERS, "extends", "name", "network", "sets", "student"])
            )

    def _part(self, rows: dict[str, Any], command: str) -> dict[str, Any]:
        """Return the part of a document for one command."""
        part = rows.get(command) or {}
        if isinstance(part, dict):
            return part
        self._add_mistake((command,), f"{command} {part!r}: must be values by name")
        return {}

    def _field(self, within: Place, name: str, value: Any, commands: tuple[str, ...]) -> None:  # noqa: ANN401
        """Check a field and store it for some commands, in which it has the same type."""
        kind = FIELDS[commands[0]][name]
        valid = True

        def report(place: Place, error: MMDRFuseError) -> None:
            nonlocal valid
            valid = False
            self._add_mistake((*within, name, *place), str(error))

        fitted = kind.fit(name, value, report)
        if valid:
            given = _flatten(kind, name, fitted, lambda place: self.document.where(*within, *place))
            for command in commands:
                self.plan.given[command] |= given

    def _unknown(self, place: Place, known: Mapping[str, Any]) -> None:
        self._add_mistake(place, str(UnknownNameError("key", str(place[-1]), known)))

    def _add_mistake(self, place: Place, what: str) -> None:
        self.mistakes.add(self.document.name, self.document.line(*place), what)


def _chain(source: str | Path, mistakes: Mistakes) -> list[Document]:
    """Read a recipe and all that it extends, from itself to the default."""
    path = _find(source)
    documents: list[Document] = []
    visited: list[Path] = []
    while True:
        document = _read(path)
        documents.append(document)
        visited.append(real(path))
        base = _rows(document).get("extends", DEFAULT)
        if path == SHIPPED / f"{DEFAULT}.yaml":
            return documents
        try:
            if not isinstance(base, str):
                raise InputError(f"extends {base!r}: must be the name of a recipe or of a file")
            path = _find(base, beside=path.parent)
            if real(path) in visited:
                raise InputError(f"extends {base!r}: extends itself in a circle")
        except MMDRFuseError as error:
            mistakes.add(document.name, document.line("extends"), str(error))
            path = SHIPPED / f"{DEFAULT}.yaml"


def _find(source: str | Path, *, beside: Path = Path()) -> Path:
    """Return the file of a recipe: a shipped one, or one in a given folder."""
    if isinstance(source, str) and source in names():
        return SHIPPED / f"{source}.yaml"
    path = beside / source
    if path.exists():
        return path
    if isinstance(source, Path) or path.suffix or Path(source).name != source:
        raise InputError(f"{path}: no such file; give a recipe in YAML, or one of {', '.join(names())}")
    raise UnknownNameError("recipe", source, names())


def _read(path: Path) -> Document:
    return _shipped(path) if path.parent == SHIPPED else loading.read(path)


@cache
def _shipped(path: Path) -> Document:
    return loading.parse(loading.text_of(path), path.name)


def _rows(document: Document) -> dict[str, Any]:
    return document.value if isinstance(document.value, dict) else {}


def _flatten(kind: Kind, name: str, value: Any, origin: Any) -> dict[Place, Given]:  # noqa: ANN401
    """Return one value for each name of a table, so that single names can be replaced; other values as they are."""
    if isinstance(kind, Table) and kind.other is None:
        return {(name, key): Given(part, origin((name, key))) for key, part in value.items()}
    return {(name,): Given(value, origin((name,)))}
