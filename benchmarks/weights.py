"""Train the shipped weights again, or one of them with several seeds.

    python benchmarks/weights.py [--only NAME,NAME] [--folder runs]
    python benchmarks/weights.py --only scenes --seeds 3

Needs the real pairs in ../shared. The first form ends by replacing the shipped files (`ship.py`); the second ships
nothing and prints mean ± standard deviation of every score over the seeds, on the pairs that no training saw. Every
step is a command of the suite, printed before it runs; a step whose result is there is not done again. What the steps
are is in the shipped recipes, ``mmdrfuse/recipes/NAME.yaml``.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from ship import TITLES

from mmdrfuse import models, recipes
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from pairs import DATA, MEDICAL, METRICS, SCENES, held_out_pairs, means

HERE = Path(__file__).parent
NAMES = tuple(name for name in recipes.names() if recipes.plan(name).sets)
"""Weights that a recipe says how to make, from their sets to the end; those without a title are not shipped."""

EXACT = ("--threads", "1")
"""With one thread, sums have one order, and weights are the same to the bit."""

Command = list[str | Path]


def main() -> None:
    """Run the commands, and ship or compare."""
    arguments = _arguments()
    for name in arguments.only.split(","):
        seeds = [_seed(name)] if arguments.seeds is None else range(arguments.seeds)
        made = [_run(steps(name, arguments.folder, seed)) for seed in seeds]
        if arguments.seeds is None and name in TITLES:
            subprocess.run([sys.executable, HERE / "ship.py", made[0], name], check=True)
        else:
            _compare(name, made)


def steps(name: str, folder: Path, seed: int) -> Iterator[tuple[Path, Command]]:
    """Yield the commands that make the weights, each with what it makes; the last one makes the weights."""
    plan, scenes = recipes.plan(name), folder / "scenes"
    patches, run, refined = folder / f"{name}.h5", folder / f"{name}-{seed}", folder / f"{name}-{seed}.safetensors"
    chosen = ["--recipe", name, "--seed", str(seed), *EXACT]

    def sources(sets: Sequence[str]) -> list[Path]:
        return [scenes if plan.others["demo"] and one == scenes.name else DATA / one for one in sets]

    if plan.others["demo"]:
        yield scenes, ["demo", scenes, *_options(plan.others["demo"])]
    if plan.student:
        yield refined, ["refine", plan.student, *sources(plan.sets), "-o", refined, *chosen]
        return
    yield patches, ["prepare", *sources(plan.sets), patches, *_options(plan.others["prepare"])]
    if plan.network == "teacher":
        yield run / "teacher.safetensors", ["teach", patches, "-o", run, *chosen]
        return
    student = run / "student.safetensors"
    yield student, ["distill", patches, "-o", run, *chosen]
    yield refined, ["refine", student, *sources(plan.sets), "-o", refined, *chosen]


def _options(values: Mapping[str, object]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def _seed(name: str) -> int:
    """Return the seed of what is shipped."""
    return recipes.recipe(name, recipes.plan(name).network or "student").seed


def _compare(name: str, students: list[Path]) -> None:
    for dataset in MEDICAL if set(recipes.plan(name).sets) == set(MEDICAL) else SCENES:
        pairs, fusers = held_out_pairs(dataset), [_fuser(models.read(student)) for student in students]
        rows = np.array([list(means(fuser, pairs).values()) for fuser in fusers])
        spreads = [f" ± {spread:.2g}" for spread in rows.std(axis=0, ddof=1)] if len(rows) > 1 else [""] * len(METRICS)
        columns = zip(METRICS, rows.mean(axis=0), spreads, strict=True)
        print(f"{name}, {dataset}: {'  '.join(f'{metric} {mean:.4g}{spread}' for metric, mean, spread in columns)}")


def _fuser(weights: Checkpoint) -> Fuser:
    return Fuser(make(weights), range_for(weights, "auto"))


def _run(commands: Iterator[tuple[Path, Command]]) -> Path:
    """Run the commands whose results are missing; return the last result."""
    for result, command in commands:
        if not result.exists():
            words = [str(word) for word in command]
            print(f"$ mmdrfuse {shlex.join(words)}", flush=True)
            subprocess.run([sys.executable, "-m", "mmdrfuse", *words], check=True)
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help="which weights")
    parser.add_argument("--seeds", type=int, help="train with seeds 0..N-1 and compare")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
