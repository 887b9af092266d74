"""Cut the folders of sets into one file of training patches."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse.datasets.patches.cut import Outcome, cut, file_hashes
from mmdrfuse.datasets.patches.options import Cutting
from mmdrfuse.datasets.patches.partial import PartialFile, load, partial_file
from mmdrfuse.datasets.patches.plan import Plan, find_set_pairs, plan, unify_splits
from mmdrfuse.datasets.patches.spool import Job, from_spool, spool_folder, to_spool
from mmdrfuse.datasets.patches.write import PatchWriter
from mmdrfuse.errors import InputError, MMDRFuseError, OutputError, PairingError, SizeError
from mmdrfuse.registration.rig import Rig
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, cores, ordered, pool, queue_length, require, share_memory

MEMORY = 1 << 30
"""Bytes of uncompressed patches that may wait to be written; a pair with more waits alone."""


@dataclass(frozen=True)
class PrepareReport:
    """The result of `prepare`: what it wrote, and what it left out.

    Args:
        path: The file.
        layouts: Name of the layout of each source.
        pairs: Number of pairs that have patches in the file.
        shape: Number, height and width of the patches.
        validation: Number of patches for validation.
        flat: Number of patches that were dropped as flat.
        nbytes: Size of the file.
        failed: An error for each pair that could not be cut.
        left_out: A line for each file or pair that was left out, with the reason.
        notes: A line for anything else that a user should know.
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
    workers: Workers | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    **options: Any,  # noqa: ANN401
) -> PrepareReport:
    """Cut the pairs of sets into patches and write them to one file, in bounded memory.

    The same input and options give the same bytes, and the file appears complete or not at all. After an interruption,
    a run with the same input and options reuses the pairs that were finished.

    Args:
        sources: Roots of sets, or tables of pairs (CSV).
        out: The file to write; :mod:`mmdrfuse.datasets.patches.file` describes its content.
        workers: Threads, or any executor: other processes hand the patches over in files. None for a thread a core.
        overwrite: Replace an existing file.
        progress: Draws the progress.
        options: How to choose and cut: the fields of :class:`mmdrfuse.datasets.patches.options.Cutting`.

    Raises:
        InputError: A root is missing or cannot be searched, or no patch could be cut.
        OutputError: The file exists, or cannot be written.
        PairingError: A root holds no pairs.
        SizeError: The patch, the stride or another number is out of range.
        UnknownNameError: There is no layout of that name.
    """
    if options.get("rig") is not None:
        options["rig"] = Rig.of(options["rig"])
    how = Cutting(**options)
    if how.weights is not None and len(how.weights) != len(sources):
        raise SizeError(f"{len(how.weights)} weights for {len(sources)} sets: give one for each set, in their order")
    workers = workers or cores()
    with partial_file(out, overwrite=overwrite) as partial, pool(workers) as executor:
        sets = [find_set_pairs(number, root, how) for number, root in enumerate(sources)]
        pairs = unify_splits(item for one in sets for item in one.items)
        require(workers, (path for item in pairs for path in (item.pair.infrared, item.pair.visible)))
        with progress("reading headers", len(pairs)) as advance:
            planned = plan(pairs, how, executor, advance)
        dtype = np.dtype(np.uint16 if planned.deep else np.uint8)
        totals = _Totals(_begin(partial, planned, how))
        with (
            PatchWriter(partial.target, (how.patch, how.patch), _stored_options(how, dtype), dtype=dtype) as writer,
            progress("cutting patches", len(planned.items)) as advance,
        ):
            room = MEMORY // max(1, planned.most * 2 * how.patch**2 * dtype.itemsize)
            work = functools.partial(_cut_or_load, records=partial.path, how=how, dtype=dtype)
            jobs = (Job(number, item, partial.finished.get(number)) for number, item in enumerate(planned.items))
            for job, outcome in _outcomes(executor, work, jobs, out, buffer_size=min(queue_length(workers), room)):
                totals.add(outcome)
                if isinstance(outcome, Outcome):
                    partial.save(job.number, outcome)
                    for made in outcome.cuts:
                        writer.add(made.patches, made.source)
                advance(str(job))
            failed = [*(PairingError(line) for one in sets for line in one.unclear), *totals.failed]
            left_out = [line for one in sets for line in one.left_out] + planned.small
            if not writer.count:
                reasons = [*left_out, *([f"{totals.flat} patches are flat"] if totals.flat else []), *map(str, failed)]
                raise InputError(f"no patch could be cut from {len(pairs)} pairs: {reasons[-1]}")
    return PrepareReport(
        path=out,
        layouts=tuple(one.layout for one in sets),
        pairs=totals.pairs,
        shape=(writer.count, how.patch, how.patch),
        validation=totals.validation,
        flat=totals.flat,
        nbytes=out.stat().st_size,
        failed=tuple(failed),
        left_out=tuple(left_out),
        notes=tuple(totals.notes),
    )


