"""Patches in memory, tiny runs, and a teacher."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from mmdrfuse import models, training
from mmdrfuse.models.teacher import Teacher


class Toy:
    """A few patches in memory: the visible one smooth, the infrared one with a bright square."""

    def __init__(self, count=7, side=16, seed=0):
        rng = np.random.default_rng(seed)
        ramp = (
            np.linspace(0, 150, side)[None, :, None] * rng.random((count, 1, 1)) + rng.random((count, side, side)) * 60
        )
        self.visible = np.broadcast_to(ramp, (count, side, side)).astype(np.uint8)
        self.infrared = (rng.random((count, side, side)) * 90).astype(np.uint8)
        self.infrared[:, 4:9, 3:8] += 150
        self.shape = self.infrared.shape
        self.fingerprint = hashlib.sha256(self.infrared.tobytes()).hexdigest()
        self.batches = []

    def __len__(self):
        return len(self.infrared)

    def batch(self, indices):
        self.batches.append(indices.tolist())
        return self.infrared[indices], self.visible[indices]


@pytest.fixture
def toy():
    return Toy


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    """An untrained teacher, as a checkpoint."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    models.write(path, {name: value.numpy() for name, value in Teacher().state_dict().items()}, {})
    return models.read(path)


@pytest.fixture
def small():
    """Return a function that makes a recipe of few steps without features."""

    def make(network="student", name="default", **changes):
        return training.recipe(name, network, **{"epochs": 3, "batch": 3, "features": "none", **changes})

    return make


@pytest.fixture
def weights_of():
    """Return a function that concatenates all values of a network to one vector."""
    return lambda network: torch.cat([value.detach().flatten().clone() for value in network.state_dict().values()])


@pytest.fixture
def changed():
    """Return a function that changes the weights of a recipe's terms."""
    return lambda recipe, **weights: dataclasses.replace(recipe, weights=dataclasses.replace(recipe.weights, **weights))


@pytest.fixture
def full_disk(monkeypatch):
    """Make every reservation of a file's room fail."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmdrfuse.training.frozen_cache.os.posix_fallocate", full, raising=False)
