"""``mmdrfuse fuse``: pairs of pictures to fused pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import Report, messages, progress, send, wrong_usage
from mmdrfuse.cli.shared.options import Sectioned, overwrite_option, weights_option, workers_option
from mmdrfuse.cli.shared.sources import (
    OUTPUT,
    PIPE,
    PREFIX,
    check_format_of,
    is_folder,
    is_table,
    on_its_way,
    paired,
    pairing_of,
    received,
    say_settled,
    shown,
)
from mmdrfuse.cli.shared.videos import are_videos, fuse_videos
from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from mmdrfuse.images import Levels
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.fuse.choices import Choices
    from mmdrfuse.pipeline.fuse.folder import Plan

FORMAT = "png"

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
    format_: str | None
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

    def choices(self, *, threads: int = 1) -> "Choices":
        """Return what is asked of all pictures and frames alike.

        Args:
            threads: For one picture, where there is but one at a time.
        """
        from mmdrfuse import models
        from mmdrfuse.engine import make
        from mmdrfuse.pair import Preparation
        from mmdrfuse.pipeline.fuse.choices import Choices
        from mmdrfuse.pipeline.fuse.fuser import Fuser
        from mmdrfuse.registration.geometry import read_matrix

        checkpoint = models.read(self.weights)
        engine = make(checkpoint, kind=self.engine, device=self.device, threads=threads)
        return Choices(
            Fuser(engine, self.range_, self.color),
            checkpoint,
            self.levels,
            Preparation(self.size_policy, read_matrix(self.transform) if self.transform else (), page=self.page or 0),
            f".{(self.format_ or FORMAT).lower().lstrip('.')}",
            self.quality,
        )


def _range(_: click.Context, __: click.Parameter, value: str) -> str:
    from mmdrfuse.images import constant_limits

    with wrong_usage():
        constant_limits(value)
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
    "--format", "format_", metavar="ENDING",
    help="Format of the pictures in a folder or for -: png, jpg, tif, bmp, webp.  [default: png]",
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
    and which `mmdrfuse eval` reads. OUT is a folder if it is one, ends with /, or does not end as a picture does. One
    of IR and VIS can be -, standard input, and OUT - is standard output.

    In medicine the functional image (PET, SPECT) or the CT stands in IR's place, the MRI in VIS's.
    """  # noqa: D301
    chosen = Options(**options)
    *sources, out = paths
    if are_videos(sources, chosen.raw):
        fuse_videos(sources, Path(out), chosen)
        return
    if len(paths) not in (2, 3):
        raise click.UsageError("give IR VIS OUT, PAIRS.csv OUT, or the file of a thermal camera and OUT")
    folder = Path(ctx.with_resource(TemporaryDirectory(prefix=PREFIX))) if PIPE in paths else Path()
    with on_its_way(folder):
        _fuse_pictures(sources, out, chosen, folder)


def _fuse_pictures(sources: Sequence[str], out: str, chosen: Options, folder: Path) -> None:
    """Fuse one pair into a file or to standard output, or all pairs into a folder."""
    if PIPE in sources and out != PIPE and is_folder(out):
        raise click.UsageError(
            f"{out} is a folder, whose manifest names the sources, but standard input has no name; give a picture as "
            f"OUT, such as {Path(out) / 'fused.png'}"
        )
    files = received(sources, folder)
    single = all(Path(file).is_file() for file in files) and not is_table(files)
    if out == PIPE and not single:
        raise click.UsageError("only a single pair of pictures can be written to -, standard output")
    if out == PIPE:
        target = folder / f"{OUTPUT}{_suffix(chosen.format_ or FORMAT)}"
        _fuse_file(files, target, chosen)
        if target.exists():
            send(target.read_bytes())
    elif single and not is_folder(out):
        check_format_of(out, chosen.format_)
        _fuse_file(files, Path(out), chosen)
        if not chosen.dry_run:
            messages().print(f"wrote {out}")
    else:
        _suffix(chosen.format_ or FORMAT)
        report = Report()
        _fuse_pairs(paired(files, Path(out), report), Path(out), chosen, report)


def _fuse_file(files: Sequence[str], target: Path, chosen: Options) -> None:
    """Fuse one pair into a file, without a manifest."""
    if chosen.resume:
        raise click.UsageError("--resume goes by the manifest of a folder; name a folder as OUT")
    pairs = [replace(pair, output=target.name) for pair in pairing_of(files).pairs]
    _fuse_pairs(pairs, target.parent, chosen, None)


def _fuse_pairs(pairs: "Sequence[Pair]", out: Path, chosen: Options, report: Report | None) -> None:
    """Fuse pairs into a folder; with a report, they get a manifest, and one that fails does not stop the others."""
    from mmdrfuse.pipeline.fuse.folder import check_targets, fuse_pair, fuse_pairs, plan_pairs, settle
    from mmdrfuse.pipeline.fuse.resume import unfinished

    choices = chosen.choices(threads=1 if report else chosen.workers)
    replaces, workers = chosen.overwrite or chosen.resume, chosen.workers
    check_targets(choices, pairs, out, overwrite=replaces)
    choices, pairs = settle(choices, pairs, out, workers=workers, looking=progress)
    say_settled(choices, {pair.preparation for pair in pairs})
    todo = unfinished(choices, pairs, out, workers=workers) if chosen.resume else pairs
    if chosen.dry_run:
        _show_plan(plan_pairs(choices, pairs, todo, out, workers=workers, overwrite=replaces), report or Report())
    elif report is None:
        fuse_pair(choices, out, pairs[0])
    else:
        with progress("fusing", len(todo)) as advance:
            for pair, result in fuse_pairs(choices, todo, out, workers=workers, overwrite=replaces):
                report.add(result)
                advance(pair.name)
        before = f", {len(pairs) - len(todo)} were done before" if chosen.resume else ""
        report.finish(f"pictures fused into {out}{before}")


def _show_plan(plans: "Iterable[tuple[Pair, Plan | MMDRFuseError]]", report: Report) -> None:
    """Print what would be done with each pair."""
    count = 0
    for pair, plan in plans:
        report.add(plan)
        if isinstance(plan, MMDRFuseError):
            continue
        if plan.made is None:
            click.echo(f"{plan.action} {plan.target}")
            continue
        made, count = plan.made, count + 1
        made_of = f"{shown(pair.infrared)} ({made.infrared}), {shown(pair.visible)} ({made.visible})"
        click.echo(f"{plan.action} {shown(plan.target)} ({made.width}x{made.height}) from {made_of}")
    report.finish(f"pictures looked at, {count} to be made, nothing written")


def _suffix(ending: str) -> str:
    from mmdrfuse.images import SUFFIXES

    suffix = f".{ending.lower().lstrip('.')}"
    if suffix not in SUFFIXES:
        raise click.BadParameter(f"{ending!r} is none of {', '.join(sorted(SUFFIXES))}", param_hint="'--format'")
    return suffix
