"""The training loop, from top to bottom."""

from collections.abc import Generator
from typing import NamedTuple

import torch
from torch import nn

from mmdrfuse.losses.terms import Terms
from mmdrfuse.models.student import Output
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.patches import Batch, Indices, Shard, draw_batch, load_batch
from mmdrfuse.training.supervision import Supervision


class Step(NamedTuple):
    """The result of one step; its terms are still on the device."""

    step: int
    epoch: int
    indices: Indices
    """The patches of all processes."""
    terms: Terms
    rate: float
    refresh: Terms
    """The change of the refresh memory, also on the device."""
    fraction: float = 1.0
    """Fraction of the batch that this process saw; the terms are means over that."""


def train_steps(
    network: nn.Module, supervision: Supervision, optimiser: torch.optim.Optimizer, patches: Shard,
    *, recipe: Recipe, start: int, device: torch.device,
) -> Generator[Step, None, None]:  # fmt: skip
    """Train step by step; when a step is yielded, nothing of the next has happened.

    Args:
        network: A student or teacher on the device; it is changed.
        supervision: Computes its losses.
        optimiser: Changes its weights.
        patches: The patches of this process.
        recipe: Schedule, batch size of all processes together, seed.
        start: The first step.
        device: Where the batches go.

    Yields:
        Each step, without waiting for its numbers.
    """
    count = len(patches.patches)
    steps = recipe.steps(count)
    per_epoch = recipe.steps_per_epoch(count)
    for step in range(start, steps):
        rate = recipe.rate_at(step, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate

        indices, flip = draw_batch(step, count=count, batch=recipe.batch, seed=recipe.seed, flips=recipe.flips)
        own, fraction = patches.local(indices)
        batch = load_batch(patches, own, device=device)
        output = _forward_flipped(network, batch, flip)
        terms = supervision(batch, output, first_visit=step < per_epoch)

        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(
            terms["total"] * (fraction * patches.processes)
        )  # gradients are averaged over processes
        optimiser.step()

        detached = {name: term.detach() for name, term in terms.items()}
        yield Step(step, step // per_epoch, indices, detached, rate, supervision.refreshed, fraction)


def _forward_flipped(network: nn.Module, batch: Batch, flip: tuple[int, ...]) -> Output:
    """Run the network on a mirrored batch and mirror its output back, so that losses and caches see no mirroring."""
    output = network(batch.infrared.flip(flip), batch.visible.flip(flip))
    return Output(*(maps.flip(flip) for maps in output))
