"""The training loop, from top to bottom."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

from mmdrfuse.losses.terms import Terms
from mmdrfuse.training.patches import Indices, Patches, draw, load
from mmdrfuse.training.recipes import Recipe
from mmdrfuse.training.supervision import Supervision


class Step(NamedTuple):
    """What one step did; its terms are still on the device, unread."""

    step: int
    epoch: int
    indices: Indices
    terms: Terms
    rate: float


def walk(
    network: nn.Module, supervision: Supervision, optimiser: torch.optim.Optimizer, patches: Patches,
    *, recipe: Recipe, start: int, device: torch.device,
) -> Iterator[Step]:  # fmt: skip
    """Train step by step; between two steps, everything is as after the first of them.

    Args:
        network: A student or teacher on the device; it is changed.
        supervision: What it learns from.
        optimiser: What moves its weights.
        patches: What it sees.
        recipe: Schedule, batch size, seed.
        start: The first step to do.
        device: Where to bring the batches.

    Yields:
        A record of each step. Its numbers are not waited for.
    """
    count = len(patches)
    steps, per_epoch = recipe.steps(count), recipe.steps_per_epoch(count)
    for step in range(start, steps):
        rate = recipe.rate_at(step, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate

        indices, flip = draw(step, count=count, batch=recipe.batch, seed=recipe.seed, flips=recipe.flips)
        batch = load(patches, indices, flip=flip, device=device)
        output = network(batch.infrared, batch.visible)
        terms = supervision(batch, output, first_visit=step < per_epoch)

        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(terms["total"])
        optimiser.step()

        detached = {name: term.detach() for name, term in terms.items()}
        yield Step(step, step // per_epoch, indices, detached, rate)
