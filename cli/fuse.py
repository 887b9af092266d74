"""``mmdrfuse fuse``: pairs of pictures to fused pictures."""

from pathlib import Path

import click

from mmdrfuse.cli.common import (
    ANY_PATH,
    EXISTING,
    Report,
    messages,
    overwrite_option,
    progress,
    warn,
    workers_option,
)
from mmdrfuse.errors import OutputError
from mmdrfuse.pipeline.pairs import Pair


@click.command(short_help="Fuse two pictures or two folders.")
@click.argument("infrared", metavar="IR", type=EXISTING)
@click.argument("visible", metavar="VIS", type=EXISTING)
@click.argument("out", metavar="OUT", type=ANY_PATH)
@click.option(
    "--weights", default="ivif", show_default=True, metavar="NAME|FILE",
    help="Shipped weights by name, or a checkpoint: .safetensors, or a PyTorch state dict.",
)  # fmt: skip
@click.option(
    "--range", "range_", type=click.Choice(["clip", "minmax"]), default="clip",
    help="Map the network's output by clipping, or by stretching every picture to its own extremes.",
)  # fmt: skip
@click.option(
    "--color", type=click.Choice(["auto", "gray"]), default="auto", help="Keep the colour of a coloured side, or not."
)
@click.option("--format", "format_", default="png", metavar="ENDING", help="Format of the pictures in a folder.")
@click.option(
    "--engine", type=click.Choice(["auto", "cpu", "torch"]), default="auto",
    help="The compiled kernel (students), or torch (any network).",
)  # fmt: skip
@click.option("--device", default="cpu", help="Device for torch, such as cuda.")
@workers_option
@overwrite_option
def fuse(
    infrared: Path,
    visible: Path,
    out: Path,
    weights: str,
    range_: str,
    color: str,
    format_: str,
    engine: str,
    device: str,
    workers: int,
    overwrite: bool,
) -> None:
    """Fuse IR and VIS, two pictures or two folders, into OUT.

    Pictures of two folders are paired by name, never by position, sub-folders with those of the same name; what has
    no partner is named. A folder OUT also gets manifest.jsonl, which says from what and how each picture was made,
    and which `mmdrfuse eval` reads.

    In medicine the functional image (PET, SPECT) or the CT stands in IR's place, the MRI in VIS's.
    """
    from mmdrfuse import models
    from mmdrfuse.engine import make
    from mmdrfuse.pipeline.fusing import Job, check_targets, fuse_pair, fuse_pairs
    from mmdrfuse.pipeline.fusion import Fuser

    checkpoint = models.read(weights)
    fuser = Fuser(make(checkpoint, kind=engine, device=device), range_, color == "auto")
    if infrared.is_dir() != visible.is_dir():
        raise click.UsageError("IR and VIS must be two pictures or two folders, not one of each")
    if not infrared.is_dir() and out.suffix:
        job, pair = Job(fuser, checkpoint, out.parent, _suffix(out.suffix)), Pair(out.stem, infrared, visible)
        check_targets(job, [pair], overwrite=overwrite)
        fuse_pair(job, pair)
        messages().print(f"wrote {out}")
        return

    report = Report()
    job = Job(fuser, checkpoint, out, _suffix(format_))
    folders = infrared.is_dir()
    pairs = _folder_pairs(infrared, visible, out, report) if folders else [Pair(visible.stem, infrared, visible)]
    with progress("fusing", len(pairs)) as advance:
        for pair, result in fuse_pairs(job, pairs, workers=workers, overwrite=overwrite):
            report.add(result)
            advance(pair.name)
    report.finish(f"pictures fused into {out}")


def _folder_pairs(infrared: Path, visible: Path, out: Path, report: Report) -> list[Pair]:
    """Pair two folders; say what was left out, and count what could not be told apart as failed."""
    from mmdrfuse.datasets import pair_folders

    for side in (infrared, visible):
        if out.resolve().is_relative_to(side.resolve()):
            raise OutputError(f"{out}: lies in {side}, where it would be taken for a source; choose another folder")
    pairing = pair_folders(infrared, visible, recursive=True)
    for line in pairing.unused():
        warn(f"left out: {line}")
    for line in pairing.unclear():
        report.fail(line)
    return list(pairing.pairs)


def _suffix(ending: str) -> str:
    from mmdrfuse.images import SUFFIXES

    suffix = f".{ending.lower().lstrip('.')}"
    if suffix not in SUFFIXES:
        raise click.BadParameter(
            f"{ending!r} is none of {', '.join(sorted(SUFFIXES))}", param_hint="'--format' or 'OUT'"
        )
    return suffix
