"""Measure the memory and the processor time that ``fuse`` and ``eval`` take for each pair, besides its pictures.

python benchmarks/memory.py [--pairs N] [--flat] [--json FILE] [WORD ...]

The commands run as a user runs them, on made-up pictures of 8×8 under many names, as hard links. Only the work on one
pair is left out: a made-up entry of the manifest, or made-up scores, stand for it. What is left is the list of pairs,
the pairing, the checks, the manifest and the table. Each command runs twice, with a fifth of the pairs and with all, in
a process of its own. The difference is what each pair costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse import images
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse import folder, manifest
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.entries import Entry
from mmdrfuse.pipeline.score import score
from mmdrfuse.pipeline.score.score import Candidate
from mmdrfuse.system.timing import peak_memory
from timing import machine

MILLION = 1_000_000
LINKS = 10_000
"""Names of one file: file systems allow some 65,000."""
PER_FOLDER = 1_000

COMMANDS = {
    "fuse": "fuse {0}/ir {0}/vi {0}/new --workers 2",
    "fuse --cluster": "fuse {0}/ir {0}/vi {0}/newer --cluster local:2",
    "fuse --resume, all done": "fuse {0}/ir {0}/vi {0}/new --workers 2 --resume",
    "eval": "eval {0}/new --workers 1",
    "eval --cluster": "eval {0}/new --cluster local:2",
    "eval --json --csv": "eval {0}/new --workers 1 --json {0}/all.json --csv {0}/all.csv",
    "eval --ir --vis": "eval {0}/vi --workers 1 --ir {0}/ir --vis {0}/vi",
    "eval --baselines": "eval --workers 1 --ir {0}/ir --vis {0}/vi --baselines max",
}
"""In this order, because some read what others write."""


def main() -> None:
    """Print the figures, and write them as JSON with --json."""
    arguments = _arguments()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name, "few"), Path(name, "many")
        for place, count in ((few, arguments.pairs // 5), (many, arguments.pairs)):
            make_pictures(place, count, count if arguments.flat else PER_FOLDER)
        for what, command in COMMANDS.items():
            if what == "fuse" or all(word in what for word in arguments.words):
                found[what] = measured(command, few, many, arguments.pairs)
                print(f"{what}: {described(found[what])}", flush=True)
        if arguments.json:  # at once, because it takes a while to remove so many files
            document = {"machine": machine(), "pairs": arguments.pairs, "flat": arguments.flat, "commands": found}
            arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def make_pictures(place: Path, count: int, per_folder: int) -> None:
    """Make pictures of both sides under many names."""
    rng = np.random.default_rng(7)
    for side, shape in (("ir", (8, 8)), ("vi", (8, 8, 3))):
        first = place
        for number in range(count):
            path = place / side / f"{number // per_folder:04}" / f"frame_{number:07}.png"
            if number % per_folder == 0:
                path.parent.mkdir(parents=True)
            if number % LINKS:
                path.hardlink_to(first)
            else:
                first = path
                images.write(path, rng.integers(0, 255, shape, np.uint8))


def measured(command: str, few: Path, many: Path, pairs: int) -> dict[str, float]:
    """Run a command on few and on many pairs, and return what each pair costs, and a million."""
    small, large = (run_apart(command.format(place).split()) for place in (few, many))
    difference = pairs - pairs // 5
    nbytes = (large["peak MB"] - small["peak MB"]) * 2**20 / difference
    seconds = (large["processor s"] - small["processor s"]) / difference
    return {
        **large,
        "bytes a pair": nbytes,
        "processor ms a pair": 1000 * seconds,
        "MB at a million": large["peak MB"] + nbytes * (MILLION - pairs) / 2**20,
    }


def described(found: dict[str, float]) -> str:
    """Return figures in words."""
    return (
        f"peak {found['peak MB']:.0f} MB, {found['bytes a pair']:.0f} bytes and {found['processor ms a pair']:.3f} ms "
        f"of a processor a pair; a million: {found['MB at a million']:.0f} MB"
    )


def run_apart(words: Sequence[str]) -> dict[str, float]:
    """Run a command in a process of its own."""
    code = "import sys, memory; memory.run(sys.argv[1:])"
    # The workers of a cluster import this file, too.
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, env=environment, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run(words: list[str]) -> None:
    """Run a command without its work on pictures, and print as JSON what this process took."""
    from mmdrfuse.cli import main as command

    folder.fuse_pair = made_up_entry
    score.score_one = made_up_scores
    command(words, standalone_mode=False)
    times = os.times()
    print(json.dumps({"peak MB": peak_memory(), "processor s": times.user + times.system}))


def made_up_entry(choices: Choices, out: Path, pair: Pair) -> Entry:
    """Return what `folder.fuse_pair` returns, without fusing."""
    target = choices.target(pair, out)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.hardlink_to(pair.visible)
    return Entry(
        target.relative_to(out).as_posix(), manifest.relative(pair.infrared, out), manifest.relative(pair.visible, out),
        folder.sha256(pair.infrared), folder.sha256(pair.visible), 8, 8, choices.fuser.range, (0.1, 0.9), True,
        "scenes", choices.checkpoint.sha256, "0.1.0", 0.0123, "2026-11-26T06:00:00+00:00", (8, 8), (8, 8),
        preparation=pair.preparation, nbytes=target.stat().st_size, selection=choices.selection,
    )  # fmt: skip


def made_up_scores(candidate: Candidate, *, metrics: Sequence[str], protocol: str) -> dict[str, float]:
    """Return what `score.score_one` returns, without scoring."""
    number = float(candidate.pair.name.rpartition("_")[2])
    return {metric: number % (place + 7) / 7 for place, metric in enumerate(metrics)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--flat", action="store_true", help="all pictures of a side in one folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("words", nargs="*", help="only the commands with these words, after fuse")
    return parser.parse_args()


if __name__ == "__main__":
    main()
