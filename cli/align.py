"""``mmdrfuse align``: the matrix of two cameras that are not aligned."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import Report, check_outputs, messages, show, warn, write_output
from mmdrfuse.cli.shared.options import EXISTING_FILE, Sectioned, overwrite_option
from mmdrfuse.cli.shared.rigs import (
    document,
    lines_of_check,
    lines_of_points,
    lines_of_registration,
    provenance,
    refusal,
)
from mmdrfuse.cli.shared.sources import pairs_of
from mmdrfuse.cli.shared.videos import are_videos
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable, writing

if TYPE_CHECKING:
    from mmdrfuse.pipeline import Pair
    from mmdrfuse.pipeline.align import Sample, Search
    from mmdrfuse.registration.rig import Rig

SECTIONS = {
    "What comes out": ("--output", "--check", "--each", "--proof", "--json"),
    "What is searched": ("--pairs", "--model", "--method", "--view", "--rotation", "--points", "--seed"),
}

_VIEW = re.compile(r"(\d*\.?\d+)\.\.(\d*\.?\d+)")


@dataclass(frozen=True)
class Options:
    """The options of the command, under the names that click gives them."""

    output: Path | None
    rig: Path | None
    pairs: int
    model: str
    method: str
    view: tuple[float, float]
    rotation: float
    each: bool
    seed: int
    points: Path | None
    proof: Path | None
    json_: str | None
    overwrite: bool

    def search(self) -> "Search":
        """Return what is searched."""
        from mmdrfuse.pipeline.align import Search

        return Search(self.model, self.view, self.rotation, self.method)  # type: ignore[arg-type]  # click knows the names

    @property
    def target(self) -> Path:
        """The rig file, or what holds several; `_check_usage` has seen to it."""
        assert self.output is not None
        return self.output

    @property
    def proof_target(self) -> Path:
        """The file of the proof: beside the rig unless it was named."""
        return self.proof or self.target.with_suffix(".png")


def _view(_: click.Context, __: click.Parameter, value: str) -> tuple[float, float]:
    match = _VIEW.fullmatch(value)
    if not match or not 0.1 <= float(match[1]) <= float(match[2]) <= 4:
        raise click.BadParameter(f"{value!r} is no range LO..HI between 0.1 and 4, such as 0.42..1.25")
    return float(match[1]), float(match[2])


@click.command(cls=Sectioned, sections=SECTIONS, short_help="Find how two cameras that are not aligned lie together.")
@click.argument("sources", metavar="IR VIS", nargs=-1, required=True)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="RIG.yaml",
    help="The rig file to write; with --each a folder of rigs, or a .csv.",
)  # fmt: skip
@click.option(
    "--check", "rig", type=EXISTING_FILE, metavar="RIG.yaml",
    help="Measure how well an existing rig fits, and write nothing.",
)  # fmt: skip
@click.option("--pairs", type=click.IntRange(1), default=20, help="Pairs or frames to look at, drawn evenly.")
@click.option(
    "--model", type=click.Choice(["auto", "shift", "similarity", "affine", "homography"]), default="auto",
    help="What the matrix may do; auto takes the simplest that explains patches which were held out.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["auto", "field", "mutual-information"]), default="auto",
    help="field: the directions of edges. mutual-information: a shift and a turn, for slices of CT, PET or SPECT with "
    "MRI; it needs the extra `medical`. auto takes it for slices, where it is believed.",
)  # fmt: skip
@click.option(
    "--view", default="0.42..1.25", metavar="LO..HI", callback=_view,
    help="Width of the infrared's view as a share of the visible's.",
)  # fmt: skip
@click.option("--rotation", type=click.FloatRange(0, 45), default=6.0, help="Largest rotation, degrees.")
@click.option("--each", is_flag=True, help="One matrix for each pair, for cameras that move against each other.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Other seeds draw other pairs.")
@click.option(
    "--points", type=EXISTING_FILE, metavar="FILE.csv",
    help="Fit to points marked by hand: infrared_x,infrared_y,visible_x,visible_y.",
)  # fmt: skip
@click.option(
    "--proof", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", show_default="the rig's name with .png",
    help="A picture to judge by eye: edges and checkerboard of a pair, before and after.",
)  # fmt: skip
@click.option("--json", "json_", metavar="FILE|-", help="Write everything that was found as JSON.")
@overwrite_option
@click.pass_context
def align(ctx: click.Context, /, sources: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Find one matrix that takes the infrared pictures of a rig onto its visible ones.

    \b
    align IR VIS -o RIG.yaml         two pictures, two folders, two 'patterns*', two videos
    align PAIRS.csv -o RIG.yaml      columns infrared and visible
    align IR VIS --check RIG.yaml    does a rig still fit

    `mmdrfuse fuse --rig RIG.yaml` then fuses such pictures. Many pairs give a better matrix than one. Where the two
    sides do not agree clearly, nothing is written and the exit code is 1; so it is, with the rig written, where more
    than a fifth of the pairs are off it by more than 2 % of the width.
    """  # noqa: D301
    chosen = Options(**options)
    _check_usage(sources, chosen)
    check_outputs(chosen.json_, overwrite=chosen.overwrite)
    report = Report()
    if chosen.each:
        _align_each(pairs_of(sources, report), chosen, report, ctx)
        return
    samples = _samples(sources, chosen, report)
    if chosen.rig:
        _check(samples, chosen, report)
        return
    for target in (chosen.target, chosen.proof_target):
        refuse_existing(target, overwrite=chosen.overwrite)
        refuse_unwritable(target)
    if chosen.points:
        _align_points(samples, chosen, ctx)
    else:
        _align_set(samples, chosen, report, ctx)


