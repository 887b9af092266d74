"""Time the whole run, from files to files, against a plain flow as published; one pair as a process; and the parts.

The flow reads with Pillow, fuses in torch (eager, channels first), stretches to the picture's extremes and writes PNG
by Pillow, one pair after the other: in grey, and in colour through YCbCr.

python benchmarks/fuse.py [IR VIS] [--pairs N] [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdrfuse import images, models
from mmdrfuse.datasets import pair_folders
from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs, sha256
from mmdrfuse.pipeline.fuse.fuser import Fuser
from timing import machine, time_interleaved

LLVIP = Path(__file__).parents[2] / "shared" / "data" / "LLVIP"
CORES = os.cpu_count() or 1

WEIGHTS, RANGE = "scenes", "clip"
"""What every row but the last runs with, so that rows compare over time, whatever the defaults are."""
NAMED = ("--weights", WEIGHTS, "--range", RANGE)

ONE_PAIR = """
import json, sys, time
began = time.perf_counter()
laps = {}
def lap(name, since=[began]):
    now = time.perf_counter()
    laps[name] = 1000 * (now - since[0])
    since[0] = now
import mmdrfuse.cli
from mmdrfuse import images, models
from mmdrfuse.engine import fuse_stored, make
lap("imports")
from pathlib import Path
infrared, visible = (images.read(Path(name)) for name in sys.argv[1:3])
lap("reading")
lumas = images.luminance(infrared), images.luminance(visible)
coloured = not images.is_gray(visible)
lap("luminance")
fused = fuse_stored(make(models.read("scenes")), *lumas)
lap("fusing")
fused = images.recolour(fused, visible, lumas[1]) if coloured else fused
lap("colour")
images.write(Path(sys.argv[3]), fused)
lap("writing")
print(json.dumps(laps))
"""
"""The steps of ``mmdrfuse fuse`` for one pair in a process of its own, with the time of each."""


def main() -> None:
    """Print the measurements, and write them as JSON with --json."""
    arguments = _arguments()
    pairs = list(pair_folders(arguments.infrared, arguments.visible, recursive=True).pairs)[: arguments.pairs]
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        folders = arguments.infrared, arguments.visible, out / "all", "--overwrite", "--workers", CORES
        document = {"machine": machine(), "pairs": len(pairs), "cores": CORES, "weights": WEIGHTS, "range": RANGE}
        # Processes first: the peak memory of this one counts for those that it starts.
        document["whole run"] = whole = _whole(folders, arguments.rounds)
        document["one pair, milliseconds"] = cold = _cold(pairs[0], out, arguments.rounds)
        document["pairs per second"] = rates = _rates(pairs, out, arguments.rounds)
        document["warm parts, milliseconds"] = parts = _parts(pairs[0], out)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    for what, rate in rates.items():
        print(f"{what:40} {rate['median']:7.2f} pairs/s  [{rate['lowest']:.2f}, {rate['highest']:.2f}]")
    for kind in ("grey", "colour"):
        ratio = rates[f"mmdrfuse, {kind}, {CORES} workers"]["median"] / rates[f"published flow, {kind}"]["median"]
        print(f"{kind}: {ratio:.1f} times as many pairs per second")
    for what, run in whole.items():
        print(f"mmdrfuse fuse, whole folders, {what}: {run['seconds']:.2f} s, peak memory {run['peak MiB']:.0f} MiB")
    process = [cold.pop(kind) for kind in ("process", "best", "processor")]
    print("one pair as a process: {:.0f} ms, best {:.0f}, processor time {:.0f}".format(*process))
    print(f"  of which {_listed(cold)}")
    print(f"  the same, warm: {_listed({what: row['median'] for what, row in parts.items()})}")


def _listed(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{what} {value:.1f}" for what, value in milliseconds.items())


def _rates(pairs: Sequence[Pair], out: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Run each flow over all pairs in every round; warmed up by one pair."""
    checkpoint = models.read(WEIGHTS)
    flows: dict[str, Callable[[Sequence[Pair]], None]] = {}
    for kind, color in (("grey", "gray"), ("colour", "auto")):
        network = models.load(WEIGHTS)
        flows[f"published flow, {kind}"] = lambda some, network=network, kind=kind: _published(
            network, some, out / f"published {kind}", colour=kind == "colour"
        )
        for workers in sorted({1, CORES}):
            run = partial(
                _ours, Choices(Fuser(make(checkpoint), color=color), checkpoint), out / f"ours {kind}", workers
            )
            flows[f"mmdrfuse, {kind}, {workers} worker{'s' * (workers > 1)}"] = run
    rates: dict[str, list[float]] = {name: [] for name in flows}
    for flow in flows.values():
        flow(pairs[:1])
    for _ in range(rounds):
        for name, flow in flows.items():
            start = time.perf_counter()
            flow(pairs)
            rates[name].append(len(pairs) / (time.perf_counter() - start))
    return {
        name: {"median": float(np.median(values)), "lowest": min(values), "highest": max(values)}
        for name, values in rates.items()
    }


