"""``mmdrfuse fuse``: pairs of pictures to fused pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import (
    Report,
    Sectioned,
    messages,
    overwrite_option,
    progress,
    send,
    warn,
    weights_option,
    workers_option,
    wrong_usage,
)
from mmdrfuse.cli.sources import PIPE, is_table, paired, pairing_of, received
from mmdrfuse.cli.videos import are_videos, fuse_videos
from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from mmdrfuse.images import Levels
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.fusing import Job
    from mmdrfuse.pipeline.pairs import Preparation

SECTIONS = {
    "What comes out": ("--weights", "--range", "--color", "--format", "--quality"),
    "What goes in": ("--ir-range", "--size-policy", "--transform", "--page", "--raw"),
    "What exists already": ("--overwrite", "--resume", "--dry-run"),
    "How it runs": ("--workers", "--engine", "--device"),
}


@dataclass(frozen=True)
class Options:
    """The options of the command, under the names that click gives them."""

    weights: str
    range_: str
    color: str
    format_: str
    quality: int | None
    levels: "Levels"
    size_policy: str
    transform: Path | None
    page: int | None
    raw: str | None
    overwrite: bool
    resume: bool
    dry_run: bool
    workers: int
    engine: str
    device: str

    def preparation(self) -> "Preparation":
        """Give what is done to all sources alike before they are fused."""
        from mmdrfuse.pipeline.geometry import read_matrix
        from mmdrfuse.pipeline.pairs import Preparation

        matrix = read_matrix(self.transform) if self.transform else ()
        return Preparation(self.size_policy, matrix, page=self.page or 0)


def _range(_: click.Context, __: click.Parameter, value: str) -> str:
    from mmdrfuse.images import known_limits

    with wrong_usage():
        known_limits(value)
    return value


def _levels(_: click.Context, __: click.Parameter, value: str) -> Any:  # noqa: ANN401
    from mmdrfuse.images import Levels

    with wrong_usage():
        return Levels.parse(value)


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Fuse two pictures, two folders, or a list of pairs.")
@click.argument("paths", metavar="IR VIS OUT", nargs=-1, required=True)
@weights_option
@click.option(
    "--range", "range_", default="clip", metavar="RANGE", callback=_range,
    help="What becomes black and white: clip (the network's 0 and 1), fixed:LO,HI (its LO and HI), percentile (the "
    "1st and 99th of all pictures together), minmax (each picture's own extremes).",
)  # fmt: skip
@click.option(
    "--color", type=click.Choice(["auto", "hue", "gray"]), default="auto",
    help="Keep the colour of a coloured side by YCbCr; by hue, which fades where that would clip; or drop it.",
)  # fmt: skip
@click.option(
    "--format", "format_", default="png", metavar="ENDING",
    help="Format of the pictures in a folder: png, jpg, tif, bmp, webp.",
)  # fmt: skip
@click.option("--quality", type=click.IntRange(1, 100), metavar="1..100", help="Of JPEG and WebP; 95 where not given.")
@click.option(
    "--ir-range", "levels", default="auto", metavar="RANGE", callback=_levels,
    help="Infrared values that become 0 and 1: 7000..9500, or percentiles over all pictures: p1..p99. auto leaves "
    "8 bits as they are and takes p0.1..p99.9 of what is deeper.",
)  # fmt: skip
@click.option(
    "--size-policy", type=click.Choice(["error", "fit-ir", "fit-vis", "crop-common"]), default="error",
    metavar="POLICY",
    help="Where sizes differ: error, fit-ir (resize the infrared to the visible's size), fit-vis (the visible to the "
    "infrared's), crop-common (cut both about their centres).",
)  # fmt: skip
@click.option(
    "--transform", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="3x3 matrix (CSV or YAML) that takes infrared pixels (x, y, 1) to visible ones; (0, 0) is the centre of the "
    "upper left pixel.",
)  # fmt: skip
@click.option(
    "--page", type=click.IntRange(1), metavar="N", help="Page or slice of files that hold several, from 1 on."
)
@click.option(
    "--raw", metavar="WxH@FPS:gray8",
    help="IR and VIS are bare frames, 8-bit grey, in files or pipes; one of them can be -.",
)  # fmt: skip
@overwrite_option
@click.option("--resume", is_flag=True, help="Skip what the manifest in OUT proves done; make the rest (again).")
@click.option("--dry-run", is_flag=True, help="Read everything, say what would be done, and write nothing.")
@workers_option
@click.option(
    "--engine", type=click.Choice(["auto", "cpu", "torch"]), default="auto",
    help="The compiled kernel (students), or torch (any network).",
)  # fmt: skip
@click.option("--device", default="cpu", help="Device for torch, such as cuda.")
@click.pass_context
def fuse(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Fuse IR and VIS, two pictures or two folders, into OUT.

    \b
    fuse IR VIS OUT              two pictures, two folders, or two 'patterns*'
    fuse PAIRS.csv OUT           columns infrared, visible, and output if wanted
    fuse FLIR OUT                thermal cameras' files, which hold both sides
    fuse IR.mp4 VIS.mp4 OUT.mp4  videos: frames nearest in time

    Pictures of two folders are paired by name, never by position, sub-folders with those of the same name; what has
    no partner is named. A folder OUT also gets manifest.jsonl, which says from what and how each picture was made,
    and which `mmdrfuse eval` reads. One of IR and VIS can be -, standard input, and OUT - is standard output.

    In medicine the functional image (PET, SPECT) or the CT stands in IR's place, the MRI in VIS's.
    """  # noqa: D301
    chosen = Options(**options)
    if are_videos(paths[:-1], chosen.raw):
        fuse_videos(paths[:-1], Path(paths[-1]), chosen)
        return
    if len(paths) not in (2, 3):
        raise click.UsageError("give IR VIS OUT, PAIRS.csv OUT, or the file of a thermal camera and OUT")
    *sources, out = paths
    folder = Path(ctx.with_resource(TemporaryDirectory(prefix="mmdrfuse-"))) if PIPE in paths else Path()
    sources = received(sources, folder)
    single = all(Path(source).is_file() for source in sources) and not is_table(sources)
    if out == PIPE and not single:
        raise click.UsageError("only a single pair of pictures can be written to -, standard output")
    if out == PIPE:
        target = folder / f"standard output{_suffix(chosen.format_, chosen.quality)}"
        _fuse_file(sources, target, chosen)
        if target.exists():
            send(target.read_bytes())
    elif single and Path(out).suffix and not Path(out).is_dir():
        _fuse_file(sources, Path(out), chosen)
        if not chosen.dry_run:
            messages().print(f"wrote {out}")
    else:
        _fuse_folder(sources, Path(out), chosen)


