"""``mmdrfuse prepare``: cut folders of pairs into one file of training patches."""

from pathlib import Path
from typing import Any

import click

from mmdrfuse.cli.shared.console import Report, progress, warn
from mmdrfuse.cli.shared.options import (
    ANY_PATH,
    EXISTING,
    Sectioned,
    cluster_option,
    layout_option,
    overwrite_option,
    pair_regex_option,
    rig_option,
    workers_option,
)

SECTIONS = {
    "What to cut from": (
        "--layout", "--rig", "--pair-regex", "--hold-out", "--validation", "--weights", "--max-patches", "--seed",
    ),
    "How to cut": (
        "--patch", "--stride", "--scales", "--per-pair", "--exposures", "--min-gradient", "--depth",
    ),
}  # fmt: skip


def _numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Parse numbers with commas between them."""
    try:
        return None if text is None else tuple(float(number) for number in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}: write numbers with commas between them, such as 1,0.5") from None


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Cut pairs into patches for training, in one file.")
@click.argument("sources", metavar="SRC...", type=EXISTING, nargs=-1, required=True)
@click.argument("out", metavar="OUT.h5", type=ANY_PATH)
@click.option(
    "--patch", metavar="N", type=click.IntRange(16), default=128, help="Height and width of a patch, in pixels."
)
@click.option(
    "--stride", metavar="N", type=click.IntRange(1), show_default="--patch",
    help="Distance from one patch to the next, in pixels.",
)  # fmt: skip
@click.option(
    "--scales",
    metavar="LIST",
    default="1",
    callback=_numbers,
    help="Cut each pair at these scales, such as 1,0.5. A pixel of a smaller copy is the mean of the area that it "
    "covers.",
)
@click.option(
    "--per-pair",
    metavar="N",
    type=click.IntRange(1),
    help="Take at most N patches from a pair at each scale and exposure, spread evenly.",
)
@click.option(
    "--exposures",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Cut each pair N more times, as other cameras might have exposed it: in haze, at night, by day, in turn. 8 "
    "bits only.",
)
@click.option(
    "--min-gradient",
    metavar="G",
    type=click.FloatRange(0),
    default=0,
    help="Drop flat patches, those whose neighbouring pixels differ by at most G of 255 levels on average, on both "
    "sides. 0 drops only patches that are constant on both.",
)
@click.option(
    "--depth",
    type=click.Choice(("auto", "8")),
    default="auto",
    help="auto keeps 16 bits, for all patches, where any picture has them; 8 makes them 8 bits.",
)
@click.option("--hold-out", metavar="N", type=click.IntRange(2), help="Leave out every Nth pair of a set.")
@click.option(
    "--validation",
    metavar="SHARE",
    type=click.FloatRange(0, 1, max_open=True),
    default=0,
    help="Mark at most this share of each set for validation, such as 0.1. It takes whole scenes or sequences, at "
    "least one. Training never sees them.",
)
@click.option(
    "--max-patches",
    metavar="N",
    type=click.IntRange(1),
    help="Draw at most N of all patches, at random. Flat ones are dropped afterwards.",
)
@click.option(
    "--weights",
    metavar="LIST",
    callback=_numbers,
    help="Proportion of patches from each SRC, such as 2,1. As many as possible are drawn at random; without this "
    "option, each SRC gives all of its patches.",
)
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Seed of the random choices.")
@layout_option
@rig_option
@pair_regex_option
@workers_option
@cluster_option
@overwrite_option
def prepare(sources: tuple[Path, ...], out: Path, **options: Any) -> None:  # noqa: ANN401
    """Cut the pairs of each set SRC into patches, and write all of them to OUT.h5 for training.

    SRC is the root folder of a set, which holds the folders of both sides. mmdrfuse recognises the layouts of LLVIP,
    RoadScene, MSRS, VIFB, TNO, Harvard and others (`mmdrfuse data info` lists them), and folders that are named after
    their side (ir, infrared, thermal, ... and vi, visible, rgb, ...). It pairs pictures by name, and reports the files
    that have no partner or are no pictures. SRC may also be a table of pairs (.csv).

    OUT.h5 appears only when it is complete. After an interruption, the same command goes on where it stopped.
    """
    from mmdrfuse import datasets

    try:
        made = datasets.prepare(sources, out, progress=progress, **options)
    except KeyboardInterrupt:
        warn(f"the finished pairs are in a hidden file beside {out}; the same command goes on from there")
        raise
    for line in made.notes:
        warn(line)
    for line in made.left_out:
        warn(f"left out: {line}")
    if made.flat:
        warn(f"left out: {made.flat} flat patches")
    report = Report()
    report.done = made.pairs
    for failure in made.failed:
        report.add(failure)
    count, height, width = made.shape
    size = f"{made.nbytes / 2**20:.1f} MiB"
    split = f", {made.validation} of them for validation" if made.validation else ""
    patches = f"{count} patches of {width}x{height} in {out}{split}, {size}"
    report.finish(f"pairs ({', '.join(made.layouts)}): {patches}")