def _check_usage(sources: Sequence[str], chosen: Options) -> None:
    if len(sources) > 2:
        raise click.UsageError("give IR and VIS, or PAIRS.csv")
    if (chosen.output is None) == (chosen.rig is None):
        raise click.UsageError("give the rig to write with -o RIG.yaml, or one to check with --check RIG.yaml")
    if chosen.rig and (chosen.each or chosen.points or chosen.proof):
        raise click.UsageError("--check goes without --each, --points and --proof")
    if chosen.each and (chosen.points or chosen.proof):
        raise click.UsageError("--each goes without --points and --proof")
    if chosen.each and are_videos(sources, None):
        raise click.UsageError("--each is for pictures: a matrix for each frame would make a video tremble")


def _samples(sources: Sequence[str], chosen: Options, report: Report) -> "list[Sample]":
    """Read what is looked at; count what cannot be read as failed."""
    from mmdrfuse.images.video.files import is_video
    from mmdrfuse.pipeline.align import drawn, samples_of_pairs, samples_of_videos

    if are_videos(sources, None):
        if len(sources) != 2 or not all(is_video(Path(source)) for source in sources):
            raise click.UsageError("IR and VIS must be two videos, not one of each")
        return samples_of_videos(Path(sources[0]), Path(sources[1]), chosen.pairs, chosen.seed)
    pairs = pairs_of(sources, report)
    indices = drawn(len(pairs), chosen.pairs, chosen.seed)
    return list(samples_of_pairs([pairs[index] for index in indices], on_failure=report.add))


def _align_set(samples: "list[Sample]", chosen: Options, report: Report, ctx: click.Context) -> None:
    from mmdrfuse.pipeline.align import align as find
    from mmdrfuse.pipeline.align import median_pair
    from mmdrfuse.registration.result import too_many
    from mmdrfuse.registration.rig import Rig, record_of

    found = find(samples, chosen.search())
    names = [sample.name for sample in samples]
    _write_json(document(found, names), chosen)
    if not found.accepted:
        raise refusal(found)
    rig = Rig.of(found)
    record = record_of(found, **provenance(ctx))
    _write(rig, record, samples[median_pair(found.residuals)], chosen)
    if chosen.json_ != "-":
        show("\n".join(lines_of_registration(found)))
    _name_disagreeing(names, found.residuals, found.disagreeing, found.visible[0])
    messages().print(f"wrote {chosen.target} and {chosen.proof_target}")
    if too_many(len(found.disagreeing), len(names)):
        messages().print("more than a fifth of the pairs disagree: the cameras moved, or a zoom changed")
        raise SystemExit(1)
    _finish(report)


def _align_points(samples: "list[Sample]", chosen: Options, ctx: click.Context) -> None:
    from mmdrfuse.pipeline.align import align_points

    assert chosen.points is not None
    if not samples:
        raise SystemExit(1)
    found = align_points(chosen.points, samples[0], None if chosen.model == "auto" else chosen.model)  # type: ignore[arg-type]
    _write(found.rig, {**found.record(), "made": provenance(ctx)}, samples[0], chosen)
    _write_json({"matrix": list(found.rig.matrix), **found.record(), "points": found.distances.tolist()}, chosen)
    if chosen.json_ != "-":
        show("\n".join(lines_of_points(found)))
    messages().print(f"wrote {chosen.target} and {chosen.proof_target}")


