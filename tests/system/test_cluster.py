"""Work through a real dask scheduler and two processes. These call `eval`, because they cannot import this file."""

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.errors import ChoiceError, MissingExtraError, MMDRFuseError
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline import Fuser
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.manifest import Entry
from mmdrfuse.system import batches, cluster, scheduler
from mmdrfuse.system.cluster import Cluster
from mmdrfuse.system.workers import ordered, require

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"
FAILS = "(_ for _ in ()).throw(__import__('mmdrfuse.errors').errors.InputError('bad'))"
PROCESS = "__import__('os').getpid()"


@pytest.fixture
def workers(cluster_address):
    with Cluster(cluster_address) as executor:
        yield executor


@pytest.fixture
def submitted(monkeypatch):
    """The number of bytes of each call that is sent."""
    sizes = []
    submit = scheduler.Scheduler.submit

    def counting(self, function, *arguments):
        sizes.append(sum(len(argument) for argument in arguments if isinstance(argument, bytes)))
        return submit(self, function, *arguments)

    monkeypatch.setattr(scheduler.Scheduler, "submit", counting)
    return sizes


def evaluate(executor, items, **options):
    return [result for _, result in ordered(executor, eval, items, buffer_size=1, **options)]


@pytest.mark.slow
def test_results_and_failures_have_the_order_of_the_items_and_travel_in_batches(workers, submitted):
    items = [FAILS if number % 100 == 7 else str(number) for number in range(3000)]
    results = evaluate(workers, items)
    assert [n for n, result in enumerate(results) if result != n] == list(range(7, 3000, 100))
    assert {str(results[n]) for n in range(7, 3000, 100)} == {"bad"}
    assert len(submitted) < 100
    assert max(submitted) < 64_000


@pytest.mark.slow
def test_no_more_items_than_the_workers_need_are_taken(workers):
    source = count()
    results = ordered(workers, eval, map(str, source), buffer_size=1)
    assert [result for _, result in (next(results) for _ in range(50))] == list(range(50))
    results.close()
    assert next(source) <= 50 + cluster.MOST * (cluster.WAITING * 2 + 2)


@pytest.mark.slow
def test_an_item_that_kills_its_workers_is_named_and_the_others_are_done(workers):
    items = [*map(str, range(40)), KILLED, *map(str, range(41, 60))]
    results = evaluate(workers, items, name=lambda item: f"item {item[:12]}")
    assert [n for n, result in enumerate(results) if result != n] == [40]
    assert results[40].message.startswith("item __import__('")
    assert results[40].cure == "workers"


def small(entry):
    return replace(entry, seconds=0, finished="")


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_loses_nothing_and_all_bytes_are_the_same(workers, scenes, tmp_path, submitted):
    weights = models.read("scenes")
    choices = Choices(Fuser(make(weights)), weights)
    names = sorted(path.name for path in (scenes / "ir").iterdir())
    pairs = [Pair(f"{n:03}", *(scenes / side / names[n % 3] for side in ("ir", "vi"))) for n in range(150)]
    (process, *_) = evaluate(workers, [PROCESS])
    entries = []
    for _, entry in fuse_pairs(choices, pairs, tmp_path / "cluster", workers=workers):
        entries.append(entry)
        if len(entries) == 20:
            os.kill(process, signal.SIGKILL)
    alone = [entry for _, entry in fuse_pairs(choices, pairs, tmp_path / "alone")]
    assert [*map(small, entries)] == [*map(small, alone)]
    for entry in alone:
        assert (tmp_path / "cluster" / entry.fused).read_bytes() == (tmp_path / "alone" / entry.fused).read_bytes()
    assert max(submitted) < 64_000  # three pictures have more


@pytest.mark.slow
def test_a_scheduler_that_dies_ends_the_run_with_one_error_and_what_is_done_stays(start_scheduler, tmp_path):
    with start_scheduler(tmp_path, workers=1) as (address, process), Cluster(address) as executor:
        results = ordered(executor, eval, map(str, range(100_000)), buffer_size=1)
        assert [next(results)[1] for _ in range(5)] == [0, 1, 2, 3, 4]
        process.kill()
        with pytest.raises(MMDRFuseError, match=address) as failure:
            list(results)
    assert failure.value.cure == "resume"


@pytest.mark.parametrize(
    "address", ["local:0", "local:many", "local:", "local:-1", "", "machine", "tcp://machine", "a b:1"]
)
def test_what_is_no_address_is_refused_at_once(address):
    with pytest.raises(ChoiceError, match="local:4") as failure:
        Cluster(address)
    assert repr(address) in str(failure.value)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    monkeypatch.setattr(scheduler, "CONNECT_SECONDS", 0.2)
    with (
        Cluster("tcp://127.0.0.1:1") as executor,
        pytest.raises(MMDRFuseError, match=r"127\.0\.0\.1:1: no scheduler"),
    ):
        evaluate(executor, ["1"])


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    scheduler.distributed.cache_clear()
    with pytest.raises(MissingExtraError, match=r"mmdrfuse\[cluster\]"):
        Cluster("local:1")


def versions(mmdrfuse, distributed="2"):
    return {"packages": {"mmdrfuse": mmdrfuse, "distributed": distributed}}


