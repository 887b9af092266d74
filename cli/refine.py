"""``mmdrfuse refine``: move a student's weights until its scores reach your goals."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse import recipes
from mmdrfuse.cli.shared.console import Report, messages
from mmdrfuse.cli.shared.options import ANY_PATH, EXISTING_FOLDER, Command, overwrite_option, rig_option
from mmdrfuse.cli.shared.recipes import ORIGIN, pop_fields, recipe_options, require_argument
from mmdrfuse.recipes import RefineRecipe
from mmdrfuse.system.atomic import refuse_existing

if TYPE_CHECKING:
    from mmdrfuse.training import Round


@click.command(cls=Command, short_help="Move a student's weights until its scores reach your goals.")
@click.argument("student", metavar="STUDENT", type=str, required=False)
@click.argument("sources", metavar="SRC...", type=EXISTING_FOLDER, nargs=-1)
@click.option("-o", "--out", metavar="FILE", type=ANY_PATH, help="File to write the refined weights to (.safetensors).")
@recipe_options(RefineRecipe)
@click.option("--device", default="cpu", metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--threads", type=click.IntRange(1), metavar="N", show_default="all cores", help="Threads of torch.")
@rig_option
@overwrite_option
def refine(
    student: str | None, sources: tuple[Path, ...], out: Path | None, recipe: str | None, print_recipe: bool,
    device: str, threads: int | None, rig: Path | None, overwrite: bool, **options: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """Move the weights of STUDENT until its scores on the pairs at SRC reach your goals.

    STUDENT is a shipped name, a file, or max, the student that gives max(I, V). There are goals for SD, SCD, VIF, Qabf,
    SSIM and CC (protocol cddfuse) in each group of pictures. Each SRC is a group, named after its folder; so is each of
    --lights. A score beyond its goal counts for nothing, so the goals decide which scores the student trades for which.

    --goals takes multiples of what max(I, V), the brighter of the two pixels, scores on the same pictures: a file, YAML
    or JSON, such as {"LLVIP": {"SD": 1.06}, "night": {"VIF": 0.9}}. Or it takes references, such as
    student.model:minmax,affine: their scores on the same pictures are the goals, and the higher one counts.

    A gradient descent on a few pictures at a time comes first, then rounds that each try one step on all pictures. It
    takes minutes.
    """
    resolved = recipes.resolve_refining(recipe or recipes.DEFAULT, pop_fields(options, RefineRecipe), by=ORIGIN)
    if print_recipe:
        click.echo(recipes.dump(resolved.recipe, resolved.origins), nl=False)
        return
    student, sources = require_argument("argument 'STUDENT'", student), require_argument("argument 'SRC...'", sources)
    out = require_argument("option '-o' / '--out'", out)
    refuse_existing(out, overwrite=overwrite)
    if threads:
        import torch

        torch.set_num_threads(threads)
    report = Report()
    margins = _refine(student, sources, out, resolved.recipe, report, device=device, rig=rig, overwrite=overwrite)
    worst = min((margin, group, name) for group, row in margins.items() for name, margin in row.items())
    messages().print(f"wrote {out}; furthest from its goal: {worst[2]} on {worst[1]}, {worst[0]:+.1%}")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {out}")
    if report.failures:
        report.finish("pictures used")


def _refine(
    student: str,
    sources: tuple[Path, ...],
    out: Path,
    recipe: RefineRecipe,
    report: Report,
    *,
    device: str,
    rig: Path | None,
    overwrite: bool,
) -> dict[str, dict[str, float]]:
    """Check all arguments, read the pictures, and refine.

    Returns:
        Group → metric → the score's distance from its goal, as a share of the goal; negative below the goal.
    """
    from mmdrfuse import datasets, training
    from mmdrfuse.training.goals import reference
    from mmdrfuse.training.refinement import check_goals, check_student, start

    check_goals(recipe.goals, datasets.group_names(sources, lights=recipe.lights, groups=recipe.groups))
    for name in () if isinstance(recipe.goals, Mapping) else recipe.goals:
        reference(name, recipe.range)
    base = start(student)
    check_student(base)
    groups = datasets.sample_groups(
        sources, pictures=recipe.pictures, size=recipe.size, uncut=recipe.wholes, mirror=recipe.mirror,
        lights=recipe.lights, groups=recipe.groups, hold_out=recipe.hold_out, quarter=recipe.quarter, rig=rig,
        seed=recipe.seed, failed=report.add,
    )  # fmt: skip
    report.done = sum(map(len, groups.values()))
    refined = training.refine_student(
        base, groups, recipe=recipe, device=device, out=out, overwrite=overwrite, progress=_show
    )
    margins: dict[str, dict[str, float]] = refined.card["refined"]["ahead"]
    return margins


def _show(state: "Round") -> None:
    """Print how far the worst score of each group is from its goal."""
    worst = {group: min(row.items(), key=lambda item: item[1]) for group, row in state.ahead.items()}
    margins = "  ".join(f"{group}: {name} {value:+.1%}" for group, (name, value) in worst.items())
    messages().print(f"round {state.number}: shortfall {state.shortfall:.3f}  {margins}")
