"""Recipes in YAML, the shipped ones by name: read, checked as a whole, and put upon each other.

A file has the fields of `Recipe` and `RefineRecipe` at its top, for every command that has such a field, or under the
name of one command (``teach``, ``distill``, ``refine``), for that one alone. What it leaves out comes from the recipe
that it ``extends``, a shipped name or a file beside it; without that, from ``default``. Under ``weights``, a term that
is left out keeps its value. So the order of precedence is: ``default``, what is extended, the file, the command line.

Beside these a file may say its ``name``, which ``network`` it is for, and, for those who make the weights again, which
``sets`` they are made from, which ``student`` is refined without training before, and the options of ``prepare`` and
``demo``.
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
"""Folder of the recipes that come with the package."""

DEFAULT = "default"
"""What every recipe extends in the end."""

FIELDS: dict[str, dict[str, Kind]] = {"teach": kinds(Recipe), "distill": kinds(Recipe), "refine": kinds(RefineRecipe)}
"""Command → the fields that it has."""

NETWORKS: "dict[str, Network]" = {"teach": "teacher", "distill": "student", "refine": "student"}
"""Command → what it makes."""

OTHERS = ("prepare", "demo")
"""Commands whose own options check what a recipe has for them."""

_NAME = re.compile(r"[^/\\.][^/\\]*")
"""A name that a folder can have."""


class Given(NamedTuple):
    """A value of a field, and who gave it."""

    value: Any
    origin: str


@dataclass
class Plan:
    """What a recipe says, together with all that it extends."""

    name: str
    network: "Network | None" = None
    """The only one that it is for."""
    student: str | None = None
    """What is refined, where that is not what is trained before."""
    sets: list[str] = field(default_factory=list)
    others: dict[str, dict[str, Any]] = field(default_factory=lambda: {command: {} for command in OTHERS})
    """Options of `OTHERS`, by name."""
    given: dict[str, dict[Place, Given]] = field(default_factory=lambda: {command: {} for command in FIELDS})
    """Command → field, or field and term → its value."""


def names() -> tuple[str, ...]:
    """List the names of the shipped recipes."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))


def plan(source: str | Path = DEFAULT) -> Plan:
    """Read a recipe and all that it extends.

    Args:
        source: A shipped name, or a file.

    Raises:
        UnknownNameError: There is no such recipe.
        InputError: A file cannot be read, or says what no recipe can; everything that is wrong is named at once.
    """
    mistakes = Mistakes()
    documents = _chain(source, mistakes)
    found = Plan(Path(documents[0].name).stem)
    for document in reversed(documents):
        mistakes.found += document.mistakes.found
        _Reader(document, found, mistakes).read()
    mistakes.refuse()
    title = _rows(documents[0]).get("name", found.name)
    found.name = str(title)
    return found


def changed(command: str, changes: Mapping[str, Any], *, origin: str) -> dict[Place, Given]:
    """Return values that somebody gives beside a file; None gives none.

    Args:
        command: Whose fields.
        changes: Field → value; of ``weights``, some terms may do.
        origin: Who gives them.

    Raises:
        UnknownNameError: There is no such field, term or name.
        TrainingError: A value is out of its range.
    """
    known, found = FIELDS[command], dict[Place, Given]()
    for name, value in changes.items():
        if name not in known:
            raise UnknownNameError("option of a recipe", name, known)
        if value is not None:
            found |= _apart(known[name], name, known[name].fit(name, value, raising), lambda place: origin)
    return found


def read_goals(path: Path) -> Mapping[str, Mapping[str, float]]:
    """Read a file of goals, YAML or JSON: group → score → multiple of what ``max(I, V)`` scores.

    Raises:
        InputError: The file cannot be read, or names scores that do not exist; everything that is wrong is named.
    """
    goals: Mapping[str, Mapping[str, float]] = read_table(path, "goals", GOALS)
    return goals


def read_table(path: Path, name: str, kind: Table) -> Any:  # noqa: ANN401
    """Read a file of values by name, YAML or JSON, for a field of a recipe.

    Args:
        path: The file.
        name: The field's.
        kind: What it takes.

    Raises:
        InputError: The file cannot be read, or holds what does not fit; everything that is wrong is named.
    """
    document = loading.read(path)
    values = kind.fit(name, document.value, lambda place, error: document.wrong(str(error), *place))
    document.mistakes.refuse()
    return values


