"""Refining: move a student's 113 numbers until its scores reach their goals on groups of pictures.

First a descent: stochastic steps along the gradient of what falls short, on a few pictures of every group, find the
kind of student that the goals need. Then rounds: each scores all pictures, takes the derivative of every group's mean
scores to every weight, and lets a linear programme choose the small step that lifts what falls short most; where the
step does not keep its promise, the next one is smaller. So few weights allow it, and the scores, being those of whole
groups, are traded against each other knowingly.

Descent: Kingma, Ba, "Adam", ICLR 2015, https://arxiv.org/abs/1412.6980. Rounds, sequential linear programming with a
trust region: Fletcher, Sainz de la Maza, "Nonlinear programming and nonsmooth optimization by successive linear
programming", Mathematical Programming 1989.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from torch import Tensor, nn

from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.fidelity import GOALS, NAMES, levels, scores, shortfall
from mmdrfuse.system.malloc import keep_freed_memory

RATE, BETAS, LONGEST = 1e-2, (0.9, 0.97), 1.0
"""Of the descent: Adam's rate at its highest, its memory, and the length that a gradient is cut to."""

DRAWN = 3
"""Pictures of each group that a step of the descent looks at."""

MARGIN = 0.01
"""How far beyond its goal a score is to come."""

WORST = 5.0
"""What the largest shortfall counts beside the sum of all."""

FIRST_REACH, LEAST_REACH = 0.02, 5e-4
"""How much a weight may change in the first round, and when the rounds end."""

KEPT, BROKEN = 0.6, 0.2
"""Shares of a promised gain above which a step may be longer, and below which it must be shorter."""

LONGER, SHORTER = 1.5, 0.4


@dataclass(frozen=True)
class Group:
    """Pictures whose mean scores have goals in common.

    Args:
        infrared: (1, 1, H, W) each, in [0, 1], sides of at least 41; sizes may differ.
        visible: The same, of the same sizes.
        goals: By name of the score, what the mean shall reach as a multiple of what ``max(I, V)`` scores; the rest
            keeps to `mmdrfuse.losses.fidelity.GOALS`.
    """

    infrared: Sequence[Tensor]
    visible: Sequence[Tensor]
    goals: Mapping[str, float]


@dataclass(frozen=True)
class Round:
    """Where a student stands.

    Args:
        number: 0 at the start, 1 after the descent, then one more after every round.
        ahead: By group, how far each score is beyond its goal, as a share of it; negative where it falls short.
        shortfall: Sum of what falls short, with the largest counting five times more.
        reach: How much a weight may change in the next round.
    """

    number: int
    ahead: dict[str, dict[str, float]]
    shortfall: float
    reach: float


def refine(
    student: nn.Module, groups: Mapping[str, Group], *, steps: int = 300, rounds: int = 12, seed: int = 0
) -> Iterator[Round]:
    """Refine a student, round by round as the result is walked through.

    Args:
        student: A `mmdrfuse.models.student.Student` on the CPU, in float32; after every round it holds the best weights
            so far.
        groups: By name, what to score.
        steps: Of the descent.
        rounds: How many to do at most; they end earlier when they become tiny.
        seed: Chooses the pictures of the descent's steps.

    Yields:
        Where the student stands: before, after the descent, and after each round.

    Raises:
        SizeError: A picture is too small for VIF.
        TrainingError: There is nothing to refine on, a goal is of no score, or a group's pictures show nothing.
    """
    if not groups or not all(len(group.infrared) for group in groups.values()):
        raise TrainingError("refining needs groups of pictures, and at least one picture in each")
    for name in {name for group in groups.values() for name in group.goals} - set(NAMES):
        raise TrainingError(f"a goal for {name!r}: goals are for {', '.join(NAMES)}")
    keep_freed_memory()
    asked = [_asked(group) for group in groups.values()]
    goals = [each.mean(dim=0) for each in asked]
    _check(groups, goals)
    ahead, slopes = _ahead(student, groups, goals), None
    yield Round(0, _named(groups, ahead), _shortfall(ahead), FIRST_REACH)
    if steps:
        _descend(student, groups, asked, steps=steps, seed=seed)
        ahead = _ahead(student, groups, goals)
    weights = torch.nn.utils.parameters_to_vector(student.parameters()).detach()
    missing, reach = _shortfall(ahead), FIRST_REACH
    yield Round(1, _named(groups, ahead), missing, reach)
    for number in range(2, rounds + 2):
        slopes = _slopes(student, groups, goals) if slopes is None else slopes
        step, promised = _step(ahead, slopes, reach)
        _place(student, weights + step)
        tried = _ahead(student, groups, goals)
        kept = (missing - _shortfall(tried)) / max(missing - promised, 1e-9)
        if kept > 0:
            ahead, slopes, missing, weights = tried, None, _shortfall(tried), weights + step
        _place(student, weights)
        reach *= LONGER if kept > KEPT else SHORTER if kept < BROKEN else 1
        yield Round(number, _named(groups, ahead), missing, reach)
        if reach < LEAST_REACH:
            return


