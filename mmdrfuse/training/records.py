"""What the outside sees of a step: plain numbers, checked to be numbers."""

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
"""Steps between two looks at the losses on an accelerator, where a look waits for all work asked for."""


@dataclass(frozen=True)
class Record:
    """What one step did."""

    step: int
    epoch: int
    losses: dict[str, float]
    """Each term by name, unweighted, and the weighted ``total``."""
    rate: float
    seconds: float
    """Wall time; on an accelerator, the mean of the steps since the last look."""
    patches: int
    """Patches in the step's batch."""
    refresh: dict[str, float] = field(default_factory=dict)
    """Of ``structure`` and ``detail`` each: the share of patches ``_refreshed``, that is no worse than their past, and
    the mean ``_gap`` to the past."""
    validation: Scores | None = None
    """After the last step of an epoch that was validated."""


def read(steps: Iterator[Step], *, per_epoch: int, read_every: int, world: World = ALONE) -> Iterator[list[Record]]:
    """Read the losses of several steps at once: one transfer, and one wait, for all of them.

    Args:
        steps: What the loop gives.
        per_epoch: Steps an epoch; no list reaches across its end.
        read_every: Steps in a list, otherwise.
        world: The processes whose means the losses are.

    Yields:
        The records of the steps since the last list; the network is as after the last of them.

    Raises:
        TrainingError: A loss is not a finite number; the step, the terms and the patches are named.
    """
    pending: list[Step] = []
    began = time.perf_counter()
    for step in steps:
        pending.append(step)
        if len(pending) == read_every or (step.step + 1) % per_epoch == 0:
            values = _over_all(pending, world)
            seconds = (time.perf_counter() - began) / len(pending)
            yield [_record(one, row, seconds) for one, row in zip(pending, values, strict=True)]
            pending, began = [], time.perf_counter()


def _over_all(steps: list[Step], world: World) -> list[list[float]]:
    """Read each step's terms and refresh, as means over the batches of all processes together."""
    means = torch.stack([torch.stack([*step.terms.values(), *step.refresh.values()]) for step in steps])
    shares = torch.tensor([[step.share] for step in steps]).to(means)
    values: list[list[float]] = world.add(shares * means).tolist()
    return values


def _record(step: Step, values: list[float], seconds: float) -> Record:
    losses = dict(zip(step.terms, values, strict=False))
    refresh = dict(zip(step.refresh, values[len(losses) :], strict=True))
    wrong = [name for name, value in losses.items() if not math.isfinite(value)]
    if wrong:
        raise TrainingError(
            f"step {step.step}: no finite number for {', '.join(wrong)}, on patches "
            f"{', '.join(map(str, step.indices))}; the last good state is kept; look at these patches",
            cure="rate",
        )
    return Record(step.step, step.epoch, losses, step.rate, seconds, len(step.indices), refresh)
