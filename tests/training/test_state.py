"""Saved states of runs: exact restoring, and errors for foreign and damaged files."""

import json

import pytest
import torch
from safetensors.torch import save_file

from mmdrfuse.errors import TrainingError
from mmdrfuse.models.student import Student
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.state import State, read


@pytest.fixture
def state(tmp_path):
    """Make the state of a student after some steps."""

    def make(steps=2, **identity):
        network = Student()
        optimiser = torch.optim.Adam(network.parameters())
        for _ in range(steps):
            optimiser.zero_grad()
            network(*torch.rand(2, 1, 1, 8, 8)).fused.sum().backward()
            optimiser.step()
        memory = RefreshMemory((3, 2, 2), dtype=torch.uint8, device=torch.device("cpu"), folder=tmp_path)
        return State(network, optimiser, memory, {"seed": 0, **identity})

    return make


def test_weights_moments_and_memory_are_restored_exactly(state, tmp_path, weights_of):
    saved, fresh = state(), state(0)
    saved.memory.images.random_(0, 255)
    saved.save(tmp_path / "s.safetensors", 2)
    loaded = read(tmp_path / "s.safetensors", {"seed": 0})
    fresh.restore(loaded)
    assert loaded.step == 2
    assert torch.equal(weights_of(fresh.network), weights_of(saved.network))
    assert torch.equal(fresh.memory.images, saved.memory.images)
    old, new = (one.optimiser.state_dict()["state"] for one in (saved, fresh))
    assert all(torch.equal(new[i][name], old[i][name]) for i in old for name in old[i])


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "not the state of a run"),
        ({"run": "{"}, "not the state of a run"),
        ({"run": json.dumps({"version": 0})}, "its layout is version 0 and this program reads 2"),
    ],
)
def test_a_foreign_file_is_named_with_a_cure(tmp_path, metadata, message):
    save_file({"a": torch.zeros(1)}, tmp_path / "s.safetensors", metadata=metadata)
    with pytest.raises(TrainingError, match=rf"s\.safetensors: {message}.*begin anew with overwrite=True"):
        read(tmp_path / "s.safetensors", {"seed": 0})


def test_a_truncated_file_is_named(state, tmp_path):
    state().save(tmp_path / "s.safetensors", 2)
    (tmp_path / "s.safetensors").write_bytes((tmp_path / "s.safetensors").read_bytes()[:300])
    with pytest.raises(TrainingError, match="not the state of a run"):
        read(tmp_path / "s.safetensors", {"seed": 0})


def test_a_missing_state_is_none(tmp_path):
    assert read(tmp_path / "s.safetensors", {"seed": 0}) is None


def test_the_error_about_another_run_names_the_differences(state, tmp_path):
    state(recipe={"rate": 1, "batch": 2}).save(tmp_path / "s.safetensors", 2)
    with pytest.raises(TrainingError, match=r"was another one: recipe\.rate: was 1, now 3; teacher: was None, now 'x'"):
        read(tmp_path / "s.safetensors", {"seed": 0, "recipe": {"rate": 3, "batch": 2}, "teacher": "x"})
