"""What refining asks of a picture: multiples of what ``max(I, V)`` scores on it, or the scores of references."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmdrfuse import models
from mmdrfuse.engine import Engine, make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import TrainingError, UnknownNameError
from mmdrfuse.losses.fidelity import GOALS, NAMES, Policy
from mmdrfuse.recipes.recipe import Goals
from mmdrfuse.training.scored import ScoredPair

POLICIES: tuple[Policy, ...] = ("clip", "minmax")


@dataclass(frozen=True)
class Reference:
    """A fusion whose scores are a goal."""

    name: str
    engine: Engine
    policy: Policy
    """Under which its pictures are scored."""

    @torch.no_grad()
    def scores(self, pair: ScoredPair) -> Tensor:
        """Score what it makes of a pair, (6,)."""
        picture = self.engine(pair.infrared[0, 0].cpu().numpy(), pair.visible[0, 0].cpu().numpy())
        return pair.scores(torch.from_numpy(picture)[None, None].to(pair.infrared.device), self.policy)


@dataclass(frozen=True)
class Multiples:
    """Goals as multiples of what ``max(I, V)`` scores on the same picture."""

    of_maximum: Mapping[str, float] = field(default_factory=dict)
    """By name of the score; the rest keeps to `mmdrfuse.losses.fidelity.GOALS`."""

    def of(self, pair: ScoredPair) -> Tensor:
        """Return the goals of a pair, (6,).

        Raises:
            TrainingError: A goal is of no score.
        """
        for name in self.of_maximum.keys() - set(NAMES):
            raise TrainingError(f"a goal for {name!r}: goals are for {', '.join(NAMES)}")
        multiples = [self.of_maximum.get(name, goal) for name, goal in zip(NAMES, GOALS, strict=True)]
        best = Reference("max", BASELINES["max"], "clip")
        reached = best.scores(pair)
        return reached * reached.new_tensor(multiples)


@dataclass(frozen=True)
class OfReferences:
    """Goals that are the scores of references on the same picture, the largest of each."""

    references: Sequence[Reference]
    shares: Mapping[str, float] = field(default_factory=dict)
    """By name of the score, what is asked of it; the rest is asked in full."""

    def of(self, pair: ScoredPair) -> Tensor:
        """Return the goals of a pair, (6,)."""
        best = torch.stack([reference.scores(pair) for reference in self.references]).amax(dim=0)
        return best * best.new_tensor([self.shares.get(name, 1.0) for name in NAMES])


def reference(name: str, policy: Policy) -> Reference:
    """Find a reference by its name: ``max``, ``mean``, ``affine``, a shipped name, or a checkpoint's file.

    Args:
        name: With ``:clip`` or ``:minmax`` behind it where that is not what its card says.
        policy: Of weights whose card says nothing; fusions without a network are always clipped.

    Raises:
        UnknownNameError: There is no such file or name.
        WeightsError: The file holds no student and no teacher.
    """
    bare, _, asked = name.rpartition(":")
    given: dict[str, Policy] = {each: each for each in POLICIES}
    if asked not in given:
        bare, asked = name, ""
    if bare in BASELINES:
        return Reference(bare, BASELINES[bare], given.get(asked, "clip"))
    try:
        weights = models.read(bare)
    except UnknownNameError as error:
        raise UnknownNameError("reference", bare, (*BASELINES, *error.valid_names)) from error
    return Reference(bare, make(weights), given.get(asked) or given.get(str(weights.card.get("range")), policy))


def goals_of(group: str, goals: Goals, shares: Mapping[str, float], policy: Policy) -> Multiples | OfReferences:
    """Return what is asked of a group's pictures.

    Args:
        group: Its name.
        goals: As in a `mmdrfuse.recipes.RefineRecipe`.
        shares: The same.
        policy: Of references whose card says nothing.

    Raises:
        UnknownNameError: There is no such reference.
        WeightsError: A reference is no checkpoint of a student or teacher.
    """
    if isinstance(goals, Mapping):
        return Multiples(goals.get(group, {}))
    return OfReferences([reference(name, policy) for name in goals], shares)
