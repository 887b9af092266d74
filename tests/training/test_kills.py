"""SIGKILL at many points: a resumed run ends with the weights of a run that was never stopped."""

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
    "RefreshMemory._replace:after:3:0",  # the memory is newer than the weights
    "Adam.step:after:2:0",
    "Path.replace:before:2:0",  # the memory's file is written, but not renamed
    "Path.replace:before:3:0",  # so is the state
    "State._write:after:1:0",  # the save is complete, the previous one still exists
    "RefreshMemory.commit:after:1:0",
)
TWO = (
    "RefreshMemory.commit:before:1:1",  # all have saved, but one does not know it
    "RefreshMemory._replace:within:2:1",
    "Path.replace:before:1:1",  # one process has written its memory, the other has not
    "Path.replace:before:3:0",
    "State._write:after:1:0",
    "RefreshMemory.commit:after:1:0",
)
"""Points at which processes are killed, one after the other, in a run that saves after 3, 6 and 9 steps."""


@pytest.fixture
def killed(teacher, tmp_path):
    """Return a function that trains with kills; it returns the weights and the sizes of the mapped memories."""

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
    """The weights of one process that is not stopped, with its refresh memory in RAM."""
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
    assert mapped["process-1/memory.bin"] == 2 * 5 * 16 * 16  # 4 and a placeholder
    for name in straight:
        np.testing.assert_allclose(arrays[name], straight[name], rtol=0, atol=1e-5)
