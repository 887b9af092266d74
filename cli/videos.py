"""``mmdrfuse fuse`` on videos and on raw frames from pipes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.common import messages, progress, warn, wrong_usage

if TYPE_CHECKING:
    from mmdrfuse.cli.fuse import Options
    from mmdrfuse.images.frames import Source
    from mmdrfuse.pipeline.sequences import Choices


def are_videos(sources: Sequence[str], raw: str | None) -> bool:
    """Tell whether the sources are sequences: by the name of the first, or because ``--raw`` says how to read them."""
    from mmdrfuse.images.video import is_video

    return raw is not None or any(is_video(Path(source)) for source in sources)


def fuse_videos(sources: Sequence[str], out: Path, chosen: "Options") -> None:
    """Fuse two videos, or two streams of raw frames, into one."""
    from mmdrfuse.images.video import is_video
    from mmdrfuse.pipeline.sequences import fuse_sequences

    unfit = {"--resume": chosen.resume, "--page": chosen.page, "--quality": chosen.quality}
    if any(unfit.values()):
        raise click.UsageError(
            f"{next(flag for flag, given in unfit.items() if given)} is for pictures, not for videos"
        )
    if len(sources) != 2:
        raise click.UsageError("give IR VIS OUT: videos of both sides, and one to write")
    if chosen.raw is None and not all(map(is_video, map(Path, sources))):
        raise click.UsageError("IR and VIS must be two videos, not one of each; raw frames need --raw WxH@FPS:gray8")
    if chosen.raw is not None and len(set(sources)) == 1:
        raise click.UsageError("raw frames of IR and VIS must come from two places; - can be one of them")
    infrared, visible = _sources(sources, chosen)
    if chosen.dry_run:
        _show_plan(infrared, visible, out)
        return
    start, count = time.perf_counter(), 0
    with progress("fusing", visible.layout.count) as advance:
        for _ in fuse_sequences(_choices(chosen), infrared, visible, out, overwrite=chosen.overwrite, note=warn):
            count += 1
            advance(f"{count / (time.perf_counter() - start):.0f} frames/s")
    messages().print(f"wrote {out}: {count} frames, {count / (time.perf_counter() - start):.0f} frames/s")


def _sources(paths: Sequence[str], chosen: "Options") -> "tuple[Source, Source]":
    from mmdrfuse.images.frames import RawFormat, RawSource
    from mmdrfuse.images.video import VideoSource

    infrared, visible = map(Path, paths)
    if chosen.raw is None:
        return VideoSource(infrared), VideoSource(visible)
    with wrong_usage("'--raw'"):
        form = RawFormat.parse(chosen.raw)
    return RawSource(infrared, form), RawSource(visible, form)


def _choices(chosen: "Options") -> "Choices":
    from mmdrfuse import models
    from mmdrfuse.engine import make
    from mmdrfuse.pipeline.sequences import Choices

    checkpoint = models.read(chosen.weights)
    return Choices(
        make(checkpoint, kind=chosen.engine, device=chosen.device),
        chosen.range_,
        levels=chosen.levels,
        color=chosen.color != "gray",
        preparation=chosen.preparation(),
        weights=f"{checkpoint.name} {checkpoint.sha256[:12]}",
    )


def _show_plan(infrared: "Source", visible: "Source", out: Path) -> None:
    """Print what would be done."""
    sides = []
    for source in (infrared, visible):
        layout = source.layout
        count = "" if layout.count is None else f", {layout.count} frames"
        sides.append(f"{source.path} ({layout.width}x{layout.height}, {float(layout.rate):g} a second{count})")
    click.echo(f"{'replace' if out.exists() else 'write'} {out}: {', '.join(sides)}")
