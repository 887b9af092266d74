"""Recipes: everything that decides what a training run makes of its patches.

``paper`` is the published method to the letter: Deng et al., "MMDRFuse", ACM Multimedia 2024,
https://arxiv.org/abs/2408.15641. (The order of the patches is shuffled under a rule, see `patches.draw`.)

With several processes, ``refresh="batch"`` and ``norm="batch"`` take each process's own part of the batch.

Departs from the paper: ``default`` changes these fields of `Recipe`.

- ``refresh="sample"``: each patch is judged by its own scores. The mean of a shuffled batch compares
  other patches than were remembered together, so it says little about any of them.
- ``norm="sample"``: distillation scales each patch's maps by themselves, so that the loss of a patch
  does not depend on its neighbours in the batch.
- ``rate``, ``schedule``: a higher rate that falls along a cosine. At 1e-4 the 113 numbers of the student
  are still on their way when 10 epochs end.
- ``start="max"``: the student starts as the pointwise maximum of its sources instead of at random.
- ``memory="uint8"``, ``answers="float16"``: the memory holds one byte a pixel and image, what the teacher said two.
- ``features="efficientnet-lite0"`` with a tenth of the weight (see `LITE0_SHARE`): its weights install from a package.
- ``flips=True``: the network sees batches mirrored, and its output is mirrored back.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from mmdrfuse.errors import TrainingError, UnknownNameError
from mmdrfuse.losses.distillation import Norm
from mmdrfuse.losses.features import Name as Features
from mmdrfuse.losses.refresh import Decision
from mmdrfuse.losses.terms import STUDENT, TEACHER, Weights
from mmdrfuse.models.checkpoints import Network

Name = Literal["default", "paper"]
Schedule = Literal["constant", "cosine"]
Stored = Literal["uint8", "float16", "float32"]
Precise = Literal["float16", "float32"]
Start = Literal["random", "teacher", "max"]

CHOICES = {
    "refresh": Decision,
    "norm": Norm,
    "schedule": Schedule,
    "memory": Stored,
    "answers": Precise,
    "start": Start,
    "features": Features,
}
"""The fields of `Recipe` that are names, and which names there are."""


@dataclass(frozen=True)
class Recipe:
    """The options of a run; the defaults are the published ones.

    Raises:
        UnknownNameError: A field that is a name holds none of its names.
        TrainingError: A number is out of its range.
    """

    name: Name
    network: Network
    weights: Weights
    epochs: int = 10
    batch: int = 25
    """Patches a step of each process."""
    rate: float = 1e-4
    """Adam's learning rate, at its highest."""
    schedule: Schedule = "constant"
    refresh: Decision = "batch"
    """Who is judged better or worse than the past."""
    norm: Norm = "batch"
    """What distillation scales to length 1."""
    memory: Stored = "float32"
    """How the remembered outputs are kept."""
    answers: Precise = "float32"
    """How what the frozen networks say is kept."""
    cache: float = 4.0
    """Room for it in the run's folder, in GB: the teacher's answers where they fit, then the sources' features."""
    start: Start = "random"
    """Where the weights come from; ``teacher``: the student's last layer is the teacher's."""
    flips: bool = False
    """Whether batches are mirrored at random."""
    features: Features = "vgg19"
    """Whose features the perceptual losses compare."""
    amp: bool = False
    """Whether the convolutions compute in bfloat16."""
    compile: bool = False
    """Whether torch compiles the network."""
    seed: int = 0

    def __post_init__(self) -> None:
        for field, choice in CHOICES.items():
            if getattr(self, field) not in get_args(choice):
                raise UnknownNameError(f"{field} of a recipe", getattr(self, field), get_args(choice))
        if min(self.epochs, self.batch) < 1 or self.rate <= 0 or self.seed < 0:
            raise TrainingError(
                f"epochs {self.epochs}, batch {self.batch}, rate {self.rate}, seed {self.seed}: "
                "the first two must be at least 1, the rate above 0, the seed not negative"
            )
        if not self.cache >= 0:
            raise TrainingError(f"cache {self.cache}: must be a number of GB, 0 to keep nothing")
        dead = {"structure", "detail"}  # they hold on to what another term has reached
        dead |= {"perception"} if self.features == "none" else set()
        dead |= {"distillation"} if self.network == "teacher" else set()
        if not self.weights.wanted() - dead:
            raise TrainingError(
                f"a {self.network} with features {self.features!r} learns nothing from "
                f"{', '.join(sorted(self.weights.wanted()))} alone: weigh another term too, or choose other features"
            )

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


LITE0_SHARE = 0.1
"""What perception counts with EfficientNet-Lite0's maps, as a share of the paper's weights, which are for VGG-19.

Lite0 answers to darkness as strongly as to light, so that the larger of two sources' features pulls a picture
towards their mean: on LLVIP and RoadScene patches ``max(I, V)`` scores 0.32, the mean 0.24. At the paper's weights
this outweighs the intensity loss, and the pictures fade.
"""

PAPER: dict[Network, Recipe] = {
    "teacher": Recipe("paper", "teacher", TEACHER),
    "student": Recipe("paper", "student", STUDENT, start="teacher"),
}

DEFAULT: dict[Network, Recipe] = {
    network: replace(
        paper,
        name="default",
        weights=replace(paper.weights, perception=paper.weights.perception * LITE0_SHARE),
        rate=5e-4 if network == "teacher" else 5e-3,
        schedule="cosine",
        refresh="sample",
        norm="sample",
        memory="uint8",
        answers="float16",
        start="random" if network == "teacher" else "max",
        flips=True,
        features="efficientnet-lite0",
    )
    for network, paper in PAPER.items()
}


def recipe(name: str, network: Network, **changes: object) -> Recipe:
    """Give a recipe by name, with changes.

    Args:
        name: ``default`` or ``paper``.
        network: What is trained.
        **changes: Fields of `Recipe` that shall differ; ``None`` keeps the recipe's own value. ``weights`` may name
            some terms only: ``{"distillation": 0}``.

    Raises:
        UnknownNameError: There is no such recipe, no such field, or no such term.
    """
    tables = {"default": DEFAULT, "paper": PAPER}
    if name not in tables:
        raise UnknownNameError("recipe", name, tables)
    known = [field.name for field in fields(Recipe)]
    for change in changes.keys() - set(known):
        raise UnknownNameError("option of a recipe", change, known)
    base = tables[name][network]
    given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    if isinstance(given.get("weights"), Mapping):
        given["weights"] = _reweighted(base.weights, given["weights"])
    return replace(base, **given)


def _reweighted(weights: Weights, changes: Mapping[str, float]) -> Weights:
    known = [field.name for field in fields(Weights)]
    for term in changes.keys() - set(known):
        raise UnknownNameError("term of the loss", term, known)
    return replace(weights, **changes)
