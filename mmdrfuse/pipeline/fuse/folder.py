"""Fuse a list of pairs into pictures in a folder, with a manifest.

A run takes three steps: `check_targets` refuses to replace files, `settle` finds what has to be the same for the whole
set, and `fuse_pairs` fuses pair by pair. `plan_pairs` is the dry run, which does everything but write. Each pair is
read as a `WholePair` or a `BlockwisePair`, and `fuse_pair` makes its manifest entry. Videos have their own module.
"""

import hashlib
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import DiskFullError, InputError, MMDRFuseError
from mmdrfuse.images.video.sound import Warn
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pairs import prepared
from mmdrfuse.pipeline.fuse.automatic import choose_for_set, count_looked_at, warn_of_flicker
from mmdrfuse.pipeline.fuse.blocks import BlockwisePair, fits_blocks
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fused, Fuser
from mmdrfuse.pipeline.fuse.info import FusedInfo
from mmdrfuse.pipeline.fuse.manifest import NAME, Entry, appending, check_folder, relative
from mmdrfuse.pipeline.fuse.pair_shifts import with_shifts
from mmdrfuse.pipeline.fuse.set_ranges import infrared_ranges, set_limits
from mmdrfuse.pipeline.fuse.targets import check_targets
from mmdrfuse.pipeline.fuse.whole import WholePair
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length, require
from mmdrfuse.version import __version__

_Kind = type[WholePair] | type[BlockwisePair]

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Plan:
    """What a run would do with one pair."""

    target: Path
    action: str
    """``write``, ``replace``, or ``skip`` for a picture that an earlier run has made."""
    info: FusedInfo | None
    """The picture and its sources; None where it is skipped."""


def fusion_input(choices: Choices, out: Path, pair: Pair) -> WholePair | BlockwisePair:
    """Return a pair as it is read: huge or tiled TIFFs in blocks, all others in one piece."""
    return _kind(choices, out, pair)(pair)


def _kind(choices: Choices, out: Path, pair: Pair) -> _Kind:
    # Only the student sees so few pixels around each that blocks with a small halo give the same result.
    student = choices.checkpoint.network == "student"
    return BlockwisePair if student and fits_blocks(pair, choices.target(pair, out)) else WholePair


def settle(
    choices: Choices, pairs: Sequence[Pair], out: Path, *, workers: Workers = 1, progress: Progress = silent,
    warn: Warn = warnings.warn,
) -> tuple[Choices, Sequence[Pair]]:  # fmt: skip
    """Find what has to be the same for a whole set: the infrared range, the weights, and the output's limits.

    Args:
        choices: What the user chose.
        pairs: The set.
        out: The folder of the fused pictures.
        workers: How many to read side by side.
        progress: Shows the progress.
        warn: Called with a message about sets that need several weights, and recordings that would flicker.

    Returns:
        The choices and the pairs as `fuse_pairs` takes them.

    Raises:
        InputError: Floating-point values that lie so far apart that percentiles say nothing.
        ChoiceError: Pairs are to be moved about their rig, and there is none.
    """
    pairs = prepared(pairs, [choices.preparation] * len(pairs))
    require(workers, (source for pair in pairs for source in (pair.infrared, pair.visible)))
    if choices.pair_shift:
        with progress("measuring the shifts", len(pairs)) as advance:
            pairs = with_shifts(pairs, workers=workers, advance=advance)
    # How a pair is read does not depend on what is found here, and to find it out may open its files.
    kinds = [_kind(choices, out, pair) for pair in pairs]
    with progress("reading the infrared", len(pairs)) as advance:
        inputs = _inputs(kinds, pairs)
        ranges = infrared_ranges(inputs, choices.infrared_range, workers=workers, advance=advance)
    within = cache(Preparation.within)  # of a million pairs, most share one preparation
    pairs = prepared(pairs, [*map(within, (pair.preparation for pair in pairs), ranges)])
    inputs = _inputs(kinds, pairs)
    if choices.automatic:
        places = Mapped(_place, pairs)
        with progress("choosing the weights", count_looked_at(places)) as advance:
            choices = choose_for_set(choices, inputs, places, workers=workers, advance=advance, warn=warn)
    warn_of_flicker(choices, (pair.visible for pair in pairs), warn)
    with progress("finding the output range", len(pairs)) as advance:
        limits = set_limits(choices.fuser, inputs, workers=workers, advance=advance)
    return replace(choices, fuser=replace(choices.fuser, limits=limits)), pairs


