"""Print messages, results and progress, and report a run over many items."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import click
from rich.console import Console, RenderableType
from rich.text import Text

from mmdrfuse.cli.shared.cures import message_with_cure
from mmdrfuse.errors import MMDRFuseError, OutputError
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable
from mmdrfuse.system.launch import is_secondary_process
from mmdrfuse.system.paths import real

_PARTS = 10_000
"""Parts of a text that are written together; not all of the text, which may be half a gigabyte."""
WIDEST = 240
"""Columns of a table that is not printed on a terminal; a wider table has its cells folded."""


def messages() -> Console:
    """Return the console on standard error, for everything that is not a result. Names of files are never markup.

    If torchrun started several processes, only the first one prints messages; each prints its own failures.
    """
    return _console(quiet=is_secondary_process())


def show(*results: RenderableType) -> None:
    """Print results on standard output: as wide as the terminal, or, elsewhere, as wide as the results are.

    Raises:
        OutputError: Standard output is closed.
    """
    require_standard_output()
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        wide = Console(width=10_000)
        width = max(wide.measure(result).maximum for result in results)
        console = Console(highlight=False, markup=False, width=min(max(width, 80), WIDEST))
    console.print(*results, sep="\n")


class Report:
    """Count the items that succeeded and failed, and set the exit code.

    The first failure of each reason is printed at once. Later items that fail for the same reason are named at the end,
    or only counted if nothing else happened.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failures: list[str] = []
        self._names: dict[str, list[str]] = {}

    def add(self, result: object) -> None:
        """Count one item's result, or print its failure."""
        if isinstance(result, MMDRFuseError):
            self.fail(message_with_cure(result))
        else:
            self.done += 1

    def fail(self, message: str) -> None:
        """Print one failure, ``name: reason``, on standard error."""
        self.failures.append(message)
        name, _, reason = message.partition(": ")
        names = self._names.setdefault(reason or name, [])
        names.append(name)
        if len(names) == 1:
            _print_failure(message)

    def finish(self, what: str) -> None:
        """Print the summary on standard error, and exit with code 1 if anything failed.

        Args:
            what: What was done, such as ``pictures scored``; its first word is made singular for a single one.
        """
        for first, *others in self._names.values():
            if others and (self.done or len(self._names) > 1):
                _print_failure(f"{', '.join(others)}: for the same reason as {first}")
            elif others:
                _print_failure(f"{len(others)} more for the same reason")
        failed = f", {len(self.failures)} failed" if self.failures else ""
        noun, _, rest = what.partition(" ")
        noun = noun.removesuffix("s") if self.done == 1 else noun
        messages().print(f"{self.done} {noun} {rest}{failed}")
        if self.failures:
            raise SystemExit(1)


def warn(message: str) -> None:
    """Print a note on standard error; it does not change the exit code."""
    _print_labelled(messages(), "note", "yellow", message)


def check_outputs(*targets: str | None, overwrite: bool) -> None:
    """Refuse, before any work is done, targets that `write_output` could not write afterwards."""
    if targets.count("-") > 1:
        raise click.UsageError("only one of --json and --csv can be - (standard output)")
    if "-" in targets:
        require_standard_output()
    files = [Path(target) for target in targets if target is not None and target != "-"]
    if len({real(file) for file in files}) < len(files):
        raise click.UsageError(f"two results would be written to {files[0]}; name a file for each")
    for file in files:
        refuse_existing(file, overwrite=overwrite)
        refuse_unwritable(file)


def write_output(target: str, text: Iterable[str]) -> None:
    """Write text, or its parts, to a file, or to standard output for ``-``; names that are not UTF-8 keep their bytes.

    Raises:
        OutputError: Standard output is closed, or the file cannot be written.
    """
    from mmdrfuse.system.atomic import writing

    if target == "-":
        require_standard_output()
        for block in _blocks(text):
            click.echo(block, nl=False)
        return
    with writing(Path(target)) as temporary, temporary.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(_blocks(text))


def write_bytes(content: bytes) -> None:
    """Write bytes to standard output.

    Raises:
        OutputError: Standard output is closed.
    """
    require_standard_output()
    sys.stdout.buffer.write(content)


def require_standard_output() -> None:
    """Raise an error if standard output is closed, as the shell's ``>&-`` does.

    Raises:
        OutputError: Standard output is closed.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed, so the result cannot be written there; name a file instead")


@contextmanager
def wrong_usage(option: str | None = None) -> Iterator[None]:
    """Turn an error in an option's value into wrong usage.

    Args:
        option: The option's name; not needed within a callback, where click knows it.
    """
    try:
        yield
    except MMDRFuseError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[str], None]]:
    """Draw progress on standard error, on a terminal only; call what it yields with each finished item's name."""
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


def _blocks(text: Iterable[str]) -> Iterator[str]:
    """Join the parts of a text, many at a time: each block is flushed."""
    parts = iter(text)
    while block := "".join(islice(parts, _PARTS)):
        yield block


def _console(*, quiet: bool = False) -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=quiet)


def _print_failure(message: str) -> None:
    _print_labelled(_console(), "failed", "red", message)


def _print_labelled(console: Console, label: str, colour: str, message: str) -> None:
    console.print(Text.assemble((label, colour), " ", message))
