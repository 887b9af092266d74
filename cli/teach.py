"""``mmdrfuse teach``: train a teacher on patches."""

from typing import Any

import click

from mmdrfuse.cli.shared.console import messages
from mmdrfuse.cli.shared.options import Command
from mmdrfuse.cli.shared.training import Settings, resolve_settings, train, training_options
from mmdrfuse.recipes import dump


@click.command(cls=Command, short_help="Train a teacher on patches.")
@training_options
def teach(**options: Any) -> None:  # noqa: ANN401
    """Train a teacher (556,489 parameters) on the patches that `mmdrfuse prepare` wrote.

    The folder RUN gets teacher.safetensors (the weights, for `mmdrfuse distill --teacher`), recipe.yaml (all settings,
    for --recipe), log.jsonl (one line a step), preview.png and losses.png. After an interruption, --resume goes on from
    state.safetensors; the weights come out the same as without it.
    """
    settings = Settings.of(options)
    resolved, out = resolve_settings("teacher", settings)
    if settings.print_recipe:
        click.echo(dump(resolved.recipe, resolved.origins), nl=False)
        return
    weights = train(settings, resolved.recipe, out)
    messages().print(f"wrote {weights}; distil a student from it:")
    messages().print(f"  mmdrfuse distill {settings.patches} --teacher {weights} -o RUN")
