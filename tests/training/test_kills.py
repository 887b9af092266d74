"""SIGKILL at every kind of moment: a run that goes on ends with the weights of one that never stopped."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse import models, training
from mmdrfuse.training import memory

HERE = Path(__file__).parent
ALONE = (
    "RefreshMemory._replace:before:2:0",
    "RefreshMemory._replace:within:2:0",  # half an image is changed
    "RefreshMemory._replace:after:3:0",  # the memory runs ahead of the weights
    "Adam.step:after:2:0",
    "Path.replace:before:2:0",  # the memory's part is written and has no name
    "Path.replace:before:3:0",  # so is the state
    "State._write:after:1:0",  # the save counts, what went before is still there
    "RefreshMemory.commit:after:1:0",
)
TWO = (
    "RefreshMemory.commit:before:1:1",  # all have saved, one has not heard that all have
    "RefreshMemory._replace:within:2:1",
    "Path.replace:before:1:1",  # one process has its part of the save, the other has not
    "Path.replace:before:3:0",
    "State._write:after:1:0",
    "RefreshMemory.commit:after:1:0",
)
"""Where to kill whom, one after the other, in a run that saves after 3, 6 and 9 steps."""


@pytest.fixture
def killed(teacher, tmp_path):
    """Train in processes that are killed at some points; gives the last weights, and the mapped memories' sizes."""

    def run(processes, limit, points):
        models.write(tmp_path / "teacher.safetensors", teacher.arrays, teacher.card)
        folder = tmp_path / "killed"
        arguments = [folder, tmp_path / "teacher.safetensors", processes, limit, *points]
        done = subprocess.run(
            [sys.executable, HERE / "killing.py", *map(str, arguments)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not list(folder.rglob("memory*"))
        return models.read(folder / "student.safetensors").arrays, json.loads(done.stdout)

    return run


@pytest.fixture
def straight(toy, small, teacher, tmp_path):
    """The weights of one process that nobody stops, with all its memory in memory."""
    recipe = small(epochs=3, batch=4)
    list(training.train(recipe, toy(9), tmp_path / "straight", teacher=teacher, device="cpu"))
    return models.read(tmp_path / "straight" / "student.safetensors").arrays


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, memory.IN_MEMORY], ids=["mapped", "in memory"])
def test_a_killed_run_ends_with_the_same_bytes(killed, straight, limit):
    arrays, mapped = killed(1, limit, ALONE)
    assert mapped.keys() == ({"memory.bin"} if limit == 0 else set())
    assert all(np.array_equal(arrays[name], straight[name]) for name in straight)


@pytest.mark.slow
def test_two_killed_processes_end_like_one_with_their_common_batch(killed, straight):
    arrays, mapped = killed(2, 0, TWO)
    assert mapped["process-1/memory.bin"] == 2 * 5 * 16 * 16  # 4 and a stand-in
    for name in straight:
        np.testing.assert_allclose(arrays[name], straight[name], rtol=0, atol=1e-5)