@dataclass
class _Totals:
    """Counts and errors over the pairs so far."""

    notes: list[str]
    pairs: int = 0
    validation: int = 0
    flat: int = 0
    failed: list[MMDRFuseError] = field(default_factory=list)

    def add(self, outcome: Outcome | MMDRFuseError) -> None:
        """Count the patches of a pair, or add its error."""
        if isinstance(outcome, MMDRFuseError):
            self.failed.append(outcome)
            return
        self.pairs += bool(outcome.cuts)
        self.flat += outcome.flat
        self.validation += sum(int(np.count_nonzero(made.patches.index["split"])) for made in outcome.cuts)


def _begin(partial: PartialFile, planned: Plan, how: Cutting) -> list[str]:
    """Begin to write; return a note on what an interrupted run left."""
    if partial.begin(planned.digest(how)):
        return [f"{partial.path}: was left by a run with other pictures or options, so it starts over"]
    if partial.finished:
        return [f"{len(partial.finished)} of {len(planned.items)} pairs were finished by an interrupted run"]
    return []


def _outcomes(
    executor: Executor, work: "functools.partial[Outcome]", jobs: Iterable[Job], out: Path, *, buffer_size: int
) -> Iterator[tuple[Job, Outcome | MMDRFuseError]]:
    """Yield the patches of all pairs; other processes hand them over in files.

    Raises:
        OutputError: They cannot write these files.
    """
    if share_memory(executor):
        yield from ordered(executor, work, jobs, buffer_size=buffer_size)
        return
    how, dtype = work.keywords["how"], work.keywords["dtype"]
    with spool_folder(out) as folder:
        require(executor, [folder])
        spooled = functools.partial(to_spool, work=work, folder=folder)
        for job, path in ordered(executor, spooled, jobs, buffer_size=buffer_size):
            if isinstance(path, OutputError):  # no pair's fault
                raise path
            yield job, path if isinstance(path, MMDRFuseError) else from_spool(path, how.patch, dtype)


def _cut_or_load(job: Job, *, records: Path, how: Cutting, dtype: np.dtype[Any]) -> Outcome:
    """Return the patches of a pair: those of an interrupted run if its pictures are still the same, or newly cut."""
    finished = load(records, job.place, how.patch, dtype) if job.place else None
    if finished:
        hashes = file_hashes(job.item)
        if all(hashes.items() <= made.source.items() for made in finished.cuts):
            return finished
    return cut(job.item, how, dtype)


def _stored_options(how: Cutting, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return the options as the file stores them."""
    depth = "16 bits, 8 as v * 257" if dtype.itemsize == 2 else "8 bits, 16 as v / 257"
    options = asdict(how)
    if how.rig is None:
        del options["rig"]  # files without one have the bytes that they always had
    return options | {"stride": how.step, "luminance": "BT.601", "depth": depth}
