"""Measure what a cluster costs for each pair, and what a manifest of many lines takes to read.

python benchmarks/cluster.py [--pairs N] [--alone N] [--lines N] [--json FILE]

The pairs are made-up pictures of 32×32 pixels under many names, as hard links. A scheduler and two workers run in
processes of their own on the loopback address. The overhead of a pair is the processor time of this process and of the
scheduler, which do no fusing, and the difference between the wall times with the cluster and with as many threads.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.entries import NAME, Entries, Entry
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.cluster import Cluster
from mmdrfuse.system.timing import peak_memory
from mmdrfuse.system.workers import Workers
from timing import machine

WORKERS = 2
PICTURES = 50
"""Different made-up pairs."""
PER_FOLDER = 1000
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Print the figures, and write them as JSON with --json."""
    arguments = _arguments()
    document: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as name:
        document["manifest"] = _manifest(Path(name), arguments.lines)
        pairs = _made_up_pairs(Path(name), arguments.pairs)
        document["cluster"] = _cluster(Path(name), pairs, arguments.alone)
        if arguments.json:  # at once, because it takes a while to remove so many files
            arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _manifest(folder: Path, count: int) -> dict[str, Any]:
    """Read a manifest in a process of its own, as ``--resume`` and ``eval`` do."""
    entry = Entry(
        "0/0.png", "../../infrared/0/0.png", "../../visible/0/0.png", "a" * 64, "b" * 64, 640, 512, "minmax",
        (0.1, 0.9), True, "scenes", "c" * 64, "0.1.0", 0.0123, "2026-11-26T06:00:00+00:00", (640, 512), (640, 512),
        selection="scenes: both sides near black in 0.0% of the pixels, visible dark in 3.4%", nbytes=250_000,
    )  # fmt: skip
    line = (
        json.dumps(asdict(entry)).replace("0/0.png", "%(name)s.png").replace("0.0%", "0.0%%").replace("3.4%", "3.4%%")
    )
    with (folder / NAME).open("w") as file:
        for number in range(count):
            file.write(line % {"name": f"{number // PER_FOLDER:04}/frame_{number:07}"} + "\n")
    nbytes = (folder / NAME).stat().st_size
    code = "import sys; sys.path.insert(0, sys.argv[1]); import cluster; cluster.read_twice(sys.argv[2])"
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(folder)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    (folder / NAME).unlink()
    found: dict[str, Any] = {"lines": count, "bytes": nbytes, **json.loads(run.stdout)}
    print(
        f"manifest: {count} lines, {nbytes / 1e6:.0f} MB: indexed in {found['index seconds']:.1f} s "
        f"({found['index processor seconds']:.1f} s of a processor), every entry read again in "
        f"{found['entries seconds']:.1f} s ({found['entries processor seconds']:.1f}), peak {found['peak MB']:.0f} MB"
    )
    return found


def read_twice(folder: str) -> None:
    """Print as JSON how long it takes to index a manifest, and to read all of its entries."""
    found: dict[str, Any] = {}
    entries: Entries | None = None
    for what in ("index", "entries"):
        start, processor = time.perf_counter(), time.process_time()
        if entries is None:
            entries = Entries(Path(folder))
        else:
            assert sum(1 for _ in entries) == len(entries)
        found[f"{what} seconds"] = time.perf_counter() - start
        found[f"{what} processor seconds"] = time.process_time() - processor
    found["peak MB"] = peak_memory()
    print(json.dumps(found))


