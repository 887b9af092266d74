"""``mmdrfuse data export``: fuse a labelled set by several methods, as trainers of detectors read it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import Report, progress, show, warn
from mmdrfuse.cli.shared.cures import message_with_cure
from mmdrfuse.cli.shared.fuse_options import FORMAT, parse_levels
from mmdrfuse.cli.shared.options import (
    ANY_PATH,
    EXISTING,
    EXISTING_FILE,
    Sectioned,
    cluster_option,
    layout_option,
    overwrite_option,
    size_policy_option,
    split_names,
    workers_option,
)
from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from rich.table import Table

    from mmdrfuse.datasets.export.options import ExportOptions
    from mmdrfuse.datasets.export.plan import Plan
    from mmdrfuse.pair import Pair
    from mmdrfuse.pipeline.fuse.folder import Plan as PicturePlan

SECTIONS = {
    "What comes out": ("--methods", "--format", "--channels", "--pictures", "--quality"),
    "What goes in": ("--labels", "--classes", "--split", "--seed", "--layout"),
    "How pairs are prepared": ("--size-policy", "--rig", "--outside", "--boxes-on", "--ir-range"),
    "What exists already": ("--overwrite", "--resume", "--dry-run"),
}


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Return the names in a list with commas, without repetitions."""
    return tuple(dict.fromkeys(split_names(value or "")))


