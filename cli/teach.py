"""``mmdrfuse teach``: training patches to a teacher."""

from typing import Any

import click

from mmdrfuse.cli.shared.console import messages
from mmdrfuse.cli.shared.options import Command
from mmdrfuse.cli.shared.training import Settings, settled, train, training_options
from mmdrfuse.recipes import dump


@click.command(cls=Command, short_help="Train a teacher on patches.")
@training_options
def teach(**options: Any) -> None:  # noqa: ANN401
    """Train a teacher (556,489 parameters) on PATCHES.h5, a file that `mmdrfuse prepare` wrote.

    RUN gets teacher.safetensors at the end, recipe.yaml, which --recipe takes again, log.jsonl with one line a step,
    and state.safetensors, from which --resume goes on; the result is the same as without the stop. preview.png and
    losses.png show how it went.
    """
    settings = Settings.of(options)
    found, out = settled("teacher", settings)
    if settings.print_recipe:
        click.echo(dump(found.recipe, found.origins), nl=False)
        return
    weights = train(settings, found.recipe, out)
    messages().print(f"wrote {weights}; distil from it with")
    messages().print(f"  mmdrfuse distill {settings.patches} --teacher {weights} -o RUN")
