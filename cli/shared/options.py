"""Options that several commands have, and the commands' base class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mmdrfuse.cli.shared.cures import explained
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.system.workers import cores

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, path_type=Path)
ANY_PATH = click.Path(path_type=Path)

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what exists.")
weights_option = click.option(
    "--weights", default="ivif", metavar="NAME|FILE",
    help="Shipped weights by name, or a checkpoint: .safetensors, or a PyTorch state dict.",
)  # fmt: skip
workers_option = click.option(
    "--workers", type=click.IntRange(1), default=cores, show_default="all cores",
    help="How many to work on at a time.",
)  # fmt: skip


class Command(click.Command):
    """A command that ends an expected failure with one line, in the words of its own options."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except MMDRFuseError as error:
            click.secho(f"error: {explained(error)}", err=True, fg="red")
            raise SystemExit(error.exit_code) from error


class Sectioned(Command):
    """A command whose help shows its options under headings.

    Args:
        sections: Heading → the names of its options, in order; what is in none comes last, under ``Options``.
    """

    def __init__(self, *args: Any, sections: dict[str, tuple[str, ...]], **others: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **others)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        left = {option.opts[0]: record for option in options if (record := option.get_help_record(ctx))}
        width = max(len(name) for name, _ in left.values())
        for heading, names in (*self.sections.items(), ("Options", tuple(left))):
            records = [(name.ljust(width), text) for name, text in (left.pop(name) for name in names if name in left)]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
