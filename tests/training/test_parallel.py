"""Several processes of one run: their shards, the same result as one process, and a common end."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mmdrfuse import models
from mmdrfuse.cli import main
from mmdrfuse.datasets import prepare
from mmdrfuse.errors import TrainingError
from mmdrfuse.system import launch
from mmdrfuse.training import parallel, run
from mmdrfuse.training.parallel import World, report_lost_process
from mmdrfuse.training.patches import Shard, draw_batch

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "mmdrfuse")


def shards(patches, size):
    return [Shard(patches, rank=rank, processes=size) for rank in range(size)]


@pytest.mark.parametrize(("count", "size", "batch"), [(7, 1, 3), (9, 2, 2), (10, 3, 1), (25, 4, 3)])
def test_the_batches_of_the_shards_make_that_of_one_process(toy, count, size, batch):
    patches, owners = toy(count), {}
    for step in range(2 * -(-count // (batch * size))):
        indices, _ = draw_batch(step, count=count, batch=batch * size, seed=0, flips=False)
        parts = [(rank, *shard.local(indices)) for rank, shard in enumerate(shards(patches, size))]
        assert sum(part for _, _, part in parts) == pytest.approx(1)
        seen = {rank: own * size + rank for rank, own, part in parts if part}
        assert sorted(np.concatenate(list(seen.values()))) == sorted(indices)
        for rank, own in seen.items():
            assert len(own) <= batch
            assert all(owners.setdefault(index, rank) == rank for index in own)  # in every epoch the same
    assert sorted(owners) == list(range(count))


def test_a_shard_has_its_patches_and_a_placeholder(toy):
    patches = toy(7)
    for rank, shard in enumerate(shards(patches, 2)):
        infrared, _ = shard.batch(np.arange(shard.own))
        assert np.array_equal(infrared, patches.infrared[rank::2])
        assert shard.shape == (shard.own + 1, 16, 16)
        own, part = shard.local(np.array([1 - rank]))
        assert (own.tolist(), part) == ([shard.own], 0)
        assert shard.batch(own)[0].shape == (1, 16, 16)
    assert shards(patches, 1)[0].shape == patches.shape


@pytest.mark.slow
def test_two_processes_end_like_one_with_twice_the_batch(scenes, tmp_path):
    prepare([scenes], tmp_path / "p.h5", patch=32, stride=48)  # 18 patches: the last step has one for each
    shared = ("--epochs", 2, "--features", "none", "--device", "cpu", "--threads", 1, "--weight", "distillation=0")
    one, two = (("distill", tmp_path / "p.h5", "-o", tmp_path / name, *shared) for name in ("one", "two"))
    assert CliRunner().invoke(main, list(map(str, (*one, "--batch", 16)))).exit_code == 0
    command = map(str, (sys.executable, *TORCHRUN, *two, "--batch", 8))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 2/2: total ") == done.stderr.count("wrote ") == 1
    one, two = (models.read(tmp_path / name / "student.safetensors") for name in ("one", "two"))
    assert two.card["processes"] == 2
    for name in one.arrays:
        np.testing.assert_allclose(two.arrays[name], one.arrays[name], rtol=0, atol=2e-5)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    for a, b in zip(*([json.loads(line) for line in log] for log in logs), strict=True):
        assert a["losses"] == pytest.approx(b["losses"], rel=1e-4, abs=1e-7)
        assert a["patches"] == b["patches"]


ONE_BREAKS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from conftest import Toy
from mmdrfuse import training
from mmdrfuse.errors import TrainingError
from mmdrfuse.training import loop
class Broken(Toy):
    def batch(self, indices):
        if 3 in indices and how == "gone":
            os._exit(1)
        self.broken = 3 in indices
        return super().batch(indices)
def breaking(shard, indices, *, device):
    batch = load_batch(shard, indices, device=device)
    return batch._replace(infrared=batch.infrared * float("nan")) if shard.patches.broken else batch
load_batch, loop.load_batch = loop.load_batch, breaking
recipe = training.recipe("default", "teacher", epochs=2, batch=2, features="none")
torch.optim.Adam([torch.zeros(1, requires_grad=True)]).zero_grad()  # loads the parts of torch that load late
for how, port in zip(("nan", "gone"), sys.argv[3:]):
    os.environ["MASTER_PORT"] = port
    for rank in "01":
        os.environ["RANK"] = rank
        if not os.fork():
            try:
                list(training.train(recipe, Broken(8), Path(sys.argv[2]) / how, device="cpu"))
            except TrainingError as error:
                Path(sys.argv[2], how + rank).write_text(str(error))
            os._exit(0)
    os.wait(), os.wait()
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Break one of two processes; return the messages by the way of breaking and the rank."""
    folder = tmp_path_factory.mktemp("broken")
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        ports = [str(free.getsockname()[1]) for free in (one, two)]
    meeting = {**os.environ, "MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2"}
    command = [sys.executable, "-c", ONE_BREAKS, str(Path(__file__).parent), str(folder), *ports]
    subprocess.run(command, env=meeting, check=True, timeout=120)
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_all_processes_with_one_message(broken):
    assert broken["nan0"] == broken["nan1"]
    assert "no finite number for intensity" in broken["nan0"]
    named = broken["nan0"].partition("on patches ")[2].partition(";")[0].split(", ")
    assert "3" in named
    assert len(named) == 4


