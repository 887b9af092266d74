"""Several processes of one run: the rank of this one, and the communication between them.

``torchrun --nproc-per-node N -m mmdrfuse teach ...`` starts N processes, which find their ranks in the environment.
A single process is a world of size 1, in which none of these functions communicates.

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
"""How long processes wait for the first one, which checks and scores whole sets and draws pictures meanwhile. Torch's
own limits are 10 or 30 minutes. A process that ends is noticed at once all the same."""


@dataclass(frozen=True)
class World:
    """This process among those of its run.

    Args:
        rank: Number of the process, from 0.
        size: Number of processes.
        local: Number of the process on its machine, and of the accelerator that it uses.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process shows, logs and writes for all."""
        return self.rank == 0

    def join(self, device: torch.device) -> None:
        """Join the process group; from here on, every process must make the same collective calls.

        Args:
            device: Where this process computes; the group uses NCCL for CUDA and Gloo for CPUs.

        Raises:
            TrainingError: Processes cannot share this type of device, or do not find each other.
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
        """Leave the process group at the end of the run."""
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network with gradients averaged over all processes and the first process's weights."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def barrier(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            distributed.barrier()

    def all_reduce(self, values: Tensor) -> Tensor:
        """Add the values of all processes, in place, and return them."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def broadcast(self, decision: bool, device: torch.device) -> bool:
        """Return the first process's decision in every process."""
        return bool(self.all_reduce(torch.tensor(float(self.first and decision), device=device)))

    def folder(self, run: Path) -> Path:
        """Return the folder of this process's own files: the run's folder, or a subfolder of it."""
        return run if self.first else run / f"process-{self.rank}"


ALONE = World()


def world() -> World:
    """Return the world of this process, from the environment that torchrun sets."""
    return World(*process_rank())


@contextmanager
def report_lost_process() -> Iterator[None]:
    """Convert torch's error about a lost process of the run.

    Raises:
        TrainingError: Another process has ended; the run can be resumed from its last save.
    """
    try:
        yield
    except RuntimeError as error:
        # Gloo's errors have no class of their own, but they name its source file.
        if isinstance(error, distributed.DistError) or "gloo" in str(error):
            raise TrainingError(
                "another process of this run has stopped; its own message has the reason", cure="resume"
            ) from error
        raise
