"""Several processes at one run: which of them this one is, and what they tell each other.

``torchrun --nproc-per-node N -m mmdrfuse teach ...`` starts N processes that find their number in the environment.
A process by itself is a world of one, where all of this does nothing.

Li et al.: "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020,
https://arxiv.org/abs/2006.15704.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mmdrfuse.errors import TrainingError
from mmdrfuse.system.launch import process_rank

LONGEST_WAIT = timedelta(days=1)
"""How long processes wait for the first one, which checks and scores whole sets and draws while they have nothing to
do: torch would give up after 10 or 30 minutes. One that ends is missed at once all the same."""


@dataclass(frozen=True)
class World:
    """This process among those of its run.

    Args:
        rank: Its number, from 0.
        size: How many there are.
        local: Its number on its machine: which of the machine's accelerators is its own.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that shows, logs and writes for all."""
        return self.rank == 0

    def join(self, device: torch.device) -> None:
        """Meet the others; from here on, where one of them waits for the others, all must come.

        Args:
            device: Where this process computes: CUDA's talk over NCCL, CPUs over Gloo.

        Raises:
            TrainingError: The device cannot be shared, or the others cannot be found.
        """
        if self.size == 1 or distributed.is_initialized():
            return
        if device.type not in ("cpu", "cuda"):
            raise TrainingError(f"{self.size} processes can train on the CPU or on CUDA, not on {device.type}")
        try:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
        except (ValueError, distributed.DistError) as error:
            raise TrainingError(
                f"process {self.rank} of {self.size} cannot find the others ({error}); "
                "start all of them with  torchrun --nproc-per-node N -m mmdrfuse, or unset RANK and WORLD_SIZE"
            ) from error

    def leave(self) -> None:
        """Part from the others when all is done."""
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def wrap(self, network: nn.Module) -> nn.Module:
        """Give a network whose gradients are the means over all processes; its weights become the first one's."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def meet(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            distributed.barrier()

    def add(self, values: Tensor) -> Tensor:
        """Add the values of all, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def follow(self, decision: bool, device: torch.device) -> bool:
        """Take over what the first one decides."""
        return bool(self.add(torch.tensor(float(self.first and decision), device=device)))

    def folder(self, run: Path) -> Path:
        """Give the place for what this process alone needs: the run's folder, or one of its own within."""
        return run if self.first else run / f"process-{self.rank}"


ALONE = World()


def world() -> World:
    """Return this process's place among those that torchrun started with it."""
    return World(*process_rank())


@contextmanager
def together() -> Iterator[None]:
    """Say it clearly where another process of the run is gone.

    Raises:
        TrainingError: It is; the state of the last save is there to go on from.
    """
    try:
        yield
    except RuntimeError as error:
        # Gloo's errors are of no class of their own; they name its source file.
        if isinstance(error, distributed.DistError) or "gloo" in str(error):
            raise TrainingError(
                "another process of this run has stopped: its own message says why", cure="resume"
            ) from error
        raise
