"""``mmdrfuse demo``: fuse and score made-up scenes, without data or internet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import messages, progress, show
from mmdrfuse.cli.shared.options import FOLDER, NAME_OR_FILE, Command, overwrite_option
from mmdrfuse.errors import MMDRFuseError, reading
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
@click.option(
    "--detector", metavar="FILE.onnx|MODULE:FUNCTION", type=NAME_OR_FILE,
    help="Also say how well a detector finds the people, as  mmdrfuse detect  does.",
)  # fmt: skip
@click.option("--unaligned", is_flag=True, help="Make cameras with different views, find their rig, and fuse by it.")
@overwrite_option
def demo(out: Path, count: int, seed: int, detector: str | None, unaligned: bool, overwrite: bool) -> None:
    """Make up night scenes, fuse them with the shipped weights, and score the result.

    The folder OUT (default: mmdrfuse-demo) gets the sources in ir/ and vi/, the fused pictures and their manifest in
    fused/, and sheet.png, which shows everything side by side; with --unaligned also rig.yaml and its proof, rig.png.
    """
    from mmdrfuse import images
    from mmdrfuse.cli.shared import tables
    from mmdrfuse.datasets.scenes.synthetic import write_scenes
    from mmdrfuse.pair import Pair

    with reading(out, "folder", cure="choose another place"):
        empty = out.is_dir() and not any(out.iterdir())
    refuse_existing(out, overwrite=overwrite or empty)
    messages().print(f"making {count} scenes, then fusing and scoring them …")
    written = write_scenes(out, count, seed, aligned=not unaligned)
    pairs = [Pair(path.stem, path, out / "vi" / path.name) for path in written]
    if unaligned:
        pairs = _aligned(pairs, out / "rig.yaml")
    _fuse(pairs, out / "fused")
    images.write(out / "sheet.png", images.sheet(*_sheet(pairs, out / "fused")))
    show(tables.methods(_score(pairs, out / "fused")))
    if detector:
        _detect(detector, pairs, out)
    show(
        f"pictures:     {out / 'fused'}\nside by side: {out / 'sheet.png'}\nall scores:   mmdrfuse eval {out / 'fused'}"
    )
    if unaligned:
        show(f"rig:          {out / 'rig.yaml'}\nits proof:    {out / 'rig.png'}")


def _aligned(pairs: "Sequence[Pair]", rig_file: Path) -> "list[Pair]":
    """Find the rig of the made-up cameras, write it with its proof, and return the pairs with its matrix."""
    import numpy as np

    from mmdrfuse import images
    from mmdrfuse.cli.shared.rigs import lines_of_registration, provenance, refusal
    from mmdrfuse.pipeline.align import align, median_pair, samples_of_pairs
    from mmdrfuse.registration.proof import proof
    from mmdrfuse.registration.rig import Rig, record_of, write

    samples = list(samples_of_pairs(pairs, on_failure=_fail))
    found = align(samples)
    if not found.accepted:
        raise refusal(found)
    show("\n".join(lines_of_registration(found)))
    rig = Rig.of(found)
    write(rig_file, rig, record_of(found, **provenance(click.get_current_context())), overwrite=True)
    sample = samples[median_pair(found.residuals)]
    images.write(rig_file.with_suffix(".png"), proof(sample.infrared, sample.visible, np.reshape(rig.matrix, (3, 3))))
    return [replace(pair, preparation=pair.preparation.onto(Rig.of(rig_file))) for pair in pairs]


def _fail(error: MMDRFuseError) -> None:
    raise error


def _fuse(pairs: "Sequence[Pair]", out: Path) -> None:
    from mmdrfuse import models
    from mmdrfuse.engine import make
    from mmdrfuse.pipeline.fuse.choices import Choices
    from mmdrfuse.pipeline.fuse.folder import fuse_pairs
    from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
    from mmdrfuse.system.workers import cores, raise_failures

    checkpoint = models.read("scenes")
    choices = Choices(Fuser(make(checkpoint), range_for(checkpoint, "auto")), checkpoint)
    with progress("fusing", len(pairs)) as advance:
        for pair, _ in raise_failures(fuse_pairs(choices, pairs, out, workers=cores(), overwrite=True)):
            advance(pair.name)


def _sheet(pairs: "Sequence[Pair]", fused: Path) -> "tuple[list[list[NDArray[Any]]], list[str]]":
    """Return the rows of the sheet, one a pair (the sources, the baselines, our fusion), and the columns' titles."""
    from mmdrfuse import images
    from mmdrfuse.engine.baselines import BASELINES as ENGINES
    from mmdrfuse.pipeline.fuse.fuser import Fuser, fuse_part

    rows = []
    for pair in pairs:
        sources = images.read(pair.infrared), images.read(pair.visible)
        baselines = [fuse_part(Fuser(ENGINES[name]), pair.preparation, *sources).image for name in BASELINES]
        rows.append([*sources, *baselines, images.read(fused / f"{pair.name}.png")])
    return rows, ["infrared", "visible", *BASELINES, "mmdrfuse"]


def _detect(spec: str, pairs: "Sequence[Pair]", out: Path) -> None:
    """Print how well a detector finds the people of the scenes."""
    from mmdrfuse.cli.shared.detection_tables import main_table
    from mmdrfuse.datasets.labels import read
    from mmdrfuse.detection import detect_folders, open_detector

    result = detect_folders(
        {"mmdrfuse": out / "fused"}, pairs, detector=open_detector(spec), labels=read(out / "boxes.json"),
        boxes_on="visible", baselines=BASELINES, workers=None, progress=progress,
    )  # fmt: skip
    for failure in result.failures:
        raise failure
    show(main_table(result))


def _score(pairs: "Sequence[Pair]", fused: Path) -> "Scores":
    from mmdrfuse.pipeline.score import evaluate_folders

    evaluation = evaluate_folders(
        {"mmdrfuse": fused}, pairs, baselines=BASELINES, metrics=METRICS, workers=None, progress=progress
    )
    for failure in evaluation.failures:
        raise failure
    return evaluation.scores
