"""The command line: one file a subcommand, this one for what they have in common.

Exit codes: 0 all done; 1 an expected error, or some items failed; 2 wrong usage; 3 a bug of ours; 130 interrupted.
"""

import sys
import tempfile
import traceback
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from mmdrfuse.cli.bench import bench
from mmdrfuse.cli.data import data
from mmdrfuse.cli.demo import demo
from mmdrfuse.cli.distill import distill
from mmdrfuse.cli.eval import evaluate
from mmdrfuse.cli.fuse import fuse
from mmdrfuse.cli.prepare import prepare
from mmdrfuse.cli.refine import refine
from mmdrfuse.cli.teach import teach
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.version import __version__


class Suite(click.Group):
    """A group that turns every way to fail into one message and one exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of use."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run a subcommand; expected failures get one line, others a log."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without arrows still gets its numbers
        # Pillow takes 90 million pixels for a possible attack; here they are somebody's map.
        warnings.filterwarnings("ignore", message=r"Image size \(\d+ pixels\) exceeds limit")
        try:
            return super().invoke(ctx)
        except MMDRFuseError as error:  # outside a command, which words its own
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
            click.secho(f"internal error: {error!r}; the details are in {_log()}", err=True, fg="red")
            raise SystemExit(3) from error


@click.group(cls=Suite, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__)
def main() -> None:
    """Fuse infrared and visible (or PET, SPECT, CT and MRI) images with a network of 113 parameters."""


for _command in (data, prepare, teach, distill, refine, fuse, evaluate, demo, bench):
    main.add_command(_command)


def _log() -> Path:
    """Write the current traceback to a file of its own."""
    with tempfile.NamedTemporaryFile("w", prefix="mmdrfuse-", suffix=".log", delete=False) as file:
        file.write(f"mmdrfuse {__version__}\n{traceback.format_exc()}")
    return Path(file.name)
