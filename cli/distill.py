"""``mmdrfuse distill``: training patches and a teacher to a student."""

from typing import Any

import click

from mmdrfuse.cli.common import Command, messages
from mmdrfuse.cli.training import Settings, train, training_options


@click.command(cls=Command, short_help="Train a student, distilled from a teacher.")
@training_options
@click.option("--teacher", metavar="NAME|FILE", help="The shipped teacher, or what `mmdrfuse teach` wrote.")
def distill(teacher: str | None, **options: Any) -> None:  # noqa: ANN401
    """Train a student (113 parameters) on PATCHES.h5, distilled from a teacher.

    RUN gets student.safetensors at the end, log.jsonl with one line a step, and state.safetensors, from which
    --resume goes on; the result is the same as without the stop. preview.png and losses.png show how it went.
    `mmdrfuse fuse --weights` takes the student.
    """
    settings = Settings.of(options)
    if teacher is None and settings.changes["weights"].get("distillation") != 0:
        raise click.UsageError(
            "name a teacher: --teacher teacher is the shipped one; your own comes from\n"
            f"  mmdrfuse teach {settings.patches} -o RUN"
        )
    from mmdrfuse import models

    weights = train("student", settings, models.read(teacher) if teacher else None)
    messages().print(f"wrote {weights}; fuse with it:")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {weights}")
