"""Patches and outputs that the losses' tests share."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def oracle(shared):
    """The results of the authors' own functions on six real patches, and those patches."""
    arrays = np.load(shared / "oracle" / "losses.npz")
    tensors = {name: torch.from_numpy(arrays[name]) for name in ("student", "teacher")}
    sources = {name: torch.from_numpy(arrays[name]).float()[:, None] / 255 for name in ("ir", "vis")}
    values = json.loads((shared / "oracle" / "losses.json").read_text())
    return SimpleNamespace(**tensors, **sources, values=values)


@pytest.fixture
def images():
    """Return a function that makes images of double precision in [0, 1], (N, 1, side, side), from a seed."""

    def make(seed=0, count=2, side=12):
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(count, 1, side, side, generator=generator, dtype=torch.float64)

    return make
