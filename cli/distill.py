"""``mmdrfuse distill``: training patches and a teacher to a student."""

from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import messages
from mmdrfuse.cli.shared.options import Command
from mmdrfuse.cli.shared.training import Settings, settled, train, training_options
from mmdrfuse.recipes import Recipe, dump

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Checkpoint

SHIPPED = "teacher"
"""The name of the shipped teacher."""


@click.command(cls=Command, short_help="Train a student, distilled from a teacher.")
@training_options
@click.option(
    "--teacher", metavar="NAME|FILE", show_default="the shipped one", help="What `mmdrfuse teach` wrote, or a name."
)
def distill(teacher: str | None, **options: Any) -> None:  # noqa: ANN401
    """Train a student (113 parameters) on PATCHES.h5, distilled from a teacher.

    RUN gets student.safetensors at the end, recipe.yaml, which --recipe takes again, log.jsonl with one line a step,
    and state.safetensors, from which --resume goes on; the result is the same as without the stop. preview.png and
    losses.png show how it went. `mmdrfuse fuse --weights` takes the student.
    """
    settings = Settings.of(options)
    found, out = settled("student", settings)
    if settings.print_recipe:
        click.echo(dump(found.recipe, found.origins), nl=False)
        return
    weights = train(settings, found.recipe, out, lambda: _teacher(teacher, found.recipe))
    messages().print(f"wrote {weights}; fuse with it:")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {weights}")


def _teacher(name: str | None, recipe: Recipe) -> "Checkpoint | None":
    """Read the teacher; the shipped one where none is named and the recipe needs one."""
    from mmdrfuse import models

    if name is None and not recipe.taught:
        return None
    if name is None:
        messages().print("distilled from the shipped teacher; --teacher takes another")
    return models.read(name or SHIPPED)
