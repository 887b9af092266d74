"""``mmdrfuse fuse`` on videos and on raw frames from pipes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import messages, progress, warn, wrong_usage
from mmdrfuse.cli.shared.sources import report_ranges

if TYPE_CHECKING:
    from mmdrfuse.cli.fuse import Options
    from mmdrfuse.images.video.frames import Source
    from mmdrfuse.pipeline.fuse.video import Film


def are_videos(sources: Sequence[str], raw: str | None) -> bool:
    """Return whether the sources are videos: by the ending of one of them, or because ``--raw`` is given."""
    from mmdrfuse.images.video.files import is_video

    return raw is not None or any(is_video(Path(source)) for source in sources)


def fuse_videos(sources: Sequence[str], out: Path, chosen: "Options") -> None:
    """Fuse two videos, or two streams of raw frames, into one."""
    from mmdrfuse.pipeline.fuse.video import Film, fuse_film, settle_film

    _check_usage(sources, chosen)
    film = Film(*_sources(sources, chosen))
    choices = chosen.choices(threads=chosen.workers)
    choices, film = settle_film(choices, film, out, overwrite=chosen.overwrite, looking=progress)
    report_ranges(choices, [film.preparation])
    if chosen.dry_run:
        _show_plan(film, out)
        return
    start = time.perf_counter()
    count = 0
    with progress("fusing", film.layouts[1].count) as advance:
        for _ in fuse_film(choices, film, out, overwrite=chosen.overwrite, warn=warn):
            count += 1
            advance(f"{count / (time.perf_counter() - start):.0f} frames/s")
    messages().print(f"wrote {out}: {count} frames, {count / (time.perf_counter() - start):.0f} frames/s")


def _check_usage(sources: Sequence[str], chosen: "Options") -> None:
    from mmdrfuse.images.video.files import is_video

    for flag, given in {"--resume": chosen.resume, "--format": chosen.format_}.items():
        if given:
            raise click.UsageError(f"{flag} is for pictures, not for videos")
    if len(sources) != 2:
        raise click.UsageError("expected IR VIS OUT: an infrared and a visible video, and the video to write")
    if chosen.raw is None and not all(is_video(Path(source)) for source in sources):
        raise click.UsageError(
            f"IR and VIS must both be videos, and only one of {' and '.join(sources)} is; raw frames need "
            "--raw WxH@FPS:gray8"
        )
    if chosen.raw is not None and len(set(sources)) == 1:
        raise click.UsageError(f"IR and VIS are both {sources[0]}; raw frames must come from two files or pipes")


def _sources(paths: Sequence[str], chosen: "Options") -> "tuple[Source, Source]":
    from mmdrfuse.images.video.files import VideoSource
    from mmdrfuse.images.video.frames import RawFormat, RawSource

    infrared, visible = map(Path, paths)
    if chosen.raw is None:
        return VideoSource(infrared), VideoSource(visible)
    with wrong_usage("'--raw'"):
        form = RawFormat.parse(chosen.raw)
    return RawSource(infrared, form), RawSource(visible, form)


def _show_plan(film: "Film", out: Path) -> None:
    """Print what would be done, after reading all frames; pipes are not read, as they can be read only once."""
    sides = []
    for source, layout in zip((film.infrared_source, film.visible_source), film.layouts, strict=True):
        count = "" if layout.count is None else f", {layout.count} frames"
        sides.append(f"{source.path} ({layout.width}x{layout.height}, {float(layout.rate):g} frames/s{count})")
    height, width = film.size()
    repeatable = film.infrared_source.repeatable and film.visible_source.repeatable
    frames = f", {sum(1 for _ in film.frames())} frames" if repeatable else ""
    action = "replace" if out != Path("-") and out.exists() else "write"
    click.echo(f"{action} {out} ({width}x{height}{frames}) from {', '.join(sides)}")