class _Reader:
    """Read one document into a plan, and note all its mistakes.

    Args:
        document: The file.
        plan: Where its values go, over those of what it extends.
        mistakes: Where its mistakes go.
    """

    def __init__(self, document: Document, plan: Plan, mistakes: Mistakes) -> None:
        self.document, self.plan, self.mistakes = document, plan, mistakes

    def read(self) -> None:
        """Read the top before the commands' own parts, which count more."""
        rows = _rows(self.document)
        if self.document.value not in (None, {}) and not rows:
            self._wrong((), "a recipe must be values by name, such as  epochs: 10")
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
        owners = tuple(command for command, known in FIELDS.items() if key in known)
        if owners:
            self._field((), key, value, owners)
        elif key == "name":
            if not isinstance(value, str) or not _NAME.fullmatch(value):
                self._wrong((key,), f"name {value!r}: must be a name that a folder can have")
        elif key == "network":
            if value in NETWORKS.values():
                self.plan.network = value
            else:
                self._wrong((key,), f"network {value!r}: must be teacher or student")
        elif key == "student":
            if isinstance(value, str) and value:
                self.plan.student = value
            else:
                self._wrong((key,), f"student {value!r}: must be max, or the name of weights")
        elif key == "sets":
            if isinstance(value, list) and all(isinstance(one, str) for one in value):
                self.plan.sets = value
            else:
                self._wrong((key,), f"{key} {value!r}: must be a list of folders")
        elif key not in (*FIELDS, *OTHERS, "extends"):
            fields = [name for known in FIELDS.values() for name in known]
            self._unknown(
                (key,), dict.fromkeys([*fields, *FIELDS, *OTHERS, "extends", "name", "network", "sets", "student"])
            )

    def _part(self, rows: dict[str, Any], command: str) -> dict[str, Any]:
        """Return what a document has for one command."""
        part = rows.get(command) or {}
        if isinstance(part, dict):
            return part
        self._wrong((command,), f"{command} {part!r}: must be values by name")
        return {}

    def _field(self, within: Place, name: str, value: Any, commands: tuple[str, ...]) -> None:  # noqa: ANN401
        """Take a field for some commands; the first one's kind of field stands for all."""
        kind, sound = FIELDS[commands[0]][name], True

        def report(place: Place, error: MMDRFuseError) -> None:
            nonlocal sound
            sound = False
            self._wrong((*within, name, *place), str(error))

        fitted = kind.fit(name, value, report)
        if sound:
            found = _apart(kind, name, fitted, lambda place: self.document.where(*within, *place))
            for command in commands:
                self.plan.given[command] |= found

    def _unknown(self, place: Place, known: Mapping[str, Any]) -> None:
        self._wrong(place, str(UnknownNameError("key", str(place[-1]), known)))

    def _wrong(self, place: Place, what: str) -> None:
        self.mistakes.add(self.document.name, self.document.line(*place), what)


def _chain(source: str | Path, mistakes: Mistakes) -> list[Document]:
    """Read a recipe and what it extends, from itself to the default."""
    path, documents, seen = _find(source), list[Document](), list[Path]()
    while True:
        document = _read(path)
        documents.append(document)
        seen.append(real(path))
        base = _rows(document).get("extends", DEFAULT)
        if path == SHIPPED / f"{DEFAULT}.yaml":
            return documents
        try:
            if not isinstance(base, str):
                raise InputError(f"extends {base!r}: must be the name of a recipe or of a file")
            path = _find(base, beside=path.parent)
            if real(path) in seen:
                raise InputError(f"extends {base!r}: goes round in a circle")
        except MMDRFuseError as error:
            mistakes.add(document.name, document.line("extends"), str(error))
            path = SHIPPED / f"{DEFAULT}.yaml"


def _find(source: str | Path, *, beside: Path = Path()) -> Path:
    """Return the file of a recipe: a shipped one's, or one that lies beside what extends it."""
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


def _apart(kind: Kind, name: str, value: Any, origin: Any) -> dict[Place, Given]:  # noqa: ANN401
    """Take a table of known names apart, so that each of them can be given by itself."""
    if isinstance(kind, Table) and kind.other is None:
        return {(name, key): Given(part, origin((name, key))) for key, part in value.items()}
    return {(name,): Given(value, origin((name,)))}
