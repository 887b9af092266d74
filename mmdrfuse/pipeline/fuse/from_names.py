"""Make `Choices` from the names of weights, of their range and of their engine."""

import warnings
from collections.abc import Callable

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.pipeline.fuse.automatic import asked_for, first_weights
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for


def choices_for(
    weights: str = "auto",
    *,
    range_: str = "auto",
    color: str = "auto",
    engine: str = "auto",
    device: str = "cpu",
    threads: int = 1,
    warn: Callable[[str], object] = warnings.warn,
) -> Choices:
    """Return the choices for some weights, which hold for all pictures and frames of a run.

    Args:
        weights: ``auto``, ``auto:clip``, a shipped name, or a file.
        range_: A policy, or ``auto`` for that of the weights.
        color: One of `mmdrfuse.images.COLORS`.
        engine: As `mmdrfuse.engine.make` takes it.
        device: The same.
        threads: The same.
        warn: Called with a message if the range asked for is not that of the weights.

    Raises:
        UnknownNameError: There are no such weights, or no such range.
        WeightsError: The weights cannot be loaded.
    """
    automatic = asked_for(weights, range_=range_, engine=engine, device=device, threads=threads)
    checkpoint = first_weights() if automatic else models.read(weights)
    made = make(checkpoint, kind=engine, device=device, threads=threads)
    policy = range_ if automatic else range_for(checkpoint, range_, warn)
    if policy == "auto":  # until the weights are known
        policy = "clip"
    return Choices(Fuser(made, policy, color), checkpoint, automatic=automatic)
