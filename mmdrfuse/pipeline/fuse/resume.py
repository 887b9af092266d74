"""Find the pairs that an earlier run has not fused, or not like this: what resuming leaves to do."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mmdrfuse.images import constant_limits
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.entries import NAME, Entries, Entry
from mmdrfuse.pipeline.fuse.folder import sha256
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length


def unfinished(choices: Choices, pairs: Sequence[Pair], out: Path, *, workers: Workers = 1) -> Sequence[Pair]:
    """Return the pairs whose picture is missing, or was made from other sources, weights or choices.

    Raises:
        ManifestError: There is a manifest that cannot be read.
    """
    if not (out / NAME).is_file():
        return pairs
    entries = Entries(out).find(_fused(choices, out, pair) for pair in pairs)
    with pool(workers) as executor:
        # A source that cannot be read any more is a failure here, so its pair stays, and fails when its turn comes.
        items = zip(pairs, entries, strict=True)
        results = ordered(executor, partial(_is_done, choices, out), items, buffer_size=queue_length(workers))
        left = [number for number, (_, result) in enumerate(results) if result is not True]
    return Mapped(pairs.__getitem__, left)


def _fused(choices: Choices, out: Path, pair: Pair) -> str:
    """Return the name of a pair's picture in the manifest."""
    return choices.target(pair, out).relative_to(out).as_posix()


def _is_done(choices: Choices, out: Path, pair_and_entry: tuple[Pair, Entry | None]) -> bool:
    pair, entry = pair_and_entry
    target = choices.target(pair, out)
    return entry is not None and _is_complete(target, entry) and _is_same(choices, pair, entry)


def _is_complete(target: Path, entry: Entry) -> bool:
    """Return whether the picture exists with the size that was written; entries of earlier versions have no size."""
    return target.is_file() and entry.nbytes in (0, target.stat().st_size)


def _is_same(choices: Choices, pair: Pair, entry: Entry) -> bool:
    """Return whether the choices would make the same picture of the pair again."""
    fuser = choices.fuser
    earlier = entry.range, entry.coloring, entry.quality, entry.preparation, entry.weights_sha256
    now = fuser.range, fuser.color, choices.quality, pair.preparation, choices.checkpoint.sha256
    limits = fuser.limits or constant_limits(fuser.range)
    return (
        earlier == now
        and limits in (None, entry.limits)
        and (entry.infrared_sha256, entry.visible_sha256) == (sha256(pair.infrared), sha256(pair.visible))
    )
