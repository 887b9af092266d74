"""The training loop, from top to bottom."""

from collections.abc import Generator
from typing import NamedTuple

import torch
from torch import nn

from mmdrfuse.losses.terms import Terms
from mmdrfuse.models.student import Output
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.patches import Batch, Indices, Share, draw, load
from mmdrfuse.training.supervision import Supervision


class Step(NamedTuple):
    """What one step did; its terms are still on the device, unread."""

    step: int
    epoch: int
    indices: Indices
    """What all processes saw."""
    terms: Terms
    rate: float
    refresh: Terms
    """What the step did to the refresh memory, also unread."""
    share: float = 1.0
    """How much of the batch this process saw; the terms are means over that."""


def walk(
    network: nn.Module, supervision: Supervision, optimiser: torch.optim.Optimizer, patches: Share,
    *, recipe: Recipe, start: int, device: torch.device,
) -> Generator[Step, None, None]:  # fmt: skip
    """Train step by step; between two steps, everything is as after the first of them.

    Args:
        network: A student or teacher on the device; it is changed.
        supervision: What it learns from.
        optimiser: What moves its weights.
        patches: What this process sees of them all.
        recipe: Schedule, batch size of all processes together, seed.
        start: The first step to do.
        device: Where to bring the batches.

    Yields:
        A record of each step. Its numbers are not waited for.
    """
    count = len(patches.patches)
    steps, per_epoch = recipe.steps(count), recipe.steps_per_epoch(count)
    for step in range(start, steps):
        rate = recipe.rate_at(step, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate

        indices, flip = draw(step, count=count, batch=recipe.batch, seed=recipe.seed, flips=recipe.flips)
        own, share = patches.among(indices)
        batch = load(patches, own, device=device)
        output = _mirrored(network, batch, flip)
        terms = supervision(batch, output, first_visit=step < per_epoch)

        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(terms["total"] * (share * patches.every))  # gradients become means over processes
        optimiser.step()

        detached = {name: term.detach() for name, term in terms.items()}
        yield Step(step, step // per_epoch, indices, detached, rate, supervision.refreshed, share)


def _mirrored(network: nn.Module, batch: Batch, flip: tuple[int, ...]) -> Output:
    """Show the network a mirrored batch and mirror its output back: all else keeps the file's orientation."""
    output = network(batch.infrared.flip(flip), batch.visible.flip(flip))
    return Output(*(maps.flip(flip) for maps in output))