@pytest.mark.parametrize(
    ("of_scheduler", "of_worker", "words"),
    [
        (versions("1"), versions("0"), ["the worker tcp://b:2", "mmdrfuse 0", "has 1"]),
        (versions("1"), versions(None), ["the worker tcp://b:2", "no mmdrfuse"]),
        (versions("1", "3"), versions("1"), ["the scheduler tcp://a:1", "distributed 3", "has 2"]),
    ],
)
def test_versions_that_differ_are_named(of_scheduler, of_worker, words):
    found = {"client": versions("1"), "scheduler": of_scheduler, "workers": {"tcp://b:2": of_worker}}
    client = SimpleNamespace(get_versions=lambda packages: found, scheduler=SimpleNamespace(address="tcp://a:1"))
    with pytest.raises(MMDRFuseError) as failure:
        scheduler._compare_versions(client)
    assert [word for word in words if word not in str(failure.value)] == []


@pytest.mark.slow
def test_a_worker_of_another_version_that_comes_later_ends_the_run(workers, monkeypatch):
    monkeypatch.setattr(batches, "__version__", "9.9")
    with pytest.raises(MMDRFuseError, match=r"the worker tcp://127\.0.+9\.9"):
        evaluate(workers, ["1", "2"])


def test_a_folder_that_a_worker_does_not_see_is_named_with_the_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "FOLDER_SECONDS", 0.2)
    monkeypatch.setattr(batches, "_own_name", lambda: "the worker tcp://b:2")
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    executor = Cluster("tcp://b:2")
    shared = tmp_path / "shared"
    require(executor, [shared])
    assert not executor._required  # it is missing here, too
    shared.mkdir()
    require(executor, [shared])
    work = batches.pack_work(eval, executor._required)
    assert batches.unpack(batches.run_batch(work, batches.pack(["7"]))).outcomes == [7]
    shared.rmdir()
    batches._loaded.cache_clear()
    with pytest.raises(MMDRFuseError, match=f"{shared}: the worker tcp://b:2 does not see it"):
        batches.run_batch(work, batches.pack(["7"]))


def test_one_file_of_each_folder_is_looked_for(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    files = [tmp_path / folder / name for folder in "ab" for name in ("missing", "1", "2")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        if file.name != "missing":
            file.touch()
    executor = Cluster("tcp://b:2")
    require(executor, files)
    assert [*executor._required] == [str(tmp_path / "a" / "1"), str(tmp_path / "b" / "1")]


def test_relative_paths_travel_as_absolute_ones():
    pair = Pair("a", Path("ir/a.png"), Path("/vi/a.png"))
    there = pickle.loads(batches.pack([pair]))[0]
    assert (there.infrared, there.visible) == (Path.cwd() / "ir/a.png", Path("/vi/a.png"))


def test_items_and_outcomes_are_small(rng):
    pair = Pair("folder/name", Path("/sets/folder/infrared/name.png"), Path("/sets/folder/visible/name.png"))
    entry = Entry("f", "i", "v", "a" * 64, "b" * 64, 1, 1, "clip", (0, 1), True, "w", "c" * 64, "1", 0.1)
    assert len(batches.pack([pair] * 256)) < 100 * 256
    assert len(pickle.dumps(batches.Done([entry] * 256, 0.1))) < 1000 * 256


SCRIPT = """
import os, signal
from mmdrfuse.system.cluster import Cluster
from mmdrfuse.system.workers import ordered
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Cluster("local:1") as executor:
        items = ["__import__('os').getpid()", *["__import__('time').sleep(0.1)"] * 100]
        results = ordered(executor, eval, items, buffer_size=1)
        print(next(results)[1], flush=True)
        list(results)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_ends_the_processes_of_this_machine_without_their_messages(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as run:  # fmt: skip
        worker = run.stdout.readline().strip()
        os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=30)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert not Path(f"/proc/{worker}").exists()


def test_ctrl_c_while_processes_start_waits_for_them_and_then_closes_them(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    steps = []

    def start(count):
        signal.raise_signal(signal.SIGINT)
        steps.append(f"started {count}")
        return SimpleNamespace(close=lambda: steps.append("closed"))

    monkeypatch.setattr(scheduler, "_local_cluster", start)
    with pytest.raises(KeyboardInterrupt), Cluster("local:2") as executor:
        evaluate(executor, ["1"])
    assert steps == ["started 2", "closed"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_processes_end_waits_for_them(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    steps = []

    def close():
        signal.raise_signal(signal.SIGINT)
        steps.append("closed")

    monkeypatch.setattr(scheduler, "_local_cluster", lambda _count: SimpleNamespace(close=close))
    with pytest.raises(KeyboardInterrupt), scheduler._started(2):
        steps.append("started")
    assert steps == ["started", "closed"]


def test_a_package_that_a_worker_lacks_is_named_with_the_worker(monkeypatch):
    monkeypatch.setattr(batches, "_own_name", lambda: "the worker tcp://b:2")
    work = batches.pack_work(eval, [])
    with pytest.raises(MMDRFuseError, match=r"the worker tcp://b:2 lacks .*'nowhere'"):
        batches.run_batch(work, batches.pack(["__import__('nowhere')"]))


def test_processes_that_end_before_they_have_started_are_named(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")

    def start(**_options):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(scheduler.distributed(), "LocalCluster", start)
    with pytest.raises(MMDRFuseError, match=r"local:2: .*__main__"), Cluster("local:2") as executor:
        evaluate(executor, ["1"])