def _check(groups: Mapping[str, Group], goals: Sequence[Tensor]) -> None:
    """Refuse groups on which ``max(I, V)`` scores nothing, such as black pictures: there is nothing to be reached."""
    for name, goal in zip(groups, goals, strict=True):
        nothing = [score for score, value in zip(NAMES, goal.tolist(), strict=True) if not 0 < value < math.inf]
        if nothing:
            raise TrainingError(
                f"group {name!r}: the brighter of both sources scores nothing in {', '.join(nothing)}, as black or "
                "constant pictures do; refine on pictures that show something"
            )


def _descend(
    student: nn.Module, groups: Mapping[str, Group], asked: Sequence[Tensor], *, steps: int, seed: int
) -> None:
    """Follow the gradient of what some pictures of each group fall short of together."""
    generator = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(student.parameters(), lr=RATE, betas=BETAS)
    for step in range(steps):
        for settings in optimiser.param_groups:
            settings["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad(set_to_none=True)
        for group, goals in zip(groups.values(), asked, strict=True):
            drawn = generator.choice(len(goals), min(DRAWN, len(goals)), replace=False)
            reached = [_scored(student, group.infrared[nth], group.visible[nth]) for nth in drawn]
            ahead = torch.stack(reached).mean(dim=0) / goals[drawn].mean(dim=0) - 1
            torch.autograd.backward(shortfall(ahead).sum())
        torch.nn.utils.clip_grad_norm_(student.parameters(), LONGEST)
        optimiser.step()


def _scored(student: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """Score the student's picture of a pair, (6,)."""
    return scores(levels(student(a, b).fused), a * 255, b * 255)[0]


@torch.no_grad()
def _asked(group: Group) -> Tensor:
    """Give the goals of each picture of a group, (P, 6)."""
    multiples = [group.goals.get(name, goal) for name, goal in zip(NAMES, GOALS, strict=True)]
    reached = [
        scores(levels(torch.maximum(a, b)), a * 255, b * 255)[0]
        for a, b in zip(group.infrared, group.visible, strict=True)
    ]
    return torch.stack(reached) * torch.tensor(multiples)


@torch.no_grad()
def _ahead(student: nn.Module, groups: Mapping[str, Group], goals: Sequence[Tensor]) -> NDArray[np.float64]:
    """Say how far all scores are ahead of their goals, (G, 6)."""
    ahead = []
    for group, goal in zip(groups.values(), goals, strict=True):
        reached = torch.zeros(len(NAMES))
        for a, b in zip(group.infrared, group.visible, strict=True):
            reached += _scored(student, a, b)
        ahead.append((reached / len(group.infrared) / goal - 1).double().numpy())
    return np.stack(ahead)


def _slopes(student: nn.Module, groups: Mapping[str, Group], goals: Sequence[Tensor]) -> NDArray[np.float64]:
    """Give the derivatives of what `_ahead` says to the weights, (6·G, 113): several times its work."""
    weights = list(student.parameters())
    slopes = []
    for group, goal in zip(groups.values(), goals, strict=True):
        slope = torch.zeros(len(NAMES), sum(weight.numel() for weight in weights))
        for a, b in zip(group.infrared, group.visible, strict=True):
            rows = [torch.autograd.grad(score, weights, retain_graph=True) for score in _scored(student, a, b)]
            slope += torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
        slopes.append((slope / len(group.infrared) / goal[:, None]).double().numpy())
    return np.concatenate(slopes)


def _shortfall(ahead: NDArray[np.float64]) -> float:
    short = np.clip(MARGIN - ahead, 0, None)
    return float(short.sum() + WORST * short.max())


def _step(ahead: NDArray[np.float64], slopes: NDArray[np.float64], reach: float) -> tuple[Tensor, float]:
    """Choose the step within reach that promises the smallest shortfall, and say what it promises.

    The unknowns are the step, the shortfall of each score, and the largest of these.
    """
    count, weights = slopes.shape
    each, none = np.eye(count), np.zeros((count, weights))
    falls_short = np.hstack([-slopes, -each, np.zeros((count, 1))])  # s >= margin - (ahead + slopes·step)
    below_worst = np.hstack([none, each, -np.ones((count, 1))])
    found = linprog(
        np.concatenate([np.zeros(weights), np.ones(count), [WORST]]),
        A_ub=np.vstack([falls_short, below_worst]),
        b_ub=np.concatenate([ahead.ravel() - MARGIN, np.zeros(count)]),
        bounds=[(-reach, reach)] * weights + [(0, None)] * (count + 1),
    )
    if found.x is None or found.fun is None:  # a bounded programme with a feasible point, no step at all, is solved
        raise TrainingError(f"no step could be chosen ({found.message}); refine on other pictures, or fewer rounds")
    return torch.from_numpy(found.x[:weights]).float(), float(found.fun)


@torch.no_grad()
def _place(student: nn.Module, weights: Tensor) -> None:
    torch.nn.utils.vector_to_parameters(weights, student.parameters())


def _named(groups: Mapping[str, Group], ahead: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    return {name: dict(zip(NAMES, map(float, row), strict=True)) for name, row in zip(groups, ahead, strict=True)}