@pytest.mark.slow
def test_a_process_that_ends_leaves_no_other_waiting(broken):
    assert broken["gone0"].startswith("another process of this run has stopped")
    assert "gone1" not in broken


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            RuntimeError("[third_party/gloo/pair.cc:5] Connection closed by peer"),
            "another process of this run has stopped",
        ),
        (torch.distributed.DistBackendError("NCCL"), "another process of this run has stopped"),
    ],
)
def test_an_error_of_torch_becomes_one_about_the_lost_process(error, message):
    with pytest.raises(TrainingError, match=message), report_lost_process():
        raise error


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match="shapes"), report_lost_process():
        raise RuntimeError("shapes")


def test_processes_that_do_not_find_each_other_are_an_error_with_a_cure(monkeypatch):
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(TrainingError, match=r"process 0 of 2 cannot find the others .*torchrun --nproc-per-node N -m"):
        World(0, 2).join(torch.device("cpu"))
    with pytest.raises(TrainingError, match="2 processes can train on the CPU or on CUDA, not on mps"):
        World(0, 2).join(torch.device("mps"))


def test_processes_wait_for_the_first_one_longer_than_any_validation_takes(monkeypatch):
    settings = {}
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend, **options: settings.update(options))
    World(1, 2).join(torch.device("cpu"))
    assert settings["timeout"].total_seconds() >= 12 * 3600


def test_a_process_is_numbered_by_its_environment_and_takes_its_own_accelerator(monkeypatch):
    assert parallel.world() == World(0, 1, 0)
    for name, value in (("RANK", "5"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "77")):
        monkeypatch.setenv(name, value)
    assert parallel.world() == World(5, 8, 77)
    with pytest.raises(TrainingError, match="device 'cuda:77' cannot be used here"):
        run.torch_device("cuda", parallel.world())


@pytest.mark.parametrize(
    "left_behind",
    [
        {"RANK": "1"}, {"WORLD_SIZE": "4"}, {"LOCAL_RANK": "3"}, {"RANK": "1", "WORLD_SIZE": "1"}, {"RANK": ""},
        {"RANK": "one", "WORLD_SIZE": "2"}, {"RANK": "-1", "WORLD_SIZE": "2"}, {"RANK": "2", "WORLD_SIZE": "2"},
    ],
)  # fmt: skip
def test_incomplete_or_invalid_ranks_are_ignored(monkeypatch, left_behind):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in left_behind.items():
        monkeypatch.setenv(name, value)
    assert parallel.world() == World()
    assert not launch.is_secondary_process()
