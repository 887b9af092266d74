"""The state of a run: one safetensors file that holds all that is needed to go on as if nothing had happened.

What a step draws is a pure function of the seed and the step, so there is no sampler and no random
generator to keep: weights, optimiser, refresh memory and the number of steps done are everything.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmdrfuse.atomic import writing
from mmdrfuse.errors import TrainingError
from mmdrfuse.training.memory import Memory

VERSION = 1
"""Of the file's layout."""


@dataclass(frozen=True)
class State:
    """What changes in a run, and what tells the run from others."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    memory: Memory
    identity: dict[str, Any]
    """What a resumed run must agree on: recipe, patches, teacher; only what JSON can hold."""

    def save(self, path: Path, step: int) -> None:
        """Write everything, atomically: the last good state is there at every moment.

        Args:
            path: The file.
            step: Steps done.

        Raises:
            OutputError: The file cannot be written.
        """
        from safetensors.torch import save_file

        about = {"version": VERSION, "step": step, "identity": self.identity}
        tensors = {name: tensor.contiguous() for name, tensor in self._tensors().items()}
        with writing(path) as temporary:
            save_file(tensors, temporary, metadata={"run": json.dumps(about, sort_keys=True)})

    def restore(self, path: Path) -> int:
        """Take a saved state back, in place.

        Returns:
            The number of steps done.

        Raises:
            TrainingError: There is no state, it cannot be read, or it is of another run.
        """
        about, tensors = _read(path)
        _agree(path, about["identity"], self.identity)
        self.network.load_state_dict(_under("network.", tensors))
        self.memory.load_state_dict(_under("memory.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser.", tensors).items():
            number, moment = name.split(".", 1)
            moments.setdefault(int(number), {})[moment] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        return int(about["step"])

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"memory.{name}": tensor for name, tensor in self.memory.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": tensor for name, tensor in moments.items()}
        return tensors


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise TrainingError(f"{path}: no state to resume from; start the run without --resume")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise TrainingError(f"{path}: not the state of a run ({error}); begin anew with --overwrite") from error
    if about["version"] != VERSION:
        raise TrainingError(
            f"{path}: its layout is version {about['version']} and this program reads {VERSION}; "
            "begin anew with --overwrite"
        )
    return about, tensors


def _agree(path: Path, saved: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to go on with another recipe, other patches or another teacher."""
    then, now = dict(_leaves(saved)), dict(_leaves(asked))
    different = [key for key in then | now if then.get(key) != now.get(key)]
    if different:
        details = "; ".join(f"{key} {then.get(key)!r} then, {now.get(key)!r} now" for key in different)
        raise TrainingError(f"{path}: the run to resume was another one: {details}")


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk through nested dictionaries: ``recipe.weights.detail`` and its value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