def _fuse_file(sources: Sequence[str], target: Path, chosen: Options) -> None:
    """Fuse one pair into a file, without a manifest."""
    from mmdrfuse.pipeline.fusing import fuse_pair

    if chosen.resume:
        raise click.UsageError("--resume goes by the manifest of a folder; name a folder as OUT")
    job = _job(chosen, target.parent, _suffix(target.suffix, chosen.quality), threads=chosen.workers)
    pairs = [replace(pair, output=target.name) for pair in pairing_of(sources).pairs]
    job, pairs = _settled(job, pairs, chosen)
    if chosen.dry_run:
        _show_plan(job, pairs, pairs, chosen, Report())
    else:
        fuse_pair(job, pairs[0])


def _fuse_folder(sources: Sequence[str], out: Path, chosen: Options) -> None:
    """Fuse all pairs into a folder, with a manifest; report each failure, and go on."""
    from mmdrfuse.pipeline.fusing import fuse_pairs
    from mmdrfuse.pipeline.planning import unfinished

    job = _job(chosen, out, _suffix(chosen.format_, chosen.quality))
    report = Report()
    job, pairs = _settled(job, paired(sources, out, report), chosen)
    todo = unfinished(job, pairs, workers=chosen.workers) if chosen.resume else pairs
    if chosen.dry_run:
        _show_plan(job, pairs, todo, chosen, report)
        return
    replaces = chosen.overwrite or chosen.resume
    with progress("fusing", len(todo)) as advance:
        for pair, result in fuse_pairs(job, todo, workers=chosen.workers, overwrite=replaces):
            report.add(result)
            advance(pair.name)
    before = f", {len(pairs) - len(todo)} were done before" if chosen.resume else ""
    report.finish(f"pictures fused into {out}{before}")


def _job(chosen: Options, out: Path, suffix: str, *, threads: int = 1) -> "Job":
    from mmdrfuse import models
    from mmdrfuse.engine import make
    from mmdrfuse.pipeline.fusing import Job
    from mmdrfuse.pipeline.fusion import Fuser

    checkpoint = models.read(chosen.weights)
    engine = make(checkpoint, kind=chosen.engine, device=chosen.device, threads=threads)
    return Job(Fuser(engine, chosen.range_, chosen.color), checkpoint, out, suffix, chosen.quality)


def _settled(job: "Job", pairs: "Sequence[Pair]", chosen: Options) -> "tuple[Job, list[Pair]]":
    """Refuse what must not be replaced, then settle what has to be the same for all pictures; say what that is."""
    from mmdrfuse.pipeline.fusing import check_targets
    from mmdrfuse.pipeline.measuring import with_infrared_ranges, with_limits

    check_targets(job, pairs, overwrite=chosen.overwrite or chosen.resume)
    preparation = chosen.preparation()
    pairs = [replace(pair, preparation=preparation) for pair in pairs]
    with progress("looking at the infrared", len(pairs)) as advance:
        pairs = with_infrared_ranges(pairs, chosen.levels, workers=chosen.workers, advance=advance)
    for low, high in sorted({pair.preparation.infrared_range for pair in pairs} - {()}):
        warn(f"infrared values {low:g}..{high:g} become 0..1")
    with progress("looking at the result", len(pairs)) as advance:
        job = with_limits(job, pairs, workers=chosen.workers, advance=advance)
    if job.fuser.limits:
        warn("network values {:.4f}..{:.4f} become black..white".format(*job.fuser.limits))
    return job, pairs


def _show_plan(job: "Job", pairs: "Sequence[Pair]", todo: "Sequence[Pair]", chosen: Options, report: Report) -> None:
    """Print what would be done with each pair."""
    from mmdrfuse.pipeline.planning import plan

    count = 0
    for pair, planned in plan(job, pairs, todo, workers=chosen.workers):
        report.add(planned)
        if not isinstance(planned, MMDRFuseError):
            infrared, visible = planned.sources
            size = "x".join(map(str, planned.size))
            made_of = f"{pair.infrared} ({infrared}), {pair.visible} ({visible})"
            count += planned.action != "skip"
            click.echo(f"{planned.action} {planned.target} ({size}) from {made_of}")
    report.finish(f"pictures looked at, {count} to be made, nothing written")


def _suffix(ending: str, quality: int | None) -> str:
    from mmdrfuse.images import SUFFIXES, check_format

    suffix = f".{ending.lower().lstrip('.')}"
    if suffix not in SUFFIXES:
        raise click.BadParameter(
            f"{ending!r} is none of {', '.join(sorted(SUFFIXES))}", param_hint="'--format' or 'OUT'"
        )
    with wrong_usage("'--quality'"):
        check_format(suffix, quality, f"--format {ending}")
    return suffix
