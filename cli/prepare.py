"""``mmdrfuse prepare``: folders of pairs to one file of training patches."""

from pathlib import Path
from typing import Any

import click

from mmdrfuse.cli.shared.console import Report, progress, warn
from mmdrfuse.cli.shared.options import ANY_PATH, EXISTING, Sectioned, overwrite_option, workers_option

SECTIONS = {
    "What to cut from": (
        "--layout", "--pair-regex", "--hold-out", "--validation", "--weights", "--max-patches", "--seed",
    ),
    "How to cut": (
        "--patch", "--stride", "--scales", "--per-pair", "--exposures", "--min-gradient", "--depth",
    ),
}  # fmt: skip


def _numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Read numbers with commas between them."""
    try:
        return None if text is None else tuple(float(number) for number in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers with commas between them, such as 1,0.5") from None


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Cut pairs into patches for training.")
@click.argument("sources", metavar="SRC...", type=EXISTING, nargs=-1, required=True)
@click.argument("out", metavar="OUT.h5", type=ANY_PATH)
@click.option("--patch", type=click.IntRange(16), default=128, help="Height and width of a patch, pixels.")
@click.option("--stride", type=click.IntRange(1), show_default="--patch", help="Pixels from one patch to the next.")
@click.option(
    "--scales",
    metavar="LIST",
    default="1",
    callback=_numbers,
    help="Cut each pair at these scales; a pixel of a smaller copy is the mean of the area it covers.",
)
@click.option(
    "--per-pair",
    metavar="N",
    type=click.IntRange(1),
    help="Take at most N patches of a pair at each scale and exposure, spread evenly.",
)
@click.option(
    "--exposures",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Cut each pair N times more, as other cameras might have exposed it; 8 bits only.",
)
@click.option(
    "--min-gradient",
    metavar="G",
    type=click.FloatRange(0),
    default=0,
    help="Drop flat patches: on both sides, the mean difference of neighbouring pixels is at most G of 255 levels. "
    "0 drops what is constant on both.",
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
    help="Mark at most this share of each set for validation, such as 0.1: whole scenes or sequences, at least one. "
    "Training does not see them.",
)
@click.option(
    "--max-patches",
    metavar="N",
    type=click.IntRange(1),
    help="Draw at most N patches from all, at random; flat ones are dropped afterwards.",
)
@click.option(
    "--weights",
    metavar="LIST",
    callback=_numbers,
    help="How many patches each SRC gives, in proportion, such as 2,1: the most that keeps to it and to --max-patches, "
    "drawn at random. Without it each gives all.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Draws scenes and patches.")
@click.option("--layout", metavar="NAME", show_default="recognised", help="The layout that SRC has.")
@click.option(
    "--pair-regex",
    metavar="REGEX",
    help="What is equal in the names of a pair, without endings: the group (?P<key>...), or the first.",
)
@workers_option
@overwrite_option
def prepare(sources: tuple[Path, ...], out: Path, **options: Any) -> None:  # noqa: ANN401
    """Cut the pairs of the sets at SRC into patches, and write them to OUT.h5 for training.

    SRC is the root of a set, the folder that holds the folders of both sides: the layouts of LLVIP, RoadScene, MSRS,
    VIFB, TNO, Harvard and others are recognised (`mmdrfuse data info`), and so are folders named after their side (ir,
    infrared, thermal, ... and vi, visible, rgb, ...). Pairs are matched by name; what has no partner or is no picture
    is named. SRC may also be a table of pairs (.csv).

    OUT.h5 appears when it is whole. After an interruption, the same command goes on where it was.
    """
    from mmdrfuse import datasets

    try:
        made = datasets.prepare(sources, out, progress=progress, **options)
    except KeyboardInterrupt:
        warn(f"what is finished lies beside {out}; the same command goes on from there")
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
