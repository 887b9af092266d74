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
from torch import Tensor

from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.fidelity import NAMES, Policy, shortfall
from mmdrfuse.models.student import Student
from mmdrfuse.system.malloc import keep_freed_memory
from mmdrfuse.training.goals import Multiples, OfReferences
from mmdrfuse.training.scored import BYTES, ScoredPair

BETAS, LONGEST = (0.9, 0.97), 1.0
"""Of the descent: Adam's memory, and the length that a gradient is cut to."""

DRAWN = 3
"""Pictures of each group that a step of the descent looks at, unless the group says how many."""

SOFT = 0.02
"""Width around a goal over which a shortfall bends in the descent."""

KEPT_BYTES = 2e9
"""Of what is computed of the sources beforehand; where it would be more, it is computed when it is needed."""

MARGIN = 0.01
"""How far beyond its goal a score is to come in the rounds."""

WORST = 5.0
"""What the largest shortfall counts beside the sum of all."""

FIRST_REACH, LEAST_REACH = 0.02, 5e-4
"""How much a weight may change in the first round, and when the rounds end."""

RELIABLE, UNRELIABLE = 0.6, 0.2
"""Shares of a promised gain above which a step may be longer, and below which it must be shorter."""

LONGER, SHORTER = 1.5, 0.4


@dataclass(frozen=True)
class Group:
    """Pictures whose mean scores have goals in common.

    Args:
        infrared: (1, 1, H, W) each, in [0, 1], sides of at least 41; sizes may differ.
        visible: The same, of the same sizes.
        goals: What is asked of each picture; the group's mean shall reach the mean of it. By name of the score, as a
            multiple of what ``max(I, V)`` scores, or `mmdrfuse.training.goals`.
        draw: How many of them a step of the descent looks at.
    """

    infrared: Sequence[Tensor]
    visible: Sequence[Tensor]
    goals: Mapping[str, float] | Multiples | OfReferences
    draw: int = DRAWN


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


@dataclass(frozen=True)
class Descent:
    """How the first part goes.

    Args:
        steps: How many.
        rate: Adam's, at its highest.
        margin: How far beyond its goal a score is to come: a few pictures scatter.
        steep: Weight of the square of a shortfall.
    """

    steps: int = 300
    rate: float = 5e-3
    margin: float = 0.05
    steep: float = 30.0


@dataclass(frozen=True)
class _Prepared:
    """A group, ready to be scored."""

    pairs: list[ScoredPair]
    asked: Tensor
    """(P, 6): the goals of each pair."""
    draw: int

    @property
    def goals(self) -> Tensor:
        return self.asked.mean(dim=0)


def refine(
    student: Student, groups: Mapping[str, Group], *, steps: int | Descent = 300, rounds: int = 12, seed: int = 0,
    policy: Policy = "clip",
) -> Iterator[Round]:  # fmt: skip
    """Refine a student, round by round as the result is walked through.

    Args:
        student: In float32, on the device of the groups; after every round it holds the best weights so far.
        groups: By name, what to score.
        steps: The descent, or its number of steps.
        rounds: How many to do at most; they end earlier when they become tiny.
        seed: Chooses the pictures of the descent's steps.
        policy: What becomes black and white of the pictures that are scored.

    Yields:
        Where the student stands: before, after the descent, and after each round.

    Raises:
        SizeError: A picture is too small for VIF.
        TrainingError: There is nothing to refine on, a goal is of no score, or a group's pictures show nothing.
    """
    if not groups or not all(len(group.infrared) for group in groups.values()):
        raise TrainingError("refining needs groups of pictures, and at least one picture in each")
    keep_freed_memory()
    descent = steps if isinstance(steps, Descent) else Descent(steps)
    ready = _prepared(groups)
    ahead, slopes = _ahead(student, ready, policy), None
    yield Round(0, _named(groups, ahead), _shortfall(ahead), FIRST_REACH)
    if descent.steps:
        _descend(student, ready, descent, seed, policy)
        ahead = _ahead(student, ready, policy)
    weights = torch.nn.utils.parameters_to_vector(student.parameters()).detach()
    missing, reach = _shortfall(ahead), FIRST_REACH
    yield Round(1, _named(groups, ahead), missing, reach)
    for number in range(2, rounds + 2):
        slopes = _slopes(student, ready, policy) if slopes is None else slopes
        step, promised = _step(ahead, slopes, reach)
        _place(student, weights + step.to(weights.device))
        tried = _ahead(student, ready, policy)
        reached_share = (missing - _shortfall(tried)) / max(missing - promised, 1e-9)
        if reached_share > 0:
            ahead, slopes, missing, weights = tried, None, _shortfall(tried), weights + step.to(weights.device)
        _place(student, weights)
        reach *= LONGER if reached_share > RELIABLE else SHORTER if reached_share < UNRELIABLE else 1
        yield Round(number, _named(groups, ahead), missing, reach)
        if reach < LEAST_REACH:
            return


