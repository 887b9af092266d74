"""``mmdrfuse demo``: fuse and score made-up scenes, without data or internet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import messages, progress, show
from mmdrfuse.cli.shared.options import FOLDER, Command, overwrite_option
from mmdrfuse.errors import reading
from mmdrfuse.system.atomic import refuse_existing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmdrfuse.pair import Pair
    from mmdrfuse.pipeline.score import Scores

METRICS = ("EN", "SD", "MI", "SCD", "VIF", "Qabf", "SSIM")
BASELINES = ("mean", "max")


@click.command(cls=Command, short_help="Try everything on made-up night scenes.")
@click.argument("out", type=FOLDER, default=Path("mmdrfuse-demo"), required=False)
@click.option("--pairs", "count", type=click.IntRange(1), metavar="N", default=3, help="Make N scenes.")
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", default=1, help="Seed of the scenes; another seed makes others."
)
@overwrite_option
def demo(out: Path, count: int, seed: int, overwrite: bool) -> None:
    """Make up night scenes, fuse them with the shipped weights, and score the result.

    The folder OUT (default: mmdrfuse-demo) gets the sources in ir/ and vi/, the fused pictures and their manifest in
    fused/, and sheet.png, which shows everything side by side.
    """
    from mmdrfuse import images
    from mmdrfuse.cli.shared import tables
    from mmdrfuse.datasets.scenes.synthetic import write_scenes
    from mmdrfuse.pair import Pair

    with reading(out, "folder", cure="choose another place"):
        empty = out.is_dir() and not any(out.iterdir())
    refuse_existing(out, overwrite=overwrite or empty)
    messages().print(f"making {count} scenes, then fusing and scoring them …")
    pairs = [Pair(path.stem, path, out / "vi" / path.name) for path in write_scenes(out, count, seed)]
    _fuse(pairs, out / "fused")
    images.write(out / "sheet.png", images.sheet(*_sheet(pairs, out / "fused")))
    show(tables.methods(_score(pairs, out / "fused")))
    show(
        f"pictures:     {out / 'fused'}\nside by side: {out / 'sheet.png'}\nall scores:   mmdrfuse eval {out / 'fused'}"
    )


def _fuse(pairs: "Sequence[Pair]", out: Path) -> None:
    from mmdrfuse import models
    from mmdrfuse.engine import make
    from mmdrfuse.pipeline.fuse.choices import Choices
    from mmdrfuse.pipeline.fuse.folder import fuse_pairs
    from mmdrfuse.pipeline.fuse.fuser import Fuser
    from mmdrfuse.system.workers import cores, raise_failures

    checkpoint = models.read("ivif")
    choices = Choices(Fuser(make(checkpoint)), checkpoint)
    with progress("fusing", len(pairs)) as advance:
        for pair, _ in raise_failures(fuse_pairs(choices, pairs, out, workers=cores(), overwrite=True)):
            advance(pair.name)


def _sheet(pairs: "Sequence[Pair]", fused: Path) -> "tuple[list[list[NDArray[Any]]], list[str]]":
    """Return the rows of the sheet, one a pair (the sources, the baselines, our fusion), and the columns' titles."""
    from mmdrfuse import images
    from mmdrfuse.engine.baselines import BASELINES as ENGINES
    from mmdrfuse.pipeline.fuse.fuser import Fuser

    rows = []
    for pair in pairs:
        sources = images.read(pair.infrared), images.read(pair.visible)
        baselines = [Fuser(ENGINES[name])(*sources).image for name in BASELINES]
        rows.append([*sources, *baselines, images.read(fused / f"{pair.name}.png")])
    return rows, ["infrared", "visible", *BASELINES, "mmdrfuse"]


def _score(pairs: "Sequence[Pair]", fused: Path) -> "Scores":
    from mmdrfuse.pipeline.score import evaluate_folders

    evaluation = evaluate_folders(
        {"mmdrfuse": fused}, pairs, baselines=BASELINES, metrics=METRICS, workers=None, progress=progress
    )
    for failure in evaluation.failures:
        raise failure
    return evaluation.scores
