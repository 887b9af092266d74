"""The recipes' fields: everything that decides what training makes of its patches, and refining of its pictures.

Without torch: the commands make their options of these classes. Defaults stand in ``default.yaml``, and nowhere else.
With several processes, ``refresh="batch"`` and ``norm="batch"`` take each process's own part of the batch.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from mmdrfuse.errors import TrainingError
from mmdrfuse.recipes.fields import Number, Table, check, choice, declared, kinds, number, switch, whole

if TYPE_CHECKING:
    from mmdrfuse.models.checkpoints import Network

Schedule = Literal["constant", "cosine"]
Start = Literal["random", "teacher", "max"]
"""Where the first weights come from; ``teacher``: the student's last layer is the teacher's."""
Features = Literal["vgg19", "efficientnet-lite0", "none"]
"""`vgg19` is the published choice; `efficientnet-lite0` installs from a package; `none` has no maps."""
Decision = Literal["sample", "batch"]
"""Who is judged better or worse: each sample by its own scores, or the whole batch by its means (as published)."""
Norm = Literal["sample", "batch"]
"""Over what the maps are scaled to length 1: each sample for itself, or the whole batch (as published)."""
Stored = Literal["uint8", "float16", "float32"]
Precise = Literal["float16", "float32"]
Light = Literal["haze", "night", "day"]
"""Made-up exposures of `mmdrfuse.datasets.patches.exposures`."""
Score = Literal["SD", "SCD", "VIF", "Qabf", "SSIM", "CC"]
"""The scores that fidelity and refining climb; the more the better."""

Goals = Mapping[str, Mapping[str, float]]
"""Group → score, one of `Score` → what its mean shall reach, as a multiple of what ``max(I, V)`` scores."""

GOALS = Table(
    help="What each group's scores shall reach, as multiples of what max(I, V) scores.",
    what="group",
    kinds={},
    other=Table(what="score", kinds={name: Number(above=0) for name in get_args(Score)}),
)


@dataclass(frozen=True)
class Weights:
    """What each term of the loss counts in the total; a term of weight 0, or not named, is left out.

    Raises:
        TrainingError: A weight is negative or no number, or all are 0.
    """

    intensity: float = number("Distance from the brighter source.", least=0, default=0.0)
    gradient: float = number("Distance from the brighter source's detail.", least=0, default=0.0)
    perception: float = number("Distance from the stronger features.", least=0, default=0.0)
    structure: float = number("Distance from the own past where that was better in SSIM.", least=0, default=0.0)
    detail: float = number("Distance from the own past where that was better in GMSD.", least=0, default=0.0)
    distillation: float = number("Distance from the teacher's picture and feature.", least=0, default=0.0)
    fidelity: float = number("Shortfall of the field's own scores; not in the paper.", least=0, default=0.0)

    def __post_init__(self) -> None:
        check(self)
        if not self.wanted():
            raise TrainingError(f"weights {asdict(self)}: at least one must count")

    def wanted(self) -> frozenset[str]:
        """Name the terms that count."""
        return frozenset(name for name, weight in asdict(self).items() if weight)


WEIGHTS = Table(
    help="What a term of the loss counts, 0 to leave it out.", what="term of the loss", kinds=kinds(Weights)
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides what a training makes of its patches.

    Raises:
        UnknownNameError: A field that is a name holds none of its names.
        TrainingError: A number is out of its range, or nothing would be learnt.
    """

    name: str
    """Of the recipe."""
    network: "Network"
    """What is trained."""
    epochs: int = whole("Visits of every patch.", least=1)
    batch: int = whole("Patches a step, of each process.", least=1)
    rate: float = number("Highest learning rate of Adam.", above=0)
    schedule: Schedule = choice(Schedule, "How the rate goes on.")
    start: Start = choice(Start, "First weights; teacher: the student's last layer.")
    flips: bool = switch("Mirror batches at random.")
    features: Features = choice(Features, "Whose features the perceptual losses compare.")
    refresh: Decision = choice(Decision, "Who is judged better or worse than the past; batch as published.")
    norm: Norm = choice(Norm, "What distillation scales to length 1; batch as published.")
    memory: Stored = choice(Stored, "How remembered outputs are kept.")
    answers: Precise = choice(Precise, "How the frozen networks' answers are kept.")
    cache: float = number("Room for these answers in RUN, in GB.", least=0)
    amp: bool = switch("Do the convolutions in bfloat16.")
    compile: bool = switch("Let torch compile the network.")
    seed: int = whole("Of weights, order and mirroring.", least=0)
    weights: Weights = declared(WEIGHTS)

    def __post_init__(self) -> None:
        check(self)
        dead = {"structure", "detail"}  # they hold on to what another term has reached
        dead |= {"perception"} if self.features == "none" else set()
        dead |= {"distillation"} if self.network == "teacher" else set()
        if not self.weights.wanted() - dead:
            raise TrainingError(
                f"a {self.network} with features {self.features!r} learns nothing from "
                f"{', '.join(sorted(self.weights.wanted()))} alone: weigh another term too, or choose other features"
            )

    @property
    def taught(self) -> bool:
        """Whether a teacher is needed: for a student's first weights, or to distil from."""
        return self.network == "student" and (self.start == "teacher" or bool(self.weights.distillation))

    def steps(self, count: int) -> int:
        """Count the steps of a whole run over so many patches."""
        return self.epochs * self.steps_per_epoch(count)

    def steps_per_epoch(self, count: int) -> int:
        """Count the steps that visit every one of so many patches once."""
        return -(-count // self.batch)

    def across(self, processes: int) -> "Recipe":
        """Give the recipe with the batch of so many processes together."""
        return replace(self, batch=self.batch * processes)

    def rate_at(self, step: int, steps: int) -> float:
        """Give the learning rate of a step: ``rate``, or ``rate/2 · (1 + cos(π·step/steps))``."""
        if self.schedule == "constant":
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * step / steps))


@dataclass(frozen=True, kw_only=True)
class RefineRecipe:
    """What decides where refining moves a student.

    Raises:
        UnknownNameError: A light or score does not exist.
        TrainingError: A number is out of its range.
    """

    name: str
    """Of the recipe."""
    lights: tuple[Light, ...] = choice(Light, "Groups in other light, drawn from the first SRC.", several=True)
    pictures: int = whole("Pictures in each group.", least=1)
    size: int = whole("Rows and columns of a picture's piece, at most; pixels.", least=41)
    hold_out: int | None = whole("Leave every Nth pair of a set untouched.", least=2, optional=True)
    steps: int = whole("Of the descent that comes first.", least=0)
    rounds: int = whole("That follow, at most.", least=0)
    seed: int = whole("Of pairs, places, exposures and steps.", least=0)
    goals: Goals = declared(GOALS)

    def __post_init__(self) -> None:
        check(self)
