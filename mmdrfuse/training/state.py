"""The state of a run: all that a resumed run needs to end with the same weights.

The batch of a step depends on the seed and the step alone, so the state has no sampler and no random generator: it is
weights, optimiser, refresh memory and the number of steps done.

Each process writes its refresh memory to a file of its own, with the step in its name. When all have done so, the first
process renames its temporary file to ``state.safetensors``, and this completes the save. Only then do the processes
delete the files of the previous save. So there is one complete save at every moment, whenever a process is killed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmdrfuse.errors import TrainingError
from mmdrfuse.system.atomic import writing
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.parallel import ALONE, World

VERSION = 2
"""Version of the file's layout."""


@dataclass(frozen=True)
class State:
    """The parts of a run that change, and the identity of the run."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    memory: RefreshMemory
    identity: dict[str, Any]
    """What must be the same in a resumed run: recipe, patches, teacher; as JSON."""
    world: World = ALONE

    def save(self, path: Path, step: int) -> None:
        """Write everything atomically: a complete state exists at every moment.

        Args:
            path: The file that completes the save.
            step: Steps done.

        Raises:
            OutputError: A file cannot be written.
        """
        self.memory.save(step)
        self.world.barrier()
        if self.world.first:
            self._write(path, step)
        self.world.barrier()
        self.memory.commit(step)

    def _write(self, path: Path, step: int) -> None:
        from safetensors.torch import save_file

        about = {"version": VERSION, "step": step, "identity": self.identity}
        tensors = {name: tensor.contiguous() for name, tensor in self._tensors().items()}
        with writing(path) as temporary:
            save_file(tensors, temporary, metadata={"run": json.dumps(about, sort_keys=True)})

    def restore(self, saved: "Saved") -> None:
        """Load a saved state, in place.

        Raises:
            TrainingError: The saved refresh memory is missing or damaged.
        """
        self.network.load_state_dict(saved.network)
        self.memory.restore(saved.step)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser.", saved.tensors).items():
            number, moment = name.split(".", 1)
            moments.setdefault(int(number), {})[moment] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": tensor for name, tensor in moments.items()}
        return tensors


class Saved(NamedTuple):
    """The content of a state's file."""

    step: int
    """Steps done."""
    tensors: dict[str, Tensor]

    @property
    def network(self) -> dict[str, Tensor]:
        """The state dict of the network."""
        return _under("network.", self.tensors)


def read(path: Path, identity: dict[str, Any]) -> Saved | None:
    """Read the saved state of a run; None if it was not saved yet.

    Args:
        path: The file.
        identity: The identity of the resumed run.

    Raises:
        TrainingError: The state cannot be read, or is of another run.
    """
    if not path.is_file():
        return None
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version = about["version"]
        step = int(about.get("step", 0))
        saved_identity = dict(about.get("identity", {}))
    except Exception as error:  # a damaged file can raise anything
        raise TrainingError(f"{path}: not the state of a run ({error})", cure="anew") from error
    if version != VERSION:
        raise TrainingError(f"{path}: its layout is version {version} and this program reads {VERSION}", cure="anew")
    _check_identity(path, saved_identity, identity)
    return Saved(step, tensors)


def _check_identity(path: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    """Check that recipe (except its name), patches and teacher are the same as in the saved run."""
    before = dict(_leaves(saved))
    now = dict(_leaves(current))
    different = [key for key in before | now if before.get(key) != now.get(key) and key != "recipe.name"]
    if different:
        details = "; ".join(f"{key}: was {before.get(key)!r}, now {now.get(key)!r}" for key in different)
        raise TrainingError(f"{path}: the run to resume was another one: {details}", cure="anew")


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries, such as ``recipe.weights.detail`` and its value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
