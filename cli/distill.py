"""``mmdrfuse distill``: train a student from patches and a teacher."""

from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import messages
from mmdrfuse.cli.shared.options import NAME_OR_FILE, Command
from mmdrfuse.cli.shared.training import Settings, resolve_settings, train, training_options
from mmdrfuse.recipes import Recipe, dump

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Checkpoint

SHIPPED = "teacher"
"""The name of the shipped teacher."""


@click.command(cls=Command, short_help="Train a student, distilled from a teacher.")
@training_options
@click.option(
    "--teacher", metavar="NAME|FILE", type=NAME_OR_FILE, show_default="the shipped one",
    help="The teacher's weights: a file that `mmdrfuse teach` wrote, or a shipped name.",
)  # fmt: skip
def distill(teacher: str | None, **options: Any) -> None:  # noqa: ANN401
    """Train a student (113 parameters) from a teacher, on the patches that `mmdrfuse prepare` wrote.

    The folder RUN gets student.safetensors (the weights, for `mmdrfuse fuse --weights`), recipe.yaml (all settings, for
    --recipe), log.jsonl (one line a step), preview.png and losses.png. After an interruption, --resume goes on from
    state.safetensors; the weights come out the same as without it.
    """
    settings = Settings.of(options)
    resolved, out = resolve_settings("student", settings)
    if settings.print_recipe:
        click.echo(dump(resolved.recipe, resolved.origins), nl=False)
        return
    weights = train(settings, resolved.recipe, out, lambda: _teacher(teacher, resolved.recipe))
    messages().print(f"wrote {weights}; fuse with it:")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {weights}")


def _teacher(name: str | None, recipe: Recipe) -> "Checkpoint | None":
    """Read the teacher; the shipped one if none is named and the recipe needs one."""
    from mmdrfuse import models

    if name is None and not recipe.needs_teacher:
        return None
    if name is None:
        messages().print("the teacher is the shipped one; --teacher takes another")
    return models.read(name or SHIPPED)
