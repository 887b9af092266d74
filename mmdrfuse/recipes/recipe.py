"""The fields of the recipes: every value that decides the result of a training or of a refinement.

This module does not import torch, because the commands build their options from these classes. The defaults are in
``default.yaml`` and nowhere else. With several processes, ``refresh="batch"`` and ``norm="batch"`` look at each
process's own part of the batch.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from mmdrfuse.errors import TrainingError
from mmdrfuse.recipes.fields import (
    Choice,
    Number,
    Table,
    TableOrNames,
    Text,
    check,
    choice,
    declared,
    kinds,
    number,
    switch,
    whole,
)

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Network

Schedule = Literal["constant", "cosine"]
Start = Literal["random", "teacher", "max"]
"""Where the first weights come from; ``teacher``: the student's last layer is the teacher's."""
Features = Literal["vgg19", "efficientnet-lite0", "none"]
"""`vgg19` is the published choice; `efficientnet-lite0` installs from a package; `none` has no maps."""
Decision = Literal["sample", "batch"]
"""What is compared with its past: each sample by its own scores, or the whole batch by its means (as published)."""
Norm = Literal["sample", "batch"]
"""Over which axes maps are scaled to length 1: each sample by itself, or the whole batch (as published)."""
MemoryType = Literal["uint8", "float16", "float32"]
CacheType = Literal["float16", "float32"]
Stretch = Literal["clip", "minmax"]
"""What becomes black and white in scored pictures: 0 and 1, or each picture's own extremes."""
Light = Literal["haze", "night", "day", "dark", "dusk", "warm", "camera"]
"""Made-up exposures of `mmdrfuse.datasets.patches.exposures`."""
Score = Literal["SD", "SCD", "VIF", "Qabf", "SSIM", "CC"]
"""The scores that fidelity and refining raise; higher is better."""

Goals = Mapping[str, Mapping[str, float]] | tuple[str, ...]
"""Group → score, one of `Score` → the goal of its mean, as a multiple of what ``max(I, V)`` scores. Or references:
checkpoints, ``max``, ``mean`` or ``affine``, whose scores on the same pictures are the goals."""

SCORES = Table(
    help="By score.", what="score", kinds={name: Number(help="A factor.", above=0) for name in get_args(Score)},
)  # fmt: skip
GOALS = Table(
    help="Goals of each group's mean scores, as multiples of what max(I, V) scores.",
    what="group",
    kinds={},
    other=SCORES,
)
GROUPS = Table(
    help="Which pictures are in which group; none: each SRC is one, and each of the lights.",
    what="group",
    kinds={},
    other=Table(
        what="entry of a group",
        kinds={
            "of": Text(help="The SRC, by its folder's name; else that of the group."),
            "light": Choice(help="In which its pictures are shown.", names=get_args(Light)),
            "share": Number(help="Of the pictures, how many are in this light; the rest is as it is.", above=0),
            "pictures": Number(help="How many.", least=1, whole=True),
            "draw": Number(help="How many a step of the descent looks at.", least=1, whole=True),
            "pieces": Number(
                help="Every other large picture is a piece with sides of so many pixels.", least=41, whole=True
            ),
        },
    ),
)


@dataclass(frozen=True)
class Weights:
    """The weight of each term in the total loss; a term of weight 0, or one that is not named, is left out.

    Raises:
        TrainingError: A weight is negative or no number, or all are 0.
    """

    intensity: float = number("Distance from the brighter source.", least=0, default=0.0)
    gradient: float = number("Distance from the brighter source's detail.", least=0, default=0.0)
    perception: float = number("Distance from the stronger features.", least=0, default=0.0)
    structure: float = number("Distance from the best earlier output, in SSIM.", least=0, default=0.0)
    detail: float = number("Distance from the best earlier output, in GMSD.", least=0, default=0.0)
    distillation: float = number("Distance from the teacher's picture and feature.", least=0, default=0.0)
    fidelity: float = number("Shortfall of the field's own scores; not in the paper.", least=0, default=0.0)

    def __post_init__(self) -> None:
        check(self)
        if not self.active():
            raise TrainingError(f"weights {asdict(self)}: at least one must be above 0")

    def active(self) -> frozenset[str]:
        """Return the names of the terms with a weight above 0."""
        return frozenset(name for name, weight in asdict(self).items() if weight)


