"""Where messages and results go, progress, and the report of a run over many items."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console, RenderableType
from rich.text import Text

from mmdrfuse.cli.shared.cures import explained
from mmdrfuse.errors import MMDRFuseError, OutputError
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable
from mmdrfuse.system.launch import is_secondary_process

WIDEST = 240
"""Columns of a table that is not for a terminal; beyond, its cells are folded."""


def messages() -> Console:
    """Give the console for everything that is not a result: standard error. Names of files are never markup.

    Of several processes that torchrun started, the first one speaks for all; failures are told by each.
    """
    return _console(quiet=is_secondary_process())


def show(*results: RenderableType) -> None:
    """Print results on standard output: on a terminal to its width, elsewhere as wide as they are.

    Raises:
        OutputError: It is closed.
    """
    require_standard_output()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        wide = Console(width=10_000)
        width = max(wide.measure(result).maximum for result in results)
        console = Console(highlight=False, markup=False, width=min(max(width, 80), WIDEST))
    console.print(*results, sep="\n")


class Report:
    """Count what was done and what failed over many items, and own the exit code.

    A reason is said when it is met first. What fails for the same reason later is named at the end, or only counted
    where nothing but that happened.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failures: list[str] = []
        self._names: dict[str, list[str]] = {}

    def add(self, result: object) -> None:
        """Count one item's result, or name its failure."""
        if isinstance(result, MMDRFuseError):
            self.fail(explained(result))
        else:
            self.done += 1

    def fail(self, message: str) -> None:
        """Name one failure on standard error, by ``name: reason``."""
        self.failures.append(message)
        name, _, reason = message.partition(": ")
        names = self._names.setdefault(reason or name, [])
        names.append(name)
        if len(names) == 1:
            _say_failed(message)

    def finish(self, what: str) -> None:
        """Print the summary on standard error and leave with exit code 1 when anything failed."""
        for first, *others in self._names.values():
            if others and (self.done or len(self._names) > 1):
                _say_failed(f"{', '.join(others)}: for the same reason as {first}")
            elif others:
                _say_failed(f"{len(others)} more for the same reason")
        failed = f", {len(self.failures)} failed" if self.failures else ""
        messages().print(f"{self.done} {what}{failed}")
        if self.failures:
            raise SystemExit(1)


def warn(message: str) -> None:
    """Say something on standard error that does not change the exit code."""
    _say(messages(), "note", "yellow", message)


def check_deliverable(*targets: str | None, overwrite: bool) -> None:
    """Refuse, before any work is done, what could not be written after it; see `deliver`."""
    if targets.count("-") > 1:
        raise click.UsageError("only one of --json and --csv can be -, standard output")
    if "-" in targets:
        require_standard_output()
    files = [Path(target) for target in targets if target is not None and target != "-"]
    if len({file.resolve() for file in files}) < len(files):
        raise click.UsageError(f"--json and --csv would both be written to {files[0]}")
    for file in files:
        refuse_existing(file, overwrite=overwrite)
        refuse_unwritable(file)


def deliver(target: str, text: str) -> None:
    """Write to a file, or to standard output for ``-``; names of files that are not UTF-8 stay the bytes they are.

    Raises:
        OutputError: Standard output is closed, or the file cannot be written.
    """
    from mmdrfuse.system.atomic import writing

    if target == "-":
        require_standard_output()
        click.echo(text, nl=False)
        return
    with writing(Path(target)) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")


def send(content: bytes) -> None:
    """Write bytes to standard output.

    Raises:
        OutputError: It is closed.
    """
    require_standard_output()
    sys.stdout.buffer.write(content)


def require_standard_output() -> None:
    """Refuse where results are wanted on a standard output that is closed, as ``>&-`` does.

    Raises:
        OutputError: It is closed.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed, and the result should go there; name a file instead")


@contextmanager
def wrong_usage(option: str | None = None) -> Iterator[None]:
    """Take what is wrong with an option's value for wrong usage; within a callback, click knows the option's name."""
    try:
        yield
    except MMDRFuseError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[str], None]]:
    """Show progress on standard error, and only on a terminal; call the result with each finished item's name."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = messages()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[current]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, current="")

        def advance(current: str) -> None:
            bar.update(task, advance=1, current=current)

        yield advance


def _console(*, quiet: bool = False) -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=quiet)


def _say_failed(message: str) -> None:
    _say(_console(), "failed", "red", message)


def _say(console: Console, label: str, colour: str, message: str) -> None:
    console.print(Text.assemble((label, colour), " ", message))
