"""Options that several commands have, and the commands' base class."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mmdrfuse.cli.shared.cures import message_with_cure
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.system.workers import cores

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)
# these stay texts, and let the shell complete names of files
NAME_OR_FILE = click.Path(readable=False)
FILE_OR_STREAM = click.Path(readable=False, allow_dash=True)


def complete_layouts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of layouts that begin with what was typed, for the shell's completion."""
    from mmdrfuse.datasets import LAYOUTS

    return [name for name in LAYOUTS if name.startswith(incomplete.lower())]


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")
weights_option = click.option(
    "--weights", default="scenes", metavar="NAME|FILE", type=NAME_OR_FILE,
    help="The network's weights: a shipped name (`mmdrfuse weights` lists them), or a file (.safetensors, or a PyTorch "
    "state dict).",
)  # fmt: skip
rig_option = click.option(
    "--rig", type=EXISTING_FILE, metavar="FILE",
    help="Two cameras that are not aligned: their rig, as `mmdrfuse align` finds it. Both sides are cut to what both "
    "cameras see.",
)  # fmt: skip
workers_option = click.option(
    "--workers", type=click.IntRange(1), metavar="N", default=cores, show_default="all cores",
    help="Work on N pairs at a time.",
)  # fmt: skip
cluster_option = click.option(
    "--cluster", metavar="ADDRESS|local:N",
    help="Work on the machines of a cluster: the address of its dask scheduler, such as tcp://10.0.0.5:8786, or "
    "local:N for N processes of this machine. All of them need the folders under the same path.",
)  # fmt: skip
json_option = click.option(
    "--json", "json_", metavar="FILE|-", type=FILE_OR_STREAM,
    help="Write all results as JSON to a file; - writes them to standard output, and nothing else.",
)  # fmt: skip
layout_option = click.option(
    "--layout", metavar="NAME", show_default="recognised", shell_complete=complete_layouts,
    help="How SRC names its folders and files; `mmdrfuse data info` lists the layouts.",
)  # fmt: skip
pair_regex_option = click.option(
    "--pair-regex", metavar="REGEX", show_default="equal names",
    help="Regular expression for the part of a file's name that is the same in both pictures of a pair: its group "
    "(?P<key>...), or its first group, or the whole match. It searches the name without its ending.",
)  # fmt: skip


def size_policy_option(help_text: str) -> Callable[[Function], Function]:
    """Return the option ``--size-policy``.

    Args:
        help_text: What it does in this command.
    """
    policies = click.Choice(["error", "fit-ir", "fit-vis", "crop-common"])
    return click.option("--size-policy", type=policies, default="error", metavar="POLICY", help=help_text)


def split_names(text: str) -> list[str]:
    """Return the names of a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def command_line(context: click.Context) -> str:
    """Return the command that repeats this call: its arguments, and the options that were given."""
    words = ["mmdrfuse", str(context.info_name)]
    for param in context.command.params:
        if param.name not in context.params:
            continue
        value = context.params[param.name]
        if context.get_parameter_source(param.name) is not ParameterSource.COMMANDLINE:
            continue
        if isinstance(param, click.Argument):
            words += [str(part) for part in (value if isinstance(value, tuple) else (value,))]
        elif param.multiple:
            words += [word for each in value for word in (param.opts[0], str(each))]
        elif isinstance(value, bool):
            words.append(param.opts[0] if value else param.secondary_opts[0])
        else:
            shown = f"{value[0]:g}..{value[1]:g}" if isinstance(value, tuple) else str(value)
            words += [param.opts[0], shown]
    return shlex.join(words)


class Command(click.Command):
    """A command that ends an expected failure with one line, which names the command's own options."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            _use_cluster(ctx)
            return super().invoke(ctx)
        except MMDRFuseError as error:
            click.secho(f"error: {message_with_cure(error)}", err=True, fg="red")
            raise SystemExit(error.exit_code) from error


class Sectioned(Command):
    """A command whose help shows its options under headings.

    Args:
        sections: Heading → the names of its options, in order; all other options come last, under ``Options``.
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


def _use_cluster(ctx: click.Context) -> None:
    """Put the workers of ``--cluster`` in the place of those of ``--workers``; no command need know of it."""
    address = ctx.params.pop("cluster", None)
    if address is None:
        return
    if ctx.get_parameter_source("workers") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--workers and --cluster both say who works; give one of them")
    from mmdrfuse.system.cluster import Cluster

    ctx.params["workers"] = ctx.with_resource(Cluster(address))
