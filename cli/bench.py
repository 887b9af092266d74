"""``mmdrfuse bench``: measure what a network costs on this machine."""

import json
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import check_outputs, messages, show, write_output
from mmdrfuse.cli.shared.options import Command, json_option, overwrite_option, weights_option
from mmdrfuse.system.workers import cores

if TYPE_CHECKING:
    from rich.table import Table

    from mmdrfuse.pipeline.efficiency import Efficiency

_PAIRS = 8
"""Made-up pairs of the run from files to files: they fill the workers a few times, and are made in seconds."""


def _size(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, int]:
    """Read ``WIDTHxHEIGHT``."""
    from mmdrfuse.datasets.scenes.synthetic import MIN_SCENE

    found = re.fullmatch(r"(\d+)[x×](\d+)", value)
    if not found or min(int(found[1]), int(found[2])) < MIN_SCENE:
        raise click.BadParameter(
            f"{value!r} is no size; write WIDTHxHEIGHT, such as 1280x1024, each at least {MIN_SCENE}"
        )
    return int(found[1]), int(found[2])


@click.command(cls=Command, short_help="Measure what a network costs on this machine: time and memory.")
@weights_option
@click.option("--size", default="1280x1024", metavar="WxH", callback=_size, help="Width and height of the pictures.")
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", default=cores, show_default="all cores",
    help="Use N threads for one pair, and work on N pairs at a time from files to files.",
)  # fmt: skip
@click.option("--torch", is_flag=True, help="Time torch as well as the compiled kernel.")
@click.option(
    "--peers", is_flag=True,
    help="Time the same network in torch, onnxruntime, OpenCV and OpenVINO, as far as they are installed, and FFmpeg's "
    "blend filter. Says how many levels differ from ours.",
)  # fmt: skip
@click.option("--repeat", type=click.IntRange(1), metavar="N", default=30, help="Time everything N times.")
@json_option
@overwrite_option
def bench(
    weights: str,
    size: tuple[int, int],
    threads: int,
    torch: bool,
    peers: bool,
    repeat: int,
    json_: str | None,
    overwrite: bool,
) -> None:
    """Measure what a network costs here: parameters, multiply-adds, time of a pair, and peak memory.

    "Files to files" counts the pairs per second of a whole run, PNG in and PNG out, on made-up pairs in a temporary
    folder. A teacher runs in torch.
    """
    from mmdrfuse import models
    from mmdrfuse.datasets.scenes.synthetic import write_scenes
    from mmdrfuse.pair import Pair
    from mmdrfuse.pipeline.efficiency import efficiency
    from mmdrfuse.pipeline.peers import PEERS

    check_outputs(json_, overwrite=overwrite)
    checkpoint = models.read(weights)
    width, height = size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        messages().print(f"making {_PAIRS} pairs of {width}x{height} pixels, then fusing them …")
        made = write_scenes(folder, _PAIRS, 0, height=height, width=width)
        pairs = [Pair(infrared.stem, infrared, folder / "vi" / infrared.name) for infrared in made]
        measured = efficiency(
            checkpoint, width=width, height=height, threads=threads, repeat=repeat,
            peers=PEERS if peers else ["torch"] * torch, files=(pairs, folder / "fused"),
        )  # fmt: skip
    try:  # the file first, as the reader of the table may stop reading; the table even if the disk is full
        if json_:
            write_output(json_, json.dumps(asdict(measured), indent=1) + "\n")
    finally:
        if json_ != "-":
            show(_table(measured), *_peers(measured))


def _table(measured: "Efficiency") -> "Table":
    from rich.table import Table

    threads = f"{measured.threads} thread{'s' * (measured.threads > 1)}"
    table = Table(
        title=f"{measured.weights} ({measured.network}), {measured.width}x{measured.height}, {threads}, "
        f"{measured.machine['processor']}, {measured.machine['cores']} cores"
    )
    table.add_column("what")
    table.add_column("cost", justify="right")
    table.add_row("parameters", f"{measured.parameters}")
    table.add_row("size (KB)", f"{measured.kilobytes:.2f}")
    table.add_row("multiply-adds (G)", f"{measured.multiply_adds / 1e9:.3f}")
    for name, times in measured.milliseconds.items():
        low, high = times["quartiles"]
        table.add_row(f"{name}, a pair (ms)", f"{times['median']:.2f} [{low:.2f}, {high:.2f}]")
    if measured.pairs_per_second:
        table.add_row("files to files (pairs/s)", f"{measured.pairs_per_second:.1f}")
    if measured.peak_mebibytes:
        table.add_row("peak memory (MiB)", f"{measured.peak_mebibytes:.0f}")
    return table


def _peers(measured: "Efficiency") -> "list[Table]":
    """Return the table of peers: their times, and how far their pictures are from ours; none without peers."""
    from rich.table import Table

    rows = dict(measured.milliseconds)
    ours = rows.pop("engine")["median"]
    if not rows and not measured.missing:
        return []
    table = Table(
        "beside the engine", "times as long", "levels that differ", "by at most", title="the same pair, by turns"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in rows.items():
        table.add_row(name, f"{row['median'] / ours:.1f}", f"{row['differing']:.4%}", f"{row['at_most']}")
    for name, package in measured.missing.items():
        table.add_row(name, f"needs {package}", "", "")
    return [table]