WEIGHTS = Table(help="Weight of a term of the loss, 0 to leave it out.", what="term of the loss", kinds=kinds(Weights))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every value that decides the result of a training.

    Raises:
        UnknownNameError: The name in a field is not one of its names.
        TrainingError: A number is out of its range, or no term would teach the network anything.
    """

    name: str
    """Name of the recipe."""
    network: "Network"
    """The network to train."""
    epochs: int = whole("Visits of every patch.", least=1)
    batch: int = whole("Patches a step, of each process.", least=1)
    rate: float = number("Highest learning rate of Adam.", above=0)
    schedule: Schedule = choice(Schedule, "Course of the learning rate.")
    start: Start = choice(Start, "First weights; teacher copies its last layer.")
    flips: bool = switch("Mirror batches at random.")
    features: Features = choice(Features, "Network whose features the perceptual losses compare.")
    refresh: Decision = choice(Decision, "Compare scores of each sample, or means of the batch (as published).")
    norm: Norm = choice(Norm, "Scale maps of each sample, or of the batch (as published), to length 1.")
    memory_dtype: MemoryType = choice(MemoryType, "Type of the outputs in the refresh memory.")
    cache_dtype: CacheType = choice(CacheType, "Type of the cached outputs of the frozen networks.")
    cache: float = number("Space for this cache in RUN, in GB.", least=0)
    amp: bool = switch("Compute the convolutions in bfloat16.")
    compile: bool = switch("Compile the network with torch.")
    seed: int = whole("Seed of weights, order and mirroring.", least=0)
    weights: Weights = declared(WEIGHTS)

    def __post_init__(self) -> None:
        check(self)
        without_effect = {"structure", "detail"}  # they only preserve what another term has reached
        if self.features == "none":
            without_effect.add("perception")
        if self.network == "teacher":
            without_effect.add("distillation")
        active = self.weights.active()
        if not active - without_effect:
            raise TrainingError(
                f"a {self.network} with features {self.features!r} learns nothing from {', '.join(sorted(active))} "
                "alone: give another term a weight, or choose other features"
            )

    @property
    def needs_teacher(self) -> bool:
        """Whether the run needs a teacher: for the student's first weights, or to distil from."""
        return self.network == "student" and (self.start == "teacher" or bool(self.weights.distillation))

    def steps(self, count: int) -> int:
        """Return the number of steps of a whole run.

        Args:
            count: Number of patches.
        """
        return self.epochs * self.steps_per_epoch(count)

    def steps_per_epoch(self, count: int) -> int:
        """Return the number of steps that visit every patch once.

        Args:
            count: Number of patches.
        """
        return -(-count // self.batch)

    def for_processes(self, processes: int) -> "Recipe":
        """Return the recipe with the common batch of several processes."""
        return replace(self, batch=self.batch * processes)

    def rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step: ``rate``, or ``rate/2 · (1 + cos(π·step/steps))``."""
        if self.schedule == "constant":
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * step / steps))


@dataclass(frozen=True, kw_only=True)
class RefineRecipe:
    """Every value that decides the result of a refinement.

    Raises:
        UnknownNameError: A light or score does not exist.
        TrainingError: A number is out of its range.
    """

    name: str
    """Name of the recipe."""
    range: Stretch = choice(Stretch, "What becomes black and white in the scored pictures.")
    lights: tuple[Light, ...] = choice(Light, "Groups in other light, made from the first SRC.", several=True)
    groups: Mapping[str, Mapping[str, Any]] = declared(GROUPS)
    pictures: int = whole("Pictures in each group.", least=1)
    size: int = whole("Largest height and width of a crop, in pixels.", least=41)
    uncut: bool = switch("Take whole pictures, large ones at half size; always so under minmax.")
    mirror: bool = switch("Mirror pictures at random.")
    hold_out: int | None = whole("Leave out every Nth pair of a set.", least=2, optional=True)
    quarter: int | None = whole(
        "Leave out this quarter of the rest, 1 to 4, by which recipes and seeds are chosen.",
        least=1, most=4, optional=True,
    )  # fmt: skip
    steps: int = whole("Steps of the descent that comes first.", least=0)
    descent_rate: float = number("Highest learning rate of the descent.", above=0)
    steep: float = number("Weight of the square of a shortfall in the descent.", least=0)
    margin: float = number("How far beyond each goal the descent aims, as a share of it.", least=0)
    rounds: int = whole("Most rounds that follow the descent.", least=0)
    seed: int = whole("Seed of pairs, crops, exposures and steps.", least=0)
    goals: Goals = declared(
        TableOrNames(
            help="Goals of the scores: a file with multiples of what max(I, V) scores, by group; or references, whose "
            "scores on the same pictures are the goals (the highest counts): checkpoints, max, mean, affine.",
            table=GOALS,
        )
    )
    shares: Mapping[str, float] = declared(
        Table(help="Goals as shares of the references' scores.", what=SCORES.what, kinds=SCORES.kinds)
    )

    def __post_init__(self) -> None:
        check(self)
        for name, entry in self.groups.items():
            pictures, drawn = entry.get("pictures", self.pictures), entry.get("draw", 1)
            if drawn > pictures:
                raise TrainingError(
                    f"group {name!r}: a step draws {drawn} pictures of {pictures}; make the group larger, or draw fewer"
                )

    @property
    def wholes(self) -> bool:
        """Whether pictures stay whole: a stretch looks at their extremes."""
        return self.uncut or self.range == "minmax"
