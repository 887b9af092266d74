"""Options of a command for the fields of a recipe: made of what `mmdrfuse.recipes` knows of them."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from mmdrfuse.cli.shared.options import Function
from mmdrfuse.recipes.fields import Choice, Kind, Number, Switch, Table, kinds

Value = TypeVar("Value")

ORIGIN = "command line"
"""Of what an option gives, in a printed recipe."""


def recipe_options(recipe: type) -> Callable[[Function], Function]:
    """Return a decorator that gives a command the options of a recipe: ``--recipe``, and one for each field.

    The command gets ``recipe`` and ``print_recipe``, and each field under its own name, None where it was not given.

    Args:
        recipe: Its class.
    """

    def decorate(command: Function) -> Function:
        for option in reversed(list(_options(recipe))):
            command = option(command)
        return command

    return decorate


def taken(options: dict[str, Any], recipe: type) -> dict[str, Any]:
    """Take the fields of a recipe out of what click collected."""
    return {name: options.pop(name) for name in kinds(recipe)}


def needed(title: str, value: Value | None) -> Value:
    """Return what was given; refuse to go on without what only ``--print-recipe`` does without."""
    if not value:
        raise click.UsageError(f"Missing {title}.", click.get_current_context())
    return value


def _options(recipe: type) -> Iterator[Callable[[Function], Function]]:
    yield click.option(
        "--recipe", metavar="NAME|FILE.yaml",
        help="What the options below leave out: default, paper (the published method to the letter), one of the "
        "shipped weights', or a file of your own, whose values count over those of the recipe that it extends.",
    )  # fmt: skip
    yield click.option(
        "--print-recipe", is_flag=True, help="Print the recipe that results, with the origin of each value, and end."
    )
    for name, kind in kinds(recipe).items():
        yield _option(name, kind)


def _option(name: str, kind: Kind) -> Callable[[Function], Function]:
    flag = f"--{name.replace('_', '-')}"
    option = partial(click.option, show_default="recipe's", default=None)
    if isinstance(kind, Switch):
        return option(f"{flag}/--no{flag[1:]}", help=kind.help)
    if isinstance(kind, Choice) and kind.several:
        return option(flag, metavar="A,B", callback=_names, help=_further(kind, ": " + ", ".join(kind.names)))
    if isinstance(kind, Choice):
        return option(flag, type=click.Choice(kind.names), help=kind.help)
    if isinstance(kind, Number):
        return option(flag, type=_number(kind), help=kind.help)
    if isinstance(kind, Table) and kind.other is None:
        return option(
            flag.removesuffix("s"), name, metavar="TERM=VALUE", multiple=True, callback=_values,
            help=_further(kind, "; may be given several times"),
        )  # fmt: skip
    return option(flag, metavar="FILE", type=click.Path(path_type=Path), callback=_goals, help=kind.help)


def _further(kind: Kind, words: str) -> str:
    return f"{kind.help.removesuffix('.')}{words}."


def _number(kind: Number) -> "click.ParamType[Any]":
    if kind.whole:
        return click.IntRange(min=int(kind.least))
    above = kind.above > -math.inf
    return _Finite(min=kind.above if above else kind.least, min_open=above)


class _Finite(click.FloatRange):
    """A range that neither holds what is no number nor what has no end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return found


def _names(context: click.Context, option: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    """Read A,B."""
    return None if given is None else tuple(name.strip() for name in given.split(",") if name.strip())


def _values(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, float] | None:
    """Read TERM=VALUE, several times."""
    found = {}
    for entry in given:
        term, _, value = entry.partition("=")
        try:
            found[term] = float(value)
        except ValueError as error:
            raise click.BadParameter(f"{entry!r}: write a term and a number, such as distillation=0") from error
    return found or None


def _goals(context: click.Context, option: click.Parameter, given: Path | None) -> Any:  # noqa: ANN401
    """Read a file of goals."""
    from mmdrfuse.recipes import read_goals

    return None if given is None else read_goals(given)