def _align_each(pairs: "Sequence[Pair]", chosen: Options, report: Report, ctx: click.Context) -> None:
    """Find a matrix for each pair, into a folder of rigs or a table."""
    from mmdrfuse.pipeline.align import align as find
    from mmdrfuse.pipeline.align import samples_of_pairs
    from mmdrfuse.registration.rig import Rig, record_of, write

    table = chosen.target.suffix.lower() == ".csv"
    targets = {pair.name: chosen.target / f"{pair.name}.yaml" for pair in pairs}
    for target in [chosen.target] if table else targets.values():
        refuse_existing(target, overwrite=chosen.overwrite)
    rows: list[str] = []
    documents: list[dict[str, Any]] = []
    for sample in samples_of_pairs(pairs, on_failure=report.add):
        found = find([sample], chosen.search())
        documents.append({"pair": sample.name, **document(found, [sample.name])})
        if not found.accepted or found.matrix is None:
            report.add(refusal(found).at(sample.name))
            continue
        numbers = ",".join(f"{value:.9g}" for value in found.matrix.ravel())
        rows.append(f"{json.dumps(sample.name, ensure_ascii=False)},{numbers}\n")
        if not table:
            record = record_of(found, **provenance(ctx))
            write(targets[sample.name], Rig.of(found), record, overwrite=chosen.overwrite)
        report.done += 1
    if table and rows:
        with writing(chosen.target, overwrite=chosen.overwrite) as temporary:
            header = ",".join(["pair", *(f"m{row}{column}" for row in "123" for column in "123")])
            temporary.write_text(f"{header}\n{''.join(rows)}", encoding="utf-8", errors="surrogateescape")
    _write_json({"pairs": documents}, chosen)
    report.finish(f"pairs aligned, into {chosen.target}")


def _check(samples: "list[Sample]", chosen: Options, report: Report) -> None:
    from mmdrfuse.pipeline.align import check
    from mmdrfuse.registration.result import too_many
    from mmdrfuse.registration.rig import read

    assert chosen.rig is not None
    found = check(samples, read(chosen.rig))
    names = [sample.name for sample in samples]
    clear = [pixels for pixels in found.residuals if pixels is not None]
    pairs = [{"name": name, "residual": pixels} for name, pixels in zip(names, found.residuals, strict=True)]
    _write_json({"pairs": pairs, "drift": found.drift, "disagree": len(found.disagreeing)}, chosen)
    if chosen.json_ != "-":
        show("\n".join(lines_of_check(names, found)))
    _name_disagreeing(names, found.residuals, found.disagreeing, samples[0].visible.shape[1])
    if not clear:
        raise MMDRFuseError(f"{chosen.rig}: no pair shows whether it fits; give more pairs, or align anew")
    if too_many(len(found.disagreeing), len(names)):
        messages().print("more than a fifth of the pairs disagree with the rig: align anew")
        raise SystemExit(1)
    _finish(report)


def _name_disagreeing(
    names: Sequence[str], residuals: Sequence[float | None], disagreeing: Sequence[int], width: int
) -> None:
    for index in disagreeing:
        pixels = residuals[index] or 0.0
        warn(f"{names[index]}: off the rig by {pixels:.0f} px, {100 * pixels / width:.1f} % of the width")


def _write(rig: "Rig", record: dict[str, Any], sample: "Sample", chosen: Options) -> None:
    """Write the rig and its proof."""
    import numpy as np

    from mmdrfuse import images
    from mmdrfuse.registration.proof import proof
    from mmdrfuse.registration.rig import write

    picture = proof(sample.infrared, sample.visible, np.reshape(rig.matrix, (3, 3)))
    write(chosen.target, rig, record, overwrite=chosen.overwrite)
    images.write(chosen.proof_target, picture)


def _write_json(found: dict[str, Any], chosen: Options) -> None:
    if chosen.json_:
        write_output(chosen.json_, json.dumps(found, indent=1, allow_nan=False) + "\n")


def _finish(report: Report) -> None:
    """Leave with exit code 1 where something could not be read."""
    if report.failures:
        messages().print(f"{len(report.failures)} pairs could not be used")
        raise SystemExit(1)
