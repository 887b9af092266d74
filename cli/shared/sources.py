"""From the arguments of ``fuse`` to pairs of pictures, and what to say about the rest."""

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, warn
from mmdrfuse.errors import InputError, MMDRFuseError, OutputError, PairingError

if TYPE_CHECKING:
    from mmdrfuse.datasets import Pairing
    from mmdrfuse.pair import Preparation
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.fuse.choices import Choices

INPUT, OUTPUT = "standard input", "standard output"
PREFIX = "mmdrfuse-"
"""Of the temporary folder through which they come and go."""

_FORMATS = {".jpeg": ".jpg", ".tiff": ".tif"}
"""Two endings of one format."""

PIPE = "-"
"""Standard input or output; such a picture is a file in a temporary folder on its way."""


@contextmanager
def on_its_way(folder: Path) -> Iterator[None]:
    """Call what is on its way through a temporary folder by its own name alone."""
    try:
        yield
    except MMDRFuseError as error:
        if folder.is_absolute():  # otherwise nothing comes that way
            error.message = error.message.replace(f"{folder}{os.sep}", "")
        raise


def shown(path: Path) -> str:
    """Return a path as the user knows it: - for what is on its way from standard input or to standard output."""
    return PIPE if path.stem in (INPUT, OUTPUT) and path.parent.name.startswith(PREFIX) else str(path)


def received(sources: Sequence[str], folder: Path) -> list[str]:
    """Put what comes on standard input into a file; give all sources as files, folders and patterns."""
    if sources.count(PIPE) > 1:
        raise click.UsageError("only one of IR and VIS can be -, standard input")
    for source in sources:
        path = Path(source)
        if source != PIPE and path.exists() and not path.is_file() and not path.is_dir():
            raise click.UsageError(
                f"{source} is a pipe or a device, no file; a picture can come from standard input, as -, and frames "
                "from pipes need --raw WxH@FPS:gray8"
            )
    if PIPE in sources:
        if sys.stdin is None:  # as <&- leaves it
            raise InputError("standard input is closed; name a file instead of -")
        (folder / INPUT).write_bytes(sys.stdin.buffer.read())
    return [str(folder / INPUT) if source == PIPE else source for source in sources]


def is_folder(out: str) -> bool:
    """Tell whether OUT names a folder: it is one, ends with a slash, or does not end as a picture does."""
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
            f"{out}: {suffix} is none of {', '.join(sorted(SUFFIXES))}, which can be written; a folder of this name is "
            f"{out}/"
        )
    return True


def check_format_of(out: str, ending: str | None) -> None:
    """Refuse a format that is not the one that the picture's name says."""
    given, named = f".{(ending or '').lower().lstrip('.')}", Path(out).suffix.lower()
    if ending and _FORMATS.get(given, given) != _FORMATS.get(named, named):
        raise click.UsageError(f"--format {ending} is for folders and for -: {out} is a picture, whose name says how")


def say_settled(choices: "Choices", preparations: "Collection[Preparation]") -> None:
    """Say which values become black and white, where they had to be looked for or are not those of the type."""
    from mmdrfuse.images import constant_limits

    for low, high in sorted({preparation.infrared_range for preparation in preparations} - {()}):
        warn(f"infrared values {low:g}..{high:g} become 0..1")
    if choices.fuser.limits and not constant_limits(choices.fuser.range):
        warn("network values {:.4f}..{:.4f} become black..white".format(*choices.fuser.limits))


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
    from mmdrfuse.datasets.sets.sources import pair_both_sides, pair_sources, read_table

    if is_table(sources):
        return read_table(Path(sources[0]))
    try:
        return pair_sources(*sources) if len(sources) == 2 else pair_both_sides(*sources)
    except PairingError:
        raise
    except InputError as error:
        raise click.UsageError(str(error)) from error
