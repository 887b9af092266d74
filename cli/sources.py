"""From the arguments of ``fuse`` to pairs of pictures, and what to say about the rest."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.common import Report, warn
from mmdrfuse.errors import InputError, OutputError, PairingError

if TYPE_CHECKING:
    from mmdrfuse.datasets import Pairing
    from mmdrfuse.pipeline import Pair

PIPE = "-"
"""Standard input or output; such a picture is a file in a temporary folder on its way."""


def received(sources: Sequence[str], folder: Path) -> list[str]:
    """Put what comes on standard input into a file; give all sources as files, folders and patterns."""
    if sources.count(PIPE) > 1:
        raise click.UsageError("only one of IR and VIS can be -, standard input")
    if PIPE in sources:
        if sys.stdin is None:  # as <&- leaves it
            raise InputError("standard input is closed; name a file instead of -")
        (folder / "standard input").write_bytes(sys.stdin.buffer.read())
    return [str(folder / "standard input") if source == PIPE else source for source in sources]


def is_table(sources: Sequence[str]) -> bool:
    """Tell whether the one source is a table of pairs."""
    return len(sources) == 1 and Path(sources[0]).suffix.lower() == ".csv" and not Path(sources[0]).is_dir()


def paired(sources: Sequence[str], out: Path, report: Report) -> "list[Pair]":
    """Pair the sources; say what was left out, and count what could not be told apart as failed."""
    for side in map(Path, sources):
        if side.is_dir() and out.resolve().is_relative_to(side.resolve()):
            raise OutputError(f"{out}: lies in {side}, where it would be taken for a source; choose another folder")
    pairing = pairing_of(sources)
    for line in pairing.unused():
        warn(f"left out: {line}")
    for line in pairing.unclear():
        report.fail(line)
    return list(pairing.pairs)


def pairing_of(sources: Sequence[str]) -> "Pairing":
    """Pair what the arguments name; one that names nothing is wrong usage."""
    from mmdrfuse.datasets.sources import pair_both_sides, pair_sources, read_table

    if is_table(sources):
        return read_table(Path(sources[0]))
    try:
        return pair_sources(*sources) if len(sources) == 2 else pair_both_sides(*sources)
    except PairingError:
        raise
    except InputError as error:
        raise click.UsageError(str(error)) from error