def _cluster(folder: Path, pairs: list[Pair], alone: int) -> dict[str, Any]:
    weights = models.read("scenes")
    choices = Choices(Fuser(make(weights)), weights)
    _fuse(choices, pairs[:PICTURES], folder / "warm", WORKERS)
    single = _fuse(choices, pairs[:alone], folder / "alone", WORKERS)
    with _processes(folder) as (address, processes), Cluster(address) as workers:
        _fuse(choices, pairs[:PICTURES], folder / "warm too", workers)  # imports, and the compiled kernel
        before = {name: _processor(number) for name, number in processes.items()}
        with _sampled(processes) as course:
            seconds = _fuse(choices, pairs, folder / "cluster", workers)
        spent = {name: _processor(number) - before[name] for name, number in processes.items()}
    count = len(pairs)
    overhead = 1000 * (spent["this process"] + spent["scheduler"]) / count
    result = {
        "pairs": count,
        "workers": WORKERS,
        "wall ms a pair": 1000 * seconds / count,
        "wall ms a pair with threads alone": 1000 * single / alone,
        "overhead, processor ms a pair": overhead,
        "processor ms a pair": {name: 1000 * value / count for name, value in spent.items()},
        "resident MB, every so often": course,
    }
    print(
        f"cluster: {count} pairs of 32x32 in {seconds:.0f} s, {result['wall ms a pair']:.2f} ms a pair "
        f"({result['wall ms a pair with threads alone']:.2f} with {WORKERS} threads alone); overhead of this process "
        f"and the scheduler: {overhead:.2f} ms a pair"
    )
    for name, values in course.items():
        print(f"  {name}: {values[0]} MB at first, {max(values)} at most, {values[-1]} at last")
    return result


def _fuse(choices: Choices, pairs: list[Pair], out: Path, workers: Workers) -> float:
    start = time.perf_counter()
    count = sum(isinstance(entry, Entry) for _, entry in fuse_pairs(choices, pairs, out, workers=workers))
    assert count == len(pairs)
    return time.perf_counter() - start


def _made_up_pairs(folder: Path, count: int) -> list[Pair]:
    rng = np.random.default_rng(7)
    made = []
    for number in range(PICTURES):
        pair = Pair("", folder / f"ir{number}.png", folder / f"vi{number}.png")
        images.write(pair.infrared, rng.integers(0, 255, (32, 32), np.uint8))
        images.write(pair.visible, rng.integers(0, 255, (32, 32, 3), np.uint8))
        made.append(pair)
    pairs = []
    for number in range(count):
        name = f"{number // PER_FOLDER:04}/{number:07}"
        pair = Pair(name, *(folder / side / f"{name}.png" for side in ("ir", "vi")))
        source = made[number % PICTURES]
        for link, target in ((pair.infrared, source.infrared), (pair.visible, source.visible)):
            if number % PER_FOLDER == 0:
                link.parent.mkdir(parents=True)
            link.hardlink_to(target)
        pairs.append(replace(pair))
    return pairs


@contextmanager
def _processes(folder: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """Start a scheduler and workers; yield the address, and the numbers of the processes to look at."""
    file = folder / "scheduler.json"
    started = []

    def start(what: str, *options: str) -> int:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", f"--scheduler-file={file}", "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}  # as docs/scale.md advises
        started.append(subprocess.Popen([*command, *options], cwd=folder, env=environment, **quiet))
        return started[-1].pid

    try:
        processes = {"this process": os.getpid(), "scheduler": start("scheduler", "--host=127.0.0.1", "--port=0")}
        for number in range(WORKERS):
            processes[f"worker {number + 1}"] = start("worker", "--host=127.0.0.1", "--nthreads=1", "--no-nanny")
        while not file.is_file():
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"], processes
    finally:
        for process in started:
            process.kill()
            process.wait()


@contextmanager
def _sampled(processes: dict[str, int], every: float = 5.0) -> Iterator[dict[str, list[int]]]:
    """Yield the courses of the processes' resident memory in MB, which grow during the block."""
    course: dict[str, list[int]] = {name: [_resident(number)] for name, number in processes.items()}
    end = Event()

    def sample() -> None:
        while not end.wait(every):
            for name, number in processes.items():
                course[name].append(_resident(number))

    thread = Thread(target=sample)
    thread.start()
    try:
        yield course
    finally:
        end.set()
        thread.join()
        for name, number in processes.items():
            course[name].append(_resident(number))


def _stat(process: int, name: str, read: Callable[[str], float]) -> float:
    return read(Path(f"/proc/{process}/{name}").read_text())


def _resident(process: int) -> int:
    return round(_stat(process, "statm", lambda text: int(text.split()[1]) * _PAGE / 1e6))


def _processor(process: int) -> float:
    return _stat(process, "stat", lambda text: sum(map(int, text.rsplit(")", 1)[1].split()[11:13])) / _TICKS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000, help="fused on the cluster")
    parser.add_argument("--alone", type=int, default=2_000, help="fused with threads, to compare")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the manifest")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
