"""``mmdrfuse fuse``: fuse pairs of pictures, or videos."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import Report, messages, progress, warn, write_bytes
from mmdrfuse.cli.shared.fuse_options import FORMAT, Options, parse_levels, parse_range
from mmdrfuse.cli.shared.options import (
    EXISTING_FILE,
    NAME_OR_FILE,
    Sectioned,
    cluster_option,
    overwrite_option,
    size_policy_option,
    workers_option,
)
from mmdrfuse.cli.shared.sources import (
    OUTPUT,
    PIPE,
    PREFIX,
    check_format,
    collect_pairs,
    display_path,
    hide_temporary_folder,
    is_folder,
    is_table,
    pair_arguments,
    report_ranges,
    report_selection,
    report_shifts,
    save_standard_input,
)
from mmdrfuse.cli.shared.videos import are_videos, fuse_videos
from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.fuse.choices import Choices
    from mmdrfuse.pipeline.fuse.folder import Plan

SECTIONS = {
    "What comes out": ("--weights", "--range", "--color", "--format", "--quality"),
    "What goes in": (
        "--ir-range",
        "--rig",
        "--transform",
        "--outside",
        "--pair-shift",
        "--size-policy",
        "--page",
        "--raw",
    ),
    "What exists already": ("--overwrite", "--resume", "--dry-run"),
    "How it runs": ("--workers", "--cluster", "--engine", "--device"),
}


@click.command(
    cls=Sectioned, sections=SECTIONS, short_help="Fuse two pictures, folders or videos, or a table of pairs."
)
@click.argument("paths", metavar="IR VIS OUT", type=NAME_OR_FILE, nargs=-1, required=True)
@click.option(
    "--weights", default="auto", metavar="auto|NAME|FILE", type=NAME_OR_FILE,
    help="The network's weights. auto chooses by what all pictures show together: medical or scenes, for videos day or "
    "night; auto:clip chooses day or night for pictures too, as for frames of a recording. Or a shipped name "
    "(`mmdrfuse weights` lists them), or a file (.safetensors, or a PyTorch state dict).",
)  # fmt: skip
@click.option(
    "--range", "range_", default="auto", metavar="RANGE", callback=parse_range,
    help="Which values of the network become black and white: auto (those that the weights were made for), clip (0 and "
    "1), fixed:LO,HI (LO and HI), percentile (the 1st and 99th percentile of all pictures together), minmax (the least "
    "and the greatest of each picture). tone:GAIN,OFFSET multiplies the levels (0 to 255) of the luminance and adds an "
    "offset; detector is the tone in which detectors find most.",
)  # fmt: skip
@click.option(
    "--color", type=click.Choice(["auto", "hue", "gray"]), default="auto",
    help="What to do with the colour of a coloured side: auto keeps it (by YCbCr), hue keeps its hue and fades it "
    "where it would clip, gray drops it.",
)  # fmt: skip
@click.option(
    "--format", "format_", metavar="ENDING",
    show_default="png", help="Format of the pictures in a folder, or on standard output: png, jpg, tif, bmp, webp.",
)  # fmt: skip
@click.option(
    "--quality", type=click.IntRange(1, 100), metavar="N", show_default="95", help="Quality of JPEG and WebP."
)
@click.option(
    "--ir-range", "levels", default="auto", metavar="RANGE", callback=parse_levels,
    help="Which infrared values become black and white: values such as 7000..9500, or percentiles over all pictures "
    "such as p1..p99. auto leaves 8-bit pictures as they are, and takes p0.1..p99.9 for deeper ones.",
)  # fmt: skip
@size_policy_option(
    "What to do if the two sizes differ: error, fit-ir (resize the infrared to the visible's size), fit-vis "
    "(resize the visible to the infrared's size), crop-common (cut both about their centres)."
)
@click.option(
    "--rig", type=EXISTING_FILE, metavar="FILE",
    help="Two cameras that are not aligned: the rig file that `mmdrfuse align` made, or a plain 3x3 matrix.",
)  # fmt: skip
@click.option(
    "--outside", type=click.Choice(["visible", "crop", "black"]),
    help="Where the infrared does not reach under --rig or --transform: the visible picture with a soft seam, cut "
    "away, or as if the infrared were black.  [default: visible]",
)  # fmt: skip
@click.option(
    "--pair-shift", is_flag=True,
    help="Also move each infrared picture after --rig or --transform, by at most 2 % of the visible's width, where the "
    "pair shows clearly that it is off, as near things are. Not for videos.",
)  # fmt: skip
@click.option(
    "--transform", type=EXISTING_FILE, metavar="FILE",
    help="File (CSV or YAML) of a 3x3 matrix that maps infrared pixels (x, y, 1) to visible ones; (0, 0) is the centre "
    "of the upper left pixel.",
)  # fmt: skip
@click.option(
    "--page",
    type=click.IntRange(1),
    metavar="N",
    help="Use page or slice N of files that hold several; the first is 1.",
)
@click.option(
    "--raw", metavar="WxH@FPS:gray8",
    help="IR and VIS are raw frames of this size and rate, 8-bit grey, in files or pipes; one of them can be -.",
)  # fmt: skip
@overwrite_option
@click.option("--resume", is_flag=True, help="Skip the pictures that the manifest in OUT proves done; fuse the rest.")
@click.option("--dry-run", is_flag=True, help="Read everything, print what would be done, and write nothing.")
@workers_option
@cluster_option
@click.option(
    "--engine", type=click.Choice(["auto", "cpu", "torch"]), default="auto",
    help="What computes the network: cpu is the compiled kernel, for students; torch takes any network; auto chooses.",
)  # fmt: skip
@click.option("--device", metavar="NAME", default="cpu", help="Where torch computes, such as cpu or cuda.")
@click.pass_context
def fuse(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Fuse an infrared and a visible picture, two folders of them, or two videos, into OUT.

    \b
    fuse IR VIS OUT              two pictures, two folders, or two 'patterns*'
    fuse PAIRS.csv OUT           a table: columns infrared, visible[, output]
    fuse FLIR OUT                thermal cameras' files that hold both sides
    fuse IR.mp4 VIS.mp4 OUT.mp4  two videos: frames are paired by time

    Pictures of two folders are paired by name, never by position; sub-folders are paired by name, too. Pictures without
    a partner are reported and left out.

    OUT is a folder if it exists as one, ends with /, or has no ending of a picture. The folder also gets
    manifest.jsonl, which records the sources and the settings of each picture; `mmdrfuse eval` reads it. IR or VIS can
    be - for standard input, and OUT can be - for standard output.

    For medical images, IR is the functional image (PET, SPECT) or the CT, and VIS is the MRI.
    """  # noqa: D301
    chosen = Options(**options)
    *sources, out = paths
    if are_videos(sources, chosen.raw):
        fuse_videos(sources, Path(out), chosen)
        return
    if len(paths) not in (2, 3):
        raise click.UsageError(
            f"expected IR VIS OUT, or PAIRS.csv OUT, or a thermal camera's file and OUT, and got {len(paths)} "
            f"argument{'s' * (len(paths) != 1)}"
        )
    folder = Path(ctx.with_resource(TemporaryDirectory(prefix=PREFIX))) if PIPE in paths else Path()
    with hide_temporary_folder(folder):
        _fuse_pictures(sources, out, chosen, folder)


