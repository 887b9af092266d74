"""Refining a student as a whole: from weights and pairs of pictures to better weights with their card."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmdrfuse import images, models
from mmdrfuse.errors import InputError, SizeError, TrainingError, WeightsError
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.models.student import Student
from mmdrfuse.pair import Pair
from mmdrfuse.recipes import DEFAULT, Goals, RefineRecipe, refine_recipe
from mmdrfuse.recipes import recipe as training_recipe
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable
from mmdrfuse.training.goals import goals_of
from mmdrfuse.training.initial import initial_network
from mmdrfuse.training.refining import DRAWN, Descent, Group, Round, refine
from mmdrfuse.training.run import torch_device

OUTDATED = frozenset({"title", "light", "made_by", "seeds", "scores"})
"""Entries of a card that are not true any more of refined weights."""

Sides = tuple[NDArray[Any], NDArray[Any]]
"""Infrared and visible, H×W or H×W×3, uint8, uint16 or float in [0, 1]."""


def _nobody(_: Round) -> None:
    """Watch and do nothing."""


def refine_student(
    student: str | Path | Checkpoint, groups: Mapping[str, Sequence[Pair | Sides]], goals: Goals | None = None,
    *, recipe: RefineRecipe | str | Path = "default", steps: int | None = None, rounds: int | None = None,
    seed: int | None = None, device: str = "cpu", out: Path | None = None, overwrite: bool = False,
    progress: Callable[[Round], None] = _nobody,
) -> Checkpoint:  # fmt: skip
    """Move a student's weights until the mean scores of groups of pictures reach their goals.

    Every picture counts whole, and is kept in memory: cut large ones first, as `mmdrfuse.datasets.sample_groups` does.

    Args:
        student: A shipped name, a file, weights that were read, or ``"max"`` for the student that is max(I, V).
        groups: By name, registered pairs: of arrays, or of files (`mmdrfuse.datasets.find_pairs`). Sides of at least
            41 pixels.
        goals: Group → score → what its mean shall reach, as a multiple of what ``max(I, V)`` scores on the same
            pictures; what is not named has the usual goal. Or references, whose scores on the same pictures are to be
            reached, the larger of several: ``("student.model:minmax", "affine")``. None for those of the recipe.
        recipe: A recipe, or its name or file. Of its fields, those that choose pictures (``lights``, ``pictures``,
            ``size`` and so on) are for the card alone: here the pictures are given.
        steps: Of the descent; None for the recipe's.
        rounds: That follow, at most; None for the recipe's.
        seed: Of the pictures that the descent looks at; None for the recipe's.
        device: Where to compute, such as ``cuda``, or ``auto``. Sums have another order on each device.
        out: The file of the refined weights, safetensors; None writes none.
        overwrite: Whether ``out`` may be replaced.
        progress: Called with where the student stands: at the start, after the descent, and after each round.

    Returns:
        The refined weights; their card's ``refined`` says what was done, and where each score stands (``ahead``: its
        distance beyond its goal, as a share of the goal).

    Raises:
        OutputError: ``out`` exists and may not be replaced, or cannot be written.
        WeightsError: The weights are no student's, or a reference is no checkpoint.
        UnknownNameError: There is no such recipe, or no such weights, reference or score.
        TrainingError: There is nothing to refine on, a goal is for a group that is not there, a group shows nothing, or
            there is no such device.
        SizeError: The sides of a pair differ in size, or are too small.
        InputError: A picture cannot be read, or is of another type.

    Example:
        >>> from mmdrfuse.datasets import scene
        >>> night = scene(0, height=64, width=64)
        >>> pairs = [(night.infrared, night.visible)]
        >>> refined = refine_student("ivif", {"night": pairs}, {"night": {"SD": 1.2}}, steps=1, rounds=1)
        >>> sorted(refined.card["refined"]["ahead"]["night"])
        ['CC', 'Qabf', 'SCD', 'SD', 'SSIM', 'VIF']
    """
    if out is not None:
        refuse_existing(out, overwrite=overwrite)
        refuse_unwritable(out)
    changes = {"steps": steps, "rounds": rounds, "seed": seed, "goals": goals}
    chosen = _changed(recipe, {name: value for name, value in changes.items() if value is not None})
    base = student if isinstance(student, Checkpoint) else start(student)
    check_student(base)
    check_goals(chosen.goals, groups)

    place = torch_device(device)
    network = models.build(base).train().to(place)
    assert isinstance(network, Student)
    network.requires_grad_(True)
    tensors = {name: _group(name, pairs, chosen, place) for name, pairs in groups.items()}
    descent = Descent(chosen.steps, chosen.descent_rate, chosen.margin, chosen.steep)
    state = None
    for state in refine(network, tensors, steps=descent, rounds=chosen.rounds, seed=chosen.seed, policy=chosen.range):
        progress(state)
    assert state is not None  # `refine` yields where it starts from

    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    known = {name: entry for name, entry in base.card.items() if name not in OUTDATED}
    card = {**known, "range": chosen.range, "refined": _told(base, chosen, tensors, state)}
    if out is None:
        return Checkpoint("refined", "student", arrays, card, "")
    models.write(out, arrays, card)
    return models.read(out)


def start(student: str | Path) -> Checkpoint:
    """Read the weights that refining starts from.

    Args:
        student: A shipped name, a file, or ``"max"`` for the student that is max(I, V).

    Raises:
        UnknownNameError: There are no such weights.
        WeightsError: A file that holds no checkpoint.
    """
    if student != "max" or Path(student).is_file():
        return models.read(student)
    network = initial_network(training_recipe(DEFAULT, "student", start="max"), None)
    return Checkpoint("max", "student", {name: value.numpy() for name, value in network.state_dict().items()}, {}, "")


def check_student(weights: Checkpoint) -> None:
    """Refuse weights that are no student's.

    Raises:
        WeightsError: They are not.
    """
    if weights.network != "student":
        raise WeightsError(f"{weights.name}: is a teacher; only students are refined")


def check_goals(goals: Goals, groups: Collection[str]) -> None:
    """Refuse goals for groups that are not there.

    Raises:
        TrainingError: There are some.
    """
    unknown = [name for name in goals if name not in groups] if isinstance(goals, Mapping) else []
    if unknown:
        raise TrainingError(
            f"goals for {', '.join(map(repr, unknown))}, but the groups are {', '.join(groups)}", cure="goals"
        )


def _changed(recipe: RefineRecipe | str | Path, changes: Mapping[str, Any]) -> RefineRecipe:
    return replace(recipe, **changes) if isinstance(recipe, RefineRecipe) else refine_recipe(recipe, **changes)


def _told(base: Checkpoint, recipe: RefineRecipe, groups: Mapping[str, Group], state: Round) -> dict[str, Any]:
    """Return, for the model card, what was done and where the student stands."""
    return {
        "from": {"name": base.name, "sha256": base.sha256},
        **asdict(recipe),
        "groups": {name: len(group.infrared) for name, group in groups.items()},
        "drawn": dict(recipe.groups),
        "ahead": state.ahead,
    }


def _group(name: str, pairs: Sequence[Pair | Sides], recipe: RefineRecipe, device: torch.device) -> Group:
    goals = goals_of(name, recipe.goals, recipe.shares, recipe.range)
    infrared, visible = [], []
    for number, pair in enumerate(pairs, start=1):
        where = str(pair.infrared) if isinstance(pair, Pair) else f"pair {number} of group {name}"
        sides = pair.sources() if isinstance(pair, Pair) else pair
        try:
            a, b = (_unit(side) for side in sides)
        except InputError as error:
            raise error.at(where) from error
        if a.shape != b.shape:
            sizes = " and ".join(f"{side.shape[-1]}x{side.shape[-2]}" for side in (a, b))
            raise SizeError(f"{where}: its sides have {sizes} pixels; a pair must be registered", cure="size_policy")
        infrared.append(a.to(device))
        visible.append(b.to(device))
    return Group(infrared, visible, goals, recipe.groups.get(name, {}).get("draw", DRAWN))


def _unit(image: NDArray[Any]) -> Tensor:
    """Return the luminance in [0, 1] as (1, 1, H, W)."""
    plane = images.luminance(image)
    if plane.dtype in (np.uint8, np.uint16):  # divided, not multiplied by the inverse, which rounds differently
        unit = np.divide(plane, np.float32(np.iinfo(plane.dtype).max), dtype=np.float32)
    else:
        unit = images.to_unit(plane)
    return torch.from_numpy(np.ascontiguousarray(unit))[None, None]