def fuse_pairs(
    choices: Choices, pairs: Sequence[Pair], out: str | Path, *, workers: Workers = 1, overwrite: bool = False
) -> Iterator[tuple[Pair, Entry | MMDRFuseError]]:
    """Fuse pairs side by side; yield each finished pair with its manifest entry or its failure.

    Every worker reads, fuses and writes one pair at a time, so that decoding, arithmetic and encoding overlap and
    memory stays at a few pictures a worker. A picture's entry is in the manifest before it is yielded. A crash loses
    the entries of the pairs in progress alone, and `unfinished` then returns these.

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
    out = Path(out)
    check_targets(choices, pairs, out, overwrite=overwrite)
    work = partial(fuse_pair, choices, out)
    with appending(out) as append, pool(workers) as executor:
        require(workers, [out / NAME])
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
    """Yield what `fuse_pairs` would do with each pair, after doing all of it but the writing.

    Args:
        choices: How to fuse.
        pairs: All pairs.
        todo: Those of them that are not yet fused, in the same order.
        out: The folder of the fused pictures.
        workers: Threads, or any executor.
        overwrite: Whether existing pictures may be replaced.

    Raises:
        OutputError: `fuse_pairs` would raise it before it fuses anything.
    """
    check_targets(choices, todo, out, overwrite=overwrite)
    check_folder(out)
    names = frozenset(pair.name for pair in todo)
    work = partial(_plan_pair, choices, out)
    with pool(workers) as executor:
        plans = ordered(executor, work, todo, buffer_size=queue_length(workers), name=_name)
        for pair in pairs:
            yield next(plans) if pair.name in names else (pair, Plan(choices.target(pair, out), "skip", None))


def fuse_pair(choices: Choices, out: Path, pair: Pair) -> Entry:
    """Read, fuse and write one pair; all arguments can be sent to other processes.

    Args:
        choices: How, as `settle` returns them.
        out: The folder of the fused picture.
        pair: The sources, with the range of their infrared.

    Raises:
        InputError: A source cannot be read.
        SizeError: The sources' sizes differ.
        OutputError: The picture cannot be written.
    """
    start = time.perf_counter()
    info = _fuse_into(choices, out, pair)
    target = choices.target(pair, out)
    return Entry(
        fused=target.relative_to(out).as_posix(),
        infrared=relative(pair.infrared, out),
        visible=relative(pair.visible, out),
        infrared_sha256=info.infrared.sha256,
        visible_sha256=info.visible.sha256,
        width=info.width,
        height=info.height,
        range=choices.fuser.range,
        limits=info.limits,
        color=info.color,
        weights=choices.checkpoint.name,
        weights_sha256=choices.checkpoint.sha256,
        version=__version__,
        seconds=round(time.perf_counter() - start, 4),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        infrared_size=(info.infrared.width, info.infrared.height),
        visible_size=(info.visible.width, info.visible.height),
        bits=8 * info.dtype.itemsize,
        coloring=choices.fuser.color,
        quality=choices.quality,
        preparation=pair.preparation,
        nbytes=target.stat().st_size,
        selection=choices.selection,
    )


def fuse_sources(
    fuser: Fuser,
    pair: Pair,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    dtype: np.dtype[Any] | None = None,
) -> Fused:
    """Fuse the prepared sources of a pair; errors name its files.

    Raises:
        InputError: A source cannot be used.
        SizeError: The sources' sizes differ.
    """
    with pair.named():
        return fuser(infrared, visible, dtype=dtype)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a source file, in hexadecimal.

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


def _inputs(kinds: Sequence[_Kind], pairs: Sequence[Pair]) -> Sequence[WholePair | BlockwisePair]:
    return Mapped(lambda number: kinds[number](pairs[number]), range(len(pairs)))


def _place(pair: Pair) -> Path:
    return pair.visible.parent


def _fuse_into(choices: Choices, out: Path, pair: Pair, *, write: bool = True) -> FusedInfo:
    source = fusion_input(choices, out, pair)
    target = choices.target(pair, out)
    if isinstance(source, BlockwisePair):
        return source.fuse(choices.fuser, target, write=write)
    return source.fuse(choices.fuser, target, quality=choices.quality, write=write)


def _plan_pair(choices: Choices, out: Path, pair: Pair) -> Plan:
    target = choices.target(pair, out)
    action = "replace" if target.exists() else "write"
    return Plan(target, action, _fuse_into(choices, out, pair, write=False))


def _name(pair: Pair) -> str:
    return pair.name
