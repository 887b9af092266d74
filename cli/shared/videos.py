"""``mmdrfuse fuse`` on videos and on raw frames from pipes."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import messages, progress, warn, wrong_usage
from mmdrfuse.cli.shared.sources import report_ranges, report_selection

if TYPE_CHECKING:
    from mmdrfuse.cli.shared.fuse_options import Options
    from mmdrfuse.images.video.frames import Source
    from mmdrfuse.pipeline.fuse.video import VideoPair


def are_videos(sources: Sequence[str], raw: str | None) -> bool:
    """Return whether the sources are videos: by the ending of one of them, or because ``--raw`` is given."""
    from mmdrfuse.images.video.files import is_video

    return raw is not None or any(is_video(Path(source)) for source in sources)


def fuse_videos(sources: Sequence[str], out: Path, chosen: "Options") -> None:
    """Fuse two videos, or two streams of raw frames, into one."""
    from mmdrfuse.pipeline.fuse.video import VideoPair, fuse_video, settle_video

    _check_usage(sources, chosen)
    pair = VideoPair(*_sources(sources, chosen))
    choices = chosen.choices(threads=chosen.threads)
    if chosen.dry_run and not (pair.infrared_source.repeatable and pair.visible_source.repeatable):
        choices = replace(choices, automatic=None)  # a pipe can be read only once
    choices, pair = settle_video(choices, pair, out, overwrite=chosen.overwrite, progress=progress, warn=warn)
    report_selection(choices)
    report_ranges(choices, [pair.preparation])
    if chosen.dry_run:
        _show_plan(pair, out)
        return
    start = time.perf_counter()
    count = 0
    with progress("fusing", pair.layouts[1].count) as advance:
        for _ in fuse_video(choices, pair, out, overwrite=chosen.overwrite, warn=warn):
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


def _show_plan(pair: "VideoPair", out: Path) -> None:
    """Print what would be done, after reading all frames; pipes are not read, as they can be read only once."""
    sides = []
    for source, layout in zip((pair.infrared_source, pair.visible_source), pair.layouts, strict=True):
        count = "" if layout.count is None else f", {layout.count} frames"
        sides.append(f"{source.path} ({layout.width}x{layout.height}, {float(layout.rate):g} frames/s{count})")
    height, width = pair.size()
    repeatable = pair.infrared_source.repeatable and pair.visible_source.repeatable
    frames = f", {sum(1 for _ in pair.frames())} frames" if repeatable else ""
    action = "replace" if out != Path("-") and out.exists() else "write"
    click.echo(f"{action} {out} ({width}x{height}{frames}) from {', '.join(sides)}")
