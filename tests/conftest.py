"""What several test files share: real data where it is, made-up scenes and weights elsewhere."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

# Before torch is loaded, here and in the processes that tests start: with one thread sums have one order.
os.environ["OMP_NUM_THREADS"] = "1"

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder of real pairs, oracle values and released checkpoints."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data in ../shared, which is not part of the project")
    return SHARED


@pytest.fixture
def rng():
    return np.random.default_rng(20240815)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Three synthetic pairs of 96×128 in folders ir and vi."""
    from mmdrfuse.datasets.scenes.synthetic import write_scenes

    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 3, 7, height=96, width=128)
    return folder


@contextmanager
def running_scheduler(folder, workers=2):
    """Start a dask scheduler and workers as processes of their own; yield its address and its process."""
    environment = os.environ | {
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        "DASK_LOGGING__DISTRIBUTED": "critical",
    }
    file = folder / "scheduler.json"

    def start(what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", f"--scheduler-file={file}", "--no-dashboard"]
        return subprocess.Popen(
            [*command, *options], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    scheduler = start("scheduler", "--host=127.0.0.1", "--port=0")
    worker = start("worker", "--host=127.0.0.1", f"--nworkers={workers}", "--nthreads=1", "--death-timeout=60")
    try:
        end = time.monotonic() + 60
        while not file.is_file() and time.monotonic() < end:
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], scheduler
    finally:
        for process in (worker, scheduler):  # the groups, with the workers' own processes; to ask them takes seconds
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.fixture(scope="session")
def start_scheduler():
    """The function that starts a dask scheduler with workers."""
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    return running_scheduler


@pytest.fixture(scope="session")
def cluster_address(start_scheduler, tmp_path_factory):
    """The address of a real dask scheduler on the loopback address, with two worker processes."""
    with start_scheduler(tmp_path_factory.mktemp("scheduler")) as (address, _):
        yield address
