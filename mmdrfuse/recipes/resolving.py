"""Load a recipe by its name or file, with changes."""

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
    """A recipe with the origin of each of its values."""

    recipe: R
    origins: dict[Place, str]
    """Field, or field and term → ``FILE.yaml, line N``, or the origin of the change."""


def recipe(source: str | Path, network: "Network", **changes: object) -> Recipe:
    """Return a recipe of a training, with changes.

    Args:
        source: A shipped name (`names`), or a file.
        network: The network to train.
        **changes: New values of fields of `Recipe`; ``None`` keeps the recipe's own value. ``weights`` may name
            some terms only: ``{"distillation": 0}``.

    Raises:
        UnknownNameError: There is no such recipe, network, field, or term.
        TrainingError: A value is out of its range, or no term would teach the network anything.
        InputError: A file cannot be read, has errors, or is for the other network.
    """
    if network not in NETWORKS.values():
        raise UnknownNameError("network", network, dict.fromkeys(NETWORKS.values()))
    return resolve_training(source, network, changes).recipe


def refine_recipe(source: str | Path = DEFAULT, **changes: object) -> RefineRecipe:
    """Return a recipe of a refinement, with changes to the fields of `RefineRecipe`; see `recipe`."""
    return resolve_refining(source, changes).recipe


def resolve_training(
    source: str | Path, network: "Network", changes: Mapping[str, Any], *, by: str = "changed"
) -> Resolved[Recipe]:
    """Return a recipe of a training with the origin of its values; see `recipe`.

    Args:
        source: A shipped name, or a file.
        network: The network to train.
        changes: New values of fields.
        by: Origin of the changes.
    """
    command = "teach" if network == "teacher" else "distill"
    name, values, origins = _values(source, command, changes, by)
    with _naming(source):
        weights = Weights(**values.pop("weights"))
        return Resolved(Recipe(name=name, network=network, weights=weights, **values), origins)


def resolve_refining(source: str | Path, changes: Mapping[str, Any], *, by: str = "changed") -> Resolved[RefineRecipe]:
    """Return a recipe of a refinement with the origin of its values; see `resolve_training`."""
    name, values, origins = _values(source, "refine", changes, by)
    with _naming(source):
        return Resolved(RefineRecipe(name=name, **values), origins)


def _values(
    source: str | Path, command: str, changes: Mapping[str, Any], by: str
) -> tuple[str, dict[str, Any], dict[Place, str]]:
    """Return the name of a recipe, the values of its fields, and their origins."""
    loaded = plan(source)
    network = NETWORKS[command]
    if loaded.network not in (None, network):
        raise InputError(f"recipe {source}: is for a {loaded.network}, not for a {network}; choose another")
    given = {**loaded.given[command], **changed(command, changes, origin=by)}
    values: dict[str, Any] = {}
    for place, (value, _) in given.items():
        name, *within = map(str, place)
        if within:
            values.setdefault(name, {})[within[0]] = value
        else:
            values[name] = value
    origins = {place: origin for place, (_, origin) in given.items()}
    return loaded.name, values, origins


@contextmanager
def _naming(source: str | Path) -> Iterator[None]:
    """Put the recipe before the message about values that do not go together."""
    try:
        yield
    except TrainingError as error:
        raise error.at(f"recipe {source}") from error
