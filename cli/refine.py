"""``mmdrfuse refine``: a student's weights, moved until its scores reach their goals."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import ANY_PATH, EXISTING, EXISTING_FOLDER, Command, messages, overwrite_option
from mmdrfuse.errors import InputError, OutputError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

    from mmdrfuse.datasets import Piece
    from mmdrfuse.datasets.exposures import Image
    from mmdrfuse.models.checkpoints import Checkpoint
    from mmdrfuse.training.refining import Round

Goals = dict[str, dict[str, float]]


@click.command(cls=Command, short_help="Move a student's weights until its scores reach their goals.")
@click.argument("student", metavar="STUDENT", type=str)
@click.argument("sources", metavar="SRC...", type=EXISTING_FOLDER, nargs=-1, required=True)
@click.option("-o", "--out", metavar="FILE", type=ANY_PATH, required=True, help="The refined weights, safetensors.")
@click.option("--goals", metavar="FILE", type=EXISTING, help='JSON, such as {"LLVIP": {"SD": 1.06}, "night": {…}}.')
@click.option("--lights", metavar="A,B", default="", help="Groups in other light: haze, night, day.")
@click.option("--pictures", metavar="N", type=click.IntRange(1), default=24, help="In each group.")
@click.option("--size", type=click.IntRange(41), default=320, help="Rows and columns of a picture's piece, at most.")
@click.option("--hold-out", metavar="N", type=click.IntRange(2), help="Leave every Nth pair of a set untouched.")
@click.option("--steps", type=click.IntRange(0), default=300, help="Of the descent that comes first.")
@click.option("--rounds", type=click.IntRange(0), default=12, help="That follow, at most.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of pairs, places, exposures and steps.")
@click.option("--threads", type=click.IntRange(1), show_default="all cores", help="Threads of torch.")
@overwrite_option
def refine(student: str, sources: tuple[Path, ...], out: Path, goals: Path | None, **options: Any) -> None:  # noqa: ANN401
    """Move the weights of STUDENT (a shipped name or a file) so that it scores better on the pairs at SRC.

    SD, SCD, VIF, Qabf, SSIM and CC (protocol cddfuse) shall reach their goals, which are multiples of what max(I, V)
    scores on the same pictures, on every group: each SRC, by the name of its folder, and each of --lights. A descent by
    a few pictures at a time comes first, then rounds that each try one step on all; minutes are enough. What is beyond
    its goal counts no more, so --goals decides where on the front between the scores the student shall stand.
    """
    from mmdrfuse import datasets, models

    if out.exists() and not options["overwrite"]:
        raise OutputError(f"{out}: exists; choose another name or replace it with --overwrite")
    base = models.read(student)
    if base.network != "student":
        raise WeightsError(f"{base.name}: is a teacher; only students are refined")
    lights = tuple(filter(None, options["lights"].split(",")))
    drawing = {name: options[name] for name in ("pictures", "size", "hold_out", "seed")}
    pieces = datasets.gather(sources, lights=lights, **drawing)
    asked = _goals(goals, tuple(pieces))
    walking = {name: options[name] for name in ("steps", "rounds", "seed")}
    ahead = _refined(base, pieces, asked, out, threads=options["threads"], drawing=drawing, walking=walking)
    worst = min((value, group, name) for group, row in ahead.items() for name, value in row.items())
    messages().print(f"wrote {out}; furthest from its goal: {worst[2]} on {worst[1]}, {worst[0]:+.1%}")
    messages().print(f"  mmdrfuse fuse IR VIS OUT --weights {out}")


def _refined(
    base: "Checkpoint", pieces: "Mapping[str, Sequence[Piece]]", goals: Goals, out: Path,
    *, threads: int | None, drawing: dict[str, Any], walking: dict[str, int],
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Refine, show every round, write the weights; give where they stand."""
    import torch

    from mmdrfuse import models
    from mmdrfuse.training.refining import Group
    from mmdrfuse.training.refining import refine as walk

    if threads:
        torch.set_num_threads(threads)
    network = models.build(base).train()
    network.requires_grad_(True)

    def tensors(side: "Iterable[Image]") -> "list[Tensor]":
        return [torch.from_numpy(image.copy())[None, None] / 255 for image in side]

    groups = {
        name: Group(
            tensors(piece.infrared for piece in pairs), tensors(piece.visible for piece in pairs), goals.get(name, {})
        )
        for name, pairs in pieces.items()
    }
    for state in walk(network, groups, **walking):
        messages().print(_line(state))
    card = {
        **base.card,
        "refined": {
            "from": {"name": base.name, "sha256": base.sha256},
            "groups": {name: len(pairs) for name, pairs in pieces.items()},
            "goals": goals,
            **drawing,
            **walking,
            "ahead": state.ahead,
        },
    }
    models.write(out, {name: tensor.numpy() for name, tensor in network.state_dict().items()}, card)
    return state.ahead


def _goals(file: Path | None, groups: tuple[str, ...]) -> Goals:
    """Read the goals of each group."""
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text())
        goals = {group: {name: float(value) for name, value in row.items()} for group, row in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f'{file}: no goals ({error}); write JSON such as {{"LLVIP": {{"SD": 1.06}}}}') from error
    for unknown in goals.keys() - set(groups):
        raise InputError(f"{file}: goals for {unknown!r}, but the groups are {', '.join(groups)}")
    return goals


def _line(state: "Round") -> str:
    """Show where the worst score of each group stands."""
    worst = {group: min(row.items(), key=lambda item: item[1]) for group, row in state.ahead.items()}
    stands = "  ".join(f"{group}: {name} {value:+.1%}" for group, (name, value) in worst.items())
    return f"round {state.number}: shortfall {state.shortfall:.3f}  {stands}"
