"""The command line: each subcommand has a file of its own, and this file holds what they have in common.

Exit codes: 0 all done; 1 an expected error, or some items failed; 2 wrong usage; 3 a bug of ours; 130 interrupted.
"""

import json
import tempfile
import traceback
import warnings
from typing import Any

import click

from mmdrfuse.cli.align import align
from mmdrfuse.cli.bench import bench
from mmdrfuse.cli.data import data
from mmdrfuse.cli.demo import demo
from mmdrfuse.cli.detect import detect
from mmdrfuse.cli.distill import distill
from mmdrfuse.cli.eval import evaluate
from mmdrfuse.cli.export import export
from mmdrfuse.cli.fuse import fuse
from mmdrfuse.cli.page import page
from mmdrfuse.cli.prepare import prepare
from mmdrfuse.cli.refine import refine
from mmdrfuse.cli.shared.about import about
from mmdrfuse.cli.shared.streams import discard_stdout, flushed_stdout, prepare_streams
from mmdrfuse.cli.teach import teach
from mmdrfuse.cli.weights import weights
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.version import __version__


class Suite(click.Group):
    """A group that turns every failure into one message and one exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of use."""
        return list(self.commands)

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401
        """Run the program; help and version, too, may meet a full disk."""
        prepare_streams()
        try:
            return super().main(*args, **extra)
        except OSError as error:
            discard_stdout()
            click.secho(f"error: {error}", err=True, fg="red")
            raise SystemExit(1) from error

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run a subcommand; an expected failure gets one line, any other a log file."""
        # Pillow warns of 90 million pixels as a possible attack; here they are an ordinary map.
        warnings.filterwarnings("ignore", message=r"Image size \(\d+ pixels\) exceeds limit")
        try:
            with flushed_stdout():
                return super().invoke(ctx)
        except MMDRFuseError as error:  # raised outside a command; a command words its own errors
            click.secho(f"error: {error}", err=True, fg="red")
            raise SystemExit(error.exit_code) from error
        except (KeyboardInterrupt, click.Abort) as error:
            click.echo("interrupted", err=True)
            raise SystemExit(130) from error
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except OSError as error:
            click.secho(f"error: {error}", err=True, fg="red")
            raise SystemExit(1) from error
        except Exception as error:
            click.secho(f"internal error: {error!r}; {_log()}", err=True, fg="red")
            raise SystemExit(3) from error


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print the version; as JSON, everything that a bug report needs."""
    if wanted:
        click.echo(json.dumps(about(), indent=1) if ctx.params.get("json_") else f"mmdrfuse, version {__version__}")
        ctx.exit()


@click.group(cls=Suite, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--version", is_flag=True, callback=_print_version, expose_value=False, help="Show the version and exit.")
@click.option(
    "--json", "json_", is_flag=True, is_eager=True, help="With --version: show all versions and the machine, as JSON."
)
def main(json_: bool) -> None:
    """Fuse two registered pictures of one scene into one: infrared and visible, or PET, SPECT or CT and MRI.

    The network has 113 parameters. `mmdrfuse demo` tries everything on made-up scenes; `mmdrfuse COMMAND --help`
    explains a command.
    """
    if json_:
        raise click.UsageError("--json needs --version here; for a command, write it after the command's name")


for _command in (
    data, prepare, teach, distill, refine, align, fuse, evaluate, detect, weights, export, page, demo, bench,
):  # fmt: skip
    main.add_command(_command)


def _log() -> str:
    """Write the current traceback to a new file and return where it is; return the traceback if the disk is full."""
    details = f"mmdrfuse {__version__}\n{traceback.format_exc()}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="mmdrfuse-", suffix=".log", delete=False, errors="replace"
        ) as file:
            file.write(details)
    except OSError:
        return details
    return f"the details are in {file.name}"
