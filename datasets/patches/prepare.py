"""From the folders of sets to one file of training patches."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse.datasets.patches.cut import Item, Outcome, cut, hashed
from mmdrfuse.datasets.patches.options import Cutting
from mmdrfuse.datasets.patches.partial import PartialFile, partial_file
from mmdrfuse.datasets.patches.plan import Plan, find, on_one_side, plan
from mmdrfuse.datasets.patches.write import PatchWriter
from mmdrfuse.errors import InputError, MMDRFuseError, PairingError, SizeError
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import cores, ordered, threads

MEMORY = 1 << 30
"""Bytes of patches, uncompressed, that may wait for being written; a pair that has more waits alone."""


@dataclass(frozen=True)
class PrepareReport:
    """What was written, and what was left out.

    Args:
        path: The file.
        layouts: Name of the layout of each source.
        pairs: Pairs that gave patches.
        shape: Number, height and width of the patches.
        validation: How many of the patches are for validation.
        flat: Patches that were dropped as flat.
        nbytes: Size of the file.
        failed: An error for each pair that should have given patches and could not.
        left_out: One line for each file or pair that was left out by a rule: what, and why.
        notes: What else is worth telling.
    """

    path: Path
    layouts: tuple[str, ...]
    pairs: int
    shape: tuple[int, int, int]
    validation: int
    flat: int
    nbytes: int
    failed: tuple[MMDRFuseError, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(
    sources: Sequence[Path],
    out: Path,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    **options: Any,  # noqa: ANN401
) -> PrepareReport:
    """Cut the pairs of sets into patches and write them to one file, in bounded memory.

    The same input and options give the same bytes, and the file appears whole or not at all. What a run that was
    stopped had finished is taken over by the next one with the same input and options.

    Args:
        sources: Roots of sets, or tables of pairs (CSV).
        out: The file to write; see :mod:`mmdrfuse.datasets.patches.file` for what is in it.
        workers: Threads; None for one a core.
        overwrite: Whether an existing file may be replaced.
        progress: Draws the progress.
        options: How to choose and cut: the fields of :class:`mmdrfuse.datasets.patches.options.Cutting`.

    Raises:
        InputError: A root is missing or cannot be searched, or nothing in it could be used.
        OutputError: The file exists, or cannot be written.
        PairingError: A root holds no pairs.
        SizeError: The patch, the stride or another number makes no sense.
        UnknownNameError: There is no layout of that name.
    """
    how = Cutting(**options)
    if how.weights is not None and len(how.weights) != len(sources):
        raise SizeError(f"{len(how.weights)} weights for {len(sources)} sets: give one for each, in their order")
    workers = workers or cores()
    with partial_file(out, overwrite=overwrite) as partial, threads(workers) as pool:
        sets = [find(number, root, how) for number, root in enumerate(sources)]
        pairs = on_one_side(item for one in sets for item in one.items)
        with progress("looking at pictures", len(pairs)) as advance:
            planned = plan(pairs, how, pool, advance)
        dtype = np.dtype(np.uint16 if planned.deep else np.uint8)
        done = _Done(_begun(partial, planned, how))
        with (
            PatchWriter(partial.target, (how.patch, how.patch), _told(how, dtype), dtype=dtype) as writer,
            progress("cutting patches", len(planned.items)) as advance,
        ):
            room = MEMORY // max(1, planned.most * 2 * how.patch**2 * dtype.itemsize)
            work = functools.partial(_outcome, partial=partial, how=how, dtype=dtype)
            for (number, item), outcome in ordered(
                pool, work, enumerate(planned.items), buffer_size=min(2 * workers, room)
            ):
                done.add(outcome)
                if isinstance(outcome, Outcome):
                    partial.keep(number, outcome)
                    for made in outcome.cuts:
                        writer.add(made.patches, made.source)
                advance(item.pair.name)
            failed = [*(PairingError(line) for one in sets for line in one.unclear), *done.failed]
            left_out = [line for one in sets for line in one.left_out] + planned.small
            if not writer.count:
                why = [*left_out, *([f"{done.flat} patches are flat"] if done.flat else []), *map(str, failed)][-1]
                raise InputError(f"no patch could be cut from {len(pairs)} pairs: {why}")
    return PrepareReport(
        path=out,
        layouts=tuple(one.layout for one in sets),
        pairs=done.pairs,
        shape=(writer.count, how.patch, how.patch),
        validation=done.validation,
        flat=done.flat,
        nbytes=out.stat().st_size,
        failed=tuple(failed),
        left_out=tuple(left_out),
        notes=tuple(done.notes),
    )


@dataclass
class _Done:
    """What came of the pairs so far."""

    notes: list[str]
    pairs: int = 0
    validation: int = 0
    flat: int = 0
    failed: list[MMDRFuseError] = field(default_factory=list)

    def add(self, outcome: Outcome | MMDRFuseError) -> None:
        """Count what a pair gave, or keep what went wrong."""
        if isinstance(outcome, MMDRFuseError):
            self.failed.append(outcome)
            return
        self.pairs += bool(outcome.cuts)
        self.flat += outcome.flat
        self.validation += sum(int(np.count_nonzero(made.patches.index["split"])) for made in outcome.cuts)


def _begun(partial: PartialFile, planned: Plan, how: Cutting) -> list[str]:
    """Begin to write, and say what became of what a run that was stopped has left."""
    if partial.begin(planned.digest(how)):
        return [f"{partial.path}: was left by a run with other pictures or options, and is begun anew"]
    if partial.finished:
        return [f"{len(partial.finished)} of {len(planned.items)} pairs are taken over from a run that was stopped"]
    return []


def _outcome(numbered: tuple[int, Item], *, partial: PartialFile, how: Cutting, dtype: np.dtype[Any]) -> Outcome:
    """Give what a pair gives: from a run that was stopped, if its pictures are still the same, or cut."""
    number, item = numbered
    known = partial.recall(number, how.patch, dtype)
    if known:
        now = hashed(item)
        if all(now.items() <= made.source.items() for made in known.cuts):
            return known
    return cut(item, how, dtype)


def _told(how: Cutting, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Give the options as the file tells them."""
    depth = "16 bits, 8 as v * 257" if dtype.itemsize == 2 else "8 bits, 16 as v / 257"
    return asdict(how) | {"stride": how.step, "luminance": "BT.601", "depth": depth}
