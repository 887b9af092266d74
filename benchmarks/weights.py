"""Train the shipped weights again, or one of them with several seeds.

    python benchmarks/weights.py [--only NAME,NAME] [--folder runs]
    python benchmarks/weights.py --only ivif --seeds 5

Needs the real pairs in ../shared. The first form ends by replacing the shipped files (`ship.py`); the second ships
nothing and prints mean ± standard deviation of every score over the seeds, on the pairs that no training saw. Every
step is a command of the suite, printed before it runs; a step whose result is there is not done again.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.pipeline.fusion import Fuser
from pairs import DATA, HOLD_OUT, MEDICAL, METRICS, SCENES, means, unseen

HERE = Path(__file__).parent
SETS = {"ivif": ("LLVIP", "RoadScene"), "medical": MEDICAL}
"""What each student is trained on."""

EPOCHS = {"ivif": "5", "medical": "6"}

PATCHES = {"ivif": ["--stride", "256"], "medical": ["--stride", "64", "--per-pair", "2"]}
TRAINING = [
    "--batch", "8", "--threads", "1", "--features", "none", "--weight", "fidelity=1",
    *(f"--weight={term}=0" for term in ("distillation", "perception", "structure", "detail")),
]  # fmt: skip
REFINING = {"medical": ["--size", "256", "--pictures", "16", "--steps", "0", "--rounds", "14"]}
"""Options of each step. ``ivif`` is not refined: what that gained on LLVIP and RoadScene it lost on darker pictures."""

Command = list[str | Path]


def main() -> None:
    """Run the commands, and ship or compare."""
    arguments = _arguments()
    for name in arguments.only.split(","):
        made = [_run(_steps(name, arguments.folder, seed)) for seed in range(arguments.seeds or 1)]
        if arguments.seeds is None:
            subprocess.run([sys.executable, HERE / "ship.py", made[0], name], check=True)
        else:
            _compare(name, made)


def _steps(name: str, folder: Path, seed: int) -> Iterator[tuple[Path, Command]]:
    """Give the commands that make the weights, each with what it makes; the last one makes the weights."""
    sources = [DATA / one for one in SETS[name]]
    patches, run = folder / f"{name}.h5", folder / f"{name}-{seed}"
    refined, student = folder / f"{name}-{seed}.safetensors", run / "student.safetensors"
    held, chosen = ["--hold-out", str(HOLD_OUT)], ["--seed", str(seed)]
    yield patches, ["prepare", *sources, patches, *PATCHES[name], *held]
    yield student, ["distill", patches, "-o", run, "--epochs", EPOCHS[name], *TRAINING, *chosen]
    if name in REFINING:
        goals = ["--goals", HERE / f"goals-{name}.json", "--threads", "1"]
        yield refined, ["refine", student, *sources, "-o", refined, *goals, *REFINING[name], *held, *chosen]


def _compare(name: str, students: list[Path]) -> None:
    for dataset in MEDICAL if name == "medical" else SCENES:
        pairs, fusers = unseen(dataset), [Fuser(make(models.read(student))) for student in students]
        rows = np.array([list(means(fuser, pairs).values()) for fuser in fusers])
        columns = zip(METRICS, rows.mean(axis=0), rows.std(axis=0, ddof=1), strict=True)
        cells = "  ".join(f"{metric} {mean:.4g} ± {spread:.2g}" for metric, mean, spread in columns)
        print(f"{name}, {dataset}: {cells}")


def _run(steps: Iterator[tuple[Path, Command]]) -> Path:
    """Run the commands whose results are missing; give the last result."""
    for result, command in steps:
        if not result.exists():
            words = [str(word) for word in command]
            print(f"$ mmdrfuse {shlex.join(words)}", flush=True)
            subprocess.run([sys.executable, "-m", "mmdrfuse", *words], check=True)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SETS), help="which weights")
    parser.add_argument("--seeds", type=int, help="train with seeds 0..N-1 and compare")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
