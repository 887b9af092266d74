"""``mmdrfuse refine``: a student's weights, moved until its scores reach their goals."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse import recipes
from mmdrfuse.cli.shared.console import messages
from mmdrfuse.cli.shared.options import ANY_PATH, EXISTING_FOLDER, Command, overwrite_option
from mmdrfuse.cli.shared.recipes import ORIGIN, needed, recipe_options, taken
from mmdrfuse.recipes import RefineRecipe
from mmdrfuse.system.atomic import refuse_existing

if TYPE_CHECKING:
    from mmdrfuse.training import Round


@click.command(cls=Command, short_help="Move a student's weights until its scores reach their goals.")
@click.argument("student", metavar="STUDENT", type=str, required=False)
@click.argument("sources", metavar="SRC...", type=EXISTING_FOLDER, nargs=-1)
@click.option("-o", "--out", metavar="FILE", type=ANY_PATH, help="The refined weights, safetensors.")
@recipe_options(RefineRecipe)
@click.option("--threads", type=click.IntRange(1), show_default="all cores", help="Threads of torch.")
@overwrite_option
def refine(
    student: str | None, sources: tuple[Path, ...], out: Path | None, recipe: str | None, print_recipe: bool,
    threads: int | None, overwrite: bool, **options: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """Move the weights of STUDENT (a shipped name or a file) so that it scores better on the pairs at SRC.

    SD, SCD, VIF, Qabf, SSIM and CC (protocol cddfuse) shall reach their goals, which are multiples of what max(I, V)
    scores on the same pictures, on every group: each SRC, by the name of its folder, and each of --lights. A descent by
    a few pictures at a time comes first, then rounds that each try one step on all; minutes are enough. What is beyond
    its goal counts no more, so the goals decide where on the front between the scores the student shall stand: --goals
    takes YAML or JSON, such as {"LLVIP": {"SD": 1.06}, "night": {"VIF": 0.9}}.
    """
    found = recipes.resolve_refining(recipe or recipes.DEFAULT, taken(options, RefineRecipe), by=ORIGIN)
    if print_recipe:
        click.echo(recipes.dump(found.recipe, found.origins), nl=False)
        return
    student, sources = needed("argument 'STUDENT'", student), needed("argument 'SRC...'", sources)
    out = needed("option '-o' / '--out'", out)
    refuse_existing(out, overwrite=overwrite)
    if threads:
        import torch

        torch.set_num_threads(threads)
    ahead = _refined(student, sources, out, found.recipe, overwrite=overwrite)
    worst = min((value, group, name) for group, row in ahead.items() for name, value in row.items())
    messages().print(f"wrote {out}; furthest from its goal: {worst[2]} on {worst[1]}, {worst[0]:+.1%}")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {out}")


def _refined(
    student: str, sources: tuple[Path, ...], out: Path, recipe: RefineRecipe, *, overwrite: bool
) -> dict[str, dict[str, float]]:
    """Check everything, read the pictures, refine; give where the scores stand."""
    from mmdrfuse import datasets, models, training
    from mmdrfuse.training.refinement import check_goals, check_student

    check_goals(recipe.goals, datasets.group_names(sources, lights=recipe.lights))
    base = models.read(student)
    check_student(base)
    groups = datasets.gather(
        sources, pictures=recipe.pictures, size=recipe.size, lights=recipe.lights, hold_out=recipe.hold_out,
        seed=recipe.seed,
    )  # fmt: skip
    refined = training.refine_student(base, groups, recipe=recipe, out=out, overwrite=overwrite, progress=_show)
    ahead: dict[str, dict[str, float]] = refined.card["refined"]["ahead"]
    return ahead


def _show(state: "Round") -> None:
    """Show where the worst score of each group stands."""
    worst = {group: min(row.items(), key=lambda item: item[1]) for group, row in state.ahead.items()}
    stands = "  ".join(f"{group}: {name} {value:+.1%}" for group, (name, value) in worst.items())
    messages().print(f"round {state.number}: shortfall {state.shortfall:.3f}  {stands}")
