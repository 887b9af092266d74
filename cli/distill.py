"""``mmdrfuse distill``: training patches and a teacher to a student."""

from pathlib import Path
from typing import Any

import click

from mmdrfuse.cli.common import ANY_PATH, messages
from mmdrfuse.cli.training import Settings, train, training_options


@click.command(short_help="Train a student, distilled from a teacher.")
@training_options
@click.option("--teacher", metavar="FILE", type=ANY_PATH, help="The teacher, as `mmdrfuse teach` wrote it.")
def distill(teacher: Path | None, **options: Any) -> None:  # noqa: ANN401
    """Train a student (113 parameters) on PATCHES.h5, distilled from a teacher.

    RUN gets student.safetensors at the end, log.jsonl with one line a step, and state.safetensors, from which
    --resume goes on; the result is the same as without the stop. preview.png and losses.png show how it went.
    `mmdrfuse fuse --weights` takes the student.
    """
    settings = Settings.of(options)
    if teacher is None and settings.changes["weights"].get("distillation") != 0:
        raise click.UsageError(
            f"name a teacher with --teacher FILE; train one with\n  mmdrfuse teach {settings.patches} -o TEACHER"
        )
    from mmdrfuse import models

    weights = train("student", settings, models.read(teacher) if teacher else None)
    messages().print(f"wrote {weights}; fuse with it:")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {weights}")
