"""What an earlier run has done already."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mmdrfuse.images import constant_limits
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse import manifest
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import sha256
from mmdrfuse.pipeline.fuse.manifest import Entry
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length


def unfinished(choices: Choices, pairs: Sequence[Pair], out: Path, *, workers: Workers = 1) -> list[Pair]:
    """Leave out the pairs that the manifest proves done: same sources, weights and choices, and the picture is there.

    Raises:
        ManifestError: There is a manifest that cannot be read.
    """
    if not (out / manifest.NAME).is_file():
        return list(pairs)
    entries = {entry.fused: entry for entry in manifest.read(out)}
    with pool(workers) as executor:
        # A source that cannot be read any more proves nothing: it fails when its turn comes.
        results = ordered(executor, partial(_done, choices, out, entries), pairs, buffer_size=queue_length(workers))
        return [pair for pair, result in results if result is not True]


def _done(choices: Choices, out: Path, entries: Mapping[str, Entry], pair: Pair) -> bool:
    target = choices.target(pair, out)
    entry = entries.get(target.relative_to(out).as_posix())
    return entry is not None and _whole(target, entry) and _same(choices, pair, entry)


def _whole(target: Path, entry: Entry) -> bool:
    """Tell whether a picture is there, as large as it was written."""
    return target.is_file() and entry.nbytes in (0, target.stat().st_size)


def _same(choices: Choices, pair: Pair, entry: Entry) -> bool:
    """Tell whether an entry's picture is what the choices would make of the pair."""
    fuser = choices.fuser
    made = entry.range, entry.coloring, entry.quality, entry.preparation, entry.weights_sha256
    wanted = fuser.range, fuser.color, choices.quality, pair.preparation, choices.checkpoint.sha256
    limits = fuser.limits or constant_limits(fuser.range)
    return (
        made == wanted
        and limits in (None, entry.limits)
        and (entry.infrared_sha256, entry.visible_sha256) == (sha256(pair.infrared), sha256(pair.visible))
    )
