"""From a recipe's name or file, and what is changed of it, to a recipe."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mmdrfuse.errors import InputError, TrainingError, UnknownNameError
from mmdrfuse.recipes.files import DEFAULT, NETWORKS, changed, plan
from mmdrfuse.recipes.loading import Place
from mmdrfuse.recipes.recipe import Recipe, RefineRecipe, Weights

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Network

R = TypeVar("R", Recipe, RefineRecipe)


@dataclass(frozen=True)
class Resolved(Generic[R]):
    """A recipe, and where each of its values comes from."""

    recipe: R
    origins: dict[Place, str]
    """Field, or field and term → ``FILE.yaml, line N``, or who changed it."""


def recipe(source: str | Path, network: "Network", **changes: object) -> Recipe:
    """Return a training's recipe, with changes.

    Args:
        source: A shipped name (`names`), or a file.
        network: What is trained.
        **changes: Fields of `Recipe` that shall differ; ``None`` keeps the recipe's own value. ``weights`` may name
            some terms only: ``{"distillation": 0}``.

    Raises:
        UnknownNameError: There is no such recipe, network, field, or term.
        TrainingError: A value is out of its range, or nothing would be learnt.
        InputError: A file cannot be read, says what no recipe can, or is for the other network.
    """
    commands = {made: command for command, made in NETWORKS.items() if command != "refine"}
    if network not in commands:
        raise UnknownNameError("network", network, commands)
    return resolve_training(source, network, changes).recipe


def refine_recipe(source: str | Path = DEFAULT, **changes: object) -> RefineRecipe:
    """Return a refinement's recipe, with changes; like `recipe`, with the fields of `RefineRecipe`."""
    return resolve_refining(source, changes).recipe


def resolve_training(
    source: str | Path, network: "Network", changes: Mapping[str, Any], *, by: str = "changed"
) -> Resolved[Recipe]:
    """Return a training's recipe with the origin of its values; see `recipe`.

    Args:
        source: A shipped name, or a file.
        network: What is trained.
        changes: Fields that shall differ.
        by: What is given as the origin of the changes.
    """
    command = "teach" if network == "teacher" else "distill"
    name, values, origins = _values(source, command, changes, by)
    with _of(source):
        weights = Weights(**values.pop("weights"))
        return Resolved(Recipe(name=name, network=network, weights=weights, **values), origins)


def resolve_refining(source: str | Path, changes: Mapping[str, Any], *, by: str = "changed") -> Resolved[RefineRecipe]:
    """Return a refinement's recipe with the origin of its values; see `resolve_training`."""
    name, values, origins = _values(source, "refine", changes, by)
    with _of(source):
        return Resolved(RefineRecipe(name=name, **values), origins)


def _values(
    source: str | Path, command: str, changes: Mapping[str, Any], by: str
) -> tuple[str, dict[str, Any], dict[Place, str]]:
    """Return a recipe's name, the values of its fields, and where they come from."""
    found = plan(source)
    if found.network not in (None, NETWORKS[command]):
        raise InputError(f"recipe {source}: is for a {found.network}, not for a {NETWORKS[command]}; choose another")
    given = {**found.given[command], **changed(command, changes, origin=by)}
    values: dict[str, Any] = {}
    for place, (value, _) in given.items():
        name, *within = map(str, place)
        if within:
            values.setdefault(name, {})[within[0]] = value
        else:
            values[name] = value
    return found.name, values, {place: origin for place, (_, origin) in given.items()}


@contextmanager
def _of(source: str | Path) -> Iterator[None]:
    """Name the recipe whose values do not go together."""
    try:
        yield
    except TrainingError as error:
        raise error.at(f"recipe {source}") from error
