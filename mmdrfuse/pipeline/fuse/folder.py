"""Pairs of pictures to fused pictures in a folder, with a manifest."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.errors import ChoiceError, DiskFullError, InputError, MMDRFuseError, OutputError
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.blocks import BlockwisePair, fits_blocks
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fused, Fuser
from mmdrfuse.pipeline.fuse.info import FusedInfo
from mmdrfuse.pipeline.fuse.manifest import Entry, appending, check_folder, relative
from mmdrfuse.pipeline.fuse.set_ranges import FusionInput, infrared_ranges, set_limits
from mmdrfuse.pipeline.fuse.whole import WholePair
from mmdrfuse.system.atomic import refuse_existing
from mmdrfuse.system.paths import real
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length
from mmdrfuse.version import __version__

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Plan:
    """What would be done with one pair."""

    target: Path
    action: str
    """``write``, ``replace``, or ``skip`` for what is done."""
    info: FusedInfo | None
    """The picture and its sources; None for what is done."""


def fusion_input(choices: Choices, out: Path, pair: Pair) -> WholePair | BlockwisePair:
    """Return a pair in the parts that it is to be fused in: huge or tiled TIFFs, by a student, in blocks."""
    student = choices.checkpoint.network == "student"
    return BlockwisePair(pair) if student and fits_blocks(pair, choices.target(pair, out)) else WholePair(pair)


def fusion_inputs(choices: Choices, out: Path, pairs: Sequence[Pair]) -> list[FusionInput]:
    """Return all pairs in the parts that they are to be fused in."""
    return [fusion_input(choices, out, pair) for pair in pairs]


def settle(
    choices: Choices, pairs: Sequence[Pair], out: Path, *, workers: Workers = 1, progress: Progress = silent
) -> tuple[Choices, list[Pair]]:
    """Settle what has to be the same for a whole set: the preparation with its infrared range, and the limits.

    Args:
        choices: What is asked for.
        pairs: The set.
        out: The folder of the fused pictures.
        workers: How many to look at side by side.
        progress: Shows the progress.

    Returns:
        The choices and the pairs as `fuse_pairs` takes them.

    Raises:
        InputError: Floating-point values that lie so far apart that percentiles say nothing.
    """
    pairs = [replace(pair, preparation=choices.preparation) for pair in pairs]
    with progress("looking at the infrared", len(pairs)) as advance:
        found = fusion_inputs(choices, out, pairs)
        ranges = infrared_ranges(found, choices.infrared_range, workers=workers, advance=advance)
    settled = zip(pairs, ranges, strict=True)
    pairs = [replace(pair, preparation=pair.preparation.within(values)) for pair, values in settled]
    with progress("looking at the result", len(pairs)) as advance:
        limits = set_limits(choices.fuser, fusion_inputs(choices, out, pairs), workers=workers, advance=advance)
    return replace(choices, fuser=replace(choices.fuser, limits=limits)), pairs


def fuse_pairs(
    choices: Choices, pairs: Sequence[Pair], out: Path, *, workers: Workers = 1, overwrite: bool = False
) -> Iterator[tuple[Pair, Entry | MMDRFuseError]]:
    """Fuse pairs side by side, giving each as it is done with its manifest entry or its failure.

    Every worker reads, fuses and writes one pair at a time, so that decoding, arithmetic and encoding overlap and
    memory stays at a few pictures a worker. A picture's entry is in the manifest before it is given; a crash loses the
    entries of what was in flight, which `unfinished` then finds undone.

    Args:
        choices: How to fuse.
        pairs: What to fuse.
        out: The folder of the fused pictures.
        workers: Threads, or any executor: processes and other machines need `out` and the sources under one path.
        overwrite: Whether existing pictures may be replaced.

    Raises:
        OutputError: Pictures would replace their sources or each other, or exist already and may not be replaced
            (nothing is done then), or the folder cannot be written.
        DiskFullError: The disk is full; what is in the manifest is there.
    """
    check_targets(choices, pairs, out, overwrite=overwrite)
    work = partial(fuse_pair, choices, out)
    with appending(out) as append, pool(workers) as executor:
        for pair, result in ordered(
            executor, work, pairs, buffer_size=queue_length(workers), name=_name, on_abandoned=append
        ):
            if isinstance(result, DiskFullError):  # nothing that follows could be written either
                raise result
            if isinstance(result, Entry):
                append(result)
            yield pair, result


def plan_pairs(
    choices: Choices,
    pairs: Sequence[Pair],
    todo: Sequence[Pair],
    out: Path,
    *,
    workers: Workers = 1,
    overwrite: bool = False,
) -> Iterator[tuple[Pair, Plan | MMDRFuseError]]:
    """Say what `fuse_pairs` would make of each pair, having done all of it but the writing.

    Args:
        choices: How to fuse.
        pairs: All pairs.
        todo: Those of them that are not done yet.
        out: The folder of the fused pictures.
        workers: Threads, or any executor.
        overwrite: Whether existing pictures may be replaced.

    Raises:
        OutputError: `fuse_pairs` would raise it before it fuses anything.
    """
    check_targets(choices, todo, out, overwrite=overwrite)
    check_folder(out)
    left = frozenset(pair.name for pair in todo)
    with pool(workers) as executor:
        yield from ordered(
            executor, partial(_planned, choices, out, left), pairs, buffer_size=queue_length(workers), name=_name
        )


def fuse_pair(choices: Choices, out: Path, pair: Pair) -> Entry:
    """Read, fuse and write one pair: a pure function of picklable things.

    Args:
        choices: How, with all ranges settled.
        out: The folder of the fused picture.
        pair: The sources, with the range of their infrared.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
        OutputError: The picture cannot be written.
    """
    start = time.perf_counter()
    made = _made(choices, out, pair)
    target = choices.target(pair, out)
    return Entry(
        fused=target.relative_to(out).as_posix(),
        infrared=relative(pair.infrared, out),
        visible=relative(pair.visible, out),
        infrared_sha256=made.infrared.sha256,
        visible_sha256=made.visible.sha256,
        width=made.width,
        height=made.height,
        range=choices.fuser.range,
        limits=made.limits,
        color=made.color,
        weights=choices.checkpoint.name,
        weights_sha256=choices.checkpoint.sha256,
        version=__version__,
        seconds=round(time.perf_counter() - start, 4),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        infrared_size=(made.infrared.width, made.infrared.height),
        visible_size=(made.visible.width, made.visible.height),
        bits=8 * made.dtype.itemsize,
        coloring=choices.fuser.color,
        quality=choices.quality,
        preparation=pair.preparation,
        nbytes=target.stat().st_size,
    )


def fuse_sources(
    fuser: Fuser,
    pair: Pair,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    dtype: np.dtype[Any] | None = None,
) -> Fused:
    """Fuse the prepared sources of a pair; what is wrong with them is said with the names of its files.

    Raises:
        InputError: A source cannot be used.
        SizeError: The sources' sizes differ.
    """
    with pair.named():
        return fuser(infrared, visible, dtype=dtype)


def check_targets(choices: Choices, pairs: Sequence[Pair], out: Path, *, overwrite: bool) -> None:
    """Refuse to replace a source, ever, and other files unless told to.

    Raises:
        ChoiceError: A picture's format has no quality.
        OutputError: A picture would replace a source or another one, or a file that may not be replaced.
    """
    targets = [choices.target(pair, out) for pair in pairs]
    for target in targets if choices.quality is not None else ():
        _check_quality(target, choices.quality)
    twice = next((target for target, count in Counter(targets).items() if count > 1), None)
    if twice:
        raise OutputError(f"{twice}: several pairs would be written to it; give them names of their own")
    sources = {real(source) for pair in pairs for source in (pair.infrared, pair.visible)}
    clash = next((target for target in targets if real(target) in sources), None)
    if clash:
        raise OutputError(f"{clash}: is one of the sources; choose another place for the fused picture")
    folder = next((target for target in targets if target.is_dir()), None)
    if folder:
        raise OutputError(f"{folder}: is a folder, in the place of a picture; move it, or choose another place")
    if not overwrite:
        _refuse_existing(targets)


def _refuse_existing(targets: Sequence[Path]) -> None:
    """Say of the first picture that exists that it does, and how many others do."""
    existing = [target for target in targets if os.path.lexists(target)]
    try:
        for target in existing:
            refuse_existing(target, overwrite=False)
    except OutputError as error:
        if len(targets) == 1:
            raise
        raise OutputError(f"{error.message} ({len(existing)} of {len(targets)} pictures do)", cure="resume") from error


def sha256(path: Path) -> str:
    """Hash a source file, in hexadecimal.

    Raises:
        InputError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read any more ({error.strerror or error})") from error


def _made(choices: Choices, out: Path, pair: Pair, *, write: bool = True) -> FusedInfo:
    found, target = fusion_input(choices, out, pair), choices.target(pair, out)
    if isinstance(found, BlockwisePair):
        return found.fuse(choices.fuser, target, write=write)
    return found.fuse(choices.fuser, target, quality=choices.quality, write=write)


def _planned(choices: Choices, out: Path, todo: frozenset[str], pair: Pair) -> Plan:
    target = choices.target(pair, out)
    if pair.name not in todo:
        return Plan(target, "skip", None)
    return Plan(target, "replace" if target.exists() else "write", _made(choices, out, pair, write=False))


def _check_quality(target: Path, quality: int | None) -> None:
    try:
        images.check_format(target.suffix.lower(), quality, str(target))
    except OutputError as error:
        raise ChoiceError(error.message) from error


def _name(pair: Pair) -> str:
    return pair.name