def _prepared(groups: Mapping[str, Group]) -> list[_Prepared]:
    """Compute the goals of every picture, and what scoring needs to know of it."""
    pixels = sum(side.numel() for group in groups.values() for side in group.infrared)
    keep, ready = pixels * BYTES <= KEPT_BYTES, []
    for name, group in groups.items():
        goals = Multiples(group.goals) if isinstance(group.goals, Mapping) else group.goals
        pairs = [ScoredPair(*sides, keep=keep) for sides in zip(group.infrared, group.visible, strict=True)]
        ready.append(_Prepared(pairs, torch.stack([goals.of(pair) for pair in pairs]), group.draw))
        _check(name, ready[-1].goals)
    return ready


def _check(name: str, goals: Tensor) -> None:
    """Refuse groups on which there is nothing to be reached, such as black pictures."""
    nothing = [score for score, value in zip(NAMES, goals.tolist(), strict=True) if not 0 < value < math.inf]
    if nothing:
        raise TrainingError(
            f"group {name!r}: what its goals are made from scores nothing in {', '.join(nothing)}, as black or "
            "constant pictures do; refine on pictures that show something"
        )


def _descend(student: Student, groups: Sequence[_Prepared], descent: Descent, seed: int, policy: Policy) -> None:
    """Follow the gradient of what some pictures of each group fall short of together."""
    generator = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(student.parameters(), lr=descent.rate, betas=BETAS)
    for step in range(descent.steps):
        for settings in optimiser.param_groups:
            settings["lr"] = descent.rate * 0.5 * (1 + math.cos(math.pi * step / descent.steps))
        optimiser.zero_grad(set_to_none=True)
        for group in groups:
            drawn = generator.choice(len(group.pairs), min(group.draw, len(group.pairs)), replace=False)
            reached = torch.stack([_scored(student, group.pairs[nth], policy) for nth in drawn])
            ahead = reached.mean(dim=0) / group.asked[drawn].mean(dim=0) - 1
            torch.autograd.backward(shortfall(ahead - descent.margin, soft=SOFT, steep=descent.steep).sum())
        torch.nn.utils.clip_grad_norm_(student.parameters(), LONGEST)
        optimiser.step()


def _scored(student: Student, pair: ScoredPair, policy: Policy) -> Tensor:
    """Score the student's picture of a pair, (6,)."""
    return pair.scores(student(pair.infrared, pair.visible).fused, policy)


@torch.no_grad()
def _ahead(student: Student, groups: Sequence[_Prepared], policy: Policy) -> NDArray[np.float64]:
    """Compute how far all scores are ahead of their goals, (G, 6)."""
    ahead = []
    for group in groups:
        reached = torch.stack([_scored(student, pair, policy) for pair in group.pairs]).mean(dim=0)
        ahead.append((reached / group.goals - 1).double().cpu().numpy())
    return np.stack(ahead)


def _slopes(student: Student, groups: Sequence[_Prepared], policy: Policy) -> NDArray[np.float64]:
    """Give the derivatives of what `_ahead` says to the weights, (6·G, 113)."""
    slopes = []
    for group in groups:
        slope = torch.stack([pair.slopes(student, policy)[1] for pair in group.pairs]).mean(dim=0)
        slopes.append((slope / group.goals[:, None]).double().cpu().numpy())
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
def _place(student: Student, weights: Tensor) -> None:
    torch.nn.utils.vector_to_parameters(weights, student.parameters())


def _named(groups: Mapping[str, Group], ahead: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    return {name: dict(zip(NAMES, map(float, row), strict=True)) for name, row in zip(groups, ahead, strict=True)}
