"""``mmdrfuse prepare``: folders of pairs to one file of training patches."""

from pathlib import Path

import click

from mmdrfuse.cli.common import ANY_PATH, EXISTING_FOLDER, Report, overwrite_option, progress, warn, workers_option


@click.command(short_help="Cut pairs into patches for training.")
@click.argument("sources", metavar="SRC...", type=EXISTING_FOLDER, nargs=-1, required=True)
@click.argument("out", metavar="OUT.h5", type=ANY_PATH)
@click.option("--patch", type=click.IntRange(16), default=128, help="Height and width of a patch, pixels.")
@click.option("--stride", type=click.IntRange(1), show_default="--patch", help="Pixels from one patch to the next.")
@click.option(
    "--per-pair", metavar="N", type=click.IntRange(1), help="Take at most N patches of a pair, spread evenly."
)
@click.option(
    "--exposures",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Cut each pair N times more, as other cameras might have exposed it.",
)
@click.option(
    "--hold-out", metavar="N", type=click.IntRange(2), help="Leave out every Nth pair of a set, for validation."
)
@click.option("--layout", metavar="NAME", show_default="recognised", help="The layout that SRC has.")
@workers_option
@overwrite_option
def prepare(
    sources: tuple[Path, ...],
    out: Path,
    patch: int,
    stride: int | None,
    per_pair: int | None,
    exposures: int,
    hold_out: int | None,
    layout: str | None,
    workers: int,
    overwrite: bool,
) -> None:
    """Cut the pairs of the sets at SRC into patches, and write them to OUT.h5 for training.

    SRC is the root of a set, the folder that holds the folders of both sides: the layouts of LLVIP, RoadScene, MSRS,
    VIFB, TNO and Harvard are recognised, and so are folders named after their side (ir, infrared, thermal, ... and vi,
    visible, rgb, ...). Pairs are matched by name; what has no partner or is no picture is named.
    """
    from mmdrfuse import datasets

    made = datasets.prepare(
        sources,
        out,
        patch=patch,
        stride=stride,
        per_pair=per_pair,
        exposures=exposures,
        hold_out=hold_out,
        layout=layout,
        workers=workers,
        overwrite=overwrite,
        progress=progress,
    )
    for line in made.left_out:
        warn(f"left out: {line}")
    report = Report()
    report.done = made.pairs
    for line in made.failed:
        report.fail(line)
    count, height, width = made.shape
    size = f"{made.nbytes / 2**20:.1f} MiB"
    report.finish(f"pairs ({', '.join(made.layouts)}): {count} patches of {width}x{height} in {out}, {size}")
