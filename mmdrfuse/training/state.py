"""The state of a run: all that is needed to go on as if nothing had happened.

What a step draws is a pure function of the seed and the step, so there is no sampler and no random
generator to keep: weights, optimiser, refresh memory and the number of steps done are everything.

Each process writes what it remembers to a file of its own that has the step in its name; when all have, the first
one's ``state.safetensors`` takes its name, and with it the save counts. Only then does anyone delete what the save
before needs. So at every moment that a process, or all of them, may be killed at, one save is there as a whole.
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
from mmdrfuse.training.memory import Memory
from mmdrfuse.training.parallel import ALONE, World

VERSION = 2
"""Of the file's layout."""


@dataclass(frozen=True)
class State:
    """What changes in a run, and what tells the run from others."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    memory: Memory
    identity: dict[str, Any]
    """What a resumed run must agree on: recipe, patches, teacher; only what JSON can hold."""
    world: World = ALONE

    def save(self, path: Path, step: int) -> None:
        """Write everything, atomically: the last good state is there at every moment.

        Args:
            path: The file that makes the save count.
            step: Steps done.

        Raises:
            OutputError: A file cannot be written.
        """
        self.memory.save(step)
        self.world.meet()
        if self.world.first:
            self._write(path, step)
        self.world.meet()
        self.memory.commit(step)

    def _write(self, path: Path, step: int) -> None:
        from safetensors.torch import save_file

        about = {"version": VERSION, "step": step, "identity": self.identity}
        tensors = {name: tensor.contiguous() for name, tensor in self._tensors().items()}
        with writing(path) as temporary:
            save_file(tensors, temporary, metadata={"run": json.dumps(about, sort_keys=True)})

    def restore(self, saved: "Saved") -> None:
        """Take a saved state back, in place.

        Raises:
            TrainingError: What the processes remembered is gone.
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
    """What a state's file holds."""

    step: int
    """Steps done."""
    tensors: dict[str, Tensor]

    @property
    def network(self) -> dict[str, Tensor]:
        """The network's own state."""
        return _under("network.", self.tensors)


def read(path: Path, identity: dict[str, Any]) -> Saved | None:
    """Read a saved state of this very run; None where nothing was saved yet.

    Args:
        path: The file.
        identity: Of the run that wants to go on.

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
        version, step, then = about["version"], int(about.get("step", 0)), dict(about.get("identity", {}))
    except Exception as error:  # a damaged file fails with anything
        raise TrainingError(f"{path}: not the state of a run ({error})", cure="anew") from error
    if version != VERSION:
        raise TrainingError(f"{path}: its layout is version {version} and this program reads {VERSION}", cure="anew")
    _agree(path, then, identity)
    return Saved(step, tensors)


def _agree(path: Path, saved: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to go on with another recipe, whatever it is called, other patches or another teacher."""
    then, now = dict(_leaves(saved)), dict(_leaves(asked))
    different = [key for key in then | now if then.get(key) != now.get(key) and key != "recipe.name"]
    if different:
        details = "; ".join(f"{key}: was {then.get(key)!r}, now {now.get(key)!r}" for key in different)
        raise TrainingError(f"{path}: the run to resume was another one: {details}", cure="anew")


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through nested dictionaries: ``recipe.weights.detail`` and its value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
