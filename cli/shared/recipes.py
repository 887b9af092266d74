"""Make a command's options from the fields that `mmdrfuse.recipes` declares."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from mmdrfuse.cli.shared.options import Function, split_names
from mmdrfuse.recipes.fields import Choice, Kind, Number, Switch, Table, TableOrNames, kinds

Value = TypeVar("Value")

TABLES = (".json", ".yaml", ".yml")
"""Endings of files that hold values by name."""

ORIGIN = "command line"
"""Origin of a value that an option set, in a printed recipe."""


def recipe_options(recipe: type) -> Callable[[Function], Function]:
    """Return a decorator that adds the options of a recipe to a command: ``--recipe``, and one for each field.

    The command gets ``recipe`` and ``print_recipe``, and each field under its own name; None if it was not given.

    Args:
        recipe: The recipe's class.
    """

    def decorate(command: Function) -> Function:
        for option in reversed(list(_options(recipe))):
            command = option(command)
        return command

    return decorate


def pop_fields(options: dict[str, Any], recipe: type) -> dict[str, Any]:
    """Remove the fields of a recipe from the options that click collected, and return them."""
    return {name: options.pop(name) for name in kinds(recipe)}


def require_argument(title: str, value: Value | None) -> Value:
    """Return an argument, or raise the usual error if it is missing; only ``--print-recipe`` works without it."""
    if not value:
        raise click.UsageError(f"Missing {title}.", click.get_current_context())
    return value


def _options(recipe: type) -> Iterator[Callable[[Function], Function]]:
    yield click.option(
        "--recipe", metavar="NAME|FILE.yaml",
        help="Settings to start from: default, paper (the published method to the letter), the name of shipped weights "
        "(for their settings), or your own YAML file. The options below change single settings.",
    )  # fmt: skip
    yield click.option(
        "--print-recipe", is_flag=True, help="Print the resulting recipe, with the origin of each value, and exit."
    )
    for name, kind in kinds(recipe).items():
        yield _option(name, kind)


def _option(name: str, kind: Kind) -> Callable[[Function], Function]:
    flag = f"--{name.replace('_', '-')}"
    option = partial(click.option, show_default="from the recipe", default=None)
    if isinstance(kind, Switch):
        return option(f"{flag}/--no{flag[1:]}", help=kind.help)
    if isinstance(kind, Choice) and kind.several:
        return option(flag, metavar="A,B", callback=_names, help=_further(kind, ": " + ", ".join(kind.names)))
    if isinstance(kind, Choice):
        return option(flag, type=click.Choice(kind.names), help=kind.help)
    if isinstance(kind, Number):
        return option(flag, metavar="N" if kind.whole else "NUMBER", type=_number(kind), help=kind.help)
    if isinstance(kind, Table) and kind.other is None:
        return option(
            flag.removesuffix("s"), name, metavar="TERM=VALUE", multiple=True, callback=_values,
            help=_further(kind, "; you can give it several times"),
        )  # fmt: skip
    if isinstance(kind, TableOrNames):
        return option(flag, metavar="FILE.yaml|A,B", callback=_goals, help=kind.help)
    assert isinstance(kind, Table)
    read = partial(_table, kind)
    return option(flag, metavar="FILE.yaml", type=click.Path(path_type=Path), callback=read, help=kind.help)


def _further(kind: Kind, words: str) -> str:
    """Return a field's help with words added to its sentence."""
    return f"{kind.help.removesuffix('.')}{words}."


def _number(kind: Number) -> "click.ParamType[Any]":
    if kind.whole:
        return click.IntRange(min=int(kind.least))
    above = kind.above > -math.inf
    return _Finite(min=kind.above if above else kind.least, min_open=above)


class _Finite(click.FloatRange):
    """A range without NaN and infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def _names(context: click.Context, option: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    """Parse names with commas between them."""
    return None if given is None else tuple(split_names(given))


def _values(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, float] | None:
    """Parse every TERM=VALUE."""
    values = {}
    for entry in given:
        term, _, value = entry.partition("=")
        try:
            values[term] = float(value)
        except ValueError as error:
            raise click.BadParameter(f"{entry!r}: write TERM=VALUE, such as distillation=0") from error
    return values or None


def _goals(context: click.Context, option: click.Parameter, given: str | None) -> Any:  # noqa: ANN401
    """Read a file of multiples, or names of references."""
    if given is None or Path(given).suffix.lower() not in TABLES:
        return _names(context, option, given)
    from mmdrfuse.recipes import read_goals

    return read_goals(Path(given))


def _table(kind: Table, context: click.Context, option: click.Parameter, given: Path | None) -> Any:  # noqa: ANN401
    """Read a file of values by name."""
    from mmdrfuse.recipes import read_table

    return None if given is None else read_table(given, str(option.name), kind)
