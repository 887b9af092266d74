"""Turn the arguments of ``fuse`` into pairs of pictures, and report what is left out."""

import math
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, messages, warn
from mmdrfuse.errors import InputError, MMDRFuseError, OutputError, PairingError
from mmdrfuse.system.paths import real

if TYPE_CHECKING:
    from mmdrfuse.datasets import Pairing
    from mmdrfuse.pair import Preparation
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.fuse.choices import Choices

INPUT, OUTPUT = "standard input", "standard output"
PREFIX = "mmdrfuse-"
"""Begins the name of the temporary folder that holds their pictures."""

_FORMATS = {".jpeg": ".jpg", ".tiff": ".tif"}
"""Endings that are another spelling of a format's usual one."""

PIPE = "-"
"""Stands for standard input or output; its picture is a file in a temporary folder meanwhile."""


@contextmanager
def hide_temporary_folder(folder: Path) -> Iterator[None]:
    """Cut the temporary folder out of error messages, so that they say "standard input" alone."""
    try:
        yield
    except MMDRFuseError as error:
        if folder.is_absolute():  # otherwise no standard stream is used
            error.message = error.message.replace(f"{folder}{os.sep}", "")
        raise


def display_path(path: Path) -> str:
    """Return a path as the user wrote it: - for standard input and output."""
    return PIPE if path.stem in (INPUT, OUTPUT) and path.parent.name.startswith(PREFIX) else str(path)


def save_standard_input(sources: Sequence[str], folder: Path) -> list[str]:
    """Write standard input to a file, and return the sources with that file in the place of -."""
    if sources.count(PIPE) > 1:
        raise click.UsageError("only one of IR and VIS can be -, standard input")
    for source in sources:
        path = Path(source)
        if source != PIPE and path.exists() and not path.is_file() and not path.is_dir():
            raise click.UsageError(
                f"{source} is a pipe or a device, not a file; give a picture on standard input, as -, or raw frames "
                "with --raw WxH@FPS:gray8"
            )
    if PIPE in sources:
        if sys.stdin is None:  # the shell's <&- closed it
            raise InputError("standard input is closed; name a file instead of -")
        (folder / INPUT).write_bytes(sys.stdin.buffer.read())
    return [str(folder / INPUT) if source == PIPE else source for source in sources]


def is_folder(out: str) -> bool:
    """Return whether OUT names a folder: it is one, ends with a slash, or has no ending of a picture."""
    from PIL import Image

    from mmdrfuse.images import SUFFIXES
    from mmdrfuse.images.video.files import SUFFIXES as VIDEOS

    path = Path(out)
    suffix = path.suffix.lower()
    if path.is_dir() or out.endswith(("/", os.sep)):
        return True
    if suffix in SUFFIXES:
        return False
    if suffix in VIDEOS or suffix in Image.registered_extensions():
        raise click.UsageError(
            f"{out}: cannot write {suffix}; choose one of {', '.join(sorted(SUFFIXES))}, or write {out}/ for a folder "
            "of this name"
        )
    return True


def check_format(out: str, ending: str | None) -> None:
    """Refuse a format that differs from the ending of the picture's name."""
    given = f".{(ending or '').lower().lstrip('.')}"
    named = Path(out).suffix.lower()
    if ending and _FORMATS.get(given, given) != _FORMATS.get(named, named):
        raise click.UsageError(
            f"--format {ending} does not fit {out}, whose ending is its format; --format is for folders and for -"
        )


def report_selection(choices: "Choices") -> None:
    """Report which weights were chosen by what the sources show."""
    if choices.selection:
        name, _, seen = choices.selection.partition(": ")
        messages().print(f"weights {name}, range {choices.fuser.range}: {seen}")


def report_ranges(choices: "Choices", preparations: "Collection[Preparation]") -> None:
    """Report which values become black and white, if they were measured or differ from those of the file's type."""
    from mmdrfuse.images import constant_limits

    for low, high in sorted({preparation.infrared_range for preparation in preparations} - {()}):
        warn(f"infrared values {low:g}..{high:g} become black..white")
    if choices.fuser.limits and not constant_limits(choices.fuser.range):
        warn("network values {:.4f}..{:.4f} become black..white".format(*choices.fuser.limits))


def report_shifts(preparations: "Collection[Preparation]") -> None:
    """Report how many pairs are moved after their rig's matrix, where that was asked for."""
    shifts = [math.hypot(*preparation.pair_shift) for preparation in preparations if preparation.pair_shift]
    moved = [length for length in shifts if length]
    if shifts:
        furthest = f", by at most {max(moved):.1f} px" if moved else ": none shows clearly that it is off the rig"
        messages().print(f"{len(moved)} of {len(shifts)} pairs moved{furthest}")


def is_table(sources: Sequence[str]) -> bool:
    """Return whether the only source is a table of pairs."""
    return len(sources) == 1 and Path(sources[0]).suffix.lower() == ".csv" and not Path(sources[0]).is_dir()


def collect_pairs(sources: Sequence[str], out: Path, report: Report) -> "Sequence[Pair]":
    """Pair the sources; report the files left out, and count ambiguous ones as failed."""
    for side in map(Path, sources):
        if side.is_dir() and real(out).is_relative_to(real(side)):
            raise OutputError(f"{out}: lies in {side}, so its pictures would become sources; choose another folder")
    return pairs_of(sources, report)


def pairs_of(sources: Sequence[str], report: Report) -> "Sequence[Pair]":
    """Pair the sources; report the files left out, and count ambiguous ones as failed."""
    pairing = pair_arguments(sources)
    for line in pairing.unused_lines():
        warn(f"left out: {line}")
    for line in pairing.ambiguous_lines():
        report.fail(line)
    return pairing.pairs


def pair_arguments(sources: Sequence[str]) -> "Pairing":
    """Pair the files that the arguments name; an argument that names nothing is wrong usage."""
    from mmdrfuse.datasets.sets.sources import pair_both_sides, pair_sources, read_table

    if is_table(sources):
        return read_table(Path(sources[0]))
    try:
        return pair_sources(*sources) if len(sources) == 2 else pair_both_sides(*sources)
    except PairingError:
        raise
    except InputError as error:
        raise click.UsageError(str(error)) from error
