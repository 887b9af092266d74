"""The record of a step in plain, finite numbers."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from mmdrfuse.errors import TrainingError
from mmdrfuse.training.loop import Step
from mmdrfuse.training.parallel import ALONE, World
from mmdrfuse.training.watch.validation import Scores

READ_EVERY = 20
"""Steps whose losses are read at once on an accelerator, where reading waits for all queued work."""


@dataclass(frozen=True)
class Record:
    """The result of one step."""

    step: int
    epoch: int
    losses: dict[str, float]
    """Each term by name, unweighted, and the weighted ``total``."""
    rate: float
    seconds: float
    """Wall time; on an accelerator, the mean over the steps that were read at once."""
    patches: int
    """Patches in the step's batch."""
    refresh: dict[str, float] = field(default_factory=dict)
    """Of ``structure`` and ``detail`` each: the share of patches that are no worse than their stored outputs
    (``_refreshed``), and the mean ``_gap`` to these."""
    validation: Scores | None = None
    """Of the last step of a validated epoch."""


def read(steps: Iterator[Step], *, per_epoch: int, read_every: int, world: World = ALONE) -> Iterator[list[Record]]:
    """Read the losses of several steps at once, with one transfer and one wait.

    Args:
        steps: The steps of `mmdrfuse.training.loop.train_steps`.
        per_epoch: Steps of an epoch; a list ends where the epoch ends.
        read_every: Most steps in a list.
        world: The processes whose means the losses are.

    Yields:
        The records of the steps since the last list; the network has the weights after the last of them.

    Raises:
        TrainingError: A loss is not a finite number; the message names the step, the terms and the patches.
    """
    pending: list[Step] = []
    began = time.perf_counter()
    for step in steps:
        pending.append(step)
        if len(pending) == read_every or (step.step + 1) % per_epoch == 0:
            values = _mean_over_processes(pending, world)
            seconds = (time.perf_counter() - began) / len(pending)
            yield [_record(one, row, seconds) for one, row in zip(pending, values, strict=True)]
            pending = []
            began = time.perf_counter()


def _mean_over_processes(steps: list[Step], world: World) -> list[list[float]]:
    """Return each step's terms and refresh, as means over the common batch of all processes."""
    means = torch.stack([torch.stack([*step.terms.values(), *step.refresh.values()]) for step in steps])
    fractions = torch.tensor([[step.fraction] for step in steps]).to(means)
    values: list[list[float]] = world.all_reduce(fractions * means).tolist()
    return values


def _record(step: Step, values: list[float], seconds: float) -> Record:
    losses = dict(zip(step.terms, values, strict=False))
    refresh = dict(zip(step.refresh, values[len(losses) :], strict=True))
    wrong = [name for name, value in losses.items() if not math.isfinite(value)]
    if wrong:
        raise TrainingError(
            f"step {step.step}: no finite number for {', '.join(wrong)}, on patches "
            f"{', '.join(map(str, step.indices))}; the last saved state is still good; check these patches",
            cure="rate",
        )
    return Record(step.step, step.epoch, losses, step.rate, seconds, len(step.indices), refresh)
