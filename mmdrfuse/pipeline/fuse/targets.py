"""Refuse targets that a run must not write: a source, another pair's picture, a folder, or a file that exists.

`folder` checks all targets of a run here before it fuses the first pair.
"""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from mmdrfuse import images
from mmdrfuse.errors import ChoiceError, OutputError
from mmdrfuse.images.video.containers import pyav
from mmdrfuse.images.video.files import WRITTEN
from mmdrfuse.images.video.frames import PIPE
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.manifest import check_folder
from mmdrfuse.system.atomic import refuse_existing
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.paths import real

RAW_SUFFIXES = frozenset({".gray", ".raw"})
"""Endings of files that get raw frames, 8-bit grey, as ``-`` does."""


def check_targets(choices: Choices, pairs: Sequence[Pair], out: Path, *, overwrite: bool) -> None:
    """Refuse to replace a source, and any other file unless `overwrite` is true.

    Raises:
        ChoiceError: A picture's format has no quality.
        OutputError: A picture would replace a source or another one, or a file that may not be replaced.
    """
    targets = Mapped(partial(choices.target, out=out), pairs)
    for target in targets if choices.quality is not None else ():
        _check_quality(target, choices.quality)

    shared = _repeated(targets)
    if shared:
        raise OutputError(f"{shared}: several pairs would be written to it; give them names of their own")

    folders = {real(target).parent for target in targets}
    beside = (real(source) for pair in pairs for source in (pair.infrared, pair.visible))
    sources = {source for source in beside if source.parent in folders}  # seldom any, so a million need no memory
    source = next((target for target in targets if real(target) in sources), None)
    if source:
        raise OutputError(f"{source}: is one of the sources; choose another place for the fused picture")

    folder = next((target for target in targets if target.is_dir()), None)
    if folder:
        raise OutputError(f"{folder}: is a folder, in the place of a picture; move it, or choose another place")
    if not overwrite:
        _refuse_existing(targets)


def _repeated(targets: Iterable[Path]) -> Path | None:
    """Return the first target that was there before."""
    seen: set[str] = set()
    for target in targets:
        name = os.path.normcase(target)
        if name in seen:
            return target
        seen.add(name)
    return None


def _refuse_existing(targets: Sequence[Path]) -> None:
    """Refuse the first picture that exists, and say how many do."""
    try:
        for target in targets:
            refuse_existing(target, overwrite=False)
    except OutputError as error:
        if len(targets) == 1:
            raise
        existing = sum(map(os.path.lexists, targets))
        raise OutputError(f"{error.message} ({existing} of {len(targets)} pictures do)", cure="resume") from error


def check_video_target(out: Path, *sources: Path, overwrite: bool) -> None:
    """Refuse a video's target that a run must not or cannot write.

    Args:
        out: A file, or `PIPE`.
        sources: Files or `PIPE`.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: It is a source, a folder, of no known kind, or exists and may not be replaced.
        MissingExtraError: PyAV is not installed.
    """
    if out == PIPE:
        return
    if any(path != PIPE and real(path) == real(out) for path in sources):
        raise OutputError(f"{out}: is one of the sources; choose another place for the fused video")
    if out.is_dir():
        raise OutputError(f"{out}: is a folder; name the video's file")

    suffix = out.suffix.lower()
    if suffix not in RAW_SUFFIXES and suffix not in WRITTEN:
        raise OutputError(f"{out}: cannot write such a video; use one of {', '.join(sorted(WRITTEN))}")
    if suffix in WRITTEN:
        pyav()
    refuse_existing(out, overwrite=overwrite)
    check_folder(out.parent)


def _check_quality(target: Path, quality: int | None) -> None:
    try:
        images.check_format(target.suffix.lower(), quality, str(target))
    except OutputError as error:
        raise ChoiceError(error.message) from error
