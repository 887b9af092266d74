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
from mmdrfuse.pipeline.ordered import unfailing
from mmdrfuse.pipeline.scoring import Candidate, score
from pairs import DATA, HOLD_OUT, MEDICAL, SCENES, unseen

HERE = Path(__file__).parent
METRICS = ("SD", "SCD", "VIF", "Qabf", "SSIM", "CC")
NAMES = ("teacher", "ivif", "ivif-clean", "medical")

Command = list[str | Path]


def main() -> None:
    """Run the commands, and ship or compare."""
    arguments = _arguments()
    folder, names = arguments.folder, arguments.only.split(",")
    if arguments.seeds is None:
        for name in names:
            made = _run(_recipe(name, folder, seed=0))
            subprocess.run([sys.executable, HERE / "ship.py", made, name], check=True)
        return
    for name in names:
        students = [_run(_recipe(name, folder, seed=seed)) for seed in range(arguments.seeds)]
        for dataset in MEDICAL if name == "medical" else SCENES:
            rows = np.array([_scores(student, dataset) for student in students])
            pairs = zip(METRICS, rows.mean(axis=0), rows.std(axis=0, ddof=1), strict=True)
            print(f"{name}, {dataset}: " + "  ".join(f"{metric} {mean:.4g} ± {spread:.2g}" for metric, mean, spread in pairs))


def _recipe(name: str, folder: Path, *, seed: int) -> Iterator[tuple[Path, Command]]:
    """Give the commands that make the weights, each with what it makes; the last one makes the weights."""
    scenes, medical = [DATA / "LLVIP", DATA / "RoadScene"], [DATA / one for one in MEDICAL]
    teacher = folder / "teacher" / "teacher.safetensors"
    patches = folder / "patches.h5"
    held = ["--hold-out", str(HOLD_OUT)]
    if name in ("teacher", "ivif"):
        yield patches, ["prepare", *scenes, patches, "--stride", "256", *held]
        yield teacher, ["teach", patches, "-o", teacher.parent, "--epochs", "4", "--batch", "4", "--weight", "fidelity=1"]


def _run(steps: Iterator[tuple[Path, Command]]) -> Path:
    """Run the commands whose results are missing; give the last result."""
    for result, command in steps:
        if not result.exists():
            words = [str(word) for word in command]
            print(f"$ mmdrfuse {shlex.join(words)}", flush=True)
            subprocess.run([sys.executable, "-m", "mmdrfuse", *words], check=True)
    return result


def _scores(student: Path, dataset: str) -> list[float]:
    fuser = Fuser(make(models.read(student)))
    candidates = [Candidate("ours", pair, fuser) for pair in unseen(dataset)]
    found = [result for _, result in unfailing(score(candidates, metrics=METRICS, protocol="cddfuse"))]
    return [float(np.mean([result[metric] for result in found])) for metric in METRICS]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help="which weights")
    parser.add_argument("--seeds", type=int, help="train with seeds 0..N-1 and compare")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