def _fuse_pictures(sources: Sequence[str], out: str, chosen: Options, folder: Path) -> None:
    """Fuse one pair into a file or to standard output, or all pairs into a folder."""
    if PIPE in sources and out != PIPE and is_folder(out):
        raise click.UsageError(
            f"{out} is a folder; its manifest needs a name for each source, and standard input has none; name a "
            f"picture as OUT, such as {Path(out) / 'fused.png'}"
        )
    files = save_standard_input(sources, folder)
    single = all(Path(file).is_file() for file in files) and not is_table(files)
    if out == PIPE and not single:
        raise click.UsageError("standard output (-) takes a single picture; name a folder as OUT for more pairs")
    if out == PIPE:
        target = folder / f"{OUTPUT}{_suffix(chosen.format_ or FORMAT)}"
        _fuse_file(files, target, chosen)
        if target.exists():
            write_bytes(target.read_bytes())
    elif single and not is_folder(out):
        check_format(out, chosen.format_)
        report_selection(_fuse_file(files, Path(out), chosen))
        if not chosen.dry_run:
            messages().print(f"wrote {out}")
    else:
        _suffix(chosen.format_ or FORMAT)
        report = Report()
        _fuse_pairs(collect_pairs(files, Path(out), report), Path(out), chosen, report)


def _fuse_file(files: Sequence[str], target: Path, chosen: Options) -> "Choices":
    """Fuse one pair into a file, without a manifest."""
    if chosen.resume:
        raise click.UsageError("--resume needs the manifest of a folder; name a folder as OUT")
    pairs = [replace(pair, output=target.name) for pair in pair_arguments(files).pairs]
    return _fuse_pairs(pairs, target.parent, chosen, None)


def _fuse_pairs(pairs: "Sequence[Pair]", out: Path, chosen: Options, report: Report | None) -> "Choices":
    """Fuse pairs into a folder.

    With a report, the folder gets a manifest, and a pair that fails does not stop the others.
    """
    from mmdrfuse.pipeline.fuse.folder import fuse_pair, fuse_pairs, plan_pairs, settle
    from mmdrfuse.pipeline.fuse.resume import unfinished
    from mmdrfuse.pipeline.fuse.targets import check_targets

    choices = chosen.choices(threads=1 if report else chosen.threads)
    replaces = chosen.overwrite or chosen.resume
    workers = chosen.workers
    check_targets(choices, pairs, out, overwrite=replaces)
    choices, pairs = settle(choices, pairs, out, workers=workers, progress=progress, warn=warn)
    if report:
        report_selection(choices)
    report_ranges(choices, {pair.preparation for pair in pairs})
    report_shifts([pair.preparation for pair in pairs])
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
        before = f", {len(pairs) - len(todo)} done before" if chosen.resume else ""
        report.finish(f"pictures fused into {out}{before}")
    return choices


def _show_plan(plans: "Iterable[tuple[Pair, Plan | MMDRFuseError]]", report: Report) -> None:
    """Print what would be done with each pair."""
    count = 0
    for pair, plan in plans:
        report.add(plan)
        if isinstance(plan, MMDRFuseError):
            continue
        if plan.info is None:
            click.echo(f"{plan.action} {plan.target}")
            continue
        info = plan.info
        count += 1
        sources = f"{display_path(pair.infrared)} ({info.infrared}), {display_path(pair.visible)} ({info.visible})"
        click.echo(f"{plan.action} {display_path(plan.target)} ({info.width}x{info.height}) from {sources}")
    report.finish(f"pairs read, {count} to fuse, nothing written")


def _suffix(ending: str) -> str:
    from mmdrfuse.images import SUFFIXES

    suffix = f".{ending.lower().lstrip('.')}"
    if suffix not in SUFFIXES:
        raise click.BadParameter(
            f"{ending!r} cannot be written; choose one of {', '.join(sorted(SUFFIXES))}", param_hint="'--format'"
        )
    return suffix
