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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.pipeline.fusion import Fuser
from pairs import DATA, HOLD_OUT, MEDICAL, METRICS, SCENES, means, unseen

HERE = Path(__file__).parent
MADE_UP = "made-up scenes"
"""Stands for the pictures that ``mmdrfuse demo`` makes."""

HELD = f" --hold-out {HOLD_OUT}"
FIDELITY = " --threads 1 --features none --weight fidelity=1"
ALONE = FIDELITY + "".join(f" --weight {term}=0" for term in ("distillation", "perception", "structure", "detail"))
"""Without a teacher."""


@dataclass(frozen=True)
class Plan:
    """How weights are made: the options of each command, by its name."""

    sets: tuple[str, ...]
    """What is trained on."""
    prepare: str
    teach: str = ""
    """For a teacher, which is neither distilled nor refined."""
    distill: str = ""
    refine: str = ""
    groups: tuple[str, ...] = ()
    """What is refined on, where the order of the sets is another: other lights are drawn from the first."""
    seed: int = 0
    """Of what is shipped: of those tried, the one that came closest to its goals on its own groups."""
    scored_on: tuple[str, ...] = SCENES
    shipped: bool = True


PLANS = {
    "ivif": Plan(
        ("LLVIP", "RoadScene"),
        prepare=f"--stride 256{HELD}",
        distill=f"--epochs 5 --batch 8{ALONE}",
        refine=f"--lights haze,night --pictures 24 --size 320 --steps 250 --rounds 8{HELD}",
        groups=("RoadScene", "LLVIP"),
        seed=2,
    ),
    "medical": Plan(
        MEDICAL,
        prepare=f"--stride 64 --per-pair 2{HELD}",
        distill=f"--epochs 6 --batch 8{ALONE}",
        refine=f"--pictures 16 --size 256 --steps 0 --rounds 14{HELD}",
        scored_on=MEDICAL,
    ),
    "teacher": Plan(
        ("LLVIP", "RoadScene"),
        prepare=f"--stride 256{HELD}",
        teach=f"--epochs 8 --batch 4 --rate 1e-3{FIDELITY}",
    ),
    "ivif-clean": Plan(
        (MADE_UP,),
        prepare="--stride 256 --exposures 3",
        distill=f"--epochs 4 --batch 8{ALONE}",
        refine="--lights haze,night,day --pictures 16 --size 320 --steps 200 --rounds 6",
        shipped=False,
    ),
}
"""By name of the weights. ``ivif-clean`` carries no set's licence, but is too far behind on RoadScene to be shipped."""

Command = list[str | Path]


def main() -> None:
    """Run the commands, and ship or compare."""
    arguments = _arguments()
    for name in arguments.only.split(","):
        seeds = [PLANS[name].seed] if arguments.seeds is None else range(arguments.seeds)
        made = [_run(_steps(name, arguments.folder, seed)) for seed in seeds]
        if arguments.seeds is None and PLANS[name].shipped:
            subprocess.run([sys.executable, HERE / "ship.py", made[0], name], check=True)
        else:
            _compare(name, made)


def _steps(name: str, folder: Path, seed: int) -> Iterator[tuple[Path, Command]]:
    """Give the commands that make the weights, each with what it makes; the last one makes the weights."""
    plan, scenes = PLANS[name], folder / "scenes"
    patches, run = folder / f"{name}.h5", folder / f"{name}-{seed}"
    refined, chosen = folder / f"{name}-{seed}.safetensors", ["--seed", str(seed)]

    def sources(sets: tuple[str, ...]) -> list[Path]:
        return [scenes if one == MADE_UP else DATA / one for one in sets]

    if MADE_UP in plan.sets:
        yield scenes, ["demo", scenes, "--pairs", "96", "--seed", "1"]
    yield patches, ["prepare", *sources(plan.sets), patches, *plan.prepare.split()]
    if plan.teach:
        yield run / "teacher.safetensors", ["teach", patches, "-o", run, *plan.teach.split(), *chosen]
        return
    student = run / "student.safetensors"
    yield student, ["distill", patches, "-o", run, *plan.distill.split(), *chosen]
    goals = ["--goals", HERE / f"goals-{name}.json", "--threads", "1"]
    groups = sources(plan.groups or plan.sets)
    yield refined, ["refine", student, *groups, "-o", refined, *goals, *plan.refine.split(), *chosen]


def _compare(name: str, students: list[Path]) -> None:
    for dataset in PLANS[name].scored_on:
        pairs, fusers = unseen(dataset), [Fuser(make(models.read(student))) for student in students]
        rows = np.array([list(means(fuser, pairs).values()) for fuser in fusers])
        spreads = [f" ± {spread:.2g}" for spread in rows.std(axis=0, ddof=1)] if len(rows) > 1 else [""] * len(METRICS)
        columns = zip(METRICS, rows.mean(axis=0), spreads, strict=True)
        print(f"{name}, {dataset}: {'  '.join(f'{metric} {mean:.4g}{spread}' for metric, mean, spread in columns)}")


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
    parser.add_argument("--only", default=",".join(PLANS), help="which weights")
    parser.add_argument("--seeds", type=int, help="train with seeds 0..N-1 and compare")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