def _ours(choices: Choices, out: Path, workers: int, pairs: Sequence[Pair]) -> None:
    for _, result in fuse_pairs(choices, pairs, out, workers=workers, overwrite=True):
        if isinstance(result, Exception):
            raise result


def _published(network: Any, pairs: Sequence[Pair], out: Path, *, colour: bool) -> None:
    import torch

    torch.set_num_threads(CORES)
    out.mkdir(exist_ok=True)
    for pair in pairs:
        infrared = np.asarray(Image.open(pair.infrared).convert("L"), np.float32) / 255
        picture = Image.open(pair.visible).convert("YCbCr" if colour else "L")
        visible = np.asarray(picture, np.float32) / 255
        luma = visible[..., 0] if colour else visible
        sources = (torch.from_numpy(np.ascontiguousarray(plane))[None, None] for plane in (infrared, luma))
        with torch.no_grad():
            fused = network(*sources).fused[0, 0].numpy()
        levels = (255 * (fused - fused.min()) / (fused.max() - fused.min())).astype(np.uint8)
        made = Image.fromarray(levels)
        if colour:
            made = Image.merge("YCbCr", (made, *picture.split()[1:])).convert("RGB")
        made.save(out / f"{pair.visible.stem}.png")


def _command(*arguments: object) -> dict[str, float]:
    """Run ``mmdrfuse fuse``: its time, its processor time and its peak memory."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "mmdrfuse", "fuse", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return {
        "seconds": time.perf_counter() - start,
        "processor seconds": usage.ru_utime + usage.ru_stime,
        "peak MiB": usage.ru_maxrss / 1024,
    }


def _whole(folders: Sequence[object], rounds: int) -> dict[str, dict[str, float]]:
    """Run the command in turns with the named weights and range, and with the defaults; return medians."""
    ways = {f"{WEIGHTS} and {RANGE}": NAMED, "weights and range by default": ()}
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, named in ways.items():
            runs[way].append(_command(*folders, *named))
    return {
        way: {measure: float(np.median([run[measure] for run in each])) for measure in each[0]}
        for way, each in runs.items()
    }


def _cold(pair: Pair, out: Path, rounds: int) -> dict[str, float]:
    """Time one pair in a process with cached compiled code: the whole command, and one that reports its steps."""
    files = [str(path) for path in (pair.infrared, pair.visible, out / "one.png")]
    whole, steps = [], []
    for _ in range(2 * rounds):
        whole.append(_command(*files, "--overwrite", *NAMED))
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", ONE_PAIR, *files], check=True, capture_output=True, text=True)
        laps = json.loads(done.stdout)
        steps.append({"Python": 1000 * (time.perf_counter() - start) - sum(laps.values()), **laps})
    return {
        "process": 1000 * float(np.median([run["seconds"] for run in whole])),
        "best": 1000 * min(run["seconds"] for run in whole),
        "processor": 1000 * float(np.median([run["processor seconds"] for run in whole])),
    } | {step: float(np.median([laps[step] for laps in steps])) for step in steps[0]}


def _parts(pair: Pair, out: Path) -> dict[str, dict[str, Any]]:
    engine, visible, infrared = make(models.read(WEIGHTS)), images.read(pair.visible), images.read(pair.infrared)
    lumas = images.luminance(infrared), images.luminance(visible)
    fused = fuse_stored(engine, *lumas)
    work: dict[str, Callable[[], Any]] = {
        "reading": lambda: [images.read(path) for path in (pair.infrared, pair.visible)],
        "luminance": lambda: [images.luminance(picture) for picture in (infrared, visible)],
        "fusing": lambda: fuse_stored(engine, *lumas),
        "writing": lambda: images.write(out / "part.png", visible),
        "hashing": lambda: [sha256(path) for path in (pair.infrared, pair.visible)],
    }
    if not images.is_gray(visible):
        work["colour"] = lambda: images.recolour(fused, visible, lumas[1])
    return time_interleaved(work, 20)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("infrared", nargs="?", type=Path, default=LLVIP / "infrared")
    parser.add_argument("visible", nargs="?", type=Path, default=LLVIP / "visible")
    parser.add_argument("--pairs", type=int, help="the first of them; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