@click.command(
    cls=Sectioned,
    sections=SECTIONS,
    short_help="Fuse a labelled set by several methods, as trainers of detectors read.",
)
@click.argument("source", metavar="SET", type=EXISTING)
@click.argument("out", metavar="OUT", type=ANY_PATH)
@click.option(
    "--methods", default="auto", metavar="A,B,…", callback=_names,
    help="Each becomes a folder of OUT: auto, a shipped name or a file of weights; max, mean, affine; infrared or "
    "visible for one side alone.",
)  # fmt: skip
@click.option(
    "--format", "formats", default="yolo,coco,voc", metavar="A,B,…", callback=_names,
    help="Formats of the labels: yolo, coco, voc.",
)  # fmt: skip
@click.option(
    "--channels", type=click.Choice(["rgbt"]),
    help="Write also the folder rgbt: TIFF of four channels, the visible's red, green and blue, and the infrared.",
)  # fmt: skip
@click.option("--pictures", default=FORMAT, metavar="ENDING", help="Format of the pictures: png, jpg, tif, bmp, webp.")
@click.option("--quality", type=click.IntRange(1, 100), metavar="N", show_default="95", help="Of JPEG and WebP.")
@click.option(
    "--labels", type=EXISTING, metavar="PATH", show_default="those in SET",
    help="The labels: VOC's XML, YOLO's text with data.yaml, COCO's JSON, KAIST's text, or boxes.json of made-up "
    "scenes; a file or a folder, recognised by content.",
)  # fmt: skip
@click.option(
    "--classes", metavar="A,B,…", callback=_names, show_default="all",
    help="Classes to keep. person, people, pedestrian and human are one.",
)  # fmt: skip
@click.option(
    "--split", metavar="official|8:1:1|FILE", show_default="official if there is one, or else 8:1:1",
    help="How to divide the set: as its makers did; by shares of train, val and test, scene by scene; or by a table "
    "(CSV) with the columns name and split, such as the splits.csv of another export.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, help="Seed of the order of scenes in shares.")
@layout_option
@size_policy_option("What to do if the two sizes differ, as in  mmdrfuse fuse. The boxes move with the pixels.")
@click.option(
    "--rig", type=EXISTING_FILE, metavar="FILE",
    help="Two cameras that are not aligned: the rig file that `mmdrfuse align` made. The boxes move with the pixels.",
)  # fmt: skip
@click.option(
    "--outside", type=click.Choice(["visible", "crop", "black"]),
    help="Where the infrared does not reach under --rig, as in  mmdrfuse fuse.  [default: visible]",
)  # fmt: skip
@click.option(
    "--boxes-on", "side", type=click.Choice(["infrared", "visible"]),
    help="The side that the boxes were drawn on.  [default: visible, or the one of the labels' size]",
)  # fmt: skip
@click.option(
    "--ir-range", "levels", default="auto", metavar="RANGE", callback=parse_levels,
    help="Which infrared values become black and white, as in  mmdrfuse fuse.",
)  # fmt: skip
@overwrite_option
@click.option("--resume", is_flag=True, help="Go on with an export of the same choices.")
@click.option("--dry-run", is_flag=True, help="Read everything, print what would be done, and write nothing.")
@workers_option
@cluster_option
def export(source: Path, out: Path, **given: Any) -> None:  # noqa: ANN401
    """Fuse the labelled set SET by several methods into OUT, in the layout that trainers of detectors read.

    \b
    OUT/METHOD/images/{train,val,test}  pictures, of the same names in each method's folder
    OUT/METHOD/labels, data.yaml        labels of YOLO
    OUT/METHOD/annotations              labels of COCO
    OUT/METHOD/voc                      labels of VOC, with the pictures once more as links
    OUT/splits.csv, OUT/export.json     the division with hashes, and what was chosen

    The labels are written once, and linked into each method's folder. SET is the root of a set, or a table of pairs
    (.csv). Pictures without labels are named and left out; those with an empty file of labels stay, as pictures without
    objects. Scenes stay whole when shares divide the set.
    """  # noqa: D301
    from mmdrfuse.datasets.export.run import dry_run
    from mmdrfuse.datasets.export.run import export as run

    options = _options(given)
    how = {name: given[name] for name in ("workers", "resume", "overwrite")}
    how |= {"progress": progress, "warn": warn, "explain": message_with_cure}
    report = Report()
    if given["dry_run"]:
        plan, pictures = dry_run(source, out, options, **how)
        _show(plan, report)
        _show_pictures(pictures, report)
        return
    exported = run(source, out, options, **how)
    _show(exported.plan, report)
    for failure in exported.failures:
        report.fail(message_with_cure(failure))
    report.done = len(exported.examples)
    report.finish(f"pictures exported by {', '.join(exported.methods)} into {out}")


def _options(given: Mapping[str, Any]) -> "ExportOptions":
    from mmdrfuse.datasets.export.options import ExportOptions
    from mmdrfuse.pair import Preparation
    from mmdrfuse.registration.rig import read

    if given["outside"] and not given["rig"]:
        raise click.UsageError("--outside goes with --rig")
    preparation = Preparation(given["size_policy"], outside=given["outside"] or "visible")
    same = ("formats", "methods", "labels", "layout", "classes", "split", "seed", "channels", "quality", "side")
    return ExportOptions(
        **{name: given[name] for name in same},
        suffix=f".{given['pictures'].lower().lstrip('.')}",
        preparation=preparation.onto(read(given["rig"])) if given["rig"] else preparation,
        infrared_range=given["levels"],
    )


def _show(plan: "Plan", report: Report) -> None:
    """Print the table of splits, the notes, and the failures of the plan."""
    labels = plan.labels
    show(f"{plan.layout.name}: labels {labels.format} {labels.sha256[:12]}, split {plan.split}", _table(plan))
    for note in plan.notes:
        warn(note)
    for failure in plan.failures:
        report.fail(failure)


def _table(plan: "Plan") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from mmdrfuse.datasets.export.plan import counts

    rows = {
        split: counts([one for one in plan.examples if one.split == split], plan.labels.classes)
        for split in plan.splits
    }
    table = Table()
    table.add_column("")
    for heading in next(iter(rows.values())):
        table.add_column(Text(heading), justify="right")
    for split, numbers in rows.items():
        table.add_row(split, *map(str, numbers.values()))
    return table


def _show_pictures(pictures: "Iterator[tuple[Pair, PicturePlan | MMDRFuseError]]", report: Report) -> None:
    """Print what would be done with each picture."""
    for _, plan in pictures:
        report.add(plan)
        if not isinstance(plan, MMDRFuseError):
            click.echo(f"{plan.action} {plan.target}")
    report.finish("pictures read, nothing written")
