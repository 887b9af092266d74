"""Write a recipe as YAML with a comment on every value, as `mmdrfuse.recipes` reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from mmdrfuse.recipes.fields import Table, kinds
from mmdrfuse.recipes.files import FIELDS, plan
from mmdrfuse.recipes.loading import Place, add_resolvers
from mmdrfuse.recipes.recipe import Recipe, RefineRecipe, Weights

FILE = "recipe.yaml"
"""File of the recipe in a run's folder."""

_COLUMN = 30
"""Column of the comments."""


def dump(recipe: Recipe | RefineRecipe, comments: Mapping[Place, str] | None = None) -> str:
    """Return a recipe as YAML; reading it returns the same recipe.

    Args:
        recipe: The recipe.
        comments: Field, or field and term → comment behind its value; None for each field's help.
    """
    return "".join(f"{line}\n" for line in _lines(recipe, comments))


def markdown_table(command: str) -> str:
    """Return a table of the fields of a command's recipes, with their accepted values, defaults and help.

    Args:
        command: ``teach``, ``distill`` or ``refine``.
    """
    given = plan().given[command]
    rows = ["| field | takes | default | |", "|---|---|---|---|"]
    for name, kind in FIELDS[command].items():
        parts = kind.kinds.items() if isinstance(kind, Table) and kind.other is None else [("", kind)]
        for part, inner in parts:
            place = (name, part) if part else (name,)
            default = _plain(given[place].value)
            rows.append(f"| `{'.'.join(place)}` | {inner.range} | `{default}` | {inner.help} |")
    return "\n".join(rows) + "\n"


def _lines(recipe: Recipe | RefineRecipe, comments: Mapping[Place, str] | None) -> Iterator[str]:
    yield _line("name", recipe.name, "name of the recipe")
    if isinstance(recipe, Recipe):
        yield _line("network", recipe.network, "the network that this recipe is for")
    for name, kind in kinds(recipe).items():
        value = getattr(recipe, name)
        comment = kind.help if comments is None else comments.get((name,), "")
        if not isinstance(value, Mapping | Weights) or not value:
            yield _line(name, value, comment)
            continue
        yield _line(name, None, comment) if comment else f"{name}:"
        for key, part in (value if isinstance(value, Mapping) else asdict(value)).items():
            inner = kind.kinds.get(key) if isinstance(kind, Table) else None
            help_text = inner.help if inner else ""
            comment = help_text if comments is None else comments.get((name, key), "")
            yield f"  {_line(key, part, comment)}"


def _line(key: str, value: Any, comment: str) -> str:  # noqa: ANN401
    text = f"{_plain(key)}: {_plain(value)}" if value is not None else f"{_plain(key)}:"
    comment = "".join(letter if letter.isprintable() else "?" for letter in comment)
    return f"{text:{_COLUMN}}  # {comment}" if comment else text


def _plain(value: Any) -> str:  # noqa: ANN401
    """Return a value as one line of YAML."""
    import yaml

    plain = list(value) if isinstance(value, tuple) else value
    quotes = '"' if isinstance(value, str) and not value.isprintable() else None  # escapes line breaks
    text: str = yaml.dump(
        plain, Dumper=_dumper(), default_flow_style=True, default_style=quotes, width=float("inf"), allow_unicode=True,
        sort_keys=False,
    )  # fmt: skip
    return text.removesuffix("\n").removesuffix("\n...")


@cache
def _dumper() -> Any:  # noqa: ANN401 (PyYAML is imported here and not before)
    """Return the class of PyYAML's dumper that quotes text which this project's loader would read as another type."""
    import yaml

    class Dumper(yaml.SafeDumper):
        yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401
            return True

    add_resolvers(Dumper)
    return Dumper
